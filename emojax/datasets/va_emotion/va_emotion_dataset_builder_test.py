"""The builder on `dummy_data`: a real build, without TFDS's test case, which needs
TensorFlow."""

import math
import os
import pathlib
import pickle
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds

from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import Builder, published_sets, storage
from emojax.datasets.va_emotion import dataset as dataset_lib

DUMMY = pathlib.Path(__file__).parent / "dummy_data"
IDS = [
  "crowd.png",
  "dawn.png",
  "fire.png",
  "night.png",
  "storm.jpg",
  "sub/field.png",
  "sub/river.png",
]


def _settings(root: pathlib.Path) -> dict:
  return {
    "images_dir": str(DUMMY / "images"),
    "ratings_csv": str(DUMMY / "ratings.csv"),
    "rating_scale": "1,7",
    "features": "lbp",
    "cache_dir": str(root / "cache"),
  }


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> pathlib.Path:
  """A folder in which `va_emotion/folder` is prepared from the dummy data."""
  root = tmp_path_factory.mktemp("tfds")
  builder = tfds.builder("va_emotion/folder", data_dir=root, **_settings(root))
  assert builder.info.features is not None and not builder.is_prepared()
  builder.download_and_prepare()
  assert len(builder.as_data_source("train")) == 7  # the builder that built it can read
  return root


def test_rows_are_the_ratings_and_the_features(data_dir):
  rows = list(tfds.data_source("va_emotion/folder", split="train", data_dir=data_dir))
  assert [row["image_id"].decode() for row in rows] == IDS
  by_name = {row["image_id"].decode(): row for row in rows}
  # Worked by hand from dummy_data/ratings.csv: 1 + 8 (r - 1) / 6, spreads times 8 / 6.
  dawn, crowd = by_name["dawn.png"], by_name["crowd.png"]
  assert dawn["valence"] == pytest.approx(7.93333, abs=1e-5)
  assert dawn["arousal"] == pytest.approx(3.0)
  assert dawn["valence_std"] == pytest.approx(1.2)
  assert dawn["arousal_std"] == pytest.approx(1.46667, abs=1e-5)
  assert dawn["num_raters"] == 31 and dawn["keyword"] == b"dawn"
  assert crowd["valence"] == 5.0
  assert crowd["num_raters"] == -1 and crowd["keyword"] == b""
  assert {int(row["fold"]) for row in rows} == set(range(5))
  for row in rows:
    assert row["lbp"].shape == (59,) and row["lbp"].dtype == np.float32
    assert row["lbp"].sum() == pytest.approx(1.0, abs=1e-5)
    assert not math.isnan(row["valence_std"])


def test_metadata_says_what_made_it(data_dir):
  info = tfds.builder("va_emotion/folder", data_dir=data_dir).info
  metadata = info.metadata
  assert metadata["num_pictures"] == 7 and metadata["source"] == "folder"
  assert metadata["settings"]["rating_scale"] == [1, 7]
  assert metadata["targets"] == ["valence", "arousal"]
  assert metadata["scales"] == {"valence": [1, 7], "arousal": [1, 7]}
  assert [entry["name"] for entry in metadata["features"]] == ["lbp"]
  assert metadata["missing"] == [] and metadata["broken"] == {}
  assert info.splits["train"].num_examples == 7
  assert set(info.splits) == {"train"}
  assert "Kurdi" in info.citation and "valence" in info.description


def test_a_prepared_dataset_is_adopted_without_settings(data_dir):
  builder = tfds.builder("va_emotion/folder", data_dir=data_dir)
  assert builder.info.features["lbp"].shape == (59,)
  assert "color" not in builder.info.features
  builder.download_and_prepare()  # nothing to do, although it has no images_dir
  assert len(builder.as_data_source("train")) == 7
  copied = pickle.loads(pickle.dumps(builder))
  assert len(copied.as_data_source("train")) == 7


def test_features_that_are_not_prepared_are_an_error(data_dir):
  with pytest.raises(ValueError, match="lacks color: add them"):
    Builder(config="folder", data_dir=data_dir, features="color,lbp")
  Builder(config="folder", data_dir=data_dir, extract=ExtractConfig(features=("lbp",)))


def test_settings_that_do_not_exist_are_an_error(tmp_path):
  with pytest.raises(TypeError, match=r"unknown settings \['image_dir'\]; known: .*im"):
    Builder(config="folder", data_dir=tmp_path, image_dir="x")
  with pytest.raises(ValueError, match="did you mean 'color'"):
    Builder(data_dir=tmp_path, features="colour")


def test_settings_may_stand_in_the_name(tmp_path):
  name = "va_emotion/folder/features=color;lbp,rating_scale=1;7,images_dir=/a b/c"
  builder = tfds.builder(name, data_dir=tmp_path)
  assert list(builder.info.features)[-2:] == ["color", "lbp"]
  assert builder._data_settings.rating_scale == (1.0, 7.0)
  assert builder._data_settings.images_dir == "/a b/c"


def test_the_default_is_the_synthetic_set():
  assert Builder.builder_configs.keys() == {
    *("synthetic", "oasis", "cgna10766", "folder"),
    *published_sets.SETS,
  }
  assert Builder.default_builder_config.name == "synthetic"
  assert tfds.builder_cls("va_emotion") is Builder


@pytest.mark.parametrize("name", ["mnist", "va_emotion/oases", "oasis", ""])
def test_an_unknown_dataset_names_the_known_ones(name):
  with pytest.raises(ValueError, match="known: va_emotion/synthetic, va_emotion/oasis"):
    storage.place(DataConfig(dataset=name))


_OASIS_COLUMNS = ("mean", "SD", "N")


def test_synthetic_and_oasis_build_too(tmp_path):
  small = {"features": "lbp", "cache_dir": "", "num_synthetic": 6}
  synthetic = tfds.builder("va_emotion", data_dir=tmp_path, **small)
  synthetic.download_and_prepare()
  rows = synthetic.as_data_source("train")
  assert [row["image_id"] for row in rows][-1] == b"synthetic_00005"
  assert "nothing about people" in synthetic.info.metadata["disclaimer"]

  manual = tmp_path / "manual"
  (manual / "images").mkdir(parents=True)
  table = [
    "ID,Theme,Valence_mean,Valence_SD,Valence_N,Arousal_mean,Arousal_SD,Arousal_N"
  ]
  for number in range(5):
    shutil.copy(
      DUMMY / "images" / "storm.jpg", manual / "images" / f"Storm {number}.jpg"
    )
    table.append(f"I{number},Storm {number} ,{1 + number},1,{20 + number},4,1,22")
  (manual / "OASIS.csv").write_text("\r".join(table))
  oasis = tfds.builder("va_emotion/oasis", data_dir=tmp_path, **small)
  # TFDS's own way to say where manual data are.
  oasis.download_and_prepare(
    download_config=tfds.download.DownloadConfig(manual_dir=manual)
  )
  last = oasis.as_data_source("train")[4]
  assert last["image_id"] == b"Storm 4.jpg" and last["keyword"] == b"Storm"
  assert (last["valence_num_raters"], last["arousal_num_raters"]) == (24, 22)
  assert last["num_raters"] == 22
  assert last["valence"] == pytest.approx(1 + 8 * 4 / 6)


def test_other_targets_have_fields_of_their_own(tmp_path):
  table = tmp_path / "beauty.csv"
  rows = [f"{name},{1 + n},{n / 2}" for n, name in enumerate(IDS)]
  table.write_text("\n".join(["image,valence,beauty", *rows]))
  settings = _settings(tmp_path) | {"ratings_csv": str(table), "further_scale": "0,10"}
  builder = tfds.builder(
    "va_emotion/folder", data_dir=tmp_path, further_targets="beauty", **settings
  )
  builder.download_and_prepare()
  row = builder.as_data_source("train")[3]
  assert row["valence"] == pytest.approx(1 + 8 * 3 / 6)
  assert row["beauty"] == pytest.approx(1 + 8 * 1.5 / 10)
  assert math.isnan(row["beauty_std"]) and row["beauty_num_raters"] == -1
  assert "arousal" not in row
  dataset = dataset_lib.read(builder.data_path)
  assert dataset.targets == ("valence", "beauty")
  assert dataset.scales == {"valence": (1, 7), "beauty": (0, 10)}
  np.testing.assert_allclose(dataset.ratings_of("beauty").mean[3], row["beauty"])


def test_the_folder_is_laid_out_as_tfds_wants_it():
  metadata = Builder.get_metadata()  # raises on a tag TFDS does not know
  assert "content.data-type.image" in metadata.tags
  assert "synthetic" in metadata.description and "@article" in metadata.citation
  folder = pathlib.Path(__file__).parent
  assert (folder / "checksums.tsv").read_text() == ""  # nothing is downloaded
  assert Builder.url_infos == {}


@pytest.mark.slow
def test_with_tensorflow_the_rows_are_the_same(data_dir):
  if os.environ.get("CI") != "true":  # there it is installed, and lacking it a failure
    pytest.importorskip("tensorflow", reason="an extra: pip install .[tf]")
  rows = list(tfds.data_source("va_emotion/folder", split="train", data_dir=data_dir))
  loaded = tfds.load("va_emotion/folder", split="train", data_dir=data_dir)
  assert len(loaded) == len(rows)
  for row, other in zip(rows, tfds.as_numpy(loaded), strict=True):
    assert row.keys() == other.keys()
    for name, value in row.items():
      np.testing.assert_array_equal(value, other[name])
  for split, ids in (
    ("train[:3]", IDS[:3]),
    ("train[-2:]", IDS[-2:]),
    ("train[2:4]+train[:1]", [*IDS[2:4], IDS[0]]),
    (tfds.core.ReadInstruction("train", from_=50, unit="%"), IDS[4:]),
    (tfds.even_splits("train", 2)[1], IDS[4:]),
  ):
    half = tfds.load("va_emotion/folder", split=split, data_dir=data_dir)
    assert [row["image_id"].decode() for row in tfds.as_numpy(half)] == ids, split
  with pytest.raises(ValueError, match="Unknown split 'test'"):
    tfds.load("va_emotion/folder", split="test", data_dir=data_dir)
  named = tfds.load(
    "va_emotion/folder",
    split="train[2:4]",
    data_dir=data_dir,
    read_config=tfds.ReadConfig(add_tfds_id=True),
  )
  file = "va_emotion-train.array_record-00000-of-00001"
  ids = [row["tfds_id"].decode() for row in tfds.as_numpy(named)]
  assert ids == [f"{file}__2", f"{file}__3"]
  pairs = tfds.load(
    "va_emotion/folder", split="train", data_dir=data_dir, as_supervised=True
  )
  features, ratings = next(iter(tfds.as_numpy(pairs)))
  np.testing.assert_array_equal(features, rows[0]["lbp"])
  assert ratings == {name: rows[0][name] for name in ("valence", "arousal")}
