"""Single ratings: who found which picture how pleasant and how exciting.

In: CSV files with a row per worker and picture. Out: `Ratings`, columns as arrays, and
the rows that could not be used.
"""

import dataclasses
import datetime
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emojax.config import TARGETS
from emojax.datasets.va_emotion import ratings
from emojax.raters import rows as rater_rows
from emojax.raters.config import RaterConfig
from emojax.utils import errors, tables

NEEDED = ("worker", "image", *TARGETS)
# `previous` is the picture shown before, which the rating page records; it is not used.
OPTIONAL = ("seconds", "approval", "shown_at", "keyword", "previous")
# Where NA and the like stand for unknown.
_NUMBERS = (*TARGETS, "seconds", "approval", "shown_at")


class _Values(NamedTuple):
  """One row's cells as values; NaN where a number is not known."""

  worker: str
  image: str
  valence: float
  arousal: float
  seconds: float
  approval: float
  shown_at: float
  keyword: str


@dataclasses.dataclass(frozen=True)
class Ratings:
  """N ratings in the order of the files.

  Attributes:
    files: (N,) the file of each.
    lines: (N,) where in the file it begins.
    workers: W names, in the order in which they first come; like `images` also those
      that stand in bad rows alone.
    images: P picture ids, sorted.
    worker: (N,) int64 into `workers`.
    image: (N,) int64 into `images`.
    valence, arousal: (N,) float64 on `scale`.
    seconds: (N,) float64 time taken; NaN where not known.
    approval: (N,) float64 the worker's approval rate, percent; NaN where not known.
    shown_at: (N,) float64 seconds since 1970; NaN where not known.
    keywords: (N,) empty where not known.
    scale: lowest and highest possible rating.
  """

  files: Sequence[str]
  lines: Sequence[int]
  workers: Sequence[str]
  images: Sequence[str]
  worker: np.ndarray
  image: np.ndarray
  valence: np.ndarray
  arousal: np.ndarray
  seconds: np.ndarray
  approval: np.ndarray
  shown_at: np.ndarray
  keywords: Sequence[str]
  scale: tuple[float, float]

  def __len__(self) -> int:
    return len(self.lines)

  @property
  def is_timed(self) -> bool:
    """Whether every rating says when its picture was shown."""
    return len(self) > 0 and bool(np.isfinite(self.shown_at).all())

  def order(self) -> np.ndarray:
    """(N,) rows as they were made: by time if all have one, else as in the files."""
    if self.is_timed:
      return np.argsort(self.shown_at, kind="stable")
    return np.arange(len(self))


def read(
  paths: Sequence[pathlib.Path], settings: RaterConfig
) -> tuple[Ratings, list[rater_rows.BadRow]]:
  """Ratings from CSV files.

  Args:
    paths: files with the columns `NEEDED` and any of `OPTIONAL`: `seconds` is the time
      taken, `approval` a percentage, `shown_at` an ISO 8601 time (UTC where it names no
      zone).
    settings: the scale, columns to ignore, and whether bad rows are skipped.
  Returns:
    The ratings, and the rows that were skipped.
  Raises:
    TableError: see `rows.read` and `rows.sift`.
    UserError: approval rates look like shares, not percentages.
  """
  scale = ratings.check_scale(settings.rating_scale)
  rows = rater_rows.read(paths, NEEDED, OPTIONAL, settings.ignore_columns, _NUMBERS)

  def check(cells: Mapping[str, str]) -> rater_rows.Checked[_Values]:
    return _check(cells, scale)

  good, values, bad = rater_rows.sift(rows, check, settings.skip_bad_rows)
  named = [rater_rows.named(row.cells, []) for row in rows]
  workers = list(dict.fromkeys(worker for worker, _ in named if worker))
  images = sorted({image for _, image in named if rater_rows.is_image(image)})
  worker_of = {name: i for i, name in enumerate(workers)}
  image_of = {name: i for i, name in enumerate(images)}
  table = Ratings(
    files=[row.file for row in good],
    lines=[row.line for row in good],
    workers=workers,
    images=images,
    worker=np.array([worker_of[row.worker] for row in values], np.int64),
    image=np.array([image_of[row.image] for row in values], np.int64),
    valence=np.array([row.valence for row in values], np.float64),
    arousal=np.array([row.arousal for row in values], np.float64),
    seconds=np.array([row.seconds for row in values], np.float64),
    approval=np.array([row.approval for row in values], np.float64),
    shown_at=np.array([row.shown_at for row in values], np.float64),
    keywords=[row.keyword for row in values],
    scale=scale,
  )
  _check_approval(table.approval)
  return table, bad


def _check(
  cells: Mapping[str, str], scale: tuple[float, float]
) -> rater_rows.Checked[_Values]:
  problems: list[str] = []
  worker, image = rater_rows.named(cells, problems)
  numbers = dict.fromkeys(("seconds", "approval", "shown_at"), math.nan)
  for name, read_cell in (
    ("valence", lambda cell: _rating(cell, scale)),
    ("arousal", lambda cell: _rating(cell, scale)),
    ("seconds", _seconds),
    ("approval", _percent),
    ("shown_at", _time),
  ):
    cell = cells.get(name, "")
    if not cell and name not in TARGETS:
      continue
    try:
      numbers[name] = read_cell(cell)
    except ValueError as error:
      problems.append(f"column {name}: {error}")
  values = _Values(
    worker,
    image,
    numbers.get("valence", math.nan),
    numbers.get("arousal", math.nan),
    numbers["seconds"],
    numbers["approval"],
    numbers["shown_at"],
    cells.get("keyword", ""),
  )
  return values, problems


def _rating(cell: str, scale: tuple[float, float]) -> float:
  value = tables.number(cell)
  if not scale[0] <= value <= scale[1]:
    raise ValueError(
      f"expected a rating from {scale[0]:g} to {scale[1]:g} (--rating_scale), got "
      f"{value:g}"
    )
  return value


def _seconds(cell: str) -> float:
  value = tables.number(cell)
  if value < 0:
    raise ValueError(f"expected seconds, 0 or more, got {value:g}")
  return value


def _percent(cell: str) -> float:
  value = tables.number(cell.removesuffix("%").strip())
  if not 0 <= value <= 100:
    raise ValueError(f"expected percent, 0 to 100, got {value:g}")
  return value


def _time(cell: str) -> float:
  try:
    moment = datetime.datetime.fromisoformat(cell)
  except ValueError:
    raise ValueError(
      f"expected a time such as 2026-11-03T14:05:00Z, got {cell!r}"
    ) from None
  if moment.tzinfo is None:
    moment = moment.replace(tzinfo=datetime.UTC)
  return (moment - datetime.datetime.fromtimestamp(0, datetime.UTC)).total_seconds()


def _check_approval(approval: np.ndarray) -> None:
  """Refuses shares: every worker would fall below 95 percent, in silence."""
  rates = approval[np.isfinite(approval)]
  if rates.size and rates.max() <= 1:
    raise errors.UserError(
      f"column approval is in percent, 0 to 100, but its largest value is "
      f"{rates.max():g}, which looks like a share: multiply the column by 100"
    )
