"""Picture files as the rating page shows them: upright, small, one row per file."""

import base64
import dataclasses
import io
import os

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from emojax import images
from emojax.raters.config import RatingPageConfig
from emojax.raters.rating_page import pictures

_SETTINGS = RatingPageConfig()


def _save(path, width=40, height=30, **options):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(path, **options)


def _collect(folder, **settings):
  changed = dataclasses.replace(_SETTINGS, **settings)
  return list(pictures.collect(folder, changed))


def _opened(image):
  head, _, coded = image.source.partition(",")
  assert head == "data:image/jpeg;base64"
  return Image.open(io.BytesIO(base64.b64decode(coded)))


def test_large_pictures_are_made_smaller_and_small_ones_are_not(tmp_path):
  _save(tmp_path / "a.png", 1600, 1000)
  _save(tmp_path / "b.png", 40, 30)
  (_, large), (_, small) = _collect(tmp_path)
  assert (large.width, large.height) == (800, 500) == _opened(large).size
  assert (small.width, small.height) == (40, 30) == _opened(small).size
  ((_, other), _) = _collect(tmp_path, side_px=160)
  assert (other.width, other.height) == (160, 100)


def test_pictures_are_upright_and_say_nothing_about_the_camera(tmp_path):
  exif = Image.Exif()
  exif[274] = 6  # the stored rows are the seen columns
  exif[271] = "a camera"
  _save(tmp_path / "a.jpg", 40, 30, exif=exif)
  ((_, image),) = _collect(tmp_path)
  assert (image.width, image.height) == (30, 40)
  assert not _opened(image).getexif()


def test_every_file_has_a_row_in_order(tmp_path):
  _save(tmp_path / "b" / "1.png")
  (tmp_path / "a.jpg").write_bytes(b"")
  (tmp_path / "c.png").write_bytes(b"no picture")
  (tmp_path / "notes.txt").write_text("no row")
  rows = [row for row, _ in _collect(tmp_path)]
  assert [row.path for row in rows] == ["a.jpg", "b/1.png", "c.png"]
  assert [row.status for row in rows] == ["error", "ok", "error"]
  assert "empty" in rows[0].reason and "not a JPEG" in rows[2].reason


def test_a_file_that_may_not_be_read_is_a_row(tmp_path):
  (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
  ((row, image),) = _collect(tmp_path)
  assert image is None and row.reason.endswith("No such file or directory")


def test_addresses_on_a_server_are_quoted(tmp_path):
  name = 'b/50% "Ω" #1?.png'
  _save(tmp_path / name)
  ((_, image),) = _collect(tmp_path, base_url="https://example.org/set/")
  assert image.name == name
  assert image.source == (
    "https://example.org/set/b/50%25%20%22%CE%A9%22%20%231%3F.png"
  )


def test_names_that_are_no_text_are_quoted_as_their_bytes(tmp_path):
  try:
    _save(tmp_path / os.fsdecode(b"\xff.png"))
  except (OSError, UnicodeError):
    pytest.skip("this file system takes only names that are text")
  ((_, image),) = _collect(tmp_path, base_url="https://example.org")
  assert image.source == "https://example.org/%FF.png"
  assert image.name == "\\udcff.png"


@pytest.mark.parametrize(("name", "kind"), [("a.tif", "TIFF"), ("a.heic", "HEIC")])
def test_what_browsers_do_not_show_is_told_where_it_would_be_loaded(
  tmp_path, name, kind
):
  if kind == "HEIC":
    image = Image.new("RGB", (64, 48), "red")
    pillow_heif.from_pillow(image).save(tmp_path / name)
  else:
    _save(tmp_path / name)
  ((row, _),) = _collect(tmp_path)
  assert row.status == "ok"
  ((row, _),) = _collect(tmp_path, base_url="https://example.org")
  assert row.status == "error" and f"browsers do not show {kind}" in row.reason


def test_line_breaks_in_names_do_not_survive_a_form_post(tmp_path):
  _save(tmp_path / "a\nb.png")
  ((row, _),) = _collect(tmp_path)
  assert row.status == "ok"
  ((row, _),) = _collect(tmp_path, post_url="https://example.org")
  assert row.status == "error" and "rename it" in row.reason


def test_the_digest_is_the_file_s(tmp_path):
  _save(tmp_path / "a.png")
  ((_, first),) = _collect(tmp_path)
  ((_, again),) = _collect(tmp_path, quality=50)
  _save(tmp_path / "a.png", 41)
  ((_, other),) = _collect(tmp_path)
  assert first.digest == again.digest != other.digest


def test_no_folder(tmp_path):
  with pytest.raises(images.ImageError, match="does not exist"):
    _collect(tmp_path / "none")


def test_listed_names_may_be_spelled_otherwise(tmp_path):
  r"""As tables have them: of Windows, taken apart by a Mac, without suffix, twice."""
  for name in ("set1/p0.png", "Zo\u00eb.png", "last.png"):
    _save(tmp_path / name)
  only = ["set1\\p0.png", "Zoe\u0308.png", "./last", "set1//p0.png"]
  rows = [row for row, _ in pictures.collect(tmp_path, _SETTINGS, only=only)]
  assert [(row.path, row.status) for row in rows] == [
    ("set1/p0.png", "ok"),
    ("Zo\u00eb.png", "ok"),
    ("last.png", "ok"),
  ]


def test_a_folder_before_all_names_is_left_out(tmp_path):
  _save(tmp_path / "a.png")
  _save(tmp_path / "b" / "c.png")
  only = ["pictures/a.png", "pictures/b/c.png"]
  rows = [row for row, _ in pictures.collect(tmp_path, _SETTINGS, only=only)]
  assert [row.path for row in rows] == ["a.png", "b/c.png"]


def test_a_listed_name_that_is_not_there_gets_a_hint(tmp_path):
  for name in ("Beach.png", "two.png", "x/two.jpg"):
    _save(tmp_path / name)
  only = ["beach.png", "nowhere.png", "gone/elsewhere.png", *map(str, range(200))]
  rows = [row for row, _ in pictures.collect(tmp_path, _SETTINGS, only=only)]
  assert [row.reason for row in rows[:3]] == [
    "there is no such file; there is 'Beach.png'",
    "there is no such file",
    "there is no such file",
  ]
  assert len(rows) == 203 and {row.status for row in rows} == {"error"}
  assert rows[-1].reason.endswith("No such file or directory")


def test_a_listed_name_of_two_files_is_no_guess(tmp_path):
  for name in ("two.png", "two.jpg"):
    _save(tmp_path / name)
  ((row, image),) = pictures.collect(tmp_path, _SETTINGS, only=["two"])
  assert (
    image is None
    and row.reason == "'two' may be 'two.jpg' or 'two.png': write it whole"
  )
