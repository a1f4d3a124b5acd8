"""Rated pictures from tables that people made: read, checked, mapped to 1..9.

In: a CSV file, the scale of its ratings, and the folder of the pictures. Out: one
`Rated` per picture on the scale 1..9. Every complaint names the file, the line, what
was expected, what came, and what to do.
"""

import dataclasses
import difflib
import math
import pathlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

from emojax.config import SCALE, TARGETS
from emojax.utils import csv_tables

UNKNOWN_RATERS = -1


# Ratings that cannot be used as they are; the message says where and why.
RatingsError = csv_tables.TableError


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
  path: pathlib.Path,
  lines: Iterable[csv_tables.Line],
  scale: Sequence[float],
  columns: Mapping[str, str],
  image_id: Callable[[csv_tables.Line], str],
  keyword: Callable[[csv_tables.Line], str],
) -> list[Rated]:
  """Rows of a table as rated pictures on 1..9.

  Args:
    path: the file, for messages.
    lines: its rows.
    scale: lowest and highest possible rating in the file.
    columns: field of `Rated` -> column; `valence` and `arousal` must be there, spreads
      and counts may. An optional column that the file lacks, and an empty cell in one
      that it has, is unknown.
    image_id: gives a row's picture.
    keyword: gives a row's keyword.
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
  for line in lines:
    values, wrong = _values(line, columns, low, high)
    problems += wrong
    try:
      image = image_id(line)
    except ValueError as error:
      problems.append(f"line {line.number}: {error}")
      continue
    first = line_of.setdefault(image, line.number)
    if first != line.number:
      problems.append(
        f"{image!r} stands twice, in lines {first} and {line.number}; keep one"
      )
    if not problems:
      rated.append(_to_1_to_9(image, values, keyword(line), low, high))
  if problems:
    raise RatingsError(f"{path}: {csv_tables.some(problems)}")
  return rated


def image_id(name: str) -> str:
  """A picture's name as its id: `./a//b.jpg` and `a/b.jpg` are one picture.

  Raises:
    ValueError: no name, or one that leads out of the pictures' folder.
  """
  if not name:
    raise ValueError("expected a picture's name, got nothing")
  path = pathlib.PurePosixPath(name)
  if path.is_absolute() or ".." in path.parts:
    raise ValueError(f"expected a path below the folder of pictures, got {name!r}")
  return path.as_posix()


def missing_images(
  rated: Iterable[Rated], there: Iterable[str]
) -> list[tuple[str, str]]:
  """Rated pictures that are not on disk, each with a hint ("" when there is none).

  Args:
    rated: the ratings.
    there: ids of the pictures that are on disk.
  Returns:
    (image_id, hint) pairs in the order of `rated`.
  """
  by_loose_name = {_loose(name): name for name in there}
  exact = set(by_loose_name.values())
  missing = []
  for entry in rated:
    if entry.image_id in exact:
      continue
    loose = _loose(entry.image_id)
    near = difflib.get_close_matches(loose, by_loose_name, n=1, cutoff=0.85)
    stem = [
      name for key, name in by_loose_name.items() if key.rpartition(".")[0] == loose
    ]
    likely = by_loose_name.get(loose) or (
      stem[0] if stem else by_loose_name[near[0]] if near else ""
    )
    missing.append((entry.image_id, f"there is {likely!r}" if likely else ""))
  return missing


def missing_error(
  missing: Sequence[tuple[str, str]],
  total: int,
  table: pathlib.Path,
  folder: pathlib.Path,
) -> RatingsError:
  """The error for rated pictures that are not on disk."""
  names = [f"{name!r}" + (f" ({hint})" if hint else "") for name, hint in missing]
  return RatingsError(
    f"{len(missing)} of the {total} pictures rated in {table} are not in {folder}: "
    f"{csv_tables.some(names, ', ')}; put them there, correct the names, or leave them "
    "out with --skip_bad_pictures"
  )


def _values(
  line: csv_tables.Line, columns: Mapping[str, str], low: float, high: float
) -> tuple[dict[str, float], list[str]]:
  """The numbers of a row by field, on its own scale, and what is wrong with it."""
  values: dict[str, float] = {}
  problems = []
  for field, column in columns.items():
    cell = line.cells.get(column, "")
    if not cell and field not in TARGETS:
      continue
    try:
      values[field] = _check_value(field, csv_tables.number(cell), low, high)
    except ValueError as error:
      problems.append(f"line {line.number}, column {column}: {error}")
  return values, problems


def _to_1_to_9(
  image: str, values: Mapping[str, float], keyword: str, low: float, high: float
) -> Rated:
  """A row's numbers, checked, as a rated picture; linear in the scale's two ends."""
  stretch = _stretch(low, high)
  return Rated(
    image,
    valence=rescale(values["valence"], low, high),
    arousal=rescale(values["arousal"], low, high),
    valence_std=values.get("valence_std", math.nan) * stretch,
    arousal_std=values.get("arousal_std", math.nan) * stretch,
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


def _loose(name: str) -> str:
  """A name without what systems and people write differently."""
  return unicodedata.normalize("NFC", name).replace("\\", "/").casefold()
