"""One training run as a pure function, and many runs as one program.

In: feature tables (S, N, D), one per source, and ratings (N, 2), which rows train, stop
and test, and a key. Out: the best parameters of each network and its errors, epoch by
epoch. Networks (sources x seeds x targets x five folds) differ only in arguments, so
`jax.vmap` trains them all at once; what leaves it has a leading K axis, one entry per
network.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from emojax import config as config_lib
from emojax.train import feature_tables, model, networks
from emojax.train import rows as rows_lib
from emojax.train.rows import Keys, Rows
from emojax.utils import runtime

# How many numbers of a table directions are fitted to at once, of several networks.
_NUMBERS_TO_FIT = 2**25
# Longest stretch of epochs that runs on the device without a word to the host.
MAX_EPOCHS_PER_CALL = 50


class Inputs(NamedTuple):
  """How a network sees features; fitted on the rows that train it."""

  scaling: model.Scaling
  directions: jax.Array | None  # (D, C) that the first layer looks along, if so set


class State(NamedTuple):
  """A network between two epochs; enough to go on from."""

  params: Any
  optimizer: Any
  scaling: model.Scaling
  directions: jax.Array | None  # (D, C) that the first layer looks along, if so set
  best_params: Any  # at the epoch of the smallest stopping error so far
  best_error: jax.Array  # () that error, mean square error
  best_epoch: jax.Array  # () int32, counted from 1; 0 before the first
  stale_epochs: jax.Array  # () int32, since the best
  stopped: jax.Array  # () bool; a stopped network keeps its best parameters
  train_error: jax.Array  # () of the last epoch that counts, see `Report`
  stop_error: jax.Array  # ()


class Report(NamedTuple):
  """Errors of one epoch; of a stopped network those of the epoch when it stopped."""

  train_error: jax.Array | np.ndarray  # () mean square error over the epoch's batches
  stop_error: jax.Array | np.ndarray  # () the same on the rows that decide
  stopped: jax.Array | np.ndarray  # () bool


class Trainer(NamedTuple):
  """The pure functions of a run of one network; map them over networks.

  Tables are (S, N, D), or what is indexed alike, see `feature_tables`.
  """

  fit: Callable[..., Inputs]  # (rows, tables) -> inputs
  init: Callable[..., State]  # (key, rows, inputs, ratings) -> state
  run_epoch: Callable[..., tuple[State, Report]]  # (state, keys, rows, tables, ratings)
  predict: Callable[..., jax.Array]  # (params, scaling, table) -> (N, T)


def make_trainer(
  settings: config_lib.TrainConfig, columns: model.Columns, num_outputs: int
) -> Trainer:
  """The pure functions that train and use one network.

  Args:
    settings: how to train; static.
    columns: what the columns of the feature table are; static.
    num_outputs: targets a network predicts.
  Returns:
    `Trainer`.
  """
  network = networks.module(settings, num_outputs)
  forward = networks.make_forward(settings, num_outputs)
  optimizer = optax.chain(
    optax.add_decayed_weights(settings.weight_decay, mask=_is_kernel),
    optax.sgd(
      settings.learning_rate, momentum=settings.momentum, nesterov=settings.nesterov
    ),
  )

  def fit(rows: Rows, tables: jax.Array) -> Inputs:
    """How a network sees features; of its training rows alone."""
    weights = rows.train_weights
    features = tables[rows.source, rows.train]
    scaling = model.fit_scaling(features, weights, columns, settings.scaling)
    directions = None
    if settings.principal_directions:
      directions = model.principal_directions(
        model.scale(features, scaling), weights, settings.principal_directions
      )
    return Inputs(scaling, directions)

  def init(key: jax.Array, rows: Rows, inputs: Inputs, ratings: jax.Array) -> State:
    """A network before its first epoch."""
    params = network.init(key, jnp.zeros((1, columns.num_columns)))["params"]
    if inputs.directions is not None:
      params = model.projected(params, inputs.directions)
    weights = rows.train_weights
    # Ratings lie around 5: without this the first epochs only learn that.
    targets = _ratings_of(ratings, rows.train, rows.targets)
    params["output"]["bias"] = weights @ targets / jnp.sum(weights)
    zero = jnp.zeros((), jnp.int32)
    best = jax.tree.map(jnp.copy, params)
    return State(
      params,
      optimizer.init(params),
      *inputs,
      best,
      jnp.full((), jnp.inf, jnp.float32),
      zero,
      zero,
      jnp.zeros((), bool),
      jnp.full((), jnp.inf, jnp.float32),
      jnp.full((), jnp.inf, jnp.float32),
    )

  def run_epoch(
    state: State, keys: Keys, rows: Rows, tables: jax.Array, ratings: jax.Array
  ) -> tuple[State, Report]:
    """Passes once over the training rows, then asks whether the error still falls."""
    order_key, inputs_key = jax.random.split(keys.batches)
    batches = rows_lib.batches(order_key, rows, settings.batch_size)

    def step(carry: tuple[Any, Any], batch: tuple[jax.Array, ...]):
      params, opt_state = carry
      index, weights, number = batch
      inputs = model.scale(tables[rows.source, index], state.scaling)
      targets = _ratings_of(ratings, index, rows.targets)
      rngs = {
        "dropout": jax.random.fold_in(keys.network, number),
        "input_dropout": jax.random.fold_in(inputs_key, number),
      }

      def loss(p: Any) -> tuple[jax.Array, jax.Array]:
        predictions = cast(
          jax.Array,
          network.apply({"params": p}, inputs, state.directions, train=True, rngs=rngs),
        )
        total = jnp.sum(weights[:, None] * jnp.square(predictions - targets))
        scale = 1.0 if settings.loss_reduction == "sum" else 1 / jnp.sum(weights)
        return total * scale, total

      grads, total = jax.grad(loss, has_aux=True)(params)
      updates, opt_state = optimizer.update(grads, opt_state, params)
      return (optax.apply_updates(params, updates), opt_state), total

    (params, opt_state), totals = jax.lax.scan(
      step, (state.params, state.optimizer), batches
    )
    train_error = jnp.sum(totals) / (jnp.sum(rows.train_weights) * num_outputs)
    if settings.stop_on == "train":
      stop_error = train_error
    else:
      predictions = _in_batches(
        lambda index: forward(
          params, state.scaling, tables[rows.source, index], state.directions
        ),
        rows.stop,
      )
      targets = _ratings_of(ratings, rows.stop, rows.targets)
      stop_error = _weighted_mean_square(predictions - targets, rows.stop_weights)
    train_error, stop_error = (
      jnp.where(state.stopped, last, new)
      for last, new in (
        (state.train_error, train_error),
        (state.stop_error, stop_error),
      )
    )
    better = (stop_error < state.best_error) & ~state.stopped
    stale = jnp.where(better, 0, state.stale_epochs + 1)
    stopped = state.stopped | (stale >= settings.patience)
    epoch = state.best_epoch + state.stale_epochs + 1
    best_params = jax.tree.map(
      lambda new, old: jnp.where(better, new, old), params, state.best_params
    )
    new_state = State(
      params,
      opt_state,
      state.scaling,
      state.directions,
      best_params,
      jnp.where(better, stop_error, state.best_error),
      jnp.where(better, epoch, state.best_epoch),
      stale,
      stopped,
      train_error,
      stop_error,
    )
    return new_state, Report(train_error, stop_error, stopped)

  return Trainer(fit, init, run_epoch, forward)


@jax.jit
def best_params(states: State) -> Any:
  """Of trained networks, as they predict: along no directions; leading K axis."""
  if states.directions is None:
    return states.best_params
  return jax.vmap(model.unprojected)(states.best_params, states.directions)


def make_program(
  trainer: Trainer, mesh: jax.sharding.Mesh | None = None, of_one_fold: bool = False
) -> tuple[Callable, Callable, Callable]:
  """The trainer mapped over networks and compiled; the feature tables are shared.

  Args:
    trainer: of one network.
    mesh: of one axis: the devices that networks are spread over; None: there is one.
    of_one_fold: networks that `run` is called with are always of one source, seed and
      fold, so what they see is computed once for all of them.
  Returns:
    `init(keys, rows, tables, ratings) -> states`, all with a leading K axis, from their
    own keys alone;
    `run(states, keys, rows, tables, ratings, first, count, leave) -> (states, reports,
    ran)`: epochs `first` .. `first + count - 1`, fewer where before that no more than
    `leave` networks go on;
    `reports` are (MAX_EPOCHS_PER_CALL, K), of which the first `ran` are filled;
    `predict(params, scaling, source, tables) -> (K, N, T)`, see `make_predict`.
  """
  fastest = runtime.options()

  @functools.partial(jax.jit, compiler_options=fastest)
  def fit(rows, tables):
    size = rows.train.shape[1] * tables.shape[-1]
    together = int(np.clip(_NUMBERS_TO_FIT // size, 1, len(rows.train)))
    of_rows = functools.partial(trainer.fit, tables=tables)
    return jax.lax.map(of_rows, rows, batch_size=together)

  start = jax.jit(
    jax.vmap(trainer.init, in_axes=(0, 0, 0, None)),
    compiler_options=runtime.options_to_run_once(),
  )

  def init(keys, rows, tables, ratings):
    # Members of an ensemble, and often targets, train on the same rows.
    seen = np.column_stack([rows.train, rows.train_weights, rows.source])
    _, distinct, which = np.unique(seen, axis=0, return_index=True, return_inverse=True)
    picked = jax.tree.map(lambda x: np.asarray(x)[distinct], rows)
    fitted = fit(picked, feature_tables.whole(tables))
    # By way of NumPy to the device that trains, which need not be the one that fitted.
    inputs = jax.tree.map(lambda x: np.asarray(x)[which.ravel()], fitted)
    return start(keys, rows, jax.device_put(inputs), ratings)

  predict = jax.jit(networks.make_predict(trainer.predict), compiler_options=fastest)
  run_epoch = jax.vmap(trainer.run_epoch, in_axes=(0, 0, 0, None, None))
  if of_one_fold:
    run_epoch = _of_one_fold(trainer.run_epoch)
  if mesh:
    shared = jax.sharding.PartitionSpec()
    each = jax.sharding.PartitionSpec(*mesh.axis_names)
    run_epoch = jax.shard_map(
      run_epoch,
      mesh=mesh,
      in_specs=(each, each, each, shared, shared),
      out_specs=each,
      check_vma=False,  # networks do not meet
    )

  # Donated: at the paper's size the states are 1 GB that need not stand twice.
  @functools.partial(jax.jit, donate_argnums=0, compiler_options=fastest)
  def run(states, keys, rows, tables, ratings, first, count, leave):
    def goes_on(carry):
      states, _, done = carry
      return (done < count) & (jnp.sum(~states.stopped) > leave)

    def epoch(carry):
      states, reports, done = carry
      # Folding in the epoch's number: resuming there repeats nothing.
      of_epoch = jax.vmap(lambda key: jax.random.fold_in(key, first + done))
      epoch_keys = jax.tree.map(of_epoch, keys)
      states, report = run_epoch(states, epoch_keys, rows, tables, ratings)
      reports = jax.tree.map(lambda old, new: old.at[done].set(new), reports, report)
      return states, reports, done + 1

    shape = (MAX_EPOCHS_PER_CALL, *states.stopped.shape)
    reports = Report(jnp.zeros(shape), jnp.zeros(shape), jnp.zeros(shape, bool))
    start = (states, reports, jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(goes_on, epoch, start)

  return init, run, predict


def _of_one_fold(run_epoch: Callable[..., tuple[State, Report]]) -> Callable:
  """`run_epoch` mapped over networks that differ in parameters, keys and targets."""

  def axes(kind: Any, shared: Sequence[str]) -> Any:
    return kind(*(None if name in shared else 0 for name in kind._fields))

  def first(tree: Any) -> Any:
    return jax.tree.map(lambda x: x[0], tree)

  states_axes = axes(State, Inputs._fields)
  rows_axes = axes(Rows, [name for name in Rows._fields if name != "targets"])
  mapped = jax.vmap(
    run_epoch,
    in_axes=(states_axes, axes(Keys, ["batches"]), rows_axes, None, None),
    out_axes=(states_axes, 0),
  )

  def run(
    states: State, keys: Keys, rows: Rows, tables: jax.Array, ratings: jax.Array
  ) -> tuple[State, Report]:
    inputs = {name: getattr(states, name) for name in Inputs._fields}
    new, report = mapped(
      states._replace(**first(inputs)),
      keys._replace(batches=keys.batches[0]),
      first(rows)._replace(targets=rows.targets),
      tables,
      ratings,
    )
    return new._replace(**inputs), report

  return run


def _in_batches(forward: Callable[..., jax.Array], rows: jax.Array) -> jax.Array:
  """`forward` of all rows (m,), (m, T); of very many, one batch after another."""
  size = feature_tables.ROWS_AT_ONCE
  if len(rows) <= size:
    return forward(rows)
  padded = jnp.pad(rows, (0, -len(rows) % size)).reshape(-1, size)
  predictions = jax.lax.map(forward, padded)
  return predictions.reshape(-1, predictions.shape[-1])[: len(rows)]


def _ratings_of(ratings: jax.Array, rows: jax.Array, targets: jax.Array) -> jax.Array:
  return ratings[rows[:, None], targets[None, :]]


def _weighted_mean_square(errors: jax.Array, weights: jax.Array) -> jax.Array:
  total = jnp.sum(weights[:, None] * jnp.square(errors))
  return total / (jnp.sum(weights) * errors.shape[-1])


def _is_kernel(params: Any) -> Any:
  """Which parameters are weights; biases are not drawn towards 0."""
  return jax.tree.map_with_path(lambda path, _: path[-1].key == "kernel", params)
