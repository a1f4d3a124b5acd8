"""ConvNeXt-L: 1536 numbers from a convolutional network built like a transformer.

In: (B, 224, 224, 3) uint8 RGB, the centre of a picture whose short side is 256 pixels.
Out: the last stage averaged over positions, behind the last normalisation.

Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022, as timm 1.0.31 and
transformers 5.24 define it. Layer scales are folded into the layers before them when
weights are converted, in float64. The last normalisation's epsilon is 1e-6, as the
authors and timm have it; transformers has 1e-12.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones import imagenet
from emojax.backbones.layers import Conv, Dense, Depthwise, LayerNorm, gelu

_EPSILON = 1e-6
_WIDENING = 4  # hidden units of a block per channel
_STEM_PX = 4  # side of the squares that the first layer sees


class Size(NamedTuple):
  """Channels and blocks of each stage."""

  channels: tuple[int, ...]
  blocks: tuple[int, ...]


LARGE = Size(channels=(192, 384, 768, 1536), blocks=(3, 3, 27, 3))


class Block(nn.Module):
  """Each channel filtered 7x7, then two layers at each place; added to the input."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    channels = x.shape[-1]
    y = Depthwise(size=7, name="depthwise")(x)
    y = LayerNorm(_EPSILON, name="norm")(y)
    y = gelu(Dense(_WIDENING * channels, name="widen")(y))
    return x + Dense(channels, name="residual")(y).astype(x.dtype)


class ConvNext(nn.Module):
  """A ConvNeXt of some size, from uint8 RGB pictures to its output."""

  size: Size

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = 224 as trained.
    Returns:
      "pool" (B, channels of the last stage) float32.
    """
    x = imagenet.scaled(images)
    for number, blocks in enumerate(self.size.blocks):
      channels, name = self.size.channels[number], f"stage{number}"
      if number:
        x = LayerNorm(_EPSILON, name=f"{name}_norm")(x)
      side = 2 if number else _STEM_PX
      x = Conv(channels, side, side, padding="VALID", name=f"{name}_shrink")(x)
      x = x.astype(jnp.float32)
      if not number:
        x = LayerNorm(_EPSILON, name=f"{name}_norm")(x)
      for block in range(blocks):
        x = Block(name=f"{name}_block{block}")(x)
    return {"pool": LayerNorm(_EPSILON, name="exit_norm")(x.mean(axis=(1, 2)))}
