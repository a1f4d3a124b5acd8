"""What the readers of weights files share: bounds, and pickles that run nothing.

In: files from anywhere. Out: values that take little more memory than their file does,
or an `ArchiveError`: what a file claims about sizes reserves nothing before it is seen
that the file has as many bytes.
"""

import io
import math
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np
import safetensors

Tensors = dict[str, np.ndarray]
# A tensor's type and shape, before it is read.
Outline = tuple[str, tuple[int, ...]]

# What a compressed file may unpack to; such files are of networks below 10 MB.
MOST_UNPACKED = 2**26
MOST_AXES = 8
_MOST_PICKLED = 2**20  # bytes of one pickle, without the numbers; 100 kB are usual
_MOST_ITEMS = 2**16
_MOST_ARGUMENTS = 16
_SAFE_TYPES = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL")
_ENCRYPTED = 1  # bit of a zip member's flags


class ArchiveError(ValueError):
  """A file is not what it should be, or asks for what is not allowed; one line."""


def guarded(
  path: pathlib.Path, read: Callable[[IO[bytes]], Tensors], file: IO[bytes]
) -> Tensors:
  """What `read` gives; any way in which a damaged file breaks it is one error."""
  try:
    return read(file)
  except ArchiveError as error:
    raise ArchiveError(f"{path} {error}") from error
  except OSError:
    raise
  except Exception as error:  # a damaged file can raise nearly anything
    raise ArchiveError(f"{path} is damaged or cut short: {reason(error)}") from error


def reason(error: Exception) -> str:
  """An error in a few words of one line."""
  return " ".join(str(error)[:1000].split())[:200] or type(error).__name__


def take(file: IO[bytes], count: int) -> bytes:
  """Exactly so many bytes, asked for only if the file has them."""
  here = file.tell()
  rest = file.seek(0, 2) - here
  file.seek(here)
  if not 0 <= count <= rest:
    raise ArchiveError(f"is cut short: {count} bytes were expected, {rest} are left")
  return file.read(count)


def member(archive: zipfile.ZipFile, name: str, most: int = MOST_UNPACKED) -> bytes:
  """A member of a zip archive, if it unpacks to no more than `most` bytes.

  Raises:
    ArchiveError: it does not, or is encrypted; goes on from the file's name.
    KeyError: there is none of that name.
  """
  entry = archive.getinfo(name)
  if entry.flag_bits & _ENCRYPTED:
    raise ArchiveError(f"is encrypted: {name[:80]!r} cannot be read")
  if entry.file_size > most:
    raise ArchiveError(
      f"unpacks to too much: {name[:80]!r} has {entry.file_size:,} bytes, expected "
      f"{most:,} at most"
    )
  return archive.read(name)


def read_npz(path: pathlib.Path) -> Tensors:
  """The arrays of a `.npz` file, without pickles.

  Raises:
    ArchiveError: the file is damaged, is no such file, unpacks to too much or holds
      anything but numbers.
    OSError: it cannot be read.
  """
  with path.open("rb") as file:
    return guarded(path, _read_npz, file)


def _read_npz(file: IO[bytes]) -> Tensors:
  tensors: Tensors = {}
  room = MOST_UNPACKED
  with zipfile.ZipFile(file) as archive:
    for name in archive.namelist():
      data = member(archive, name, room)
      room -= len(data)
      tensors[name.removesuffix(".npy")] = _of_npy(io.BytesIO(data), name)
  return tensors


def _of_npy(file: io.BytesIO, name: str) -> np.ndarray:
  """One array; its shape is compared with the bytes that are there first."""
  version = np.lib.format.read_magic(file)
  read_header = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
  }[version]
  shape, is_fortran, dtype = read_header(file)
  data = file.read()
  check_size(name, shape, dtype.itemsize, len(data))
  if dtype.hasobject or dtype.kind not in "fiub":
    raise ArchiveError(f"holds {name[:80]!r} of type {dtype}, expected numbers")
  return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


def check_size(name: str, shape: tuple[int, ...], itemsize: int, there: int) -> None:
  """ArchiveError unless an array of this shape has as many bytes as are there."""
  if len(shape) > MOST_AXES or min(shape, default=0) < 0:
    raise ArchiveError(f"is damaged: {name[:80]!r} has a shape that no array has")
  if math.prod(shape) * itemsize != there:
    raise ArchiveError(
      f"is damaged: {name[:80]!r} of shape {shape} does not take the {there:,} bytes "
      "that it has"
    )


def read_safetensors(
  path: pathlib.Path,
  prefixes: tuple[str, ...] = ("",),
  check: Callable[[Mapping[str, Outline], Mapping[str, str]], object] = lambda *_: None,
) -> Tensors:
  """The tensors of a safetensors file whose names begin in one of these ways.

  Args:
    path: the file.
    prefixes: of the names wanted.
    check: gets type and shape of each tensor, and the file's own texts, before any
      tensor is read, and may raise an `ArchiveError` or a ValueError of its own.
  Raises:
    ArchiveError: the file is damaged, no such file, or of types without numbers here.
    OSError: it cannot be read.
  """
  with path.open("rb") as file:
    start = file.read(8)
  try:
    with safetensors.safe_open(path, framework="numpy") as archive:
      outlines: dict[str, Outline] = {}
      for name in archive.keys():  # noqa: SIM118
        if name.startswith(prefixes):
          part = archive.get_slice(name)
          outlines[name] = (part.get_dtype(), tuple(part.get_shape()))
      texts = archive.metadata() or {}
      check(outlines, texts)
      for name, (kind, shape) in outlines.items():
        if kind not in _SAFE_TYPES or len(shape) > MOST_AXES:
          raise ArchiveError(
            f"{path} holds {name[:80]!r} of type {kind} and {len(shape)} axes; expected "
            f"one of {', '.join(_SAFE_TYPES)}"
          )
      return {name: archive.get_tensor(name) for name in outlines}
  except (ArchiveError, OSError):
    raise
  except Exception as error:
    raise ArchiveError(
      f"{path} is no safetensors file or is cut short: {reason(error)}"
      f"{looks_like(start)}"
    ) from error


def looks_like(start: bytes) -> str:
  """What a file probably is instead, by its first bytes."""
  if start.lstrip()[:1] == b"<":
    return ", it looks like a web page: the host did not send the file"
  return f", its first bytes are {start[:8]!r}"


class _Counted:
  """A file that a pickle may read so many bytes of, and none that it lacks."""

  def __init__(self, file: IO[bytes]):
    self._file = file
    self._room = _MOST_PICKLED

  def read(self, count: int) -> bytes:
    return self._spend(take(self._file, count))

  def readline(self) -> bytes:
    return self._spend(self._file.readline(self._room + 1))

  def _spend(self, data: bytes) -> bytes:
    self._room -= len(data)
    if self._room < 0:
      raise ArchiveError(f"is no weights file: its pickle is above {_MOST_PICKLED:,} B")
    return data


class Unpickler(pickle._Unpickler):
  """Builds plain values, and what `find_class` of a subclass stands for.

  Python's own and not the one in C, which reserves memory by what a few bytes claim.
  What makes a short pickle large or slow all the same (copies of long lists, keys that
  are nested) is refused; state is set only where an object of ours takes it.
  """

  dispatch = dict(pickle._Unpickler.dispatch)

  def __init__(self, file: IO[bytes]):
    super().__init__(_Counted(file))
    self._copied = 0

  def find_class(self, module: str, name: str) -> Any:
    raise ArchiveError(
      f"asks for {module[:80]}.{name[:80]}, which no weights file needs; it was not "
      "called and the file is not used"
    )

  def new_dict(self, items: Any = ()) -> dict[str, Any]:
    """Stands for `OrderedDict`."""
    self._copied += len(items)
    if self._copied > _MOST_ITEMS:
      raise ArchiveError(f"holds more than {_MOST_ITEMS:,} items in dicts")
    keys = [item[0] for item in items]
    self._check_keys(keys)
    return dict(items)

  @staticmethod
  def _check_keys(keys: list[Any]) -> None:
    if not all(isinstance(key, str | int) for key in keys):
      raise ArchiveError("holds a dict whose keys are no names")

  def _refuse(self) -> None:
    raise ArchiveError("is no weights file: its pickle holds what none needs")

  def _build(self) -> None:
    state = self.stack.pop()
    set_state = getattr(self.stack[-1], "__setstate__", None)
    if set_state is not None:
      set_state(state)

  def _reduce(self) -> None:
    if len(self.stack[-1]) > _MOST_ARGUMENTS:
      self._refuse()
    self.load_reduce()

  def _setitem(self) -> None:
    self._check_keys([self.stack[-2]])
    self.load_setitem()

  def _setitems(self) -> None:
    self._check_keys(self.stack[::2])
    self.load_setitems()

  def _dict(self) -> None:
    self._check_keys(self.stack[::2])
    self.load_dict()

  for _code, _load in (
    (pickle.BUILD, _build),
    (pickle.REDUCE, _reduce),
    (pickle.SETITEM, _setitem),
    (pickle.SETITEMS, _setitems),
    (pickle.DICT, _dict),
    *(
      (code, _refuse)
      for code in (
        *(pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
        *(pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET),
        *(pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.NEWOBJ_EX),
      )
    ),
  ):
    dispatch[_code[0]] = _load
