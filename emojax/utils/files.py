"""Result files: written whole or not at all, and readable whatever pictures are called.

In: text or bytes to keep. Out: a file that is either the old one or the new one, also
after a kill or on a full disk, of which the error names the file; CSV that survives any
file name.

Every CSV table of emojax is for people, who open it in a spreadsheet, and most are also
read again by emojax: a run's `predictions.csv` by `report`, `ratings.csv` of raters by
training, rating pages' downloads by `raters`, any other as a table of names. So all are
written by `csv_text`, with a guard before what a spreadsheet would run, and all are
read by `evaluation.results` or `utils.table_files`, which take the guard off. Other
programs find the names as they are in JSON and Parquet.
"""

import contextlib
import csv
import dataclasses
import errno
import io
import json
import math
import os
import pathlib
import re
import shutil
from collections.abc import Iterable, Iterator
from typing import IO, Any

from emojax.utils import signals

_MOST_BYTES = 64_000_000  # of text; an experiment of hundreds of runs has a tenth
_DRAFT = re.compile(r"\..+\.(\d+)\.tmp", re.DOTALL)  # `.NAME.PROCESS.tmp`
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PROBE_BYTES = 2**16  # really written where it is asked whether there is space

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
    OSError: the disk is full or cannot be written; names the file.
  """
  data = utf8(content).encode() if isinstance(content, str) else content
  signals.check()
  with signals.whole(), writing(path, memoryview(data).nbytes) as file:
    file.write(data)


@contextlib.contextmanager
def writing(path: pathlib.Path, size: int = 0) -> Iterator[IO[bytes]]:
  """A file to be written piece by piece, put in place where the block ends well.

  Args:
    path: the file; its folder is there. Until then the old one stays.
    size: how many bytes are wanted, for the message of a full disk; 0: not known.
  Raises:
    OSError: the disk is full or cannot be written; names the file.
  """
  with explained(path, size):
    if path.exists() and not path.is_file():  # /dev/null is not to become a file
      with path.open("wb") as file:
        yield file
      return
    sweep(path.parent, path.name)
    draft = _draft(path)
    with signals.draft(draft):
      try:
        with draft.open("wb") as file:
          yield file
          file.flush()
          # Before the rename, or a power cut could leave it empty.
          os.fsync(file.fileno())
        draft.replace(path)
      finally:
        draft.unlink(missing_ok=True)


def sweep(folder: pathlib.Path, name: str = "") -> None:
  """Removes drafts of `write` that killed processes left.

  Args:
    folder: where.
    name: of the file whose drafts go; empty: all.
  """
  for draft in drafts(folder):
    process = _DRAFT.fullmatch(draft.name)
    assert process
    is_meant = not name or draft.name == f".{name}.{process[1]}.tmp"
    if is_meant and not _is_at_work(int(process[1])):
      with contextlib.suppress(OSError):  # gone already, or not ours to remove
        draft.unlink()


def drafts(folder: pathlib.Path) -> list[pathlib.Path]:
  """What `write` has begun in a folder and not ended."""
  with os.scandir(folder) as entries:
    return [folder / entry.name for entry in entries if _DRAFT.fullmatch(entry.name)]


def check_writable(path: pathlib.Path, size: int = 0) -> None:
  """Refuses a file that could not be written, before the work whose result it holds.

  Args:
    path: the file; folders above it that are not there are left to be made later.
    size: how many bytes it will at least have, or all files there together.
  Raises:
    OSError: it cannot be written; names the file, and the space wanted and free.
  """
  with signals.whole(), explained(path, size):
    if path.is_dir():
      raise IsADirectoryError(errno.EISDIR, "a folder is in the way", str(path))
    if path.exists() and not path.is_file():
      return
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
      folder = folder.parent
    if not folder.is_dir():
      raise NotADirectoryError(errno.ENOTDIR, f"{folder} is not a folder", str(path))
    sweep(folder, path.name)
    draft = _draft(folder / path.name)
    try:
      with draft.open("wb") as file:
        file.write(bytes(max(1, min(size, _PROBE_BYTES))))
    finally:
      with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)
    if size > shutil.disk_usage(folder).free:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@contextlib.contextmanager
def explained(path: pathlib.Path, size: int = 0) -> Iterator[None]:
  """Has an OSError say which file could not be written, and why.

  Args:
    path: the file, whatever name the error has: it may be that of a draft, or none.
    size: how many bytes were wanted.
  """
  try:
    yield
  except OSError as error:
    reason = error.strerror or str(error)
    raise unwritten(path, size, reason, error.errno or errno.EIO) from error


def unwritten(
  path: pathlib.Path, size: int, reason: str, number: int = errno.ENOSPC
) -> OSError:
  """The error that says which file could not be written.

  Args:
    path: the file.
    size: how many bytes were wanted; 0: not known.
    reason: why, in words.
    number: the system's number of the error; of a full disk the space is told.
  """
  if number in _FULL:
    folder = path.absolute()
    while not folder.is_dir() and folder != folder.parent:
      folder = folder.parent
    wanted = f"{size / 1e6:,.3f} MB wanted, " if size else ""
    free = shutil.disk_usage(folder).free
    reason += f" ({wanted}{free / 1e6:,.3f} MB free)"
  return OSError(number, reason, str(path))


def _draft(path: pathlib.Path) -> pathlib.Path:
  """Where a file is written before it takes its place."""
  return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _is_at_work(process: int) -> bool:
  """Whether another process of that number is there; this one has left nothing."""
  if process == os.getpid():
    return False
  try:
    os.kill(process, 0)
  except ProcessLookupError:
    return False
  except (PermissionError, OverflowError):
    return True
  return True


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
