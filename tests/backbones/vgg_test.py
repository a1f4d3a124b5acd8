"""VGG16 and VGG19 against torchvision's, see scripts/make_goldens."""

import helpers
import numpy as np
import pytest

from emojax.backbones import BACKBONES

compare = helpers.script("make_goldens")["compare"]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_outputs_are_torchvisions(network):
  """Reference: torchvision 0.28.0 on torch 2.13.0, seeded random weights, float64."""
  errors = compare(network)
  assert errors.keys() == {"logits", "fc7"}
  assert max(errors.values()) < 1e-4


@pytest.mark.parametrize(
  ("network", "count"), [("vgg16", 138_357_544), ("vgg19", 143_667_240)]
)
def test_layers_are_the_published_ones(network, count):
  """Parameters as torchvision states them beside its weights."""
  shapes = BACKBONES[network].shapes
  assert sum(int(np.prod(shape)) for shape in shapes.values()) == count
