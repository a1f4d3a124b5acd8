"""`python -m emojax.attributes` and the feature it makes, from pictures and classes."""

import csv
import dataclasses
import json
import pathlib
import shutil
import subprocess

import helpers
import numpy as np
import pytest
from PIL import Image

from emojax import config
from emojax.attributes import fit
from emojax.attributes.config import AttributeConfig
from emojax.backbones import weights
from emojax.extract import extractor
from emojax.features import attributes as feature
from emojax.features import params
from emojax.utils import errors

_CHEAP = config.ExtractConfig(cache_dir="", weights="random")


def _fit(*flags: str) -> subprocess.CompletedProcess:
  return helpers.run("-m", "emojax.attributes", "fit", "--cache_dir=", *flags)


@pytest.fixture(scope="module")
def categories(tmp_path_factory):
  """Three categories of six pictures: red, green and blue ones; one lies deeper."""
  root = tmp_path_factory.mktemp("categories")
  rng = np.random.default_rng(0)
  for channel, name in enumerate(("red", "green", "blue, deep")):
    for number in range(6):
      folder = root / name / ("deeper" if number == 5 else "")
      folder.mkdir(parents=True, exist_ok=True)
      pixels = rng.integers(0, 90, (32, 40, 3))
      pixels[..., channel] += 150
      Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
  return root


@pytest.fixture(scope="module")
def fitted(categories, tmp_path_factory):
  """What the program makes of them, through a cheap feature."""
  output = tmp_path_factory.mktemp("fitted")
  done = _fit(
    f"--images_dir={categories}",
    "--base=color",
    "--num_attributes=3",
    f"--output={output}",
  )
  assert done.returncode == 0, done.stderr
  return output, done.stdout


def test_pictures_become_attributes(fitted, categories):
  output, printed = fitted
  assert "3 attributes of 18 pictures in 3 categories, from color" in printed
  assert "classifiers tell pictures they have not seen rightly: " in printed
  with (output / "attributes.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 3 and {row["attribute"] for row in rows} == {"1", "2", "3"}
  assert all(float(row["accuracy"]) > 0.9 for row in rows[:2])
  with (output / "pictures.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 18 and {row["status"] for row in rows} == {"ok"}
  assert {row["category"] for row in rows} == {"red", "green", "blue, deep"}
  model = feature.read(output)
  assert model.categories == ("blue, deep", "green", "red")
  assert model.settings["num_attributes"] == 3 and model.base == "color"


@pytest.mark.slow
def test_the_feature_scores_pictures_alike_alone_and_in_company(fitted, categories):
  output, _ = fitted
  settings = config.ExtractConfig(
    features=("attributes", "lbp"), weights_dir=str(output), cache_dir=""
  )
  feature_extractor = extractor.from_config(settings)
  images = sorted(categories.rglob("*.png"))
  whole = feature_extractor.run(images)
  assert list(whole.values) == ["attributes", "lbp"]  # not the colours it stands on
  scores = whole.values["attributes"]
  assert scores.shape == (18, 3) and scores.dtype == np.float32
  matrix = feature.read(output).matrix
  names = feature.read(output).categories
  category = np.array([names.index(p.relative_to(categories).parts[0]) for p in images])
  is_right = (scores > 0) == (matrix[category] > 0)
  assert is_right[:, :2].all()
  for row in (0, 7, 17):
    alone = feature_extractor.run([images[row]]).values["attributes"][0]
    np.testing.assert_array_equal(alone, scores[row])
  (described, _) = feature_extractor.describe()
  assert described["size"] == 3 and described["bases"][0]["name"] == "color"
  assert extractor.sizes_of(settings) == {"attributes": 3, "lbp": 59}


@pytest.mark.slow
def test_a_broken_picture_has_a_row_and_is_left_out(categories, tmp_path):
  for path in categories.rglob("*.png"):
    target = tmp_path / "pictures" / path.relative_to(categories)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
  (tmp_path / "pictures" / "red" / "text.jpg").write_text("no picture")
  done = _fit(
    f"--images_dir={tmp_path / 'pictures'}",
    "--base=color",
    "--num_attributes=2",
    f"--output={tmp_path}",
  )
  assert done.returncode == 1 and "1 of 19 pictures could not be read" in done.stdout
  with (tmp_path / "pictures.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  (broken,) = [row for row in rows if row["status"] == "error"]
  assert len(rows) == 19 and broken["path"].endswith("text.jpg") and broken["reason"]
  assert feature.read(tmp_path).size == 2


@pytest.fixture
def copied(categories, tmp_path):
  """The pictures, to be changed."""
  return pathlib.Path(shutil.copytree(categories, tmp_path / "pictures"))


def _learn(folder, base="color", **changes):
  settings = AttributeConfig(**{"num_attributes": 2, **changes})
  return fit.of_images(folder, base, settings, _CHEAP, progress=False)


def test_an_empty_category_is_named(copied):
  (copied / "empty").mkdir()
  with pytest.raises(
    errors.UserError, match="category 'empty' has no pictures: expected"
  ):
    _learn(copied)


def test_a_category_of_broken_pictures_is_named(copied):
  (copied / "broken").mkdir()
  (copied / "broken" / "a.png").write_bytes(b"no picture")
  with pytest.raises(errors.UserError, match="no picture of category 'broken' can be"):
    _learn(copied)


def test_one_category_cannot_be_told_apart(copied, tmp_path):
  shutil.rmtree(copied / "red")
  shutil.rmtree(copied / "green")
  with pytest.raises(errors.UserError, match=r"expected two or more sub-folders .* 1"):
    _learn(copied)
  with pytest.raises(errors.UserError, match="there is no folder"):
    _learn(tmp_path / "none")


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    ({"num_attributes": 50}, "3 categories .* give 1 to 3 different attributes"),
    ({"num_attributes": 0}, "--num_attributes should be 1 or more; got 0"),
    ({"neighbors": 0}, "--neighbors should be 1 or more; got 0"),
    ({"proximity_weight": -1.0}, "--proximity_weight should be 0 or more; got -1"),
    ({"base": "colour"}, "--base=colour is no feature; known: color"),
    ({"base": "attributes"}, "--base=attributes is no feature"),
  ],
)
def test_settings_that_cannot_be_are_refused(categories, settings, message):
  with pytest.raises(ValueError, match=message):
    _learn(categories, **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
  ("flags", "message"),
  [
    ((), "name either --images_dir"),
    (("--images_dir=a", "--network=b"), "name either --images_dir"),
    (("--network=squeezenet",), "--output=FOLDER or --weights_dir=FOLDER is needed"),
    (("--network=deeplab", "--output=."), "deeplab is no object network; known: sq"),
    (
      ("--network=squeezenet", "--weights_dir=none"),
      "no trained weights of squeezenet in none",
    ),
  ],
)
def test_mistakes_are_one_line(flags, message):
  done = _fit(*flags)
  assert done.returncode == 1 and done.stdout == ""
  (line,) = done.stderr.strip().splitlines()
  assert line.startswith("emojax.attributes fit: error: ") and message in line


@pytest.fixture(scope="module")
def of_classes(tmp_path_factory):
  """Attributes of a network's classes; random weights."""
  settings = AttributeConfig(num_attributes=40)
  learned = fit.of_classes("squeezenet", settings, _CHEAP)
  folder = tmp_path_factory.mktemp("classes")
  (folder / feature.FILE_NAME).write_bytes(feature.encode(learned.model))
  return folder, learned.model


@pytest.mark.slow
def test_a_network_s_classes_become_attributes(of_classes, tmp_path):
  folder, model = of_classes
  assert model.size == 40 and model.base == "object_squeezenet"
  assert "RANDOM" in model.base_label
  image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
  names = ("attributes", "object_squeezenet")
  settings = dataclasses.replace(_CHEAP, features=names, weights_dir=str(folder))
  values = extractor.from_config(settings).run([image]).values
  expected = values["object_squeezenet"].astype(np.float64) @ model.matrix
  np.testing.assert_allclose(values["attributes"], expected, atol=1e-6)


@pytest.mark.slow
def test_other_weights_than_it_was_fitted_to_are_refused(of_classes, tmp_path):
  _, model = of_classes
  changed = dataclasses.replace(model, base_digest="0" * 64, base_label="another")
  (tmp_path / feature.FILE_NAME).write_bytes(feature.encode(changed))
  with pytest.raises(weights.WeightsError, match=r"were fitted to another .* here is"):
    params.load_sources(["attributes"], tmp_path, "random")


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda data: data[: len(data) // 2], "is damaged or holds no attributes"),
    (lambda data: data[:-4] + b"\0\0\0\x40", "is damaged: it was written with digest"),
    (lambda data: b"text", "is damaged or holds no attributes"),
    (None, "no file .*attributes.safetensors: make it with"),
  ],
)
def test_damaged_files_are_refused(fitted, tmp_path, change, message):
  output, _ = fitted
  if change:
    data = change((output / feature.FILE_NAME).read_bytes())
    (tmp_path / feature.FILE_NAME).write_bytes(data)
  with pytest.raises(weights.WeightsError, match=message):
    feature.read(tmp_path)


def test_the_same_model_gives_the_same_bytes(fitted):
  output, _ = fitted
  model = feature.read(output)
  assert feature.encode(model) == (output / feature.FILE_NAME).read_bytes()
  other = dataclasses.replace(model, categories=("a", "b", "c"))
  assert other.digest != model.digest
  json.dumps(model._header())


def test_without_a_weights_folder_it_says_so():
  with pytest.raises(weights.WeightsError, match="no weights folder given"):
    params.load_sources(["attributes"])
