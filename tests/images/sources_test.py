"""Which files are opened and how far, and what else may be an image."""

import io
import os
import pathlib
import socket
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from images.odd_blocks import RGB, RGBA, encoded, exif
from images.odd_files import jpeg, segment
from PIL import Image

from emojax import images
from emojax.images import sources


def _pipe(path: pathlib.Path) -> None:
  os.mkfifo(path)


def _socket(path: pathlib.Path) -> None:
  with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(os.path.relpath(path))  # the whole path may be too long


@pytest.mark.parametrize(
  ("make", "reason"),
  [
    (_pipe, "it is a named pipe, not a regular file"),
    (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a regular file"),
    (lambda path: path.symlink_to("/dev/tty"), "cannot be opened"),
    (_socket, "cannot be opened"),
    (pathlib.Path.mkdir, "it is a folder without pictures"),
    (lambda path: path.symlink_to("nowhere"), "cannot be opened: No such file"),
    (lambda path: path.symlink_to(path.name), "cannot be opened: Too many levels"),
  ],
)
def test_only_regular_files_are_read(make, reason, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  path = tmp_path / "a.jpg"
  make(path)
  with pytest.raises(images.ImageError, match=reason) as caught:
    images.read(path)
  assert "\n" not in str(caught.value)


def test_a_missing_file_is_told_from_an_unreadable_one(tmp_path):
  with pytest.raises(images.MissingFile, match="cannot be opened: No such file"):
    images.read(tmp_path / "none.jpg")
  with pytest.raises(images.ImageError, match="cannot be opened: ") as caught:
    images.read(tmp_path / ("x" * 300))
  assert not isinstance(caught.value, images.MissingFile)
  with pytest.raises(images.ImageError, match=r"cannot be opened: .*null"):
    images.read("a\0.jpg")


@pytest.mark.skipif(sys.platform != "linux", reason="such files are Linux's own")
def test_all_of_a_file_is_read_that_is_longer_than_it_says():
  """As one is that grows: of this one the system says that it has no bytes."""
  path = pathlib.Path("/proc/version")
  assert path.stat().st_size == 0
  content = path.read_bytes()
  assert images.read(path) == content
  assert sources.read_path(path, 5) == content[:6]


def test_a_link_to_a_file_is_the_file(tmp_path):
  (tmp_path / "a.png").write_bytes(encoded("PNG"))
  (tmp_path / "b.png").symlink_to("a.png")
  np.testing.assert_array_equal(images.load(tmp_path / "b.png"), RGB)


def test_the_size_of_a_file_is_bounded_before_reading(tmp_path):
  path = tmp_path / "large.png"
  with path.open("wb") as file:
    file.truncate(1 << 40)  # a hole, not a terabyte
  with pytest.raises(images.ImageError, match=r"more than 867,108,864 bytes.*pixel"):
    images.load(path)
  endless = io.BytesIO(bytes(70_000_000))
  with pytest.raises(images.ImageError, match="more than 67,116,864 bytes"):
    images.read(endless, max_pixels=1000)


@pytest.mark.slow
def test_a_jpeg_of_padding_ends_soon():
  with pytest.raises(images.ImageError, match="holds no pixels"):
    images.load(b"\xff\xd8" + b"\xff" * 90_000_000)
  half = b"\xff\xd8" + b"\xff" * 5_000_000
  np.testing.assert_array_equal(images.load(half + jpeg()[2:]), images.load(jpeg()))


def test_a_jpeg_of_ten_thousand_scans_is_refused_at_once():
  file = encoded("JPEG", Image.new("RGB", (1500, 1000)), progressive=True)
  frame = file.index(b"\xff\xda")
  end = file.rindex(b"\xff\xda")  # the last scan refines a picture that stays as it is
  many = file[:-2] + file[end:-2] * 10_000 + b"\xff\xd9"
  assert frame < end
  with pytest.raises(images.ImageError, match=r"1,500,000 pixels .* 2,000 scans"):
    images.load(many)
  # Neither comments between scans nor what follows the end are counted as scans.
  beside = segment(0xFE, b"\xff\xd9\xff\xda" * 9)
  some = file[:end] + beside + file[end:] + b"\xff\xda\0\4" * 9999
  np.testing.assert_array_equal(images.load(some), images.load(file))


GREY = RGB[..., 0]


@pytest.mark.parametrize(
  ("source", "expected"),
  [
    (GREY, np.repeat(GREY[..., None], 3, 2)),
    (GREY[..., None], np.repeat(GREY[..., None], 3, 2)),
    (RGB, RGB),
    (RGB[::-1], RGB[::-1]),
    (RGBA, images.load(encoded("PNG", Image.fromarray(RGBA)))),
    (jnp.asarray(RGB), RGB),
    (Image.fromarray(RGB), RGB),
    (Image.fromarray(GREY), np.repeat(GREY[..., None], 3, 2)),
    (Image.fromarray(RGBA), images.load(encoded("PNG", Image.fromarray(RGBA)))),
    (Image.fromarray(GREY.astype(np.uint16) * 257), np.repeat(GREY[..., None], 3, 2)),
    (Image.open(io.BytesIO(encoded("PNG"))), RGB),
    (Image.open(io.BytesIO(encoded("PNG", exif=exif(6)))), np.rot90(RGB, -1)),
    (encoded("PNG"), RGB),
    (bytearray(encoded("PNG")), RGB),
    (memoryview(encoded("PNG")), RGB),
    (io.BytesIO(encoded("PNG")), RGB),
  ],
)
def test_arrays_pillow_images_and_open_files_are_images(source, expected):
  assert images.is_image(source)
  np.testing.assert_array_equal(images.load(source), expected)
  np.testing.assert_array_equal(images.load(source), expected)  # not used up


def test_an_open_file_is_read_from_its_beginning(tmp_path):
  path = tmp_path / "a.png"
  path.write_bytes(encoded("PNG"))
  with path.open("rb") as file:
    file.seek(9)
    np.testing.assert_array_equal(images.load(file), RGB)
  with pytest.raises(images.ImageError, match="closed file"):
    images.load(file)
  with (
    path.open(encoding="latin-1") as file,
    pytest.raises(images.ImageError, match=r"gives str, expected bytes.*rb"),
  ):
    images.load(file)


def _cut() -> Image.Image:
  return Image.open(io.BytesIO(encoded("PNG")[:90]))


@pytest.mark.parametrize(
  ("source", "reason"),
  [
    (np.zeros((0, 4, 3), np.uint8), r"got \(0, 4, 3\) uint8"),
    (np.zeros((4, 4, 3)), r"got \(4, 4, 3\) float64"),
    (np.zeros((4, 4, 2), np.uint8), r"got \(4, 4, 2\) uint8"),
    (np.zeros((2, 4, 4, 3), np.uint8), r"got \(2, 4, 4, 3\) uint8"),
    (np.float32(3), r"got \(\) float32"),
    (Image.new("F", (4, 4)), "floating-point samples"),
    (Image.new("RGBA", (4, 4)), "every pixel is transparent"),
    (Image.new("RGB", (0, 4)), "no pixels"),
    (Image.new("1", (10_001, 10_000)), "100,010,000 pixels, more"),
    (_cut(), "not a readable Pillow image"),
    (b"", r"empty \(0 bytes\)"),
    (io.BytesIO(), r"empty \(0 bytes\)"),
  ],
)
def test_a_bad_image_is_an_error_in_one_line(source, reason):
  assert images.is_image(source)
  with pytest.raises(images.ImageError, match=reason) as caught:
    images.load(source)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 3, ["a.jpg"], {"a": 1}, np.array(["a.jpg"])])
def test_what_is_no_image_is_named(value):
  assert not images.is_image(value)
  with pytest.raises(TypeError, match=f"got {type(value).__name__}"):
    images.load(value)
