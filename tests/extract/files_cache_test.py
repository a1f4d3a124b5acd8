"""The form of the cache for shared file systems: files that never change."""

import concurrent.futures
import contextlib
import errno
import os
import pathlib
import resource
import time

import numpy as np
import pytest

from emojax.extract import cache, files_cache
from emojax.extract.files_cache import FilesCache

KEY = cache.FeatureKey("color", 3, 1, 1, "")


def _batch(*images: str) -> list[tuple[str, dict[cache.FeatureKey, np.ndarray]]]:
  return [(image, {KEY: _value(image)}) for image in images]


def _value(image: str) -> np.ndarray:
  return np.array([len(image), ord(image[0]), ord(image[-1])], np.float32)


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
  return sorted((folder / files_cache.FOLDER_NAME).glob("*.values"))


def _images(number: int) -> list[str]:
  return [f"p{i}" for i in range(number)]


def _check(store: cache.FeatureCache, images: list[str]) -> None:
  for image, stored in store.get_many(images, [KEY]).items():
    np.testing.assert_array_equal(stored["color"], _value(image))


def test_many_small_files_become_one_under_a_readers_eyes(tmp_path):
  images = _images(130)
  with FilesCache(tmp_path) as writer:
    writer.put_many(_batch(*images[:40]))
    with FilesCache(tmp_path) as reader:
      for image in images:
        writer.put_many(_batch(image))
      assert len(_files(tmp_path)) < 64
      _check(reader, images[:40])  # the file that it knew of is gone
      _check(reader, images)
    _check(writer, images)
  assert {path.name for path in (tmp_path / "features-1").iterdir()} == {
    path.name for path in _files(tmp_path)
  }


def test_what_is_stored_is_not_stored_again(tmp_path):
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("a", "b"))
    store.put_many([("a", {KEY: np.zeros(3, np.float32)})])
    store.put_many([])
    _check(store, ["a", "b"])
  assert len(_files(tmp_path)) == 1


def test_writers_that_merge_at_once_lose_nothing(tmp_path, monkeypatch):
  monkeypatch.setattr(files_cache, "_MANY", 4)
  # Every claim is granted: claims spare work, and nothing depends on them.
  monkeypatch.setattr(
    files_cache, "_claimed", lambda path: contextlib.nullcontext(True)
  )

  def write(writer: int) -> None:
    with FilesCache(tmp_path) as store:
      for i in range(12):
        store.put_many(_batch(f"{writer}-{i}", f"shared-{i}"))

  with concurrent.futures.ThreadPoolExecutor(4) as pool:
    list(pool.map(write, range(4)))
  names = [f"{writer}-{i}" for writer in [*range(4), "shared"] for i in range(12)]
  with FilesCache(tmp_path) as store:
    _check(store, names)


def test_a_merge_that_another_machine_does_is_left_to_it_unless_it_died(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(files_cache, "_MANY", 3)
  claim = tmp_path / "features-1" / ".merging"
  claim.parent.mkdir()
  claim.touch()
  with FilesCache(tmp_path) as store:
    for image in "abcd":
      store.put_many(_batch(image))
    assert len(_files(tmp_path)) == 4
    os.utime(claim, (0, 0))
    store.put_many(_batch("e"))
    store.put_many(_batch("f"))
    assert len(_files(tmp_path)) == 1 and not claim.exists()
    _check(store, list("abcdef"))


def test_files_that_cannot_be_removed_are_stored_twice(tmp_path, monkeypatch):
  monkeypatch.setattr(files_cache, "_MANY", 3)
  unlink = pathlib.Path.unlink

  def refused(path, missing_ok=False):
    if path.suffix == files_cache.SUFFIX:
      raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    unlink(path, missing_ok)

  monkeypatch.setattr(pathlib.Path, "unlink", refused)
  with FilesCache(tmp_path) as store:
    for image in "abcd":
      store.put_many(_batch(image))
    _check(store, list("abcd"))
  assert len(_files(tmp_path)) == 5
  with FilesCache(tmp_path) as store:
    _check(store, list("abcd"))


def test_drafts_of_the_dead_go_and_those_of_other_machines_stay(tmp_path):
  folder = tmp_path / "features-1"
  folder.mkdir()
  # Of a process that is not on this machine, so its number says nothing.
  old, new = (folder / f".m-{i}.values.{2**22 + i}.tmp" for i in range(2))
  old.write_bytes(b"half a fi")
  new.write_bytes(b"half a fi")
  os.utime(old, (time.time() - 2 * 86400,) * 2)
  with FilesCache(tmp_path) as store:
    _check(store, [])
  assert not old.exists() and new.exists()


@contextlib.contextmanager
def _largest_file(size: int):
  """What a full disk is like: the system refuses to write more."""
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_explained_and_the_cache_still_reads(tmp_path):
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("kept"))
    with (
      _largest_file(200),
      pytest.raises(cache.CacheError, match=r"File too large; its disk has .* free: f"),
    ):
      store.put_many(_batch(*"abcdefghi"))
    _check(store, ["kept"])
    assert store.get_many(["a"], [KEY]) == {"a": {}}
    store.put_many(_batch("after"))
  with FilesCache(tmp_path) as store:
    _check(store, ["kept", "after"])
  assert len(list((tmp_path / "features-1").iterdir())) == 2


def test_a_whole_cache_is_read_where_it_may_not_be_written(tmp_path, monkeypatch):
  monkeypatch.setattr(files_cache, "_MANY", 3)
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("a"))
    store.put_many(_batch("b"))
  os.link(_files(tmp_path)[0], tmp_path / "features-1" / "more.values")
  path_open = pathlib.Path.open

  def refused(*unused, **named):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))

  def reading(path, mode="r", *settings, **named):
    return (path_open if "r" in mode else refused)(path, mode, *settings, **named)

  # Root may write whatever permissions say.
  monkeypatch.setattr(pathlib.Path, "open", reading)
  monkeypatch.setattr(files_cache.os, "open", refused)
  with FilesCache(tmp_path) as store:
    _check(store, ["a", "b"])
    with pytest.raises(cache.CacheError, match=r"Read-only file .* you may write to"):
      store.put_many(_batch("c"))
  assert len(_files(tmp_path)) == 3


@pytest.mark.parametrize(
  ("at", "wrong"),
  [
    (0, "it does not begin as a file of values does"),
    (10, "its table is not what was stored"),
    (40, "its table is not what was stored"),
    (-1, "its digest differs"),
    (-12, "its digest differs"),
  ],
)
def test_a_byte_that_is_not_what_was_stored_is_explained(tmp_path, at, wrong):
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("p"))
  (path,) = _files(tmp_path)
  content = bytearray(path.read_bytes())
  content[at] ^= 1
  path.write_bytes(content)
  with pytest.raises(cache.CacheError, match=f"{wrong}.*; delete the file") as error:
    FilesCache(tmp_path).get_many(["p"], [KEY])
  assert str(path) in str(error.value)


def test_a_file_cut_short_is_explained_and_not_merged(tmp_path, monkeypatch):
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("p"))
  (path,) = _files(tmp_path)
  path.write_bytes(path.read_bytes()[:-1])
  monkeypatch.setattr(files_cache, "_MANY", 3)
  with FilesCache(tmp_path) as store:
    store.put_many(_batch("q"))
    store.put_many(_batch("r"))
    assert len(_files(tmp_path)) == 2
    _check(store, ["q", "r"])
    with pytest.raises(cache.CacheError, match=r"color has 19 bytes, expected 12 and"):
      store.get_many(["p"], [KEY])
  assert path.exists()


def test_a_file_that_is_none_is_explained(tmp_path):
  (tmp_path / "features-1").mkdir()
  os.mkfifo(tmp_path / "features-1" / "x.values")
  with pytest.raises(cache.CacheError, match="no regular file"):
    FilesCache(tmp_path)
