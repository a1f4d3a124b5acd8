"""The five ResNets against torchvision's, see scripts/make_goldens."""

import helpers
import jax
import numpy as np
import pytest

from emojax.backbones import BACKBONES, random_init, resnet

compare = helpers.script("make_goldens")["compare"]

PUBLISHED = {  # parameters, as torchvision states them beside its weights
  18: 11_689_512,
  34: 21_797_672,
  50: 25_557_032,
  101: 44_549_160,
  152: 60_192_808,
}


@pytest.mark.parametrize(
  "depth",
  [
    pytest.param(depth, marks=[pytest.mark.slow] if depth > 50 else [])
    for depth in PUBLISHED
  ],
)
def test_outputs_are_torchvisions(depth):
  """Reference: torchvision 0.28.0 on torch 2.13.0, seeded random weights, float64.

  The original has batch norms with random statistics, which are folded here.
  """
  errors = compare(f"resnet{depth}")
  assert errors.keys() == {"logits", "pool"}
  assert max(errors.values()) < 1e-4


@pytest.mark.parametrize("depth", PUBLISHED)
def test_layers_are_the_published_ones(depth):
  """A folded batch norm leaves one number a channel of its two trained ones."""
  shapes = BACKBONES[f"resnet{depth}"].shapes
  folded = sum(
    shape[0]
    for name, shape in shapes.items()
    if name.endswith("/bias") and not name.startswith("classifier")
  )
  ours = sum(int(np.prod(shape)) for shape in shapes.values())
  assert ours + folded == PUBLISHED[depth]


@pytest.mark.parametrize("side", [33, 47, 64])
def test_any_side_gives_as_many_positions_as_torchvision(side):
  """Worked by hand: each of the five halvings rounds up, odd sides included."""
  module = resnet.ResNet(18)
  images = jax.ShapeDtypeStruct((1, side, side, 3), np.uint8)
  _, state = jax.eval_shape(
    lambda x: module.init_with_output(
      jax.random.key(0), x, capture_intermediates=True, mutable=True
    ),
    images,
  )
  last = state["intermediates"]["level4_block1"]["__call__"][0]
  assert last.shape == (1, -(-side // 32), -(-side // 32), 512)


def test_random_residual_kernels_are_a_quarter_as_large():
  shapes = {"a/residual/kernel": (3, 3, 64, 64), "a/scale": (64,)}
  params = random_init.draw(shapes, 0)["a"]
  np.testing.assert_allclose(
    params["residual"]["kernel"].var(), 2 / (9 * 64) / 16, rtol=0.05
  )
  assert (params["scale"] == 1).all()
