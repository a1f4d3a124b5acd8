"""Features that were computed elsewhere: tables of numbers, a row per picture.

In: a file that another tool wrote. Out: an `ExternalTable`, and from it the rows of the
pictures asked for. Embeddings of any network and raters' signals (heart rate, skin
conductance, EEG) come in this way; the numbers are taken as they are.
"""

import dataclasses
import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from emojax.utils import checksums, errors, names, table_files, tables

VERSION = 1
_MOST_BYTES = 1_000_000_000  # of text: 10,766 pictures of 4,096 numbers have half of it
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME_COLUMNS = (
  "image",
  "image_id",
  "filename",
  "file_name",
  "file",
  "name",
  "path",
  "stimulus",
)
_NAME_FILES = "file_names.txt"  # as thingsvision writes it beside features.npy
# What a packed file may unpack to: so many bytes, or so many times its own.
_UNPACKED_FREELY = 2**26
_MOST_TIMES = 20
_OWN = "features.json"  # beside emojax.extract's tables, whose digests it keeps


class ExternalError(errors.UserError):
  """A table of features that cannot be used; the message says what to do."""


@dataclasses.dataclass(frozen=True)
class ExternalTable:
  """One feature from elsewhere.

  Attributes:
    name: what the feature is called.
    path: the file.
    image_names: M names of pictures as the file has them.
    values: (M, D) float32, finite.
    digest: hex digest of names and values: the same table in another format is the
      same feature.
  """

  name: str
  path: pathlib.Path
  image_names: tuple[str, ...]
  values: np.ndarray
  digest: str

  @property
  def need(self) -> str:
    """Its key among sources; no backbone's name has a space."""
    return f"table {self.name}"

  @property
  def label(self) -> str:
    """Short text for tables."""
    return f"{self.name} from {self.path.name} {self.digest[:8]}"

  @property
  def size(self) -> int:
    """Numbers per picture, D."""
    return self.values.shape[1]

  def rows_of(self, wanted: Sequence[str]) -> np.ndarray:
    """Which row of the table is each picture's: (N,) int, -1 where none is.

    Names fit whose last parts are the same, with or without the folder before and the
    suffix behind, slashes either way and letters composed or decomposed.

    Raises:
      ExternalError: a picture's name fits several rows.
    """
    whole: dict[str, set[int]] = {}
    by_part: dict[str, set[int]] = {}
    for row, name in enumerate(self.image_names):
      whole.setdefault(_parts(name)[0], set()).add(row)
      for part in _parts(name):
        by_part.setdefault(part, set()).add(row)
    rows = np.full(len(wanted), -1)
    for i, name in enumerate(wanted):
      parts = _parts(name)
      fitting = whole.get(parts[0]) or next(
        (by_part[part] for part in parts if part in by_part), set()
      )
      if len(fitting) > 1:
        several = " and ".join(
          repr(self.image_names[row]) for row in sorted(fitting)[:2]
        )
        raise ExternalError(
          f"{self.path}: {several} both fit the picture {name!r}; name the folders too"
        )
      rows[i] = next(iter(fitting), -1)
    return rows

  def describe(self) -> dict[str, Any]:
    """What the feature is, JSON-able; see `features.descriptions.describe`."""
    return {
      "name": self.name,
      "size": self.size,
      "version": VERSION,
      "images_version": 0,  # no picture was read
      "kind": "value",
      "needs": self.need,
      "label": self.label,
      "weights": None,
      "digest": self.digest,
      "file": self.path.name,
    }


def is_external(entry: Mapping[str, Any]) -> bool:
  """Whether a feature's description is that of a table from elsewhere."""
  return "file" in entry


def _parts(name: str) -> list[str]:
  """A picture's name and its ends, the longest first, then those without a suffix."""
  parts = names.normal(name or "/").split("/")
  ends = ["/".join(parts[start:]) for start in range(len(parts))]
  return [*ends, *(os.path.splitext(end)[0] for end in ends)]


def paths(settings: Iterable[str], taken: Iterable[str]) -> dict[str, pathlib.Path]:
  """The files that `--extra_features` names, by feature.

  Args:
    settings: texts such as "clip=features.npy".
    taken: names of features that emojax has itself.
  Raises:
    ExternalError: another form, a name that is taken or comes twice.
  """
  files: dict[str, pathlib.Path] = {}
  for setting in settings:
    name, equals, path = setting.partition("=")
    if not (equals and path and _NAME.fullmatch(name)):
      raise ExternalError(
        "--extra_features is NAME=FILE with letters, digits and _ in the name, such as "
        f"clip=clip.npy; got {setting!r}"
      )
    if name in files or name in taken:
      raise ExternalError(
        f"--extra_features={setting}: there is a feature {name} already; choose "
        "another name"
      )
    files[name] = pathlib.Path(path).expanduser()
  return files


def check_present(files: Mapping[str, pathlib.Path]) -> None:
  """ExternalError unless each table is there; none is read."""
  for name, path in files.items():
    if not path.is_file():
      raise ExternalError(f"no file {path}: expected a table of the feature {name}")


def read(name: str, path: pathlib.Path) -> ExternalTable:
  """A feature's table from its file.

  Args:
    name: what the feature is called.
    path: `.npy` of (M, D) numbers with a text file of M names beside it,
      `file_names.txt` as thingsvision writes it or one of the table's own name; `.npz`
      of one such array and one of names; `.csv`, `.tsv`, `.txt`, `.xlsx` or `.parquet`
      with a column of names, the rest numbers (in Parquet also lists of numbers).
  Raises:
    ExternalError: no such file, another kind, names that do not fit, text or missing
      numbers; says which file, which row and what was expected.
    DamageError: emojax.extract wrote it, and it is not what was written.
  """
  readers: Mapping[str, Callable[[pathlib.Path], Read]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".parquet": _parquet,
    **dict.fromkeys((".csv", ".tsv", ".txt", ".xlsx"), _table),
  }
  reader = readers.get(path.suffix.lower())
  if reader is None:
    raise ExternalError(
      f"{path}: expected {', '.join(readers)}, got {path.suffix or 'no suffix'}"
    )
  check_present({name: path})
  if (path.parent / _OWN).is_file():
    checksums.check(path.parent, "extract the features again", [path.name])
  try:
    image_names, values = reader(path)
  except (ExternalError, tables.TableError) as error:
    raise ExternalError(str(error)) from error
  # Cells of other kinds than were expected, among numbers or names.
  except (ValueError, TypeError) as error:
    raise ExternalError(
      f"cannot read {path}: {' '.join(str(error).split())}; expected names of pictures "
      "as text, and numbers"
    ) from error
  _check(path, image_names, values)
  table = np.ascontiguousarray(values, np.float32)
  if not np.isfinite(table).all():
    row, column = np.argwhere(~np.isfinite(table))[0]
    raise ExternalError(
      f"{path}: the number {column + 1} of {image_names[row]!r} is missing or not "
      "finite; leave that picture out, or fill the number in"
    )
  state = hashlib.sha256("\0".join(image_names).encode("utf-8", "surrogateescape"))
  state.update(table.tobytes())
  return ExternalTable(name, path, tuple(image_names), table, state.hexdigest())


Read = tuple[Sequence[str], np.ndarray]  # M names, (M, D) numbers


def _check(path: pathlib.Path, image_names: Sequence[str], values: np.ndarray) -> None:
  if values.ndim != 2 or not (np.issubdtype(values.dtype, np.number) and values.size):
    raise ExternalError(
      f"{path}: expected a row of numbers per picture, got an array of {values.dtype} "
      f"of shape {values.shape}"
    )
  if np.iscomplexobj(values):
    raise ExternalError(f"{path}: expected real numbers, got {values.dtype}")
  if len(image_names) != len(values):
    raise ExternalError(
      f"{path}: {len(values)} rows of numbers, but {len(image_names)} names of "
      "pictures; expected as many"
    )
  for row, name in enumerate(image_names, start=1):
    if not isinstance(name, str):
      raise ExternalError(f"{path}: the row {row} has no name of a picture")


def _npy(path: pathlib.Path) -> Read:
  beside = [path.with_suffix(".txt"), path.with_name(f"{path.stem}_{_NAME_FILES}")]
  for names_file in (*beside, path.with_name(_NAME_FILES)):
    if names_file.is_file():
      text = names_file.read_text("utf-8-sig", "surrogateescape")
      lines = [line.strip() for line in text.splitlines()]
      return [line for line in lines if line], _loaded(path)
  raise ExternalError(
    f"{path} does not say which row is which picture: put a text file with a name per "
    f"line beside it, {_NAME_FILES} as thingsvision writes it, or {beside[0].name}"
  )


def _npz(path: pathlib.Path) -> Read:
  archive = _loaded(path)
  texts = {key: value for key, value in archive.items() if value.dtype.kind in "US"}
  numbers = {key: value for key, value in archive.items() if value.dtype.kind in "fiu"}
  if len(texts) != 1 or len(numbers) != 1:
    shapes = ", ".join(f"{k} {v.dtype} {v.shape}" for k, v in archive.items())
    raise ExternalError(
      f"{path}: expected one array of names (text) and one of numbers, got "
      f"{shapes or 'nothing'}"
    )
  (image_names,), (values,) = texts.values(), numbers.values()
  if image_names.dtype.kind == "S":
    image_names = np.char.decode(image_names, "utf-8")
  return [str(name) for name in image_names.ravel()], values


def _loaded(path: pathlib.Path) -> Any:
  """The array of a `.npy` file, or the arrays of a `.npz` file; nothing is run."""
  try:
    with path.open("rb") as file:  # NumPy leaves a damaged archive open
      loaded = np.load(file, allow_pickle=False)
      if isinstance(loaded, np.ndarray):
        return loaded
      unpacked = sum(entry.file_size for entry in loaded.zip.infolist())
      if unpacked > max(_UNPACKED_FREELY, _MOST_TIMES * path.stat().st_size):
        raise ValueError(f"a small file that unpacks to {unpacked:,} bytes")
      # What is no array in an archive is its bytes.
      return {key: np.asarray(loaded[key]) for key in loaded.files}
  # What damaged archives make NumPy and zipfile raise is not documented.
  except Exception as error:
    raise ExternalError(
      f"cannot read {path}: {' '.join(str(error).split())}; expected arrays of numbers "
      "and of text as np.save and np.savez write them, without Python objects"
    ) from error


def _parquet(path: pathlib.Path) -> Read:
  import pyarrow as pa
  import pyarrow.parquet

  try:
    table = pyarrow.parquet.read_table(path)
  except (pa.ArrowException, OSError) as error:
    raise ExternalError(
      f"cannot read {path}: {' '.join(str(error).split())}; expected a Parquet file"
    ) from error
  is_text = {
    field.name: pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    for field in table.schema
  }
  columns = list(is_text)
  texts = [c for c, name in enumerate(columns) if is_text[name]]
  key = columns[_name_column(path, columns, texts)]
  parts = []
  for name in is_text:
    if name == key:
      continue
    column = table.column(name).combine_chunks()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
      lengths = {len(row) if row is not None else 0 for row in column.to_pylist()}
      if len(lengths) != 1:
        raise ExternalError(
          f"{path}: the lists of column {name!r} have {len(lengths)} different "
          "lengths; expected one"
        )
      parts.append(np.array(column.to_pylist(), np.float64))
    elif pa.types.is_fixed_size_list(column.type):
      parts.append(np.array(column.to_pylist(), np.float64))
    elif not is_text[name]:
      parts.append(column.to_numpy(zero_copy_only=False).astype(np.float64)[:, None])
    else:
      raise ExternalError(
        f"{path}: column {name!r} is text; expected numbers beside the names in {key!r}"
      )
  if not parts:
    raise ExternalError(f"{path} has no columns of numbers beside {key!r}")
  return table.column(key).to_pylist(), np.concatenate(parts, axis=1)


def _table(path: pathlib.Path) -> Read:
  """A text table or a spreadsheet: a column of names, the rest numbers."""
  sheet = table_files.read(path, len, table_files.WINDOWS, _MOST_BYTES)
  if len(sheet.rows) < 2:
    raise ExternalError(f"{path}: expected a header and a row per picture")
  (_, header), *rows = sheet.rows
  columns = range(len(header))
  texts = [c for c in columns if not any(_is_number(row, c) for _, row in rows)]
  key = _name_column(path, header, texts)
  counts = [c for c in columns if c != key and not header[c] and _counts(rows, c)]
  used = [c for c in columns if c != key and c not in counts]
  values = np.empty((len(rows), len(used)))
  for i, (line, cells) in enumerate(rows):
    if len(cells) != len(header):
      raise ExternalError(
        f"{path}, line {line}: expected {len(header)} cells as in the header, got "
        f"{len(cells)}"
      )
    for j, c in enumerate(used):
      try:
        values[i, j] = tables.number(_with_point(cells[c]))
      except ValueError as error:
        raise ExternalError(f"{path}, line {line}, {header[c]!r}: {error}") from None
  return [cells[key] for _, cells in rows], values


_Rows = Sequence[tuple[int, Sequence[str]]]  # line in the file, and cells


def _is_number(cells: Sequence[str], column: int) -> bool:
  try:
    tables.number(_with_point(cells[column]))
  except (ValueError, IndexError):
    return False
  return True


def _with_point(cell: str) -> str:
  """A number with a decimal point; commas between cells never reach one."""
  return cell.replace(",", ".")


def _counts(rows: _Rows, column: int) -> bool:
  """Whether a nameless column numbers the rows, as pandas and R write them."""
  cells = [row[column] for _, row in rows]
  return any(cells == [str(i + s) for i in range(len(cells))] for s in (0, 1))


def _name_column(
  path: pathlib.Path, header: Sequence[str], texts: Sequence[int]
) -> int:
  """The column that names pictures: one of the usual names, else the only text."""
  usual = [c for c, name in enumerate(header) if name.strip().lower() in _NAME_COLUMNS]
  choice = usual or list(texts)
  if len(choice) != 1:
    raise ExternalError(
      f"{path}: which column names the pictures? Expected one called "
      f"{_NAME_COLUMNS[0]}, got {tables.some(header, ', ')}"
    )
  return choice[0]
