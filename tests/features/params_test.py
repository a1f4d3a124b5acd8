"""Loading what features need: which files, which errors."""

import numpy as np
import pytest

from emojax.backbones.weights import WeightsError
from emojax.features import color_names
from emojax.features.params import check_names, load_sources


def test_one_source_per_need():
  names = ["gist", "object_squeezenet", "pool_squeezenet", "color"]
  sources = load_sources(names, weights="random")
  assert set(sources) == {"", "squeezenet", "color_names"}
  assert sources[""].params is None
  assert sources["squeezenet"].params["conv1"]["kernel"].shape == (7, 7, 3, 96)
  assert np.array_equal(sources["color_names"].params, color_names.built_in().table)


@pytest.mark.parametrize(
  ("names", "message"),
  [
    (["gsit"], r"unknown feature 'gsit'; did you mean 'gist'\? known: color, gist"),
    (["zebra"], r"unknown feature 'zebra'; known: color, gist"),
    (["lbp", "gist", "lbp"], r"feature 'lbp' is named 2 times"),
    ([], r"no feature named; known: color"),
  ],
)
def test_bad_names_are_answered_with_the_known_ones(names, message):
  with pytest.raises(ValueError, match=message):
    load_sources(names, weights="random")
  with pytest.raises(ValueError, match=message):
    check_names(iter(names))


def test_trained_weights_are_asked_for_by_default(tmp_path):
  for folder in (None, tmp_path):
    with pytest.raises(WeightsError, match=r"emojax\.weights get squeezenet"):
      load_sources(["object_squeezenet"], folder)


def test_unknown_choice_of_weights():
  with pytest.raises(ValueError, match="trained, random, auto, not 'best'"):
    load_sources(["object_squeezenet"], weights="best")


def test_the_authors_table_is_another_source(shared_data):
  path = shared_data / "color_names_w2c" / "w2c.mat"
  built_in = load_sources(["color"])["color_names"]
  theirs = load_sources(["color"], color_names=path)["color_names"]
  assert theirs.label == f"color names w2c {theirs.digest[:8]}"
  assert built_in.label.startswith("color names built-in")
  assert theirs.digest != built_in.digest
