"""RGB arrays of any shape become ones of one shape, or of a few."""

import dataclasses
import math

import cv2
import numpy as np
from PIL import Image

GREY = 128  # of the square that a "pad" lays pictures on
_FITS = ("squash", "proportional", "crop", "cut", "pad")
_PILLOW = {"linear": Image.Resampling.BILINEAR, "cubic": Image.Resampling.BICUBIC}
# Shapes of about equal area, as ninths of the side of the square among them: 1, 1.25,
# 1.57 and 2.17 times as long as wide. Few, because programs are compiled for each; up
# to 2.5 times as long as wide no picture is stretched by more than 1.2.
_SHAPES = ((9, 9), (8, 10), (10, 8), (7, 11), (11, 7), (6, 13), (13, 6))
_SHAPE_UNITS = 9


@dataclasses.dataclass(frozen=True)
class View:
  """How a picture of any shape becomes a square of `side_px` pixels.

  Attributes:
    name: what the view is called in tables and messages.
    fit: "squash" scales the whole picture, whatever its shape, to the square;
      "proportional" scales it to the one of a few shapes, of about the square's area,
      that is nearest to its own; "crop" scales it to a short side of `short_px` and
      cuts the square from its centre; "cut" takes `side_px / short_px` of the short
      side from the centre, to a fraction of a pixel, and scales that to the square;
      "pad" scales the whole picture to a long side of `side_px` and lays it on the
      middle of a grey square.
    short_px: short side before the cut, at least `side_px`; used by "crop" and "cut".
    side_px: side of the square.
    interpolation: "area" averages over areas when shrinking (OpenCV INTER_AREA) and is
      bilinear when enlarging; not for "cut". "linear" is Pillow's BILINEAR, which
      widens its triangle when shrinking; it is the one SqueezeNet's reference outputs
      were made with. "cubic" is Pillow's BICUBIC, which does so too.
  """

  name: str
  fit: str
  short_px: int
  side_px: int
  interpolation: str

  def __post_init__(self):
    if self.fit not in _FITS:
      raise ValueError(f"fit must be {', '.join(_FITS)}, not {self.fit!r}")
    if self.fit == "proportional" and self.side_px % _SHAPE_UNITS:
      raise ValueError(
        f"the side of a proportional view is a multiple of {_SHAPE_UNITS} pixels, not "
        f"{self.side_px}"
      )
    choices = ["area", *_PILLOW] if self.fit != "cut" else list(_PILLOW)
    if self.interpolation not in choices:
      raise ValueError(
        f"interpolation must be {' or '.join(choices)} for a {self.fit}, not "
        f"{self.interpolation!r}"
      )
    cuts = self.fit in ("crop", "cut")
    if self.side_px < 1 or (cuts and self.short_px < self.side_px):
      raise ValueError(
        f"a {self.fit} of {self.side_px} pixels cannot be cut from a short side of "
        f"{self.short_px} pixels"
      )

  def shape(self, height: int, width: int) -> tuple[int, int]:
    """Height and width, in pixels, of what it makes of a picture of height x width."""
    if self.fit != "proportional":
      return self.side_px, self.side_px
    tallness = math.log(height / width)
    rows, columns = min(_SHAPES, key=lambda s: abs(math.log(s[0] / s[1]) - tallness))
    unit = self.side_px // _SHAPE_UNITS
    return rows * unit, columns * unit


SQUASH = View("squash", fit="squash", short_px=256, side_px=256, interpolation="area")
CROP = View("crop", fit="crop", short_px=256, side_px=256, interpolation="area")


def view(rgb: np.ndarray, view: View) -> np.ndarray:
  """A picture in one fixed shape, or in one of a few.

  Any shape of at least one pixel works. A picture more than four times as long as wide
  is first cut to the middle of its length for "crop", because scaling a strip of 1 x
  5000 whole would need a picture of 256 x 1,280,000.

  Args:
    rgb: (H, W, 3) uint8.
    view: shape, cut and interpolation.
  Returns:
    (side_px, side_px, 3) uint8; of a "proportional" view, that of `View.shape`.
  Raises:
    ValueError: `rgb` is not (H, W, 3) uint8 with at least one pixel.
  """
  if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
    raise ValueError(
      f"expected (H, W, 3) uint8 with at least one pixel, got {rgb.shape} {rgb.dtype}"
    )
  side = view.side_px
  if view.fit == "pad":
    return _on_grey(rgb, side, view.interpolation)
  if view.fit in ("squash", "proportional"):
    return _resize(rgb, *view.shape(*rgb.shape[:2]), view.interpolation)
  short = min(rgb.shape[:2])
  if view.fit == "cut":
    cut = short * side / view.short_px
    top, left = ((length - cut) / 2 for length in rgb.shape[:2])
    box = (left, top, left + cut, top + cut)
    return _scaled(rgb, side, side, view.interpolation, box)
  rgb = _centre(rgb, 4 * short, 4 * short)
  height, width = (round(n * view.short_px / short) for n in rgb.shape[:2])
  resized = _resize(rgb, height, width, view.interpolation)
  return np.ascontiguousarray(_centre(resized, side, side))


def _on_grey(rgb: np.ndarray, side: int, interpolation: str) -> np.ndarray:
  """The whole picture amid a grey square; an odd rest is below and right."""
  long = max(rgb.shape[:2])
  height, width = (max(1, round(length * side / long)) for length in rgb.shape[:2])
  square = np.full((side, side, 3), GREY, np.uint8)
  top, left = (side - height) // 2, (side - width) // 2
  square[top : top + height, left : left + width] = _resize(
    rgb, height, width, interpolation
  )
  return square


def _centre(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
  """The middle of a picture, at most height x width; an odd rest is below and right."""
  top = max(rgb.shape[0] - height, 0) // 2
  left = max(rgb.shape[1] - width, 0) // 2
  return rgb[top : top + height, left : left + width]


def _resize(rgb: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
  """The picture with another size, (height, width, 3) uint8."""
  if interpolation in _PILLOW:
    return _scaled(rgb, height, width, interpolation)
  # OpenCV averages over areas only when both axes shrink, so shrinking comes first.
  small = (min(width, rgb.shape[1]), min(height, rgb.shape[0]))
  rgb = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
  if small == (width, height):
    return rgb
  return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)


def _scaled(
  rgb: np.ndarray,
  height: int,
  width: int,
  interpolation: str,
  box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
  """The part of a picture in a box, by Pillow; (height, width, 3) uint8.

  Args:
    rgb: the whole picture.
    box: left, top, right and bottom, in pixels; None: all of it. What lies just outside
      takes part at its edges, where the kernel reaches out.
  """
  image = Image.fromarray(np.ascontiguousarray(rgb))
  return np.asarray(image.resize((width, height), _PILLOW[interpolation], box))
