"""Reading picture files and cutting views, on files written here."""

import concurrent.futures
import io
import pathlib
import struct
import zlib

import cv2
import hypothesis
import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import simplejpeg
import tifffile
from hypothesis import strategies as st
from PIL import Image, ImageOps, JpegImagePlugin

from emojax import images
from emojax.images import jpeg

RGB = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)


def encoded(image: Image.Image | np.ndarray, kind: str, **settings) -> bytes:
  """A picture as the bytes of a file, written by Pillow."""
  if isinstance(image, np.ndarray):
    image = Image.fromarray(image)
  file = io.BytesIO()
  image.save(file, kind, **settings)
  return file.getvalue()


def png(width, height, bits, colour_type, rows: bytes, transparent=b"") -> bytes:
  """A PNG written chunk by chunk, for what Pillow does not write."""

  def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check

  head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
  parts = [chunk(b"IHDR", head)]
  parts += [chunk(b"tRNS", transparent)] if transparent else []
  parts += [chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
  return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff(samples: np.ndarray, **settings) -> bytes:
  """A TIFF of any sample type, written by tifffile."""
  file = io.BytesIO()
  tifffile.imwrite(file, samples, **settings)
  return file.getvalue()


def high_byte(samples: np.ndarray) -> np.ndarray:
  """What Chromium shows of 16-bit samples: at most a level less than the nearest."""
  return (samples >> 8).astype(np.uint8)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
  hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
  st.sampled_from(
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
  ),
)
def test_lossless_files_give_their_pixels_back(rgb, kind):
  name, settings = kind
  np.testing.assert_array_equal(images.load(encoded(rgb, name, **settings)), rgb)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff(compression):
  file = encoded(RGB, "TIFF", compression=compression)
  np.testing.assert_array_equal(images.load(file), RGB)


def test_jpeg_and_webp_are_rgb_in_that_order():
  red = np.zeros((16, 16, 3), np.uint8)
  red[..., 0] = 255
  for kind in ("JPEG", "WEBP"):
    got = images.load(encoded(red, kind)).astype(int)
    assert got[..., 0].min() > 240 and got[..., 1:].max() < 15, kind


@pytest.mark.parametrize("mode", ["L", "1", "P"])
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_black_and_white_and_palette_pictures(mode, kind):
  image = Image.fromarray(RGB).convert(mode)
  expected = np.asarray(image.convert("RGB"))
  np.testing.assert_array_equal(images.load(encoded(image, kind)), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])  # WebP: see odd_files
def test_exif_rotation_equals_pillows(kind, orientation):
  exif = Image.Exif()
  exif[274] = orientation
  settings = {
    "PNG": {},
    "TIFF": {},
    "JPEG": {"quality": 95},
  }
  file = encoded(RGB, kind, exif=exif, **settings[kind])
  with Image.open(io.BytesIO(file)) as image:
    expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
  assert expected.shape == ((20, 31, 3) if orientation < 5 else (31, 20, 3))
  np.testing.assert_array_equal(images.load(file), expected)


def test_an_impossible_orientation_and_broken_exif_are_ignored():
  exif = Image.Exif()
  exif[274] = 9
  np.testing.assert_array_equal(images.load(encoded(RGB, "PNG", exif=exif)), RGB)
  file = encoded(RGB, "PNG", exif=b"Exif\0\0not an exif block")
  np.testing.assert_array_equal(images.load(file), RGB)


def test_cmyk_jpeg_in_adobes_inverted_convention_and_cmyk_tiff():
  red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, full magenta, yellow
  cmyk = encoded(red, "JPEG", quality=95)
  assert b"Adobe" in cmyk
  for file in (cmyk, encoded(red, "TIFF")):
    got = images.load(file).astype(int)
    assert got[..., 0].min() > 250 and got[..., 1:].max() < 5


def test_transparency_is_laid_on_white():
  """out = colour alpha/255 + 255 (1 - alpha/255), rounded."""
  alpha = np.random.default_rng(1).integers(0, 256, (20, 31, 1), dtype=np.uint8)
  a = alpha.astype(int)
  expected = (RGB * a + 255 * (255 - a) + 127) // 255
  rgba = np.concatenate([RGB, alpha], -1)
  for kind, settings in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
    got = images.load(encoded(rgba, kind, **settings)).astype(int)
    visible = np.broadcast_to(a > 0, got.shape)  # WebP drops invisible colours
    np.testing.assert_array_equal(got[visible], expected[visible])
    assert (got[~visible] == 255).all()
  grey_alpha = np.concatenate([RGB[..., :1], alpha], -1)
  got = images.load(encoded(Image.fromarray(grey_alpha, "LA"), "PNG"))
  np.testing.assert_array_equal(got, np.repeat(expected[..., :1], 3, -1))


def test_palette_transparency():
  image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
  image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
  got = images.load(encoded(image, "PNG", transparency=bytes([128, 255, 0])))
  np.testing.assert_array_equal(got, [[[127, 127, 127], [255, 0, 0], [255, 255, 255]]])
  got = images.load(encoded(image, "GIF", transparency=1))
  np.testing.assert_array_equal(got, [[[0, 0, 0], [255, 255, 255], [0, 0, 255]]])


@pytest.mark.parametrize(
  ("file", "expected"),
  [  # PNG colour type 0 is grey, 2 is RGB; tRNS names the one transparent value
    (png(4, 1, 1, 0, b"\0\x50", b"\0\1"), [0, 255, 0, 255]),
    (png(4, 1, 2, 0, b"\0\x1b", b"\0\2"), [0, 85, 255, 255]),
    (png(2, 1, 4, 0, b"\0\x1b", b"\0\1"), [255, 187]),
    (png(2, 1, 8, 0, b"\0\x1b\x40", b"\0\x1b"), [255, 64]),
    (png(2, 1, 16, 0, b"\0\x1b\x11\x40\x40", b"\x1b\x11"), [255, 64]),
  ],
)
def test_one_transparent_grey_of_any_depth(file, expected):
  np.testing.assert_array_equal(images.load(file)[0, :, 0], expected)


def test_one_transparent_colour_of_8_and_16_bits():
  rows = b"\0" + bytes([1, 2, 3, 4, 5, 6])
  file = png(2, 1, 8, 2, rows, b"\0\1\0\2\0\3")
  np.testing.assert_array_equal(images.load(file), [[[255] * 3, [4, 5, 6]]])
  # The second differs from the transparent one in a low byte only.
  samples = np.array([[[511, 767, 1023], [511, 767, 1022]]], ">u2")
  file = png(2, 1, 16, 2, b"\0" + samples.tobytes(), samples[0, 0].tobytes())
  np.testing.assert_array_equal(images.load(file), [[[255] * 3, [1, 2, 3]]])


@pytest.mark.parametrize("shape", [(20, 31), (2, 3), (1, 1)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_deep_transparent_colour_is_found_without_a_word(shape, interlaced, capfd):
  """Interlaced or not, with more bytes than the picture has and no end."""
  samples = np.random.default_rng(1).integers(0, 65536, (*shape, 3), dtype=np.uint16)
  passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4))
  passes = (*passes, (1, 0, 2, 2), (0, 1, 1, 2)) if interlaced else ((0, 0, 1, 1),)
  rows = b""
  for left, top, right, down in passes:
    part = samples[top::down, left::right].astype(">u2")
    rows += b"".join(b"\0" + row.tobytes() for row in part if row.size)
  key = samples[-1, -1].astype(">u2").tobytes()
  file = bytearray(png(*shape[::-1], 16, 2, rows + bytes(99), key))
  file[28] = interlaced
  file[29:33] = struct.pack(">I", zlib.crc32(file[12:29]))
  expected = high_byte(samples)
  expected[-1, -1] = 255
  if shape == (1, 1):
    with pytest.raises(images.NothingToSee):
      images.load(bytes(file))
  else:
    np.testing.assert_array_equal(images.load(bytes(file)), expected)
  assert capfd.readouterr().err == ""


SAMPLES = np.random.default_rng(2).integers(0, 65536, (20, 31, 4), dtype=np.uint16)


@pytest.mark.parametrize(
  "file",
  [
    cv2.imencode(".png", SAMPLES[..., 2::-1])[1].tobytes(),
    tiff(SAMPLES[..., :3], photometric="rgb"),
    tiff(SAMPLES[..., :3], photometric="rgb", byteorder=">", compression="zlib"),
  ],
  ids=["png", "tiff", "tiff-deflate"],
)
def test_16_bit_colour_keeps_its_high_byte(file):
  np.testing.assert_array_equal(images.load(file), high_byte(SAMPLES[..., :3]))


def test_16_bit_colour_in_separate_planes():
  """Pillow scrambles the uncompressed kind."""
  planes, settings = SAMPLES[..., :3].transpose(2, 0, 1), {"planarconfig": "separate"}
  with pytest.raises(images.ImageError, match="with a plane for each colour"):
    images.load(tiff(planes, photometric="rgb", **settings))
  got = images.load(tiff(planes, photometric="rgb", compression="zlib", **settings))
  np.testing.assert_array_equal(got, high_byte(SAMPLES[..., :3]))


def test_16_bit_colour_after_rotation():
  turn = [(274, 3, 1, 6, True)]  # the TIFF orientation tag
  file = tiff(SAMPLES[..., :3], photometric="rgb", extratags=turn)
  expected = np.rot90(high_byte(SAMPLES[..., :3]), -1)
  np.testing.assert_array_equal(images.load(file), expected)


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_16_bit_transparency(kind):
  colour, alpha = high_byte(SAMPLES[..., :3]).astype(int), high_byte(SAMPLES[..., 3:])
  expected = (colour * alpha + 255 * (255 - alpha.astype(int)) + 127) // 255
  if kind == "png":
    file = cv2.imencode(".png", SAMPLES[..., [2, 1, 0, 3]])[1].tobytes()
  else:
    file = tiff(SAMPLES, photometric="rgb", extrasamples=["unassalpha"])
  np.testing.assert_array_equal(images.load(file), expected)


@pytest.mark.parametrize(
  "file",
  [
    cv2.imencode(".png", SAMPLES[..., 0])[1].tobytes(),
    tiff(SAMPLES[..., 0]),
    tiff(SAMPLES[..., 0], byteorder=">"),
    tiff(65535 - SAMPLES[..., 0], photometric="miniswhite"),
  ],
  ids=["png", "tiff", "tiff-big-endian", "tiff-white-is-zero"],
)
def test_16_bit_grey_keeps_its_high_byte_and_is_replicated(file):
  expected = np.repeat(high_byte(SAMPLES[..., :1]), 3, -1)
  np.testing.assert_array_equal(images.load(file), expected)


@pytest.mark.parametrize(
  ("dtype", "reason"), [(np.float32, "floating-point"), (np.int32, "32-bit")]
)
def test_samples_without_an_agreed_white_are_refused(dtype, reason):
  with pytest.raises(images.ImageError, match=f"{reason} samples have no agreed white"):
    images.load(tiff(np.ones((4, 5), dtype)))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_picture_of_an_animation_or_a_multi_page_file(kind):
  pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
  settings = {"lossless": True} if kind == "WEBP" else {}
  file = encoded(pages[0], kind, save_all=True, append_images=pages[1:], **settings)
  np.testing.assert_array_equal(images.load(file), np.asarray(pages[0]))


def test_a_large_picture_is_refused_from_its_header():
  """30,000 x 30,000, and no pixel data at all: decoding could only fail otherwise."""
  file = png(30_000, 30_000, 8, 2, b"")
  with pytest.raises(
    images.ImageError, match=r"900,000,000 pixels, more than .* limit"
  ):
    images.load(file)
  just_over = png(
    10_001, 10_000, 1, 0, b""
  )  # above Pillow's own warning, below its error
  with pytest.raises(images.ImageError, match="100,010,000 pixels"):
    images.load(just_over)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_pixel_limit_is_inclusive_and_can_be_set(kind):
  file = encoded(RGB, kind)
  assert images.load(file, max_pixels=620).shape == RGB.shape
  with pytest.raises(images.ImageError, match=r"20 is 620 pixels, more than .* 619"):
    images.load(file, max_pixels=619)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "JPEG", "WEBP"])
def test_pillows_own_limit_neither_warns_nor_refuses(kind, monkeypatch):
  monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # RGB has 620, six times as many
  file = encoded(RGB, kind)
  assert images.load(file).shape == RGB.shape
  monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
  with pytest.raises(images.ImageError, match=r"more .*than the limit of 300; raise"):
    images.load(file, max_pixels=300)


TEXTURE = cv2.resize(RGB, (120, 90))


@pytest.mark.parametrize(
  ("kind", "settings"),
  [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("JPEG", {"restart_marker_rows": 1}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
    ("TIFF", {}),
    ("GIF", {}),
  ],
)
def test_a_file_cut_short_is_refused_or_complete(kind, settings):
  file = encoded(TEXTURE, kind, **settings)
  whole = images.load(file)
  refused = 0
  for length in [*range(1, len(file), len(file) // 40), len(file) - 1]:
    try:
      got = images.load(file[:length])
    except images.ImageError:
      refused += 1
      continue
    np.testing.assert_array_equal(got, whole)  # only what follows the pixels is missing
  assert refused >= 38


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_that_hides_its_lost_end_is_refused(share):
  file = encoded(TEXTURE, "JPEG")
  part = file[: int(len(file) * share)]
  with pytest.raises(images.ImageError, match="filled with zeros"):
    images.load(part + bytes(len(file) - len(part)))
  with pytest.raises(images.ImageError, match="cut short JPEG"):
    images.load(part + b"\xff\xd9")  # an end mark, as repair tools add


@pytest.mark.parametrize("tail", [b"", b"\xff\xd9", bytes(50), b"camera's notes"])
@pytest.mark.parametrize(
  "settings",
  [
    {},
    {"subsampling": 0, "quality": 100},
    {"optimize": True, "quality": 5},
    {"progressive": True},
    {"restart_marker_blocks": 2},
  ],
)
def test_whole_jpegs_are_decoded_as_pillow_does(settings, tail):
  file = encoded(TEXTURE, "JPEG", **settings)
  with Image.open(io.BytesIO(file)) as image:
    expected = np.asarray(image)
  np.testing.assert_array_equal(images.load(file + tail), expected)


def test_the_quick_decoder_of_jpegs_takes_only_what_pillow_reads_alike():
  """Of sound and changed files; 180,000 by other seeds were seen to agree."""
  draws = np.random.default_rng(0)
  kinds = ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"optimize": True})
  sound = [
    encoded(TEXTURE, "JPEG", quality=quality, subsampling=subsampling, **settings)
    for quality in (30, 90)
    for subsampling in (0, 1, 2)
    for settings in kinds
  ]
  taken = 0
  for number in range(2000):
    file = bytearray(sound[number % len(sound)])
    for at in draws.integers(len(file), size=number // len(sound) and 2):
      file[at] = draws.integers(256)
    try:
      essence = jpeg.essence(bytes(file))
    except images.ImageError:
      continue
    rgb = jpeg.quick(essence, images.MAX_PIXELS)
    assert rgb is not None or number >= len(sound)
    if rgb is not None:
      taken += 1
      image = JpegImagePlugin.JpegImageFile(io.BytesIO(essence.data))
      np.testing.assert_array_equal(rgb, np.asarray(image))
  assert 300 < taken < 1900


@pytest.mark.parametrize("error", [MemoryError("no room"), RuntimeError("no room")])
def test_whatever_the_quick_decoder_raises_is_a_reason(error, monkeypatch):
  def decode(*args, **settings):
    raise error

  monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
  with pytest.raises(images.ImageError, match="damaged or cut short JPEG: no room"):
    images.load(encoded(RGB, "JPEG"))


@pytest.mark.parametrize(
  ("content", "reason"),
  [
    (b"", r"empty \(0 bytes\)"),
    (
      b"This is a diary, not a picture.\n",
      "not a JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC or",
    ),
    (b"%PDF-1.7", "not a JPEG, PNG"),
    (b"BMW is a car", "not a readable BMP"),
    (b"\xff\xd8\xff", "not a readable JPEG"),
    (b"\x89PNG\r\n\x1a\nrest", "not a readable PNG"),
    (b"RIFF\0\0\0\0WAVEfmt ", "not a JPEG, PNG"),
  ],
)
def test_what_is_not_a_picture_is_refused_in_one_line(tmp_path, content, reason):
  path = tmp_path / "picture.jpg"
  path.write_bytes(content)
  with pytest.raises(images.ImageError, match=reason) as caught:
    images.load(path)
  assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
  with pytest.raises(images.ImageError, match="cannot be opened: No such file"):
    images.load(tmp_path / "none.jpg")
  with pytest.raises(images.ImageError, match="cannot be opened: "):
    images.load(tmp_path)


def test_many_threads_read_the_same_as_one():
  files = [
    encoded(np.roll(TEXTURE, shift), kind)
    for shift in range(8)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")
  ]
  alone = [images.load(file) for file in files]
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for image, other in zip(alone, pool.map(images.load, files), strict=True):
      np.testing.assert_array_equal(image, other)


LINEAR = images.View("net", "crop", short_px=256, side_px=227, interpolation="linear")
WHOLE = images.View("map", "squash", short_px=513, side_px=513, interpolation="linear")
CUT = images.View("cut", "cut", short_px=292, side_px=260, interpolation="cubic")


@pytest.mark.parametrize("chosen", [images.SQUASH, images.CROP, LINEAR, WHOLE, CUT])
@pytest.mark.parametrize(
  "shape", [(1, 1), (1, 5000), (5000, 1), (1, 1_000_000), (255, 257), (256, 256)]
)
def test_views_have_one_shape_and_keep_a_flat_colour(shape, chosen):
  rgb = np.full((*shape, 3), (10, 200, 90), np.uint8)
  got = images.view(rgb, chosen)
  assert got.shape == (chosen.side_px, chosen.side_px, 3) and got.dtype == np.uint8
  assert (got == (10, 200, 90)).all()


@pytest.mark.parametrize(
  ("shape", "rows", "columns"),
  [
    ((400, 500), (10, 90), (0, 100)),
    ((7, 3), (0, 100), (28, 71)),
    ((100, 100), (0, 100), (0, 100)),
    ((1, 5000), (49, 50), (0, 100)),
  ],
)
def test_a_pad_shows_the_whole_picture_amid_grey(shape, rows, columns):
  """By hand: the longer side is 100 pixels, an odd rest is below and right."""
  rgb = np.full((*shape, 3), (10, 200, 90), np.uint8)
  pad = images.View("pad", "pad", short_px=100, side_px=100, interpolation="area")
  expected = np.full((100, 100, 3), 128, np.uint8)
  expected[slice(*rows), slice(*columns)] = (10, 200, 90)
  np.testing.assert_array_equal(images.view(rgb, pad), expected)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
  st.integers(1, 700),
  st.integers(1, 700),
  st.sampled_from([images.SQUASH, images.CROP, LINEAR]),
)
def test_views_stay_within_the_pictures_colours(height, width, chosen):
  rgb = np.random.default_rng(height).integers(50, 200, (height, width, 3))
  got = images.view(rgb.astype(np.uint8), chosen)
  assert got.shape == (chosen.side_px, chosen.side_px, 3)
  assert got.min() >= 50 and got.max() < 200


def test_squash_averages_over_areas():
  """Each pixel of the view is the rounded mean of 2 x 3 pixels of the picture."""
  rgb = np.random.default_rng(3).integers(0, 256, (512, 768, 3), dtype=np.uint8)
  mean = rgb.reshape(256, 2, 256, 3, 3).mean((1, 3))
  got = images.view(rgb, images.SQUASH).astype(float)
  assert np.abs(got - mean).max() <= 0.5 + 1e-6


def test_squash_averages_along_the_long_side_of_a_strip():
  strip = np.zeros((1, 2560, 3), np.uint8)
  strip[:, ::2] = 200  # plain interpolation would see only one of the two levels
  assert (images.view(strip, images.SQUASH) == 100).all()


def test_crop_takes_the_centre():
  rgb = np.zeros((256, 656, 3), np.uint8)
  rgb[:, 200:456] = RGB[0, 0]
  assert (images.view(rgb, images.CROP) == RGB[0, 0]).all()
  rgb = np.zeros((1000 * 2, 2, 3), np.uint8)  # a strip, cut before it is scaled
  rgb[999:1001] = 255
  assert (images.view(rgb, images.CROP)[64:192] == 255).all()  # blended further out


def test_linear_is_pillows_bilinear_and_the_middle_is_rounded_down():
  rgb = np.random.default_rng(4).integers(0, 256, (360, 480, 3), dtype=np.uint8)
  resized = Image.fromarray(rgb).resize((341, 256), Image.Resampling.BILINEAR)
  expected = np.asarray(resized)[14 : 14 + 227, 57 : 57 + 227]
  np.testing.assert_array_equal(images.view(rgb, LINEAR), expected)


def test_cut_takes_a_share_of_the_short_side_from_the_centre():
  """Where no pixel is cut in two, it is cropping, then Pillow's bicubic resize."""
  rgb = np.random.default_rng(5).integers(0, 256, (584, 700, 3), dtype=np.uint8)
  assert np.array_equal(images.view(rgb[:292, :400], CUT), rgb[16:276, 70:330])
  half = Image.fromarray(rgb).resize(
    (260, 260), Image.Resampling.BICUBIC, box=(90, 32, 610, 552)
  )
  assert np.array_equal(images.view(rgb, CUT), np.asarray(half))
  inside = Image.fromarray(rgb[32:552, 90:610])
  inside = np.asarray(inside.resize((260, 260), Image.Resampling.BICUBIC))
  # The kernel reaches two pixels of the view beyond the edge, where there are some.
  assert np.array_equal(images.view(rgb, CUT)[2:-2, 2:-2], inside[2:-2, 2:-2])


@pytest.mark.parametrize("size", [(399, 401), (720, 1001), (3, 2)])
def test_cut_of_a_mirrored_picture_is_the_mirrored_cut(size):
  """The square is not moved to whole pixels, so no side is favoured."""
  rgb = np.random.default_rng(6).integers(0, 256, (*size, 3), dtype=np.uint8)
  mirrored = images.view(rgb[:, ::-1], CUT)[:, ::-1].astype(int)
  assert np.abs(mirrored - images.view(rgb, CUT)).max() <= 1  # rounded twice


def test_cubic_squash_is_pillows_bicubic():
  rgb = np.random.default_rng(7).integers(0, 256, (90, 120, 3), dtype=np.uint8)
  view = images.View("v", "squash", short_px=64, side_px=64, interpolation="cubic")
  expected = Image.fromarray(rgb).resize((64, 64), Image.Resampling.BICUBIC)
  assert np.array_equal(images.view(rgb, view), np.asarray(expected))


def test_proportional_is_the_whole_picture_in_the_nearest_of_a_few_shapes():
  view = images.View(
    "v", "proportional", short_px=0, side_px=288, interpolation="cubic"
  )
  sizes = {
    (1, 1): (288, 288),
    (400, 500): (256, 320),
    (480, 640): (256, 320),
    (500, 750): (224, 352),
    (1080, 1920): (224, 352),
    (400, 1000): (192, 416),
    (1, 5000): (192, 416),
  }
  for (short, long), (height, width) in sizes.items():
    assert view.shape(short, long) == (height, width)
    assert view.shape(long, short) == (width, height)
  rgb = np.random.default_rng(8).integers(0, 256, (90, 120, 3), dtype=np.uint8)
  expected = Image.fromarray(rgb).resize((320, 256), Image.Resampling.BICUBIC)
  assert np.array_equal(images.view(rgb, view), np.asarray(expected))


def test_a_proportional_view_has_whole_pixels():
  with pytest.raises(ValueError, match="multiple of 9 pixels, not 260"):
    images.View("v", "proportional", short_px=0, side_px=260, interpolation="cubic")


@pytest.mark.parametrize(
  "wrong",
  [
    np.zeros((4, 4, 3), np.float32),
    np.zeros((4, 4), np.uint8),
    np.zeros((4, 4, 4), np.uint8),
    np.zeros((0, 4, 3), np.uint8),
  ],
)
def test_view_refuses_what_load_does_not_give(wrong):
  with pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8"):
    images.view(wrong, images.SQUASH)


@pytest.mark.parametrize(
  "settings",
  [
    {"fit": "stretch", "short_px": 8, "side_px": 8, "interpolation": "area"},
    {"fit": "crop", "short_px": 8, "side_px": 9, "interpolation": "area"},
    {"fit": "squash", "short_px": 8, "side_px": 8, "interpolation": "nearest"},
    {"fit": "cut", "short_px": 8, "side_px": 9, "interpolation": "cubic"},
    {"fit": "cut", "short_px": 8, "side_px": 8, "interpolation": "area"},
    {"fit": "pad", "short_px": 8, "side_px": 0, "interpolation": "area"},
  ],
)
def test_impossible_views_are_refused(settings):
  with pytest.raises(
    ValueError, match=r"fit must be|interpolation must be|cannot be cut"
  ):
    images.View("v", **settings)


def test_walk_lists_pictures_by_suffix_in_order(tmp_path):
  names = [
    "b.JPG",
    "a/z.png",
    "a/b.tiff",
    "c.txt",
    ".hidden.jpg",
    ".git/x.png",
    "A.gif",
  ]
  for name in names:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
  names = [str(path.relative_to(tmp_path)) for path in images.walk(tmp_path)]
  assert names == ["A.gif", str(pathlib.Path("a/b.tiff")), "a/z.png", "b.JPG"]


def test_files_that_are_no_pictures_by_their_names_are_told_apart(tmp_path):
  for name in ("a.JPG", "notes.txt", "deep/b.png", "deep/none", ".hidden"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
  names = [path.relative_to(tmp_path).as_posix() for path in images.others(tmp_path)]
  assert names == ["deep/none", "notes.txt"]
  assert len(images.walk(tmp_path)) == 2


def test_walk_refuses_what_is_not_a_folder(tmp_path):
  with pytest.raises(images.ImageError, match="does not exist"):
    images.walk(tmp_path / "none")
  (tmp_path / "file").touch()
  with pytest.raises(images.ImageError, match="is a file"):
    images.walk(tmp_path / "file")


def test_every_oasis_photograph_is_500_by_400(shared_data):
  for path in images.walk(shared_data / "oasis" / "images")[::20]:
    assert images.load(path).shape == (400, 500, 3)
