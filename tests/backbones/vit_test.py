"""CLIP's image towers and DINOv2 against transformers; scripts/make_hub_goldens."""

import helpers
import pytest

from emojax.backbones import vit
from emojax.features import FEATURES

GOLDENS = helpers.script("make_hub_goldens")


@pytest.mark.parametrize("network", ["clip_vit_b32", "dinov2_vit_b14"])
@pytest.mark.parametrize("case", ["tiny", pytest.param("full", marks=pytest.mark.slow)])
def test_outputs_are_transformers(network, case):
  """Reference: transformers 5.24.0 on torch 2.13.0, seeded random tensors, float64.

  DINOv2's positions are of a larger grid (37 x 37 in full), which both interpolate.
  ViT-L/14 has its golden file too, but its 1.2 GB are left to the script.
  """
  errors = GOLDENS["compare"](network, case)
  assert errors.keys() == {"embed", "pool"}
  assert max(errors.values()) < 1e-4


@pytest.mark.parametrize(
  ("network", "fit", "mean"),
  [
    ("clip_vit_b32", (224, 224), 122.7709383),
    ("clip_vit_l14", (224, 224), 122.7709383),
    ("dinov2_vit_b14", (256, 224), 123.675),
  ],
)
def test_image_is_that_of_the_hubs_preprocessor_config(network, fit, mean):
  """As `preprocessor_config.json` has it: short side, centre crop, resample 3, mean."""
  for name in ("embed", "pool"):
    view = FEATURES[f"{name}_{network}"].view
    assert (view.fit, view.interpolation) == ("crop", "cubic")
    assert (view.short_px, view.side_px) == fit
  recipe = vit.CLIP_MEAN_RGB if "clip" in network else vit.imagenet.MEAN_RGB
  assert recipe[0] == pytest.approx(mean)
