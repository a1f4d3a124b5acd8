"""MTCNN's three networks, which say where faces are in a picture.

In: RGB windows scaled to about -1..1. Out: for each window how surely it is a face, and
how its box has to move. `face_cascade` runs them one after another.

Sources: Zhang, Zhang, Li and Qiao, "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks", IEEE Signal Processing Letters 23(10), 2016; layers as
the package `mtcnn` 1.0.0 defines them.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones.layers import Conv, max_pool, param

MEAN, SCALE = 127.5, 128.0  # of values 0..255


class Windows(NamedTuple):
  """What a network says about windows; leading axes as the windows come.

  Attributes:
    scores: (...) float32 probability of a face.
    shifts: (..., 4) float32: of left, top, right and bottom, in sides of the window.
  """

  scores: jax.Array
  shifts: jax.Array


class PReLU(nn.Module):
  """x where it is positive, a learned multiple of it elsewhere, one per channel."""

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    slope = param(self, "slope", (x.shape[-1],))
    slope = slope.reshape((1,) * (x.ndim - 1) + (-1,))
    return jnp.where(x > 0, x, slope * x)


class _Layer(nn.Module):
  """A convolution without padding, and its PReLU."""

  features: int
  size: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = Conv(self.features, size=self.size, padding="VALID", name="conv")(x)
    return PReLU(name="prelu")(x)


class PNet(nn.Module):
  """Proposals: looks at every window of 12 x 12 pixels, two pixels apart."""

  @nn.compact
  def __call__(self, x: jax.Array) -> Windows:
    """(B, H, W, 3) float32 to (B, h, w) windows."""
    x = max_pool(_Layer(10, 3, name="layer1")(x), size=2)
    x = _Layer(16, 3, name="layer2")(x)
    x = _Layer(32, 3, name="layer3")(x)
    return Windows(
      _face_share(Conv(2, name="classes")(x)),
      Conv(4, name="shifts")(x).astype(jnp.float32),
    )


class RNet(nn.Module):
  """Refinement: looks again at single windows, scaled to 24 x 24 pixels."""

  @nn.compact
  def __call__(self, x: jax.Array) -> Windows:
    """(B, 24, 24, 3) float32 to (B,) windows."""
    x = max_pool(_Layer(28, 3, name="layer1")(x))
    x = max_pool(_Layer(48, 3, name="layer2")(x))
    x = _Layer(64, 2, name="layer3")(x)
    x = _Layer(128, 1, name="layer4")(x.reshape(x.shape[0], 1, 1, -1))[:, 0, 0]
    return _of_rows(x)


class ONet(nn.Module):
  """Output: looks a last time, at 48 x 48 pixels; its five landmarks are left out."""

  @nn.compact
  def __call__(self, x: jax.Array) -> Windows:
    """(B, 48, 48, 3) float32 to (B,) windows."""
    x = max_pool(_Layer(32, 3, name="layer1")(x))
    x = max_pool(_Layer(64, 3, name="layer2")(x))
    x = max_pool(_Layer(64, 3, name="layer3")(x), size=2)
    x = _Layer(128, 2, name="layer4")(x)
    x = _Layer(256, 1, name="layer5")(x.reshape(x.shape[0], 1, 1, -1))[:, 0, 0]
    return _of_rows(x)


def _of_rows(x: jax.Array) -> Windows:
  """The last layers of the module it is called in, on (B, D) activations."""
  grid = x[:, None, None]
  shifts = Conv(4, name="shifts")(grid)[:, 0, 0].astype(jnp.float32)
  return Windows(_face_share(Conv(2, name="classes")(grid)[:, 0, 0]), shifts)


def _face_share(logits: jax.Array) -> jax.Array:
  """Softmax of "no face, face", the second of them."""
  return nn.softmax(logits.astype(jnp.float32))[..., 1]
