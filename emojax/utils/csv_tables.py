"""CSV tables that people made: read whole, or refused with the line and the reason.

In: a file. Out: its rows by column name. Every complaint names the file, the line, what
was expected, what came, and what to do.
"""

import csv
import dataclasses
import difflib
import io
import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence

_LISTED = 3  # how many culprits an error lists before it only counts them


class TableError(ValueError):
  """A table that cannot be used as it is; the message says where and why."""


@dataclasses.dataclass(frozen=True)
class Line:
  """One row of a table: its first line in the file, and its cells by column name."""

  number: int
  cells: Mapping[str, str]


def read(
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
    TableError: no such file, another encoding or separator, a missing or repeated
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
    raise TableError(f"{path}, line {reader.line_num}: not CSV: {error}") from error
  if not rows:
    raise TableError(f"{path} is empty: expected a header line and ratings below it")
  header = [name.lower() for name in rows[0][1]]
  _check_header(path, header, list(needed), list(optional))
  for number, cells in rows[1:]:
    if len(cells) != len(header):
      raise TableError(
        f"{path}, line {number}: expected {len(header)} cells as in the header, got "
        f"{len(cells)}; a cell with a comma in it needs quotes"
      )
  if len(rows) == 1:
    raise TableError(f"{path} has a header but no ratings below it")
  return [
    Line(number, dict(zip(header, cells, strict=True))) for number, cells in rows[1:]
  ]


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


def some(items: Sequence[str], separator: str = "; ", listed: int = _LISTED) -> str:
  """The first few items and how many more there are."""
  text = separator.join(items[:listed])
  more = len(items) - listed
  return f"{text}{separator}and {more} more" if more > 0 else text


def _decode(path: pathlib.Path, fallback_encoding: str) -> str:
  try:
    data = path.read_bytes()
  except FileNotFoundError:
    raise TableError(f"no file {path}: expected a CSV table of ratings") from None
  except OSError as error:
    raise TableError(f"cannot read {path}: {error.strerror}") from error
  if data.startswith((b"\xff\xfe", b"\xfe\xff")):
    raise TableError(f"{path} is UTF-16: save it again as CSV in UTF-8")
  if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
    raise TableError(f"{path} is a spreadsheet file: save it as CSV in UTF-8")
  try:
    return data.decode("utf-8-sig")
  except UnicodeDecodeError as error:
    if fallback_encoding:
      return data.decode(fallback_encoding)
    number = len((data[: error.start] + b"?").splitlines())
    raise TableError(
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
        raise TableError(
          f"{path} is separated by {name}: save it with commas (and points in numbers)"
        )
    near = difflib.get_close_matches(missing[0], header, n=1)
    hint = f"; is {near[0]!r} your {missing[0]!r}? Rename it then" if near else ""
    raise TableError(
      f"{path} has no column {', '.join(map(repr, missing))}: expected "
      f"{', '.join(needed)}, got {', '.join(name or '(no name)' for name in header)}"
      f"{hint}"
    )
  for name in [*needed, *optional]:
    if header.count(name) > 1:
      raise TableError(f"{path} has {header.count(name)} columns called {name!r}")
