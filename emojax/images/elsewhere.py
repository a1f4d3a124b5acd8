"""Pictures that are no files of this machine: members of tar files, and addresses.

In: the path of a tar file, or an address such as https://, s3://, gs://. Out: an
`Elsewhere` for each picture, which is read when it is asked for. fsspec opens
addresses; of which kinds depends on what is installed.
"""

import contextlib
import dataclasses
import os
import tarfile
from collections.abc import Iterator
from typing import IO, Any

from emojax.images.base import Elsewhere, ImageError, MissingFile, one_line
from emojax.images.folders import SUFFIXES
from emojax.images.sources import read_path

MARK = "://"
TAR = ".tar"
_STREAMED = ("http", "https")  # read in one go; what others call a block is a request


def scheme_of(text: str) -> str:
  """The scheme of an address, such as "gs"; empty where it is none."""
  scheme, mark, _ = text.partition(MARK)
  is_scheme = scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()
  return scheme.lower() if mark and scheme.isascii() and is_scheme else ""


def check_scheme(address: str) -> None:
  """Refuses an address of a kind that cannot be opened here.

  Raises:
    ImageError: says what to install, or that nothing opens such addresses.
  """
  scheme = scheme_of(address)
  try:
    _fsspec().get_filesystem_class(scheme)
  except ImportError as error:
    raise ImageError(
      f"cannot open {scheme}{MARK} addresses: {one_line(error)}"
    ) from error
  except ValueError as error:
    raise ImageError(
      f"cannot open {address}: nothing installed opens {scheme}{MARK} addresses; "
      "expected https://, s3:// (install s3fs), gs:// (install gcsfs), abfs:// "
      "(install adlfs) or another that fsspec knows"
    ) from error


@dataclasses.dataclass(frozen=True, slots=True)
class Address(Elsewhere):
  """A file on another machine.

  Attributes:
    name: its address.
    within: empty, but for an address of this machine.
  """

  name: str
  within: str = ""

  def fetch(self, limit: int) -> bytes | None:
    with _explained():
      if self.within:
        return read_path(self.within, limit)
      system, path = _fsspec().url_to_fs(self.name)
      with _opened(system, path, self.name) as file:
        content = file.read(limit + 1)
    return None if len(content) > limit else content


@dataclasses.dataclass(frozen=True, slots=True)
class Member(Elsewhere):
  """A picture inside of a tar file.

  Attributes:
    name: the archive's and its own, with a slash between.
    within: the archive's path; empty where it is at an address.
    archive: its path or address.
    start, size: where the picture is in the archive, in bytes.
  """

  name: str
  within: str
  archive: str
  start: int
  size: int

  def fetch(self, limit: int) -> bytes | None:
    if self.size > limit:
      return None
    with _explained():
      if self.within:
        with open(self.within, "rb") as file:
          content = os.pread(file.fileno(), self.size, self.start)
      else:
        system, path = _fsspec().url_to_fs(self.archive)
        content = system.cat_file(path, start=self.start, end=self.start + self.size)
    if len(content) != self.size:
      raise ImageError(
        f"the archive ends inside of it, after {len(content):,} of {self.size:,} bytes"
      )
    return content


@dataclasses.dataclass(frozen=True, slots=True)
class Unreadable(Elsewhere):
  """What should have held pictures, and cannot be read.

  Attributes:
    name: of what.
    reason: one line.
    within: its path.
  """

  name: str
  reason: str
  within: str = ""

  def fetch(self, limit: int) -> bytes | None:
    del limit
    raise ImageError(self.reason)


def at(address: str) -> Address:
  """The picture at an address."""
  path = _local(address)
  return Address(address, path)


def members(archive: str) -> tuple[list[Elsewhere], int]:
  """The pictures inside of a tar file, in its order.

  Args:
    archive: its path or address.
  Returns:
    A source for each, behind them one that says why where the archive is damaged or
    cannot be opened; and how many other files are in it.
  """
  within = archive if not scheme_of(archive) else _local(archive)
  found: list[Elsewhere] = []
  others = 0
  try:
    with _explained(), _archive(archive, within) as tar:
      for entry in tar:
        tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
        if not entry.isreg() or not entry.name.lower().endswith(SUFFIXES):
          others += not entry.isdir()
          continue
        name = f"{archive}/{entry.name.removeprefix('./')}"
        if entry.issparse():
          found.append(Unreadable(name, "a sparse file in an archive", within))
          continue
        found.append(Member(name, within, archive, entry.offset_data, entry.size))
      _check_end(tar)
  except ImageError as error:
    reason = str(error)
    if found:
      reason = f"the archive cannot be read behind {found[-1].name}: {reason}"
    found.append(Unreadable(archive, reason, within))
  return found, others


def below(address: str) -> list[str]:
  """Addresses of the pictures that a pattern or a folder at an address stands for.

  Returns:
    Sorted; empty where it is no folder, or nothing fits.
  """
  with _explained():
    system, path = _fsspec().url_to_fs(address)
    if any(mark in path for mark in "*["):
      paths = system.glob(path)
    elif system.isdir(path):
      paths = [name for name in system.find(path) if name.lower().endswith(SUFFIXES)]
    else:
      return []
    return [system.unstrip_protocol(name) for name in sorted(paths)]


def _fsspec() -> Any:
  """What opens addresses; imported where there is one, because it takes long."""
  import fsspec

  return fsspec


def _local(address: str) -> str:
  """The path of an address of this machine; empty for another."""
  if scheme_of(address) not in ("file", "local"):
    return ""
  return _fsspec().url_to_fs(address)[1]


def _opened(system: Any, path: str, address: str) -> IO[bytes]:
  """A file of a file system, for reading from its beginning."""
  if scheme_of(address) in _STREAMED:
    return system.open(path, "rb", block_size=0)
  return system.open(path, "rb", cache_type="none")


@contextlib.contextmanager
def _archive(archive: str, within: str) -> Iterator[tarfile.TarFile]:
  """A tar file, opened; not one that is compressed, which cannot be read by members."""
  with contextlib.ExitStack() as stack:
    if within:
      if os.path.exists(within) and not os.path.isfile(within):
        raise ImageError("the archive is no regular file")
      file: Any = stack.enter_context(open(within, "rb"))
    else:
      system, path = _fsspec().url_to_fs(archive)
      file = stack.enter_context(system.open(path, "rb"))
    yield stack.enter_context(tarfile.open(fileobj=file, mode="r:"))


def _check_end(tar: tarfile.TarFile) -> None:
  """Refuses an archive that goes on where it seemed to end: its next head is damaged.

  tarfile takes such a head, or a part of one, for the end.
  """
  assert tar.fileobj
  tar.fileobj.seek(tar.offset)
  if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
    raise ImageError("what follows is no head of a file")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
  """Has whatever goes wrong be an `ImageError`: what file systems raise is not told."""
  try:
    yield
  except ImageError:
    raise
  except FileNotFoundError as error:
    reason = error.strerror or "there is no such file"
    raise MissingFile(f"the file cannot be opened: {reason}") from error
  except Exception as error:
    reason = getattr(error, "strerror", None) or one_line(error)
    raise ImageError(f"the file cannot be opened: {reason}") from error
