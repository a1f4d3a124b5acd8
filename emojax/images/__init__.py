"""Picture files to uint8 RGB and fixed-shape views.

Colour order is decided here and nowhere else.

May import: nothing.
"""

from emojax.images.base import Elsewhere, ImageError, MissingFile, NothingToSee
from emojax.images.decode import READS_ALIKE, VERSION, contents, kind, load
from emojax.images.folders import SUFFIXES, check_named, others, passed_over, walk
from emojax.images.sources import MAX_PIXELS, Source, is_image, name_of, read
from emojax.images.views import CROP, SQUASH, View, view
from emojax.images.visible import check as check_visible

__all__ = [
  "CROP",
  "MAX_PIXELS",
  "READS_ALIKE",
  "SQUASH",
  "SUFFIXES",
  "VERSION",
  "Elsewhere",
  "ImageError",
  "MissingFile",
  "NothingToSee",
  "Source",
  "View",
  "check_named",
  "check_visible",
  "contents",
  "is_image",
  "kind",
  "load",
  "name_of",
  "others",
  "passed_over",
  "read",
  "view",
  "walk",
]
