"""ResNet-18, 34, 50, 101 and 152: 1000 ImageNet classes from residual blocks.

In: (B, 224, 224, 3) uint8 RGB, the centre of a picture whose short side is 256 pixels.
Out: class probabilities, logits, and the last block averaged over positions.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, as
torchvision 0.28 defines it: in a bottleneck the 3x3 convolution has the stride. Every
batch norm follows a convolution and is folded into it when weights are converted, in
float64, so each convolution here has a bias and there is no batch norm.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones import imagenet
from emojax.backbones.layers import Conv, max_pool

BLOCKS = {  # depth -> blocks per level
  18: (2, 2, 2, 2),
  34: (3, 4, 6, 3),
  50: (3, 4, 6, 3),
  101: (3, 4, 23, 3),
  152: (3, 8, 36, 3),
}
_CHANNELS = (64, 128, 256, 512)  # of a level's 3x3 convolutions
_WIDENING = 4  # a bottleneck's output channels per channel of its 3x3 convolution
_AROUND = ((1, 1), (1, 1))  # "same" would not pad before the first row and column


def bottleneck(depth: int) -> bool:
  """Whether blocks are 1x1, 3x3, 1x1 (deep networks) or 3x3, 3x3."""
  return depth >= 50


def pool_size(depth: int) -> int:
  """Channels of the last block."""
  return _CHANNELS[-1] * (_WIDENING if bottleneck(depth) else 1)


class Block(nn.Module):
  """Two or three convolutions whose result is added to the input, then a ReLU."""

  channels: int
  stride: int
  bottleneck: bool

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    out, stride = self.channels, self.stride
    if self.bottleneck:
      out = out * _WIDENING
      y = nn.relu(Conv(self.channels, name="narrow")(x))
      y = nn.relu(Conv(self.channels, 3, stride, padding=_AROUND, name="conv")(y))
      y = Conv(out, name="residual")(y)
    else:
      y = nn.relu(Conv(out, 3, stride, padding=_AROUND, name="conv")(x))
      y = Conv(out, 3, padding=_AROUND, name="residual")(y)
    if x.shape != y.shape:
      x = Conv(out, name="shortcut")(x[:, ::stride, ::stride])
    return nn.relu(x + y)


class ResNet(nn.Module):
  """ResNet of a `depth` in `BLOCKS`, from uint8 RGB pictures to its outputs."""

  depth: int

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = 224 as trained.
    Returns:
      float32 arrays: "probabilities" (B, 1000), rows summing to 1; "logits" (B, 1000);
      "pool" (B, `pool_size(depth)`), not negative.
    """
    x = imagenet.scaled(images)
    x = nn.relu(Conv(64, size=7, stride=2, padding=((3, 3), (3, 3)), name="stem")(x))
    # Behind a ReLU, zeros never win: they stand for torchvision's padding of 1, less
    # its last row and column where no window reaches them.
    rows, columns = x.shape[1:3]
    x = max_pool(jnp.pad(x, ((0, 0), (1, rows % 2), (1, columns % 2), (0, 0))))
    for level, count in enumerate(BLOCKS[self.depth]):
      for number in range(count):
        stride = 2 if level and not number else 1
        name = f"level{level + 1}_block{number}"
        block = Block(_CHANNELS[level], stride, bottleneck(self.depth), name=name)
        x = block(x)
    pool = x.mean(axis=(1, 2), dtype=jnp.float32)
    logits = imagenet.dense(pool, imagenet.CLASSES, "classifier")
    return imagenet.outputs(logits, pool=pool)
