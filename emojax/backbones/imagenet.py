"""What the ImageNet networks of torchvision share: their input and their class scores.

In: uint8 RGB pictures, later the activations behind the last class layer. Out: scaled
pixels, and the dict of outputs that object features are taken from.

Source: torchvision 0.28, the transforms stated for its `IMAGENET1K_V1` weights: short
side 256, centre 224, bilinear; RGB/255, less the mean, over the spread of ImageNet.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones.layers import Conv

SHORT_PX = 256
SIDE_PX = 224
CLASSES = 1000
MEAN_RGB = (0.485 * 255, 0.456 * 255, 0.406 * 255)  # of values 0..255
SCALE_RGB = (0.229 * 255, 0.224 * 255, 0.225 * 255)


def scaled(
  images: jax.Array,
  mean: Sequence[float] = MEAN_RGB,
  scale: Sequence[float] = SCALE_RGB,
) -> jax.Array:
  """(B, H, W, 3) uint8 RGB to float32, less a mean, over a spread; else ImageNet's."""
  lower, spread = (
    jnp.asarray(values, jnp.float32)[None, None, None] for values in (mean, scale)
  )
  return (images.astype(jnp.float32) - lower) / spread


def dense(x: jax.Array, features: int, name: str) -> jax.Array:
  """A fully connected layer of the module it is called in: (B, in) to (B, features)."""
  return Conv(features, name=name)(x[:, None, None])[:, 0, 0]


def outputs(logits: jax.Array, **penultimate: jax.Array) -> dict[str, jax.Array]:
  """Class scores (B, 1000), their softmax, and what the class layer looked at.

  All float32, whatever the network computed in.
  """
  logits = logits.astype(jnp.float32)
  wide = {name: values.astype(jnp.float32) for name, values in penultimate.items()}
  return {"probabilities": nn.softmax(logits), "logits": logits, **wide}
