"""How well people agree about pictures.

In: N ratings of one target and which picture (0..P-1) each is of. Out: intraclass
correlations, split-half reliability, and how each worker agrees with the others. Pure
NumPy in float64, SciPy for the F distribution.
"""

import dataclasses
import math

import numpy as np
from scipy import special

from emojax.evaluation.bootstrap import Interval
from emojax.utils import progress

_TAIL = 0.975  # of each side of a 95 % interval


@dataclasses.dataclass(frozen=True)
class Icc:
  """Intraclass correlation: the share of variance that lies between pictures.

  Attributes:
    single: of one person's rating.
    average: of the mean of `raters` ratings: the reliability of the mean.
    raters: of a picture; for unequal numbers the n0 of the analysis of variance.
  """

  single: Interval
  average: Interval
  raters: float


@dataclasses.dataclass(frozen=True)
class SplitHalf:
  """How the means of two random halves of the raters correlate.

  Attributes:
    halves: mean correlation over the splits.
    whole: the same after Spearman and Brown's correction to all raters; the bounds
      hold 95 % of the splits and say nothing about other pictures or other raters.
    pictures: how many have at least two ratings and so enter.
  """

  halves: float
  whole: Interval
  pictures: int


def icc_one_way(values: np.ndarray, image: np.ndarray) -> Icc | None:
  """ICC(1,1) and ICC(1,k), where pictures need not share raters.

  One-way analysis of variance with pictures as random effects. For unequal numbers of
  ratings n_i, k is n0 = (N - sum n_i^2 / N) / (P - 1). The interval is exact for normal
  ratings and equal numbers, and approximate otherwise.

  Args:
    values: (N,) ratings.
    image: (N,) int, the picture of each.
  Returns:
    `Icc`, or None where it is not defined: fewer than two pictures, no picture with two
    ratings, or ratings that do not vary.
  Source: Shrout and Fleiss, Psychological Bulletin 86(2), 1979, pages 421 to 424; n0:
    Snedecor and Cochran, "Statistical Methods", 1967, section 10.16.
  """
  _, image, counts = np.unique(image, return_inverse=True, return_counts=True)
  number, images = len(values), len(counts)
  if images < 2 or number == images:
    return None
  centred = np.asarray(values, np.float64) - np.mean(values)
  means = np.bincount(image, centred) / counts
  between = float(counts @ means**2) / (images - 1)
  within = float(np.sum((centred - means[image]) ** 2)) / (number - images)
  if not _varies(between + within, values):
    return None
  n0 = (number - float(counts @ counts) / number) / (images - 1)
  single = (between - within) / (between + (n0 - 1) * within)
  if not _varies(within, values):  # everybody agrees
    return Icc(Interval(1.0, 1.0, 1.0), Interval(1.0, 1.0, 1.0), n0)
  ratio = between / within
  degrees = images - 1, number - images
  low = ratio / _quantile(*degrees)
  high = ratio * _quantile(*degrees[::-1])
  return Icc(
    Interval(single, (low - 1) / (low + n0 - 1), (high - 1) / (high + n0 - 1)),
    Interval(*(1 - 1 / f if f > 0 else -math.inf for f in (ratio, low, high))),
    n0,
  )


def icc_two_way(values: np.ndarray) -> Icc | None:
  """ICC(2,1) and ICC(2,k), where the same raters rated every picture.

  Absolute agreement with raters as random effects: that one rater is generally higher
  than another counts as disagreement, but is told from noise.

  Args:
    values: (P, k) ratings, a column a rater.
  Returns:
    `Icc`, or None where it is not defined: fewer than two pictures or raters, or
    ratings that do not vary beyond pictures and raters.
  Source: Shrout and Fleiss, as above, pages 423 to 425.
  """
  values = np.asarray(values, np.float64)
  n, k = values.shape
  if n < 2 or k < 2:
    return None
  centred = values - values.mean()
  of_image, of_rater = centred.mean(axis=1), centred.mean(axis=0)
  rest = centred - of_image[:, None] - of_rater[None, :]
  bms = k * float(of_image @ of_image) / (n - 1)
  jms = n * float(of_rater @ of_rater) / (k - 1)
  ems = float(np.sum(rest**2)) / ((n - 1) * (k - 1))
  if not _varies(ems, values):
    return None
  single = (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n)
  average = (bms - ems) / (bms + (jms - ems) / n)
  ratio = jms / ems
  part = n * (1 + (k - 1) * single) - k * single
  freedom = ((k - 1) * (n - 1) * (k * single * ratio + part) ** 2) / (
    (n - 1) * (k * single * ratio) ** 2 + part**2
  )
  up, down = _quantile(n - 1, freedom), _quantile(freedom, n - 1)
  others = k * jms + (k * n - k - n) * ems
  low = n * (bms - up * ems) / (up * others + n * bms)
  high = n * (down * bms - ems) / (others + n * down * bms)
  ends = [k * end / (1 + (k - 1) * end) for end in (low, high)]
  return Icc(Interval(single, low, high), Interval(average, *ends), float(k))


def split_half(
  values: np.ndarray,
  image: np.ndarray,
  splits: int,
  seed: int,
  show_progress: bool = False,
) -> SplitHalf | None:
  """Split-half reliability: each picture's raters fall into two random halves.

  Of an odd number of raters, chance says which half is the larger. The correlation r of
  the halves' means becomes 2 r / (1 + r), the reliability of the mean of all raters;
  with five it comes out about 0.01 too low, as halves of 2 and 3 are not equal.

  Args:
    values: (N,) ratings.
    image: (N,) int, the picture of each; those with one rating are left out.
    splits: how many times.
    seed: of the halves.
    show_progress: draw a bar.
  Returns:
    `SplitHalf`, or None where it is not defined: fewer than three pictures with two
    ratings, or halves that do not vary.
  Source: Spearman, and Brown, British Journal of Psychology 3(3), 1910.
  """
  values = np.asarray(values, np.float64)
  often = np.bincount(image)[image] > 1
  values = values[often] - values.mean() if often.any() else values[:0]
  _, image, counts = np.unique(image[often], return_inverse=True, return_counts=True)
  if len(counts) < 3:
    return None
  rng = np.random.default_rng(seed)
  starts = np.cumsum(counts) - counts
  correlations = []
  with progress.bar(splits, "split", show_progress, "split-half") as bar:
    for _ in range(splits):
      # A random order inside each picture, pictures one after another.
      shuffled = np.argsort(image + rng.random(len(image)))
      of = image[shuffled]
      place = np.arange(len(of)) - starts[of]
      size = (counts + rng.integers(0, 2, len(counts))) // 2
      first = place < size[of]
      sums = np.bincount(of[first], values[shuffled[first]], len(counts))
      rest = np.bincount(of[~first], values[shuffled[~first]], len(counts))
      r = correlation(sums / size, rest / (counts - size))
      if math.isfinite(r) and r > -1:
        correlations.append(r)
      bar.update()
  if not correlations:
    return None
  halves = np.array(correlations)
  whole = 2 * halves / (1 + halves)
  low, high = np.quantile(whole, [1 - _TAIL, _TAIL])
  spread = Interval(float(whole.mean()), float(low), float(high))
  return SplitHalf(float(halves.mean()), spread, len(counts))


def with_others(
  values: np.ndarray, image: np.ndarray, worker: np.ndarray, workers: int
) -> tuple[np.ndarray, np.ndarray]:
  """Each worker's correlation with the mean of the others on the same pictures.

  Args:
    values: (N,) ratings, at most one of a worker and a picture.
    image, worker: (N,) int, whose and of what each is.
    workers: W, how many there are.
  Returns:
    (W,) correlations, NaN where either side does not vary or fewer than three pictures
    are shared; (W,) int, the pictures that others rated too.
  """
  values = np.asarray(values, np.float64)
  values = values - values.mean() if len(values) else values
  counts, sums = np.bincount(image), np.bincount(image, values)
  shared = counts[image] > 1
  own, of, who = values[shared], image[shared], worker[shared]
  others = (sums[of] - own) / (counts[of] - 1)
  n = np.bincount(who, minlength=workers)
  least = np.maximum(n, 1)
  own = own - (np.bincount(who, own, workers) / least)[who]
  others = others - (np.bincount(who, others, workers) / least)[who]
  spread = np.bincount(who, own**2, workers), np.bincount(who, others**2, workers)
  floor = n * (1e-12 * max(1.0, float(np.max(np.abs(values), initial=0)))) ** 2
  is_defined = (n >= 3) & (spread[0] > floor) & (spread[1] > floor)
  r = np.full(workers, math.nan)
  joint = np.bincount(who, own * others, workers)
  r[is_defined] = joint[is_defined] / np.sqrt(
    spread[0][is_defined] * spread[1][is_defined]
  )
  return r, n


def correlation(first: np.ndarray, second: np.ndarray) -> float:
  """Pearson's r of two (P,) lists; NaN where either does not vary."""
  first, second = first - first.mean(), second - second.mean()
  spread = float(first @ first) * float(second @ second)
  return float(first @ second) / math.sqrt(spread) if spread > 1e-24 else math.nan


def _varies(variance: float, values: np.ndarray) -> bool:
  """Whether a variance is more than rounding noise."""
  return variance > (1e-12 * max(1.0, float(np.max(np.abs(values))))) ** 2


def _quantile(above: float, below: float) -> float:
  """The F value that 2.5 % exceed."""
  return float(special.fdtri(above, below, _TAIL))
