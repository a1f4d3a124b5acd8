"""Named tuples of arrays as the bytes of safetensors files, and back."""

import hashlib
from collections.abc import Callable, Mapping
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
    ValueError: it is something else.
  """
  return kind_of(kind, load(content))


def kind_of(kind: Callable[..., T], parts: Mapping[str, np.ndarray]) -> T:
  """Named arrays as the named tuple that has just these; ValueError otherwise."""
  fields = kind._fields  # type: ignore[attr-defined]
  if set(parts) != set(fields):
    raise ValueError(
      f"it should hold {', '.join(fields)}, not {', '.join(parts) or 'nothing'}"
    )
  return kind(**parts)


def load(content: bytes) -> dict[str, np.ndarray]:
  """The arrays of a safetensors file of floating point numbers, as float32.

  Raises:
    ValueError: it is something else, or damaged.
  """
  try:
    return {
      name: array.astype(np.float32)
      for name, array in safetensors.numpy.load(content).items()
    }
  # What damaged files and unusual types of numbers make it raise is not documented.
  except Exception as error:
    raise ValueError(f"no safetensors file of numbers: {error}") from error


def digest(parts: Mapping[str, np.ndarray]) -> str:
  """Hex SHA-256 of some arrays with their names, types and shapes."""
  state = hashlib.sha256()
  for name in sorted(parts):
    part = np.ascontiguousarray(parts[name])
    state.update(f"{name} {part.dtype.str} {np.shape(parts[name])}\n".encode())
    state.update(part.reshape(-1).view(np.uint8).data)
  return state.hexdigest()
