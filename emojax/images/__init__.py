"""Picture files to uint8 RGB and fixed-shape views.

Colour order is decided here and nowhere else.

May import: nothing.
"""

from emojax.images.decode import (
  MAX_PIXELS,
  READS_ALIKE,
  VERSION,
  ImageError,
  NothingToSee,
  kind,
  load,
)
from emojax.images.folders import SUFFIXES, others, walk
from emojax.images.views import CROP, SQUASH, View, view
from emojax.images.visible import check as check_visible

__all__ = [
  "CROP",
  "MAX_PIXELS",
  "READS_ALIKE",
  "SQUASH",
  "SUFFIXES",
  "VERSION",
  "ImageError",
  "NothingToSee",
  "View",
  "check_visible",
  "kind",
  "load",
  "others",
  "view",
  "walk",
]
