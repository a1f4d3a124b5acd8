"""The page of predictions: which pictures it shows, and what it says of the others."""

import os

import numpy as np
import pytest
from PIL import Image

from emojax.predict import page
from emojax.predict.predictions import Predictions
from emojax.utils import files


@pytest.fixture
def predictions(tmp_path):
  """Scored pictures: plain, of a name that is no UTF-8, gone, large, and outside."""
  folder = tmp_path / "named"
  names = ("a.png", os.fsdecode(b"caf\xe9.png"), "gone.png", "large.png", "link.png")
  folder.mkdir()
  for name in names[:2]:
    Image.new("RGB", (40, 30)).save(folder / name)
  Image.new("RGB", (200, 300)).save(folder / names[3])
  Image.new("RGB", (40, 30)).save(tmp_path / "private.png")
  (folder / names[4]).symlink_to("../private.png")
  number = len(names) + 1
  values = dict.fromkeys(("valence", "arousal"), np.linspace(2, 8, number))
  return Predictions(
    paths=[*(folder / name for name in names), None],
    mean=values,
    low=values,
    high=values,
    std=values,
    distance=np.ones(number),
    status=["ok"] * number,
    reason=[""] * number,
    scales=dict.fromkeys(values, (1.0, 9.0)),
  )


def test_what_a_gallery_lacks_is_told(predictions, tmp_path):
  text, hidden = page.gallery_page(predictions, "t", [], [tmp_path / "named"], 50_000)
  reasons = [line.rpartition("/")[2] for line in hidden]
  assert reasons[0].startswith("gone.png: the file cannot be opened")
  assert reasons[1].startswith("large.png: 200 x 300 is 60,000 pixels, more than")
  assert "link.png: it lies in " in hidden[2] and "outside of what" in hidden[2]
  assert "it is no file" in hidden[3]
  assert "4 scored pictures are not shown" in text and "Scored, but not shown" in text
  assert text.count("data:image/jpeg") == 2  # once each, for the plane and its table
  files.write(tmp_path / "gallery.html", text)
  assert "caf\\udce9.png" in (tmp_path / "gallery.html").read_text("utf-8")


def test_a_gallery_shows_what_was_scored(predictions, tmp_path):
  """As large as --max_pixels allows; a link to a folder that is named too."""
  _, hidden = page.gallery_page(predictions, "t", [], [tmp_path], 60_000)
  assert [line.partition(":")[0].rpartition("/")[2] for line in hidden] == [
    "gone.png",
    "",
  ]
