"""The colour feature against numbers worked by hand and by the standard library."""

import colorsys

import hypothesis
import hypothesis.extra.numpy as hnp
import jax
import numpy as np
import pytest

from emojax.features import color, color_names

NAMES = color_names.built_in().table
COMPUTE = jax.jit(color.make(NAMES))


def columns(rgb: np.ndarray) -> dict[str, float]:
  """One (H, W, 3) picture's feature by column name."""
  values = np.asarray(COMPUTE(np.asarray(rgb, np.uint8)[None]))[0]
  return dict(zip(color.COLUMN_NAMES, values.tolist(), strict=True))


def plain(*rgb: int) -> np.ndarray:
  return np.tile(np.array(rgb, np.uint8), (4, 4, 1))


def test_there_are_59_columns_in_the_stated_order():
  names = color.COLUMN_NAMES
  assert len(set(names)) == len(names) == color.SIZE == 59
  assert names[:7] == (
    *("mean_red", "mean_green", "mean_blue"),
    *("mean_hue", "mean_saturation", "mean_value", "hue_bin_0"),
  )
  assert names[39:41] == ("hue_peak_index", "hue_peak_share")
  assert names[45] == "share_black" and names[55] == "share_yellow"
  assert names[56:] == ("pleasure", "arousal", "dominance")


@pytest.mark.parametrize(
  ("rgb", "name", "hsv", "bins"),
  [  # hue in turns, saturation, value; floor(11 x) of each, 10 at most
    ((255, 0, 0), "red", (0, 1, 1), (0, 10, 10)),
    ((0, 128, 0), "green", (1 / 3, 1, 128 / 255), (3, 10, 5)),
    ((0, 0, 255), "blue", (2 / 3, 1, 1), (7, 10, 10)),
    ((255, 255, 0), "yellow", (1 / 6, 1, 1), (1, 10, 10)),
    ((128, 0, 128), "purple", (5 / 6, 1, 128 / 255), (9, 10, 5)),
    ((255, 192, 203), "pink", (1 - 11 / 378, 63 / 255, 1), (10, 2, 10)),
    ((128, 128, 128), "grey", (0, 0, 128 / 255), (0, 0, 5)),
    ((0, 0, 0), "black", (0, 0, 0), (0, 0, 0)),
    ((255, 255, 255), "white", (0, 0, 1), (0, 0, 10)),
  ],
)
def test_plain_colours(rgb, name, hsv, bins):
  got = columns(plain(*rgb))
  for channel, value in zip(("red", "green", "blue"), rgb, strict=True):
    assert got[f"mean_{channel}"] == pytest.approx(value / 255, abs=1e-6)
  for channel, value, index in zip(
    ("hue", "saturation", "value"), hsv, bins, strict=True
  ):
    assert got[f"mean_{channel}"] == pytest.approx(value, abs=1e-6)
    assert [got[f"{channel}_bin_{i}"] for i in range(11)] == [
      float(i == index) for i in range(11)
    ]
    assert got[f"{channel}_peak_index"] == pytest.approx(index / 11)
    assert got[f"{channel}_peak_share"] == 1
  assert [got[f"share_{n}"] for n in color_names.NAMES] == [
    float(n == name) for n in color_names.NAMES
  ]


def test_pleasure_arousal_and_dominance_as_the_paper_prints_them():
  """V = 1, S = 0.5 over half the picture, V = 0.4, S = 1 over the other."""
  image = np.concatenate([plain(254, 127, 127), plain(0, 102, 0)])
  got = columns(image)
  value, saturation = (254 / 255 + 0.4) / 2, 0.75
  assert got["pleasure"] == pytest.approx(0.69 * value + 0.22 * saturation, abs=1e-6)
  assert got["arousal"] == pytest.approx(0.31 * value + 0.60 * saturation, abs=1e-6)
  assert got["dominance"] == pytest.approx(0.76 * value + 0.32 * saturation, abs=1e-6)


def test_shares_and_the_first_of_two_equal_peaks():
  got = columns(np.concatenate([plain(255, 0, 0), plain(0, 0, 255)]))
  assert got["share_red"] == got["share_blue"] == 0.5
  assert got["hue_bin_0"] == got["hue_bin_7"] == 0.5
  assert got["hue_peak_index"] == 0 and got["hue_peak_share"] == 0.5


def test_bins_of_every_saturation_and_value_are_exact():
  """Whole-number floor(11 chroma / value), for all pairs, and floor(11 value / 255)."""
  value, low = np.meshgrid(np.arange(1, 256), np.arange(256), indexing="ij")
  value, low = value[low <= value], low[low <= value]
  rgb = np.stack([value, low, low], -1).astype(np.uint8)[None, None]
  got = dict(zip(color.COLUMN_NAMES, np.asarray(COMPUTE(rgb))[0], strict=True))
  for channel, bins in (
    ("saturation", 11 * (value - low) // value),
    ("value", 11 * value // 255),
  ):
    expected = np.bincount(np.minimum(bins, 10), minlength=11)
    shares = np.array([got[f"{channel}_bin_{i}"] for i in range(11)])
    np.testing.assert_array_equal(np.rint(shares * value.size), expected)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(hnp.arrays(np.uint8, (4, 4, 3)))
def test_hsv_equals_the_standard_library(rgb):
  got = columns(rgb)
  hsv = np.array([colorsys.rgb_to_hsv(*(p / 255)) for p in rgb.reshape(-1, 3)])
  means = [got[f"mean_{c}"] for c in ("hue", "saturation", "value")]
  np.testing.assert_allclose(means, hsv.mean(0), atol=1e-5)
  for channel in ("hue", "saturation", "value"):
    shares = [got[f"{channel}_bin_{i}"] for i in range(11)]
    assert sum(shares) == pytest.approx(1)
    assert got[f"{channel}_peak_share"] == max(shares)


def test_the_given_table_of_names_is_used_also_as_a_traced_array():
  everything_pink = np.full(32768, color_names.NAMES.index("pink"), np.int32)
  compute = jax.jit(lambda table, images: color.make(table)(images))
  got = np.asarray(compute(everything_pink, plain(0, 9, 99)[None]))[0]
  assert got[color.COLUMN_NAMES.index("share_pink")] == 1


def test_a_picture_gives_the_same_alone_and_in_a_batch():
  rgb = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
  together = np.asarray(COMPUTE(rgb))
  assert together.shape == (5, 59) and together.dtype == np.float32
  for i in range(5):
    np.testing.assert_allclose(COMPUTE(rgb[i : i + 1])[0], together[i], atol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_means_are_sums_of_many_pixels_without_loss(count):
  """Bright noise: a running float32 sum of it loses four digits before its end."""
  rgb = np.random.default_rng(0).integers(128, 256, (count, 256, 256, 3), np.uint8)
  mean = np.asarray(COMPUTE(rgb))[:, color.COLUMN_NAMES.index("mean_value")]
  exact = rgb.max(axis=-1).mean(axis=(1, 2)) / 255
  np.testing.assert_allclose(mean, exact, rtol=3e-7)
