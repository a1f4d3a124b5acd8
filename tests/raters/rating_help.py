"""What tests of the rating page share: pictures of odd names, and pages of them."""

import csv
import dataclasses
import io

import numpy as np
from PIL import Image

from emojax.raters.config import RatingPageConfig
from emojax.raters.rating_page import page, pictures

_SETTINGS = RatingPageConfig()
_COLUMNS = ["worker", "image", "valence", "arousal", "seconds", "shown_at"]
_NASTY = "<script>alert(1)<!-- &amp;.png"
NAMES = ('a, "b".png', "line\nbreak.png", "θάλασσα.jpg", _NASTY, "=1+1.png")
PLAIN = tuple(f"{i}.png" for i in range(30))


def draw(folder, names):
  """Makes small pictures of different colours; returns the folder."""
  for i, name in enumerate(names):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = np.full((90, 120, 3), (40 * i % 256, 90, 7 * i % 256), np.uint8)
    Image.fromarray(rgb).save(path)
  return folder


def make(folder, **settings):
  """The page of a folder of pictures."""
  changed = dataclasses.replace(_SETTINGS, **settings)
  images = [image for _, image in pictures.collect(folder, changed)]
  return page.page([image for image in images if image], changed)


def write(place, name, folder, **settings):
  """A page as a file; its address."""
  path = place / f"{name}.html"
  path.write_text(make(folder, **settings), encoding="utf-8", newline="\n")
  return path.as_uri()


def read(text):
  """Rows of the CSV that a page hands in."""
  rows = list(csv.reader(io.StringIO(text, newline="")))
  assert rows[0] == _COLUMNS
  return rows[1:]
