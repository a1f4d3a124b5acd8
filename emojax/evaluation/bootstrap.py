"""How sure one may be of scores: intervals over pictures, differences, spread of runs.

In: predictions and ratings of the same pictures, (N,). Out: plain numbers. Everything
is seeded NumPy in float64. A picture is what is drawn again: intervals say how scores
would vary had other pictures of the same kind been rated, not how training varies; that
is the spread over seeds.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from emojax.evaluation import metrics

SCORES = ("mse", "r2", "pearson_r", "ccc")
_RESAMPLES = 2000
_LEVEL = 0.95
_NOISE = 1e-12  # of a variance, relative to the largest square
_AT_ONCE = 2**22  # numbers held at once while resampling


@dataclasses.dataclass(frozen=True)
class Interval:
  """A score and its 95 % interval; of scores, 95 % of their resamples lie in it."""

  value: float
  low: float
  high: float


@dataclasses.dataclass(frozen=True)
class Difference:
  """A score of one run less that of another on the same pictures.

  Attributes:
    value, low, high: the difference and its interval, resampling both runs' pictures
      together.
    share_better: share of resamples in which the first run is the better one.
  """

  value: float
  low: float
  high: float
  share_better: float

  @property
  def is_clear(self) -> bool:
    """Whether the interval leaves no difference out."""
    return self.low > 0 or self.high < 0


def intervals(
  predicted: np.ndarray, rated: np.ndarray, seed: int = 0
) -> dict[str, Interval]:
  """Percentile bootstrap intervals of a run's scores.

  Args:
    predicted, rated: (N,) on the same scale; N at least 2.
    seed: of the resampling.
  Returns:
    One `Interval` for each of `SCORES`.
  Raises:
    ValueError: see `metrics.score`.
  Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
  """
  scores = dataclasses.asdict(metrics.score(predicted, rated))
  drawn = _resampled(np.stack([predicted]), rated, seed)
  return {name: Interval(scores[name], *_bounds(drawn[name][0])) for name in SCORES}


def differences(
  first: np.ndarray, second: np.ndarray, rated: np.ndarray, seed: int = 0
) -> dict[str, Difference]:
  """By how much one run scores above another on the same pictures.

  Args:
    first, second: (N,) predictions of the two runs, picture by picture.
    rated: (N,) ratings.
    seed: of the resampling.
  Returns:
    One `Difference` for each of `SCORES`, first less second.
  Raises:
    ValueError: see `metrics.score`.
  """
  one, other = (
    dataclasses.asdict(metrics.score(said, rated)) for said in (first, second)
  )
  drawn = _resampled(np.stack([first, second]), rated, seed)
  found = {}
  for name in SCORES:
    differing = drawn[name][0] - drawn[name][1]
    better = differing < 0 if name == "mse" else differing > 0
    found[name] = Difference(
      one[name] - other[name], *_bounds(differing), float(np.mean(better))
    )
  return found


def text(one: Interval | Difference) -> str:
  """A value with its bounds, as tables show it."""
  return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def spread(values: Sequence[float]) -> tuple[float, float]:
  """Mean and sample standard deviation, of folds or seeds; 0 for a single one."""
  wide = np.asarray(values, np.float64)
  return float(wide.mean()), float(wide.std(ddof=1)) if len(wide) > 1 else 0.0


def _bounds(drawn: np.ndarray) -> tuple[float, float]:
  if np.isnan(drawn).all():  # as r of predictions that are all the same
    return math.nan, math.nan
  tail = (1 - _LEVEL) / 2
  low, high = np.nanquantile(drawn, [tail, 1 - tail])
  return float(low), float(high)


def _resampled(
  predicted: np.ndarray, rated: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
  """Scores of (R, N) predictions on resampled pictures: score -> (R, resamples).

  A resample is how often each picture was drawn, so every sum is a matrix product. A
  resample in which nothing varies gives NaN.
  """
  predicted, rated = np.asarray(predicted, np.float64), np.asarray(rated, np.float64)
  number = len(rated)
  rng = np.random.default_rng(seed)
  # Around the mean: sums of squares of numbers near 5 would lose digits.
  centre = rated.mean()
  y, x = rated - centre, predicted - centre
  parts: dict[str, list[np.ndarray]] = {name: [] for name in SCORES}
  strip = max(1, _AT_ONCE // number)
  for start in range(0, _RESAMPLES, strip):
    count = min(strip, _RESAMPLES - start)
    weights = rng.multinomial(number, np.full(number, 1 / number), count) / number
    mean_y, mean_x = weights @ y, x @ weights.T
    variance = weights @ y**2 - mean_y**2
    spread_x = x**2 @ weights.T - mean_x**2
    covariance = (x * y) @ weights.T - mean_x * mean_y
    mse = (x - y) ** 2 @ weights.T
    # What is left of the variance of a resample of equal values is rounding noise.
    y_varies = variance > _NOISE * np.max(y**2)
    both_vary = y_varies & (spread_x > _NOISE * np.max(x**2, axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
      parts["mse"].append(mse)
      parts["r2"].append(np.where(y_varies, 1 - mse / variance, np.nan))
      r = covariance / np.sqrt(variance * spread_x)
      parts["pearson_r"].append(np.where(both_vary, r, np.nan))
      shift = (mean_x - mean_y) ** 2
      parts["ccc"].append(2 * covariance / (variance + spread_x + shift))
  return {name: np.concatenate(blocks, axis=1) for name, blocks in parts.items()}
