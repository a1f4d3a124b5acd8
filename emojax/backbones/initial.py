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


def draw(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Any]:
  """Random parameters that keep a ReLU network's outputs lively.

  Kernels are uniform with He's variance, 2 / (inputs per output), and each output's
  kernel sums to zero unless it is depthwise: activations behind a ReLU have a large
  common part, which would otherwise decide every picture's class alike. Biases are
  zero.

  Args:
    shapes: "layer/.../kernel" or "layer/.../bias" -> shape; kernels end in the outputs.
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
    else:
      flat[path] = _kernel(shape, [seed, zlib.crc32(name.encode())])
  return unflatten_dict(flat)


def _kernel(shape: tuple[int, ...], entropy: list[int]) -> np.ndarray:
  """One kernel, see `draw`; a depthwise kernel is known by its three axes."""
  raw = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(math.prod(shape))
  whole = (raw >> np.uint64(64 - _BITS)).astype(np.int64).reshape(-1, shape[-1])
  fan_in = whole.shape[0]
  if len(shape) == 3:
    centred, unit = 2 * whole - (2**_BITS - 1), 2**_BITS
  else:  # an integer sum is exact, whatever order a machine adds in
    centred, unit = 2 * (whole * fan_in - whole.sum(axis=0)), fan_in * 2**_BITS
  limit = math.sqrt(
    6.0 / fan_in
  )  # a uniform number in -limit..limit: variance 2/fan_in
  return (centred / unit * limit).astype(np.float32).reshape(shape)
