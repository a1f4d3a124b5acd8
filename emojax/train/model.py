"""The network that turns a row of features into ratings, and how its inputs are scaled.

In: features (B, D) float32. Out: predicted ratings (B, T), points of the 1..9 scale.
Everything is pure; parameters, scaling and keys are arguments, so that `jax.vmap` maps
folds, targets and seeds alike.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

# How probabilities and shares are spread out before scaling. Most of them are near 0,
# where a linear step means little; both curves stretch that end.
TRANSFORMS = ("none", "sqrt", "log")
# zscore: every column has mean 0 and spread 1 on the fold's training rows. block: the
# same, then divided by the root of its feature's width, so that a feature of 1000
# columns weighs as much as one of 59. none: as extracted.
SCALINGS = ("zscore", "block", "none")
PRECISIONS = ("float32", "tf32", "bfloat16")

Array = Any  # of JAX or of NumPy
_LOG_FLOOR = 1e-6  # added before the logarithm: about the rounding of a float32 softmax
# A class that no training picture shows has a spread near 0; one test picture that does
# show it would then lie thousands of spreads away and swamp every other input.
_CLIP_SPREADS = 10.0
# Squared lengths below this share of the largest are float32's rounding, no directions.
_LEAST_SQUARE_SHARE = 1e-6


class Columns(NamedTuple):
  """What the columns of a feature table are, block by block, in column order."""

  names: tuple[str, ...]
  sizes: tuple[int, ...]
  are_probabilities: tuple[bool, ...]

  @property
  def num_columns(self) -> int:
    return sum(self.sizes)


def columns_of(described: Sequence[Mapping[str, Any]]) -> Columns:
  """The columns of features as `features.descriptions.describe` gives them."""
  return Columns(
    tuple(feature["name"] for feature in described),
    tuple(feature["size"] for feature in described),
    tuple(feature["kind"] == "probability" for feature in described),
  )


class Scaling(NamedTuple):
  """Fitted on a fold's training rows: scaled = (x - shift) * gain, then clipped."""

  shift: Array  # (D,)
  gain: Array  # (D,)
  limit: Array  # (D,) largest magnitude after scaling


class Dropout(nn.Module):
  """Silences a random share of the units while training and scales up the others.

  Threefry, JAX's generator, took three quarters of a training step on a CPU when each
  unit of each row drew its own number. Here each row and each unit draws one, and a
  hash of the two decides.

  Attributes:
    share: of the units that is silenced, at least 0 and below 1.
    stream: the name of the random numbers it draws, as `rngs` has it.
  Source: Srivastava et al., JMLR 15, 2014; the hash's mixing steps are those that end
    MurmurHash3.
  """

  share: float
  stream: str = "dropout"

  def __call__(self, x: jax.Array, train: bool) -> jax.Array:
    """(B, D) float32, unchanged when not training."""
    if not train or not self.share:
      return x
    # Drawn at once: the generator is much to compile.
    drawn = jax.random.bits(self.make_rng(self.stream), (sum(x.shape),), jnp.uint32)
    rows, units = drawn[: x.shape[0]], drawn[x.shape[0] :]
    mixed = rows[:, None] ^ units[None, :]
    mixed = (mixed ^ (mixed >> 16)) * jnp.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> 13)) * jnp.uint32(0xC2B2AE35)
    mixed ^= mixed >> 16
    is_alive = mixed >= jnp.uint32(round(self.share * 2**32))
    return jnp.where(is_alive, x / (1 - self.share), 0.0)


class MLP(nn.Module):
  """Fully connected layers with ReLU between them; equation (4) of the paper.

  Attributes:
    hidden: units of each hidden layer.
    num_outputs: predicted ratings a row.
    dropout: share of hidden units silenced while training.
    input_dropout: share of inputs silenced while training.
    precision: of the matrix products, one of `PRECISIONS`.
  """

  hidden: tuple[int, ...]
  num_outputs: int
  dropout: float = 0.0
  input_dropout: float = 0.0
  precision: str = "float32"

  @nn.compact
  def __call__(
    self,
    inputs: jax.Array,
    directions: jax.Array | None = None,
    train: bool = False,
  ) -> jax.Array:
    """Predicted ratings of scaled features.

    Args:
      inputs: (B, D) scaled features.
      directions: (D, C) where the first layer's weights are those of `projected`; None:
        they are as `init` makes them.
      train: whether units are silenced.
    Returns:
      (B, T) float32.
    """
    settings = {
      # float32 products on a GPU are rounded to 10 bits unless told otherwise.
      "precision": "default" if self.precision == "tf32" else "highest",
      "dtype": jnp.bfloat16 if self.precision == "bfloat16" else jnp.float32,
    }
    x = inputs
    # Of a stream of its own: networks of a fold silence the same inputs.
    x = Dropout(self.input_dropout, "input_dropout", name="input_dropout")(x, train)
    if directions is not None:
      x = jnp.matmul(x, directions, precision=settings["precision"])
    for i, units in enumerate(self.hidden):
      # He: keeps the size of the signal through ReLU layers.
      x = nn.Dense(
        units,
        kernel_init=nn.initializers.he_normal(),
        name=f"hidden_{i + 1}",
        **settings,
      )(x)
      x = nn.relu(x)
      x = Dropout(self.dropout, name=f"dropout_{i + 1}")(x, train)
    x = nn.Dense(
      self.num_outputs,
      kernel_init=nn.initializers.lecun_normal(),
      name="output",
      **settings,
    )(x)
    return x.astype(jnp.float32)


def transform(features: Array, columns: Columns, name: str) -> Array:
  """Spreads out the probability columns of a feature table.

  Args:
    features: (N, D) float32.
    columns: what the D columns are.
    name: one of `TRANSFORMS`.
  Returns:
    (N, D) float32, of the library that `features` is of, JAX or NumPy; columns that are
    no probabilities are unchanged.
  Raises:
    ValueError: unknown name.
  """
  if name not in TRANSFORMS:
    raise ValueError(f"transform is one of {', '.join(TRANSFORMS)}; got {name!r}")
  if name == "none":
    return features
  xp = features.__array_namespace__()
  mask = xp.asarray(np.repeat(columns.are_probabilities, columns.sizes))[None, :]
  spread = (
    xp.sqrt(xp.maximum(features, 0))
    if name == "sqrt"
    else xp.log(xp.maximum(features, 0) + _LOG_FLOOR)
  )
  return xp.where(mask, spread, features)


def fit_scaling(
  features: Array, weights: Array, columns: Columns, name: str
) -> Scaling:
  """Fits the scaling of the inputs on the rows that train.

  Args:
    features: (n, D) rows of the feature table, of JAX or NumPy.
    weights: (n,) 1 for a real row, 0 for padding; of the same library.
    columns: what the D columns are.
    name: one of `SCALINGS`.
  Returns:
    `Scaling`, of that library too; a column that does not vary is only shifted.
  Raises:
    ValueError: unknown name.
  """
  if name not in SCALINGS:
    raise ValueError(f"scaling is one of {', '.join(SCALINGS)}; got {name!r}")
  xp = features.__array_namespace__()
  size = features.shape[-1]
  if name == "none":
    filled = (xp.full((size,), x, dtype=xp.float32) for x in (0.0, 1.0, np.inf))
    return Scaling(*filled)
  total = xp.sum(weights)
  mean = weights @ features / total
  # Two passes: the difference of two large sums would lose the small columns.
  variance = weights @ xp.square(features - mean[None, :]) / total
  varies = variance > 1e-14 * (1 + xp.square(mean))
  gain = xp.where(varies, 1 / xp.sqrt(xp.where(varies, variance, 1.0)), 1.0)
  width = np.repeat(columns.sizes, columns.sizes).astype(np.float32)
  block = xp.asarray(1 / np.sqrt(width) if name == "block" else np.ones_like(width))
  return Scaling(mean, gain * block, _CLIP_SPREADS * block)


def scale(features: Array, scaling: Scaling) -> Array:
  """Scaled inputs (B, D) of features (B, D); both of JAX, or both of NumPy."""
  scaled = (features - scaling.shift[None, :]) * scaling.gain[None, :]
  limit = scaling.limit[None, :]
  return features.__array_namespace__().clip(scaled, -limit, limit)


def principal_directions(
  inputs: jax.Array, weights: jax.Array, number: int
) -> jax.Array:
  """The directions along which scaled training rows lie furthest from 0.

  Args:
    inputs: (n, D) scaled rows.
    weights: (n,) 1 for a real row, 0 for padding.
    number: how many directions; fewer where there are fewer rows or columns.
  Returns:
    (D, C) orthonormal columns, the main one first; 0 where the rows have no more
    directions.
  """
  rows = inputs * jnp.sqrt(weights)[:, None]
  # Rows and columns have the same squares; whichever are fewer cost less.
  of_columns = rows.shape[0] > rows.shape[1]
  across = rows.T if of_columns else rows
  squares, vectors = jnp.linalg.eigh(jnp.matmul(across, across.T, precision="highest"))
  most = min(number, *inputs.shape)
  squares, vectors = squares[::-1][:most], vectors[:, ::-1][:, :most]
  exists = squares > _LEAST_SQUARE_SHARE * squares[0]
  if not of_columns:
    lengths = jnp.sqrt(jnp.where(exists, squares, 1.0))
    vectors = jnp.matmul(rows.T, vectors, precision="highest") / lengths[None, :]
  return jnp.where(exists[None, :], vectors, 0.0)


def projected(params: Any, directions: jax.Array) -> Any:
  """A network's parameters with its first layer looking along directions.

  Weights drawn for all D inputs, seen along the directions: neither their signs nor
  their order change the network that training starts from.

  Args:
    params: with a first layer of (D, units).
    directions: (D, C).
  Returns:
    The same with a first layer of (C, units).
  """
  return _with_first_layer(
    params, lambda kernel: jnp.matmul(directions.T, kernel, precision="highest")
  )


def unprojected(params: Any, directions: jax.Array) -> Any:
  """The other way round: the same predictions from all D inputs, without directions."""
  return _with_first_layer(
    params, lambda kernel: jnp.matmul(directions, kernel, precision="highest")
  )


def _with_first_layer(params: Any, change: Callable[[jax.Array], jax.Array]) -> Any:
  name = "hidden_1" if "hidden_1" in params else "output"
  first = {**params[name], "kernel": change(params[name]["kernel"])}
  return {**params, name: first}
