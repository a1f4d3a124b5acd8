"""Features of pictures as Arrow tables, which Parquet files hold and other tools read.

In: what was extracted of some pictures. Out: a table with the columns `path`, `status`,
`reason` and one fixed-size list of float32 per feature, NaN where the picture failed;
in its schema's metadata what the numbers are.
"""

import io
import json
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from emojax.extract.pipeline import Extracted
from emojax.features import descriptions
from emojax.utils import checksums, errors, files, records
from emojax.version import __version__

# Keys of the metadata. Values are JSON, but for the version's.
VERSION, FEATURES, CLASS_NAMES = b"emojax", b"features", b"class_names"
INPUTS, LIMITS = b"inputs", b"limits"
# Those in which shards of one table agree, and what a message calls them.
KEYS = {
  VERSION: "versions of emojax",
  FEATURES: "features or weights",
  CLASS_NAMES: "names of classes",
  INPUTS: "pictures",
  LIMITS: "limits",
}
SUFFIX = ".parquet"
TEXTS = ("path", "status", "reason")
ROW_GROUP = 512  # rows; of the widest features that is 16 MB


def schema(
  described: Sequence[Mapping[str, Any]],
  class_names: Mapping[str, Sequence[str]],
  inputs: Mapping[str, Any],
  limits: Mapping[str, int],
) -> pa.Schema:
  """The schema of a table.

  Args:
    described: the features, see `features.descriptions`.
    class_names: feature -> what each of its numbers is about, where that has a name.
    inputs: of all pictures, whatever part of them a table has: `number`, and `digest`
      of their names.
    limits: settings that decide which pictures are refused: `max_pixels`.
  """
  values: dict[bytes, Any] = {
    FEATURES: list(described),
    CLASS_NAMES: class_names,
    INPUTS: inputs,
    LIMITS: limits,
  }
  metadata = {
    key: json.dumps(value, allow_nan=False).encode() for key, value in values.items()
  }
  return _schema({VERSION: __version__.encode(), **metadata})


def _schema(metadata: Mapping[bytes, bytes]) -> pa.Schema:
  """The schema that belongs to some metadata."""
  fields = [pa.field(name, pa.string()) for name in TEXTS]
  for entry in json.loads(metadata[FEATURES]):
    # Called as Parquet calls it, so that what was read is what was written.
    number = pa.field("element", pa.float32())
    fields.append(pa.field(entry["name"], pa.list_(number, entry["size"])))
  return pa.schema(fields, metadata)


def table(names: Sequence[str], extracted: Extracted, of: pa.Schema) -> pa.Table:
  """What was extracted of some pictures, as rows of a table.

  Args:
    names: of the pictures; bytes that are not UTF-8 stand as \\\\udcXX.
    extracted: the same pictures.
    of: the table's schema.
  """
  columns: list[pa.Array] = [
    pa.array([files.utf8(name) for name in names], pa.string()),
    pa.array([row.status for row in extracted.rows], pa.string()),
    pa.array([files.utf8(row.reason) for row in extracted.rows], pa.string()),
  ]
  for name in of.names[len(TEXTS) :]:
    part = np.ascontiguousarray(extracted.values[name], np.float32)
    numbers = pa.array(part.reshape(-1))
    columns.append(pa.FixedSizeListArray.from_arrays(numbers, part.shape[1]))
  return pa.Table.from_arrays(columns, schema=of)


def values(column: pa.ChunkedArray) -> np.ndarray:
  """A feature's column as (N, size) float32."""
  return column.combine_chunks().flatten().to_numpy().reshape(len(column), -1)


def described(of: pa.Schema) -> list[dict[str, Any]]:
  """What the features of a table are, see `features.descriptions`."""
  return json.loads((of.metadata or {})[FEATURES])


def number(of: pa.Schema) -> int:
  """How many pictures there are in all, whatever part of them a table has."""
  return json.loads((of.metadata or {})[INPUTS])["number"]


def failed(rows: pa.Table) -> int:
  """How many rows have a status other than "ok"."""
  return sum(status != "ok" for status in rows["status"].to_pylist())


def write(path: pathlib.Path, tables: Iterable[pa.Table], of: pa.Schema) -> int:
  """Writes tables behind each other as one Parquet file, whole or not at all.

  Row groups have `ROW_GROUP` rows whatever the tables have, so that the same rows are
  the same bytes.

  Args:
    path: the file; its folder is there.
    tables: asked for one by one, so that memory holds one.
    of: their schema, with the metadata that the file is to have.
  Returns:
    How many pictures failed.
  Raises:
    OSError: the disk is full or may not be written.
  """
  number_failed = 0
  with files.writing(path) as file, _writer(file, of) as writer:
    waiting = of.empty_table()
    for rows in tables:
      number_failed += failed(rows)
      waiting = pa.concat_tables([waiting, rows.cast(of)])
      while len(waiting) >= ROW_GROUP:
        writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
        waiting = waiting.slice(ROW_GROUP)
    if len(waiting):
      writer.write_table(waiting.combine_chunks())
  return number_failed


def content(rows: pa.Table) -> bytes:
  """A small table as the bytes of a Parquet file."""
  buffer = io.BytesIO()
  with _writer(buffer, rows.schema) as writer:
    writer.write_table(rows)
  return buffer.getvalue()


def head(path: pathlib.Path) -> tuple[pa.Schema, int]:
  """The schema of a file of `write`, and how many rows it has.

  Raises:
    UserError: it is another file, or none.
  """
  try:
    with pyarrow.parquet.ParquetFile(path) as file:
      of, rows = file.schema_arrow, file.metadata.num_rows
    if of != _schema(of.metadata or {}):
      raise ValueError("its columns are not those that it should have")
    of = _schema(of.metadata)
    descriptions.current(described(of))
    records.check(number(of), int, "number")
  except FileNotFoundError:
    raise errors.UserError(f"no file {path}: expected a table of features") from None
  except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
    raise errors.UserError(
      f"{path} is no table that python -m emojax.extract --output=....parquet wrote "
      f"({' '.join(str(error).split())})"
    ) from error
  return of, rows


def group_sizes(path: pathlib.Path) -> list[int]:
  """How many rows each row group has of a file that `head` takes."""
  with pyarrow.parquet.ParquetFile(path) as file:
    metadata = file.metadata
    return [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]


def row_groups(
  path: pathlib.Path,
  advice: str,
  columns: Sequence[str] | None = None,
  groups: Sequence[int] | None = None,
) -> Iterator[pa.Table]:
  """The rows of a file that emojax wrote, checked to be what was written.

  Args:
    path: the file.
    advice: what to do about a damaged one.
    columns: which; None: all.
    groups: which, counted from 0; None: all.
  Raises:
    DamageError: they are not, or the file is not there; says which and what to do.
  """
  try:
    with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
      for group in range(file.num_row_groups) if groups is None else groups:
        yield file.read_row_group(group, columns)
  except (OSError, pa.ArrowException) as error:
    raise checksums.DamageError(
      f"{path} is damaged ({' '.join(str(error).split())}): {advice}"
    ) from error


def _writer(file: IO[bytes], of: pa.Schema) -> pyarrow.parquet.ParquetWriter:
  return pyarrow.parquet.ParquetWriter(
    file,
    of,
    # Numbers of features hardly repeat: looking for it costs time and memory.
    use_dictionary=["status", "reason"],
    write_statistics=list(TEXTS),
    write_page_checksum=True,
  )
