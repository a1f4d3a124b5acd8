"""Which rows of the table networks train, stop and are tested on, and in what order.

In: the networks of a run and the fold that each picture is tested in. Out: `Rows` and
`Keys`, with a leading K axis, and shuffled batches of the rows that train one network.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

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
  # JAX takes the lowest 32 bits of a seed.
  numbers = [
    (net.seed % 2**32, _number_of(net.targets[0]), net.fold, net.member) for net in nets
  ]
  seeds, heads, folds, members = np.array(numbers, np.uint32).T
  roots = _roots(seeds)
  # A network keeps its key when other folds, targets or members are left out.
  of_fold = _fold_in(_fold_in(roots, heads), folds)
  batches = _fold_in(_fold_in(roots, np.full_like(heads, _OF_BATCHES)), folds)
  return Keys(_fold_in(of_fold, members), batches)


# Of all networks at once: one small program each, whatever the networks.
_roots = jax.jit(jax.vmap(jax.random.key))
_fold_in = jax.jit(jax.vmap(jax.random.fold_in))


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

  def stacked(name: str) -> np.ndarray:
    return np.stack([getattr(by_seed[net.seed], name)[net.fold] for net in nets])

  sources = list(dict.fromkeys(net.source for net in nets))
  columns = [[targets.index(t) for t in net.targets] for net in nets]
  rows = (
    stacked("train_rows"),
    stacked("train_weights"),
    stacked(f"{settings.stop_on}_rows"),
    stacked(f"{settings.stop_on}_weights"),
    np.array(columns, np.int32),
    np.array([sources.index(net.source) for net in nets], np.int32),
  )
  return Rows(*jax.device_put(rows))  # `jnp` would compile a program for each shape


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
