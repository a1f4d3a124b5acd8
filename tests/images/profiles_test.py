"""Colour profiles, and the kinds of file that telephones save."""

import io

import numpy as np
import pillow_heif
import pytest
from images import odd_blocks
from PIL import Image, ImageCms

from emojax import images

# Primaries adapted to D50, columns X, Y, Z: of sRGB (IEC 61966-2-1) as ICC profiles
# carry them, and of Display P3.
_SRGB = [[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]]
_P3 = list(odd_blocks.P3.values())


def _linear(x: np.ndarray) -> np.ndarray:
  return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def _curved(x: np.ndarray) -> np.ndarray:
  x = np.clip(x, 0, 1)
  return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def _file(rgb: np.ndarray, kind: str, mode: str = "RGB", **options) -> bytes:
  file = io.BytesIO()
  image = Image.fromarray(rgb).convert(mode)
  if kind == "HEIF":
    heif = pillow_heif.from_pillow(image)
    heif.save(file, quality=-1, chroma=444, **options)
  else:
    image.save(file, kind, **options)
  return file.getvalue()


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
  return np.random.default_rng(0).integers(40, 216, (40, 50, 3), dtype=np.uint8)


def test_a_wide_gamut_is_shown_as_it_looks(colours):
  image = images.load(_file(colours, "PNG", icc_profile=odd_blocks.p3_profile()))
  to_xyz, from_xyz = np.array(_P3), np.linalg.inv(_SRGB)
  expected = 255 * _curved(_linear(colours / 255) @ to_xyz @ from_xyz)
  assert np.abs(image - expected).max() <= 2
  assert np.abs(expected - colours).max() > 10  # the profile does change something


def test_transparency_survives_a_profile(colours):
  alpha = np.full((40, 50, 1), 255, np.uint8)
  alpha[:20] = 0
  rgba = np.concatenate([colours, alpha], axis=2)
  image = images.load(_file(rgba, "PNG", "RGBA", icc_profile=odd_blocks.p3_profile()))
  opaque = images.load(_file(colours, "PNG", icc_profile=odd_blocks.p3_profile()))
  assert (image[:20] == 255).all() and (image[20:] == opaque[20:]).all()


@pytest.mark.parametrize(
  "profile",
  [
    b"no profile at all",
    ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    odd_blocks.p3_profile()[:300],
  ],
)
def test_other_profiles_leave_the_pixels(colours, profile):
  image = images.load(_file(colours, "PNG", icc_profile=profile))
  assert (image == colours).all()


def test_a_grey_image_keeps_its_greys(colours):
  grey = _file(
    colours, "PNG", "L", icc_profile=odd_blocks.p3_profile()
  )  # for other colours
  assert (images.load(grey)[..., 0] == images.load(grey)[..., 2]).all()


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_files_of_telephones(colours, kind):
  smooth = np.asarray(Image.fromarray(colours[:8, :10]).resize((160, 120)))
  content = _file(smooth, kind)
  image = images.load(content)
  assert image.shape == smooth.shape
  assert np.abs(image.astype(int) - smooth).mean() < 4
  for share in (0.1, 0.5, 0.95):
    with pytest.raises(images.ImageError):
      images.load(content[: int(share * len(content))])
  with pytest.raises(images.ImageError, match="19,200 pixels, more than the limit"):
    images.load(content, max_pixels=100)


def test_an_avif_is_turned_by_its_exif(colours):
  exif = Image.Exif()
  exif[274] = 6
  assert images.load(_file(colours, "AVIF", exif=exif)).shape == (50, 40, 3)


def test_nothing_to_see():
  clear = np.zeros((40, 50, 4), np.uint8)
  with pytest.raises(images.NothingToSee, match="transparent") as caught:
    images.load(_file(clear, "PNG", "RGBA"))
  assert caught.value.status == "transparent"
  for shape, status in (((31, 400, 3), "small"), ((400, 31, 3), "small")):
    with pytest.raises(images.NothingToSee, match="at least 32") as caught:
      images.check_visible(np.zeros(shape, np.uint8))
    assert caught.value.status == status
  with pytest.raises(images.NothingToSee) as caught:
    images.check_visible(np.full((32, 40, 3), (9, 90, 200), np.uint8))
  assert caught.value.status == "blank"
  faint = np.full((32, 40, 3), 100, np.uint8)
  faint[0, 0, 1] = 103
  images.check_visible(faint)
