"""How often each small texture occurs: histograms of local binary patterns.

In: (B, S, S, 3) uint8 RGB pictures, or (B, H, W) uint8 grey ones. Out: (B, 59) float32
shares. Everything before the division is integer arithmetic, so the result is the same
on every machine. The codes are those of scikit-image's `local_binary_pattern` (8, 1,
"nri_uniform"), except where its float64 rounds a tie to "darker": in the first two rows
and columns only, of pictures of up to 511 pixels a side.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from emojax.features.base import Compute

SIZE = 59
VERSION = 2
# Version 1 reproduced scikit-image's rounding: at most 10 pixels in 65,536 of 720
# photographs of OASIS, 92 % of which give the same numbers to the last bit.
ALIKE = frozenset({1})

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
  return patterns


def _differences(grey: jax.Array):
  """A function from (down, right) to the neighbour there minus the centre."""
  height, width = grey.shape[1:]
  padded = jnp.pad(grey, ((0, 0), (1, 1), (1, 1)))

  def at(down: int, right: int) -> jax.Array:
    top, left = 1 + down, 1 + right
    return padded[:, top : top + height, left : left + width] - grey

  return at


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
