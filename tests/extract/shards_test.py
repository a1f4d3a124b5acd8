"""Shards of a table: together all rows once, and never of different makings."""

import pathlib
import re
import shutil

import helpers
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from emojax import config
from emojax.extract import inputs, shards, stream
from emojax.utils import errors

SETTINGS = config.ExtractConfig(("lbp",), cache_dir="", extract_batch=2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> pathlib.Path:
  folder = tmp_path_factory.mktemp("pictures")
  helpers.draw_noise(folder, 5)
  (folder / "3.png").write_bytes(b"no picture")
  return folder


@pytest.fixture(scope="module")
def made(pictures, tmp_path_factory) -> pathlib.Path:
  """`whole.parquet`, and `three.parquet` with three shards."""
  output = tmp_path_factory.mktemp("made")
  stream.extract(lambda: inputs.of_folder(pictures), SETTINGS, output / "whole.parquet")
  for number in (3, 1, 2):
    shard = shards.Shard(number, 3)
    stream.extract(
      lambda: inputs.of_folder(pictures),
      SETTINGS,
      output / "three.parquet",
      shard=shard,
    )
  return output


@hypothesis.given(st.integers(0, 1000), st.integers(1, 70))
@hypothesis.settings(max_examples=50)
def test_every_row_is_in_one_shard_and_shards_are_equal(number, count):
  parts = [shards.Shard(i + 1, count).rows(number) for i in range(count)]
  assert [row for part in parts for row in part] == list(range(number))
  assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "a/b", "1/3/", "-1/3", ""])
def test_what_is_no_shard_is_told(text):
  with pytest.raises(errors.UserError, match=f"counted from 1.*got {text}$"):
    shards.parsed(text)


def test_merged_shards_are_the_bytes_of_one_go(made, tmp_path):
  assert sorted(path.name for path in (made / "three.parquet").iterdir()) == [
    f"part-0000{number}-of-00003.parquet" for number in (1, 2, 3)
  ]
  output = tmp_path / "new" / "all.parquet"
  assert shards.merge([made / "three.parquet"], output) == (5, 1)
  assert output.read_bytes() == (made / "whole.parquet").read_bytes()
  files = sorted((made / "three.parquet").iterdir(), reverse=True)
  shards.merge(files, tmp_path / "folder")
  table = pyarrow.parquet.read_table(output)
  values = np.array(table["lbp"].to_pylist(), np.float32)
  np.testing.assert_array_equal(values, np.load(tmp_path / "folder" / "lbp.npy"))


def test_a_folder_of_shards_reads_as_one_table(made):
  together = pyarrow.parquet.read_table(made / "three.parquet")
  whole = pyarrow.parquet.read_table(made / "whole.parquet")
  assert together["path"].to_pylist() == whole["path"].to_pylist()
  assert together.schema.equals(whole.schema)


def _changed(path: pathlib.Path, key: bytes, old: bytes, new: bytes) -> None:
  """Writes a shard again as if it had been made otherwise."""
  table = pyarrow.parquet.read_table(path)
  metadata = table.schema.metadata
  assert old in metadata[key]
  changed = {**metadata, key: metadata[key].replace(old, new)}
  pyarrow.parquet.write_table(table.replace_schema_metadata(changed), path)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda p: p.unlink(), r"of 3 shards 1 are not there: run --shard=2/3"),
    (lambda p: shutil.copy(p, p.with_name("part-9-of-3.parquet")), "both shard 2/3"),
    (lambda p: _changed(p, b"shard", b"2/3", b"2/4"), "one of 4 shards, .* one of 3"),
    (
      lambda p: _changed(p, b"features", b'"version": 2', b'"version": 1'),
      "different features or weights .lbp version 1 .* lbp version 2",
    ),
    (lambda p: _changed(p, b"inputs", b'"number": 5', b'"number": 6'), "pictures"),
    (lambda p: _changed(p, b"limits", b"100000000", b"5"), "different limits"),
    (lambda p: _changed(p, b"emojax", b".", b"!"), "different versions"),
    (lambda p: p.write_bytes(b"PAR1"), "is no table that python -m emojax.extract"),
    (
      lambda p: pyarrow.parquet.write_table(pa.table({"path": ["a"]}), p),
      "is no table that python -m emojax.extract",
    ),
    (
      lambda p: pyarrow.parquet.write_table(pyarrow.parquet.read_table(p)[:1], p),
      "has 1 rows, expected 2: make it again",
    ),
  ],
)
def test_shards_that_do_not_fit_are_told(made, tmp_path, change, message):
  folder = tmp_path / "three.parquet"
  shutil.copytree(made / "three.parquet", folder)
  change(folder / "part-00002-of-00003.parquet")
  with pytest.raises(errors.UserError, match=message) as error:
    shards.merge([folder], tmp_path / "all.parquet")
  assert "\n" not in str(error.value) and not (tmp_path / "all.parquet").exists()


def test_what_cannot_be_merged_or_written_is_told(pictures, tmp_path):
  for path, message in (
    (tmp_path, "no shards in .*expected files part-00001-of-"),
    (tmp_path / "gone.parquet", "no file .*gone.parquet: expected a table"),
  ):
    with pytest.raises(errors.UserError, match=message):
      shards.merge([path], tmp_path / "all.parquet")
  with pytest.raises(errors.UserError, match=re.escape("should end in .parquet")):
    stream.extract(
      lambda: inputs.of_folder(pictures),
      SETTINGS,
      tmp_path / "out",
      shard=shards.Shard(1, 2),
    )
