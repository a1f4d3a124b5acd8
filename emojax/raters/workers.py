"""What each worker did, and which workers should be looked at.

In: `Ratings` and which of them count. Out: `Workers`, one entry a worker, with flags.
"""

import dataclasses
import math
import warnings

import numpy as np
import pandas as pd

from emojax.config import TARGETS
from emojax.raters import agreement as rater_agreement
from emojax.raters.config import RaterConfig
from emojax.raters.ratings import Ratings

STRAIGHT, DISAGREES, FAST = "straight-lines", "disagrees", "too fast"


@dataclasses.dataclass(frozen=True)
class Workers:
  """W workers, in the order of `Ratings.workers`; NaN where a number is not defined.

  Attributes:
    counted: (W,) int, ratings that these numbers are about.
    mean, sd: target -> (W,), sd with one degree of freedom less.
    agreement: target -> (W,) correlation with the mean of the others.
    shared: (W,) int, pictures that others rated too.
    modal_share: (W,) share of the commonest pair of ratings.
    median_seconds: (W,) over the ratings that say.
    flags: (W,) what is remarkable about each, in words of this module.
  """

  counted: np.ndarray
  mean: dict[str, np.ndarray]
  sd: dict[str, np.ndarray]
  agreement: dict[str, np.ndarray]
  shared: np.ndarray
  modal_share: np.ndarray
  median_seconds: np.ndarray
  flags: list[list[str]]

  def mean_agreement(self) -> np.ndarray:
    """(W,) mean of the targets' correlations, of those that are defined."""
    both = np.stack([self.agreement[target] for target in TARGETS])
    with warnings.catch_warnings():  # a worker may have neither
      warnings.simplefilter("ignore", RuntimeWarning)
      return np.nanmean(both, axis=0)


def describe(table: Ratings, counts: np.ndarray, settings: RaterConfig) -> Workers:
  """Numbers and flags of every worker.

  Args:
    table: the ratings.
    counts: (N,) bool, which of them count.
    settings: from where on a worker is flagged. Nobody is who has fewer ratings than
      `flag_min_ratings`; disagreement needs as many pictures shared with others, and
      speed as many times.
  """
  number = len(table.workers)
  worker, image = table.worker[counts], table.image[counts]
  total = np.bincount(worker, minlength=number)
  mean, sd, agreement = {}, {}, {}
  shared = np.zeros(number, np.int64)
  for target in TARGETS:
    values = getattr(table, target)[counts]
    mean[target], sd[target] = moments(values, worker, number)
    agreement[target], shared = rater_agreement.with_others(
      values, image, worker, number
    )
  answers = pd.DataFrame(
    {name: getattr(table, name)[counts] for name in (*TARGETS, "seconds")}
  ).groupby(worker)
  shares = answers.value_counts([*TARGETS], normalize=True)
  columns = {
    "modal_share": shares.groupby(level=0).max(),
    "median_seconds": answers["seconds"].median(),
    "timed": answers["seconds"].count(),
  }
  numbers = pd.DataFrame(columns, index=range(number))  # NaN where nothing counts
  workers = Workers(
    counted=total,
    mean=mean,
    sd=sd,
    agreement=agreement,
    shared=shared,
    modal_share=numbers["modal_share"].to_numpy(),
    median_seconds=numbers["median_seconds"].to_numpy(),
    flags=[[] for _ in range(number)],
  )
  least = settings.flag_min_ratings
  # Comparisons with NaN are false: nobody is flagged for what is not known.
  is_straight = workers.modal_share >= settings.straight_line_share
  disagrees = workers.mean_agreement() < settings.min_agreement
  is_fast = workers.median_seconds < settings.min_median_seconds
  for flag, is_so in (
    (STRAIGHT, (total >= least) & is_straight),
    (DISAGREES, (shared >= least) & disagrees),
    (FAST, (numbers["timed"].to_numpy() >= least) & is_fast),
  ):
    for i in np.flatnonzero(is_so):
      workers.flags[i].append(flag)
  return workers


def moments(
  values: np.ndarray, group: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
  """Mean and sample standard deviation of every group's values.

  Args:
    values: (N,) numbers.
    group: (N,) int, the group of each.
    number: of groups.
  Returns:
    Two (groups,) arrays; NaN for the mean of none and the spread of one.
  """
  n = np.bincount(group, minlength=number)
  mean = np.full(number, math.nan)
  np.divide(np.bincount(group, values, number), n, out=mean, where=n > 0)
  squares = np.bincount(group, (values - mean[group]) ** 2, number)
  sd = np.full(number, math.nan)
  np.divide(squares, n - 1, out=sd, where=n > 1)
  return mean, np.sqrt(sd)
