"""ResNet-38 against a second implementation in torch, see scripts/make_goldens."""

import helpers
import jax
import numpy as np
import pytest

from emojax.backbones import BACKBONES, deeplab, resnet38

compare = helpers.script("make_goldens")["compare"]


@pytest.mark.slow
def test_scores_are_those_of_a_second_implementation():
  """Reference: plain calls of torch 2.13.0 in float64, seeded random weights.

  The published form has batch norms with random statistics, partly folded here.
  """
  errors = compare("resnet38")
  assert errors.keys() == {"scores"}
  assert max(errors.values()) < 1e-4


def test_layers_are_the_published_ones():
  """Counted by hand from the paper's table of Model A1, convolutions only."""
  shapes = BACKBONES["resnet38"].shapes
  kernels = {name: shape for name, shape in shapes.items() if name.endswith("/kernel")}
  inputs, expected = 64, 9 * 3 * 64
  for blocks, middle, out in (
    (3, 128, 128),
    (3, 256, 256),
    (6, 512, 512),
    (3, 512, 1024),
  ):
    expected += inputs * out  # the shortcut
    for block in range(blocks):
      expected += 9 * (inputs if not block else out) * middle + 9 * middle * out
    inputs = out
  for first, second, out in ((512, 1024, 2048), (1024, 2048, 4096)):
    expected += inputs * out + inputs * first + 9 * first * second + second * out
    inputs = out
  expected += 9 * 4096 * 512 + 9 * 512 * 150
  assert sum(int(np.prod(shape)) for shape in kernels.values()) == expected
  assert len(kernels) == 1 + 2 * 15 + 4 + 2 * 4 + 2


def test_grid_has_its_corners_on_the_pictures():
  images = jax.ShapeDtypeStruct((1, resnet38.SIDE_PX, resnet38.SIDE_PX, 3), np.uint8)
  module = resnet38.ResNet38()
  scores = jax.eval_shape(
    lambda x: module.init_with_output(jax.random.key(0), x)[0], images
  )["scores"]
  assert scores.shape == (1, 64, 64, 150)
  assert 8 * (scores.shape[1] - 1) + 1 == resnet38.SIDE_PX


def test_enlarging_in_two_steps_is_enlarging_once():
  """By two, then by DeepLab's four: a straight line between two points stays one."""
  rng = np.random.default_rng(5)
  scores = rng.standard_normal((1, 4, 5, 6)).astype(np.float32)
  upsample = jax.jit(deeplab.upsample, static_argnums=1)
  halfway = upsample(scores, 8 // deeplab.UPSAMPLING)
  expected = np.asarray(upsample(scores, 8)[0]).argmax(axis=-1)
  labels = np.asarray(jax.jit(deeplab.label_map)(halfway[0]))
  assert labels.shape == (25, 33)
  assert (labels == expected).mean() > 0.998  # all but ties within rounding
