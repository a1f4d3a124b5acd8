"""Long tables, one row per answer of one person: read whole, every row accounted for.

In: one or several tables and which columns they may have. Out: rows with their place,
and what a check makes of each: values, or what is wrong with the row.
"""

import difflib
import pathlib
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

from emojax.utils import names, tables

T = TypeVar("T")
_LISTED = 5  # problems that an error lists before it only counts them
_SHOWN = 8  # columns that an error names
ALL = "all"  # of the columns to ignore: every one that is not known
# What platforms and programs call the columns.
_NAMES = {
  "worker": (
    *("worker_id", "participant", "participant_id", "subject", "subject_id"),
    *("rater", "rater_id", "prolific_pid", "prolific_id", "response_id"),
  ),
  "image": (
    *("image_id", "image_name", "image_url", "input.image", "input.image_url"),
    *("picture", "photo", "filename", "file_name", "stimulus"),
  ),
  "valence": ("answer.valence", "valence_rating"),
  "arousal": ("answer.arousal", "arousal_rating"),
  "seconds": ("rt", "response_time", "reaction_time", "WorkTimeInSeconds"),
  "approval": ("approval_rate", "LifetimeApprovalRate"),
}


class Row(NamedTuple):
  """One row of a file: where it begins, and its cells by column."""

  file: str
  line: int
  cells: Mapping[str, str]


class Rows(NamedTuple):
  """All rows of all files.

  Attributes:
    rows: in the order of the files.
    assumed: a line on each file that was not read as it stands.
    headers: file -> its columns.
  """

  rows: list[Row]
  assumed: list[str]
  headers: Mapping[str, tuple[str, ...]]


class Problem(NamedTuple):
  """What is wrong with a cell."""

  column: str
  text: str

  def __str__(self) -> str:
    return f"column {self.column}: {self.text}"


class BadRow(NamedTuple):
  """A row that cannot be used, and why."""

  row: Row
  problem: str


# The values of a row, and what is wrong with it; the values count if nothing is.
Checked = tuple[T, list[Problem]]


def read(
  paths: Sequence[pathlib.Path],
  needed: Sequence[str],
  optional: Sequence[str],
  ignored: Collection[str],
  numbers: Collection[str] = (),
) -> Rows:
  """All rows of all files, in the order given.

  Args:
    paths: tables as `tables.read` reads them.
    needed: columns that must be there.
    optional: columns that may be there.
    ignored: columns that may be there and are not read, in any case; `ALL`: any but
      those above.
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
  passed = {name.strip().lower() for name in ignored}
  columns = [
    tables.Column(
      name,
      ((), _NAMES.get(name, ())),
      is_needed=name in needed,
      is_number=name in numbers,
    )
    for name in (*needed, *optional)
    if name in needed or name not in passed
  ]
  rows: list[Row] = []
  assumed = []
  headers = {}
  read_paths: set[pathlib.Path] = set()
  for path in paths:
    if path.resolve() in read_paths:
      raise tables.TableError(f"{path} is named twice")
    read_paths.add(path.resolve())
    table = tables.read(path, columns)
    headers[str(path)] = table.header
    phrases = []
    others = list(table.others)
    if not table.header[0] and "" in others:
      others.remove("")
      phrases.append("its first column, which has no name, taken for row numbers")
    if ALL not in passed:
      _check_columns(path, others, [*needed, *optional], passed)
    lines = table.lines
    if heads := _further_heads(lines):
      lines = lines[heads:]
      phrases.append(f"{heads} further lines of Qualtrics' header left out")
    rows += [Row(str(path), line.number, line.cells) for line in lines]
    if line := table.assumption(*phrases):
      assumed.append(line)
  return Rows(rows, assumed, headers)


def sift(
  rows: Sequence[Row],
  check: Callable[[Mapping[str, str]], Checked[T]],
  skip_bad: bool,
  optional: Collection[str] = (),
) -> tuple[list[Row], list[T], list[BadRow]]:
  """Rows that can be used with their values, and the others.

  Args:
    rows: as `read` found them.
    check: takes a row's cells.
    skip_bad: return rows that cannot be used instead of raising.
    optional: columns that may be left out, which is better than to lose their rows.
  Raises:
    TableError: some rows, or with `skip_bad` all of them, cannot be used.
  """
  good: list[Row] = []
  values: list[T] = []
  bad: list[BadRow] = []
  problems: list[str] = []
  wrong_columns: set[str] = set()
  several = len({row.file for row in rows}) > 1
  for row in rows:
    value, wrong = check(row.cells)
    if wrong:
      bad.append(BadRow(row, "; ".join(map(str, wrong))))
      wrong_columns |= {problem.column for problem in wrong}
      place = f"{row.file}, line {row.line}" if several else f"line {row.line}"
      problems += [f"{place}, {problem}" for problem in wrong]
    else:
      good.append(row)
      values.append(value)
  if bad and not (skip_bad and good):
    head = "" if several else f"{rows[0].file}: "
    advice = "no row can be used"
    if good:
      advice = "correct them, or leave these rows out with --skip_bad_rows"
    if wrong_columns <= set(optional):
      columns = ",".join(sorted(wrong_columns))
      advice = f"correct them, or leave the column out: --ignore_columns={columns}"
    raise tables.TableError(f"{head}{tables.some(problems, listed=_LISTED)}; {advice}")
  return good, values, bad


def named(cells: Mapping[str, str], problems: list[Problem]) -> tuple[str, str]:
  """A row's worker and picture id; what is wrong with them joins `problems`.

  Two spellings of one name are one: letters are composed (NFC), and see
  `names.image_id`. A name that is not known (empty, NA ...) is nobody's: "".
  """
  worker = composed(cells["worker"])
  image = composed(cells["image"])
  if not worker:
    shown = repr(cells["worker"]) if cells["worker"] else "nothing"
    problems.append(Problem("worker", f"expected a worker's name, got {shown}"))
  try:
    if cells["image"] and not image:
      raise ValueError(f"expected a picture's name, got {cells['image']!r}")
    image = names.image_id(image)
  except ValueError as error:
    problems.append(Problem("image", str(error)))
  return worker, image


def composed(cell: str) -> str:
  """A name with its letters composed; "" where the cell says that there is none."""
  return "" if tables.is_unknown(cell) else unicodedata.normalize("NFC", cell)


def is_image(image: str) -> bool:
  """Whether a name can be that of a picture."""
  try:
    return bool(names.image_id(image))
  except ValueError:
    return False


def _further_heads(lines: Sequence[tables.Line]) -> int:
  """How many lines Qualtrics wrote below the first of its header: questions, ids."""
  for count, line in enumerate(lines[:2], start=1):
    if any(cell.startswith('{"ImportId"') for cell in line.cells.values()):
      return count
  return 0


def _check_columns(
  path: pathlib.Path,
  others: Sequence[str],
  columns: Sequence[str],
  passed: Collection[str],
) -> None:
  """Refuses columns nobody asked for: a misspelt one would be lost in silence."""
  unknown = [name for name in others if name not in passed]
  if not unknown:
    return
  shown = []
  for name in unknown[:_SHOWN]:
    near = difflib.get_close_matches(name, columns, n=1) if name else []
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    shown.append(f"{name!r}{hint}" if name else "one without a name")
  if len(unknown) > _SHOWN:
    shown.append(f"and {len(unknown) - _SHOWN} more")
  advice = "rename them"
  if len(unknown) > _SHOWN:
    advice += f", or pass --ignore_columns={ALL} if they do not matter"
  elif all(unknown):
    advice += f", or pass --ignore_columns={','.join(unknown)}"
  raise tables.TableError(
    f"{path} has columns that are not known: {', '.join(shown)}; known: "
    f"{', '.join(columns)}; {advice}"
  )
