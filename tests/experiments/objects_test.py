"""Which object networks are compared where none is named."""

import json

import pytest

from emojax.config import DataConfig, ExtractConfig
from emojax.experiments import objects
from emojax.utils import errors


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch):
  monkeypatch.setattr("emojax.backbones.convert.installed", lambda network: None)


def test_networks_with_weights_are_taken_in_the_order_of_the_listing(tmp_path):
  for network in ("vgg16", "deeplab", "squeezenet", "mtcnn", "clip_vit_b32"):
    (tmp_path / f"{network}.safetensors").touch()
  at_hand = objects.at_hand(str(tmp_path), "trained")
  assert at_hand == ("squeezenet", "vgg16")
  assert objects.at_hand(str(tmp_path), "random") == ()  # the paper's, all at hand


def test_none_at_hand_is_one_line_unless_random_ones_do():
  assert objects.at_hand("", "auto") == ()
  with pytest.raises(errors.UserError, match="weights list says how") as error:
    objects.at_hand("", "trained")
  assert "\n" not in str(error.value)


def test_an_experiment_goes_on_with_its_own(tmp_path):
  assert objects.earlier("") is objects.earlier(str(tmp_path)) is None
  for named in ([], ["vgg16"]):  # none: of a time when none stood for the paper's
    identity = {"experiment": {"objects": named}}
    (tmp_path / "config.json").write_text(json.dumps({"identity": identity}))
    assert objects.earlier(str(tmp_path)) == tuple(named)


def test_default_weights_are_trained_but_for_drawn_pictures():
  oasis = DataConfig(dataset="va_emotion/oasis")
  assert objects.weights_choice(oasis, ExtractConfig()) == "trained"
  assert objects.weights_choice(DataConfig(), ExtractConfig()) == "auto"
  random = ExtractConfig(weights="random")
  assert objects.weights_choice(oasis, random) == "random"
