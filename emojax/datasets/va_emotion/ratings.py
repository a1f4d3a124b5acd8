"""Rated pictures from tables that people made: checked, and mapped to 1..9.

In: a table, the scales of its ratings, and the pictures that its names mean. Out: one
`Rated` per picture on the scale 1..9. Every complaint names the file, the line, what
was expected, what came, and what to do.
"""

import dataclasses
import itertools
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from emojax.datasets.va_emotion import scale_inference
from emojax.utils import names, tables
from emojax.utils import scales as scale_lib

UNKNOWN_RATERS = -1
_MOST_RATERS = 2**31 - 1  # what a dataset can hold


# Ratings that cannot be used as they are; the message says where and why.
RatingsError = tables.TableError
check_scale = scale_lib.check


@dataclasses.dataclass(frozen=True)
class Rating:
  """What people felt at one picture about one target, on the scale 1..9.

  Attributes:
    mean: over raters.
    std: standard deviation over raters; NaN when unknown.
    raters: how many rated; -1 when unknown.
  """

  mean: float
  std: float = math.nan
  raters: int = UNKNOWN_RATERS


@dataclasses.dataclass(frozen=True)
class Rated:
  """One picture and what people felt.

  Attributes:
    image_id: the picture's path below its folder, with forward slashes.
    ratings: target -> rating; the same targets for every picture of a collection.
    keyword: what the picture is called in the source; empty when unknown.
    group: pictures with the same text stay in one fold; empty: in no group.
  """

  image_id: str
  ratings: Mapping[str, Rating]
  keyword: str = ""
  group: str = ""


def rescale(rating: float, low: float, high: float) -> float:
  """A rating on `low`..`high` as one on 1..9, linear in the scale's two ends."""
  return scale_lib.mapped(rating, (low, high))


def read_rated(
  table: tables.Table,
  scales: Mapping[str, scale_lib.Scale | None],
  images: names.Resolved,
  keywords: Sequence[str],
) -> tuple[list[Rated], dict[str, scale_lib.Scale]]:
  """Rows of a table as rated pictures on 1..9.

  Args:
    table: the rows; for each target its fields TARGET, and perhaps TARGET_std,
      TARGET_num_raters or for all num_raters. An optional column that the file lacks,
      and an empty cell in one that it has, is unknown; so is a spread over a single
      rater.
    scales: target -> lowest and highest possible rating in the file; None: not said,
      see `scale_inference.infer`.
    images: the pictures of the rows.
    keywords: of each row.
  Returns:
    One `Rated` per row, in the file's order, and the scale of each target.
  Raises:
    RatingsError: a cell that is not a number, a rating outside its scale, ratings whose
      scale is in doubt, a negative spread, a count below one, or a picture that stands
      twice.
  """
  problems: list[str] = []
  rows: list[dict[str, Rating]] = []
  line_of: dict[str, int] = {}
  for row, line in enumerate(table.lines):
    values, wrong = _values(table, line, scales)
    problems += wrong
    rows.append(values)
    if row in images.problems:
      problems.append(f"line {line.number}: {images.problems[row]}")
      continue
    image = images.image_ids[row]
    first = line_of.setdefault(image, line.number)
    if first != line.number:
      problems.append(
        f"{image!r} stands twice, in lines {first} and {line.number}; keep one, or "
        "make means of single answers with python -m emojax.raters aggregate"
      )
  if problems:
    raise RatingsError(f"{table.path}: {tables.some(problems)}")
  sure = _sure_scales(table, rows, scales)
  if problems := list(_too_wide(table, rows, sure)):
    raise RatingsError(f"{table.path}: {tables.some(problems)}")
  rated = [
    Rated(
      image,
      {target: _to_1_to_9(values[target], scale) for target, scale in sure.items()},
      keyword,
    )
    for image, values, keyword in zip(images.image_ids, rows, keywords, strict=True)
  ]
  return rated, sure


def missing_error(
  missing: Sequence[str],
  total: int,
  table: pathlib.Path,
  folder: pathlib.Path,
  there: names.Files,
) -> RatingsError:
  """The error for rated pictures that are not on disk, with hints of a few."""
  # Of the listed ones only: a hint compares a name with every file.
  hints = [there.hint(name) for name in missing[: tables.LISTED]]
  listed = [
    f"{name!r}" + (f" (there is {hint})" if hint else "")
    for name, hint in itertools.zip_longest(missing, hints)
  ]
  return RatingsError(
    f"{len(missing)} of the {total} pictures rated in {table} are not in {folder}: "
    f"{tables.some(listed, ', ')}; put them there, correct the names, or leave them "
    "out with --skip_bad_pictures"
  )


def _values(
  table: tables.Table,
  line: tables.Line,
  scales: Mapping[str, scale_lib.Scale | None],
) -> tuple[dict[str, Rating], list[str]]:
  """The ratings of a row, on the file's scales, and what is wrong with them."""
  ratings = {}
  problems = []

  def number(field: str, check, unknown: float) -> float:
    cell = line.cells.get(field, "")
    if not cell and field not in scales:
      return unknown
    try:
      return check(tables.number(cell))
    except ValueError as error:
      place = f"line {line.number}, column {table.columns[field]}"
      problems.append(f"{place}: {error}")
      return unknown

  for target, scale in scales.items():
    own = f"{target}_num_raters"
    raters = own if own in table.columns else "num_raters"
    ratings[target] = Rating(
      number(target, lambda value, on=scale: _on_scale(value, on), math.nan),
      number(f"{target}_std", _spread, math.nan),
      round(number(raters, _count, UNKNOWN_RATERS)),
    )
  return ratings, problems


def _sure_scales(
  table: tables.Table,
  rows: Sequence[Mapping[str, Rating]],
  scales: Mapping[str, scale_lib.Scale | None],
) -> dict[str, scale_lib.Scale]:
  """The scale of each target, said or not to be doubted."""
  unsaid = [target for target, scale in scales.items() if scale is None]
  try:
    common = (
      scale_inference.infer({t: [row[t].mean for row in rows] for t in unsaid})
      if unsaid
      else None
    )
  except RatingsError as error:
    raise RatingsError(f"{table.path}: {error}") from None
  return {target: scale or common for target, scale in scales.items()}  # type: ignore[misc]


def _too_wide(
  table: tables.Table,
  rows: Sequence[Mapping[str, Rating]],
  scales: Mapping[str, scale_lib.Scale],
) -> Iterator[str]:
  """Spreads of several raters that no ratings on their scale can have."""
  for line, values in zip(table.lines, rows, strict=True):
    for target, scale in scales.items():
      rating = values[target]
      if rating.raters != 1 and rating.std > scale_lib.width(scale):
        yield (
          f"line {line.number}, column {table.columns[f'{target}_std']}: ratings from "
          f"{scale[0]:g} to {scale[1]:g} cannot have a standard deviation of "
          f"{rating.std:g}"
        )


def _to_1_to_9(rating: Rating, scale: scale_lib.Scale) -> Rating:
  # A single rater has no spread, whatever a program made of one.
  std = math.nan if rating.raters == 1 else rating.std
  return Rating(
    scale_lib.mapped(rating.mean, scale), std * scale_lib.stretch(scale), rating.raters
  )


def _on_scale(value: float, scale: scale_lib.Scale | None) -> float:
  if scale and not scale[0] <= value <= scale[1]:
    raise ValueError(
      f"expected a rating from {scale[0]:g} to {scale[1]:g}, got {value:g}; if the "
      "ratings have another scale, say so with --rating_scale"
    )
  return value


def _spread(value: float) -> float:
  if value < 0:
    raise ValueError(f"expected a standard deviation of 0 or more, got {value:g}")
  return value


def _count(value: float) -> float:
  if not 1 <= value <= _MOST_RATERS or value != round(value):
    raise ValueError(
      f"expected a whole number of raters from 1 to {_MOST_RATERS:,}, got {value:g}"
    )
  return value
