"""Prediction intervals that hold: how far off a prediction may be, from errors seen.

In: absolute errors of out-of-fold predictions, and how far each image lay from those
its network was trained on. Out: half-widths for new images, at any level.

Split conformal prediction in groups ("Mondrian"): the images seen are cut into the most
familiar, the middle and the least familiar third, and half an interval is the quantile
of the errors of the third that a new image falls into. Errors of five folds are pooled.
Sources: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei
and others, JASA 113(523), 2018.
"""

import math
from typing import Any, NamedTuple

import numpy as np

LEVEL = 0.9  # how probably a mean rating lies inside its interval, unless asked else
_GROUPS = 3
_LEAST_IN_GROUP = 50  # errors; with fewer images there are fewer groups


class Calibration(NamedTuple):
  """Errors that were seen; plain arrays, so that they can be stored.

  Attributes:
    distance: (N,) of each image from those its network was trained on, any unit.
    error: (N, T) absolute out-of-fold errors, points of the 1..9 scale; NaN where there
      is no prediction.
  """

  distance: np.ndarray
  error: np.ndarray


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


def out_of_fold(
  calibration: Calibration, fold: np.ndarray, level: float = LEVEL
) -> tuple[np.ndarray, list[dict[str, Any]]]:
  """How wide intervals are and how often they hold, each fold's by the other folds.

  Args:
    calibration: errors that were seen.
    fold: (N,) the fold of each image.
    level: between 0 and 1.
  Returns:
    (N, T) half-widths, NaN where nothing can be said, and for each target:
    `half_width`, their mean; `coverage`, the share of errors inside; `by_third`, the
    same of the most familiar, the middle and the least familiar images. NaN where no
    image has an interval.
  """
  inside, widths = coverage(calibration, fold, level)
  order = np.argsort(calibration.distance, kind="stable")
  summaries = []
  for errors, within, half in zip(calibration.error.T, inside.T, widths.T, strict=True):
    known = np.isfinite(errors) & np.isfinite(half)
    thirds = np.array_split(order[known[order]], _GROUPS)
    summaries.append(
      {
        "level": level,
        "half_width": _mean(half[known]),
        "coverage": _mean(within[known]),
        "by_third": [_mean(within[third]) for third in thirds],
      }
    )
  return np.where(np.isfinite(widths), widths, np.nan), summaries


def _mean(values: np.ndarray) -> float:
  return float(values.mean()) if len(values) else math.nan


def _of_target(
  distances: np.ndarray, errors: np.ndarray, distance: np.ndarray, level: float
) -> np.ndarray:
  """(B,) half-widths for one target."""
  has_both = np.isfinite(errors) & np.isfinite(distances)
  distances, errors = np.asarray(distances, np.float64)[has_both], errors[has_both]
  if not len(errors):
    return np.full(len(distance), np.inf)
  groups = max(1, min(_GROUPS, len(errors) // _LEAST_IN_GROUP))
  limits = np.quantile(distances, np.arange(1, groups) / groups)
  group_of_error = np.searchsorted(limits, distances)
  widths = np.full(groups, np.inf)
  for group in range(groups):
    inside = np.sort(errors[group_of_error == group])
    rank = math.ceil((len(inside) + 1) * level)
    if rank <= len(inside):
      widths[group] = inside[rank - 1]
  return widths[np.searchsorted(limits, distance)]
