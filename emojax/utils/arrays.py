"""Named tuples of arrays as the bytes of safetensors files, and back."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import safetensors.numpy

T = TypeVar("T")


def encode(parts: NamedTuple, dtype: type = np.float32) -> bytes:
  """A named tuple of arrays as bytes; its numbers are stored as `dtype`."""
  # That library stores memory as it lies, so rows that lie apart would come back mixed.
  plain: dict[str, np.ndarray] = {
    name: np.ascontiguousarray(part, dtype) for name, part in parts._asdict().items()
  }
  return safetensors.numpy.save(plain)


def decode(kind: Callable[..., T], content: bytes) -> T:
  """What `encode` wrote, as float32.

  Raises:
    SafetensorError, TypeError: it is something else.
  """
  parts = safetensors.numpy.load(content)
  return kind(**{name: part.astype(np.float32) for name, part in parts.items()})
