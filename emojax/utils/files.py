"""Result files: written whole or not at all, and readable whatever pictures are called.

In: text or bytes to keep. Out: a file that is either the old one or the new one, also
after a kill or on a full disk; CSV that survives any file name.

Every CSV table of emojax is for people, who open it in a spreadsheet, and most are also
read again by emojax: a run's `predictions.csv` by `report`, `ratings.csv` of raters by
training, rating pages' downloads by `raters`, any other as a table of names. So all are
written by `csv_text`, with a guard before what a spreadsheet would run, and all are
read by `evaluation.results` or `utils.table_files`, which take the guard off. Other
programs find the names as they are in JSON and Parquet.
"""

import csv
import dataclasses
import io
import json
import math
import os
import pathlib
import re
from collections.abc import Iterable
from typing import Any

_MOST_BYTES = 64_000_000  # of text; an experiment of hundreds of runs has a tenth
# What a spreadsheet takes for a formula: these marks, also in their wide forms and
# behind what it does not show, unless a number stands there. Marks behind guards count,
# so that no two cells look alike once guarded.
_GUARD = "'"
_BLANK = r"[\s\0-\x1f\x7f-\xa0\u200b-\u200f\ufeff]"
_FORMULA = re.compile(rf"{_GUARD}*{_BLANK}*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write(path: pathlib.Path, content: str | bytes | memoryview) -> None:
  """Puts a whole file in place, or leaves the old one.

  Args:
    path: the file; its folder is there.
    content: bytes as they are; text is written as UTF-8 with its line ends unchanged,
      see `utf8`.
  Raises:
    OSError: the disk is full or cannot be written.
  """
  data = utf8(content).encode() if isinstance(content, str) else content
  draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  try:
    with draft.open("wb") as file:
      file.write(data)
      file.flush()
      os.fsync(file.fileno())  # before the rename, or a power cut could leave it empty
    draft.replace(path)
  finally:
    draft.unlink(missing_ok=True)


def read_text(path: pathlib.Path) -> str:
  """The UTF-8 text of a file that emojax wrote, of bounded size.

  Raises:
    OSError: it cannot be read, or is no regular file.
    ValueError: it is too large, or is not UTF-8.
  """
  if path.exists() and not path.is_file():
    raise OSError("it is no regular file")
  with path.open("rb") as file:
    content = file.read(_MOST_BYTES + 1)
  if len(content) > _MOST_BYTES:
    raise ValueError(f"it is larger than {_MOST_BYTES / 1e6:.0f} MB")
  return content.decode()


def read_json(path: pathlib.Path) -> Any:
  """The value in a JSON file that emojax wrote, of bounded size.

  Raises:
    OSError, ValueError: see `read_text`; ValueError also for what is not JSON.
  """
  return json_value(read_text(path))


def json_value(content: str | bytes) -> Any:
  """The value of a text of JSON; ValueError for anything else."""
  try:
    return json.loads(content)
  except RecursionError:
    raise ValueError("it is nested too deeply") from None


def csv_line(*cells: object) -> str:
  """One line of CSV, cells `guarded`; commas, quotes and line breaks are quoted."""
  text = io.StringIO(newline="")
  # Python's writer quotes only the line breaks that it writes itself, so both.
  csv.writer(text, lineterminator="\r\n").writerow(
    [guarded(utf8(cell)) for cell in cells]
  )
  return text.getvalue().removesuffix("\r\n") + "\n"


def csv_text(rows: Iterable[Iterable[object]]) -> str:
  """Rows of cells as CSV, a line each."""
  return "".join(csv_line(*cells) for cells in rows)


def guarded(cell: str) -> str:
  """A cell for people: behind a ' where a spreadsheet would run it as a formula."""
  return _GUARD + cell if _is_formula(cell) else cell


def unguarded(cell: str) -> str:
  """The cell that `guarded` was given; any other as it is."""
  rest = cell.removeprefix(_GUARD)
  return rest if rest != cell and _is_formula(rest) else cell


def _is_formula(cell: str) -> bool:
  return bool(_FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def plain(value: Any) -> Any:
  """The same as JSON has it: records as dictionaries, None for what is not finite."""
  if dataclasses.is_dataclass(value) and not isinstance(value, type):
    value = dataclasses.asdict(value)
  if isinstance(value, dict):
    return {key: plain(part) for key, part in value.items()}
  if isinstance(value, list | tuple):
    return [plain(part) for part in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value


def json_text(value: Any, ensure_ascii: bool = True) -> str:
  """A value as the text of a JSON file: `plain`, so that any reader can read it."""
  text = json.dumps(plain(value), indent=2, ensure_ascii=ensure_ascii, allow_nan=False)
  return text + "\n"


def json_line(value: Any) -> str:
  """A value as a line of JSON lines, `plain` too."""
  return json.dumps(plain(value), allow_nan=False) + "\n"


def number(value: float | None) -> float:
  """A number that `plain` wrote, or a file of emojax 0.1.0: null was not a number."""
  return math.nan if value is None else value


def utf8(value: object) -> str:
  """Text that UTF-8 can hold: bytes of a file name that it cannot stand as \\udcXX."""
  return str(value).encode("utf-8", "backslashreplace").decode()
