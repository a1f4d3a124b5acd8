"""What only the SQLite form of the cache can suffer, and how it is explained."""

import os
import shutil
import sqlite3
import types

import numpy as np
import pytest

from emojax.extract import cache, sqlite_cache

KEY = cache.FeatureKey("color", 3, 1, 1, "")


def _value(*numbers: float) -> np.ndarray:
  return np.array(numbers, np.float32)


def test_a_damaged_file_is_explained(tmp_path):
  path = tmp_path / sqlite_cache.FILE_NAME
  path.write_bytes(b"this is not a database" * 100)
  with pytest.raises(
    cache.CacheError, match="not a database; delete the file"
  ) as error:
    sqlite_cache.SqliteCache(tmp_path)
  assert str(path) in str(error.value)


def test_a_value_cut_short_is_explained(tmp_path):
  with sqlite_cache.SqliteCache(tmp_path) as store:
    store._connection.execute(
      "INSERT INTO feature_values VALUES ('p', ?, x'0011')", (KEY.text,)
    )
    with pytest.raises(cache.CacheError, match="color has 2 bytes, expected 12"):
      store.get_many(["p"], [KEY])


def test_a_full_disk_is_explained_and_the_cache_still_reads(tmp_path):
  with sqlite_cache.SqliteCache(tmp_path) as store:
    store.put_many([("kept", {KEY: _value(1, 2, 3)})])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    # SQLite reports its own page limit as it reports a full disk (SQLITE_FULL).
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    batch = [(f"p{i}", {KEY: _value(1, 2, 3)}) for i in range(2000)]
    with pytest.raises(
      cache.CacheError, match=r"full; its disk has .* free some space or choose"
    ):
      store.put_many(batch)
    assert store.get_many(["kept", "p0"], [KEY])["p0"] == {}
    assert "color" in store.get_many(["kept"], [KEY])["kept"]


def test_a_read_only_cache_is_explained(tmp_path):
  with sqlite_cache.SqliteCache(tmp_path) as store:
    # What a read-only disk does to every write; root ignores file permissions.
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(cache.CacheError, match=r"readonly.*you may write to"):
      store.put_many([("p", {KEY: _value(1, 2, 3)})])


def _failing(kind: str, monkeypatch) -> None:
  """Makes SQLite fail so wherever it would write beside the file."""
  connect = sqlite3.connect

  def forbidden(address, **settings):
    if settings["uri"]:
      return connect(address, **settings)
    error = sqlite3.OperationalError("it says so")
    error.sqlite_errorname = kind
    raise error

  monkeypatch.setattr(sqlite3, "connect", forbidden)


def test_a_whole_cache_is_read_where_it_may_not_be_written(tmp_path, monkeypatch):
  with sqlite_cache.SqliteCache(tmp_path / "a #?%") as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
  _failing("SQLITE_READONLY_DIRECTORY", monkeypatch)
  with sqlite_cache.SqliteCache(tmp_path / "a #?%") as store:
    np.testing.assert_array_equal(store.get_many(["p"], [KEY])["p"]["color"], [1, 2, 3])
    with pytest.raises(cache.CacheError, match="may write to"):
      store.put_many([("q", {KEY: _value(1, 2, 3)})])
  with pytest.raises(cache.CacheError, match="may write to"):
    sqlite_cache.SqliteCache(tmp_path)  # where there is none


@pytest.mark.parametrize("name", ["IOERR_SHMSIZE", "FULL", "NOTADB"])
def test_a_full_disk_is_not_the_fault_of_the_file(name, tmp_path, monkeypatch):
  _failing(f"SQLITE_{name}", monkeypatch)
  monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=512))
  with pytest.raises(cache.CacheError, match="its disk has 512 bytes free: free some"):
    sqlite_cache.SqliteCache(tmp_path)


@pytest.mark.parametrize(
  ("change", "wrong"),
  [
    (
      "CAST(substr(value, 1, 4) || x'01' || substr(value, 6) AS BLOB)",
      "its digest differs",
    ),
    ("substr(value, 1, 19)", "has 19 bytes, expected 12 and 8"),
    ("'text'", "has 0 bytes"),
    ("CAST(x'ff' AS TEXT)", "has 0 bytes"),
    ("7", "has 0 bytes"),
  ],
)
def test_a_value_that_is_not_what_was_stored_is_explained(tmp_path, change, wrong):
  with sqlite_cache.SqliteCache(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    store._connection.execute(f"UPDATE feature_values SET value = {change}")
    with pytest.raises(cache.CacheError, match=f"{wrong}.*; delete the file"):
      store.get_many(["p"], [KEY])


def test_values_have_the_digest_of_what_they_belong_to(tmp_path):
  with sqlite_cache.SqliteCache(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    store._connection.execute("UPDATE feature_values SET picture = 'q'")
    with pytest.raises(cache.CacheError, match="its digest differs"):
      store.get_many(["q"], [KEY])
    # emojax 0.1 kept none.
    store._connection.execute("UPDATE feature_values SET value = substr(value, 1, 12)")
    np.testing.assert_array_equal(store.get_many(["q"], [KEY])["q"]["color"], [1, 2, 3])


def test_a_cache_that_is_no_file_is_explained(tmp_path):
  os.mkfifo(tmp_path / sqlite_cache.FILE_NAME)
  with pytest.raises(cache.CacheError, match="no regular file"):
    sqlite_cache.SqliteCache(tmp_path)
