"""How often each small texture occurs: histograms of local binary patterns.

In: (B, S, S, 3) uint8 RGB pictures, or (B, H, W) uint8 grey ones. Out: (B, 59) float32
shares. Everything before the division is integer arithmetic, so the result is the same
on every machine, and equal to scikit-image's `local_binary_pattern(grey, 8, 1,
method="nri_uniform")` for pictures of up to 511 pixels a side.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from emojax.features.base import Compute

SIZE = 59
VERSION = 1

POINTS = 8
NON_UNIFORM = SIZE - 1  # the last bin: patterns with more than two changes

# Pillow's and ITU-R BT.601's luminance weights, as 16-bit fractions that sum to one.
_RED, _GREEN, _BLUE, _HALF, _SHIFT = 19595, 38470, 7471, 1 << 15, 16

# Sample points in code order, (down, right): from the right, against the clock.
_OFFSETS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
# scikit-image rounds sin(45 degrees) to five decimals and interpolates between the four
# pixels round a diagonal sample.
_DIAGONAL = 70711
_UNIT = 100000


def make(params: None) -> Compute:
  """The feature of RGB pictures.

  Source: Ahonen, Hadid & Pietikäinen, IEEE TPAMI 28(12), 2006; 8 points, radius 1,
  uniform patterns without rotation invariance.
  """
  del params
  return lambda images: histogram(luminance(images))


def luminance(images: jax.Array) -> jax.Array:
  """Grey levels, (B, H, W) int32 0..255, equal to Pillow's `convert("L")`.

  (19595 R + 38470 G + 7471 B + 32768) >> 16, for (B, H, W, 3) uint8 RGB pictures.
  """
  rgb = images.astype(jnp.int32)
  total = rgb[..., 0] * _RED + rgb[..., 1] * _GREEN + rgb[..., 2] * _BLUE
  return (total + _HALF) >> _SHIFT


def histogram(grey: jax.Array) -> jax.Array:
  """The share of each pattern.

  Args:
    grey: (B, H, W) integers 0..255. Not float: rounding noise flips patterns.
  Returns:
    (B, 59) float32 shares that sum to 1: by scikit-image's code, which is 0 for no
    neighbour as bright as the centre, 57 for all, 1 + 8 (ones - 1) + rotation between,
    and 58 for the non-uniform.
  Raises:
    TypeError: `grey` is not an array of integers, or not three-dimensional.
  """
  if grey.ndim != 3 or not jnp.issubdtype(grey.dtype, jnp.integer):
    raise TypeError(
      f"expected (B, H, W) integer grey levels, got {grey.shape} {grey.dtype}"
    )
  patterns = _patterns(grey.astype(jnp.int32))
  batch, height, width = patterns.shape
  counts = jax.vmap(functools.partial(jnp.bincount, length=1 << POINTS))(
    patterns.reshape(batch, height * width)
  )
  bins = jnp.asarray(_bin_of_pattern())
  shares = jnp.zeros((batch, SIZE), jnp.int32).at[:, bins].add(counts)
  return shares.astype(jnp.float32) / jnp.float32(height * width)


def _patterns(grey: jax.Array) -> jax.Array:
  """Which of the eight samples are at least as bright as the centre, a bit for each.

  Outside the picture is black, as in scikit-image. A diagonal sample is
    a^2 diagonal + a (1 - a) (vertical + horizontal) + (1 - a)^2 centre, a = 0.70711,
  so its comparison with the centre is one between whole numbers.
  """
  at = _differences(grey)
  patterns = jnp.zeros_like(grey)
  for bit, (down, right) in enumerate(_OFFSETS):
    if down and right:
      sides = at(down, 0) + at(0, right)
      sample = _DIAGONAL * at(down, right) + (_UNIT - _DIAGONAL) * sides
    else:
      sample = at(down, right)
    patterns |= (sample >= 0).astype(jnp.int32) << bit
  rows, columns = min(2, grey.shape[1]), min(2, grey.shape[2])
  slipped = _slipped(grey[:, : rows + 1], rows, grey.shape[2])
  patterns = patterns.at[:, :rows].set(patterns[:, :rows] & ~slipped)
  slipped = _slipped(grey[:, :, : columns + 1], grey.shape[1], columns)
  return patterns.at[:, :, :columns].set(patterns[:, :, :columns] & ~slipped)


def _differences(grey: jax.Array):
  """A function from (down, right) to the neighbour there minus the centre."""
  height, width = grey.shape[1:]
  padded = jnp.pad(grey, ((0, 0), (1, 1), (1, 1)))

  def at(down: int, right: int) -> jax.Array:
    top, left = 1 + down, 1 + right
    return padded[:, top : top + height, left : left + width] - grey

  return at


def _slipped(grey: jax.Array, rows: int, columns: int) -> jax.Array:
  """Which samples of the first `rows` and `columns` scikit-image rounds to darker.

  Where diagonal and centre are alike and the two sides differ from it by the same
  amount in opposite directions, the interpolated sample equals the centre. In float64
  it comes out just below the centre for some grey levels, though only next to the top
  and left border, where the coordinates are small and rounded otherwise. That is
  reproduced from a table, because "equal to scikit-image" is what readers rely on.
  """
  at = _differences(grey)
  centre = grey
  table = jnp.asarray(_slip_table())
  slipped = jnp.zeros_like(grey)
  row = jnp.arange(grey.shape[1], dtype=jnp.int32)[None, :, None]
  column = jnp.arange(grey.shape[2], dtype=jnp.int32)[None, None, :]
  for corner, bit in enumerate((1, 3, 5, 7)):
    down, right = _OFFSETS[bit]
    tie = (at(down, right) == 0) & (at(down, 0) + at(0, right) == 0)
    near_row = (row < (2 if down < 0 else 1)).astype(jnp.int32)
    near_column = (column < (2 if right < 0 else 1)).astype(jnp.int32)
    flags = table[centre * 256 + centre + at(down, 0)]
    flag = (flags >> (4 * corner + 2 * near_row + near_column)) & 1
    slipped |= jnp.where(tie, flag << bit, 0)
  return slipped[:, :rows, :columns]


@functools.cache
def _slip_table() -> np.ndarray:
  """Where an equal diagonal sample comes out darker than the centre in float64.

  Returns:
    (65536,) int32 at index 256 centre + vertical neighbour; bit 4 corner + 2 near_row +
    near_column is set where it does, for the corners in code order.
  """
  centre, vertical = np.meshgrid(np.arange(256.0), np.arange(256.0), indexing="ij")
  horizontal = 2 * centre - vertical
  table = np.zeros((256, 256), np.int32)
  for corner, bit in enumerate((1, 3, 5, 7)):
    down, right = _OFFSETS[bit]
    for near in range(4):
      # Row 0 (1 when looking up, as row 0 looks outside) is near; row 2 stands for the
      # rest: the fraction stays the same until the coordinates reach 512.
      y = np.float64((down < 0) if near & 2 else 2) + down * _DIAGONAL / _UNIT
      x = np.float64((right < 0) if near & 1 else 2) + right * _DIAGONAL / _UNIT
      y, x = y - np.floor(y), x - np.floor(x)
      # The four pixels round the sample in reading order, the diagonal as the centre.
      far_row = [centre, vertical] if right < 0 else [vertical, centre]
      near_row = [horizontal, centre] if right < 0 else [centre, horizontal]
      top, bottom = (far_row, near_row) if down < 0 else (near_row, far_row)
      above = (1 - x) * top[0] + x * top[1]
      below = (1 - x) * bottom[0] + x * bottom[1]
      darker = (1 - y) * above + y * below - centre < 0
      table |= darker.astype(np.int32) << (4 * corner + near)
  return table.reshape(-1)


@functools.cache
def _bin_of_pattern() -> np.ndarray:
  """scikit-image's "nri_uniform" code of each of the 256 patterns, (256,) int32."""
  bins = np.full(1 << POINTS, NON_UNIFORM, np.int32)
  for pattern in range(1 << POINTS):
    bits = [pattern >> i & 1 for i in range(POINTS)]
    number = sum(bits)
    changes = sum(bits[i] != bits[i - 1] for i in range(POINTS))
    if number == 0:
      bins[pattern] = 0
    elif number == POINTS:
      bins[pattern] = NON_UNIFORM - 1
    elif changes == 2:
      start = bits.index(1)
      rotation = number - bits.index(0) if start == 0 else POINTS - start
      bins[pattern] = 1 + (number - 1) * POINTS + rotation
  return bins
