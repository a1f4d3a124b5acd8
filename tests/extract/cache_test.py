"""The cache gives back what was put in, survives kills, and explains its troubles."""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import types

import hypothesis
import numpy as np
import pytest
from attacks import mutations
from hypothesis import strategies

from emojax.extract import cache

KEY = cache.FeatureKey("color", 3, 1, 1, "")
OTHER = cache.FeatureKey("gist", 2, 1, 1, "abcd")


def _value(*numbers: float) -> np.ndarray:
  return np.array(numbers, np.float32)


def test_what_goes_in_comes_out(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
    store.put_many([("p1", {KEY: _value(1, np.pi, -0.0), OTHER: _value(4, 5)})])
    store.put_many([("p2", {OTHER: _value(6, 7)})])
  with cache.FeatureCache(tmp_path) as store:
    stored = store.get_many(["p1", "p2", "p3"], [KEY, OTHER])
  assert stored["p1"]["color"].tobytes() == _value(1, np.pi, -0.0).tobytes()
  np.testing.assert_array_equal(stored["p1"]["gist"], _value(4, 5))
  assert list(stored["p2"]) == ["gist"] and stored["p3"] == {}
  stored["p2"]["gist"][0] = 0  # not a read-only view of SQLite's memory


@pytest.mark.parametrize(
  "changed", [{"version": 2}, {"images_version": 2}, {"digest": "x"}, {"name": "lbp"}]
)
def test_another_version_or_digest_is_another_value(tmp_path, changed):
  fields = {"name": "color", "size": 3, "version": 1, "images_version": 1, "digest": ""}
  other = cache.FeatureKey(**{**fields, **changed})
  with cache.FeatureCache(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    assert store.get_many(["p"], [other]) == {"p": {}}


def test_a_value_of_another_size_is_refused_and_nothing_of_its_batch_is_kept(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
    with pytest.raises(ValueError, match=r"color has 3 numbers; got shape \(2,\)"):
      store.put_many([("p", {OTHER: _value(1, 2)}), ("q", {KEY: _value(1, 2)})])
    assert store.get_many(["p"], [OTHER]) == {"p": {}}


_WRITER = """
import sys, numpy as np
from emojax.extract import cache
key = cache.FeatureKey("color", 3, 1, 1, "")
store = cache.FeatureCache(sys.argv[1])
for batch in range(10**6):
  rows = [(f"{batch}-{i}", {key: np.full(3, batch, np.float32)}) for i in range(8)]
  store.put_many(rows)
  print(batch, flush=True)
"""


def test_a_killed_process_loses_at_most_the_batch_under_way(tmp_path):
  process = subprocess.Popen(
    [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
  )
  assert process.stdout is not None
  with process.stdout:
    for line in process.stdout:
      if int(line) >= 20:
        os.kill(process.pid, signal.SIGKILL)
        break
    batches = [int(line)] + [
      int(rest) for rest in process.stdout if rest.endswith("\n")
    ]
  process.wait()
  last = max(batches)  # the writer said that this batch was stored
  with cache.FeatureCache(tmp_path) as store:
    for batch in range(last + 3):
      names = [f"{batch}-{i}" for i in range(8)]
      stored = sum(bool(row) for row in store.get_many(names, [KEY]).values())
      # Whole batches only; everything it told of, and at most one it had no time to.
      assert stored == 8 if batch <= last else stored in (0, 8)
      assert batch < last + 2 or stored == 0
    store.put_many([("after", {KEY: _value(1, 2, 3)})])  # and it can be written again


def test_two_processes_and_many_threads_share_one_cache(tmp_path):
  process = subprocess.Popen(
    [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
  )
  assert process.stdout is not None
  with process.stdout, cache.FeatureCache(tmp_path) as store:
    process.stdout.readline()

    def work(thread: int) -> None:
      for i in range(20):
        store.put_many([(f"t{thread}-{i}", {KEY: _value(thread, i, 0)})])

    threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
    process.kill()
    process.wait()
    names = [f"t{t}-{i}" for t in range(4) for i in range(20)]
    assert all(store.get_many([*names, "0-0"], [KEY]).values())


def test_a_damaged_file_is_explained(tmp_path):
  path = tmp_path / cache.FILE_NAME
  path.write_bytes(b"this is not a database" * 100)
  with pytest.raises(
    cache.CacheError, match="not a database; delete the file"
  ) as error:
    cache.FeatureCache(tmp_path)
  assert str(path) in str(error.value)


def test_a_value_cut_short_is_explained(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
    store._connection.execute(
      "INSERT INTO feature_values VALUES ('p', ?, x'0011')", (KEY.text,)
    )
    with pytest.raises(cache.CacheError, match="color has 2 bytes, expected 12"):
      store.get_many(["p"], [KEY])


def test_a_full_disk_is_explained_and_the_cache_still_reads(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
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


def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(cache.CacheError, match="cannot make the cache folder"):
    cache.FeatureCache(tmp_path / "file" / "cache")


def test_a_read_only_cache_is_explained(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
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
  with cache.FeatureCache(tmp_path / "a #?%") as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
  _failing("SQLITE_READONLY_DIRECTORY", monkeypatch)
  with cache.FeatureCache(tmp_path / "a #?%") as store:
    np.testing.assert_array_equal(store.get_many(["p"], [KEY])["p"]["color"], [1, 2, 3])
    with pytest.raises(cache.CacheError, match="may write to"):
      store.put_many([("q", {KEY: _value(1, 2, 3)})])
  with pytest.raises(cache.CacheError, match="may write to"):
    cache.FeatureCache(tmp_path)  # where there is none


@pytest.mark.parametrize("name", ["IOERR_SHMSIZE", "FULL", "NOTADB"])
def test_a_full_disk_is_not_the_fault_of_the_file(name, tmp_path, monkeypatch):
  _failing(f"SQLITE_{name}", monkeypatch)
  monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=512))
  with pytest.raises(cache.CacheError, match="its disk has 512 bytes free: free some"):
    cache.FeatureCache(tmp_path)


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  with cache.FeatureCache(pathlib.Path("~/kept")) as store:
    assert store.path == tmp_path / "kept" / cache.FILE_NAME


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
  with cache.FeatureCache(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    store._connection.execute(f"UPDATE feature_values SET value = {change}")
    with pytest.raises(cache.CacheError, match=f"{wrong}.*; delete the file"):
      store.get_many(["p"], [KEY])


def test_values_have_the_digest_of_what_they_belong_to(tmp_path):
  with cache.FeatureCache(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    store._connection.execute("UPDATE feature_values SET picture = 'q'")
    with pytest.raises(cache.CacheError, match="its digest differs"):
      store.get_many(["q"], [KEY])
    # emojax 0.1 kept none.
    store._connection.execute("UPDATE feature_values SET value = substr(value, 1, 12)")
    np.testing.assert_array_equal(store.get_many(["q"], [KEY])["q"]["color"], [1, 2, 3])


def test_a_cache_that_is_no_file_is_explained(tmp_path):
  os.mkfifo(tmp_path / cache.FILE_NAME)
  with pytest.raises(cache.CacheError, match="no regular file"):
    cache.FeatureCache(tmp_path)


@hypothesis.settings(
  max_examples=25, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(seed=strategies.integers(0, 2**32))
@hypothesis.example(131)  # SQLite gives a row under another key than was asked for
@hypothesis.example(52)  # what SQLite says of it is not UTF-8
def test_a_damaged_file_gives_what_was_stored_or_one_line(tmp_path_factory, seed):
  folder = tmp_path_factory.mktemp("cache")
  rng = np.random.default_rng(0)
  values = {f"{i:064x}": rng.random(3, np.float32) for i in range(60)}
  with cache.FeatureCache(folder) as store:
    store.put_many([(image, {KEY: value}) for image, value in values.items()])
  path = folder / cache.FILE_NAME
  path.write_bytes(mutations.mutated(path.read_bytes(), random.Random(seed)))
  try:
    with cache.FeatureCache(folder) as store:
      stored = store.get_many(list(values), [KEY])
  except cache.CacheError as error:
    assert str(path) in str(error) and "\n" not in str(error)
  else:
    for image, by_name in stored.items():
      for value in by_name.values():
        np.testing.assert_array_equal(value, values[image])
