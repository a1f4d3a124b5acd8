"""Rated pictures from tables that people made: read, checked, mapped to 1..9.

In: a table, the scale of its ratings, and the pictures that its names mean. Out: one
`Rated` per picture on the scale 1..9. Every complaint names the file, the line, what
was expected, what came, and what to do.
"""

import dataclasses
import itertools
import math
import pathlib
from collections.abc import Mapping, Sequence

from emojax.config import SCALE, TARGETS
from emojax.utils import names, tables

UNKNOWN_RATERS = -1


# Ratings that cannot be used as they are; the message says where and why.
RatingsError = tables.TableError


@dataclasses.dataclass(frozen=True)
class Rated:
  """One picture and what people felt, on the scale 1..9.

  Attributes:
    image_id: the picture's path below its folder, with forward slashes.
    valence, arousal: mean ratings.
    valence_std, arousal_std: standard deviations over raters; NaN when unknown.
    valence_raters, arousal_raters: how many rated; -1 when unknown.
    keyword: what the picture is called in the source; empty when unknown.
  """

  image_id: str
  valence: float
  arousal: float
  valence_std: float = math.nan
  arousal_std: float = math.nan
  valence_raters: int = UNKNOWN_RATERS
  arousal_raters: int = UNKNOWN_RATERS
  keyword: str = ""


def check_scale(scale: Sequence[float]) -> tuple[float, float]:
  """The scale's two ends; RatingsError unless there are two, the lower one first."""
  if len(scale) != 2 or not scale[0] < scale[1] or not all(map(math.isfinite, scale)):
    raise RatingsError(
      "expected a rating scale of two numbers, the lowest and the highest rating, such "
      f"as 1,9; got {','.join(f'{end:g}' for end in scale) or 'nothing'}"
    )
  return scale[0], scale[1]


def rescale(rating: float, low: float, high: float) -> float:
  """A rating on `low`..`high` as one on 1..9, linear in the scale's two ends."""
  return SCALE[0] + (rating - low) * _stretch(low, high)


def _stretch(low: float, high: float) -> float:
  """Points of the 1..9 scale that one point of `low`..`high` is."""
  return (SCALE[1] - SCALE[0]) / (high - low)


def read_rated(
  table: tables.Table,
  scale: Sequence[float],
  fields: Mapping[str, str],
  image_ids: Sequence[str],
  problems_of: Mapping[int, str],
  keywords: Sequence[str],
) -> list[Rated]:
  """Rows of a table as rated pictures on 1..9.

  Args:
    table: the rows.
    scale: lowest and highest possible rating in the file.
    fields: field of `Rated` -> field of the table; `valence` and `arousal` must be
      there, spreads and counts may. An optional column that the file lacks, and an
      empty cell in one that it has, is unknown; so is a spread over a single rater.
    image_ids: of each row, its picture.
    problems_of: row -> what is wrong with its picture's name.
    keywords: of each row.
  Returns:
    One `Rated` per row, in the file's order.
  Raises:
    RatingsError: a cell that is not a number, a rating outside the scale, a negative
      spread, a count below one, or a picture that stands twice.
  """
  low, high = check_scale(scale)
  problems: list[str] = []
  rated: list[Rated] = []
  line_of: dict[str, int] = {}
  for row, line in enumerate(table.lines):
    values, wrong = _values(line, table, fields, low, high)
    problems += wrong
    if row in problems_of:
      problems.append(f"line {line.number}: {problems_of[row]}")
      continue
    image = image_ids[row]
    first = line_of.setdefault(image, line.number)
    if first != line.number:
      problems.append(
        f"{image!r} stands twice, in lines {first} and {line.number}; keep one"
      )
    if not problems:
      rated.append(_to_1_to_9(image, values, keywords[row], low, high))
  if problems:
    raise RatingsError(f"{table.path}: {tables.some(problems)}")
  return rated


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
  line: tables.Line,
  table: tables.Table,
  fields: Mapping[str, str],
  low: float,
  high: float,
) -> tuple[dict[str, float], list[str]]:
  """The numbers of a row by field, on its own scale, and what is wrong with it."""
  values: dict[str, float] = {}
  problems = []
  for field, source in fields.items():
    cell = line.cells.get(source, "")
    if not cell and field not in TARGETS:
      continue
    try:
      values[field] = _check_value(field, tables.number(cell), low, high)
    except ValueError as error:
      column = table.columns[source]
      problems.append(f"line {line.number}, column {column}: {error}")
  return values, problems


def _to_1_to_9(
  image: str, values: Mapping[str, float], keyword: str, low: float, high: float
) -> Rated:
  """A row's numbers, checked, as a rated picture; linear in the scale's two ends."""
  stretch = _stretch(low, high)

  def std(target: str) -> float:
    """A single rater has no spread, whatever a program made of one."""
    alone = values.get(f"{target}_raters") == 1
    return math.nan if alone else values.get(f"{target}_std", math.nan) * stretch

  return Rated(
    image,
    valence=rescale(values["valence"], low, high),
    arousal=rescale(values["arousal"], low, high),
    valence_std=std("valence"),
    arousal_std=std("arousal"),
    valence_raters=round(values.get("valence_raters", UNKNOWN_RATERS)),
    arousal_raters=round(values.get("arousal_raters", UNKNOWN_RATERS)),
    keyword=keyword,
  )


def _check_value(field: str, value: float, low: float, high: float) -> float:
  if field in TARGETS and not low <= value <= high:
    raise ValueError(
      f"expected a rating from {low:g} to {high:g}, got {value:g}; if the ratings have "
      "another scale, say so with --rating_scale"
    )
  if field.endswith("_std") and value < 0:
    raise ValueError(f"expected a standard deviation of 0 or more, got {value:g}")
  if field.endswith("_raters") and (value < 1 or value != round(value)):
    raise ValueError(f"expected a whole number of raters, 1 or more, got {value:g}")
  return value
