"""Seeded random parameters, for tests and demonstrations without trained weights.

In: names and shapes, a seed. Out: a nested dict of float32 arrays, bit for bit the same
on every machine and under every library version: only raw PCG64 integers (whose stream
NumPy promises never to change), exact integer sums and correctly rounded IEEE
operations.
"""

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax.traverse_util import unflatten_dict

_BITS = 24  # random bits per number; a float32's precision
_RESIDUAL = np.float32(0.25)  # a power of two, so that the product is exact
_STRIP = 2**16  # numbers worked on at once: what a processor's cache holds


def draw(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Any]:
  """Random parameters that keep a ReLU network's outputs lively.

  Kernels are uniform with He's variance, 2 / (inputs per output), and each output's
  kernel sums to zero unless it is depthwise: activations behind a ReLU have a large
  common part, which would otherwise decide every picture's class alike. Biases are
  zero, scales one. The kernel of a layer called `residual`, whose output is added to
  its block's input, is a quarter as large: fifty such sums would otherwise multiply the
  variance by 2^50.

  Args:
    shapes: "layer/.../kernel", "layer/.../bias" or "layer/.../scale" -> shape; kernels
      end in the outputs.
    seed: not negative; each seed and each name has its own stream.
  Returns:
    Nested dict of float32 arrays.
  Source: He et al., "Delving Deep into Rectifiers", ICCV 2015 (the variance).
  """
  flat = {}
  for name, shape in shapes.items():
    path = tuple(name.split("/"))
    if path[-1] == "bias":
      flat[path] = np.zeros(shape, np.float32)
    elif path[-1] == "scale":
      flat[path] = np.ones(shape, np.float32)
    else:
      flat[path] = _kernel(shape, [seed, zlib.crc32(name.encode())])
      if path[-2:-1] == ("residual",):
        flat[path] *= _RESIDUAL
  return unflatten_dict(flat)


def _kernel(shape: tuple[int, ...], entropy: list[int]) -> np.ndarray:
  """One kernel, see `draw`; a depthwise kernel is known by its three axes.

  Done in strips over one buffer: VGG's largest kernel is 411 MB, and would take ten
  times that in 64-bit integers and floats at once.
  """
  outputs = shape[-1]
  fan_in = math.prod(shape[:-1])
  source = np.random.PCG64(np.random.SeedSequence(entropy))
  whole = np.empty((fan_in, outputs), np.uint32)
  rows = max(1, _STRIP // outputs)
  strips = [slice(start, start + rows) for start in range(0, fan_in, rows)]
  totals = np.zeros(outputs, np.int64)
  for strip in strips:
    raw = source.random_raw(whole[strip].size)
    raw >>= np.uint64(64 - _BITS)
    raw = raw.reshape(-1, outputs)
    whole[strip] = raw
    totals += raw.view(np.int64).sum(axis=0)  # here, where they are in the cache
  limit = math.sqrt(
    6.0 / fan_in
  )  # a uniform number in -limit..limit: variance 2/fan_in
  kernel = whole.view(np.float32)  # each strip is written over the integers it is from
  for strip in strips:
    centred = whole[strip].astype(np.int64)
    if len(shape) == 3:
      centred *= 2
      centred -= 2**_BITS - 1
      unit = 2**_BITS
    else:  # an integer sum is exact, whatever order a machine adds in
      centred *= 2 * fan_in
      centred -= 2 * totals
      unit = fan_in * 2**_BITS
    kernel[strip] = centred / unit * limit
  return kernel.reshape(shape)
