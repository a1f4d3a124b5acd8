"""One network alone, many at once, and what a step does."""

import dataclasses
import functools

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from emojax import config
from emojax.evaluation import folds
from emojax.train import familiarity, loop, model, trainer
from emojax.train import rows as rows_lib
from emojax.train.networks import networks
from emojax.utils import options

_COLUMNS = model.Columns(("a",), (6,), (False,))
_SETTINGS = config.TrainConfig(
  hidden=(8, 4), learning_rate=0.02, batch_size=16, max_epochs=12, patience=50
)


def _with(dataset, table):
  return dataclasses.replace(dataset, features={"a": table})


def _arrays(datasets):
  """What the pure functions take: (S, N, D) features and (N, 2) ratings."""
  tables = [jnp.asarray(dataset.features["a"]) for dataset in datasets]
  return jnp.stack(tables), jnp.asarray(datasets[0].ratings)


@functools.cache  # most tests compare with the same plain runs
def _train(settings=_SETTINGS, which=(0, 1, 2, 3, 4), **changes):
  settings = dataclasses.replace(settings, **changes)
  return loop.train(settings, {"": helpers.rated_numbers()}, list(which))


@pytest.mark.slow
def test_a_fold_alone_equals_the_fold_among_five():
  together, alone = _train(), _train(which=(2,))
  index = [k for k, net in enumerate(together.networks) if net.fold == 2]
  np.testing.assert_allclose(
    together.predicted[index], alone.predicted, rtol=1e-4, atol=1e-4
  )
  np.testing.assert_array_equal(together.best_epochs[index], alone.best_epochs)


@pytest.mark.slow
def test_a_target_alone_equals_the_target_of_two():
  together, alone = _train(), _train(target=("arousal",))
  np.testing.assert_allclose(
    together.predicted[5:], alone.predicted, rtol=1e-4, atol=1e-4
  )


def test_folds_start_from_different_weights():
  data = helpers.rated_numbers()
  nets = networks(_SETTINGS, range(5))
  keys = rows_lib.network_keys(nets)
  of_networks, of_batches = (np.asarray(jax.random.key_data(k)) for k in keys)
  assert len({tuple(k) for k in of_networks}) == 10
  assert len({tuple(k) for k in of_batches}) == 5  # both targets see the same
  rows = rows_lib.network_rows(_SETTINGS, data.fold, nets)
  init, _, _ = trainer.make_program(trainer.make_trainer(_SETTINGS, _COLUMNS, 1))
  states = init(keys.network, rows, *_arrays([data]))
  kernels = np.asarray(states.params["hidden_1"]["kernel"]).reshape(10, -1)
  assert len(np.unique(kernels[:, 0])) == 10


def test_five_folds_and_any_number_of_epochs_compile_once():
  data = helpers.rated_numbers()
  nets = networks(_SETTINGS, range(5))
  keys = rows_lib.network_keys(nets)
  rows = rows_lib.network_rows(_SETTINGS, data.fold, nets)
  pure = trainer.make_trainer(_SETTINGS, _COLUMNS, 1)
  traced = []

  def counted(*args):
    traced.append(1)
    return pure.run_epoch(*args)

  init, run, _ = trainer.make_program(pure._replace(run_epoch=counted))
  arrays = _arrays([data])
  states = init(keys.network, rows, *arrays)
  for first, count in ((0, 1), (1, 3), (4, 2)):
    states, _, ran = run(
      states, keys, rows, *arrays, jnp.int32(first), jnp.int32(count), jnp.int32(0)
    )
    assert int(ran) == count
  assert run._cache_size() == 1
  # once per trace of the loop's body, however many folds and epochs
  assert len(traced) <= 2


def test_training_compiles_few_programs():
  """Each sum outside of a program would be one more; there were 67."""
  compiled = []

  def note(event, seconds, **which):
    del seconds
    if event == "/jax/core/compile/backend_compile_duration":
      compiled.append(which)

  jax.monitoring.register_event_duration_secs_listener(note)
  try:
    # Shapes that no other test has, whose programs this process does not know, and one
    # network, because two devices are pretended.
    data = helpers.rated_numbers(47)
    settings = dataclasses.replace(_SETTINGS, hidden=(5,), target=("arousal",))
    loop.train(settings, {"": data}, [0])
    familiarity.fit(*loop.feature_table(data), data.fold)
  finally:
    jax.monitoring.unregister_event_duration_listener(note)
  assert 4 <= len(compiled) <= 9, compiled


@pytest.mark.slow
def test_golden_step():
  """One step of momentum SGD on a linear network, worked by hand.

  The rule is the TensorFlow form: buffer = 0.9 buffer + gradient; step = lr * buffer.
  If this fails because the rule was changed on purpose, work the numbers anew.
  """
  table = np.array([[1.0], [-1.0], [1.0], [-1.0]], np.float32)
  ratings = np.repeat(np.array([[6.0], [4.0], [6.0], [4.0]], np.float32), 2, 1)
  settings = config.TrainConfig(
    hidden=(), learning_rate=0.1, stop_on="train", scaling="none", target=("valence",)
  )
  columns = model.Columns(("a",), (1,), (False,))
  pure = trainer.make_trainer(settings, columns, 1)
  weights = jnp.ones(4)
  rows = rows_lib.Rows(
    jnp.arange(4, dtype=jnp.int32),
    weights,
    jnp.arange(4, dtype=jnp.int32),
    weights,
    jnp.zeros(1, jnp.int32),
    jnp.int32(0),
  )
  data = (rows, jnp.asarray(table)[None], jnp.asarray(ratings))
  state = pure.init(jax.random.key(0), rows, pure.fit(*data[:2]), data[2])
  start = {"output": {"kernel": jnp.zeros((1, 1)), "bias": jnp.full((1,), 5.0)}}
  state = state._replace(params=start)
  np.testing.assert_allclose(state.best_params["output"]["bias"], [5.0])
  keys = rows_lib.Keys(jax.random.key(1), jax.random.key(2))
  state, report = pure.run_epoch(state, keys, *data)
  # errors -1, +1, ...: loss 1, gradient of the weight -2, step 0.1 * 2
  np.testing.assert_allclose(report.train_error, 1.0, rtol=1e-6)
  np.testing.assert_allclose(state.params["output"]["kernel"], [[0.2]], rtol=1e-6)
  state, report = pure.run_epoch(state, keys, *data)
  # errors 0.8: loss 0.64, gradient -1.6, buffer -1.8 - 1.6 = -3.4, weight 0.2 + 0.34
  np.testing.assert_allclose(report.train_error, 0.64, rtol=1e-5)
  np.testing.assert_allclose(state.params["output"]["kernel"], [[0.54]], rtol=1e-5)


@pytest.mark.slow
def test_summed_loss_steps_as_many_times_further_as_there_are_rows():
  data = helpers.rated_numbers(num_images=25)
  weights = {}
  for reduction, step in (("mean", 1e-3), ("mean", 1e-30), ("sum", 1e-3)):
    settings = dataclasses.replace(
      _SETTINGS,
      loss_reduction=reduction,
      learning_rate=step,
      hidden=(),
      max_epochs=1,
      batch_size=1000,
      stop_on="train",
    )
    trained = loop.train(settings, {"": data}, [0])
    weights[reduction, step] = np.asarray(trained.params["output"]["kernel"])
  start = weights["mean", 1e-30]
  mean, total = weights["mean", 1e-3] - start, weights["sum", 1e-3] - start
  np.testing.assert_allclose(total, 20 * mean, rtol=0.01, atol=1e-4)


@pytest.mark.slow
def test_test_ratings_reach_nothing():
  """Other ratings of the test fold: the same network, to the last bit."""
  data = helpers.rated_numbers()
  inside = data.fold == 1
  shuffled = data.ratings.copy()
  shuffled[inside] = np.random.default_rng(0).uniform(1, 9, (inside.sum(), 2))
  settings = dataclasses.replace(_SETTINGS, max_epochs=30, patience=3)
  first = loop.train(settings, {"": data}, [1])
  other = dataclasses.replace(data, ratings=shuffled)
  second = loop.train(settings, {"": other}, [1])
  np.testing.assert_array_equal(first.predicted, second.predicted)
  np.testing.assert_array_equal(first.best_epochs, second.best_epochs)


def test_test_features_reach_nothing_that_trains():
  data = helpers.rated_numbers()
  changed = data.features["a"].copy()
  changed[data.fold == 1] = 99.0
  first = loop.train(_SETTINGS, {"": data}, [1])
  second = loop.train(_SETTINGS, {"": _with(data, changed)}, [1])
  is_training = data.fold != 1
  np.testing.assert_array_equal(
    first.predicted[:, is_training], second.predicted[:, is_training]
  )


@pytest.mark.slow
def test_best_parameters_are_kept_not_the_last():
  settings = dataclasses.replace(
    _SETTINGS, hidden=(64,), learning_rate=0.01, max_epochs=150, patience=150
  )
  trained = _train(settings)
  assert (trained.best_epochs < 150).any(), "nothing overfitted: the test shows nothing"
  data = helpers.rated_numbers()
  split = folds.make_folds(data.fold, settings.validation_share, settings.seed)
  for k, net in enumerate(trained.networks):
    rows = split.validation_rows[net.fold][split.validation_weights[net.fold] > 0]
    column = config.TARGETS.index(net.targets[0])
    error = np.mean((trained.predicted[k, rows, 0] - data.ratings[rows, column]) ** 2)
    assert error == pytest.approx(trained.best_errors[k], rel=1e-3)


@pytest.mark.slow
def test_patience_stops_each_network_by_itself():
  trained = _train(
    max_epochs=400, patience=5, learning_rate=0.01, hidden=(32,), batch_size=64
  )
  assert len(set(trained.best_epochs.tolist())) > 1
  assert trained.best_epochs.max() < 395


@pytest.mark.slow
@pytest.mark.parametrize(
  "changes",
  [
    {"dropout": 0.3},
    {"input_dropout": 0.3},
    {"weight_decay": 5.0},
    {"nesterov": True},
    {"scaling": "block"},
    {"seed": 1},
    {"shared_head": True},
    {"ensemble": 2},
    {"momentum": 0.0},
    {"batch_size": 7},
    {"hidden": (9,)},
    {"stop_on": "train", "patience": 1},
  ],
)
def test_every_setting_changes_the_result(changes):
  plain = _train(which=(0,))
  other = _train(which=(0,), **changes)
  shape = plain.predicted.shape
  if other.predicted.shape == shape:
    assert np.abs(plain.predicted - other.predicted).max() > 1e-4
  assert np.isfinite(other.predicted).all()


@pytest.mark.slow
def test_shared_head_predicts_both_targets():
  trained = _train(shared_head=True, max_epochs=80)
  assert trained.predicted.shape == (5, 53, 2)
  results, _ = loop.evaluate(trained, helpers.rated_numbers())
  assert [result.target for result in results] == ["valence", "arousal"]
  assert all(result.scores.pearson_r > 0.5 for result in results)


@pytest.mark.slow
def test_divergence_is_an_error_that_names_epoch_target_and_fold():
  with pytest.raises(loop.TrainError, match=r"valence.*, fold 1, .* epoch \d+"):
    _train(learning_rate=1e6, max_epochs=40)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"learning_rate": 0.0}, "--learning_rate"),
    ({"momentum": 1.0}, "--momentum"),
    ({"target": ("valence", "valence")}, "--target"),
    ({"target": ()}, "--target"),
    ({"hidden": (0,)}, "--hidden"),
    ({"dropout": 1.0}, "--dropout"),
    ({"max_epochs": 0}, "--max_epochs"),
    ({"validation_share": 0.0}, "--validation_share"),
  ],
)
def test_settings_that_cannot_train_are_named(changes, message):
  with pytest.raises(ValueError, match=message):
    options.check(dataclasses.replace(_SETTINGS, **changes))


def _beauty(**metadata):
  """The problem, rated for beauty as it was for valence, and nothing else."""
  data = helpers.rated_numbers()
  return dataclasses.replace(
    data,
    ratings=data.ratings[:, :1],
    ratings_std=data.ratings_std[:, :1],
    num_raters=data.num_raters[:, :1],
    metadata={**data.metadata, "targets": ["beauty"], **metadata},
  )


def test_a_target_of_any_name_is_trained_and_scored():
  data = _beauty(source="folder", scales={"beauty": [0, 4]})
  settings = dataclasses.replace(_SETTINGS, target=("beauty",), max_epochs=3)
  trained = loop.train(settings, {"": data}, [0, 1])
  (result,), predicted = loop.evaluate(trained, data)
  assert result.target == "beauty" and result.scale == (0, 4)
  tested = np.isfinite(predicted[:, 0])
  error = np.square(predicted[tested, 0] - data.ratings[tested, 0]).mean()
  assert result.scores.mse == pytest.approx(error / 4)  # half the points for each
  with pytest.raises(ValueError, match=r"--target should be one or more of beauty, ea"):
    loop.train(_SETTINGS, {"": data}, [0])


def test_a_further_target_s_weights_depend_on_its_name_alone():
  settings = dataclasses.replace(_SETTINGS, target=("valence", "beauty", "joy"))
  keys = rows_lib.network_keys(networks(settings, [0])).network
  alone = dataclasses.replace(_SETTINGS, target=("joy",))
  (key,) = rows_lib.network_keys(networks(alone, [0])).network
  assert len({tuple(jax.random.key_data(k).tolist()) for k in keys}) == 3
  np.testing.assert_array_equal(jax.random.key_data(keys[2]), jax.random.key_data(key))


def _two_sources():
  data = helpers.rated_numbers()
  other = np.random.default_rng(5).standard_normal((53, 6)).astype(np.float32)
  return {"first": data, "second": _with(data, other)}


@pytest.mark.slow
def test_a_source_among_several_equals_that_source_alone():
  sources = _two_sources()
  together = loop.train(_SETTINGS, sources, range(5))
  assert len(together.networks) == 20
  for name, data in sources.items():
    alone = loop.train(_SETTINGS, {"": data}, range(5))
    ours = together.of(name, 0)
    np.testing.assert_allclose(ours.predicted, alone.predicted, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours.best_epochs, alone.best_epochs)
    shapes = jax.tree.map(np.shape, alone.params)
    assert jax.tree.map(np.shape, ours.params) == shapes


@pytest.mark.slow
def test_a_seed_among_several_equals_that_seed_alone():
  data = helpers.rated_numbers()
  together = loop.train(_SETTINGS, {"": data}, range(5), num_seeds=2)
  settings = dataclasses.replace(_SETTINGS, seed=1)
  alone = loop.train(settings, {"": data}, range(5))
  second = together.of("", 1)
  np.testing.assert_allclose(second.predicted, alone.predicted, rtol=1e-4, atol=1e-4)
  assert np.abs(second.predicted - together.of("", 0).predicted).max() > 0.01


@pytest.mark.slow
def test_sources_and_seeds_are_one_compilation():
  sources = _two_sources()
  nets = networks(_SETTINGS, range(5), list(sources), 2)
  fold = sources["first"].fold
  keys, rows = rows_lib.network_keys(nets), rows_lib.network_rows(_SETTINGS, fold, nets)
  init, run, _ = trainer.make_program(trainer.make_trainer(_SETTINGS, _COLUMNS, 1))
  data = _arrays(list(sources.values()))
  states = init(keys.network, rows, *data)
  assert jax.tree.leaves(states.params)[0].shape[0] == 40
  for number in range(2):
    span = (jnp.int32(number), jnp.int32(1), jnp.int32(0))
    states, _, _ = run(states, keys, rows, *data, *span)
  assert run._cache_size() == 1


@pytest.mark.slow
@pytest.mark.parametrize("stop_on", ["train", "validation"])
def test_along_all_directions_training_is_what_it_is_without(stop_on):
  changes = {"input_dropout": 0.3, "stop_on": stop_on}
  without = _train(which=(1,), **changes)
  along = _train(which=(1,), principal_directions=6, **changes)
  np.testing.assert_allclose(along.predicted, without.predicted, atol=1e-3)
  np.testing.assert_allclose(along.best_errors, without.best_errors, rtol=1e-3)


def test_along_few_directions_the_first_layer_has_their_rank():
  along = _train(which=(1,), principal_directions=2)
  kernels = np.asarray(along.params["hidden_1"]["kernel"])
  assert kernels.shape == (2, 6, 8)
  assert [np.linalg.matrix_rank(kernel, tol=1e-4) for kernel in kernels] == [2, 2]
