"""ResNet-38, Model A1: which of 150 ADE20K classes each pixel shows.

In: (B, 505, 505, 3) uint8 RGB, the whole picture squashed to a square. Out: the share
of pixels of each class. The network was trained on crops of 504 pixels; with 505 the
corners of its grid of 64 x 64 points lie on the corners of the picture.

Source: Wu, Shen and van den Hengel, "Wider or Deeper: Revisiting the ResNet Model for
Visual Recognition", Pattern Recognition 90, 2019 (arXiv 1611.10080), Model A1 with
output stride 8. A batch norm between two convolutions of a block is folded into the
first of them when weights are converted; those behind a sum are a factor and a term.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from emojax.backbones import deeplab, imagenet
from emojax.backbones.layers import Conv, param

SIDE_PX = 505
CLASSES = 150
_HEAD_CHANNELS = 512
_HEAD_DILATION = 12


class Level(NamedTuple):
  """A run of equal blocks.

  Attributes:
    blocks: how many.
    channels: of each convolution of a block.
    sizes: of each convolution.
    stride: of the first convolution of the first block, and of its shortcut.
    dilation: of 3x3 convolutions, but for the first block's first.
    entry: dilation of the first block's first convolution.
  """

  blocks: int
  channels: tuple[int, ...]
  sizes: tuple[int, ...] = (3, 3)
  stride: int = 1
  dilation: int = 1
  entry: int = 1


LEVELS = {
  2: Level(3, (128, 128), stride=2),
  3: Level(3, (256, 256), stride=2),
  4: Level(6, (512, 512), stride=2),
  5: Level(3, (512, 1024), dilation=2),
  6: Level(1, (512, 1024, 2048), (1, 3, 1), dilation=4),
  7: Level(1, (1024, 2048, 4096), (1, 3, 1), dilation=4),
}


def block_names(level: int) -> list[str]:
  """As published: 2a, 2b1, 2b2 and so on."""
  return [f"{level}b{n}" if n else f"{level}a" for n in range(LEVELS[level].blocks)]


class Norm(nn.Module):
  """A batch norm whose statistics are known: `scale` times x plus `bias`."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    channels = (x.shape[-1],)
    scale = param(self, "scale", channels)
    bias = param(self, "bias", channels)
    return x * scale[None, None, None] + bias[None, None, None]


class Block(nn.Module):
  """Norm and ReLU, then convolutions whose result is added to the input.

  The first block of a level adds a 1x1 convolution of the normed input instead.
  """

  level: Level
  first: bool

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    level = self.level
    stride = level.stride if self.first else 1
    entered = y = nn.relu(Norm(name="enter")(x))
    last = len(level.channels) - 1
    for number, (channels, size) in enumerate(
      zip(level.channels, level.sizes, strict=True)
    ):
      dilation = level.entry if self.first and not number else level.dilation
      y = Conv(
        channels,
        size,
        stride if not number else 1,
        dilation if size > 1 else 1,
        padding=((dilation, dilation),) * 2 if size > 1 else "SAME",
        use_bias=number < last,
        name=f"conv{number}" if number < last else "residual",
      )(y)
      if number < last:
        y = nn.relu(y)
    if self.first:
      shortcut = Conv(level.channels[-1], use_bias=False, name="shortcut")
      x = shortcut(entered[:, ::stride, ::stride])
    return x + y


class ResNet38(nn.Module):
  """From uint8 RGB pictures to class scores on a grid, see `__call__`."""

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """Class scores of each picture on a grid of one point per eight pixels.

    Args:
      images: (B, S, S, 3) uint8 RGB; S - 1 should be a multiple of 8, so that the
        corners of the grid are the corners of the picture.
    Returns:
      "scores" (B, (S - 1)/8 + 1, (S - 1)/8 + 1, 150) float32.
    """
    x = Conv(64, size=3, use_bias=False, name="stem")(imagenet.scaled(images))
    for number, level in LEVELS.items():
      for name in block_names(number):
        x = Block(level, first=name.endswith("a"), name=f"block{name}")(x)
    x = nn.relu(Norm(name="exit")(x))
    dilation = _HEAD_DILATION
    x = nn.relu(Conv(_HEAD_CHANNELS, 3, dilation=dilation, name="head")(x))
    scores = Conv(CLASSES, 3, dilation=dilation, name="classifier")(x)
    return {"scores": scores.astype(jnp.float32)}


def apply(params: Mapping[str, Any], images: jax.Array) -> dict[str, jax.Array]:
  """What the network says about each picture, as a pure function.

  A CPU takes one picture at a time, which keeps the memory of a batch that of one
  picture; an accelerator takes the batch at once.

  Args:
    params: as `ResNet38` names them.
    images: (B, S, S, 3) uint8 RGB, S = 505.
  Returns:
    "shares" (B, 150) float32, the share of pixels whose best class is each class, each
    row summing to 1. Scores are enlarged bilinearly to S x S pixels.
  """

  def batch(images):
    scores = ResNet38().bind({"params": params})(images)["scores"]
    halfway = deeplab.upsample(scores, 8 // deeplab.UPSAMPLING)
    return {"shares": jax.vmap(deeplab.class_shares)(halfway)}

  def one_by_one(images):
    return lax.map(lambda i: jax.tree.map(lambda x: x[0], batch(i[None])), images)

  return lax.platform_dependent(images, cpu=one_by_one, default=batch)
