"""The gist of a scene: how strong edges of each size and direction are, block by block.

In: (B, 256, 256, 3) uint8 RGB pictures, or (B, 256, 256) grey levels. Out: (B, 320) or
(B, 512) float32. The numbers are those of the descriptor authors' own program (Oliva &
Torralba, IJCV 42(3), 2001) within 5e-4, where typical values are 0.01 to 0.2.

Only block means of the magnitude of each filter's response are wanted. A filter keeps a
small part of the spectrum, and where in the spectrum that part lies does not change the
magnitude. So each part is cut out and transformed back as a spectrum of its own, on the
coarsest grid that still holds it, and the block means are read off that grid.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from emojax.features.base import Compute

VERSION = 1
SIDE_PX = 256
BLOCKS = 4  # a side: 16 blocks in all
ORIENTATIONS = (8, 8, 4)  # directions at each scale, fine to coarse
ORIENTATIONS_512 = (8, 8, 8, 8)
SIZE = sum(ORIENTATIONS) * BLOCKS**2
SIZE_512 = sum(ORIENTATIONS_512) * BLOCKS**2

# The authors' constants.
_PAD_PX = 32  # mirrored border for the filters
_PREFILTER_PAD_PX = 5  # and for the prefilter
_PREFILTER_CYCLES = 4  # frequency where the low-pass halves, per padded picture
_PREFILTER_FLOOR = 0.2  # keeps flat regions from being amplified to full contrast
_FINEST = 0.3  # centre of the finest scale, cycles per pixel
_SCALE_RATIO = 1.85
_RADIAL_SHARPNESS = 3.5
_ANGULAR_SHARPNESS = 16 / 32**2  # times the squared number of orientations

_SPECTRUM = SIDE_PX + 2 * _PAD_PX
# Side of the spectrum's part cut out for each scale. Larger is closer to the authors'
# numbers and slower: with these the largest difference on their 14 reference pictures
# is 5e-4 (all of _SPECTRUM: 4e-7).
_PART_SIDES = (240, 128, 96, 64)
# Low-pass frequencies beyond this are below 1e-9 of the mean.
_PREFILTER_LAST = 22
_AT_A_TIME = 32  # lines of a transform: a multiple of what any processor's vectors hold
_AT_ONCE = 4  # pictures; each takes 9 MB at the finest scale
_EXACT = jax.lax.Precision.HIGHEST  # no bfloat16 or TF32: block means are differences


def make(params: None) -> Compute:
  """The 320 numbers of orientations 8, 8 and 4 at three scales."""
  del params
  return lambda images: describe(_grey(images), ORIENTATIONS)


def make_512(params: None) -> Compute:
  """The 512 numbers of orientations 8, 8, 8 and 8 at four scales."""
  del params
  return lambda images: describe(_grey(images), ORIENTATIONS_512)


def describe(
  grey: jax.Array, orientations: tuple[int, ...] = ORIENTATIONS
) -> jax.Array:
  """The descriptor of grey pictures.

  A picture of one grey level has no edges and gives zeros (the authors' program divides
  by zero there). Adding a constant to a picture or multiplying it changes nothing.

  Args:
    grey: (B, 256, 256) grey levels of any scale, integer or float.
    orientations: number of directions at each scale, finest first, at most four scales.
  Returns:
    (B, 16 x sum of orientations) float32: filter by filter (scale outermost), and
    within a filter block by block, down the columns first.
  Raises:
    ValueError: `grey` is not (B, 256, 256), or there are more than four scales.
  Source: Oliva & Torralba, IJCV 42(3), 2001; constants and order of their `LMgist`.
  """
  if grey.ndim != 3 or grey.shape[1:] != (SIDE_PX, SIDE_PX):
    raise ValueError(
      f"expected grey pictures (B, {SIDE_PX}, {SIDE_PX}), got {grey.shape}"
    )
  if len(orientations) > len(_PART_SIDES):
    raise ValueError(f"at most {len(_PART_SIDES)} scales, got {orientations}")
  # A few pictures at a time: their spectra stay in a processor's cache.
  return jax.lax.map(
    lambda image: _describe(image[None], orientations)[0], grey, batch_size=_AT_ONCE
  )


def _describe(grey: jax.Array, orientations: tuple[int, ...]) -> jax.Array:
  """`describe` without checks, all pictures at once."""
  spectrum = _centred_spectrum(_prefilter(_full_range(grey)))
  scales = [
    _block_means(spectrum, scale, count) for scale, count in enumerate(orientations)
  ]
  return jnp.concatenate(scales, 1).reshape(grey.shape[0], -1)


def _grey(images: jax.Array) -> jax.Array:
  """Three times the mean of red, green and blue; `describe` ignores the factor."""
  return images.astype(jnp.int32).sum(-1)


def _full_range(grey: jax.Array) -> jax.Array:
  """Each picture shifted and scaled to 0..255 float32; zeros where it is constant."""
  lowest = grey.min((1, 2), keepdims=True)
  above = (grey - lowest).astype(jnp.float32)
  highest = above.max((1, 2), keepdims=True)
  return above * (255 / jnp.where(highest > 0, highest, 1))


def _prefilter(grey: jax.Array) -> jax.Array:
  """Logarithm, with local mean and local contrast removed: (B, S, S) float32."""
  pad = _PREFILTER_PAD_PX
  log = _mirrored(jnp.log1p(grey), pad)
  detail = log - _low_pass(log)
  contrast = jnp.sqrt(jnp.abs(_low_pass(detail * detail)))
  return (detail / (_PREFILTER_FLOOR + contrast))[:, pad:-pad, pad:-pad]


def _mirrored(images: jax.Array, pad: int) -> jax.Array:
  return jnp.pad(images, ((0, 0), (pad, pad), (pad, pad)), mode="symmetric")


def _low_pass(images: jax.Array) -> jax.Array:
  """Periodic Gaussian low-pass: a projection onto its few non-zero frequencies."""
  waves = jnp.asarray(_low_waves(images.shape[-1]))
  mul = functools.partial(jnp.einsum, precision=_EXACT)
  low = mul("yk,byx,xl->bkl", waves, images, waves)
  return mul("yk,bkl,xl->byx", waves, low, waves)


@functools.cache
def _low_waves(side: int) -> np.ndarray:
  """U, (side, 45) float32, such that U U^T filters one axis with the Gaussian."""
  width = _PREFILTER_CYCLES / np.sqrt(np.log(2))
  turn = 2 * np.pi * np.arange(side) / side
  columns = [np.ones(side)]
  for cycles in range(1, _PREFILTER_LAST + 1):
    gain = np.sqrt(2) * np.exp(-((cycles / width) ** 2) / 2)
    columns += [gain * np.cos(cycles * turn), gain * np.sin(cycles * turn)]
  return (np.stack(columns, 1) / np.sqrt(side)).astype(np.float32)


def _centred_spectrum(images: jax.Array) -> jax.Array:
  """The Fourier transform of the mirrored pictures, frequency 0 in the middle.

  Only half of it is computed: the other half of a real picture's spectrum is the
  conjugate, turned by half a turn.
  """
  half = _SPECTRUM // 2
  rows = jnp.fft.rfft(_mirrored(images, _PAD_PX))
  # As many columns as fill whole vectors: which of those left over are transformed one
  # by one depends on threads, and rounds otherwise in the last bit.
  rows = jnp.pad(rows, ((0, 0), (0, 0), (0, -rows.shape[-1] % _AT_A_TIME)))
  right = jnp.fft.fft(rows, axis=1)[:, :, : half + 1]
  turned = jnp.conj(jnp.roll(right[:, ::-1, half:0:-1], 1, axis=1))
  whole = jnp.concatenate([turned, right[:, :, :half]], axis=2)
  return jnp.roll(whole, half, axis=1)


def _block_means(spectrum: jax.Array, scale: int, count: int) -> jax.Array:
  """Mean magnitude in each block of one scale's responses, (B, count, 16) float32."""
  corners, gains = _parts(scale, count)
  gains = gains[None]
  side = _PART_SIDES[scale]
  parts = [spectrum[:, top : top + side, left : left + side] for top, left in corners]
  real, imaginary = jnp.stack(parts, 1).real, jnp.stack(parts, 1).imag
  response = jnp.fft.ifft2(jax.lax.complex(real * gains, imaginary * gains))
  magnitude = jnp.sqrt(response.real**2 + response.imag**2)
  weights = jnp.asarray(_block_weights(side))
  means = jnp.einsum("cx,bfyx,ry->bfcr", weights, magnitude, weights, precision=_EXACT)
  return means.reshape(*means.shape[:2], BLOCKS**2)


@functools.cache
def _parts(scale: int, count: int) -> tuple[list[tuple[int, int]], np.ndarray]:
  """Where each filter of a scale lies in the centred spectrum, and its gains there.

  Returns:
    (top, left) of each part, and (count, side, side) float32 gains.
  """
  side = _PART_SIDES[scale]
  frequency = np.arange(_SPECTRUM) - _SPECTRUM // 2
  down, right = np.meshgrid(frequency, frequency, indexing="ij")
  radius = np.hypot(right, down) / _SPECTRUM
  radial = _RADIAL_SHARPNESS * (radius / (_FINEST / _SCALE_RATIO**scale) - 1) ** 2
  corners, gains = [], []
  for orientation in range(count):
    angle = np.arctan2(down, right) + np.pi * orientation / count
    angle = np.where(angle > np.pi, angle - 2 * np.pi, angle)
    angular = 2 * np.pi * _ANGULAR_SHARPNESS * count**2 * angle**2
    gain = np.exp(-radial - angular)
    corner = tuple(_start(gain.sum(axis), side) for axis in (1, 0))
    top, left = corner
    corners.append((top, left))
    gains.append(gain[top : top + side, left : left + side].astype(np.float32))
  return corners, np.stack(gains)


def _start(gain: np.ndarray, side: int) -> int:
  """First of `side` neighbouring frequencies round the centre of a gain profile."""
  centre = round(float((gain * np.arange(gain.size)).sum() / gain.sum()))
  return min(max(centre - side // 2, 0), gain.size - side)


@functools.cache
def _block_weights(side: int) -> np.ndarray:
  """Weights of `side` coarse samples in the mean of each block, (4, side) float32.

  The samples span the mirrored picture. They are interpolated to its pixels with the
  periodic sinc, the pixels of each block averaged; and the inverse transform's factor
  1 / side is made the full spectrum's.
  """
  cycles = np.arange(-(side // 2), side - side // 2)
  coarse, fine = np.arange(side) / side, np.arange(_SPECTRUM) / _SPECTRUM
  at = np.exp(2j * np.pi * (fine[:, None, None] - coarse[:, None]) * cycles)
  interpolation = at.real.mean(-1)
  inside = interpolation[_PAD_PX : _PAD_PX + SIDE_PX]
  blocks = inside.reshape(BLOCKS, SIDE_PX // BLOCKS, side).mean(1)
  return (blocks * side / _SPECTRUM).astype(np.float32)
