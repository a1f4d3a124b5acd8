"""The building blocks that every backbone shares, in the form XLA runs fastest.

In: (B, H, W, C) activations, or (B, N, C) tokens. Out: the same layout, in the type of
the parameters: float32, or bfloat16 where a caller has rounded them to that. Float32
products are asked for at full precision, because an accelerator's default (TF32,
bfloat16) would give a picture other features there than on a CPU.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

PRECISION = lax.Precision.HIGHEST

Padding = str | Sequence[tuple[int, int]]


def param(module: nn.Module, name: str, shape: tuple[int, ...]) -> jax.Array:
  """A parameter of a module, whose numbers come from a file or from `random_init`.

  Flax's own `Module.param` would trace an initializer at each use to know the shape,
  which took half of the time to trace a network.

  Raises:
    ValueError: it has another shape.
  """
  if not module.has_variable("params", name):  # only its shape is asked for
    return module.param(name, nn.initializers.zeros, shape)
  value: jax.Array = module.get_variable("params", name)
  if value.shape != shape:
    raise ValueError(f"{module.name}/{name} has shape {value.shape}, expected {shape}")
  return value


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
    kernel = param(self, "kernel", shape)
    x = x.astype(kernel.dtype)
    if self.size == 1 and self.stride == 1 and self.padding in ("SAME", "VALID"):
      y = jnp.matmul(x, kernel.reshape(shape[2:]), precision=PRECISION)
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
    bias = param(self, "bias", (self.features,))
    return y + bias.reshape(1, 1, 1, -1)


class Dense(nn.Module):
  """A fully connected layer over the last axis; parameters `kernel`, and `bias`."""

  features: int
  use_bias: bool = True

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    shape = (x.shape[-1], self.features)
    kernel = param(self, "kernel", shape)
    y = jnp.matmul(x.astype(kernel.dtype), kernel, precision=PRECISION)
    if not self.use_bias:
      return y
    bias = param(self, "bias", (self.features,))
    return y + jnp.expand_dims(bias, tuple(range(y.ndim - 1)))


class LayerNorm(nn.Module):
  """A normalisation of the last axis, in float32; parameters `scale` and `bias`."""

  epsilon: float

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    x = x.astype(jnp.float32)
    x = x - x.mean(axis=-1, keepdims=True)
    y = x * lax.rsqrt(jnp.square(x).mean(axis=-1, keepdims=True) + self.epsilon)
    scale = param(self, "scale", x.shape[-1:])
    bias = param(self, "bias", x.shape[-1:])
    others = tuple(range(x.ndim - 1))
    scale, bias = (
      jnp.expand_dims(values.astype(jnp.float32), others) for values in (scale, bias)
    )
    return y * scale + bias


def gelu(x: jax.Array) -> jax.Array:
  """x times the chance that a normal number is below x; exact, not by a tanh."""
  return nn.gelu(x, approximate=False)


class Depthwise(nn.Module):
  """A convolution of each channel by itself, "same" padding, with bias.

  Parameters `kernel` (k, k, channels) and `bias`. Written as shifted products and sums,
  nine where it is 3x3, which XLA fuses into one pass: its grouped convolution took 30
  to 70 times as long on a CPU.
  """

  stride: int = 1
  dilation: int = 1
  size: int = 3

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    batch, height, width, channels = x.shape
    shape = (self.size, self.size, channels)
    kernel = param(self, "kernel", shape)
    bias = param(self, "bias", (channels,))
    out_h, pad_h = _same(height, self.size, self.stride, self.dilation)
    out_w, pad_w = _same(width, self.size, self.stride, self.dilation)
    x = jnp.pad(x.astype(kernel.dtype), ((0, 0), pad_h, pad_w, (0, 0)))
    # Summed in float32: nine or more roundings to bfloat16 would add up.
    taps = kernel.astype(jnp.float32).reshape(-1, 1, 1, channels)
    y = jnp.broadcast_to(bias.astype(jnp.float32), (batch, out_h, out_w, channels))
    for number in range(self.size**2):
      row, column = divmod(number, self.size)
      top, left = row * self.dilation, column * self.dilation
      bottom = top + (out_h - 1) * self.stride + 1
      right = left + (out_w - 1) * self.stride + 1
      stride = (1, self.stride, self.stride, 1)
      shifted = lax.slice(
        x, (0, top, left, 0), (batch, bottom, right, channels), stride
      )
      # By `lax` and not by signs: a network has hundreds of these, and each sign takes
      # as long to trace as all of this.
      tap = lax.slice_in_dim(taps, number, number + 1)
      y = lax.add(y, lax.mul(lax.convert_element_type(shifted, jnp.float32), tap))
    return y.astype(kernel.dtype)


def _same(
  length: int, size: int, stride: int, dilation: int
) -> tuple[int, tuple[int, int]]:
  """Output length and padding of a "same" convolution by TensorFlow's rule."""
  out = -(-length // stride)
  total = max((out - 1) * stride + (size - 1) * dilation + 1 - length, 0)
  return out, (total // 2, total - total // 2)


def max_pool(x: jax.Array, size: int = 3, stride: int = 2) -> jax.Array:
  """The largest value of each window, no padding, output size rounded up as in Caffe.

  Args:
    x: (B, H, W, C) float32, H and W at least `size`.
    size: side of the square window.
    stride: distance between windows.
  Returns:
    (B, ceil((H - size) / stride) + 1, the same of W, C). As the maximum of one strided
    slice per place in the window, which XLA fuses into one pass: 2 to 6 times as fast
    as its window reduction on a CPU.
  """
  height, last_row, below = _windows(x.shape[1], size, stride)
  width, last_column, right = _windows(x.shape[2], size, stride)
  if below or right:
    edges = ((0, 0, 0), (0, below, 0), (0, right, 0), (0, 0, 0))
    x = lax.pad(x, jnp.asarray(-jnp.inf, x.dtype), edges)
  batch, channels = x.shape[0], x.shape[3]
  largest = jnp.full((batch, height, width, channels), -jnp.inf, x.dtype)
  for row in range(size):
    for column in range(size):
      end = (batch, row + last_row + 1, column + last_column + 1, channels)
      window = lax.slice(x, (0, row, column, 0), end, (1, stride, stride, 1))
      largest = jnp.maximum(largest, window)
  return largest


def _windows(length: int, size: int, stride: int) -> tuple[int, int, int]:
  """How many windows fit, where the last one starts, and how far it reaches out."""
  count = -(-(length - size) // stride) + 1
  last = (count - 1) * stride
  return count, last, max(last + size - length, 0)
