"""LBP histograms against scikit-image and Pillow."""

import hypothesis
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image
from skimage.feature import local_binary_pattern

from emojax import images
from emojax.features import lbp


def reference(grey: np.ndarray) -> np.ndarray:
  """Counts of scikit-image's codes, for one (H, W) uint8 picture."""
  codes = local_binary_pattern(grey, 8, 1, method="nri_uniform").astype(int)
  return np.bincount(codes.ravel(), minlength=59)


def counts(grey: np.ndarray) -> np.ndarray:
  """emojax's shares of one picture, times its pixels."""
  shares = np.asarray(jax.jit(lbp.histogram)(jnp.asarray(grey)[None]))[0]
  return np.rint(shares.astype(np.float64) * grey.size).astype(int)


# One program for each shape of picture, not one for each step of it.
_jitted_patterns = jax.jit(lbp._patterns)


def codes(grey: np.ndarray) -> np.ndarray:
  """emojax's code of each pixel of one picture."""
  return lbp._bin_of_pattern()[
    np.asarray(_jitted_patterns(jnp.asarray(grey[None], int)))[0]
  ]


def reference_codes(grey: np.ndarray) -> np.ndarray:
  return local_binary_pattern(grey, 8, 1, method="nri_uniform").astype(int)


def is_alike(counts: np.ndarray, expected: np.ndarray) -> bool:
  """Whether at least 99.9 % of the pixels are counted as the same pattern."""
  return np.minimum(counts, expected).sum() >= 0.999 * expected.sum()


@pytest.mark.parametrize("levels", [2, 3, 5, 16, 60, 256])
def test_counts_of_noise_of_few_and_many_levels_are_scikit_images(levels):
  rng = np.random.default_rng(levels)
  lowest = int(rng.integers(0, 257 - levels))
  grey = rng.integers(lowest, lowest + levels, (256, 256)).astype(np.uint8)
  assert is_alike(counts(grey), reference(grey))


_SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@pytest.mark.slow
@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
  hnp.arrays(np.uint8, _SHAPES, elements=st.integers(0, 255))
  | hnp.arrays(np.uint8, _SHAPES, elements=st.integers(0, 3))
  | hnp.arrays(np.uint8, _SHAPES, elements=st.sampled_from([9, 10, 11, 12, 14, 28]))
)
def test_codes_are_scikit_images_but_next_to_two_borders(grey):
  ours, theirs = codes(grey), reference_codes(grey)
  np.testing.assert_array_equal(ours[2:, 2:], theirs[2:, 2:])


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_flat_picture_has_only_all_ones_inside(level):
  grey = np.full((256, 256), level, np.uint8)
  np.testing.assert_array_equal(counts(grey), reference(grey))
  assert counts(grey)[57] >= 254 * 254


def test_luminance_equals_pillow():
  rgb = np.random.default_rng(1).integers(0, 256, (2, 300, 200, 3), dtype=np.uint8)
  expected = [np.asarray(Image.fromarray(image).convert("L")) for image in rgb]
  np.testing.assert_array_equal(lbp.luminance(jnp.asarray(rgb)), expected)


def test_a_picture_gives_the_same_alone_and_in_a_batch():
  rgb = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
  compute = jax.jit(lbp.make(None))
  together = np.asarray(compute(rgb))
  assert together.shape == (5, lbp.SIZE) and together.dtype == np.float32
  np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)
  for i in range(5):
    np.testing.assert_array_equal(compute(rgb[i : i + 1])[0], together[i])


@pytest.mark.parametrize(
  "grey", [np.zeros((4, 4), np.uint8), np.zeros((1, 4, 4), np.float32)]
)
def test_refuses_what_is_not_a_batch_of_integer_grey(grey):
  with pytest.raises(TypeError, match=r"\(B, H, W\) integer"):
    lbp.histogram(jnp.asarray(grey))


def test_equals_scikit_image_on_photographs(shared_data):
  paths = images.walk(shared_data / "oasis" / "images")[::90]
  rgb = np.stack([images.view(images.load(path), images.SQUASH) for path in paths])
  got = np.asarray(jax.jit(lbp.make(None))(rgb))
  for image, shares in zip(rgb, got, strict=True):
    expected = reference(np.asarray(Image.fromarray(image).convert("L")))
    assert is_alike(np.rint(shares * 65536), expected)
