"""Which ratings count: the paper's rules, in a fixed order, each with its reason.

In: `Ratings` and settings. Out: for every rating the rule that dropped it, or none.

The order, in which a rating meets the first rule that drops it:

1. duplicate: the worker rated the picture before; the first rating stays.
2. over limit: the worker's ratings beyond the first 200.
3. low approval: the worker's approval rate is below 95 %.
4. flagged: the worker is flagged and `drop_flagged` is set. Flags are found once, on
   what the first three rules left, not again after each worker that goes.
5. too few raters: the picture has fewer than five ratings left.

"Before" and "first" are by time where every rating has one, else by the files' order.
"""

import dataclasses
import statistics

import numpy as np
import pandas as pd

from emojax.config import TARGETS
from emojax.raters import workers as rater_workers
from emojax.raters.config import RaterConfig
from emojax.raters.ratings import Ratings

BAD_ROW = "bad row"  # found while reading
DUPLICATE, OVER_LIMIT, LOW_APPROVAL = "duplicate", "over limit", "low approval"
FLAGGED, TOO_FEW = "flagged", "too few raters"
RULES = (BAD_ROW, DUPLICATE, OVER_LIMIT, LOW_APPROVAL, FLAGGED, TOO_FEW)


@dataclasses.dataclass(frozen=True)
class Verdict:
  """What became of N ratings by W workers of P pictures.

  Attributes:
    rules: (N,) the rule that dropped each; empty for those that count.
    reasons: (N,) the same in a sentence.
    workers: numbers and flags of the workers, on what rules 1 to 3 left.
    raters: (P,) int, ratings of each picture before rule 5.
    images_kept: (P,) bool.
  """

  rules: list[str]
  reasons: list[str]
  workers: rater_workers.Workers
  raters: np.ndarray
  images_kept: np.ndarray

  @property
  def is_kept(self) -> np.ndarray:
    """(N,) bool, ratings that count."""
    return np.array([not rule for rule in self.rules], bool)


def apply(table: Ratings, settings: RaterConfig) -> Verdict:
  """Follows the rules.

  Args:
    table: the ratings.
    settings: limits, checked.
  Returns:
    The verdict.
  """
  rules, reasons = [""] * len(table), [""] * len(table)
  remaining = np.ones(len(table), bool)

  def drop(row: int, rule: str, reason: str) -> None:
    rules[row], reasons[row], remaining[row] = rule, reason, False

  order = pd.Series(table.order())
  first = order.groupby([table.worker[order], table.image[order]]).transform("first")
  for row, before in zip(order, first, strict=True):
    if row != before:
      where = f"{table.files[before]}, line {table.lines[before]}"
      drop(row, DUPLICATE, f"the worker rated the picture in {where}")
  if settings.max_per_worker:
    order = order[remaining[order]]
    place = order.groupby(table.worker[order]).cumcount() + 1
    for row, number in zip(order, place, strict=True):
      if number > settings.max_per_worker:
        reason = f"the worker's rating {number} of at most {settings.max_per_worker}"
        drop(row, OVER_LIMIT, reason)
  for row in np.flatnonzero(
    remaining & (table.approval < settings.min_approval)
  ).tolist():
    rate = f"approval {table.approval[row]:g} %, at least {settings.min_approval:g} %"
    drop(row, LOW_APPROVAL, rate)
  workers = rater_workers.describe(table, remaining, settings)
  if settings.drop_flagged:
    for row in np.flatnonzero(remaining).tolist():
      if flags := workers.flags[table.worker[row]]:
        drop(row, FLAGGED, f"the worker {' and '.join(flags)}")
  raters = np.bincount(table.image[remaining], minlength=len(table.images))
  few = raters < settings.min_raters
  for row in np.flatnonzero(remaining & few[table.image]).tolist():
    number = raters[table.image[row]]
    reason = f"the picture has {number} of at least {settings.min_raters} raters"
    drop(row, TOO_FEW, reason)
  return Verdict(rules, reasons, workers, raters, ~few)


@dataclasses.dataclass(frozen=True)
class Images:
  """Mean ratings of P pictures; NaN where no rating, or for a spread only one, counts.

  Attributes:
    mean, sd: target -> (P,), sd with one degree of freedom less.
    raters: (P,) int.
    keywords: (P,) each picture's commonest, the first of equals; empty where none.
  """

  mean: dict[str, np.ndarray]
  sd: dict[str, np.ndarray]
  raters: np.ndarray
  keywords: list[str]


def images(table: Ratings, verdict: Verdict) -> Images:
  """Mean ratings over what rules 1 to 4 left, also of pictures with too few raters."""
  remaining = np.array([rule in ("", TOO_FEW) for rule in verdict.rules], bool)
  image, number = table.image[remaining], len(table.images)
  mean, sd = {}, {}
  for target in TARGETS:
    values = getattr(table, target)[remaining]
    mean[target], sd[target] = rater_workers.moments(values, image, number)
  words = pd.Series(table.keywords, dtype=object)[remaining]
  words = words[words != ""]
  # Of equally common ones the mode is the first.
  keywords = words.groupby(table.image[words.index]).agg(statistics.mode)
  keywords = keywords.reindex(range(number), fill_value="")
  return Images(mean, sd, verdict.raters, keywords.tolist())
