"""The network's shape, and the scaling and transform of its inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from emojax import config
from emojax.train import model

_COLUMNS = model.Columns(("a", "b"), (2, 3), (False, True))


def _table(num_rows=50):
  rng = np.random.default_rng(1)
  values = rng.normal(7, 3, (num_rows, 2))
  shares = rng.dirichlet([0.1, 0.1, 5], num_rows)
  return jnp.asarray(np.concatenate([values, shares], 1), jnp.float32)


def test_paper_network_has_the_layers_of_the_paper():
  settings = config.TrainConfig()
  network = model.MLP(settings.hidden, 1)
  shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 1588)))
  sizes = [p["kernel"].shape for p in shapes["params"].values()]
  assert sorted(sizes) == sorted([(1588, 3000), (3000, 1000), (1000, 500), (500, 1)])


def test_output_is_relu_layers_worked_by_hand():
  network = model.MLP((2,), 1)
  params = {
    "hidden_1": {
      "kernel": jnp.array([[1.0, -1.0], [2.0, 0.0]]),
      "bias": jnp.array([0.0, 1.0]),
    },
    "output": {"kernel": jnp.array([[3.0], [5.0]]), "bias": jnp.array([0.5])},
  }
  # inputs (1, 2): hidden relu(1 + 4, -1 + 1) = (5, 0); output 15 + 0.5
  predictions = network.apply({"params": params}, jnp.array([[1.0, 2.0]]))
  np.testing.assert_allclose(predictions, [[15.5]])


def test_zscore_uses_only_rows_of_weight_one():
  table = _table()
  weights = jnp.asarray(np.r_[np.ones(40), np.zeros(10)], jnp.float32)
  wild = table.at[40:].set(1e6)
  scaling = model.fit_scaling(wild, weights, _COLUMNS, "zscore")
  scaled = np.asarray(model.scale(table[:40], scaling))
  np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
  np.testing.assert_allclose(scaled.std(0), 1, atol=1e-3)


def test_block_divides_by_the_root_of_the_width():
  table, weights = _table(), jnp.ones(50)
  plain = model.scale(table, model.fit_scaling(table, weights, _COLUMNS, "zscore"))
  block = model.scale(table, model.fit_scaling(table, weights, _COLUMNS, "block"))
  width = np.sqrt([2, 2, 3, 3, 3])
  np.testing.assert_allclose(block, plain / width[None, :], rtol=1e-5)


def test_a_class_unseen_in_training_cannot_swamp_the_rest():
  table = jnp.asarray([[0.0, 1e-6], [1.0, 2e-6], [0.5, 1e-6]], jnp.float32)
  columns = model.Columns(("a",), (2,), (True,))
  scaling = model.fit_scaling(table, jnp.ones(3), columns, "zscore")
  unseen = model.scale(jnp.asarray([[0.5, 0.9]], jnp.float32), scaling)
  assert float(jnp.max(jnp.abs(unseen))) <= 10.0


def test_constant_column_becomes_zero():
  table = jnp.asarray([[5.0], [5.0]])
  columns = model.Columns(("a",), (1,), (False,))
  scaling = model.fit_scaling(table, jnp.ones(2), columns, "zscore")
  np.testing.assert_array_equal(model.scale(table, scaling), [[0.0], [0.0]])


def test_no_scaling_changes_nothing():
  table = _table()
  scaling = model.fit_scaling(table, jnp.ones(50), _COLUMNS, "none")
  np.testing.assert_array_equal(model.scale(table, scaling), table)


@pytest.mark.parametrize(
  ("name", "curve"), [("sqrt", np.sqrt), ("log", lambda x: np.log(x + 1e-6))]
)
def test_transform_touches_probabilities_alone(name, curve):
  table = np.asarray(_table())
  transformed = np.asarray(model.transform(jnp.asarray(table), _COLUMNS, name))
  np.testing.assert_array_equal(transformed[:, :2], table[:, :2])
  np.testing.assert_allclose(transformed[:, 2:], curve(table[:, 2:]), rtol=1e-4)


@pytest.mark.parametrize(
  "call",
  [
    lambda t: model.transform(t, _COLUMNS, "cube"),
    lambda t: model.fit_scaling(t, jnp.ones(50), _COLUMNS, "cube"),
  ],
)
def test_unknown_name_is_answered_with_the_known_ones(call):
  with pytest.raises(ValueError, match=r"one of .*none.*got 'cube'"):
    call(_table())


@pytest.mark.parametrize("precision", model.PRECISIONS)
def test_every_precision_gives_float32_ratings(precision):
  network = model.MLP((8,), 2, precision=precision)
  inputs = np.ones((3, 4), np.float32)
  params = jax.jit(network.init)(jax.random.key(0), inputs)
  predictions = jax.jit(network.apply)(params, inputs)
  assert predictions.dtype == jnp.float32
  assert predictions.shape == (3, 2)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_dropout_silences_the_share_and_keeps_the_mean(share):
  layer = model.Dropout(share)
  units = jnp.ones((400, 300))
  dropped = [
    np.asarray(layer.apply({}, units, train=True, rngs={"dropout": jax.random.key(k)}))
    for k in range(3)
  ]
  for out in dropped:
    silent = out == 0
    assert silent.mean() == pytest.approx(share, abs=0.01)
    # by row and by unit too: neither is silenced as a whole
    assert np.abs(silent.mean(0) - share).max() < 0.15
    assert np.abs(silent.mean(1) - share).max() < 0.15
    np.testing.assert_allclose(out[~silent], 1 / (1 - share), rtol=1e-6)
  # Different keys, and neighbouring rows and units, are silenced independently.
  first, second = (out == 0 for out in dropped[:2])
  assert (first & second).mean() == pytest.approx(share**2, abs=0.01)
  assert (first[1:] & first[:-1]).mean() == pytest.approx(share**2, abs=0.01)
  assert (first[:, 1:] & first[:, :-1]).mean() == pytest.approx(share**2, abs=0.01)
  correlation = np.corrcoef(first.astype(float))
  np.fill_diagonal(correlation, 0)
  assert np.abs(correlation).max() < 0.4


def test_dropout_rests_when_not_training():
  units = jnp.ones((4, 5))
  np.testing.assert_array_equal(model.Dropout(0.5).apply({}, units, train=False), units)


_principal_directions = jax.jit(model.principal_directions, static_argnums=2)


@pytest.mark.parametrize("size", [7, 20])  # fewer columns than rows, and more
def test_principal_directions_are_the_right_singular_vectors_of_rows_that_train(size):
  rng = np.random.default_rng(5)
  rows = rng.standard_normal((12, size)) * np.arange(size, 0, -1)
  rows = rows.astype(np.float32)
  weights = np.r_[np.ones(9), np.zeros(3)].astype(np.float32)
  directions = np.asarray(_principal_directions(rows, weights, 3))
  expected = np.linalg.svd(rows[:9].astype(np.float64))[2][:3].T
  assert directions.shape == (size, 3)
  np.testing.assert_allclose(np.abs((directions * expected).sum(0)), 1, atol=1e-5)


def test_rows_without_more_directions_get_none():
  rows = np.outer(np.arange(1, 5), [3.0, 0.0, 4.0]).astype(np.float32)
  directions = np.asarray(_principal_directions(rows, np.ones(4, np.float32), 10))
  assert directions.shape == (3, 3)  # no more than there are columns
  np.testing.assert_allclose(np.abs(directions[:, 0]), [0.6, 0, 0.8], atol=1e-6)
  np.testing.assert_array_equal(directions[:, 1:], 0)


@pytest.mark.parametrize("hidden", [(5,), ()])
def test_a_network_along_directions_predicts_the_same_without_them(hidden):
  network = model.MLP(hidden, 2)
  inputs = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
  params = jax.jit(network.init)(jax.random.key(0), inputs)["params"]
  directions = _principal_directions(inputs, np.ones(6, np.float32), 2)
  along = jax.jit(model.projected)(params, directions)
  whole = jax.jit(model.unprojected)(along, directions)
  apply = jax.jit(network.apply)
  assert jax.tree.map(np.shape, whole) == jax.tree.map(np.shape, params)
  predictions = apply({"params": along}, inputs, directions)
  np.testing.assert_allclose(predictions, apply({"params": whole}, inputs), atol=1e-5)
  # What lies outside of the directions is not seen.
  basis = np.linalg.svd(np.asarray(directions))[0]
  outside = inputs + 9 * basis[None, :, 3]
  np.testing.assert_allclose(predictions, apply({"params": whole}, outside), atol=1e-4)
