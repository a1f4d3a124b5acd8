"""TIFF files of several pages, and with damaged or misleading tags."""

import io
import struct

import numpy as np
import pytest
import tifffile
from images.odd_blocks import RGB, XMP
from PIL import Image

from emojax import images

SMALL = np.full((5, 7, 3), 77, np.uint8)
REDUCED, PAGE, MASK = 1, 2, 4  # bits of the tag NewSubfileType


def written(*pages, **options) -> bytes:
  """A TIFF of pages (pixels, NewSubfileType)."""
  file = io.BytesIO()
  with tifffile.TiffWriter(file, **options) as writer:
    for rgb, kind, *settings in pages:
      options = {"photometric": "rgb" if rgb.ndim == 3 else "minisblack"}
      options |= dict(*settings)
      writer.write(rgb, subfiletype=kind, metadata=None, **options)
  return file.getvalue()


def tagged(*tags, **settings) -> bytes:
  """A TIFF of one page with more tags (number, type, count, value)."""
  return written((RGB, 0, {"extratags": [(*tag, True) for tag in tags], **settings}))


BELOW = {"subifds": 1}


@pytest.mark.parametrize(
  "pages",
  [
    [(SMALL, REDUCED), (RGB, 0)],
    [(SMALL, REDUCED), (SMALL, REDUCED | PAGE), (RGB, PAGE)],
    [(np.zeros((5, 7), bool), MASK), (RGB, 0)],
    [(RGB, 0), (SMALL, REDUCED)],
    [(RGB, PAGE), (SMALL, PAGE)],  # of several pages the first
    [(SMALL, REDUCED, BELOW), (RGB, 0)],  # its own page, below it
    [(RGB, REDUCED), (SMALL, REDUCED)],  # nothing but previews: the first
  ],
)
@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}])
def test_the_main_picture_is_taken(pages, options):
  np.testing.assert_array_equal(images.load(written(*pages, **options)), RGB)


def test_a_preview_by_the_old_tag_is_passed_over():
  old = {"extratags": [(255, 3, 1, 2, True)]}
  file = written((SMALL, 0, old), (RGB, 0))
  # tifffile writes the new tag too, which would decide: it becomes another.
  assert file.count(struct.pack("<HH", 254, 4)) == 2
  file = file.replace(struct.pack("<HH", 254, 4), struct.pack("<HH", 253, 4))
  np.testing.assert_array_equal(images.load(file), RGB)


def test_a_large_main_picture_is_refused_though_its_preview_is_small():
  file = written((SMALL, REDUCED), (RGB, 0))
  with pytest.raises(images.ImageError, match="24 x 16 is 384 pixels, more"):
    images.load(file, max_pixels=100)


def test_pages_that_lead_back_to_themselves_end():
  file = bytearray(written((RGB, REDUCED)))
  start = int.from_bytes(file[4:8], "little")
  behind = start + 2 + 12 * int.from_bytes(file[start : start + 2], "little")
  file[behind : behind + 4] = file[4:8]
  np.testing.assert_array_equal(images.load(bytes(file)), RGB)


def test_what_follows_a_whole_picture_may_be_damaged():
  file = written((RGB, 0), (SMALL, REDUCED))
  start = int.from_bytes(file[4:8], "little")
  behind = start + 2 + 12 * int.from_bytes(file[start : start + 2], "little")
  cut = file[:behind] + struct.pack("<I", 10**8) + file[behind + 4 :]
  np.testing.assert_array_equal(images.load(cut), RGB)


@pytest.mark.parametrize(
  "tag",
  [
    (700, 1, len(XMP), XMP),  # an orientation that browsers and OpenCV do not apply
    (282, 2, 4, "abc"),  # a resolution in letters
    (296, 3, 1, 3),  # centimetres, which Pillow multiplies
    (306, 7, 5, b"\xff\0\xfe\0\1"),  # a date of nothing
    (34665, 4, 1, 10**8),  # EXIF far behind the end
    (34377, 7, 4, b"8BIM"),
    (42112, 2, 9, "<GDALMet"),
  ],
)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tags_beside_the_pixels_do_not_matter(tag, compression, capfd):
  file = tagged(tag, compression=compression)
  np.testing.assert_array_equal(images.load(file), RGB)
  assert capfd.readouterr().err == ""  # libtiff would say what it thinks of them


def test_libtiff_says_nothing_of_damaged_pixels(capfd):
  file = bytearray(written((RGB, 0, {"compression": "zlib"})))
  start = tifffile.TiffFile(io.BytesIO(file)).pages[0].dataoffsets[0]
  file[start + 8 : start + 40] = b"\xff" * 32
  with pytest.raises(images.ImageError, match="damaged or cut short TIFF"):
    images.load(bytes(file))
  assert capfd.readouterr().err == ""


def test_a_tag_of_impossible_length_does_not_matter():
  file = bytearray(tagged((42112, 2, 4, "abc")))
  at = file.index(struct.pack("<HHI", 42112, 2, 4))
  file[at : at + 12] = struct.pack("<HHII", 42112, 2, 2**31, 2**30)
  np.testing.assert_array_equal(images.load(bytes(file)), RGB)


def test_orientation_by_its_own_tag_is_applied():
  file = tagged((274, 3, 1, 6), (700, 1, len(XMP), XMP.replace(b'"6"', b'"3"')))
  np.testing.assert_array_equal(images.load(file), np.rot90(RGB, -1))


def test_pages_further_away_than_a_file_can_be_are_refused_in_one_line():
  file = written((RGB, 0), bigtiff=True)
  with pytest.raises(images.ImageError, match="not a readable TIFF"):
    images.load(file[:8] + b"\xff" * 8 + file[16:])


def test_damaged_directories_are_refused_in_one_line():
  whole = written((RGB, 0))
  for start in (0, 1, len(whole) - 1, len(whole), 2**31):
    with pytest.raises(images.ImageError, match=r"not a readable TIFF|cut short TIFF"):
      images.load(whole[:4] + struct.pack("<I", start) + whole[8:])


@pytest.mark.parametrize("compression", ["tiff_ccitt", "group3", "group4"])
def test_a_fax_is_refused_since_what_it_lacks_cannot_be_told(compression):
  file = io.BytesIO()
  Image.fromarray(SMALL[..., 0] > 50).save(file, "TIFF", compression=compression)
  with pytest.raises(images.ImageError, match="a fax's compression"):
    images.load(file.getvalue())
