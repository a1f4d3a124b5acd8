"""Results written as they are computed: bounded, resumable, the same bytes."""

import dataclasses
import os
import pathlib

import helpers
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from emojax import config
from emojax.extract import devices, extractor, inputs, pipeline, stream
from emojax.utils import checksums

SETTINGS = config.ExtractConfig(("lbp", "color"), cache_dir="", extract_batch=2)
PART = 4


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> pathlib.Path:
  """10 pictures of noise, and one that is none."""
  folder = tmp_path_factory.mktemp("pictures")
  helpers.draw_noise(folder, 10)
  (folder / "5b.png").write_bytes(b"no picture")
  return folder


@pytest.fixture(autouse=True)
def short_parts(monkeypatch) -> None:
  monkeypatch.setattr(
    extractor,
    "ranges",
    lambda rows: [rows[at : at + PART] for at in range(0, len(rows), PART)],
  )


def _extract(folder: pathlib.Path, output: pathlib.Path) -> stream.Summary:
  return stream.extract(lambda: inputs.of_folder(folder), SETTINGS, output)


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory) -> dict[str, bytes]:
  """The files of one go, as one part."""
  output = tmp_path_factory.mktemp("whole")
  done = _extract(pictures, output / "out")
  assert done[1:5] == (11, 1, 0, 0) and done.features == ("lbp", "color")
  _extract(pictures, output / "out.parquet")
  return _contents(output)


def _contents(folder: pathlib.Path) -> dict[str, bytes]:
  paths = [path for path in folder.rglob("*") if path.is_file()]
  return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


class _Killed(BaseException):
  pass


def _killed_at(monkeypatch, batch: int) -> list[int]:
  """Has a computation end in the middle; returns the batches that were begun."""
  begun: list[int] = []
  start = devices.Programs.start

  def counted(self, names, views):
    begun.append(len(views))
    if len(begun) == batch:
      raise _Killed
    return start(self, names, views)

  monkeypatch.setattr(devices.Programs, "start", counted)
  return begun


@pytest.mark.parametrize("name", ["out", "out.parquet"])
def test_killed_and_started_again_only_the_rest_is_computed(
  pictures, whole, tmp_path, monkeypatch, name
):
  begun = _killed_at(monkeypatch, 4)  # two features: the second part's second batch
  with pytest.raises(_Killed):
    _extract(pictures, tmp_path / name)
  assert [path.name for path in tmp_path.iterdir()] == [f".{name}.parts"]
  done = _extract(pictures, tmp_path / name)
  assert done.kept == PART and len(begun) == 4 + 2 * 2
  expected = {n: content for n, content in whole.items() if n.split("/")[0] == name}
  assert _contents(tmp_path) == expected  # and nothing of the parts is left


def test_memory_holds_one_part_whatever_their_number(pictures, tmp_path, monkeypatch):
  lengths = []
  extraction = pipeline.Extraction.__init__

  def watched(self, keys, programs, images, *rest):
    lengths.append(len(images))
    extraction(self, keys, programs, images, *rest)

  monkeypatch.setattr(pipeline.Extraction, "__init__", watched)
  _extract(pictures, tmp_path / "out")
  assert lengths == [4, 4, 3]


@pytest.mark.parametrize("change", ["picture", "features", "limit"])
def test_parts_of_something_else_are_not_taken(pictures, tmp_path, monkeypatch, change):
  folder = tmp_path / "pictures"
  folder.mkdir()
  for name, content in _contents(pictures).items():
    (folder / name).write_bytes(content)
  with monkeypatch.context() as patch, pytest.raises(_Killed):
    _killed_at(patch, 5)  # the third part's first batch
    _extract(folder, tmp_path / "out")
  settings = SETTINGS
  if change == "picture":
    os.utime(folder / "0.png", ns=(1, 1))
  elif change == "features":
    settings = dataclasses.replace(SETTINGS, features=("lbp",))
  else:
    settings = dataclasses.replace(SETTINGS, max_pixels=2000)
  done = stream.extract(
    lambda: inputs.of_folder(folder), settings, tmp_path / "out.parquet"
  )
  assert done.kept == 0  # those parts belong to another output
  done = stream.extract(lambda: inputs.of_folder(folder), settings, tmp_path / "out")
  assert done.kept == (PART if change == "picture" else 0)
  assert sorted(path.name for path in tmp_path.iterdir()) == [
    "out",
    "out.parquet",
    "pictures",
  ]


def test_a_damaged_part_is_told(pictures, tmp_path, monkeypatch):
  with monkeypatch.context() as patch, pytest.raises(_Killed):
    _killed_at(patch, 5)
    _extract(pictures, tmp_path / "out")
  part = tmp_path / ".out.parts" / "00000000.parquet"
  content = bytearray(part.read_bytes())
  content[200] ^= 255
  part.write_bytes(content)
  with pytest.raises(checksums.DamageError, match=r"delete .*parts, and the same"):
    _extract(pictures, tmp_path / "out")


def test_the_table_says_what_its_numbers_are(whole, tmp_path):
  (tmp_path / "t.parquet").write_bytes(whole["out.parquet"])
  table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
  assert table.schema.names == ["path", "status", "reason", "lbp", "color"]
  assert table.schema.field("lbp").type == pa.list_(pa.float32(), 59)
  assert table["path"].to_pylist()[5:7] == ["5.png", "5b.png"]
  assert table["status"].to_pylist().count("ok") == 10
  (tmp_path / "lbp.npy").write_bytes(whole["out/lbp.npy"])
  values = np.array(table["lbp"].to_pylist(), np.float32)
  np.testing.assert_array_equal(values, np.load(tmp_path / "lbp.npy"))
  assert np.isnan(values[6]).all() and np.isfinite(values[7]).all()


def test_the_system_gets_memory_back_after_each_part(pictures, tmp_path, monkeypatch):
  parts = []
  monkeypatch.setattr(extractor.runtime, "return_memory", lambda: parts.append(1))
  _extract(pictures, tmp_path / "out")
  assert len(parts) == 3
