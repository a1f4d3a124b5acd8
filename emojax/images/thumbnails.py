"""Small JPEGs of images, as data addresses for HTML."""

import base64
import io

import numpy as np
from PIL import Image

_SIDE_PX = 160  # seen at half of that in lists, whole in a plane's preview
_GAP_PX = 4  # between two pictures side by side
_QUALITY = 72


def thumbnail(image: np.ndarray) -> str:
  """A small JPEG of a picture (H, W, 3) uint8 RGB, as a data address for HTML."""
  small = Image.fromarray(image)
  small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
  return _address(small)


def side_by_side(first: np.ndarray, second: np.ndarray) -> str:
  """Two pictures, (H, W, 3) uint8 RGB, as one small JPEG, as a data address."""
  halves = [Image.fromarray(image) for image in (first, second)]
  for half in halves:
    half.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
  canvas = Image.new("RGB", (2 * _SIDE_PX + _GAP_PX, _SIDE_PX), "white")
  for number, half in enumerate(halves):
    left = number * (_SIDE_PX + _GAP_PX) + (_SIDE_PX - half.width) // 2
    canvas.paste(half, (left, (_SIDE_PX - half.height) // 2))
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
