"""Single ratings: who found which picture how pleasant and how exciting.

In: CSV files with a row per worker and picture. Out: `Ratings`, columns as arrays, and
the rows that could not be used.
"""

import collections
import contextlib
import dataclasses
import datetime
import math
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emojax.config import SCALE, TARGETS
from emojax.datasets.va_emotion import scale_inference
from emojax.raters import rows as rater_rows
from emojax.raters import spellings
from emojax.raters.config import RaterConfig
from emojax.utils import errors, tables
from emojax.utils import scales as scale_lib

NEEDED = ("worker", "image", *TARGETS)
# `previous` is the picture shown before, which the rating page records; it is not used.
OPTIONAL = ("seconds", "approval", "shown_at", "keyword", "previous")
# Where NA and the like stand for unknown.
_NUMBERS = (*TARGETS, "seconds", "approval", "shown_at")
# A file of the rating page, see `page.js`: its columns, and moments as browsers have
# them. People choose from 1..9 there.
_PAGE_COLUMNS = (*NEEDED, "seconds", "shown_at")
_PAGE_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)

# An approval rate; platforms add how many tasks were approved of how many.
_RATE = re.compile(
  r"(?P<rate>\d+([.,]\d+)?)\s*%?(\s*\(\s*\d+\s*/\s*(?P<tasks>\d+)\s*\))?",
  re.ASCII,
)
_COUNTED_TIME = re.compile(r"[1-9]\d{8,9}(\.\d+)?|[1-9]\d{11,12}(\.\d+)?")
_LEAST_MS = 1e11  # of a time since 1970: as seconds it would lie after the year 5000
# A median of a hundred seconds a picture would be two hours for 70 pictures; with one
# of 50 ms nobody has seen them.
_LONG_SECONDS, _SHORT_MS = 100, 50
_FEWEST_TIMES = 3
# With so many answers, two steps at an end that nobody chose may not be on the scale.
_MANY, _UNUSED = 100, 2


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
    valence, arousal: (N,) float64, each on its scale.
    seconds: (N,) float64 time taken; NaN where not known.
    approval: (N,) float64 the worker's approval rate, percent; NaN where not known.
    shown_at: (N,) float64 seconds since 1970; NaN where not known.
    keywords: (N,) empty where not known.
    scales: target -> lowest and highest possible rating.
    notes: what was taken for granted to read the files, and what looks odd in them.
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
  scales: Mapping[str, scale_lib.Scale]
  notes: Sequence[str] = ()

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
      zone) or seconds or milliseconds since 1970.
    settings: the scales, columns to ignore, and whether bad rows are skipped.
  Returns:
    The ratings, and the rows that were skipped.
  Raises:
    TableError: see `rows.read`, `rows.sift` and `scale_inference.infer`.
    UserError: times look like milliseconds, or approval rates like shares.
  """
  stated = {t: scale_inference.from_settings(settings, t) for t in TARGETS}
  rows, assumed, headers = rater_rows.read(
    paths, NEEDED, OPTIONAL, settings.ignore_columns, _NUMBERS
  )
  others = _from_elsewhere(rows, headers)
  unsaid = [target for target, scale in stated.items() if scale is None]
  if unsaid and others:
    assumed.append(_inferred(others, unsaid))
  scales = {target: scale or SCALE for target, scale in stated.items()}

  def check(cells: Mapping[str, str]) -> rater_rows.Checked[_Values]:
    return _check(cells, scales)

  good, values, bad = rater_rows.sift(rows, check, settings.skip_bad_rows, OPTIONAL)
  named = [rater_rows.named(row.cells, []) for row in rows]
  workers = list(dict.fromkeys(worker for worker, _ in named if worker))
  images = sorted({image for _, image in named if rater_rows.is_image(image)})
  worker_of = {name: i for i, name in enumerate(workers)}
  image_of = {name: i for i, name in enumerate(images)}
  valence = np.array([row.valence for row in values], np.float64)
  arousal = np.array([row.arousal for row in values], np.float64)
  seconds = np.array([row.seconds for row in values], np.float64)
  _check_units(good, seconds, settings.time_unit)
  table = Ratings(
    files=[row.file for row in good],
    lines=[row.line for row in good],
    workers=workers,
    images=images,
    worker=np.array([worker_of[row.worker] for row in values], np.int64),
    image=np.array([image_of[row.image] for row in values], np.int64),
    valence=valence,
    arousal=arousal,
    seconds=seconds / 1000 if settings.time_unit == "ms" else seconds,
    approval=np.array([row.approval for row in values], np.float64),
    shown_at=np.array([row.shown_at for row in values], np.float64),
    keywords=[row.keyword for row in values],
    scales=scales,
    notes=[
      *assumed,
      *spellings.questions(images, workers),
      *_narrow(scales, valence=valence, arousal=arousal),
    ],
  )
  return table, bad


def _check(
  cells: Mapping[str, str], scales: Mapping[str, scale_lib.Scale]
) -> rater_rows.Checked[_Values]:
  problems: list[rater_rows.Problem] = []
  worker, image = rater_rows.named(cells, problems)
  numbers = dict.fromkeys(("seconds", "approval", "shown_at"), math.nan)
  for name, read_cell in (
    ("valence", lambda cell: _rating(cell, "valence", scales)),
    ("arousal", lambda cell: _rating(cell, "arousal", scales)),
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
      problems.append(rater_rows.Problem(name, str(error)))
  values = _Values(
    worker,
    image,
    numbers.get("valence", math.nan),
    numbers.get("arousal", math.nan),
    numbers["seconds"],
    numbers["approval"],
    numbers["shown_at"],
    rater_rows.composed(cells.get("keyword", "")),
  )
  return values, problems


def _from_elsewhere(
  rows: Sequence[rater_rows.Row], headers: Mapping[str, tuple[str, ...]]
) -> list[rater_rows.Row]:
  """Rows of the files that are not the rating page's own."""
  files = {file for file, header in headers.items() if header != _PAGE_COLUMNS}
  files |= {row.file for row in rows if not _PAGE_MOMENT.fullmatch(_shown_at(row))}
  return [row for row in rows if row.file in files]


def _shown_at(row: rater_rows.Row) -> str:
  return row.cells.get("shown_at", "")


def _inferred(rows: Sequence[rater_rows.Row], targets: Sequence[str]) -> str:
  """A line that says that targets are taken to be on 1..9.

  Raises:
    TableError: they may be on another scale, see `scale_inference.infer`.
  """
  numbers: dict[str, list[float]] = {target: [] for target in targets}
  for row in rows:
    for target, values in numbers.items():
      with contextlib.suppress(ValueError):  # `_check` says what is wrong with the cell
        values.append(tables.number(row.cells[target]))
  try:
    scale_inference.infer({t: values for t, values in numbers.items() if values})
  except tables.TableError as error:
    files = tables.some(list(dict.fromkeys(row.file for row in rows)), ", ")
    raise tables.TableError(f"{files}: {error}") from None
  return f"Ratings of {' and '.join(targets)} came without a scale: read as on 1..9."


def _rating(cell: str, target: str, scales: Mapping[str, scale_lib.Scale]) -> float:
  value, (low, high) = tables.number(cell), scales[target]
  if not low <= value <= high:
    raise ValueError(
      f"expected a rating from {low:g} to {high:g} (--rating_scale or "
      f"--{target}_scale), got {value:g}"
    )
  return value


def _seconds(cell: str) -> float:
  value = tables.number(cell)
  if value < 0:
    raise ValueError(f"expected seconds, 0 or more, got {value:g}")
  return value


def _percent(cell: str) -> float:
  """An approval rate, as platforms write it; NaN where it stands on no work.

  97, 97 %, 97,5 %, and with the tasks counted 100% (31/31).
  """
  match = _RATE.fullmatch(cell)
  if match is None:
    raise ValueError(f"expected percent such as 97, 97 % or 97% (30/31), got {cell!r}")
  value = tables.number(match["rate"].replace(",", "."))
  if not 0 <= value <= 100:
    raise ValueError(f"expected percent, 0 to 100, got {value:g}")
  return math.nan if match["tasks"] and int(match["tasks"]) == 0 else value


def _time(cell: str) -> float:
  """A moment in seconds since 1970: ISO 8601, or that number itself, or in ms."""
  if _COUNTED_TIME.fullmatch(cell):
    value = float(cell)
    return value / 1000 if value >= _LEAST_MS else value
  try:
    if cell.isdigit() and len(cell) != len("20261103"):
      raise ValueError  # Python would take some of its digits for a date
    moment = datetime.datetime.fromisoformat(cell)
  except ValueError:
    raise ValueError(
      f"expected a time such as 2026-11-03T14:05:00Z, got {cell!r}"
    ) from None
  if moment.tzinfo is None:
    moment = moment.replace(tzinfo=datetime.UTC)
  return (moment - datetime.datetime.fromtimestamp(0, datetime.UTC)).total_seconds()


def _narrow(scales: Mapping[str, scale_lib.Scale], **answers: np.ndarray) -> list[str]:
  """A line on each target whose many answers leave an end of the scale out.

  Whole numbers 1..7 are on 1..9 too, and so would be read wrongly without a word.
  """
  lines = []
  for target, values in answers.items():
    if len(values) < _MANY or not np.all(values == np.round(values)):
      continue
    (lowest, highest), low, high = scales[target], values.min(), values.max()
    if max(low - lowest, highest - high) >= _UNUSED:
      lines.append(
        f"All {len(values)} ratings of {target} are from {low:g} to {high:g}, on a "
        f"scale of {lowest:g} to {highest:g}: if people could not choose the rest, "
        f"--rating_scale or --{target}_scale is another one."
      )
  return lines


def _check_units(
  rows: Sequence[rater_rows.Row], seconds: np.ndarray, time_unit: str
) -> None:
  """Checks times and approval rates file by file: one may hide another's mistake.

  Raises:
    UserError: see `_check_time_unit` and `_check_approval`.
  """
  in_file: dict[str, list[int]] = collections.defaultdict(list)
  for i, row in enumerate(rows):
    in_file[row.file].append(i)
  for file, places in in_file.items():
    _check_time_unit(file, seconds[places], time_unit)
    _check_approval(file, [rows[i].cells.get("approval", "") for i in places])
  _check_time_unit("all files", seconds, time_unit)


def _check_time_unit(file: str, seconds: np.ndarray, unit: str) -> None:
  """Refuses milliseconds read as seconds, which nobody is too fast for, and seconds
  read as milliseconds, for which everybody is.

  Raises:
    UserError: the file's median time is none that people need for a picture.
  """
  times = seconds[np.isfinite(seconds)]
  if len(times) < _FEWEST_TIMES or unit == "s":
    return
  median = float(np.median(times))
  if unit == "auto" and median >= _LONG_SECONDS:
    raise errors.UserError(
      f"{file}: the median of the column seconds is {median:g}, as if these were "
      "milliseconds: pass --time_unit=ms, or --time_unit=s if they are seconds"
    )
  if unit == "ms" and 0 < median < _SHORT_MS:
    raise errors.UserError(
      f"{file}: the median of the column seconds is {median:g}, too little for "
      "milliseconds (--time_unit=ms): write the times of all files in one unit"
    )


def _check_approval(file: str, cells: Sequence[str]) -> None:
  """Refuses shares: their workers would fall below 95 percent, in silence.

  Raises:
    UserError: a rate between 0 and 1 without a percent sign, or none above 1.
  """
  rates = [_percent(cell) for cell in cells if cell and "%" not in cell]
  if any(0 < rate < 1 for rate in rates) or (rates and 0 < max(rates) <= 1):
    share = next(rate for rate in rates if 0 < rate <= 1)
    raise errors.UserError(
      f"{file}: column approval is in percent, 0 to 100, but {share:g} in it looks "
      "like a share: multiply the column by 100"
    )
