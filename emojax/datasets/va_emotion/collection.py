"""A source of rated pictures, whatever it came from, and its fingerprint.

In: ratings and the folder of their pictures. Out: a `Collection`, sorted by picture id,
whose fingerprint changes when a rating or a picture's content does, and only then.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from emojax import images
from emojax.config import TARGETS
from emojax.datasets.va_emotion import ratings
from emojax.utils import names
from emojax.utils import scales as scale_lib


@dataclasses.dataclass(frozen=True)
class Collection:
  """Rated pictures, ready for feature extraction.

  Attributes:
    name: the dataset's config: such as "oasis".
    scales: target -> lowest and highest possible rating in the source; the targets in
      their order.
    rated: one per picture, sorted by `image_id`, on 1..9.
    images: in the same order: files, or arrays drawn when asked for.
    contents: in the same order: what stands for each picture's content in the
      fingerprint, such as a digest of its file.
    missing: ids of rated pictures that are not on disk and were left out on request.
    unrated: how many pictures in the folder have no rating.
    settings: JSON-able facts to record, such as the rating scale.
    disclaimer: a sentence every report must repeat; empty: there is none.
  """

  name: str
  scales: Mapping[str, scale_lib.Scale]
  rated: Sequence[ratings.Rated]
  images: Sequence[pathlib.Path | np.ndarray]
  contents: Sequence[str]
  missing: tuple[str, ...] = ()
  unrated: int = 0
  settings: dict[str, Any] = dataclasses.field(default_factory=dict)
  disclaimer: str = ""

  @property
  def targets(self) -> tuple[str, ...]:
    """What is rated."""
    return tuple(self.scales)

  def fingerprint(self) -> str:
    """Hex digest over the ratings, the pictures' contents and what is missing."""
    state = hashlib.sha256()
    for entry, content in zip(self.rated, self.contents, strict=True):
      of = [entry.ratings[target] for target in self.targets]
      numbers = [*(r.mean for r in of), *(r.std for r in of), *(r.raters for r in of)]
      line = json.dumps([entry.image_id, *numbers, entry.keyword, content])
      state.update(line.encode() + b"\n")
    end = [self.name, self.missing]
    if self.targets != TARGETS:  # which every set had when the first were prepared
      end.append(self.targets)
    groups = [entry.group for entry in self.rated]
    if any(groups):
      end.append(groups)
    state.update(json.dumps(end).encode())
    return state.hexdigest()


def files_of(folder: pathlib.Path) -> names.Files:
  """The pictures of a folder, to be found by the names that a table has.

  Raises:
    ImageError: the folder is not there.
  """
  return names.Files(
    path.relative_to(folder).as_posix() for path in images.walk(folder)
  )


def from_files(
  name: str,
  scales: Mapping[str, scale_lib.Scale],
  rated: Iterable[ratings.Rated],
  table: pathlib.Path,
  folder: pathlib.Path,
  there: names.Files,
  skip_missing: bool,
  settings: dict[str, Any],
  disclaimer: str = "",
) -> Collection:
  """A collection of picture files.

  Args:
    name: the dataset's config.
    scales: see `Collection`.
    rated: ratings, in any order.
    table: the file they are from, for messages.
    folder: the pictures' folder; ids are paths below it.
    there: its pictures, from `files_of`.
    skip_missing: leave rated pictures that are not there out, instead of failing.
    settings: to record.
    disclaimer: a sentence every report must repeat.
  Returns:
    A `Collection`.
  Raises:
    RatingsError: rated pictures are not there.
  """
  rated = sorted(rated, key=lambda entry: entry.image_id)
  # A picture may have a suffix that `walk` does not look for. Of a name that no file
  # can have, pathlib's `is_file` raises.
  present = [
    entry
    for entry in rated
    if entry.image_id in there.paths or os.path.isfile(folder / entry.image_id)
  ]
  ids = {entry.image_id for entry in present}
  missing = [entry.image_id for entry in rated if entry.image_id not in ids]
  if missing and not skip_missing:
    raise ratings.missing_error(missing, len(rated), table, folder, there)
  paths = [folder / entry.image_id for entry in present]
  return Collection(
    name=name,
    scales=scales,
    rated=present,
    images=paths,
    contents=[_content(path) for path in paths],
    missing=tuple(missing),
    unrated=len(there.paths - {entry.image_id for entry in rated}),
    settings={**settings, "folder": str(folder.absolute())},
    disclaimer=disclaimer,
  )


def from_table(
  name: str,
  scales: Mapping[str, scale_lib.Scale],
  rated: Iterable[ratings.Rated],
  table: pathlib.Path,
  features_table: pathlib.Path,
  digest: str,
  there: names.Files,
  skip_missing: bool,
  settings: dict[str, Any],
) -> Collection:
  """A collection of pictures of which a table has the features; they are not read.

  Args:
    name, scales, rated, table, skip_missing, settings: see `from_files`.
    features_table: the table of features.
    digest: of its contents.
    there: the pictures in it.
  Raises:
    RatingsError: rated pictures are not in it.
  """
  rated = sorted(rated, key=lambda entry: entry.image_id)
  present = [entry for entry in rated if entry.image_id in there.paths]
  missing = [entry.image_id for entry in rated if entry.image_id not in there.paths]
  if missing and not skip_missing:
    raise ratings.missing_error(missing, len(rated), table, features_table, there)
  return Collection(
    name=name,
    scales=scales,
    rated=present,
    images=[pathlib.Path(entry.image_id) for entry in present],
    contents=[digest] * len(present),
    missing=tuple(missing),
    unrated=len(there.paths - {entry.image_id for entry in rated}),
    settings={**settings, "features_table": str(features_table.absolute())},
  )


def _content(path: pathlib.Path) -> str:
  try:
    return hashlib.sha256(images.read(path)).hexdigest()
  except images.ImageError:
    return "unreadable"  # extraction says why
