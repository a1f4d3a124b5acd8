"""Folds that keep together what belongs together, alike in how pictures are rated.

In: groups of pictures and their ratings. Out: the fold of each picture. A copy of a
training picture, or another frame of its scene, would be an easy test picture and make
a model look better than it is.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from sklearn.model_selection import StratifiedGroupKFold

from emojax.evaluation import folds

_MOST_BINS = 3  # per target: low, middle and high


def joined(groupings: Sequence[np.ndarray]) -> np.ndarray:
  """The coarsest groups that several groupings make: who shares any shares all.

  Args:
    groupings: each (N,) integers, equal for members of one group; below 0: in none.
  Returns:
    (N,) int64 group numbers from 0; a picture in no group has one to itself.
  """
  (number,) = {len(grouping) for grouping in groupings}
  rows, columns, offset = [], [], number
  for grouping in groupings:
    members = np.flatnonzero(grouping >= 0)
    rows.append(members)
    columns.append(offset + grouping[members])
    offset += int(grouping.max(initial=-1)) + 1
  links = (np.concatenate(rows), np.concatenate(columns))
  ones = np.ones(len(links[0]), bool)
  graph = scipy.sparse.coo_array((ones, links), (offset, offset))
  _, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
  return np.unique(label[:number], return_inverse=True)[1]


def assign(
  groups: np.ndarray,
  ratings: np.ndarray,
  seed: int,
  num_folds: int = folds.NUM_FOLDS,
) -> np.ndarray:
  """Deals pictures into folds: each group into one, low and high ratings evenly.

  Args:
    groups: (N,) integers from 0, see `joined`.
    ratings: (N, T), finite.
    seed: chooses the split; the same seed and input give the same folds.
    num_folds: K.
  Returns:
    (N,) int32, the fold 0..K-1 of each picture.
  Raises:
    ValueError: fewer groups than folds.
  Source: `StratifiedGroupKFold` of scikit-learn, on strata of each target's thirds.
  """
  number = len(np.unique(groups))
  if number < num_folds:
    raise ValueError(
      f"{len(groups)} rated pictures are {number} groups that must not be parted: at "
      f"least {num_folds} are needed for {num_folds} folds"
    )
  splitter = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
  strata = _strata(np.asarray(ratings, np.float64), num_folds)
  fold = np.empty(len(groups), np.int32)
  for k, (_, rows) in enumerate(splitter.split(ratings, strata, groups)):
    fold[rows] = k
  return fold


def _strata(ratings: np.ndarray, num_folds: int) -> np.ndarray:
  """(N,) which thirds of all targets a picture is in; fewer parts where few are."""
  ranks = ratings.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
  for bins in range(_MOST_BINS, 1, -1):
    part = ranks * bins // len(ratings)
    weights = bins ** np.arange(ratings.shape[1])
    strata = np.unique(part @ weights, return_inverse=True)[1]
    if np.bincount(strata).min() >= num_folds:
      return strata
  return np.zeros(len(ratings), np.int64)
