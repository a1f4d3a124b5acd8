"""Results of a part of the pictures, kept until all are there.

In: rows of each part as they are done. Out: the same rows in order, also of parts that
an earlier process did before it was killed. Each part is one Parquet file in a folder
beside the output, and says what it was made of: only what would be made the same today
is taken.
"""

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet

from emojax import images
from emojax.extract import feature_table
from emojax.utils import files

_MADE_OF = b"made_of"


class Parts:
  """The parts of one output.

  Args:
    output: the file or folder they will become.
    of: the schema of their tables, whose metadata says what decides about the values.
  """

  def __init__(self, output: pathlib.Path, of: pa.Schema):
    self.folder = output.with_name(f".{output.name}.parts")
    self._schema = of
    metadata = {k.decode(): v.decode() for k, v in of.metadata.items()}
    self._facts = json.dumps(metadata, sort_keys=True, allow_nan=False)

  def made_of(self, sources: Sequence[images.Source], names: Sequence[str]) -> str:
    """A digest of what a part is made of.

    Files count by their names, sizes and times: another picture of the same name is
    another part.
    """
    state = hashlib.sha256(self._facts.encode())
    for source, name in zip(sources, names, strict=True):
      line = [files.utf8(name), *_state_of(source)]
      state.update(json.dumps(line, allow_nan=False).encode() + b"\n")
    return state.hexdigest()

  def has(self, part: int, made_of: str) -> bool:
    """Whether a part is there, made of just that."""
    try:
      schema = pyarrow.parquet.read_schema(self._path(part))
    except (OSError, pa.ArrowException):
      return False
    return (schema.metadata or {}).get(_MADE_OF) == made_of.encode()

  def keep(self, part: int, table: pa.Table, made_of: str) -> None:
    """Writes a part, whole or not at all.

    Raises:
      OSError: the disk is full or may not be written.
    """
    with files.explained(self.folder):
      self.folder.mkdir(exist_ok=True)
    metadata = {**self._schema.metadata, _MADE_OF: made_of.encode()}
    content = feature_table.content(table.replace_schema_metadata(metadata))
    files.write(self._path(part), content)

  def read(self, number: int) -> Iterator[pa.Table]:
    """The rows of parts 0 to `number` - 1, in order.

    Raises:
      DamageError: one is lacking or damaged.
    """
    advice = f"delete {self.folder}, and the same command makes it again"
    for part in range(number):
      yield from feature_table.row_groups(self._path(part), advice)

  def remove(self) -> None:
    """Takes all parts away."""
    shutil.rmtree(self.folder, ignore_errors=True)

  def _path(self, part: int) -> pathlib.Path:
    return self.folder / f"{part:08d}.parquet"


def _state_of(source: images.Source) -> list[int]:
  """Size and time of the file that a picture is in; empty where that is not known."""
  path = source.within if isinstance(source, images.Elsewhere) else source
  if not (isinstance(path, (str, os.PathLike)) and path):
    return []
  try:
    state = os.stat(path)
  except (OSError, ValueError):  # ValueError: a zero byte in the name
    return []
  return [state.st_size, state.st_mtime_ns]
