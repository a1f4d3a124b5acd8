"""Named tuples of arrays as the bytes of safetensors files, and back."""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import safetensors.numpy

T = TypeVar("T")

_AT_ONCE = 128 << 20  # bytes of which a digest is taken


class Rows(Protocol):
  """An array, or what reads its rows when they are asked for."""

  @property
  def shape(self) -> tuple[int, ...]:
    """Of the whole."""

  @property
  def dtype(self) -> np.dtype[Any]:
    """Of the whole, and of every slice."""

  def __getitem__(self, rows: slice, /) -> np.ndarray:
    """Some rows."""


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


def digest(parts: Mapping[str, np.ndarray | Rows]) -> str:
  """Hex SHA-256 of some arrays with their names, types and shapes.

  Of what is read when it is asked for, memory holds some rows at a time.
  """
  state = hashlib.sha256()
  for name in sorted(parts):
    part, shape = parts[name], np.shape(parts[name])
    state.update(f"{name} {part.dtype.str} {shape}\n".encode())
    whole = part if shape else np.reshape(np.asarray(part), 1)
    row_bytes = part.dtype.itemsize * math.prod(shape[1:])
    step = max(_AT_ONCE // max(row_bytes, 1), 1)
    for start in range(0, whole.shape[0], step):
      rows = np.ascontiguousarray(whole[start : start + step])
      state.update(rows.reshape(-1).view(np.uint8).data)
  return state.hexdigest()
