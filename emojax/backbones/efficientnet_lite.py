"""EfficientNet-Lite 0, 1 and 2: 1000 ImageNet classes at the cost of a phone's network.

In: (B, S, S, 3) uint8 RGB, S = `VERSIONS[...].side_px`. Out: class probabilities,
logits, and the head and the last two stages averaged over positions.

Sources: Tan and Le, "EfficientNet", ICML 2019; the Lite networks of
tensorflow/tpu/models/official/efficientnet/lite, as ML Illustrated's
`efficientnet_lite_pytorch` 0.1.0 defines them: ReLU6 instead of swish, no
squeeze-and-excitation, the stem, the head and the repeats of the first and the last
stage the same in all. Every batch norm follows a convolution and is folded into it when
weights are converted, in float64, so each convolution here has a bias.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones import imagenet
from emojax.backbones.layers import Conv, Depthwise

MEAN, SCALE = 127.0, 128.0  # of values 0..255
POOL_SIZE = 1280  # channels of the head
_STEM = 32  # channels
_DIVISOR = 8  # channels come in multiples of it


class Version(NamedTuple):
  """How much wider, deeper and finer than the smallest network one is."""

  width: float
  depth: float
  side_px: int

  @property
  def short_px(self) -> int:
    """The short side of a picture whose centre the network sees, at its scale."""
    return self.side_px + 32


VERSIONS = {
  0: Version(1.0, 1.0, 224),
  1: Version(1.0, 1.1, 240),
  2: Version(1.1, 1.2, 260),
}


class Stage(NamedTuple):
  """Inverted residual blocks of the same shape; the first one has the stride."""

  size: int  # of the depthwise kernel
  stride: int
  expansion: int  # channels of the depthwise layer per channel of the input
  out: int
  repeats: int


_STAGES = (  # of the smallest network
  Stage(3, 1, 1, 16, 1),
  Stage(3, 2, 6, 24, 2),
  Stage(5, 2, 6, 40, 2),
  Stage(3, 2, 6, 80, 3),
  Stage(5, 1, 6, 112, 3),
  Stage(5, 2, 6, 192, 4),
  Stage(3, 1, 6, 320, 1),
)


def stages(version: int) -> tuple[Stage, ...]:
  """The seven stages of a network in `VERSIONS`, 0 to 6."""
  width, depth, _ = VERSIONS[version]
  scaled = []
  for number, stage in enumerate(_STAGES):
    repeats = stage.repeats
    if 0 < number < len(_STAGES) - 1:
      repeats = math.ceil(depth * repeats)
    scaled.append(stage._replace(out=_rounded(width * stage.out), repeats=repeats))
  return tuple(scaled)


def stage_size(version: int, number: int) -> int:
  """Channels of a stage, 0 to 6."""
  return stages(version)[number].out


def _rounded(channels: float) -> int:
  """To the nearest multiple of eight, but not down by more than a tenth."""
  nearest = int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR
  return nearest if nearest >= 0.9 * channels else nearest + _DIVISOR


class InvertedResidual(nn.Module):
  """Widen by 1x1, filter each channel, narrow by 1x1, add the input where it fits."""

  size: int
  stride: int
  expansion: int
  out: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    channels, y = x.shape[-1], x
    if self.expansion > 1:
      y = nn.relu6(Conv(channels * self.expansion, name="expand")(y))
    y = nn.relu6(Depthwise(self.stride, size=self.size, name="depthwise")(y))
    y = Conv(self.out, name="project")(y)
    return x + y if self.stride == 1 and self.out == channels else y


class EfficientNetLite(nn.Module):
  """A network in `VERSIONS`, from uint8 RGB pictures to its outputs."""

  version: int

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB.
    Returns:
      float32 arrays: "probabilities" (B, 1000), rows summing to 1; "logits" (B, 1000);
      averages over positions: "pool" (B, 1280) of the head, between 0 and 6; "stage6"
      and "stage5" (B, `stage_size`) of the last and the last but one stage.
    """
    x = (images.astype(jnp.float32) - MEAN) / SCALE
    x = nn.relu6(Conv(_STEM, size=3, stride=2, name="stem")(x))
    pooled = {}
    for number, stage in enumerate(stages(self.version)):
      size, stride, expansion, out, repeats = stage
      for block in range(repeats):
        name = f"stage{number}_block{block}"
        step = 1 if block else stride
        x = InvertedResidual(size, step, expansion, out, name=name)(x)
      if number >= len(_STAGES) - 2:
        pooled[f"stage{number}"] = x.mean(axis=(1, 2), dtype=jnp.float32)
    x = nn.relu6(Conv(POOL_SIZE, name="head")(x))
    pool = x.mean(axis=(1, 2), dtype=jnp.float32)
    logits = imagenet.dense(pool, imagenet.CLASSES, "classifier")
    return imagenet.outputs(logits, pool=pool, **pooled)
