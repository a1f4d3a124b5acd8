"""Long tables, one row per answer of one person: read whole, every row accounted for.

In: one or several CSV files and which columns they may have. Out: rows with their
place, and what a check makes of each: values, or what is wrong with the row.
"""

import difflib
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

from emojax.utils import names, tables

T = TypeVar("T")
_LISTED = 5  # problems that an error lists before it only counts them


class Row(NamedTuple):
  """One row of a file: where it begins, and its cells by column."""

  file: str
  line: int
  cells: Mapping[str, str]


class BadRow(NamedTuple):
  """A row that cannot be used, and why."""

  row: Row
  problem: str


# The values of a row, and what is wrong with it; the values count if nothing is.
Checked = tuple[T, list[str]]


def read(
  paths: Sequence[pathlib.Path],
  needed: Sequence[str],
  optional: Sequence[str],
  ignored: Collection[str],
  numbers: Collection[str] = (),
) -> list[Row]:
  """All rows of all files, in the order given.

  Args:
    paths: tables as `tables.read` reads them.
    needed: columns that must be there.
    optional: columns that may be there.
    ignored: further columns that may be there, in any case.
    numbers: which columns hold numbers, perhaps with a decimal comma, or in an optional
      one something that stands for unknown.
  Raises:
    TableError: no file, one file twice, one that cannot be read as a table, or a
      column that is none of these.
  """
  if not paths:
    raise tables.TableError(
      f"name at least one CSV file with the columns {', '.join(needed)}"
    )
  rows: list[Row] = []
  read_paths: set[pathlib.Path] = set()
  for path in paths:
    if path.resolve() in read_paths:
      raise tables.TableError(f"{path} is named twice")
    read_paths.add(path.resolve())
    columns = [
      tables.Column(name, is_needed=name in needed, is_number=name in numbers)
      for name in (*needed, *optional)
    ]
    table = tables.read(path, columns)
    _check_columns(table, [*needed, *optional], ignored)
    rows += [Row(str(path), line.number, line.cells) for line in table.lines]
  return rows


def sift(
  rows: Sequence[Row], check: Callable[[Mapping[str, str]], Checked[T]], skip_bad: bool
) -> tuple[list[Row], list[T], list[BadRow]]:
  """Rows that can be used with their values, and the others.

  Args:
    rows: as `read` found them.
    check: takes a row's cells.
    skip_bad: return rows that cannot be used instead of raising.
  Raises:
    TableError: some rows, or with `skip_bad` all of them, cannot be used.
  """
  good: list[Row] = []
  values: list[T] = []
  bad: list[BadRow] = []
  problems: list[str] = []
  several = len({row.file for row in rows}) > 1
  for row in rows:
    value, wrong = check(row.cells)
    if wrong:
      bad.append(BadRow(row, "; ".join(wrong)))
      place = f"{row.file}, line {row.line}" if several else f"line {row.line}"
      problems += [f"{place}, {problem}" for problem in wrong]
    else:
      good.append(row)
      values.append(value)
  if bad and not (skip_bad and good):
    head = "" if several else f"{rows[0].file}: "
    advice = (
      "no row can be used"
      if not good
      else "correct them, or leave these rows out with --skip_bad_rows"
    )
    raise tables.TableError(f"{head}{tables.some(problems, listed=_LISTED)}; {advice}")
  return good, values, bad


def named(cells: Mapping[str, str], problems: list[str]) -> tuple[str, str]:
  """A row's worker and picture id; what is wrong with them joins `problems`."""
  worker, image = cells["worker"], cells["image"]
  if not worker:
    problems.append("column worker: expected a worker's name, got nothing")
  try:
    image = names.image_id(image)
  except ValueError as error:
    problems.append(f"column image: {error}")
  return worker, image


def is_image(image: str) -> bool:
  """Whether a name can be that of a picture."""
  try:
    return bool(names.image_id(image))
  except ValueError:
    return False


def _check_columns(
  table: tables.Table,
  columns: Sequence[str],
  ignored: Collection[str],
) -> None:
  """Refuses columns nobody asked for: a misspelt one would be lost in silence."""
  passed = {name.strip().lower() for name in ignored}
  unknown = [name for name in table.others if name not in passed]
  if not unknown:
    return
  shown = []
  for name in unknown:
    near = difflib.get_close_matches(name, columns, n=1) if name else []
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    shown.append(f"{name!r}{hint}" if name else "one without a name")
  advice = "rename them"
  if all(unknown):
    advice += f", or pass --ignore_columns={','.join(unknown)}"
  raise tables.TableError(
    f"{table.path} has columns that are not known: {', '.join(shown)}; known: "
    f"{', '.join(columns)}; {advice}"
  )
