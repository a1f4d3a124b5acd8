"""Result files: written whole or not at all, and readable whatever pictures are called.

In: text or bytes to keep. Out: a file that is either the old one or the new one, also
after a kill or on a full disk; CSV that survives any file name.
"""

import csv
import io
import os
import pathlib
from collections.abc import Iterable


def write(path: pathlib.Path, content: str | bytes | memoryview) -> None:
  """Puts a whole file in place, or leaves the old one.

  Args:
    path: the file; its folder is there.
    content: bytes as they are; text is written as UTF-8 with its line ends unchanged.
  Raises:
    OSError: the disk is full or cannot be written.
  """
  data = content.encode() if isinstance(content, str) else content
  draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
  try:
    with draft.open("wb") as file:
      file.write(data)
      file.flush()
      os.fsync(file.fileno())  # before the rename, or a power cut could leave it empty
    draft.replace(path)
  finally:
    draft.unlink(missing_ok=True)


def csv_line(*cells: object) -> str:
  """One line of CSV; commas, quotes and any line breaks in a cell are quoted."""
  text = io.StringIO(newline="")
  # Python's writer quotes only the line breaks that it writes itself, so both.
  csv.writer(text, lineterminator="\r\n").writerow([utf8(cell) for cell in cells])
  return text.getvalue().removesuffix("\r\n") + "\n"


def csv_text(rows: Iterable[Iterable[object]]) -> str:
  """Rows of cells as CSV, a line each."""
  return "".join(csv_line(*cells) for cells in rows)


def utf8(value: object) -> str:
  """Text that UTF-8 can hold: bytes of a file name that it cannot stand as \\udcXX."""
  return str(value).encode("utf-8", "backslashreplace").decode()
