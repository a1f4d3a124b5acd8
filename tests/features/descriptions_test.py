"""What is stored about features: what made them, also as emojax 0.1.0 stored it."""

import dataclasses
import json

import helpers
import pytest

from emojax import images
from emojax.backbones import trained, weights
from emojax.features import FEATURES
from emojax.features.descriptions import current, describe, weights_of
from emojax.features.params import load_sources


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
  assert current(old) == described
  assert current(described) == described
  (used,) = weights_of(old := current(old[2:]))
  assert (used["source"], used["precision"]) == (source, precision)
  assert old[0]["digest"].startswith(used["digest"]) and len(used["digest"]) == 64
