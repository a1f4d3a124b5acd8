"""How a collection's pictures are dealt into folds.

In: rated pictures, and the scheme that settings ask for. Out: the fold of each picture,
and which pictures were kept together.
"""

import concurrent.futures
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import ratings
from emojax.evaluation import folds, grouped_folds
from emojax.images import near_duplicates
from emojax.utils import errors
from emojax.utils import progress as progress_lib

RANDOM, GROUPED = "random", "grouped"
_GROUPED_BY_DEFAULT = ("folder",)


class Dealt(NamedTuple):
  """Folds, and why they are so.

  Attributes:
    fold: (N,) int32, 0..4.
    groups: the pictures of each group of two or more that stayed together, by id;
      JSON-able.
  """

  fold: np.ndarray
  groups: list[list[str]]


def schemes(data: DataConfig, source: str) -> list[str]:
  """The schemes that settings allow for a source, the one for a new dataset first.

  What was prepared when every source was dealt at random keeps its folds, unless they
  are asked to be otherwise.
  """
  if data.group_column:
    return [GROUPED]
  if data.folds != "auto":
    return [data.folds]
  if data.features_table:
    return [RANDOM]
  return [GROUPED, RANDOM] if source in _GROUPED_BY_DEFAULT else [RANDOM]


def check_without_images(data: DataConfig) -> None:
  """Refuses folds that need pictures where there are none.

  Raises:
    UserError: near-duplicates are to be kept together.
  """
  if data.folds == GROUPED and not data.group_column:
    raise errors.UserError(
      "--folds=grouped looks for near-duplicates, and a table of features has no "
      "pictures: name a --group_column, or use --images_dir"
    )


def deal(
  rated: Sequence[ratings.Rated],
  scheme: str,
  data: DataConfig,
  hashes: Callable[[], near_duplicates.Hashes] | None,
) -> Dealt:
  """The fold of each picture.

  Args:
    rated: N pictures that can be read, with their labels of groups.
    scheme: `RANDOM` or `GROUPED`.
    data: the seed.
    hashes: gives the N pictures' hashes, where they are asked for; None: nobody can.
  Raises:
    ValueError: fewer pictures, or groups of them, than folds.
  """
  if scheme == RANDOM:
    return Dealt(folds.assign(len(rated), data.fold_seed), [])
  labels = sorted({entry.group for entry in rated} - {""})
  number = {label: i for i, label in enumerate(labels)}
  by_label = np.array([number.get(entry.group, -1) for entry in rated], np.int64)
  groupings = [by_label]
  if hashes is not None:
    pairs = near_duplicates.pairs(hashes())
    groupings.insert(0, near_duplicates.groups(pairs, len(rated)))
  groups = grouped_folds.joined(groupings)
  means = np.array([[r.mean for r in entry.ratings.values()] for entry in rated])
  fold = grouped_folds.assign(groups, means, data.fold_seed)
  members: dict[int, list[str]] = {}
  for group, entry in zip(groups.tolist(), rated, strict=True):
    members.setdefault(group, []).append(entry.image_id)
  return Dealt(fold, [names for names in members.values() if len(names) > 1])


def hashes_of(
  sources: Sequence[pathlib.Path | np.ndarray], settings: ExtractConfig, progress: bool
) -> near_duplicates.Hashes:
  """What near-duplicates among some pictures are told by.

  Args:
    sources: files, or (H, W, 3) uint8; all can be read.
    settings: threads, and the limit of pixels.
    progress: show a bar.
  """
  with progress_lib.bar(len(sources), "picture", progress, "comparing") as bar:

    def hashed(row: int) -> near_duplicates.Hashes:
      rgb = sources[row]
      if isinstance(rgb, pathlib.Path):
        rgb = images.load(rgb, settings.max_pixels)
      bar.update()
      return near_duplicates.of_image(rgb)

    with concurrent.futures.ThreadPoolExecutor(settings.workers) as pool:
      return near_duplicates.stack(list(pool.map(hashed, range(len(sources)))))
