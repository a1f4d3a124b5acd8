"""Features already computed, kept by picture content so that no work is done twice.

In: the digest of a picture's bytes and the key of a feature. Out: the feature's values,
or nothing where they were never computed. There are two forms: `sqlite_cache`, one
file, for disks of one machine, and `files_cache`, a folder of files that never change,
for file systems that machines share, where SQLite's write-ahead log is not safe.
"""

import abc
import dataclasses
import hashlib
import pathlib
import shutil
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

CHECK_BYTES = 8  # of the digest behind a value; values of emojax 0.1 have none
_STORED = np.dtype("<f4")  # little-endian float32, whatever the machine
_LEAST_FREE = 1 << 20  # bytes: with less of them anything may be due to a full disk

# Kinds of errors, as SQLite calls them; ERROR is what a database of others gives.
_OF_THE_DISK = frozenset(("FULL", "IOERR"))
_FORBIDDEN = frozenset(("READONLY", "CANTOPEN", "PERM", "AUTH"))
_HELD = frozenset(("BUSY", "LOCKED", "PROTOCOL"))
_DAMAGED = frozenset(("CORRUPT", "NOTADB", "ERROR", "FORMAT"))


class CacheError(ValueError):
  """The feature cache cannot be read or written; says why and what to do."""


@dataclasses.dataclass(frozen=True)
class FeatureKey:
  """What a stored value depends on besides the picture.

  Attributes:
    name: the feature's name.
    size: how many numbers it has.
    version: the feature's version.
    images_version: the version of picture decoding and resizing.
    digest: digest of the parameters it needs; empty when it needs none.
  """

  name: str
  size: int
  version: int
  images_version: int
  digest: str

  @property
  def text(self) -> str:
    """The key as stored."""
    parts = (self.name, self.version, self.images_version, self.size, self.digest)
    return "/".join(str(part) for part in parts)


class FeatureCache(abc.ABC):
  """A crash-safe store of feature values, safe for threads and for several processes.

  Every batch is stored whole or not at all: a process killed at any moment loses at
  most the batch under way. Every method, and opening, raises a `CacheError` where the
  cache cannot be made, opened, read or written.

  Attributes:
    path: where it lies.
  """

  path: pathlib.Path

  @abc.abstractmethod
  def get_many(
    self, images: Sequence[str], features: Iterable[FeatureKey]
  ) -> dict[str, dict[str, np.ndarray]]:
    """What is known about some pictures.

    Args:
      images: digests of the pictures' bytes.
      features: the features asked for.
    Returns:
      picture -> feature name -> (size,) float32; what is not stored is absent.
    """

  @abc.abstractmethod
  def put_many(
    self, values: Iterable[tuple[str, Mapping[FeatureKey, np.ndarray]]]
  ) -> None:
    """Stores the values of one batch: all of them, or none if the process dies.

    Args:
      values: (picture digest, {feature: (size,) float32}) pairs. A pair already stored
        keeps its first value.
    Raises:
      ValueError: a value has another shape than its feature's size.
    """

  @abc.abstractmethod
  def close(self) -> None:
    """The cache cannot be used afterwards."""

  def __enter__(self) -> "FeatureCache":
    return self

  def __exit__(self, *unused) -> None:
    self.close()


def make_folder(folder: pathlib.Path) -> None:
  """Makes a cache's folder where it is absent; CacheError where that cannot be."""
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise CacheError(
      f"cannot make the cache folder {folder} ({error.strerror}); choose another with "
      "--cache_dir, or none with --cache_dir="
    ) from error


def encoded(
  values: Iterable[tuple[str, Mapping[FeatureKey, np.ndarray]]],
) -> list[tuple[str, str, bytes]]:
  """The values of `put_many` as stored: (picture, feature, value with its digest)."""
  rows = []
  for image, by_feature in values:
    for feature, value in by_feature.items():
      if value.shape != (feature.size,):
        raise ValueError(
          f"{feature.name} has {feature.size} numbers; got shape {value.shape}"
        )
      blob = value.astype(_STORED).tobytes()
      rows.append((image, feature.text, blob + _check(image, feature.text, blob)))
  return rows


def decoded(
  path: pathlib.Path, image: str, feature: FeatureKey, stored: object
) -> np.ndarray:
  """A value of `encoded`, read again: (size,) float32.

  Raises:
    CacheError: it is not what was stored in this file.
  """
  size = feature.size * _STORED.itemsize
  whole = stored if isinstance(stored, bytes) else b""
  blob, check = whole[:size], whole[size:]
  about = f"a value of {feature.name}"
  if len(blob) != size or len(check) not in (0, CHECK_BYTES):
    raise damage(
      path,
      f"{about} has {len(whole)} bytes, expected {size} and {CHECK_BYTES} of a digest",
    )
  if check and check != _check(image, feature.text, blob):
    raise damage(path, f"{about} is not what was stored: its digest differs")
  return np.frombuffer(blob, _STORED).astype(np.float32)


def damage(path: pathlib.Path, reason: str) -> CacheError:
  """The error of a file that is not what was written."""
  return CacheError(
    f"the feature cache {path} is damaged: {reason}; delete the file, and the "
    "features are computed again"
  )


def advice(folder: pathlib.Path, kind: str) -> str:
  """What to do about an error in a folder, of a kind that SQLite has a name for."""
  try:
    free = shutil.disk_usage(folder).free
  except OSError:
    free = _LEAST_FREE
  # A full disk makes SQLite say almost anything, and never is the file to blame.
  if kind in _OF_THE_DISK or free < _LEAST_FREE:
    return (
      f"its disk has {free:,} bytes free: free some space or choose another folder "
      "with --cache_dir"
    )
  if kind in _FORBIDDEN:
    return "choose a folder you may write to with --cache_dir"
  if kind in _HELD:
    return "another process holds it; wait for it or choose another --cache_dir"
  if kind in _DAMAGED:
    return "delete the file, and the features are computed again"
  return "choose another folder with --cache_dir"


def is_forbidden(kind: str) -> bool:
  """Whether an error's kind, see `advice`, is that nothing may be written there."""
  return kind in _FORBIDDEN


def _check(image: str, feature: str, blob: bytes) -> bytes:
  """The digest of a value and of what it belongs to."""
  content = f"{image} {feature} ".encode() + blob
  return hashlib.blake2b(content, digest_size=CHECK_BYTES).digest()
