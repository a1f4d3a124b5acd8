"""Extraction shared out to jobs that know nothing of each other, and joined again.

In: which of how many shards, or the files of all. Out: the rows of one shard; the files
in order, checked to be all of one whole.
"""

import dataclasses
import itertools
import json
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from emojax.extract import feature_table, folder
from emojax.utils import errors, files

_KEY = b"shard"  # in a file's metadata: which of how many it is, such as 3/64
_TEXT = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)
_ADVICE = "extract it again"
_LISTED = 5  # how many shards an error lists
_SHOWN = 150  # characters of what shards differ in


@dataclasses.dataclass(frozen=True)
class Shard:
  """One of several equal parts of the pictures.

  Attributes:
    number: 1 to `count`.
    count: how many there are.
  """

  number: int
  count: int

  def __str__(self) -> str:
    return f"{self.number}/{self.count}"

  def rows(self, number: int) -> range:
    """Its rows of so many in all; shards are as long as each other, or one longer."""
    bounds = [number * part // self.count for part in (self.number - 1, self.number)]
    return range(*bounds)

  def file(self, folder: pathlib.Path) -> pathlib.Path:
    """Its file in the folder of all."""
    return folder / f"part-{self.number:05d}-of-{self.count:05d}.parquet"

  def marked(self, of: pa.Schema) -> pa.Schema:
    """The schema of its file."""
    return of.with_metadata({**of.metadata, _KEY: str(self).encode()})


def parsed(text: str) -> Shard:
  """The shard that `--shard` names.

  Raises:
    UserError: it is none.
  """
  match = _TEXT.fullmatch(text)
  shard = Shard(*map(int, match.groups())) if match else Shard(0, 0)
  if not 1 <= shard.number <= shard.count:
    raise errors.UserError(
      "--shard is NUMBER/COUNT, counted from 1: 1/64 is the first and 64/64 the last; "
      f"got {text}"
    )
  return shard


class Whole(NamedTuple):
  """A table in one file or several.

  Attributes:
    paths: in the order of their rows.
    of: the schema of the whole.
    number: of rows.
  """

  paths: Sequence[pathlib.Path]
  of: pa.Schema
  number: int

  def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows, row group by row group.

    Args:
      columns: which; None: all.
    Raises:
      DamageError: a file is not what was written.
    """
    for path in self.paths:
      yield from feature_table.row_groups(path, _ADVICE, columns)


class Groups:
  """The row groups of a table, each read when its rows are asked for.

  Args:
    of: the table.
  """

  def __init__(self, of: Whole):
    sizes = [(path, feature_table.group_sizes(path)) for path in of.paths]
    self.paths = of.paths
    self._places = [(path, number) for path, s in sizes for number in range(len(s))]
    self._starts = np.cumsum([0, *(size for _, s in sizes for size in s)])

  def read(
    self, columns: Sequence[str], rows: np.ndarray | None = None
  ) -> Iterator[tuple[int, pa.Table]]:
    """Row groups, one by one, and which row of the table each begins with.

    Args:
      columns: which.
      rows: only the groups that hold one of these; None: all.
    Raises:
      DamageError: see `Whole.tables`.
    """
    groups = np.arange(len(self._places))
    if rows is not None:
      groups = np.unique(np.searchsorted(self._starts, rows, "right") - 1)
    starts = self._starts[groups].tolist()
    places = [self._places[group] for group in groups]
    for path, here in itertools.groupby(zip(starts, places, strict=True), _path_of):
      firsts, numbers = zip(*((first, place[1]) for first, place in here), strict=True)
      tables = feature_table.row_groups(path, _ADVICE, columns, numbers)
      yield from zip(firsts, tables, strict=True)


def _path_of(group: tuple[int, tuple[pathlib.Path, int]]) -> pathlib.Path:
  return group[1][0]


def whole(paths: Sequence[pathlib.Path]) -> Whole:
  """The table that some files are, or the shards in a folder.

  Raises:
    UserError: a file is none of emojax's tables, a shard is lacking, comes twice, or
      was made of other pictures or with other features or weights than the first.
  """
  listed = [file for path in paths for file in _files(path)]
  heads = [(path, *feature_table.head(path)) for path in listed]
  first, of, _ = heads[0]
  by_number: dict[int, pathlib.Path] = {}
  count = 0
  for path, schema, rows in heads:
    shard = parsed((schema.metadata.get(_KEY) or b"1/1").decode())
    _check_alike(first, of, path, schema)
    count = count or shard.count
    if shard.count != count:
      raise errors.UserError(
        f"{path} is one of {shard.count} shards, {first} one of {count}: they are of "
        "different runs"
      )
    if shard.number in by_number:
      raise errors.UserError(
        f"{by_number[shard.number]} and {path} are both shard {shard}: leave one out"
      )
    by_number[shard.number] = path
    expected = len(shard.rows(feature_table.number(schema)))
    if rows != expected:
      raise errors.UserError(
        f"{path} has {rows} rows, expected {expected}: make it again"
      )
  lacking = [n for n in range(1, count + 1) if n not in by_number]
  if lacking:
    some = ", ".join(f"{n}/{count}" for n in lacking[:_LISTED])
    more = f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else ""
    raise errors.UserError(
      f"of {count} shards {len(lacking)} are not there: run --shard={some}{more}"
    )
  ordered = [by_number[n] for n in range(1, count + 1)]
  metadata = {k: v for k, v in of.metadata.items() if k != _KEY}
  return Whole(ordered, of.with_metadata(metadata), feature_table.number(of))


def merge(paths: Sequence[pathlib.Path], output: pathlib.Path) -> tuple[int, int]:
  """Writes the shards of a table as one; memory holds a few hundred rows.

  Args:
    paths: files, or the folder of all.
    output: a `.parquet` file, or a folder of NumPy arrays.
  Returns:
    How many pictures there are, and how many of them failed.
  Raises:
    UserError: see `whole`.
    OSError: the disk is full or may not be written.
  """
  merged = whole(paths)
  with files.explained(output):
    output.parent.mkdir(parents=True, exist_ok=True)
  if output.suffix.lower() == feature_table.SUFFIX:
    failed = feature_table.write(output, merged.tables(), merged.of)
  else:
    failed = folder.write(output, merged.tables(), merged.of, merged.number, "")
  return merged.number, failed


def _files(path: pathlib.Path) -> list[pathlib.Path]:
  """A file, or the shards in a folder.

  Raises:
    UserError: there is none.
  """
  if not path.is_dir():
    return [path]
  inside = sorted(path.glob("part-*-of-*.parquet"))
  if not inside:
    raise errors.UserError(
      f"no shards in {path}: expected files part-00001-of-....parquet, as "
      "python -m emojax.extract --shard=1/... writes them"
    )
  return inside


def _check_alike(
  first: pathlib.Path, of: pa.Schema, path: pathlib.Path, schema: pa.Schema
) -> None:
  """Refuses a shard that was made otherwise than the first; says how."""
  for key, what in feature_table.KEYS.items():
    here, there = (_shown(key, part.metadata.get(key)) for part in (schema, of))
    if here != there:
      raise errors.UserError(
        f"{path} and {first} were made with different {what} ({here} and {there}): "
        "make them again, all alike"
      )


def _shown(key: bytes, content: bytes | None) -> str:
  """A value of the metadata, as far as it helps to tell two apart."""
  value = (content or b"").decode(errors="replace")
  if key != feature_table.FEATURES:
    return value[:_SHOWN]
  return "; ".join(
    f"{e['name']} version {e['version']} {e['label']} {e['digest'][:16]}".strip()
    for e in json.loads(value)
  )
