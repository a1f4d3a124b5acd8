"""Prediction intervals that hold: how far off a prediction may be, from errors seen.

In: absolute errors of out-of-fold predictions, and how far each image lay from those
its network was trained on. Out: half-widths for new images, at any level.

Split conformal prediction with normalised scores: an error is divided by what is
typical at its image's distance, and the quantile of those scores times what is typical
at a new image's distance is half its interval. Errors of five folds are pooled
("CV+" without its worst case). Sources: Papadopoulos, Gammerman and Vovk, 2008; Lei and
others, JASA 113(523), 2018; Barber and others, Annals of Statistics 49(1), 2021.
"""

import math
from typing import NamedTuple

import numpy as np
import safetensors.numpy

_LEAST_SHARE = 0.5  # of the mean error: what is typical is never taken for less
_KNOWN = (0.02, 0.98)  # quantiles of distance: beyond them nothing was seen


class Calibration(NamedTuple):
  """Errors that were seen; plain arrays, so that they can be stored.

  Attributes:
    distance: (N,) of each image from those its network was trained on, any unit.
    error: (N, T) absolute out-of-fold errors, points of the 1..9 scale; NaN where there
      is no prediction.
  """

  distance: np.ndarray
  error: np.ndarray


def encode(calibration: Calibration, dtype: type = np.float32) -> bytes:
  """A calibration as the bytes of a safetensors file, its numbers of type `dtype`."""
  parts: dict[str, np.ndarray] = {
    k: np.ascontiguousarray(v, dtype) for k, v in calibration._asdict().items()
  }
  return safetensors.numpy.save(parts)


def decode(content: bytes) -> Calibration:
  """What `encode` wrote.

  Raises:
    SafetensorError, TypeError: it is something else.
  """
  return Calibration(**safetensors.numpy.load(content))


def half_widths(
  calibration: Calibration, distance: np.ndarray, level: float
) -> np.ndarray:
  """Half the width of intervals that hold with a probability of `level`.

  Args:
    calibration: errors that were seen.
    distance: (B,) of new images, in the calibration's unit.
    level: between 0 and 1.
  Returns:
    (B, T) points of the 1..9 scale; infinite where too few errors were seen to say
    anything at this level.
  """
  widths = [
    _of_target(calibration.distance, errors, np.asarray(distance, np.float64), level)
    for errors in np.asarray(calibration.error, np.float64).T
  ]
  return np.stack(widths, axis=1)


def coverage(
  calibration: Calibration, fold: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
  """Whether intervals hold, each fold's by the errors of the other folds.

  Args:
    calibration: errors that were seen.
    fold: (N,) the fold of each image.
    level: between 0 and 1.
  Returns:
    (N, T) bool, whether the rating lies inside, and (N, T) half-widths.
  """
  widths = np.zeros(np.shape(calibration.error))
  for number in np.unique(fold):
    inside = fold == number
    others = Calibration(*(part[~inside] for part in calibration))
    widths[inside] = half_widths(others, calibration.distance[inside], level)
  return np.asarray(calibration.error) <= widths, widths


def _of_target(
  seen: np.ndarray, errors: np.ndarray, distance: np.ndarray, level: float
) -> np.ndarray:
  """(B,) half-widths for one target."""
  known = np.isfinite(errors) & np.isfinite(seen)
  seen, errors = np.asarray(seen, np.float64)[known], errors[known]
  rank = math.ceil((len(errors) + 1) * level)
  if rank > len(errors):
    return np.full(len(distance), np.inf)
  typical = _typical(seen, errors)
  scores = np.sort(errors / typical(seen))
  return scores[rank - 1] * typical(distance)


def _typical(seen: np.ndarray, errors: np.ndarray):
  """The error that is typical at a distance: a line over its logarithm, bounded."""
  low, high = np.quantile(seen, _KNOWN)

  def place(distance: np.ndarray) -> np.ndarray:
    return np.log(np.clip(distance, low, high))

  mean = errors.mean()
  slope, intercept = 0.0, mean
  if low < high and mean > 0:
    slope, intercept = np.polyfit(place(seen), errors, 1)
  least = max(_LEAST_SHARE * mean, np.finfo(np.float64).tiny)
  return lambda distance: np.maximum(intercept + slope * place(distance), least)
