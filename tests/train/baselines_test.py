"""Classical regressions: by hand, and blind to the fold they are tested on."""

import numpy as np
import pytest
from sklearn import svm

from emojax import config
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.evaluation import folds
from emojax.train import baselines, model

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
  single = baselines.fit("ridge", table, COLUMNS, rated, TRAIN[:1], seed=0).predicted
  np.testing.assert_allclose(single, rated[0], rtol=1e-6)


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


def test_the_penalty_of_ridge_is_the_best_of_leaving_one_row_out():
  """Row by row, for each penalty."""
  table, rated = _problem()
  rated = rated + np.random.default_rng(1).normal(0, 2, 50)  # so that some is needed
  rows = TRAIN[:25]
  x = table[rows].astype(np.float64)
  x[:, 3:] = np.sqrt(table[rows, 3:])
  x = (x - x.mean(axis=0)) / x.std(axis=0)
  errors = {}
  for penalty in np.logspace(0, 6, 13):
    squares = []
    for out in range(25):
      kept = np.delete(np.arange(25), out)
      shift, mean = x[kept].mean(axis=0), rated[rows][kept].mean()
      z = x[kept] - shift
      weights = np.linalg.solve(
        z.T @ z + penalty * np.eye(5), z.T @ (rated[rows][kept] - mean)
      )
      squares.append(((x[out] - shift) @ weights + mean - rated[rows][out]) ** 2)
    errors[float(penalty)] = np.mean(squares)
  chosen = baselines.fit("ridge", table, COLUMNS, rated, rows, seed=0).chosen
  assert chosen["penalty"] == min(errors, key=errors.get) > 1


def test_a_run_s_ridge_trains_on_all_rows_outside_the_test_fold():
  """Also on those that stop a network; of a further target, on the output scale."""
  table, rated = _problem()
  dataset = dataset_lib.Dataset(
    image_ids=[f"{i}.jpg" for i in range(50)],
    features={"a": table[:, :3], "b": table[:, 3:]},
    ratings=np.stack([5 - rated / 9, rated], axis=1).astype(np.float32),
    ratings_std=np.full((50, 2), np.nan, np.float32),
    num_raters=np.full((50, 2), -1, np.int32),
    fold=folds.assign(50, 0),
    keywords=[""] * 50,
    metadata={
      "source": "folder",
      "targets": ["valence", "beauty"],
      "output_scale": [0, 4],
      "features": [
        {"name": "a", "size": 3, "kind": "number"},
        {"name": "b", "size": 2, "kind": "probability"},
      ],
    },
  )
  settings = config.TrainConfig(target=("beauty",))
  (result,) = baselines.evaluate("ridge", settings, dataset, [1, 3])
  assert result.target == "beauty" and result.scale == (0, 4)
  assert [errors.group for errors in result.folds] == [2, 4]
  rows = np.flatnonzero(dataset.fold != 3)
  beauty = dataset.ratings[:, 1]
  predicted = baselines.fit("ridge", table, COLUMNS, beauty, rows, seed=0).predicted
  errors = np.square(predicted - beauty)[dataset.fold == 3] / 4
  assert result.folds[1].test_mse == pytest.approx(errors.mean())


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


def test_support_vectors_are_those_of_libsvm_with_its_own_kernel():
  rng = np.random.default_rng(2)
  table = rng.standard_normal((80, 5)).astype(np.float32)
  rated = 5 + np.sin(table[:, 0]) + table[:, 3] * table[:, 4]
  columns = model.Columns(("a", "b"), (2, 3), (False, False))
  fitted = baselines.fit("svr", table, columns, rated, np.arange(60), 0)

  scaled = (table - table[:60].mean(axis=0)) / table[:60].std(axis=0)
  weighed = scaled / np.sqrt([4, 4, 6, 6, 6])  # two blocks; each divides by its width
  other = svm.SVR(kernel="rbf", epsilon=0.1, **fitted.chosen)
  predicted = other.fit(weighed[:60], rated[:60]).predict(weighed)
  np.testing.assert_allclose(fitted.predicted, predicted, atol=1e-3)


def test_each_fit_that_chooses_is_told_and_can_be_stopped():
  rng = np.random.default_rng(1)
  table, columns = (
    rng.random((12, 1), np.float32),
    model.Columns(("a",), (1,), (False,)),
  )
  told = []
  for name in ("ridge", "svr"):
    told.clear()
    tell = lambda: told.append(1)  # noqa: E731
    baselines.fit(name, table, columns, table[:, 0], np.arange(9), 0, tell)
    assert len(told) == baselines.num_fits(name)

  def stop():
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    baselines.fit("svr", table, columns, table[:, 0], np.arange(9), 0, stop)


def test_an_unknown_baseline_is_answered_with_the_known_ones():
  table, rated = _problem()
  with pytest.raises(ValueError, match="known: mean, linear, ridge, svr"):
    baselines.fit("forest", table, COLUMNS, rated, TRAIN, seed=0)
