"""Which rows of the table networks train, stop and are tested on, and in what order.

In: the networks of a run and the fold that each picture is tested in. Out: `Rows` and
`Keys`, with a leading K axis, and shuffled batches of the rows that train one network.
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from emojax import config as config_lib
from emojax.config import TARGETS
from emojax.evaluation import folds as folds_lib
from emojax.train import networks

# Set apart from the numbers of targets, which keys of networks come from.
_OF_BATCHES = 2**32 - 1


class Rows(NamedTuple):
  """Which rows of the table a network uses; rows of weight 0 are padding."""

  train: jax.Array  # (n,) int32
  train_weights: jax.Array  # (n,) float32
  stop: jax.Array  # (m,) int32, whose error decides when to stop
  stop_weights: jax.Array  # (m,) float32
  targets: jax.Array  # (T,) int32, which columns of the ratings it learns
  source: jax.Array  # () int32, which feature table


class Keys(NamedTuple):
  """What a network's numbers are drawn from."""

  network: jax.Array  # (): the weights it starts from, the hidden units it silences
  batches: jax.Array  # (): the order of rows and the inputs silenced; its fold's


def network_keys(nets: Sequence[networks.Network]) -> Keys:
  """Keys (K,) that depend on the network and not on its company.

  Networks of different sources share keys: they start from the same weights, so that
  they differ by their inputs alone. Networks of one fold and seed see the same batches
  with the same inputs silenced, so that this need be computed but once for them.
  """

  def keys(net: networks.Network) -> Keys:
    # A network keeps its key when other folds, targets or members are left out.
    root = jax.random.key(net.seed)
    head_key = jax.random.fold_in(root, _number_of(net.targets[0]))
    fold_key = jax.random.fold_in(head_key, net.fold)
    batches_key = jax.random.fold_in(jax.random.fold_in(root, _OF_BATCHES), net.fold)
    return Keys(jax.random.fold_in(fold_key, net.member), batches_key)

  return jax.tree.map(lambda *of_each: jnp.stack(of_each), *map(keys, nets))


def _number_of(target: str) -> int:
  """A number of a target's own, whatever other targets there are."""
  if target in TARGETS:
    return TARGETS.index(target)
  return len(TARGETS) + zlib.crc32(target.encode()) // 2


def make_folds(
  settings: config_lib.TrainConfig, fold_of_image: np.ndarray, seed: int
) -> folds_lib.Folds:
  """The folds that networks of one seed train, stop and are tested on."""
  share = settings.validation_share if settings.stop_on == "validation" else 0.0
  return folds_lib.make_folds(
    fold_of_image, share, seed, train_share=settings.train_share
  )


def network_rows(
  settings: config_lib.TrainConfig,
  fold_of_image: np.ndarray,
  nets: Sequence[networks.Network],
  targets: Sequence[str] = TARGETS,
) -> Rows:
  """The rows of each network, stacked: every array with a leading K axis.

  Args:
    settings: what stops a network, and how many rows that takes.
    fold_of_image: (N,) the fold each picture is tested in.
    nets: the networks.
    targets: what the columns of the ratings are.
  """
  by_seed = {
    seed: make_folds(settings, fold_of_image, seed)
    for seed in dict.fromkeys(net.seed for net in nets)
  }

  def stacked(name: str, dtype: Any) -> jax.Array:
    picked = [getattr(by_seed[net.seed], name)[net.fold] for net in nets]
    return jnp.asarray(np.stack(picked), dtype)

  sources = list(dict.fromkeys(net.source for net in nets))
  columns = np.array([[targets.index(t) for t in net.targets] for net in nets])
  return Rows(
    stacked("train_rows", jnp.int32),
    stacked("train_weights", jnp.float32),
    stacked(f"{settings.stop_on}_rows", jnp.int32),
    stacked(f"{settings.stop_on}_weights", jnp.float32),
    jnp.asarray(columns, jnp.int32),
    jnp.asarray([sources.index(net.source) for net in nets], jnp.int32),
  )


def batches(
  key: jax.Array, rows: Rows, batch_size: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Shuffled equal batches: rows and weights (S, b), and the number of each, (S,).

  Equal batches of at most `batch_size`, not full ones and a rest: a mean over a rest
  of a few rows would move the weights as far as a mean over a thousand.
  """
  num_rows = rows.train.shape[0]
  num_batches = -(-num_rows // batch_size)
  size = -(-num_rows // num_batches)
  noise = jax.random.uniform(key, (num_rows,))
  order = jnp.argsort(jnp.where(rows.train_weights > 0, noise, 2.0))  # padding last
  padding = num_batches * size - num_rows
  index = jnp.pad(rows.train[order], (0, padding))
  weights = jnp.pad(rows.train_weights[order], (0, padding))
  # Dealt out like cards, so that padding spreads and no batch is empty.
  return (
    index.reshape(size, num_batches).T,
    weights.reshape(size, num_batches).T,
    jnp.arange(num_batches),
  )
