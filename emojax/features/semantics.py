"""What a scene is made of: the share of pixels of each of 150 ADE20K classes.

In: a parsing network's parameters, (B, S, S, 3) uint8 RGB pictures of its view. Out:
(B, 150) float32. "Background/other" competes for every pixel and is then left out, so a
row sums to 1 less the background's share.
"""

from typing import Any

from emojax.backbones import BACKBONES
from emojax.features.feature import Compute

SIZE = 150
VERSION = 1


def make(params: Any, backbone: str = "deeplab") -> Compute:
  """(B, 150) shares of pixels in the order of ADE20K's class list (`Idx` 1 to 150)."""
  apply = BACKBONES[backbone].apply
  return lambda images: apply(params, images)["shares"][:, 1:]
