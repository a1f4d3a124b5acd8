"""Small JPEGs of images, as data addresses for HTML."""

import base64
import io

import numpy as np
from PIL import Image

_SIDE_PX = 112
_GAP_PX = 4  # between two pictures side by side
_QUALITY = 72


def thumbnail(picture: np.ndarray) -> str:
  """A small JPEG of a picture (H, W, 3) uint8 RGB, as a data address for HTML."""
  image = Image.fromarray(picture)
  image.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
  return _address(image)


def side_by_side(first: np.ndarray, second: np.ndarray) -> str:
  """Two pictures, (H, W, 3) uint8 RGB, as one small JPEG, as a data address."""
  made = []
  for picture in (first, second):
    one = Image.fromarray(picture)
    one.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    made.append(one)
  canvas = Image.new("RGB", (2 * _SIDE_PX + _GAP_PX, _SIDE_PX), "white")
  for number, one in enumerate(made):
    left = number * (_SIDE_PX + _GAP_PX) + (_SIDE_PX - one.width) // 2
    canvas.paste(one, (left, (_SIDE_PX - one.height) // 2))
  return _address(canvas)


def _address(image: Image.Image, quality: int = _QUALITY) -> str:
  file = io.BytesIO()
  image.save(file, "JPEG", quality=quality, optimize=True)
  return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def jpeg(rgb: np.ndarray, side_px: int, quality: int) -> tuple[str, int, int]:
  """A picture (H, W, 3) uint8 as a data address, with its width and height there."""
  image = Image.fromarray(rgb)
  image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
  return _address(image, quality), image.width, image.height
