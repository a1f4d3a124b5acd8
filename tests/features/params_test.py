"""Loading what features need: which files, which errors, which descriptions."""

import dataclasses
import json

import helpers
import numpy as np
import pytest

from emojax import images
from emojax.backbones import trained, weights
from emojax.backbones.weights import WeightsError
from emojax.features import FEATURES, color_names
from emojax.features.params import (
  check_names,
  current_descriptions,
  describe,
  load_sources,
  weights_of,
)


def test_one_source_per_need():
  names = ["gist", "object_squeezenet", "pool_squeezenet", "color"]
  sources = load_sources(names, weights="random")
  assert set(sources) == {"", "squeezenet", "color_names"}
  assert sources[""].params is None
  assert sources["squeezenet"].params["conv1"]["kernel"].shape == (7, 7, 3, 96)
  assert np.array_equal(sources["color_names"].params, color_names.built_in().table)


def test_description_is_json_and_names_what_made_the_numbers():
  names = ["lbp", "logits_squeezenet"]
  sources = load_sources(names, weights="random")
  low, logits = json.loads(json.dumps(describe(names, sources)))
  assert low == {
    "name": "lbp",
    "size": 59,
    "version": FEATURES["lbp"].version,
    "images_version": images.VERSION,
    "kind": "value",
    "needs": "",
    "label": "",
    "weights": None,
    "digest": "",
  }
  assert logits["digest"] == sources["squeezenet"].digest
  assert len(logits["digest"]) == 64
  assert logits["label"] == f"squeezenet RANDOM seed 0 {logits['digest'][:8]}"
  assert logits["weights"] == {
    "network": "squeezenet",
    "source": "random",
    "digest": logits["digest"],
    "precision": "float32",
  }


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("source", ["trained", "own", "random"])
def test_descriptions_of_emojax_0_1_0_say_the_same(precision, source, monkeypatch):
  drawn = dataclasses.replace(weights.random("squeezenet"), source=source)
  monkeypatch.setattr(trained, "find", lambda *_: drawn)
  names = ["color", "lbp", "logits_squeezenet"]
  described = describe(
    names, load_sources(names, weights="random", precision=precision)
  )
  described[0]["bases"] = described[1:]
  old = helpers.in_the_form_of_0_1_0(described)
  assert old[2]["weights"].endswith(precision) == (precision == "bfloat16")
  assert current_descriptions(old) == described
  assert current_descriptions(described) == described
  (used,) = weights_of(old := current_descriptions(old[2:]))
  assert (used["source"], used["precision"]) == (source, precision)
  assert old[0]["digest"].startswith(used["digest"]) and len(used["digest"]) == 64


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
