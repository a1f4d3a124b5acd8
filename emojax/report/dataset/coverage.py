"""How ratings spread over the valence-arousal plane. In: ratings. Out: plain numbers.

Pure NumPy in float64. The plane is 1..9 on both axes and is cut, as in the paper's
Figure 7, into 4 x 4 sections at 3, 5 and 7; a rating that lies on a cut belongs above.
"""

import dataclasses
import math

import numpy as np

from emojax.config import SCALE_MIDDLE
from emojax.evaluation import bootstrap

CUTS = (3, 5, 7)
_LEAST_FOR_CURVE = 4  # pictures: one more than the curve has coefficients


@dataclasses.dataclass(frozen=True)
class Spread:
  """One target's ratings: mean, standard deviation, lowest and highest, and quantiles.

  Attributes:
    low, high: the bounds of the middle 90 % of the pictures.
  """

  mean: float
  sd: float
  lowest: float
  low: float
  median: float
  high: float
  highest: float


@dataclasses.dataclass(frozen=True)
class Coverage:
  """Where in the plane the pictures lie.

  Attributes:
    counts: (4, 4) pictures of each section, rows from the lowest arousal up, columns
      from the lowest valence up.
    occupied: how many of the 16 sections have a picture.
    even_sections: in how many sections, equally filled, the pictures would be as mixed:
      e to the entropy of the shares; from 1, all in one section, to 16.
    quadrants: "low valence, high arousal" and so on -> share of the pictures.
  """

  counts: np.ndarray
  occupied: int
  even_sections: float
  quadrants: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Curve:
  """How arousal goes with valence.

  Attributes:
    r, low, high: linear correlation, and its 95 % interval over resampled pictures.
    linear_r2: share of arousal's variance that a straight line in valence explains.
    quadratic_r2: the share that a parabola explains.
    bend: the parabola's factor of squared valence; above 0 arousal is high at both ends
      of valence, the boomerang of most picture sets.
    turn: valence at the parabola's end, where arousal is lowest or highest.
    All NaN where fewer than four pictures or ratings that do not vary say nothing.
  """

  r: float
  low: float
  high: float
  linear_r2: float
  quadratic_r2: float
  bend: float
  turn: float


def spread(ratings: np.ndarray) -> Spread:
  """Of one target's (N,) ratings, N at least 1; the deviation is 0 for N = 1."""
  values = np.asarray(ratings, np.float64)
  low, median, high = (float(v) for v in np.quantile(values, (0.05, 0.5, 0.95)))
  return Spread(
    mean=float(values.mean()),
    sd=float(values.std(ddof=1)) if len(values) > 1 else 0.0,
    lowest=float(values.min()),
    low=low,
    median=median,
    high=high,
    highest=float(values.max()),
  )


def coverage(valence: np.ndarray, arousal: np.ndarray) -> Coverage:
  """Of (N,) ratings, N at least 1."""
  down, across = np.digitize(arousal, CUTS), np.digitize(valence, CUTS)
  counts = np.zeros((4, 4), int)
  np.add.at(counts, (down, across), 1)
  shares = counts[counts > 0] / counts.sum()
  names = ("low", "high")
  quadrants = {
    f"{names[v]} valence, {names[a]} arousal": float(
      np.mean(((valence >= SCALE_MIDDLE) == v) & ((arousal >= SCALE_MIDDLE) == a))
    )
    for a in (1, 0)
    for v in (0, 1)
  }
  return Coverage(
    counts=counts,
    occupied=int((counts > 0).sum()),
    even_sections=float(np.exp(-(shares * np.log(shares)).sum())),
    quadrants=quadrants,
  )


def curve(valence: np.ndarray, arousal: np.ndarray) -> Curve:
  """How arousal goes with valence in (N,) ratings; least squares."""
  x, y = np.asarray(valence, np.float64), np.asarray(arousal, np.float64)
  nothing = Curve(*[math.nan] * len(dataclasses.fields(Curve)))
  if len(x) < _LEAST_FOR_CURVE or np.ptp(y) == 0 or len(np.unique(x)) < 3:
    return nothing
  correlation = bootstrap.intervals(x, y)["pearson_r"]
  # Powers of numbers around 5 would be nearly the same column.
  centred = x - SCALE_MIDDLE
  table = np.stack([np.ones_like(x), centred, centred**2], axis=1)
  a, b, c = np.linalg.lstsq(table, y, rcond=None)[0]
  del a
  return Curve(
    r=correlation.value,
    low=correlation.low,
    high=correlation.high,
    linear_r2=_r2(table[:, :2], y),
    quadratic_r2=_r2(table, y),
    bend=float(c),
    turn=float(SCALE_MIDDLE - b / (2 * c)) if c else math.nan,
  )


def _r2(table: np.ndarray, y: np.ndarray) -> float:
  weights = np.linalg.lstsq(table, y, rcond=None)[0]
  return float(1 - np.var(y - table @ weights) / np.var(y))
