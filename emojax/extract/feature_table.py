"""Features of pictures as Arrow tables, which Parquet files hold and other tools read.

In: what was extracted of some pictures. Out: a table with the columns `path`, `status`,
`reason` and one fixed-size list of float32 per feature, NaN where the picture failed;
in its schema's metadata what the numbers are.
"""

import io
import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from emojax.extract.pipeline import Extracted
from emojax.utils import checksums, files
from emojax.version import __version__

# Keys of the metadata. Values are JSON, but for the version's.
VERSION, FEATURES, CLASS_NAMES = b"emojax", b"features", b"class_names"
SUFFIX = ".parquet"
TEXTS = ("path", "status", "reason")
ROW_GROUP = 512  # rows; of the widest features that is 16 MB


def schema(
  described: Sequence[Mapping[str, Any]], class_names: Mapping[str, Sequence[str]]
) -> pa.Schema:
  """The schema of a table.

  Args:
    described: the features, see `features.descriptions`.
    class_names: feature -> what each of its numbers is about, where that has a name.
  """
  fields = [pa.field(name, pa.string()) for name in TEXTS]
  fields += [
    pa.field(str(entry["name"]), pa.list_(pa.float32(), int(entry["size"])))
    for entry in described
  ]
  metadata = {
    VERSION: __version__.encode(),
    FEATURES: json.dumps(list(described)).encode(),
    CLASS_NAMES: json.dumps({k: list(v) for k, v in class_names.items()}).encode(),
  }
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
  return json.loads(of.metadata[FEATURES])


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
      waiting = pa.concat_tables([waiting, rows.replace_schema_metadata(of.metadata)])
      while len(waiting) >= ROW_GROUP:
        writer.write_table(waiting.slice(0, ROW_GROUP).combine_chunks())
        waiting = waiting.slice(ROW_GROUP)
    if len(waiting):
      writer.write_table(waiting.combine_chunks())
  return number_failed


def content(rows: pa.Table) -> bytes:
  """A table as the bytes of a Parquet file."""
  buffer = io.BytesIO()
  with _writer(buffer, rows.schema) as writer:
    writer.write_table(rows)
  return buffer.getvalue()


def read(path: pathlib.Path, advice: str) -> pa.Table:
  """The rows of a small file that emojax wrote, checked to be what was written.

  Raises:
    DamageError: they are not, or the file is not there; says which and what to do.
  """
  try:
    return pyarrow.parquet.read_table(
      path, page_checksum_verification=True, partitioning=None
    )
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
