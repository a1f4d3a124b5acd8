"""Grouped folds: nothing straddles, ratings are balanced, the seed decides."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from emojax.evaluation import grouped_folds


@hypothesis.given(
  sizes=st.lists(st.integers(1, 6), min_size=5, max_size=60),
  seed=st.integers(0, 2**32 - 1),
)
def test_no_group_straddles_and_every_fold_has_pictures(sizes, seed):
  groups = np.repeat(np.arange(len(sizes)), sizes)
  ratings = np.random.default_rng(seed).uniform(1, 9, (len(groups), 2))
  fold = grouped_folds.assign(groups, ratings, seed)
  assert fold.dtype == np.int32 and set(fold) == set(range(5))
  assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
  np.testing.assert_array_equal(fold, grouped_folds.assign(groups, ratings, seed))


def test_ratings_are_balanced_better_than_by_chance():
  rng = np.random.default_rng(0)
  ratings = rng.uniform(1, 9, (300, 2))
  groups = np.arange(300)

  def spread(fold):
    return np.std([ratings[fold == k].mean(axis=0) for k in range(5)], axis=0).mean()

  chance = np.mean([spread(rng.permutation(300) % 5) for _ in range(50)])
  dealt = np.mean(
    [spread(grouped_folds.assign(groups, ratings, seed)) for seed in range(10)]
  )
  assert dealt < 0.7 * chance
  sizes = np.bincount(grouped_folds.assign(groups, ratings, 0))
  assert sizes.max() - sizes.min() <= 9


def test_seeds_differ():
  ratings = np.random.default_rng(0).uniform(1, 9, (100, 2))
  first, second = (grouped_folds.assign(np.arange(100), ratings, s) for s in (0, 1))
  assert (first != second).mean() > 0.5


def test_groupings_are_joined_by_shared_members():
  near = np.array([0, 0, -1, -1, 1, 1, -1])
  scene = np.array([-1, 0, 0, -1, -1, 1, 1])
  groups = grouped_folds.joined([near, scene])
  assert groups.tolist() == [0, 0, 0, 1, 2, 2, 2]
  assert grouped_folds.joined([np.full(3, -1)]).tolist() == [0, 1, 2]


def test_fewer_groups_than_folds_is_an_error():
  with pytest.raises(ValueError, match="8 rated pictures are 4 groups"):
    grouped_folds.assign(np.arange(8) // 2, np.ones((8, 2)), 0)
