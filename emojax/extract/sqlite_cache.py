"""The feature cache as one SQLite file, for a disk of one machine.

In and out: see `cache`. Every batch is one transaction. The write-ahead log needs
memory that all processes share, so they must be on one machine.
"""

import contextlib
import functools
import pathlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from emojax.extract import cache
from emojax.extract.cache import CacheError, FeatureKey

FILE_NAME = "features-1.sqlite"  # 1 is the layout: another layout gets another file
_BUSY_SECONDS = 60.0  # how long one process waits for another one's transaction


class SqliteCache(cache.FeatureCache):
  """See the module and `cache.FeatureCache`.

  Args:
    folder: where the cache file lives; made when absent.
  Raises:
    CacheError: the folder or the file cannot be made, opened, read or written, or the
      file is not a cache.
  """

  def __init__(self, folder: pathlib.Path):
    self.path = pathlib.Path(folder).expanduser() / FILE_NAME
    self._lock = threading.Lock()  # one connection, used by the decoding threads too
    cache.make_folder(self.path.parent)
    if self.path.exists() and not self.path.is_file():
      raise CacheError(
        f"feature cache {self.path}: it is no regular file; choose another folder with "
        "--cache_dir"
      )
    with self._explained():
      try:
        self._connection = self._open(str(self.path))
      except sqlite3.OperationalError as error:
        if not (cache.is_forbidden(_kind(error)) and self.path.exists()):
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
            raise cache.damage(self.path, f"it has a feature {text!r:.40}")
          feature = keys[text]
          stored[image][feature.name] = cache.decoded(self.path, image, feature, blob)
    return stored

  def put_many(
    self, values: Iterable[tuple[str, Mapping[FeatureKey, np.ndarray]]]
  ) -> None:
    rows = cache.encoded(values)
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
    with self._lock, self._explained():
      self._connection.close()

  @contextlib.contextmanager
  def _explained(self) -> Iterator[None]:
    """Turns what SQLite says into what a person can do about it."""
    try:
      yield
    except sqlite3.DatabaseError as error:
      advice = cache.advice(self.path.parent, _kind(error))
      raise CacheError(f"feature cache {self.path}: {error}; {advice}") from error
    except UnicodeDecodeError as error:  # in what SQLite says of a damaged file
      raise cache.damage(self.path, "it has text that is not UTF-8") from error


def _kind(error: sqlite3.Error) -> str:
  """What SQLite calls an error, without its finer distinctions: READONLY, FULL ..."""
  name = getattr(error, "sqlite_errorname", "") or ""
  return name.removeprefix("SQLITE_").partition("_")[0]
