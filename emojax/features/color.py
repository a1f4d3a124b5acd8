"""The colours of a picture: means, histogram, names, and the pleasure they give.

In: (B, S, S, 3) uint8 RGB pictures and a table of colour names. Out: (B, 59) float32,
its columns named in `COLUMN_NAMES`. Counting is done with whole numbers, so equal
pictures give equal rows in any batch.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from emojax.features.base import Compute
from emojax.features.color_names import NAMES

VERSION = 2
# Version 1 added the pixels of a picture one after the other on some processors, which
# moved the means of hue, saturation and value by up to 5e-5.
ALIKE = frozenset({1})
BINS = 11  # of each channel's histogram, over 0..1

_CHANNELS = ("hue", "saturation", "value")
COLUMN_NAMES = (
  *(f"mean_{name}" for name in ("red", "green", "blue")),
  *(f"mean_{name}" for name in _CHANNELS),
  *(f"{name}_bin_{i}" for name in _CHANNELS for i in range(BINS)),
  *(f"{name}_peak_{what}" for name in _CHANNELS for what in ("index", "share")),
  *(f"share_{name}" for name in NAMES),
  *("pleasure", "arousal", "dominance"),
)
SIZE = len(COLUMN_NAMES)

# Weights of mean brightness and mean saturation, as equations 1 to 3 of the paper print
# them. Valdez & Mehrabian (J. Exp. Psychology: General 123(4), 1994), whom it cites,
# print arousal = -0.31 brightness + 0.60 saturation; to a network that has both means
# the sign is a change of basis.
PLEASURE_BRIGHTNESS, PLEASURE_SATURATION = 0.69, 0.22
AROUSAL_BRIGHTNESS, AROUSAL_SATURATION = 0.31, 0.60
DOMINANCE_BRIGHTNESS, DOMINANCE_SATURATION = 0.76, 0.32

_PAD = np.array(  # rows pleasure, arousal, dominance; columns brightness, saturation
  [
    [PLEASURE_BRIGHTNESS, PLEASURE_SATURATION],
    [AROUSAL_BRIGHTNESS, AROUSAL_SATURATION],
    [DOMINANCE_BRIGHTNESS, DOMINANCE_SATURATION],
  ],
  np.float32,
)


def make(params: jax.Array) -> Compute:
  """The colour feature with one table of colour names.

  The columns, in order: mean red, green, blue / 255; mean hue, saturation, value, each
  0..1 (hue is the share of a turn, plainly averaged); 11-bin histograms of hue,
  saturation and value as shares of the pixels; for each of the three, the index of its
  largest bin (the first, if several) / 11 and that bin's share; the shares of the 11
  basic colour names; pleasure, arousal and dominance from the means of value and
  saturation.

  Args:
    params: (32768,) int32, the name of each 5-bit colour (`color_names.ColorNames`).
  Returns:
    A pure function from (B, S, S, 3) uint8 RGB pictures to (B, 59) float32.
  Source: section IV-A of the paper; HSV as in Smith, SIGGRAPH 1978.
  """
  table = jnp.asarray(params)

  def compute(images: jax.Array) -> jax.Array:
    batch, rows = images.shape[:2]
    pixels = images.reshape(batch, -1, 3).astype(jnp.int32)
    count = jnp.float32(pixels.shape[1])
    # Channels apart: XLA's CPU code for the last axis of three is far slower.
    red, green, blue = (pixels[..., i] for i in range(3))
    rgb_mean = jnp.stack([_sum(c) for c in (red, green, blue)], -1) / (255 * count)
    hsv, bins = _hsv(red, green, blue)
    hsv_mean = jnp.stack([_by_rows(c, rows) for c in hsv], -1) / count
    index = (red >> 3) + 32 * (green >> 3) + 1024 * (blue >> 3)
    labels, lengths = (*bins, table[index]), (BINS, BINS, BINS, len(NAMES))
    *histograms, names = _shares(labels, lengths)
    shares = jnp.stack(histograms, 1)
    peak = jnp.argmax(shares, -1).astype(jnp.float32) / BINS
    peaks = jnp.stack([peak, shares.max(-1)], -1)
    brightness_saturation = hsv_mean[:, ::-1][:, :2]
    emotion = jnp.einsum(
      "bm,em->be", brightness_saturation, _PAD, precision=jax.lax.Precision.HIGHEST
    )
    parts = (rgb_mean, hsv_mean, shares, peaks, names, emotion)
    return jnp.concatenate([part.reshape(batch, -1) for part in parts], -1)

  return compute


def _sum(channel: jax.Array) -> jax.Array:
  """Whole-number sum over the pixels, as float32."""
  return channel.sum(-1).astype(jnp.float32)


def _by_rows(channel: jax.Array, rows: int) -> jax.Array:
  """Sum over the pixels, row by row first.

  A float32 that has added tens of thousands of pixels is too coarse for the next one.
  The barrier keeps the compiler from making one sum of the two again.
  """
  of_rows = channel.reshape(len(channel), rows, -1).sum(-1)
  return jax.lax.optimization_barrier(of_rows).sum(-1)


def _shares(labels: tuple[jax.Array, ...], lengths: tuple[int, ...]) -> list[jax.Array]:
  """How often each value of each (B, N) label occurs: (B, length) float32 shares.

  Counted together and summed apart: one pass of scattered additions, not one for each.
  """
  joint = jnp.zeros_like(labels[0])
  for label, length in zip(labels, lengths, strict=True):
    joint = joint * length + label
  count = jax.vmap(functools.partial(jnp.bincount, length=math.prod(lengths)))
  counts = count(joint).reshape(-1, *lengths)
  axes = set(range(1, len(lengths) + 1))
  total = jnp.float32(joint.shape[-1])
  return [
    counts.sum(tuple(axes - {axis})).astype(jnp.float32) / total
    for axis in sorted(axes)
  ]


def _hsv(
  red: jax.Array, green: jax.Array, blue: jax.Array
) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
  """Hue, saturation and value of (B, N) int32 channels: float32 0..1, and their bins.

  Grey has hue 0, black has saturation 0. Bins are floor(11 x), the last one closed. The
  half added to the whole dividend keeps every quotient off the bins' edges, so that no
  rounding moves a colour across one; float division is the one that vectorises.
  """
  value = jnp.maximum(jnp.maximum(red, green), blue)
  chroma = value - jnp.minimum(jnp.minimum(red, green), blue)
  # Hue in sixths of a turn is `sector` + `offset` / `chroma`.
  sector = jnp.where(value == red, 0, jnp.where(value == green, 2, 4))
  offset = jnp.where(
    value == red, green - blue, jnp.where(value == green, blue - red, red - green)
  )
  some_chroma, some_value = jnp.maximum(chroma, 1), jnp.maximum(value, 1)
  turn = 6 * some_chroma  # whole turn, in units of sixth / chroma
  angle = sector * some_chroma + offset
  angle = jnp.where(angle < 0, angle + turn, angle)
  fractions = ((angle, turn), (chroma, some_value), (value, jnp.full_like(value, 255)))
  channels = tuple(
    top.astype(jnp.float32) / bottom.astype(jnp.float32) for top, bottom in fractions
  )
  bins = tuple(
    jnp.minimum(
      (((top * BINS).astype(jnp.float32) + 0.5) / bottom.astype(jnp.float32)).astype(
        jnp.int32
      ),
      BINS - 1,
    )
    for top, bottom in fractions
  )
  return channels, bins
