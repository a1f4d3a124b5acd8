"""The feature cache as a folder of files that never change, for shared file systems.

In and out: see `cache`. Every batch is a file of its own, written beside its place and
renamed, so no lock is needed, whichever machines write at once. A file is a head, a
table of its entries and their values, each with its digest:

  head     magic, number of entries, digest of the table
  entry    key (of picture and feature), where the value begins, how long it is
  value    as `cache.encoded` gives it

Memory holds the tables, some 40 bytes a value; values are read when they are asked for,
and no more than them. What other processes store is seen when the cache is next opened.

Where small files become many they are copied into one and removed. That needs no lock
either: whoever removes a file has stored all of it in another, and a reader who misses
a file looks which there are now. What is stored twice does no harm.
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import platform
import secrets
import stat
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from emojax.extract import cache
from emojax.extract.cache import CacheError, FeatureKey
from emojax.utils import files

FOLDER_NAME = "features-1"  # 1 is the layout, as in `sqlite_cache`
SUFFIX = ".values"
_CLAIM = ".merging"

_MAGIC = b"emojax1\n"
_HEAD = struct.Struct("<8sQ16s")
_ENTRY = np.dtype([("key", "<u8"), ("start", "<u8"), ("size", "<u4")])

_MANY = 64  # small files that are merged
_SMALL_BYTES = 2**20  # of values: with fewer of them a file is small
_UNSORTED = 4096  # values that are kept apart until all are sorted anew
_CLAIM_SECONDS = 3600.0  # then whoever wanted to merge has died
_DRAFT_SECONDS = 86400.0  # then whoever wrote a draft has; machines' clocks may differ
_LOOKS = 3  # how often a reader looks where a value lies now

# Errors of the system, by the names that `cache.advice` knows.
_KINDS = {
  **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "FULL"),
  errno.EIO: "IOERR",
  **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "READONLY"),
}


class FilesCache(cache.FeatureCache):
  """See the module and `cache.FeatureCache`.

  Args:
    folder: where the cache's own folder lives; made when absent.
  Raises:
    CacheError: the folder cannot be made or read, or a file in it is damaged.
  """

  def __init__(self, folder: pathlib.Path):
    self.path = pathlib.Path(folder).expanduser() / FOLDER_NAME
    self._lock = threading.Lock()  # for what follows; used by the decoding threads too
    self._tables: dict[str, np.ndarray] = {}  # file name -> its entries
    # Key -> file and entry, of values that are not yet sorted in with the others.
    self._recent: dict[int, tuple[str, int]] = {}
    cache.make_folder(self.path)
    with self._explained():
      _remove_old(files.drafts(self.path), _DRAFT_SECONDS)
      self._look()
      self._merge_if_many()

  def get_many(
    self, images: Sequence[str], features: Iterable[FeatureKey]
  ) -> dict[str, dict[str, np.ndarray]]:
    features = list(features)
    asked = [(image, feature) for image in images for feature in features]
    keys = [_key(image, feature.text) for image, feature in asked]
    stored: dict[str, dict[str, np.ndarray]] = {image: {} for image in images}
    for (image, feature), value in zip(asked, self._values(keys), strict=True):
      if value is not None:
        name, blob = value
        path = self.path / name
        stored[image][feature.name] = cache.decoded(path, image, feature, blob)
    return stored

  def put_many(
    self, values: Iterable[tuple[str, Mapping[FeatureKey, np.ndarray]]]
  ) -> None:
    rows = {_key(image, text): blob for image, text, blob in cache.encoded(values)}
    with self._lock, self._explained():
      keys = [key for key in rows if self._place(key) is None]
      if not keys:
        return
      table = _table_of(keys, [len(rows[key]) for key in keys])
      name = _new_name()
      content = _head(table) + b"".join(rows[key] for key in keys)
      files.write(self.path / name, content)
      self._tables[name] = table
      self._recent |= {key: (name, at) for at, key in enumerate(keys)}
      self._merge_if_many()

  def close(self) -> None:
    with self._lock:
      self._tables.clear()
      self._sort()

  def _values(self, keys: Sequence[int]) -> list[tuple[str, bytes] | None]:
    """The file and the bytes of every value; None for those that are not stored."""
    values: list[tuple[str, bytes] | None] = [None] * len(keys)
    lacking = list(range(len(keys)))
    for _ in range(_LOOKS):
      with self._lock:
        places = {index: self._place(keys[index]) for index in lacking}
      by_file: dict[str, list[tuple[int, int, int]]] = {}
      for index, place in places.items():
        if place:
          name, start, size = place
          by_file.setdefault(name, []).append((index, start, size))
      lacking = []
      for name, wanted in by_file.items():
        with self._explained():
          blobs = _read(self.path / name, [(start, size) for _, start, size in wanted])
        if blobs is None:
          lacking += [index for index, _, _ in wanted]
          continue
        for (index, _, _), blob in zip(wanted, blobs, strict=True):
          values[index] = (name, blob)
      if not lacking:
        break
      with self._lock, self._explained():
        self._look()  # others have merged it
    return values

  def _place(self, key: int) -> tuple[str, int, int] | None:
    """The file of a value, where it begins and how long it is; the lock is held."""
    if key in self._recent:
      name, entry = self._recent[key]
    else:
      at = int(np.searchsorted(self._keys, np.uint64(key)))
      if at == len(self._keys) or int(self._keys[at]) != key:
        return None
      name, entry = self._names[self._files[at]], int(self._entries[at])
    _, start, size = self._tables[name][entry].tolist()
    return name, start, size

  def _look(self) -> None:
    """Learns which files there are; those that are known are not read again."""
    tables = {}
    with os.scandir(self.path) as entries:
      names = sorted(entry.name for entry in entries if entry.name.endswith(SUFFIX))
    for name in names:
      table = self._tables.get(name)
      if table is None:
        table = _read_table(self.path / name)
      if table is not None:
        tables[name] = table
    self._tables = tables
    self._sort()

  def _sort(self) -> None:
    """Has every value of the tables be found quickly: 16 bytes for each."""
    self._recent.clear()
    self._names = list(self._tables)
    tables = list(self._tables.values())
    keys = np.concatenate([np.empty(0, np.uint64), *(t["key"] for t in tables)])
    order = np.argsort(keys, kind="stable")
    counts = [len(table) for table in tables]
    self._keys = keys[order]
    self._files = np.repeat(np.arange(len(tables), dtype=np.uint32), counts)[order]
    entries = [np.arange(count, dtype=np.uint32) for count in counts]
    self._entries = np.concatenate([np.empty(0, np.uint32), *entries])[order]

  def _merge_if_many(self) -> None:
    """Makes one file of the small ones where there are many; the lock is held.

    Nothing depends on it: where it fails, all is as before.
    """
    sizes = {name: int(table["size"].sum()) for name, table in self._tables.items()}
    small = [name for name, size in sizes.items() if size < _SMALL_BYTES]
    if len(small) >= _MANY:
      with contextlib.suppress(OSError), _claimed(self.path / _CLAIM) as is_ours:
        if is_ours:
          before = np.cumsum([sizes[name] for name in small])
          at_once = int(np.searchsorted(before, _MANY * _SMALL_BYTES))
          self._merge({name: sizes[name] for name in small[:at_once]})
    if len(self._recent) >= _UNSORTED:
      self._sort()

  def _merge(self, sizes: Mapping[str, int]) -> None:
    """Copies some files into a new one, and removes them when that is on the disk.

    Args:
      sizes: of their values, by name. What others have merged, and what has lost bytes,
        of which its reader is to be told, stays as it is.
    """
    blobs = {}
    for name, size in sizes.items():
      start = int(self._tables[name]["start"][0])
      content = _read(self.path / name, [(start, size)])
      if content and len(content[0]) == size:
        blobs[name] = content[0]
    if len(blobs) < 2:
      return
    whole = np.concatenate([self._tables[name] for name in blobs])
    merged, table = _new_name(), _table_of(whole["key"], whole["size"])
    with files.writing(self.path / merged) as file:
      file.write(_head(table))
      file.writelines(blobs.values())
    for name in blobs:
      del self._tables[name]
    self._tables[merged] = table
    self._sort()
    for name in blobs:
      (self.path / name).unlink(missing_ok=True)

  @contextlib.contextmanager
  def _explained(self) -> Iterator[None]:
    """Turns what the system says into what a person can do about it."""
    try:
      yield
    except OSError as error:
      advice = cache.advice(self.path, _KINDS.get(error.errno or 0, ""))
      # `files` adds what is free, and so does the advice.
      reason = os.strerror(error.errno) if error.errno else str(error)
      raise CacheError(f"feature cache {self.path}: {reason}; {advice}") from error


def is_there(folder: pathlib.Path) -> bool:
  """Whether a cache of this form has been kept in a folder."""
  return any((folder.expanduser() / FOLDER_NAME).glob(f"*{SUFFIX}"))


def _key(image: str, feature: str) -> int:
  """What a value is looked up by; whether it is the right one its digest tells."""
  content = f"{image} {feature}".encode()
  return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _new_name() -> str:
  """The name of a file that no other process chooses, on whatever machine."""
  machine = "".join(c for c in platform.node() if c.isalnum() or c == "-")[:64]
  return f"{machine}-{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"


def _table_of(keys: npt.ArrayLike, sizes: npt.ArrayLike) -> np.ndarray:
  """The table of values that follow one another."""
  table = np.empty(np.shape(keys), _ENTRY)
  table["key"], table["size"] = keys, sizes
  ends = np.cumsum(table["size"], dtype=np.uint64) + np.uint64(
    _HEAD.size + table.nbytes
  )
  table["start"] = ends - table["size"]
  return table


def _head(table: np.ndarray) -> bytes:
  """What a file begins with."""
  content = table.tobytes()
  return _HEAD.pack(_MAGIC, len(table), _digest(content)) + content


def _digest(content: bytes) -> bytes:
  return hashlib.blake2b(content, digest_size=16).digest()


def _read_table(path: pathlib.Path) -> np.ndarray | None:
  """The entries of a file; None where it is gone.

  Raises:
    CacheError: it is not what was written.
  """
  try:
    status = path.stat()
  except FileNotFoundError:
    return None
  if not stat.S_ISREG(status.st_mode):
    raise CacheError(
      f"feature cache {path}: it is no regular file; choose another folder with "
      "--cache_dir"
    )
  parts = _read(path, [(0, _HEAD.size)])
  if parts is None:
    return None
  magic, number, digest = _HEAD.unpack(parts[0].ljust(_HEAD.size, b"\0"))
  if magic != _MAGIC:
    raise cache.damage(path, "it does not begin as a file of values does")
  # A damaged number asks for no more than there is.
  size = min(number * _ENTRY.itemsize, status.st_size)
  parts = _read(path, [(_HEAD.size, size)])
  if parts is None:
    return None
  content = parts[0]
  is_whole = len(content) == number * _ENTRY.itemsize > 0
  if not is_whole or _digest(content) != digest:
    raise cache.damage(path, "its table is not what was stored: its digest differs")
  return np.frombuffer(content, _ENTRY)


def _read(path: pathlib.Path, pieces: Sequence[tuple[int, int]]) -> list[bytes] | None:
  """Pieces of a file, each where it begins and how long; None where it is gone."""
  try:
    with path.open("rb", buffering=0) as file:
      return [os.pread(file.fileno(), size, start) for start, size in pieces]
  except OSError as error:
    # The second: removed by another machine while it was open here.
    if error.errno in (errno.ENOENT, errno.ESTALE):
      return None
    raise


def _remove_old(paths: Iterable[pathlib.Path], seconds: float) -> None:
  """Removes what killed processes left, on whatever machine they were."""
  for path in paths:
    with contextlib.suppress(OSError):  # gone already, or not ours to remove
      if time.time() - path.stat().st_mtime > seconds:
        path.unlink()


@contextlib.contextmanager
def _claimed(path: pathlib.Path) -> Iterator[bool]:
  """Whether this process alone does something, as long as that lasts.

  Only so that not all machines do the same work: a claim that is lost does no harm.
  """
  try:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
  except FileExistsError:
    _remove_old([path], _CLAIM_SECONDS)
    yield False
    return
  try:
    yield True
  finally:
    path.unlink(missing_ok=True)
