"""Features out of a table that an earlier extraction wrote, instead of out of pictures.

In: a `.parquet` file, or a folder of shards. Out: what an `Extractor` gives, for
pictures by their names; no picture is read, and of the table a row group at a time.
"""

import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from emojax.config import ExtractConfig
from emojax.extract import feature_table, shards
from emojax.extract.pipeline import ImageSource, Row
from emojax.features import descriptions
from emojax.utils import checksums, errors, tables

_ADVICE = "extract the features again"


def image_ids(whole: shards.Whole) -> list[str]:
  """The pictures of a table, by their paths below the folder that all are in.

  Names in the table that are relative are so already. Of full paths and addresses what
  all begin with is cut.
  """
  names = [
    name
    for rows in whole.tables(feature_table.TEXTS[:1])
    for name in rows[feature_table.TEXTS[0]].to_pylist()
  ]
  if not all(name.startswith("/") or "://" in name for name in names):
    return names
  # commonpath would take an address for a path; letters are cut back to a slash here.
  start = os.path.commonprefix(names)  # noqa: RUF071
  start = start[: start.rfind("/") + 1]
  return [name.removeprefix(start) for name in names]


def digest(whole: shards.Whole) -> str:
  """A digest of a table's files."""
  state = hashlib.sha256()
  for path in whole.paths:
    with path.open("rb") as file:
      state.update(hashlib.file_digest(file, "sha256").digest())
  return state.hexdigest()


class Column:
  """A feature of some pictures of a table, whose numbers are read when asked for.

  Args:
    groups: of the table.
    name: of the feature.
    size: how many numbers it has.
    rows: (N,) which rows of the table, whose numbers are finite.
  """

  dtype = np.dtype(np.float32)

  def __init__(self, groups: shards.Groups, name: str, size: int, rows: np.ndarray):
    self.shape = (len(rows), size)
    self._groups = groups
    self._name = name
    self._rows = rows

  @overload
  def __getitem__(self, part: slice, /) -> np.ndarray: ...

  @overload
  def __getitem__(self, part: np.ndarray, /) -> "Column": ...

  def __getitem__(self, part):
    """Numbers of a slice of the pictures; or those of a mask as another `Column`.

    Beside what is returned memory holds a row group.

    Raises:
      DamageError: the table is not what was written.
    """
    if not isinstance(part, slice):
      return Column(self._groups, self._name, self.shape[1], self._rows[part])
    rows = self._rows[part]
    values = np.empty((len(rows), self.shape[1]), self.dtype)
    for first, group in self._groups.read([self._name], rows):
      at = np.flatnonzero((rows >= first) & (rows < first + len(group)))
      values[at] = feature_table.values(group[self._name])[rows[at] - first]
    if not np.isfinite(values).all():
      raise checksums.DamageError(
        f"{self._name} of a picture that could be read is not finite in the table of "
        f"features that begins with {self._groups.paths[0]}: {_ADVICE}"
      )
    return values


class StoredRows(NamedTuple):
  """What a table has of some pictures; as much of an `Extracted` as a dataset wants."""

  rows: list[Row]
  values: dict[str, Column]


class StoredFeatures:
  """Some features of a table; has those methods of `Extractor` that a dataset wants.

  Args:
    path: of the table, for messages.
    whole: the table.
    names: which of its features, in the order wanted.
    ids: what its rows are of; None: see `image_ids`.
  Raises:
    UserError: it lacks one.
  """

  def __init__(
    self,
    path: pathlib.Path,
    whole: shards.Whole,
    names: Sequence[str],
    ids: Sequence[str] | None = None,
  ):
    described = {
      entry["name"]: entry
      for entry in descriptions.current(feature_table.described(whole.of))
    }
    if lacking := [name for name in names if name not in described]:
      raise errors.UserError(
        f"{path} has no feature {tables.some(lacking, ', ')}; choose of what it has: "
        f"--features={','.join(described)}"
      )
    self.names = tuple(names)
    self._described = [described[name] for name in names]
    self._path = path
    self._whole = whole
    self._ids = ids

  def describe(self) -> list[dict[str, Any]]:
    """What made each feature, as the table says, see `features.descriptions`."""
    return [dict(entry) for entry in self._described]

  def only(self, names: Sequence[str]) -> "StoredFeatures":
    """The same for some of the features."""
    return StoredFeatures(self._path, self._whole, names, self._ids)

  def lacking(self, names: Sequence[str]) -> dict[int, str]:
    """The pictures that the table lacks: none, as `run_as` has a row for each."""
    del names
    return {}

  def run_as(
    self,
    settings: ExtractConfig,
    images: Sequence[ImageSource],
    progress: bool,
    check: Callable[[np.ndarray], None] | None = None,
    names: Sequence[str] | None = None,
  ) -> StoredRows:
    """The rows of some pictures; of their numbers none is read.

    Args:
      settings, images, progress, check: of no use where nothing is computed.
      names: of its rows, each once.
    Raises:
      DamageError: the table is not what was written.
    """
    del settings, images, progress, check
    wanted = {name: row for row, name in enumerate(names or ())}
    rows = [Row(None, "error", f"{self._path} has no row for it")] * len(wanted)
    places = np.zeros(len(wanted), np.int64)  # of a row that is not there, unused
    groups = shards.Groups(self._whole)
    ids = image_ids(self._whole) if self._ids is None else self._ids
    for first, group in groups.read(feature_table.TEXTS):
      texts = (group[name].to_pylist() for name in feature_table.TEXTS[1:])
      for place, (status, reason) in enumerate(zip(*texts, strict=True), first):
        if (row := wanted.get(ids[place])) is not None:
          rows[row], places[row] = Row(None, status, reason), place
    values = {
      entry["name"]: Column(groups, entry["name"], entry["size"], places)
      for entry in self._described
    }
    return StoredRows(rows, values)
