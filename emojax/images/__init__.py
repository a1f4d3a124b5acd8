"""Picture files to uint8 RGB and fixed-shape views.

Colour order is decided here and nowhere else.

May import: nothing.
"""

from emojax.images.decode import (
  CROP,
  MAX_PIXELS,
  SQUASH,
  SUFFIXES,
  VERSION,
  ImageError,
  View,
  load,
  others,
  view,
  walk,
)

__all__ = [
  "CROP",
  "MAX_PIXELS",
  "SQUASH",
  "SUFFIXES",
  "VERSION",
  "ImageError",
  "View",
  "load",
  "others",
  "view",
  "walk",
]
