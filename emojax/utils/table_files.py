"""Files of tables to rows of text cells: text in any usual encoding, or a spreadsheet.

In: a file as people have it. Out: a `Sheet`: rows with their line, and what had to be
assumed to read it. Which row means what is the business of `tables`.
"""

import csv
import dataclasses
import datetime
import io
import pathlib
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from emojax.utils import files

# What stands between cells, and what a message calls it.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
WINDOWS = "cp1252"  # what Excel on Windows writes as CSV in Western Europe

_MARKS = (  # byte-order marks; UTF-32's begins with UTF-16's
  (b"\xff\xfe\x00\x00", "utf-32"),
  (b"\x00\x00\xfe\xff", "utf-32"),
  (b"\xff\xfe", "utf-16"),
  (b"\xfe\xff", "utf-16"),
)
_ENCODING_NAMES = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
_FOREIGN = {  # first bytes of files that hold tables, but not as text
  b"\xd0\xcf\x11\xe0": "an Excel file of before 2007: save it as .xlsx or CSV",
  b"$FL2": "an SPSS file: export it as CSV",
  b"$FL3": "an SPSS file: export it as CSV",
  b"PAR1": "a Parquet file: save it as CSV",
  b"\x1f\x8b": "compressed: unpack it",
  b"%PDF": "a PDF file: save the table as .xlsx or CSV",
}
_ZIP = b"PK\x03\x04"
# A million rows of ratings have 50 MB; what is read takes some twenty times the memory.
MOST_BYTES = 64_000_000
_MOST_UNPACKED = 4 * MOST_BYTES  # of a spreadsheet
_MOST_CELLS = 50_000_000  # of a sheet, empty ones too: a far one claims all before it
_NAMED = 6  # columns that a message about a sheet names


class TableError(ValueError):
  """A table that cannot be used as it is; the message says where and why."""


@dataclasses.dataclass(frozen=True)
class Sheet:
  """The cells of a file, before anyone says what they mean.

  Attributes:
    rows: (line, cells) of every row that is not blank; cells without blanks around, and
      without the guard that emojax writes before a formula.
    separator: one of `SEPARATORS`; "" in a spreadsheet.
    assumed: phrases that say what was taken for granted, such as "Windows-1252".
  """

  rows: list[tuple[int, list[str]]]
  separator: str
  assumed: tuple[str, ...]


def read(
  path: pathlib.Path,
  fits: Callable[[Sequence[str]], int],
  fallback_encoding: str,
  most_bytes: int = MOST_BYTES,
) -> Sheet:
  """The cells of a file.

  Args:
    path: text with commas, semicolons or tabs between cells, or an .xlsx file.
    fits: how many of the columns that are looked for a header has; the separator, and
      of several filled sheets the one, that it finds most in is taken.
    fallback_encoding: of text that is not UTF-8 and has no byte-order mark.
    most_bytes: a larger file is refused.
  Raises:
    TableError: no such file, no regular one, a too large one, no table, another
      encoding, or several sheets that fit.
  """
  try:
    data = _content(path, most_bytes)
  except FileNotFoundError:
    raise TableError(f"no file {path}: expected a CSV table of ratings") from None
  except OSError as error:
    raise TableError(f"cannot read {path}: {error.strerror}") from error
  for start, what in _FOREIGN.items():
    if data.startswith(start):
      raise TableError(f"{path} is {what}")
  if data.startswith(_ZIP):
    return _spreadsheet(path, data, fits)
  text, encoding = _decode(path, data, fallback_encoding)
  return _text_rows(path, text, encoding, fits)


def _content(path: pathlib.Path, most_bytes: int) -> bytes:
  """The bytes of a regular file of bounded size; never waits for a pipe."""
  status = path.stat()
  if not (path.is_file() or path.is_dir()):
    raise TableError(f"{path} is no regular file: expected a CSV table of ratings")
  if status.st_size > most_bytes:
    raise TableError(
      f"{path} has {status.st_size / 1e6:,.0f} MB, more than {most_bytes / 1e6:,.0f} "
      "of a table: leave out what is not needed"
    )
  return path.read_bytes()


def _decode(path: pathlib.Path, data: bytes, fallback: str) -> tuple[str, str]:
  """The text, and the encoding's name where it was taken for granted; else ""."""
  encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
  # Half the bytes of Western text in UTF-16 are zero; a few may stand in a name.
  start = data[:400]
  is_assumed = not encoding and start.count(0) * 8 > len(start)
  if is_assumed:
    encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
  try:
    text = data.decode(encoding or "utf-8-sig")
    if is_assumed and not all(c.isprintable() or c.isspace() for c in text):
      raise UnicodeDecodeError(encoding, data, 0, 1, "control characters")
    return text, "UTF-16" if is_assumed else ""
  except UnicodeDecodeError as error:
    if encoding:
      raise TableError(
        f"{path} is no text, neither UTF-8 nor UTF-16: save it as CSV in UTF-8"
      ) from None
    number = len((data[: error.start] + b"?").splitlines())
    try:
      return data.decode(fallback), _ENCODING_NAMES.get(fallback, fallback)
    except UnicodeDecodeError:
      raise TableError(
        f"{path}, line {number}: byte {data[error.start]:#04x} is not UTF-8, nor is "
        f"the file {_ENCODING_NAMES.get(fallback, fallback)}; save it again as CSV in "
        "UTF-8"
      ) from None


def _text_rows(
  path: pathlib.Path, text: str, encoding: str, fits: Callable[[Sequence[str]], int]
) -> Sheet:
  first = 1
  # Excel's own hint, which it does not show: the first line "sep=;".
  hint = re.match(r"sep=([,;\t])\s*?(\r\n|\r|\n)", text)
  if hint:
    separator = hint[1]
    text, first = text[hint.end() :], 2
  else:
    headers = {mark: _header(text, mark) for mark in SEPARATORS}
    separator = max(headers, key=lambda mark: (fits(headers[mark]), len(headers[mark])))
  assumed = [encoding] if encoding else []
  if separator != "," and not hint:
    assumed.append(f"{SEPARATORS[separator]} between cells")
  reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
  rows = []
  try:
    start = 0
    for cells in reader:
      stripped = [files.unguarded(cell.strip()) for cell in cells]
      if any(stripped):
        rows.append((first + start, stripped))
      start = reader.line_num
  except csv.Error as error:
    raise TableError(
      f"{path}, line {reader.line_num + first - 1}: not CSV: {error}"
    ) from error
  return Sheet(rows, separator, tuple(assumed))


def _header(text: str, separator: str) -> list[str]:
  """The first row that is not blank, if that mark separates cells."""
  try:
    for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
      if any(cell.strip() for cell in cells):
        return cells
  except csv.Error:  # told when the separator is chosen
    pass
  return []


def _spreadsheet(
  path: pathlib.Path, data: bytes, fits: Callable[[Sequence[str]], int]
) -> Sheet:
  """The filled sheet of an .xlsx file that fits."""
  # Here and not at the head: few tables are spreadsheets, and every --help would wait.
  import openpyxl

  try:
    members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    if not any(member.filename.startswith("xl/") for member in members):
      raise TableError(f"{path} is packed, but no .xlsx file: save it as .xlsx or CSV")
    unpacked = sum(member.file_size for member in members)
    if unpacked > _MOST_UNPACKED:
      raise TableError(
        f"{path} would unpack to {unpacked / 1e6:,.0f} MB: leave out what is not needed"
      )
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")  # of styles and extensions that do not matter
      book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
      sheets = {
        sheet.title: rows
        for sheet in book.worksheets
        if sheet.sheet_state == "visible" and (rows := _sheet_rows(path, sheet))
      }
  except TableError:
    raise
  # What a damaged file makes zipfile, XML and openpyxl raise is not documented.
  except Exception as error:
    raise TableError(
      f"{path} cannot be read as an .xlsx file ({' '.join(str(error).split())}): open "
      "it and save it again, or as CSV"
    ) from error
  if not sheets:
    return Sheet([], "", ())
  scores = {title: fits(rows[0][1]) for title, rows in sheets.items()}
  best = [title for title in sheets if scores[title] == max(scores.values())]
  if len(best) > 1:
    shown = " or ".join(
      f"{title!r} ({', '.join(sheets[title][0][1][:_NAMED])})" for title in best[:2]
    )
    raise TableError(
      f"{path} has several sheets that could be meant: {shown}; save the one as a file "
      "of its own"
    )
  assumed = (f"sheet {best[0]!r}",) if len(sheets) > 1 else ()
  return Sheet(sheets[best[0]], "", assumed)


def _sheet_rows(path: pathlib.Path, sheet: Any) -> list[tuple[int, list[str]]]:
  rows = []
  claimed = 0
  for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
    claimed += len(values)
    if claimed > _MOST_CELLS:
      raise TableError(
        f"{path} claims more than {_MOST_CELLS:,} cells in its sheet {sheet.title!r}: "
        "delete the empty rows and columns behind the table"
      )
    if any(value is not None for value in values):
      cells = [_text(value) for value in values]
      if any(cells):
        rows.append((number, cells))
  return rows


def _text(value: Any) -> str:
  """A spreadsheet's value as CSV would have it."""
  if value is None:
    return ""
  if isinstance(value, bool):
    return str(value).upper()
  if isinstance(value, float) and value.is_integer():
    return str(int(value))
  if isinstance(value, datetime.datetime | datetime.date | datetime.time):
    return value.isoformat()
  return files.unguarded(str(value).strip())
