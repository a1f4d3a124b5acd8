"""Whether there is anything to see in an image that was read."""

import numpy as np

from emojax.images.base import NothingToSee

LEAST_SIDE_PX = 32  # what networks see of a smaller image is mostly interpolation
_BLANK_LEVELS = 2  # of 255: an image whose values differ by no more shows nothing


def check(rgb: np.ndarray) -> None:
  """Refuses an image in which nobody could see anything.

  Args:
    rgb: (H, W, 3) uint8.
  Raises:
    NothingToSee: it is too small or of one colour; its `status` says which.
  """
  height, width = rgb.shape[:2]
  if min(height, width) < LEAST_SIDE_PX:
    raise NothingToSee(
      "small",
      f"{width} x {height} pixels are too few to see: expected at least "
      f"{LEAST_SIDE_PX} each way",
    )
  if (np.ptp(rgb.reshape(-1, 3), axis=0) <= _BLANK_LEVELS).all():
    raise NothingToSee("blank", "the image is all one colour: nothing to see")
