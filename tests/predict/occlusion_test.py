"""Occlusion: the part that a rating depends on is the part that is shown."""

import numpy as np
import pytest

from emojax.predict import occlusion


def _image(height=96, width=64):
  return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _white_in(part):
  """A rater that counts white pixels in one part of an image."""

  def rate(images):
    white = [float((image[part] == 255).all(axis=-1).mean()) for image in images]
    return {"valence": np.array(white), "arousal": -np.array(white)}

  return rate


def test_what_a_rating_hangs_on_falls_where_it_is_covered():
  image = _image()
  part = np.s_[60:80, 40:60]
  image[part] = 255
  found = occlusion.occlude(_white_in(part), image)
  fall = found.fall["valence"]
  assert found.whole == {"valence": 1.0, "arousal": -1.0}
  assert fall.shape == image.shape[:2]
  assert fall[part].min() > 0.1 and fall[:30].max() == 0 and fall.max() <= 1
  np.testing.assert_array_equal(found.fall["arousal"], -fall)


def test_patches_cover_every_pixel_and_no_more():
  """By hand: 8 pixels, patches of 4, begin at 0, 2 and 4."""
  patches = list(occlusion.boxes(8, 8, 3, 0.5))
  assert len(patches) == 9
  assert {(box.top, box.bottom) for box in patches} == {(0, 4), (2, 6), (4, 8)}
  for height, width in ((32, 500), (33, 47)):
    seen = np.zeros((height, width), int)
    for box in occlusion.boxes(height, width, 7, 0.25):
      assert 0 <= box.top < box.bottom <= height and 0 <= box.left < box.right <= width
      seen[box.top : box.bottom, box.left : box.right] += 1
    assert seen.min() >= 1


def test_a_pixel_has_the_mean_of_its_patches():
  """By hand; what could not be rated counts for nothing."""
  left, right = occlusion.Box(0, 1, 0, 2), occlusion.Box(0, 1, 1, 3)
  mean = occlusion.spread((1, 4), [left, right], np.array([1.0, 4.0]))
  np.testing.assert_array_equal(mean, [[1, 2.5, 4, np.nan]])
  mean = occlusion.spread((1, 4), [left, right], np.array([np.nan, 4.0]))
  np.testing.assert_array_equal(mean, [[np.nan, 4, 4, np.nan]])


def test_the_image_stays_as_it_was_and_a_large_one_is_reduced():
  image = _image(100, 1024)
  before = image.copy()
  sizes = []

  def rate(images):
    sizes.extend(of.shape for of in images)
    return {"beauty": np.arange(len(images), dtype=float)}

  found = occlusion.occlude(rate, image, positions=2, share=0.5)
  np.testing.assert_array_equal(image, before)
  assert sizes == [(50, 512, 3)] * 5 and found.image.shape == (50, 512, 3)


@pytest.mark.parametrize(
  ("image", "positions", "share", "expected"),
  [
    (np.zeros((40, 40)), 7, 0.25, r"\(40, 40\) of float64"),
    (np.zeros((40, 40, 3), np.uint8), 1, 0.5, "1 positions of 0.5"),
    (np.zeros((40, 40, 3), np.uint8), 4, 0.2, "4 positions of 0.2"),
    (np.zeros((40, 40, 3), np.uint8), 4, 1.0, "4 positions of 1 "),
  ],
)
def test_mistakes_are_told(image, positions, share, expected):
  with pytest.raises(ValueError, match=expected):
    occlusion.occlude(_white_in(np.s_[:]), image, positions, share)
