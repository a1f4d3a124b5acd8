"""Tables that people made: read whole, or refused with the line and the reason.

In: a file and which columns are looked for, under which names. Out: its rows by field,
numbers with a decimal point, and what was assumed to read it so. Every complaint names
the file, the line, what was expected, what came, and what to do.

Commas, semicolons or tabs between cells, decimal commas, UTF-8, UTF-16, Windows-1252
and .xlsx are read alike. What could be meant in two ways is an error that shows both.
"""

import dataclasses
import difflib
import math
import pathlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from emojax.utils import table_files
from emojax.utils.table_files import TableError

__all__ = [
  "LISTED",
  "Column",
  "Line",
  "Table",
  "TableError",
  "is_unknown",
  "key",
  "lacking",
  "near",
  "number",
  "read",
  "some",
]

_Row = tuple[int, list[str]]  # its line in the file, and its cells
_NAMED = 12  # columns that an error names
LISTED = 3  # how many culprits an error lists before it only counts them
_UNKNOWN = frozenset(
  ("", "na", "n/a", "n.a.", "nan", "none", "null", "nil", "-", "\u2013", "\u2014", ".")
)
_ERROR_CELL = re.compile(r"#\S+[!?]|#N/?A|#NV")  # Excel's #DIV/0! and its like
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
_WITH_POINT = re.compile(r"[+-]?\d*\.\d+", re.ASCII)
_LIKE_THOUSANDS = re.compile(r"[+-]?\d{1,3},\d{3}", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Column:
  """A column that a program looks for.

  Attributes:
    field: what the program calls it; the first name that is looked for.
    names: further names, in groups: a later group is looked at where no name of the
      earlier ones is there. Case, blanks and marks in names do not matter.
    flag: the setting that names the column; empty: there is none.
    is_needed: refuse a table without it.
    is_number: its cells are numbers, perhaps with a decimal comma.
    may_be_unknown: what an optional number is called that nobody knows (NA, a dash,
      #DIV/0! ...) is an empty cell; else it stays, and the program says what came.
  """

  field: str
  names: tuple[tuple[str, ...], ...] = ()
  flag: str = ""
  is_needed: bool = True
  is_number: bool = False
  may_be_unknown: bool = True

  @property
  def groups(self) -> list[set[str]]:
    """Keys of the names, the field's own among the first."""
    first, *rest = self.names or ((),)
    return [{key(name) for name in group} for group in ((self.field, *first), *rest)]


@dataclasses.dataclass(frozen=True)
class Line:
  """One row of a table: its first line in the file, and its cells by field."""

  number: int
  cells: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Table:
  """The rows of a table.

  Attributes:
    path: its file.
    header: all its columns, as the file calls them.
    columns: field -> column, of the fields that it has.
    others: columns that no field is read from, in lower case; without those that have
      neither a name nor a filled cell.
    lines: at least one.
    assumed: what was taken for granted to read it so, as phrases; empty: nothing.
  """

  path: pathlib.Path
  header: tuple[str, ...]
  columns: Mapping[str, str]
  others: tuple[str, ...]
  lines: list[Line]
  assumed: tuple[str, ...]

  def assumption(self, *more: str) -> str:
    """`assumed` and more as one line that names the file; "" where nothing was."""
    phrases = [*self.assumed, *more]
    return f"{self.path}: read with {'; '.join(phrases)}" if phrases else ""


def read(
  path: pathlib.Path,
  columns: Sequence[Column],
  named: Mapping[str, str] | None = None,
  fallback_encoding: str = table_files.WINDOWS,
) -> Table:
  """The rows of a table with a header.

  A byte-order mark, any kind of line ends, blank lines, further columns and cells left
  out at the end of a row are fine.

  Args:
    path: the file.
    columns: what is looked for.
    named: field -> the column's name in this file, for those that the user named; empty
      names are not.
    fallback_encoding: of text that is not UTF-8; see `table_files.read`.
  Raises:
    TableError: see `table_files.read`; or a missing, repeated or ambiguous column, a
      row longer than the header, no rows, or numbers with both commas and points.
  """
  named = {field: name for field, name in (named or {}).items() if name.strip()}
  sheet = table_files.read(
    path, lambda header: _fit(header, columns, named), fallback_encoding
  )
  if not sheet.rows:
    raise TableError(f"{path} is empty: expected a header line and ratings below it")
  header = sheet.rows[0][1]
  rows = [_whole(path, row, header, sheet.separator) for row in sheet.rows[1:]]
  if not rows:
    raise TableError(f"{path} has a header but no ratings below it")
  places = {}
  for column in columns:
    place = _place(path, header, rows, column, named.get(column.field, ""))
    if place is not None:
      places[column] = place
  absent = [c.field for c in columns if c.is_needed and c not in places]
  if absent:
    raise lacking(path, header, [c for c in columns if c.is_needed], absent)
  numeric = {c.field: place for c, place in places.items() if c.is_number}
  has_commas = _has_decimal_commas(path, rows, numeric, sheet.separator)
  lines = [
    Line(
      line, {c.field: _cell(cells[place], c, has_commas) for c, place in places.items()}
    )
    for line, cells in rows
  ]
  assumed = [*sheet.assumed, *(["decimal commas"] if has_commas else [])]
  assumed += [
    f"{column.field} from the column {header[place]!r}"
    for column, place in places.items()
    if key(header[place]) != key(column.field) and column.field not in named
  ]
  return Table(
    path,
    tuple(header),
    {column.field: header[place] for column, place in places.items()},
    _others(header, rows, places.values()),
    lines,
    tuple(assumed),
  )


def key(name: str) -> str:
  """A column's name without case, blanks and marks: "V.Mean Sum" is "vmeansum"."""
  folded = unicodedata.normalize("NFKC", name).casefold()
  return "".join(letter for letter in folded if letter.isalnum())


def is_unknown(cell: str) -> bool:
  """Whether a cell says that its value is not known: empty, NA, a dash, #DIV/0! ..."""
  return cell.casefold() in _UNKNOWN or _ERROR_CELL.fullmatch(cell.upper()) is not None


def number(cell: str) -> float:
  """A cell's number; ValueError, saying what came, unless it is a finite one.

  Digits 0 to 9 with a decimal point. Python's own `float` would also take 0_7, inf,
  nan, and digits of other scripts, which are typing errors here.
  """
  if not cell:
    raise ValueError("expected a number, got an empty cell")
  plain = cell.replace("\u2212", "-")  # a minus as typesetters have it
  if _NUMBER.fullmatch(plain) is None:
    hint = "; use a decimal point, and no mark between thousands" if "," in cell else ""
    raise ValueError(f"expected a number, got {cell!r}{hint}")
  value = float(plain)
  if not math.isfinite(value):
    raise ValueError(f"expected a number, got {cell!r}")
  return value


def some(items: Sequence[str], separator: str = "; ", listed: int = LISTED) -> str:
  """The first few items and how many more there are."""
  text = separator.join(items[:listed])
  more = len(items) - listed
  return f"{text}{separator}and {more} more" if more > 0 else text


def _fit(
  header: Sequence[str], columns: Sequence[Column], named: Mapping[str, str]
) -> int:
  """How many of the columns a header has."""
  return sum(
    bool(_candidates(header, column, named.get(column.field, ""))) for column in columns
  )


def _candidates(header: Sequence[str], column: Column, name: str) -> list[int]:
  """Places of the columns that could be meant, by the name given or the usual ones."""
  if name:
    exact = [i for i, cell in enumerate(header) if cell.casefold() == name.casefold()]
    return exact or [i for i, cell in enumerate(header) if key(cell) == key(name)]
  for group in column.groups:
    places = [i for i, cell in enumerate(header) if key(cell) in group]
    if places:
      return places
  return []


def _place(
  path: pathlib.Path,
  header: Sequence[str],
  rows: Sequence[_Row],
  column: Column,
  name: str,
) -> int | None:
  """Which column is meant; None where the table has none such."""
  places = _candidates(header, column, name.strip())
  if not places and name:
    raise TableError(
      f"{path} has no column {name!r}, which --{column.flag} names: it has "
      f"{_names(header)}{_hint(name, header)}"
    )
  if len(places) < 2:
    return places[0] if places else None
  names = {header[place].casefold() for place in places}
  if len(names) == 1:
    raise TableError(f"{path} has {len(places)} columns called {names.pop()!r}")
  if column.is_number:
    filled = [place for place in places if _holds_numbers(rows, place)]
    if len(filled) == 1:
      return filled[0]
  first, *rest = places
  if all(cells[place] == cells[first] for _, cells in rows for place in rest):
    return first
  shown = " or ".join(
    f"{header[place]!r} (first {rows[0][1][place]!r})" for place in places
  )
  advice = f"name one with --{column.flag}" if column.flag else "rename the other"
  raise TableError(
    f"{path} has several columns that could be the {column.field}: {shown}; {advice}"
  )


def _holds_numbers(rows: Sequence[_Row], place: int) -> bool:
  return any(
    _NUMBER.fullmatch(cells[place]) or _WITH_COMMA.fullmatch(cells[place])
    for _, cells in rows
  )


def lacking(
  path: pathlib.Path,
  header: Sequence[str],
  needed: Sequence[Column],
  absent: Sequence[str],
) -> TableError:
  """The error for a table that has no column for some of the needed fields."""
  flags = [column.flag for column in needed if column.flag and column.field in absent]
  named = ", ".join(f"--{flag}" for flag in flags)
  return TableError(
    f"{path} has no column {', '.join(map(repr, absent))}: expected "
    f"{', '.join(column.field for column in needed)}, got {_names(header)}"
    + _hint(absent[0], header)
    + (f"; name what it is called with {named}" if named else "")
  )


def _others(
  header: Sequence[str], rows: Sequence[_Row], used: Collection[int]
) -> tuple[str, ...]:
  return tuple(
    name.lower()
    for place, name in enumerate(header)
    if place not in used and (name or any(cells[place] for _, cells in rows))
  )


def _names(header: Sequence[str]) -> str:
  return some([name or "(no name)" for name in header], ", ", _NAMED)


def near(name: str, header: Sequence[str], alike: float = 0.75) -> str:
  """The column that a name is most like, in lower case; "" where none is."""
  folded = [column.casefold() for column in header]
  return next(iter(difflib.get_close_matches(name.casefold(), folded, 1, alike)), "")


def _hint(name: str, header: Sequence[str]) -> str:
  like = near(name, header, alike=0.6)
  return f"; is {like!r} your {name!r}? Rename it then" if like else ""


def _whole(
  path: pathlib.Path, row: _Row, header: Sequence[str], separator: str
) -> _Row:
  """A row with a cell for each column: Excel leaves out empty ones at the end."""
  line, cells = row
  width = len(header)
  if any(cells[width:]):
    mark = table_files.SEPARATORS.get(separator, "")
    reading = f"a cell with {mark} in it needs quotes"
    if separator == "," and sum(cell.isdigit() for cell in cells) > 1:
      reading += (
        "; or, if commas stand in numbers too (3,5), save the table with semicolons "
        "between cells or with decimal points"
      )
    if not separator:
      reading = "every column needs a name in the first row"
    raise TableError(
      f"{path}, line {line}: expected {width} cells as in the header, got "
      f"{len(cells)}; {reading}"
    )
  return line, [*cells[:width], *[""] * (width - len(cells))]


def _has_decimal_commas(
  path: pathlib.Path,
  rows: Sequence[_Row],
  places: Mapping[str, int],
  separator: str,
) -> bool:
  """Whether the table writes 3,5 for three and a half.

  Raises:
    TableError: it has both commas and points in numbers, or commas that may as well
      stand between thousands.
  """
  commas, points = (
    [
      (cells[place], f"line {line}, {field}")
      for line, cells in rows
      for field, place in places.items()
      if pattern.fullmatch(cells[place])
    ]
    for pattern in (_WITH_COMMA, _WITH_POINT)
  )
  if commas and points:
    (cell, where), (other, there) = commas[0], points[0]
    raise TableError(
      f"{path} has numbers with a comma, {cell!r} ({where}), and with a point, "
      f"{other!r} ({there}): which one is the decimal mark? Write all of them alike"
    )
  # A semicolon stands between cells because numbers have commas: no doubt then.
  if (
    commas
    and separator != ";"
    and all(_LIKE_THOUSANDS.fullmatch(cell) for cell, _ in commas)
  ):
    cell, where = commas[0]
    raise TableError(
      f"{path}: {cell!r} ({where}) may be {cell.replace(',', '.')} or "
      f"{cell.replace(',', '')}; write it with a decimal point, and nothing between "
      "thousands"
    )
  return bool(commas)


def _cell(cell: str, column: Column, has_commas: bool) -> str:
  if column.is_number and has_commas and _WITH_COMMA.fullmatch(cell):
    return cell.replace(",", ".")
  is_open = column.is_number and column.may_be_unknown and not column.is_needed
  if is_open and is_unknown(cell):
    return ""
  return cell
