"""Rated pictures from tables that people made: read, checked, mapped to 1..9.

In: a CSV file, the scale of its ratings, and the folder of the pictures. Out: one
`Rated` per picture on the scale 1..9. Every complaint names the file, the line, what
was expected, what came, and what to do.
"""

import csv
import dataclasses
import difflib
import io
import math
import pathlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

SCALE = (1.0, 9.0)  # of every rating that leaves this room
UNKNOWN_RATERS = -1
_LISTED = 3  # how many culprits an error lists before it only counts them


class RatingsError(ValueError):
  """Ratings that cannot be used as they are; the message says where and why."""


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


@dataclasses.dataclass(frozen=True)
class Line:
  """One row of a table: its first line in the file, and its cells by column name."""

  number: int
  cells: Mapping[str, str]


def check_scale(scale: Sequence[float]) -> tuple[float, float]:
  """The scale's two ends; RatingsError unless there are two, the lower one first."""
  if len(scale) != 2 or not scale[0] < scale[1] or not all(map(math.isfinite, scale)):
    raise RatingsError(
      "expected a rating scale of two numbers, the lowest and the highest rating, such "
      f"as 1,9; got {','.join(f'{end:g}' for end in scale) or 'nothing'}"
    )
  return scale[0], scale[1]


def read_table(
  path: pathlib.Path,
  needed: Iterable[str],
  fallback_encoding: str = "",
  optional: Iterable[str] = (),
) -> list[Line]:
  """The rows of a comma-separated file with a header.

  A byte-order mark, any kind of line ends, blank lines and further columns are fine.

  Args:
    path: the file.
    needed: columns, in lower case, that must be there; case and blanks around the names
      in the file do not matter.
    fallback_encoding: of a file that is not UTF-8; empty: that is an error.
    optional: columns that may be there, once.
  Returns:
    The rows; column names in lower case, cells without blanks around them.
  Raises:
    RatingsError: no such file, another encoding or separator, a missing or repeated
      column, a row of another length than the header, or no rows.
  """
  text = _decode(path, fallback_encoding)
  reader = csv.reader(io.StringIO(text, newline=""), strict=True)
  rows = []
  try:
    start = 1
    for cells in reader:
      if any(cell.strip() for cell in cells):
        rows.append((start, [cell.strip() for cell in cells]))
      start = reader.line_num + 1
  except csv.Error as error:
    raise RatingsError(f"{path}, line {reader.line_num}: not CSV: {error}") from error
  if not rows:
    raise RatingsError(f"{path} is empty: expected a header line and ratings below it")
  header = [name.lower() for name in rows[0][1]]
  _check_header(path, header, list(needed), list(optional))
  for number, cells in rows[1:]:
    if len(cells) != len(header):
      raise RatingsError(
        f"{path}, line {number}: expected {len(header)} cells as in the header, got "
        f"{len(cells)}; a cell with a comma in it needs quotes"
      )
  if len(rows) == 1:
    raise RatingsError(f"{path} has a header but no ratings below it")
  return [
    Line(number, dict(zip(header, cells, strict=True))) for number, cells in rows[1:]
  ]


def read_rated(
  path: pathlib.Path,
  lines: Iterable[Line],
  scale: Sequence[float],
  columns: Mapping[str, str],
  image_id: Callable[[Line], str],
  keyword: Callable[[Line], str],
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
      picture = image_id(line)
    except ValueError as error:
      problems.append(f"line {line.number}: {error}")
      continue
    first = line_of.setdefault(picture, line.number)
    if first != line.number:
      problems.append(
        f"{picture!r} stands twice, in lines {first} and {line.number}; keep one"
      )
    if not problems:
      rated.append(_to_1_to_9(picture, values, keyword(line), low, high))
  if problems:
    raise RatingsError(f"{path}: {some(problems)}")
  return rated


def picture_id(name: str) -> str:
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


def missing_pictures(
  rated: Iterable[Rated], there: Iterable[str]
) -> list[tuple[str, str]]:
  """Rated pictures that are not on disk, each with a hint ("" when there is none).

  Args:
    rated: the ratings.
    there: ids of the pictures that are on disk.
  Returns:
    (image_id, hint) pairs in the order of `rated`.
  """
  known = {_loose(name): name for name in there}
  exact = set(known.values())
  missing = []
  for entry in rated:
    if entry.image_id in exact:
      continue
    loose = _loose(entry.image_id)
    near = difflib.get_close_matches(loose, known, n=1, cutoff=0.85)
    stem = [name for key, name in known.items() if key.rpartition(".")[0] == loose]
    found = known.get(loose) or (stem[0] if stem else known[near[0]] if near else "")
    missing.append((entry.image_id, f"there is {found!r}" if found else ""))
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
    f"{some(names, ', ')}; put them there, correct the names, or leave them out with "
    "--skip_bad_pictures"
  )


def _decode(path: pathlib.Path, fallback_encoding: str) -> str:
  try:
    data = path.read_bytes()
  except FileNotFoundError:
    raise RatingsError(f"no file {path}: expected a CSV table of ratings") from None
  except OSError as error:
    raise RatingsError(f"cannot read {path}: {error.strerror}") from error
  if data.startswith((b"\xff\xfe", b"\xfe\xff")):
    raise RatingsError(f"{path} is UTF-16: save it again as CSV in UTF-8")
  if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
    raise RatingsError(f"{path} is a spreadsheet file: save it as CSV in UTF-8")
  try:
    return data.decode("utf-8-sig")
  except UnicodeDecodeError as error:
    if fallback_encoding:
      return data.decode(fallback_encoding)
    number = len((data[: error.start] + b"?").splitlines())
    raise RatingsError(
      f"{path}, line {number}: byte {data[error.start]:#04x} is not UTF-8; save the "
      "file again as CSV in UTF-8"
    ) from None


def _check_header(
  path: pathlib.Path, header: list[str], needed: list[str], optional: list[str]
) -> None:
  missing = [name for name in needed if name not in header]
  if missing:
    joined = header[0] if len(header) == 1 else ""
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
      if separator in joined:
        raise RatingsError(
          f"{path} is separated by {name}: save it with commas (and points in numbers)"
        )
    near = difflib.get_close_matches(missing[0], header, n=1)
    hint = f"; is {near[0]!r} your {missing[0]!r}? Rename it then" if near else ""
    raise RatingsError(
      f"{path} has no column {', '.join(map(repr, missing))}: expected "
      f"{', '.join(needed)}, got {', '.join(name or '(no name)' for name in header)}"
      f"{hint}"
    )
  for name in [*needed, *optional]:
    if header.count(name) > 1:
      raise RatingsError(f"{path} has {header.count(name)} columns called {name!r}")


def _values(
  line: Line, columns: Mapping[str, str], low: float, high: float
) -> tuple[dict[str, float], list[str]]:
  """The numbers of a row by field, on its own scale, and what is wrong with it."""
  values: dict[str, float] = {}
  problems = []
  for field, column in columns.items():
    cell = line.cells.get(column, "")
    if not cell and field not in ("valence", "arousal"):
      continue
    try:
      values[field] = _check_value(field, number(cell), low, high)
    except ValueError as error:
      problems.append(f"line {line.number}, column {column}: {error}")
  return values, problems


def _to_1_to_9(
  picture: str, values: Mapping[str, float], keyword: str, low: float, high: float
) -> Rated:
  """A row's numbers, checked, as a rated picture; linear in the scale's two ends."""
  stretch = (SCALE[1] - SCALE[0]) / (high - low)
  return Rated(
    picture,
    valence=SCALE[0] + (values["valence"] - low) * stretch,
    arousal=SCALE[0] + (values["arousal"] - low) * stretch,
    valence_std=values.get("valence_std", math.nan) * stretch,
    arousal_std=values.get("arousal_std", math.nan) * stretch,
    valence_raters=round(values.get("valence_raters", UNKNOWN_RATERS)),
    arousal_raters=round(values.get("arousal_raters", UNKNOWN_RATERS)),
    keyword=keyword,
  )


def number(cell: str) -> float:
  """A cell's number; ValueError, saying what came, unless it is a finite one."""
  if not cell:
    raise ValueError("expected a number, got an empty cell")
  try:
    value = float(cell)
  except ValueError:
    hint = "; use a decimal point" if "," in cell else ""
    raise ValueError(f"expected a number, got {cell!r}{hint}") from None
  if not math.isfinite(value):
    raise ValueError(f"expected a number, got {cell!r}")
  return value


def _check_value(field: str, value: float, low: float, high: float) -> float:
  if field in ("valence", "arousal") and not low <= value <= high:
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


def some(items: Sequence[str], separator: str = "; ", listed: int = _LISTED) -> str:
  """The first few items and how many more there are."""
  text = separator.join(items[:listed])
  more = len(items) - listed
  return f"{text}{separator}and {more} more" if more > 0 else text
