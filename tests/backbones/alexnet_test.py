"""AlexNet against torchvision's, see scripts/make_goldens."""

import helpers
import numpy as np
import pytest

from emojax.backbones import BACKBONES

compare = helpers.script("make_goldens")["compare"]


@pytest.mark.slow
def test_outputs_are_torchvisions():
  """Reference: torchvision 0.28.0 on torch 2.13.0, seeded random weights, float64."""
  errors = compare("alexnet")
  assert errors.keys() == {"logits", "fc7"}
  assert max(errors.values()) < 1e-4


def test_layers_are_the_published_ones():
  """61,100,840 parameters, as torchvision states beside its weights."""
  shapes = BACKBONES["alexnet"].shapes
  assert sum(int(np.prod(shape)) for shape in shapes.values()) == 61_100_840
