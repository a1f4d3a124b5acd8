"""What the readers of weights files share: bounds, and pickles that run nothing.

In: files from anywhere. Out: values that take little more memory than their file does,
or an `ArchiveError`: what a file claims about sizes reserves nothing before it is seen
that the file has as many bytes.
"""

import contextlib
import io
import math
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any, ClassVar

import numpy as np
import safetensors

Tensors = dict[str, np.ndarray]
# A tensor's shape and behind it its type, before it is read: (96, "float32").
Outline = tuple[int | str, ...]

# What a compressed file may unpack to; such files are of networks below 10 MB.
MOST_UNPACKED = 2**26
MOST_AXES = 8
_MOST_PICKLED = 2**20  # bytes of one pickle, without the numbers; 100 kB are usual
_MOST_ITEMS = 2**16
_MOST_ARGUMENTS = 16
_SAFE_TYPES = {
  "F64": "float64",
  "F32": "float32",
  "F16": "float16",
  "I64": "int64",
  "I32": "int32",
  "I16": "int16",
  "I8": "int8",
  "U8": "uint8",
  "BOOL": "bool",
}
_ZIP = b"PK\x03\x04"
_ENCRYPTED = 1  # bit of a zip member's flags
_PythonUnpickler: Any = pickle._Unpickler  # which type stubs describe as the one in C
_MOST_HEADER = 2**22  # bytes of a safetensors header; 100 kB are usual
_REFUSED = {  # opcodes that weights files do without
  code[0]
  for code in (
    *(pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
    *(pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET),
    *(pickle.EXT1, pickle.EXT2, pickle.EXT4),
    *(pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ),
  )
}


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
  # A damaged file can raise nearly anything, also by places that no file has.
  except Exception as error:
    raise ArchiveError(f"{path} is damaged or cut short: {reason(error)}") from error


def read_marked(
  path: pathlib.Path, mark: bytes, kind: str, read: Callable[[IO[bytes]], Tensors]
) -> Tensors:
  """What `read` gives of a file that begins with a mark, from behind that on.

  Raises:
    ArchiveError: it begins otherwise, or see `guarded`.
    OSError: it cannot be read.
  """
  with path.open("rb") as file:
    start = file.read(len(mark))
    if start != mark:
      raise ArchiveError(f"{path} is no {kind}{looks_like(start)}")
    return guarded(path, read, file)


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
  # The others have no bound on what a few bytes unpack to.
  if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
    raise ArchiveError(f"is packed in a way that is not known here: {name[:80]!r}")
  with archive.open(entry) as file:
    # Asked for all, zipfile unpacks before it looks at the size.
    data = file.read(entry.file_size)
    if len(data) < entry.file_size:
      raise ArchiveError(f"is cut short: {name[:80]!r} has {len(data):,} bytes")
    return data


def read_npz(path: pathlib.Path) -> Tensors:
  """The arrays of a `.npz` file, without pickles.

  Raises:
    ArchiveError: the file is damaged, is no such file, unpacks to too much or holds
      anything but numbers.
    OSError: it cannot be read.
  """
  return read_marked(path, _ZIP, ".npz file", _read_npz)


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
  if dtype.hasobject or dtype.kind not in "fiub":
    kind = str(dtype)[:80]
    raise ArchiveError(f"holds {name[:80]!r} of type {kind}, expected numbers")
  check_size(name, shape, dtype.itemsize, len(data))
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


def outline_safetensors(
  path: pathlib.Path,
) -> tuple[dict[str, Outline], dict[str, str]]:
  """Type and shape of each tensor of a safetensors file, and the file's own texts.

  No number is read, so that a file can be compared with what it should be first.

  Raises:
    ArchiveError: the file is damaged or no such file.
    OSError: it cannot be read.
  """
  with _safetensors(path) as archive:
    outlines = {}
    for name in archive.keys():  # noqa: SIM118
      part = archive.get_slice(name)
      kind, shape = part.get_dtype(), tuple(part.get_shape())
      outlines[name] = (*shape, _SAFE_TYPES.get(kind, kind))
    return outlines, archive.metadata() or {}


def read_safetensors(path: pathlib.Path, prefixes: tuple[str, ...] = ("",)) -> Tensors:
  """The tensors of a safetensors file whose names begin in one of these ways.

  Raises:
    ArchiveError: the file is damaged, no such file, or of types without numbers here.
    OSError: it cannot be read.
  """
  outlines, _ = outline_safetensors(path)
  outlines = {n: outline for n, outline in outlines.items() if n.startswith(prefixes)}
  for name, (*shape, kind) in outlines.items():
    if kind not in _SAFE_TYPES.values() or len(shape) > MOST_AXES:
      raise ArchiveError(
        f"{path} holds {name[:80]!r} of type {str(kind)[:80]} and {len(shape)} axes; "
        f"expected {MOST_AXES} at most and one of {', '.join(_SAFE_TYPES.values())}"
      )
  with _safetensors(path) as archive:
    return {name: archive.get_tensor(name) for name in outlines}


@contextlib.contextmanager
def _safetensors(path: pathlib.Path) -> Iterator[Any]:
  """An open safetensors file; whatever is wrong with it is one error."""
  with path.open("rb") as file:
    start = file.read(8)
  try:
    if int.from_bytes(start, "little") > _MOST_HEADER:
      raise ArchiveError("its header is too long")
    with safetensors.safe_open(path, framework="numpy") as archive:
      yield archive
  except OSError:
    raise
  except Exception as error:
    raise ArchiveError(
      f"{path} is no safetensors file or is cut short: {reason(error)}"
      f"{looks_like(start)}"
    ) from error


def narrow(tensors: Tensors) -> Tensors:
  """The same arrays, which refuse to be stretched by each other.

  A column times a row of a million numbers each would take 4 TB, and no network's file
  asks for it.
  """
  return {name: tensor.view(_Narrow) for name, tensor in tensors.items()}


class _Narrow(np.ndarray):
  """An array with which no calculation gives a larger one than the largest in it."""

  def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any):
    plain = [i.view(np.ndarray) if isinstance(i, _Narrow) else i for i in inputs]
    if method == "__call__" and ufunc.signature is None:
      shapes = [np.shape(value) for value in plain]
      if math.prod(np.broadcast_shapes(*shapes)) > max(map(math.prod, shapes)):
        raise ValueError(f"arrays of shapes {shapes} do not belong together")
    if "out" in keywords:
      keywords["out"] = tuple(value.view(np.ndarray) for value in keywords["out"])
    result = getattr(ufunc, method)(*plain, **keywords)
    return result.view(_Narrow) if isinstance(result, np.ndarray) else result


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
    data = self._file.read(min(count, self._room)) if count > 0 else b""
    self._room -= len(data)
    return self._checked(data, len(data) == count)

  def readline(self) -> bytes:
    data = self._file.readline(self._room)
    self._room -= len(data)
    return self._checked(data, data.endswith(b"\n"))

  def _checked(self, data: bytes, is_whole: bool) -> bytes:
    if not is_whole:
      raise ArchiveError(
        f"is no weights file: its pickle ends too early or is above {_MOST_PICKLED:,} "
        "bytes"
      )
    return data


class Unpickler(_PythonUnpickler):
  """Builds plain values, and what `find_class` of a subclass stands for.

  Python's own and not the one in C, which reserves memory by what a few bytes claim.
  What makes a short pickle large or slow all the same (copies of long lists, keys that
  are nested) is refused; state is set only where an object of ours takes it.
  """

  # Of Python's own unpickler; its published types leave them out.
  stack: list[Any]
  load_reduce: Callable[[], None]
  load_setitem: Callable[[], None]
  load_setitems: Callable[[], None]
  load_dict: Callable[[], None]

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

  dispatch: ClassVar[Any] = {
    **_PythonUnpickler.dispatch,
    pickle.BUILD[0]: _build,
    pickle.REDUCE[0]: _reduce,
    pickle.SETITEM[0]: _setitem,
    pickle.SETITEMS[0]: _setitems,
    pickle.DICT[0]: _dict,
    **dict.fromkeys(_REFUSED, _refuse),
  }
