"""Features out of a table that an earlier extraction wrote, instead of out of pictures.

In: a `.parquet` file, or a folder of shards. Out: what an `Extractor` gives, for
pictures by their names; no picture is read.
"""

import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emojax.config import ExtractConfig
from emojax.extract import feature_table, shards
from emojax.extract.pipeline import Extracted, ImageSource, Row
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


class StoredFeatures:
  """Some features of a table; has those methods of `Extractor` that a dataset wants.

  Args:
    path: of the table, for messages.
    whole: the table.
    names: which of its features, in the order wanted.
  Raises:
    UserError: it lacks one.
  """

  def __init__(self, path: pathlib.Path, whole: shards.Whole, names: Sequence[str]):
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

  def describe(self) -> list[dict[str, Any]]:
    """What made each feature, as the table says, see `features.descriptions`."""
    return [dict(entry) for entry in self._described]

  def only(self, names: Sequence[str]) -> "StoredFeatures":
    """The same for some of the features."""
    return StoredFeatures(self._path, self._whole, names)

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
  ) -> Extracted:
    """The rows of some pictures.

    Args:
      settings, images, progress, check: of no use where nothing is computed.
      names: of `image_ids`, each once.
    Raises:
      DamageError: the table is not what was written.
    """
    del settings, images, progress, check
    wanted = {name: row for row, name in enumerate(names or ())}
    rows = [Row(None, "error", f"{self._path} has no row for it")] * len(wanted)
    values = {
      entry["name"]: np.full((len(wanted), entry["size"]), np.nan, np.float32)
      for entry in self._described
    }
    for to, parts, texts in self._matches(wanted):
      for row, (status, reason) in zip(to, texts, strict=True):
        rows[row] = Row(None, status, reason)
      for name, part in parts.items():
        values[name][to] = part
    for row in np.flatnonzero(~_are_finite(values, len(rows))).tolist():
      if rows[row].status == "ok":
        raise checksums.DamageError(
          f"{self._path} has a number that is not finite: {_ADVICE}"
        )
    return Extracted(rows, values, {})

  def _matches(
    self, wanted: Mapping[str, int]
  ) -> Iterator[tuple[list[int], dict[str, np.ndarray], list[tuple[str, str]]]]:
    """Rows of pictures that are wanted: where they go, values, status and reason."""
    ids = iter(image_ids(self._whole))
    for group in self._whole.tables([*feature_table.TEXTS, *self.names]):
      names = [next(ids) for _ in range(len(group))]
      at = [row for row, name in enumerate(names) if name in wanted]
      part = group.take(at)
      yield (
        [wanted[names[row]] for row in at],
        {name: feature_table.values(part[name]) for name in self.names},
        list(zip(part["status"].to_pylist(), part["reason"].to_pylist(), strict=True)),
      )


def _are_finite(values: Mapping[str, np.ndarray], number: int) -> np.ndarray:
  """(N,) bool: which rows have finite numbers only."""
  finite = np.ones(number, bool)
  for table in values.values():
    finite &= np.isfinite(table).all(axis=1)
  return finite
