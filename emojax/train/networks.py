"""The networks of a run: which there are, their shapes, and what they say of features.

In: settings, and which columns a feature table has. Out: `Network`s in the order of the
K axis, shapes, and pure functions. What training needs besides is in `trainer`, so that
prediction need not import it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp

from emojax import config as config_lib
from emojax.train import model


class Network(NamedTuple):
  """What sets one network apart from the others of a run."""

  fold: int  # the group of pictures it does not see
  targets: tuple[str, ...]  # what it predicts
  member: int  # which of the ensemble
  seed: int = 0  # of its weights, shuffling, dropout and validation rows
  source: str = ""  # the name of the feature table it sees; one table needs no name


def networks(
  settings: config_lib.TrainConfig,
  fold_indices: Sequence[int],
  sources: Sequence[str] = ("",),
  num_seeds: int = 1,
) -> list[Network]:
  """The networks of a run, in the order of the K axis.

  That is sources, seeds (from the settings' on), targets, folds, members.
  """
  heads = [settings.target] if settings.shared_head else [(t,) for t in settings.target]
  return [
    Network(fold, head, member, settings.seed + number, source)
    for source in sources
    for number in range(num_seeds)
    for head in heads
    for fold in fold_indices
    for member in range(settings.ensemble)
  ]


def module(settings: config_lib.TrainConfig, num_outputs: int) -> model.MLP:
  """The Flax module that the networks of some settings are."""
  return model.MLP(
    settings.hidden,
    num_outputs,
    settings.dropout,
    settings.input_dropout,
    settings.precision,
  )


def model_shapes(
  settings: config_lib.TrainConfig, columns: model.Columns, nets: Sequence[Network]
) -> tuple[Any, model.Scaling]:
  """Shapes of the parameters and the input scaling of some networks, leading K axis."""
  number, size = len(nets), columns.num_columns
  network = module(settings, len(nets[0].targets))
  inputs = jax.ShapeDtypeStruct((1, size), jnp.float32)
  shapes = jax.eval_shape(lambda x: network.init(jax.random.key(0), x), inputs)
  params = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct((number, *x.shape), x.dtype), shapes["params"]
  )
  row: Any = jax.ShapeDtypeStruct((number, size), jnp.float32)
  return params, model.Scaling(row, row, row)


def make_forward(
  settings: config_lib.TrainConfig, num_outputs: int
) -> Callable[..., jax.Array]:
  """`forward(params, scaling, rows, directions=None) -> (N, T)`, of one network."""
  network = module(settings, num_outputs)

  def forward(
    params: Any,
    scaling: model.Scaling,
    rows: jax.Array,
    directions: jax.Array | None = None,
  ) -> jax.Array:
    inputs = model.scale(rows, scaling)
    predictions = network.apply({"params": params}, inputs, directions)
    # apply's declared type also allows for changed state
    return cast(jax.Array, predictions)

  return forward


def make_predict(forward: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
  """`predict(params, scaling, source, tables) -> (K, N, T)`, of K networks.

  One network after another, because all at once would need K times the tables' memory.
  """

  def predict(
    params: Any, scaling: model.Scaling, source: jax.Array, tables: jax.Array
  ) -> jax.Array:
    def of_network(network: tuple[Any, model.Scaling, jax.Array]) -> jax.Array:
      params, scaling, source = network
      return forward(params, scaling, tables[source])

    return jax.lax.map(of_network, (params, scaling, source))

  return predict
