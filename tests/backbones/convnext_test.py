"""ConvNeXt-L against transformers' and timm's, see scripts/make_hub_goldens."""

import helpers
import pytest

from emojax.features import FEATURES

GOLDENS = helpers.script("make_hub_goldens")


@pytest.mark.parametrize(
  "case", ["tiny", "tiny_timm", pytest.param("full", marks=pytest.mark.slow)]
)
def test_output_is_the_originals(case):
  """Reference: transformers 5.24.0 and timm 1.0.31 on torch 2.13.0, in float64.

  Seeded random tensors by the names that each program has for them.
  """
  errors = GOLDENS["compare"]("convnext_large_22k", case)
  assert errors.keys() == {"pool"}
  assert max(errors.values()) < 1e-4


def test_image_is_that_of_the_published_configuration():
  """As timm's and transformers' have it: 224 of 224 / 0.875, bicubic."""
  view = FEATURES["pool_convnext_large_22k"].view
  assert (view.fit, view.interpolation) == ("crop", "cubic")
  assert (view.short_px, view.side_px) == (256, 224)
