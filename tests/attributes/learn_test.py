"""Category-level attributes: the matrix against closed forms, classifiers on blobs."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from emojax.attributes import learn

# Six categories along an arc: those beside each other are near.
_LINE = np.stack([np.cos(np.linspace(0, 3, 6)), np.sin(np.linspace(0, 3, 6))], axis=1)


def _q(centroids, neighbors, weight):
  joined = learn.graph(centroids, neighbors)
  return learn.objective(joined, weight)


def test_the_graph_joins_mutual_neighbours_only():
  # By angle at their mean: 0 and 1 point one way, 2 and 3 another; 4 is nobody's.
  centroids = np.array([[5, 0.2], [3, -0.2], [-4, 0.3], [-2, -0.1], [0.1, 3]], float)
  joined = learn.graph(centroids, 1)
  expected = np.zeros((5, 5))
  for a, b in ((0, 1), (2, 3)):
    expected[a, b] = expected[b, a] = 1
  np.testing.assert_array_equal(joined, expected)


def test_the_objective_is_all_differences_less_those_of_neighbours():
  rng = np.random.default_rng(0)
  centroids, a, weight = rng.normal(size=(7, 4)), rng.normal(size=7), 0.7
  joined = learn.graph(centroids, 3)
  pairs = [(i, j) for i in range(7) for j in range(i)]
  by_hand = sum((1 - weight * joined[i, j]) * (a[i] - a[j]) ** 2 for i, j in pairs)
  q = learn.objective(joined, weight)
  assert a @ q @ a == pytest.approx(by_hand)


def test_first_columns_are_the_closed_form_eigenvectors():
  matrix, gains = learn.learn(_LINE, 6, 0.5, 2)
  q = _q(_LINE, 2, 0.5)
  values, vectors = np.linalg.eigh(q)
  np.testing.assert_allclose(gains, values[::-1], atol=1e-9)
  for column, expected in zip(matrix.T, vectors.T[::-1], strict=True):
    assert abs(column @ expected) == pytest.approx(1, abs=1e-9)
    assert column[np.abs(column).argmax()] > 0
  assert np.trace(matrix[:, :3].T @ q @ matrix[:, :3]) == pytest.approx(
    values[::-1][:3].sum()
  )


@hypothesis.given(
  seed=st.integers(0, 1000),
  categories=st.integers(3, 9),
  neighbors=st.integers(1, 4),
  weight=st.floats(0.1, 3),
  penalty=st.sampled_from([0.0, 0.3, 2.0, 50.0]),
)
@hypothesis.settings(max_examples=60)
def test_each_column_is_the_best_after_those_before(
  seed, categories, neighbors, weight, penalty
):
  """Against solving every column anew, which is what the source says."""
  centroids = np.random.default_rng(seed).normal(size=(categories, 3))
  matrix, _ = learn.learn(centroids, categories, weight, neighbors, penalty)
  q = _q(centroids, min(neighbors, (categories - 1) // 2), weight)
  ends = np.linalg.eigvalsh(q)[[0, -1]]
  beta = penalty or (ends[1] - ends[0]) / 2 + 1
  for at in range(categories):
    before = matrix[:, :at]
    penalised = q - 2 * beta * before @ before.T
    column = matrix[:, at]
    assert np.linalg.norm(column) == pytest.approx(1)
    assert column @ penalised @ column == pytest.approx(
      np.linalg.eigvalsh(penalised)[-1], abs=1e-7
    )


def test_there_may_be_more_attributes_than_categories():
  centroids = np.random.default_rng(3).normal(size=(30, 8))
  limit = learn.most_attributes(30, 3)
  assert limit == 30 * 3  # graphs of 3, 6 and 12 neighbours
  matrix, _ = learn.learn(centroids, limit, 0.5, 3)
  assert matrix.shape == (30, limit)
  # None twice, but for the constant one that ends each graph's columns.
  alike = np.abs(matrix.T @ matrix) > 1 - 1e-6
  is_constant = matrix.std(axis=0) < 1e-9
  assert is_constant.sum() == 3
  assert np.array_equal(alike & ~is_constant, np.eye(limit, dtype=bool) & ~is_constant)


@pytest.mark.parametrize(
  ("categories", "number", "message"),
  [
    (1, 1, "tell categories apart; got 1"),
    (6, 100, "give 1 to 6 different attributes"),
  ],
)
def test_what_cannot_be_learned_is_said(categories, number, message):
  with pytest.raises(ValueError, match=message):
    learn.learn(_LINE[:categories], number, 0.5, 2)


def test_classifiers_tell_blobs_apart():
  rng = np.random.default_rng(1)
  category = np.repeat(np.arange(4), 30)
  middles = 6 * np.eye(4, 5)
  values = (middles[category] + rng.normal(size=(120, 5))).astype(np.float32)
  matrix = np.array([[1, 1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
  classifiers = learn.classifiers(values, category, matrix)
  assert classifiers.weight.shape == (5, 3) and classifiers.weight.dtype == np.float32
  predictions = values @ classifiers.weight + classifiers.bias
  right = (predictions > 0) == (matrix[category] > 0)
  assert right.mean() > 0.97
  assert (classifiers.accuracy > 0.95).all()


def test_a_category_of_one_picture_leaves_no_accuracy():
  values = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
  category = np.array([0, 0, 1, 1, 2])
  classifiers = learn.classifiers(values, category, np.eye(3))
  assert np.isnan(classifiers.accuracy).all() and np.isfinite(classifiers.weight).all()
