"""Both forms of the cache give back what was put in, survive kills, and explain."""

import functools
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading

import hypothesis
import numpy as np
import pytest
from attacks import mutations
from hypothesis import strategies

from emojax.extract import cache, cache_forms

KEY = cache.FeatureKey("color", 3, 1, 1, "")
OTHER = cache.FeatureKey("gist", 2, 1, 1, "abcd")


@pytest.fixture(params=["sqlite", "files"])
def opened(request):
  """Opens the cache in a folder, of either form."""
  return functools.partial(cache_forms.opened, form=request.param)


def _value(*numbers: float) -> np.ndarray:
  return np.array(numbers, np.float32)


def test_what_goes_in_comes_out(opened, tmp_path):
  with opened(tmp_path) as store:
    store.put_many([("p1", {KEY: _value(1, np.pi, -0.0), OTHER: _value(4, 5)})])
    store.put_many([("p2", {OTHER: _value(6, 7)})])
  with opened(tmp_path) as store:
    stored = store.get_many(["p1", "p2", "p3"], [KEY, OTHER])
  assert stored["p1"]["color"].tobytes() == _value(1, np.pi, -0.0).tobytes()
  np.testing.assert_array_equal(stored["p1"]["gist"], _value(4, 5))
  assert list(stored["p2"]) == ["gist"] and stored["p3"] == {}
  stored["p2"]["gist"][0] = 0  # not a read-only view of SQLite's memory


@pytest.mark.parametrize(
  "changed", [{"version": 2}, {"images_version": 2}, {"digest": "x"}, {"name": "lbp"}]
)
def test_another_version_or_digest_is_another_value(opened, tmp_path, changed):
  fields = {"name": "color", "size": 3, "version": 1, "images_version": 1, "digest": ""}
  other = cache.FeatureKey(**{**fields, **changed})
  with opened(tmp_path) as store:
    store.put_many([("p", {KEY: _value(1, 2, 3)})])
    assert store.get_many(["p"], [other]) == {"p": {}}


def test_a_value_of_another_size_is_refused_and_nothing_of_its_batch_is_kept(
  opened, tmp_path
):
  with opened(tmp_path) as store:
    with pytest.raises(ValueError, match=r"color has 3 numbers; got shape \(2,\)"):
      store.put_many([("p", {OTHER: _value(1, 2)}), ("q", {KEY: _value(1, 2)})])
    assert store.get_many(["p"], [OTHER]) == {"p": {}}


_WRITER = """
import pathlib, sys, numpy as np
from emojax.extract import cache, cache_forms
key = cache.FeatureKey("color", 3, 1, 1, "")
store = cache_forms.opened(pathlib.Path(sys.argv[1]), sys.argv[2])
for batch in range(10**6):
  rows = [(f"{batch}-{i}", {key: np.full(3, batch, np.float32)}) for i in range(8)]
  store.put_many(rows)
  print(batch, flush=True)
"""


def _writing(folder: pathlib.Path, opened: functools.partial) -> subprocess.Popen:
  command = [sys.executable, "-c", _WRITER, str(folder), opened.keywords["form"]]
  return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_process_loses_at_most_the_batch_under_way(opened, tmp_path):
  process = _writing(tmp_path, opened)
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
  with opened(tmp_path) as store:
    for batch in range(last + 3):
      names = [f"{batch}-{i}" for i in range(8)]
      stored = sum(bool(row) for row in store.get_many(names, [KEY]).values())
      # Whole batches only; everything it told of, and at most one it had no time to.
      assert stored == 8 if batch <= last else stored in (0, 8)
      assert batch < last + 2 or stored == 0
    store.put_many([("after", {KEY: _value(1, 2, 3)})])  # and it can be written again


def test_two_processes_and_many_threads_share_one_cache(opened, tmp_path):
  process = _writing(tmp_path, opened)
  assert process.stdout is not None
  with process.stdout, opened(tmp_path) as store:
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
    assert all(store.get_many(names, [KEY]).values())
  with opened(tmp_path) as store:
    assert all(store.get_many([*names, "0-0"], [KEY]).values())


def test_a_folder_that_cannot_be_made_is_explained(opened, tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(cache.CacheError, match="cannot make the cache folder"):
    opened(tmp_path / "file" / "cache")


def test_the_home_folder_is_understood(opened, tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  with opened(pathlib.Path("~/kept")) as store:
    assert store.path.parent == tmp_path / "kept"


@hypothesis.settings(
  max_examples=25, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.given(seed=strategies.integers(0, 2**32))
@hypothesis.example(131)  # SQLite gives a row under another key than was asked for
@hypothesis.example(52)  # what SQLite says of it is not UTF-8
def test_a_damaged_file_gives_what_was_stored_or_one_line(
  opened, tmp_path_factory, seed
):
  folder = tmp_path_factory.mktemp("cache")
  rng = np.random.default_rng(0)
  values = {f"{i:064x}": rng.random(3, np.float32) for i in range(60)}
  with opened(folder) as store:
    store.put_many([(image, {KEY: value}) for image, value in values.items()])
  (path,) = (path for path in folder.rglob("*") if path.is_file())
  path.write_bytes(mutations.mutated(path.read_bytes(), random.Random(seed)))
  try:
    with opened(folder) as store:
      stored = store.get_many(list(values), [KEY])
  except cache.CacheError as error:
    assert str(path) in str(error) and "\n" not in str(error)
  else:
    for image, by_name in stored.items():
      for value in by_name.values():
        np.testing.assert_array_equal(value, values[image])
