"""Classical regressions: by hand, and blind to the fold they are tested on."""

import numpy as np
import pytest

from emojax.experiments import baselines
from emojax.train import model

COLUMNS = model.Columns(("a", "b"), (3, 2), (False, True))
TRAIN = np.arange(40)


def _problem():
  rng = np.random.default_rng(0)
  table = rng.random((50, 5)).astype(np.float32)
  rated = 5 + 2 * table[:, 0] - np.sqrt(table[:, 3]) + rng.normal(0, 0.1, 50)
  return table, rated


@pytest.mark.parametrize("name", baselines.BASELINES)
def test_nothing_outside_the_training_rows_is_looked_at(name):
  table, rated = _problem()
  first = baselines.fit(name, table, COLUMNS, rated, TRAIN, seed=0)
  changed, other = table.copy(), rated.copy()
  changed[40:] = changed[40:][::-1] * 7
  other[40:] = other[40:][::-1]
  second = baselines.fit(name, changed, COLUMNS, other, TRAIN, seed=0)
  np.testing.assert_array_equal(first.predicted[TRAIN], second.predicted[TRAIN])
  assert first.chosen == second.chosen


def test_the_mean_is_the_floor():
  table, rated = _problem()
  predictions = baselines.fit("mean", table, COLUMNS, rated, TRAIN, seed=0).predicted
  np.testing.assert_allclose(predictions, rated[TRAIN].mean(), rtol=1e-6)


def _inputs(table):
  """Shares as square roots, z-scored on the training rows, and a column of ones."""
  inputs = np.concatenate([table[:, :3], np.sqrt(table[:, 3:])], axis=1)
  inputs = (inputs - inputs[TRAIN].mean(axis=0)) / inputs[TRAIN].std(axis=0)
  return np.concatenate([inputs, np.ones((50, 1))], axis=1).astype(np.float64)


def test_linear_regression_is_least_squares():
  table, rated = _problem()
  inputs = _inputs(table)
  weights = np.linalg.lstsq(inputs[TRAIN], rated[TRAIN])[0]
  predictions = baselines.fit("linear", table, COLUMNS, rated, TRAIN, seed=0).predicted
  np.testing.assert_allclose(predictions, inputs @ weights, atol=1e-5)


def test_ridge_is_its_closed_form_with_the_penalty_it_chose():
  table, rated = _problem()
  fitted = baselines.fit("ridge", table, COLUMNS, rated, TRAIN, seed=0)
  inputs, mean = _inputs(table)[:, :5], rated[TRAIN].mean()
  x = inputs[TRAIN]
  penalty = fitted.chosen["penalty"] * np.eye(5)
  weights = np.linalg.solve(x.T @ x + penalty, x.T @ (rated[TRAIN] - mean))
  np.testing.assert_allclose(fitted.predicted, inputs @ weights + mean, atol=1e-5)


def test_support_vectors_learn_a_curve_that_a_line_cannot():
  rng = np.random.default_rng(1)
  table = rng.uniform(-2, 2, (250, 1)).astype(np.float32)
  rated = 5 + np.cos(2 * table[:, 0])
  columns = model.Columns(("a",), (1,), (False,))
  rows = np.arange(200)
  errors = {
    name: np.mean(
      (baselines.fit(name, table, columns, rated, rows, 0).predicted - rated)[200:] ** 2
    )
    for name in ("linear", "svr")
  }
  assert errors["svr"] < 0.1 * errors["linear"]


def test_an_unknown_baseline_is_answered_with_the_known_ones():
  table, rated = _problem()
  with pytest.raises(ValueError, match="known: mean, linear, ridge, svr"):
    baselines.fit("forest", table, COLUMNS, rated, TRAIN, seed=0)
