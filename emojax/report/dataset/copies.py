"""Pictures of rated sets that are copies of each other, and what that does to folds.

In: `RatedSet`s. Out: `Copies`: pairs within a set and between two, and their groups.
"""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from emojax.images import near_duplicates
from emojax.report.dataset.rated_set import RatedSet
from emojax.utils import progress

_SHOWN_FROM = 2000  # pictures: fewer are compared before a bar is drawn


@dataclasses.dataclass(frozen=True)
class Copy:
  """Two pictures of which one is a copy of the other, or both of a third.

  Attributes:
    sets: numbers of the sets the two are in.
    rows: their rows in these.
    distance: bits of `near_duplicates.NUM_BITS` in which they differ.
    is_same_file: whether their files are equal byte by byte.
    straddles: whether they lie in different folds of one set.
  """

  sets: tuple[int, int]
  rows: tuple[int, int]
  distance: int
  is_same_file: bool
  straddles: bool


@dataclasses.dataclass(frozen=True)
class Copies:
  """What was found in S sets.

  Attributes:
    pairs: those that straddle folds first, then by distance.
    group: S times (N,), the number of each picture's group of copies over all sets, or
      -1.
    is_exposed: S times (N,), whether a picture's group straddles folds of its own set.
  """

  pairs: list[Copy]
  group: list[np.ndarray]
  is_exposed: list[np.ndarray]

  def within(self, number: int) -> list[Copy]:
    """The pairs inside one set."""
    return [pair for pair in self.pairs if pair.sets == (number, number)]

  def across(self) -> list[Copy]:
    """The pairs between two sets."""
    return [pair for pair in self.pairs if pair.sets[0] != pair.sets[1]]

  def num_groups(self, number: int) -> int:
    """Groups of which at least two pictures are in one set."""
    group = self.group[number]
    return int((np.bincount(group[group >= 0]) > 1).sum())


def find(sets: Sequence[RatedSet], show: bool = False) -> Copies:
  """Compares all pictures of some sets that could be read.

  Args:
    sets: with their pictures' hashes.
    show: a progress bar where it takes a while.
  """
  parts = [rated_set.hashes() for rated_set in sets]
  of_set = np.repeat(np.arange(len(sets)), [len(rows) for rows, _ in parts])
  row = np.concatenate([rows for rows, _ in parts])
  hashes = near_duplicates.stack([hashes_of_set for _, hashes_of_set in parts])
  number = len(row)
  with progress.bar(
    number, "picture", show and number >= _SHOWN_FROM, "comparing"
  ) as bar:
    pairs_of_all = near_duplicates.pairs(
      hashes, min(os.cpu_count() or 1, 8), bar.update
    )
  of_all = near_duplicates.groups(pairs_of_all, number)
  group, exposed = [], []
  for which, rated_set in enumerate(sets):
    mine = np.full(len(rated_set.looks), -1)
    mine[row[of_set == which]] = of_all[of_set == which]
    straddles = near_duplicates.straddling(mine, rated_set.dataset.fold)
    group.append(mine)
    exposed.append(np.array([label >= 0 and straddles[label] for label in mine], bool))
  pairs = [
    _copy(
      sets,
      (int(of_set[first]), int(of_set[second])),
      (int(row[first]), int(row[second])),
      int(distance),
    )
    for first, second, distance in zip(*pairs_of_all, strict=True)
  ]
  pairs.sort(key=lambda pair: (not pair.straddles, pair.distance, pair.sets, pair.rows))
  return Copies(pairs, group, exposed)


def _copy(
  sets: Sequence[RatedSet], which: tuple[int, int], rows: tuple[int, int], distance: int
) -> Copy:
  looks = [sets[s].looks[r] for s, r in zip(which, rows, strict=True)]
  folds = [int(sets[s].dataset.fold[r]) for s, r in zip(which, rows, strict=True)]
  return Copy(
    sets=which,
    rows=rows,
    distance=distance,
    is_same_file=looks[0].digest == looks[1].digest,
    straddles=which[0] == which[1] and folds[0] != folds[1],
  )
