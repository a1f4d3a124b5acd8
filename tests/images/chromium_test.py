"""Files with odd pixels, or odd things beside them, as Chromium shows them."""

import numpy as np
import pytest
from images import chromium, odd_files
from raters import browsing

from emojax import images

# Levels that compression and colour arithmetic may differ by; whole files are exact.
_LEVELS = {"jpeg": 2, "webp": 1, "avif": 2, "png": 1, "bmp": 1, "gif": 0}


@pytest.fixture(scope="module")
def files():
  return odd_files.shown()


@pytest.fixture(scope="module")
def goldens():
  with np.load(chromium.GOLDENS) as stored:
    return dict(stored)


@pytest.mark.parametrize("name", odd_files.shown())
def test_an_odd_file_is_read_as_chromium_shows_it(files, goldens, name):
  image = images.load(files[name])
  assert image.shape == goldens[name].shape
  difference = np.abs(image.astype(int) - goldens[name])
  assert difference.max() <= _LEVELS[name.split()[0]]


@pytest.mark.parametrize("name", odd_files.damaged())
def test_a_file_whose_pixels_are_in_doubt_is_refused(name):
  file, reason = odd_files.damaged()[name]
  with pytest.raises(images.ImageError, match=reason) as caught:
    images.load(file)
  assert "\n" not in str(caught.value)


def test_changed_files_are_read_or_refused_in_one_line(files):
  """Three thousand of them, by a seed; nothing but an `ImageError` comes out."""
  draws = np.random.default_rng(0)
  contents = [file for file in files.values() if len(file) < 5000]
  for _ in range(3000):
    file = bytearray(contents[draws.integers(len(contents))])
    for _ in range(draws.integers(1, 9)):
      file[draws.integers(len(file))] = draws.integers(256)
    cut = len(file) if draws.random() < 0.7 else draws.integers(len(file))
    try:
      image = images.load(bytes(file[:cut]), max_pixels=1_000_000)
    except images.ImageError as error:
      assert "\n" not in str(error)
    else:
      assert image.ndim == 3 and image.dtype == np.uint8 and image.size


@pytest.mark.slow
def test_chromium_still_shows_what_was_stored(tmp_path_factory, goldens):
  """If this fails alone, browsers have changed: see `chromium.py`, and then decide."""
  for browser in browsing.start(tmp_path_factory.mktemp("browser")):
    version = browser.capabilities["browserVersion"]
    for name, image in chromium.draw_all(browser).items():
      message = f"{name} in Chromium {version}, stored by {goldens['version']}"
      np.testing.assert_allclose(
        image.astype(int), goldens[name], atol=_LEVELS[name.split()[0]], err_msg=message
      )
