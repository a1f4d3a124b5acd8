"""How sure one may be of scores: intervals over pictures, differences, spread of runs.

In: predictions and ratings of the same pictures, (N,). Out: plain numbers. Everything
is seeded NumPy in float64. A picture is what is drawn again: intervals say how scores
would vary had other pictures of the same kind been rated, not how training varies; that
is the spread over seeds.
"""

import dataclasses
import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

from emojax.evaluation import metrics

SCORES = ("mse", "r2", "pearson_r", "ccc")
_RESAMPLES = 2000
_LEVEL = 0.95
_AT_ONCE = 2**16  # numbers resampled at once: few enough to stay in the cache


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
    """Whether the interval does not hold 0, no difference."""
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
  drawn = _resampled(predicted, rated, seed=seed)
  return {name: Interval(scores[name], *_bounds(drawn[name])) for name in SCORES}


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
  first_scores, second_scores = (
    dataclasses.asdict(metrics.score(predicted, rated)) for predicted in (first, second)
  )
  by_score = {}
  for name, differing in _resampled(first, second, rated, seed=seed).items():
    better = differing < 0 if name == "mse" else differing > 0
    by_score[name] = Difference(
      first_scores[name] - second_scores[name],
      *_bounds(differing),
      float(np.mean(better)),
    )
  return by_score


def text(estimate: Interval | Difference) -> str:
  """A value with its bounds, as tables show it."""
  return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


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


def _resampled(*values: np.ndarray, seed: int) -> dict[str, np.ndarray]:
  """Scores of resampled images: score -> (resamples,); NaN where nothing varies.

  Args:
    values: a run's (N,) predictions and the ratings; with a second run's predictions
      between them, the first run's scores less the second's.
    seed: of the resampling.
  """

  def scores(*drawn: np.ndarray, axis: int) -> np.ndarray:
    del axis  # the last
    *runs, rated = drawn
    first, *others = (
      np.stack([*metrics.along_rows(predicted, rated).values()]) for predicted in runs
    )
    return first - others[0] if others else first

  with warnings.catch_warnings():
    # scipy's own bounds are NaN where one resample's score is; `_bounds` leaves it out.
    warnings.simplefilter("ignore", stats.DegenerateDataWarning)
    bootstrapped = stats.bootstrap(
      [np.asarray(array, np.float64) for array in values],
      scores,
      n_resamples=_RESAMPLES,
      batch=max(1, _AT_ONCE // len(values[0])),
      vectorized=True,
      paired=True,
      method="percentile",
      rng=np.random.default_rng(seed),
    )
  return dict(zip(SCORES, bootstrapped.bootstrap_distribution, strict=True))
