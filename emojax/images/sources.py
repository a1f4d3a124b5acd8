"""What an image may come from, and reading the bytes of those that are files.

In: a path, an open file, bytes, an array, a Pillow image, or one that lies elsewhere.
Out: bytes. Only regular files are opened for reading, and only up to a size that
pictures may have.
"""

import os
import pathlib
import stat
import threading
from typing import IO, TypeGuard

import numpy as np
from PIL import Image

from emojax.images.base import Elsewhere, ImageError, MissingFile, one_line
from emojax.images.folders import walk

MAX_PIXELS = 100_000_000  # 300 MB of RGB; a larger picture is refused before decoding

Path = str | os.PathLike[str]
OpenFile = IO[bytes]
Source = (
  Path
  | OpenFile
  | bytes
  | bytearray
  | memoryview
  | np.ndarray
  | Image.Image
  | Elsewhere
)

# Room for samples of 16 bits in red, green, blue and opacity that are not compressed,
# and for what else may stand in the file.
_BYTES_PER_PIXEL, _BESIDE_BYTES = 8, 1 << 26
_KINDS = {
  stat.S_IFIFO: "a named pipe",
  stat.S_IFCHR: "a device",
  stat.S_IFBLK: "a device",
  stat.S_IFSOCK: "a socket",
}
_OPEN_FILES = threading.Lock()  # one thread at a time reads a file that came twice


def is_image(value: object) -> TypeGuard[Source]:
  """Whether a value is one image, as opposed to several or to none.

  Arrays of names are several; arrays of numbers are one, whatever their shape.
  """
  whole = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, Elsewhere)
  if isinstance(value, whole):
    return True
  return is_open_file(value) or is_array(value)


def name_of(source: Source) -> str:
  """What tables call an image: its path, or its name elsewhere; else empty."""
  if isinstance(source, (str, os.PathLike)):
    return os.fspath(source)
  return source.name if isinstance(source, Elsewhere) else ""


def is_open_file(value: object) -> TypeGuard[OpenFile]:
  """Whether a value can be read from, as open files and `BytesIO` can."""
  return hasattr(value, "read") and not isinstance(value, type)


def is_array(value: object) -> TypeGuard[np.ndarray]:
  """Whether a value is an array of numbers: NumPy's, JAX's or another library's."""
  if not hasattr(value, "__array__"):
    return False
  return np.asarray(value).dtype.kind in "buifc"


def read(source: Path | OpenFile | Elsewhere, max_pixels: int = MAX_PIXELS) -> bytes:
  """The bytes of a regular file, or of one that is open, from its beginning.

  Args:
    source: its path, what has `read`, or what lies elsewhere.
    max_pixels: a file with more bytes than so many pixels could need is refused.
  Raises:
    MissingFile: there is no such file.
    ImageError: the system refuses, it is no regular file, or it is too large.
  """
  limit = _BYTES_PER_PIXEL * max_pixels + _BESIDE_BYTES
  try:
    if isinstance(source, (str, os.PathLike)):
      content = read_path(source, limit)
    elif isinstance(source, Elsewhere):
      content = source.fetch(limit)
    else:
      content = _read_open(source, limit)
  except ImageError:
    raise
  except FileNotFoundError as error:
    raise MissingFile(f"the file cannot be opened: {error.strerror}") from error
  # ValueError: a name with a zero byte, an open file that was closed.
  except (OSError, ValueError) as error:
    reason = getattr(error, "strerror", None) or one_line(error)
    raise ImageError(f"the file cannot be opened: {reason}") from error
  if content is None or len(content) > limit:
    raise ImageError(
      f"the file has more than {limit:,} bytes, too many for a picture of "
      f"{max_pixels:,} pixels; raise the pixel limit to read it"
    )
  return content


def _read_open(file: OpenFile, limit: int) -> bytes:
  """At most a byte more than the limit, of an open file."""
  with _OPEN_FILES:
    if file.seekable():
      file.seek(0)
    content = file.read(limit + 1)
  if not isinstance(content, (bytes, bytearray, memoryview)):
    raise ImageError(
      f"the open file gives {type(content).__name__}, expected bytes; open it with "
      'mode "rb"'
    )
  return bytes(content)


def read_path(path: Path, limit: int) -> bytes | None:
  """At most a byte more than the limit, of a regular file; None of a larger one."""
  if os.path.isdir(path):
    raise ImageError(_folder_reason(pathlib.Path(path)))
  # Without waiting: opening a pipe would wait for somebody to write into it.
  number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
  with open(number, "rb") as file:
    status = os.fstat(number)
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
      raise ImageError(
        f"the file cannot be opened: it is {_KINDS.get(kind, 'something else')}, not a "
        "regular file"
      )
    if status.st_size > limit:
      return None
    # Room for what is asked for is made first, and for the limit that takes longer.
    content = file.read(status.st_size + 1)
    has_grown = len(content) > status.st_size
    return content + file.read(limit + 1 - len(content)) if has_grown else content


def _folder_reason(path: pathlib.Path) -> str:
  """Why a folder is no picture; `folders.walk` gives those it cannot list."""
  try:
    is_empty = not walk(path)
  except ImageError as error:
    return str(error)
  return f"the file cannot be opened: it is a folder{' without pictures' * is_empty}"
