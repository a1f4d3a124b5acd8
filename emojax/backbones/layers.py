"""The building blocks that every backbone shares, in the form XLA runs fastest.

In: (B, H, W, C) float32 activations. Out: the same layout. Products are asked for at
full float32 precision, because an accelerator's default (TF32, bfloat16) would give a
picture other features there than on a CPU.
"""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

PRECISION = lax.Precision.HIGHEST

_PART = 2  # pictures
_MOST_PARTS = 4  # compile time grows with them

Padding = str | Sequence[tuple[int, int]]


class Conv(nn.Module):
  """A square convolution; parameters `kernel` (k, k, in, out) and `bias`, if wanted.

  A 1x1 convolution without stride or padding is done as one matrix product: on two CPU
  cores that took half to two thirds of the time of XLA's convolution.
  """

  features: int
  size: int = 1
  stride: int = 1
  dilation: int = 1
  padding: Padding = "SAME"
  use_bias: bool = True

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    shape = (self.size, self.size, x.shape[-1], self.features)
    kernel = self.param("kernel", nn.initializers.he_normal(), shape)
    if self.size == 1 and self.stride == 1 and self.padding in ("SAME", "VALID"):
      y = jnp.matmul(x, kernel[0, 0], precision=PRECISION)
    else:
      y = lax.conv_general_dilated(
        x,
        kernel,
        (self.stride, self.stride),
        self.padding,
        rhs_dilation=(self.dilation, self.dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=PRECISION,
      )
    if not self.use_bias:
      return y
    bias = self.param("bias", nn.initializers.zeros, (self.features,))
    return y + bias[None, None, None]


class Depthwise(nn.Module):
  """A 3x3 convolution of each channel by itself, "same" padding, with bias.

  Parameters `kernel` (3, 3, channels) and `bias`. Written as nine shifted products and
  sums, which XLA fuses into one pass: its grouped convolution took 30 to 70 times as
  long on a CPU.
  """

  stride: int = 1
  dilation: int = 1

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    batch, height, width, channels = x.shape
    kernel = self.param("kernel", nn.initializers.he_normal(), (3, 3, channels))
    bias = self.param("bias", nn.initializers.zeros, (channels,))
    out_h, pad_h = _same(height, self.stride, self.dilation)
    out_w, pad_w = _same(width, self.stride, self.dilation)
    x = jnp.pad(x, ((0, 0), pad_h, pad_w, (0, 0)))
    y = jnp.broadcast_to(bias, (batch, out_h, out_w, channels))
    for row in range(3):
      for column in range(3):
        top, left = row * self.dilation, column * self.dilation
        bottom = top + (out_h - 1) * self.stride + 1
        right = left + (out_w - 1) * self.stride + 1
        stride = (1, self.stride, self.stride, 1)
        shifted = lax.slice(
          x, (0, top, left, 0), (batch, bottom, right, channels), stride
        )
        y = y + shifted * kernel[row, column][None, None, None]
    return y


def _same(length: int, stride: int, dilation: int) -> tuple[int, tuple[int, int]]:
  """Output length and padding of a three-tap "same" convolution, TensorFlow's rule."""
  out = -(-length // stride)
  total = max((out - 1) * stride + 2 * dilation + 1 - length, 0)
  return out, (total // 2, total - total // 2)


def max_pool(x: jax.Array, size: int = 3, stride: int = 2) -> jax.Array:
  """The largest value of each window, no padding, output size rounded up as in Caffe.

  Args:
    x: (B, H, W, C) float32, H and W at least `size`.
    size: side of the square window.
    stride: distance between windows.
  Returns:
    (B, ceil((H - size) / stride) + 1, the same of W, C). Rows first and then columns,
    as strided slices: 3 to 7 times as fast as XLA's window reduction on a CPU.
  """
  for axis in (1, 2):
    length = x.shape[axis]
    out = -(-(length - size) // stride) + 1
    last = (out - 1) * stride
    config = [(0, 0, 0)] * x.ndim
    config[axis] = (0, max(last + size - length, 0), 0)
    x = lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), config)
    windows = [
      lax.slice_in_dim(x, k, k + last + 1, stride, axis=axis) for k in range(size)
    ]
    x = windows[0]
    for window in windows[1:]:
      x = jnp.maximum(x, window)
  return x


def in_parts(
  batch: Callable[[jax.Array], dict[str, jax.Array]],
) -> Callable[[jax.Array], dict[str, jax.Array]]:
  """The same function of a batch, computed on a few pictures at a time.

  Written out part by part, not as a loop, so that XLA still sees when two features want
  the same network. Small parts spare the CPU from being handed fresh memory pages at
  every call: SqueezeNet on a batch of 8 took 25 ms a picture at once, 14 in four parts.
  """

  def parts(images: jax.Array) -> dict[str, jax.Array]:
    count = images.shape[0]
    size = max(_PART, -(-count // _MOST_PARTS))
    outputs = [batch(images[start : start + size]) for start in range(0, count, size)]
    return jax.tree.map(lambda *rows: jnp.concatenate(rows), *outputs)

  return parts
