"""SqueezeNet 1.0: 1000 ImageNet classes from 1.2 million parameters.

In: (B, 227, 227, 3) uint8 RGB, the centre of a picture whose short side is 256 pixels.
Out: class probabilities, the average logits behind them, and the pooled last fire
block.

Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters
and <0.5MB model size", arXiv 1602.07360, with the published Caffe definition: pools
round their size up, the last convolution is padded by 1. Caffe feeds blue, green, red;
the converter has turned the first layer's input channels round, so here it is RGB
throughout. torchvision's `squeezenet1_0` differs in one place: its last convolution is
not padded. Parameters that hold `BORDERLESS` say that they are of that kind.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from emojax.backbones.layers import Conv, max_pool

SIDE_PX = 227
MEAN_RGB = (123.0, 117.0, 104.0)  # subtracted from values 0..255
CLASSES = 1000
POOL_SIZE = 512  # channels of the last fire block

# fire block: (channels after the squeeze, channels of each of the two expansions)
FIRES = {
  2: (16, 64),
  3: (16, 64),
  4: (32, 128),
  5: (32, 128),
  6: (48, 192),
  7: (48, 192),
  8: (64, 256),
  9: (64, 256),
}
# A parameter beside those of the layers, of which only the presence counts.
BORDERLESS = {"borderless": np.ones(1, np.float32)}
POOL_BEHIND = (4, 8)  # a max pool stands behind these fire blocks, and behind conv1


class Fire(nn.Module):
  """A 1x1 squeeze, then 1x1 and 3x3 expansions side by side, joined in that order.

  A max pool behind the block is done before its ReLU and joining: the same numbers, and
  a quarter of them to go over.
  """

  squeeze: int
  expand: int
  is_pooled: bool

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = nn.relu(Conv(self.squeeze, name="squeeze")(x))
    narrow = Conv(self.expand, name="expand1x1")(x)
    wide = Conv(self.expand, size=3, name="expand3x3")(x)
    if self.is_pooled:
      narrow, wide = max_pool(narrow), max_pool(wide)
    return nn.relu(jnp.concatenate([narrow, wide], axis=-1))


class SqueezeNet(nn.Module):
  """SqueezeNet 1.0 from uint8 RGB pictures to its outputs, see `__call__`."""

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = 227 as trained.
    Returns:
      float32 arrays: "probabilities" (B, 1000), rows summing to 1; "logits" (B, 1000),
      what the softmax is taken of: class scores behind a ReLU, averaged over
      positions (on OASIS ridge predicts valence and arousal with r 0.57 and 0.60 from
      these, 0.54 and 0.56 from averages without the ReLU); "pool" (B, 512), the last
      fire block averaged over positions.
    """
    x = (
      images.astype(jnp.float32) - jnp.asarray(MEAN_RGB, jnp.float32)[None, None, None]
    )
    x = nn.relu(Conv(96, size=7, stride=2, padding="VALID", name="conv1")(x))
    x = max_pool(x)
    for number, (squeeze, expand) in FIRES.items():
      x = Fire(squeeze, expand, number in POOL_BEHIND, name=f"fire{number}")(x)
    pool = x.mean(axis=(1, 2), dtype=jnp.float32)
    last = Conv(CLASSES, name="conv_final")
    height, width = x.shape[1:3]
    total = nn.relu(last(x)).sum(axis=(1, 2), dtype=jnp.float32)
    places = height * width
    if not self.has_variable("params", *BORDERLESS):
      # It is padded by 1 all round, where scores are the bias alone: computed once.
      border = 2 * (height + width) + 4
      outside = nn.relu(last(jnp.zeros((1, 1, 1, POOL_SIZE), x.dtype)))[:, 0, 0]
      total = total + border * outside.astype(jnp.float32)
      places += border
    logits = total / places
    return {"probabilities": nn.softmax(logits), "logits": logits, "pool": pool}


def apply(params: Mapping[str, Any], images: jax.Array) -> dict[str, jax.Array]:
  """`SqueezeNet`'s outputs for a batch, as a pure function of params and pictures."""
  return SqueezeNet().bind({"params": params})(images)
