"""Synthetic pictures are varied, repeatable, and rated by the stated formula."""

import numpy as np
import pytest

from emojax.config import TARGETS
from emojax.datasets.va_emotion import ratings, synthetic

NUMBER = 300


@pytest.fixture(scope="module")
def source():
  return synthetic.load(NUMBER, seed=0)


def test_pictures_are_rgb_of_several_shapes_and_repeat(source):
  shapes = set()
  for index in range(8):
    image = source.images[index]
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    assert min(image.shape[:2]) >= 160 and max(image.shape[:2]) <= 320
    np.testing.assert_array_equal(image, source.images[index])
    shapes.add(image.shape)
  assert len(shapes) > 4 and len(source.images) == NUMBER


def test_every_kind_is_drawn(source):
  assert {entry.keyword for entry in source.rated} == set(synthetic.KINDS)
  for kind in synthetic.KINDS:
    scene = synthetic.Scene(kind, 0.5, 0.5, 0.5, 0.0, 0.0)
    image = synthetic.draw(scene, np.random.default_rng(0))
    assert image.std() > 3  # something to see, even without shapes and noise


def test_a_scene_s_properties_can_be_seen():
  def image(**changed):
    base = {"brightness": 0.5, "saturation": 0.5, "warmth": 0.5, "clutter": 0.0}
    scene = synthetic.Scene("glow", roughness=0.0, **{**base, **changed})
    return synthetic.draw(scene, np.random.default_rng(1)).astype(np.float32)

  assert image(brightness=1.0).mean() > image(brightness=0.0).mean() + 60
  warm, cold = image(warmth=1.0), image(warmth=0.0)
  assert (warm[..., 0] - warm[..., 2]).mean() > 20  # more red than blue
  assert (cold[..., 2] - cold[..., 0]).mean() > 20
  vivid, grey = image(saturation=1.0), image(saturation=0.0)
  assert np.ptp(vivid, axis=2).mean() > np.ptp(grey, axis=2).mean() + 40
  full, empty = ((image(clutter=c) == 0).all(axis=2).mean() for c in (1.0, 0.0))
  assert full > 0.1 and empty == 0  # shapes have black outlines


def test_the_formula_by_hand():
  scene = synthetic.Scene("sky", 1.0, 0.5, 0.75, 0.25, 1.0)
  # u = 1, 0, 0.5, -0.5, 1: 5 + 0.9 + 0.25 - 0.6 + 1.1 and 5 - 0.4 - 0.3 + 0.7 - 1.2.
  assert synthetic.formula(scene) == (pytest.approx(6.65), pytest.approx(3.8))
  sunny = synthetic.Scene("sky", 1.0, 1.0, 1.0, 0.0, 0.0)
  assert synthetic.formula(sunny)[0] == 9.0  # 5 + 5.9, cut to the scale


def test_a_weighted_sum_of_properties_lacks_the_products(source):
  scenes = [synthetic.scene(0, index) for index in range(NUMBER)]
  names = ("brightness", "saturation", "warmth", "clutter", "roughness")
  u = np.array([[2 * getattr(scene, name) - 1 for name in names] for scene in scenes])
  products = np.stack([u[:, i] * u[:, j] for i in range(5) for j in range(i)], axis=1)
  ones = np.ones((NUMBER, 1))
  rated = np.array([[entry.ratings[t].mean for t in TARGETS] for entry in source.rated])

  def mse(inputs):  # of least squares on half of the pictures, of the other half
    inputs, half = np.concatenate([ones, *inputs], axis=1), NUMBER // 2
    weights, *_ = np.linalg.lstsq(inputs[:half], rated[:half])
    return ((inputs[half:] @ weights - rated[half:]) ** 2).mean(axis=0)

  ceiling = 0.092  # see the module
  assert (mse([u]) > 6 * ceiling).all()
  assert (mse([u]) < 0.8 * rated.var(axis=0)).all()  # but it follows some of it
  assert (mse([u, products]) < 1.6 * ceiling).all()


def test_raters_agree_with_the_formula_up_to_their_noise(source):
  truth = np.array(
    [synthetic.formula(synthetic.scene(0, index)) for index in range(NUMBER)]
  )
  of = [[entry.ratings[target] for target in TARGETS] for entry in source.rated]
  answers = np.array([[rating.mean for rating in pair] for pair in of])
  spread = np.array([[rating.std for rating in pair] for pair in of])
  number = np.array([pair[0].raters for pair in of])
  assert answers.min() >= 1 and answers.max() <= 9
  assert number.min() >= 15 and number.max() <= 40 and len(set(number)) > 15
  middle = np.abs(truth - 5) < 2  # away from the ends, where ratings are cut
  error = (answers - truth) * np.sqrt(number)[:, None]
  # A mean of n ratings has standard deviation 1.5 / sqrt(n), rounding adds 1/12.
  expected = np.sqrt(1.5**2 + 1 / 12)
  assert error[middle].std() == pytest.approx(expected, rel=0.15)
  assert spread[middle].mean() == pytest.approx(expected, rel=0.05)
  assert answers.var(axis=0).min() > 1  # there is something to predict


def test_seeds_differ_and_larger_sets_extend_smaller_ones(source):
  assert synthetic.load(10, seed=0).rated == source.rated[:10]
  other = synthetic.load(10, seed=1)
  assert other.rated != source.rated[:10]
  assert other.fingerprint() != synthetic.load(10, seed=0).fingerprint()
  assert synthetic.load(10, seed=1).fingerprint() == other.fingerprint()
  assert not np.array_equal(
    np.resize(other.images[0], 1000), np.resize(source.images[0], 1000)
  )


def test_it_says_what_it_is_and_refuses_no_pictures():
  assert "say nothing about people" in synthetic.load(1, seed=0).disclaimer
  with pytest.raises(ratings.RatingsError, match="at least 1, got 0"):
    synthetic.load(0, seed=0)
