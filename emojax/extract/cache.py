"""Features already computed, kept by picture content so that no work is done twice.

In: the digest of a picture's bytes and the key of a feature. Out: the feature's values,
or nothing where they were never computed. One SQLite file; every batch is one
transaction, so a process killed at any moment loses at most the batch under way, and
several processes may share the file.
"""

import contextlib
import dataclasses
import functools
import hashlib
import pathlib
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

FILE_NAME = "features-1.sqlite"  # 1 is the layout: another layout gets another file
_BUSY_SECONDS = 60.0  # how long one process waits for another one's transaction
_STORED = np.dtype("<f4")  # little-endian float32, whatever the machine
_CHECK_BYTES = 8  # of the digest behind a value; values of emojax 0.1 have none


_LEAST_FREE = 1 << 20  # bytes: with less of them anything may be due to a full disk
# Kinds of SQLite's errors, see `_kind`; ERROR is what a database of others gives.
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


class FeatureCache:
  """A crash-safe store of feature values, safe for threads and for several processes.

  Args:
    folder: where the cache file lives; made when absent.
  Raises:
    CacheError: the folder or the file cannot be made, opened, read or written, or the
      file is not a cache. Every method raises it too.
  """

  def __init__(self, folder: pathlib.Path):
    self.path = pathlib.Path(folder).expanduser() / FILE_NAME
    self._lock = threading.Lock()  # one connection, used by the decoding threads too
    try:
      self.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
      raise CacheError(
        f"cannot make the cache folder {self.path.parent} ({error.strerror}); choose "
        "another with --cache_dir, or none with --cache_dir="
      ) from error
    if self.path.exists() and not self.path.is_file():
      raise CacheError(
        f"feature cache {self.path}: it is no regular file; choose another folder with "
        "--cache_dir"
      )
    with self._explained():
      try:
        self._connection = self._open(str(self.path))
      except sqlite3.OperationalError as error:
        if not (_kind(error) in _FORBIDDEN and self.path.exists()):
          raise
        # Nobody writes below a folder that cannot be written: what is stored can still
        # be read, and storing more is an error.
        address = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = self._open(address)

  def _open(self, address: str) -> sqlite3.Connection:
    """The database at a path, or an address that says how to open it."""
    connection = sqlite3.connect(
      address,
      timeout=_BUSY_SECONDS,
      isolation_level=None,
      check_same_thread=False,
      uri=address.startswith("file:"),
    )
    # Damage may make text of a value.
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
    try:
      connection.execute("PRAGMA journal_mode=WAL")
      # With a write-ahead log this survives the death of the process at any moment; a
      # power cut may lose the last transactions, never the file.
      connection.execute("PRAGMA synchronous=NORMAL")
      connection.execute(
        "CREATE TABLE IF NOT EXISTS feature_values (picture TEXT NOT NULL, "
        "feature TEXT NOT NULL, value BLOB NOT NULL, "
        "PRIMARY KEY (picture, feature)) WITHOUT ROWID"
      )
    except BaseException:
      connection.close()
      raise
    return connection

  def get_many(
    self, images: Sequence[str], features: Iterable[FeatureKey]
  ) -> dict[str, dict[str, np.ndarray]]:
    """What is known about some pictures.

    Args:
      images: digests of the pictures' bytes.
      features: the features asked for.
    Returns:
      picture -> feature name -> (size,) float32; what is not stored is absent.
    Raises:
      CacheError: see the class.
    """
    keys = {feature.text: feature for feature in features}
    query = (
      "SELECT feature, value FROM feature_values WHERE picture = ? AND feature IN "
      f"({', '.join('?' * len(keys))})"
    )
    stored: dict[str, dict[str, np.ndarray]] = {}
    with self._lock, self._explained():
      for image in images:
        rows = self._connection.execute(query, (image, *keys)).fetchall()
        stored[image] = {}
        for text, blob in rows:
          if text not in keys:  # as pages that were mixed up give it
            raise self._damage(f"it has a feature {text!r:.40}")
          feature = keys[text]
          stored[image][feature.name] = self._decode(image, feature, blob)
    return stored

  def put_many(
    self, values: Iterable[tuple[str, Mapping[FeatureKey, np.ndarray]]]
  ) -> None:
    """Stores the values of one batch: all of them, or none if the process dies.

    Args:
      values: (picture digest, {feature: (size,) float32}) pairs. A pair already stored
        keeps its first value.
    Raises:
      CacheError: see the class.
      ValueError: a value has another shape than its feature's size.
    """
    rows = []
    for image, by_feature in values:
      for feature, value in by_feature.items():
        if value.shape != (feature.size,):
          raise ValueError(
            f"{feature.name} has {feature.size} numbers; got shape {value.shape}"
          )
        blob = value.astype(_STORED).tobytes()
        rows.append((image, feature.text, blob + _check(image, feature.text, blob)))
    statement = "INSERT OR IGNORE INTO feature_values VALUES (?, ?, ?)"
    with self._lock, self._explained():
      self._connection.execute("BEGIN IMMEDIATE")
      try:
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")
      except BaseException:
        # A full disk may already have ended the transaction.
        if self._connection.in_transaction:
          self._connection.execute("ROLLBACK")
        raise

  def close(self) -> None:
    """Closes the file; the cache cannot be used afterwards."""
    with self._lock, self._explained():
      self._connection.close()

  def __enter__(self) -> "FeatureCache":
    return self

  def __exit__(self, *unused) -> None:
    self.close()

  def _decode(self, image: str, feature: FeatureKey, stored: object) -> np.ndarray:
    size = feature.size * _STORED.itemsize
    whole = stored if isinstance(stored, bytes) else b""
    blob, check = whole[:size], whole[size:]
    about = f"a value of {feature.name}"
    if len(blob) != size or len(check) not in (0, _CHECK_BYTES):
      raise self._damage(
        f"{about} has {len(whole)} bytes, expected {size} and {_CHECK_BYTES} "
        "of a digest"
      )
    if check and check != _check(image, feature.text, blob):
      raise self._damage(f"{about} is not what was stored: its digest differs")
    return np.frombuffer(blob, _STORED).astype(np.float32)

  def _damage(self, reason: str) -> CacheError:
    return CacheError(
      f"the feature cache {self.path} is damaged: {reason}; delete the file, and the "
      "features are computed again"
    )

  @contextlib.contextmanager
  def _explained(self) -> Iterator[None]:
    """Turns what SQLite says into what a person can do about it."""
    try:
      yield
    except sqlite3.DatabaseError as error:
      advice = self._advice(_kind(error))
      raise CacheError(f"feature cache {self.path}: {error}; {advice}") from error
    except UnicodeDecodeError as error:  # in what SQLite says of a damaged file
      raise self._damage("it has text that is not UTF-8") from error

  def _advice(self, kind: str) -> str:
    """What to do about a kind of error, see `_kind`."""
    try:
      free = shutil.disk_usage(self.path.parent).free
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


def _kind(error: sqlite3.Error) -> str:
  """What SQLite calls an error, without its finer distinctions: READONLY, FULL ..."""
  name = getattr(error, "sqlite_errorname", "") or ""
  return name.removeprefix("SQLITE_").partition("_")[0]


def _check(image: str, feature: str, blob: bytes) -> bytes:
  """The digest of a value and of what it belongs to."""
  content = f"{image} {feature} ".encode() + blob
  return hashlib.blake2b(content, digest_size=_CHECK_BYTES).digest()
