"""Feature tables in the host's memory: the same training without them on a device."""

import dataclasses

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from emojax import config
from emojax.evaluation import folds
from emojax.train import feature_tables, loop, model, run_folder, trainer
from emojax.train import rows as rows_lib
from emojax.train.networks import networks
from emojax.utils import errors, runtime

_SETTINGS = config.TrainConfig(
  hidden=(8,),
  learning_rate=0.05,
  batch_size=16,
  max_epochs=6,
  scaling="block",
  principal_directions=4,
  dropout=0.2,
)


def _train(memory, folder=None, **changes):
  first = helpers.rated_numbers()
  second = dataclasses.replace(first, features={"a": first.features["a"] ** 2})
  settings = dataclasses.replace(_SETTINGS, table_memory=memory, **changes)
  return loop.train(settings, {"first": first, "second": second}, range(2), folder)


@pytest.fixture(scope="module")
def on_device():
  return _train("device")


def _assert_same(trained, other):
  for name in ("predicted", "best_errors", "best_epochs", "params", "scaling"):
    jax.tree.map(
      np.testing.assert_array_equal, getattr(trained, name), getattr(other, name)
    )


def test_a_table_in_the_host_s_memory_trains_the_same_bits(on_device):
  assert jax.local_device_count() == 2  # tests/conftest.py; networks are spread
  _assert_same(_train("host"), on_device)


@pytest.mark.slow
def test_a_resumed_run_from_the_host_s_memory_trains_the_same_bits(tmp_path, on_device):
  folder = run_folder.open_run(tmp_path / "run", {"identity": {}}, resume=True)
  _train("host", folder, max_epochs=3, checkpoint_seconds=0)
  _assert_same(_train("host", folder), on_device)


@pytest.mark.parametrize("memory", ["device", "host"])
def test_many_rows_go_through_the_networks_in_batches(monkeypatch, memory, on_device):
  monkeypatch.setattr(feature_tables, "ROWS_AT_ONCE", 3)
  trained = _train(memory)
  np.testing.assert_array_equal(trained.best_epochs, on_device.best_epochs)
  np.testing.assert_allclose(trained.predicted, on_device.predicted, rtol=1e-4)


@pytest.mark.slow
def test_a_program_needs_less_than_the_table_that_the_host_keeps():
  shape = (1, 4000, 300)
  columns = model.Columns(("a",), shape[2:], (False,))
  settings = dataclasses.replace(_SETTINGS, principal_directions=0)
  nets = networks(settings, [0])
  keys = rows_lib.network_keys(nets)
  rows = rows_lib.network_rows(settings, folds.assign(shape[1], 0), nets)
  ratings = jnp.full((shape[1], 2), 5.0)
  init, run, _ = trainer.make_program(trainer.make_trainer(settings, columns, 1))
  table = np.ones(shape, np.float32)
  states = init(keys.network, rows, jnp.asarray(table), ratings)
  span = (jnp.int32(0), jnp.int32(1), jnp.int32(0))

  def size(tables):
    compiled = run.lower(states, keys, rows, tables, ratings, *span).compile()
    memory = compiled.memory_analysis()
    return memory.argument_size_in_bytes + memory.temp_size_in_bytes

  needed = {m: size(feature_tables.keep(table, m)) for m in ("device", "host")}
  assert needed["device"] - needed["host"] >= table.nbytes


@pytest.mark.parametrize(
  ("memory", "limit", "expected"),
  [
    ("auto", np.inf, False),
    ("auto", 4000, False),
    ("auto", 3999, True),
    ("device", 10, False),
    ("host", np.inf, True),
  ],
)
def test_a_table_stays_with_the_host_where_the_device_is_too_small(
  memory, limit, expected
):
  assert feature_tables.stay_with_host(1000, memory, limit) is expected


def test_without_a_cpu_beside_the_device_the_way_out_is_said(monkeypatch):
  monkeypatch.setattr(runtime, "host_device", lambda: None)
  with pytest.raises(errors.UserError, match="JAX_PLATFORMS=cuda,cpu"):
    feature_tables.keep(np.ones((1, 2, 3), np.float32), "host")


def test_networks_of_the_same_rows_are_fitted_once():
  data = helpers.rated_numbers()
  nets = networks(_SETTINGS, range(2))  # two targets, whose rows are the same
  pure = trainer.make_trainer(_SETTINGS, model.Columns(("a",), (6,), (False,)), 1)
  fits = []

  def noted(rows, tables):
    jax.debug.callback(lambda x: fits.append(int(x)), rows.train[0])
    return pure.fit(rows, tables)

  keys = rows_lib.network_keys(nets)
  rows = rows_lib.network_rows(_SETTINGS, data.fold, nets)
  init, _, _ = trainer.make_program(pure._replace(fit=noted))
  tables, ratings = jax.device_put((data.features["a"][None], data.ratings))
  states = init(keys.network, rows, tables, ratings)
  jax.effects_barrier()
  assert len(fits) == 2
  for k in range(len(nets)):
    own = jax.tree.map(lambda x: x[k], rows)  # noqa: B023
    shift = jax.jit(pure.fit)(own, tables).scaling.shift
    np.testing.assert_allclose(states.scaling.shift[k], shift, rtol=1e-5)


def test_where_a_table_lies_does_not_decide_what_a_run_finds():
  given = [config.TrainConfig(table_memory=memory) for memory in ("device", "host")]
  assert config.deciding(given[0]) == config.deciding(given[1])
