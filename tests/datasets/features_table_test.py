"""Training data out of a table of features: the same as out of the pictures."""

import dataclasses
import pathlib
import shutil

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
import traced
from PIL import Image

from emojax import config
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import prepare
from emojax.datasets.va_emotion import va_emotion_dataset_builder as builder_lib
from emojax.extract import devices, feature_table, inputs, shards, stored, stream
from emojax.extract.pipeline import Extracted, Row
from emojax.utils import arrays

SETTINGS = config.ExtractConfig(("lbp",), cache_dir="", extract_batch=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> pathlib.Path:
  """`pictures` (one of them broken), `ratings.csv`, and tables of all features."""
  root = tmp_path_factory.mktemp("made")
  (root / "pictures" / "sub").mkdir(parents=True)
  lines = ["image,valence,arousal,scene"]
  for number in range(6):
    noise = np.random.default_rng(number).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(root / "pictures" / "sub" / f"{number}.png")
    lines.append(f"sub/{number},{1 + number},{9 - number},{number // 2 * 2}")
  (root / "pictures" / "broken.png").write_bytes(b"no picture")
  (root / "ratings.csv").write_text("\n".join(lines))
  both = dataclasses.replace(SETTINGS, features=("lbp", "color"))

  def find():
    return inputs.of_folder(root / "pictures")

  stream.extract(find, both, root / "table.parquet")
  for number in (1, 2):
    stream.extract(find, both, root / "shards.parquet", shard=shards.Shard(number, 2))
  return root


def _data(made: pathlib.Path, place: pathlib.Path, **settings) -> config.DataConfig:
  return config.DataConfig(
    dataset="va_emotion/folder",
    ratings_csv=str(made / "ratings.csv"),
    rating_scale=(1, 9),
    data_dir=str(place),
    **settings,
  )


@pytest.mark.parametrize("name", ["table.parquet", "shards.parquet"])
def test_a_table_gives_what_the_pictures_give(made, tmp_path, monkeypatch, name):
  lines = []
  folder = str(made / "pictures")
  of_pictures = prepare.prepare(
    _data(made, tmp_path / "a", images_dir=folder, folds="random"),
    SETTINGS,
    say=lines.append,
  )
  monkeypatch.delattr(devices.Programs, "start")  # nothing is computed
  data = _data(made, tmp_path / "b", features_table=str(made / name))
  of_table = prepare.prepare(data, SETTINGS, say=lines.append)
  assert "near-duplicates of one may be in several folds" in lines[-2]
  assert (
    of_table.image_ids
    == of_pictures.image_ids
    == [f"sub/{number}.png" for number in range(6)]
  )
  for part in ("ratings", "fold"):
    np.testing.assert_array_equal(getattr(of_table, part), getattr(of_pictures, part))
  np.testing.assert_array_equal(of_table.features["lbp"], of_pictures.features["lbp"])
  assert of_table.metadata["features"] == of_pictures.metadata["features"]
  assert of_table.metadata["unrated"] == 1
  both = dataclasses.replace(SETTINGS, features=("color", "lbp"))
  more = prepare.prepare(data, both, say=lines.append)
  assert list(more.features) == ["color", "lbp"]
  prepare.prepare(data, SETTINGS, say=lines.append)
  assert lines[-1].startswith("reusing 6 rated pictures")


def test_rows_with_the_same_cell_of_a_column_stay_together(made, tmp_path):
  data = _data(
    made,
    tmp_path,
    features_table=str(made / "table.parquet"),
    group_column="scene",
    skip_bad_pictures=True,
  )
  with pytest.raises(ValueError, match="3 groups that must not be parted"):
    prepare.prepare(data, SETTINGS)


def test_tfds_builds_from_a_table(made, tmp_path):
  builder = builder_lib.Builder(
    data_dir=tmp_path,
    config="folder",
    features=("color",),
    ratings_csv=str(made / "ratings.csv"),
    rating_scale=(1, 9),
    features_table=str(made / "table.parquet"),
  )
  builder.download_and_prepare()
  (row,) = [row for row in builder.as_data_source("train") if row["valence"] == 1]
  table = dataset_lib.read(builder.data_path)
  np.testing.assert_array_equal(row["color"], table.features["color"][0])


_WIDTH = 2048  # of a feature in a table that is written as such, without pictures


def _table(made: pathlib.Path, path: pathlib.Path, values: np.ndarray) -> list[str]:
  """Writes a table of a wide "color"; gives the names, which are in no order."""
  facts = dict(feature_table.head(made / "table.parquet")[0].metadata)
  (entry,) = [
    entry | {"size": _WIDTH}
    for entry in feature_table.described(pa.schema([], facts))
    if entry["name"] == "color"
  ]
  of = feature_table.schema([entry], {}, {"number": len(values), "digest": ""}, {})
  names = [f"{row * 7919 % len(values):05d}.png" for row in range(len(values))]
  extracted = Extracted([Row(None, "ok")] * len(names), {"color": values}, {})
  feature_table.write(path, [feature_table.table(names, extracted, of)], of)
  return names


def _builder(table: pathlib.Path, names: list[str], place: pathlib.Path):
  lines = [f"{name},{1 + row % 8},5" for row, name in enumerate(names)]
  (place / "ratings.csv").write_text("\n".join(["image,valence,arousal", *lines]))
  return builder_lib.Builder(
    data_dir=place,
    config="folder",
    features=("color",),
    ratings_csv=str(place / "ratings.csv"),
    rating_scale=(1, 9),
    features_table=str(table),
  )


@pytest.mark.slow
def test_memory_holds_a_few_rows_of_a_table(made, tmp_path, monkeypatch):
  """What TFDS is given, file by file; a row has 8 KB, names and ratings little."""
  monkeypatch.setattr(feature_table, "ROW_GROUP", 32)
  monkeypatch.setattr(arrays, "_AT_ONCE", 64 * 4 * _WIDTH)
  monkeypatch.setattr(builder_lib, "_SHARD_BYTES", 64 * 4 * _WIDTH)
  values = np.random.default_rng(0).random((1280, _WIDTH), np.float32)
  names = _table(made, tmp_path / "table.parquet", values)
  expected = values[np.argsort(names)]
  builder = _builder(tmp_path / "table.parquet", names, tmp_path)

  def most_while_read() -> int:
    before = pa.total_allocated_bytes()
    with traced.memory() as peak:
      shard_examples = builder._shard_iterators_per_split(None)["train"]
      assert len(shard_examples) == 20
      for examples in shard_examples:
        for row, example in examples():
          np.testing.assert_array_equal(example["color"], expected[row])
        assert pa.total_allocated_bytes() - before < values.nbytes / 2
      assert row == 1279
      return peak()

  # Of two, because a thread that another test left may need some once.
  assert min(most_while_read(), most_while_read()) < values.nbytes / 3


def test_a_table_in_no_order_is_written_in_several_files(made, tmp_path, monkeypatch):
  monkeypatch.setattr(feature_table, "ROW_GROUP", 4)
  monkeypatch.setattr(builder_lib, "_SHARD_BYTES", 8 * 4 * _WIDTH)
  values = np.random.default_rng(0).random((30, _WIDTH), np.float32)
  names = _table(made, tmp_path / "table.parquet", values)
  builder = _builder(tmp_path / "table.parquet", names, tmp_path)
  builder.download_and_prepare()
  assert builder.info.splits["train"].shard_lengths == [7, 8, 7, 8]
  dataset = dataset_lib.read(builder.data_path)  # checks the digest, too
  assert dataset.image_ids == sorted(names)
  np.testing.assert_array_equal(dataset.features["color"], values[np.argsort(names)])


def test_a_number_that_is_not_finite_is_told(made, tmp_path):
  values = np.zeros((6, _WIDTH), np.float32)
  values[3, 7] = np.inf
  names = _table(made, tmp_path / "table.parquet", values)
  with pytest.raises(ValueError, match=r"not finite in .*table.parquet: extract") as e:
    _builder(tmp_path / "table.parquet", names, tmp_path).download_and_prepare()
  assert "\n" not in str(e.value)


@hypothesis.given(st.lists(st.integers(0, 6), max_size=9), st.integers(0, 9))
@hypothesis.settings(max_examples=25)
def test_rows_of_a_column_are_those_of_the_table(made, rows, start):
  """Of row groups of the two shards, in any order and several times."""
  whole = shards.whole([made / "shards.parquet"])
  table = np.concatenate([feature_table.values(t["lbp"]) for t in whole.tables()])
  good = np.array([row for row in rows if np.isfinite(table[row]).all()], np.int64)
  column = stored.Column(shards.Groups(whole), "lbp", 59, good)
  part = slice(start, start + 4)
  np.testing.assert_array_equal(column[part], table[good[part]])
  mask = good % 2 == 0
  np.testing.assert_array_equal(column[mask][:], table[good[mask]])


def test_a_rated_picture_that_could_not_be_read_is_told(made, tmp_path):
  (tmp_path / "ratings.csv").write_text(
    (made / "ratings.csv").read_text() + "\nbroken.png,5,5,9"
  )
  data = _data(tmp_path, tmp_path, features_table=str(made / "table.parquet"))
  with pytest.raises(ValueError, match=r"1 of 7 rated .*'broken.png' \(not a JPEG"):
    prepare.prepare(data, SETTINGS)


@pytest.mark.parametrize(
  ("settings", "features", "message"),
  [
    ({}, ("lbp",), "needs --images_dir or --features_table; neither is given"),
    ({"images_dir": "pictures"}, ("lbp",), "or --features_table; both are given"),
    ({}, ("gist",), "has no feature gist; .* of what it has: --features=lbp,color"),
    ({"dataset": "va_emotion/oasis"}, ("lbp",), "is for --dataset=va_emotion/folder"),
    ({"folds": "grouped"}, ("lbp",), "has no pictures: name a --group_column"),
    ({"features_table": "ratings.csv"}, ("lbp",), "is no table that python -m"),
    ({"features_table": "pictures"}, ("lbp",), "no shards in"),
    ({"ratings_csv": "other.csv"}, ("lbp",), "are not in .*table.parquet"),
  ],
)
def test_mistakes_are_told(made, tmp_path, settings, features, message):
  (made / "other.csv").write_text("image,valence,arousal\nx.png,1,2\n")
  places = ("images_dir", "features_table", "ratings_csv")
  named = {k: str(made / v) if k in places else v for k, v in settings.items()}
  if "neither" not in message:
    named = {"features_table": str(made / "table.parquet"), **named}
  data = dataclasses.replace(_data(made, tmp_path), **named)
  extract = dataclasses.replace(SETTINGS, features=features)
  with pytest.raises(ValueError, match=message) as error:
    prepare.prepare(data, extract)
  assert "\n" not in str(error.value)


def test_damage_of_a_table_is_told(made, tmp_path):
  path = tmp_path / "table.parquet"
  shutil.copy(made / "table.parquet", path)
  content = bytearray(path.read_bytes())
  content[300] ^= 1
  path.write_bytes(content)
  data = _data(made, tmp_path, features_table=str(path))
  with pytest.raises(ValueError, match=r"table.parquet is damaged .*extract"):
    prepare.prepare(data, SETTINGS)


def test_of_full_names_what_all_begin_with_is_cut():
  class Whole:
    def __init__(self, names):
      self.names = names

    def tables(self, columns):
      (column,) = columns
      yield pa.table({column: self.names})

  for names, expected in (
    (["a/x.png", "a/y.png"], ["a/x.png", "a/y.png"]),
    (["/d/p/x.png", "/d/p1/y.png"], ["p/x.png", "p1/y.png"]),
    (["gs://b/x.png", "gs://b/s/y.png"], ["x.png", "s/y.png"]),
    (["/d/x.png"], ["x.png"]),
    (["/d/x.png", "y.png"], ["/d/x.png", "y.png"]),
    ([], []),
  ):
    assert stored.image_ids(Whole(names)) == expected
