"""Which parts of an image a prediction depends on: each is covered in turn.

In: an image, and what rates images. Out: for each pixel how far the prediction falls
where it is covered by grey. That says what these networks use, not what people look at,
and not why: grey is itself something to see, parts that matter only together are not
told apart, and a fall much smaller than the prediction's interval may be chance.

Source: Zeiler & Fergus, ECCV 2014, section 4.2.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from PIL import Image

GREY = 128  # of 255, in each colour
_SIDE_PX = 512  # of the longer side of what is rated; networks see fewer pixels

Rate = Callable[[list[np.ndarray]], Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Box:
  """A part of an image, in pixels; the ends do not belong to it."""

  top: int
  bottom: int
  left: int
  right: int


@dataclasses.dataclass(frozen=True)
class Occlusion:
  """What was found of one image.

  Attributes:
    image: (H, W, 3) uint8, as it was rated: no larger than needed.
    whole: target -> predicted rating of the whole image.
    fall: target -> (H, W) how far the prediction falls where a pixel is covered, the
      mean of all patches over it; below 0 where it rises, NaN where none could be
      rated.
  """

  image: np.ndarray
  whole: dict[str, float]
  fall: dict[str, np.ndarray]


def occlude(
  rate: Rate, image: np.ndarray, positions: int = 7, share: float = 0.25
) -> Occlusion:
  """Covers an image patch by patch and rates what is left.

  Args:
    rate: some images, (H, W, 3) uint8, to target -> (N,) predicted ratings, NaN where
      there is none; such as `lambda images: predictor.predict(images).mean`. It gets
      all images in one call, the whole one first.
    image: (H, W, 3) uint8 RGB.
    positions: of the patch along each side; their square is how many images are rated
      besides the whole one.
    share: of each side that the patch is long.
  Returns:
    An `Occlusion`.
  Raises:
    ValueError: the image has another form, or there are no such patches.
  """
  small = _reduced(image)
  height, width = small.shape[:2]
  patches = list(boxes(height, width, positions, share))
  ratings = rate([small, *(covered(small, box) for box in patches)])
  return Occlusion(
    small,
    {target: float(values[0]) for target, values in ratings.items()},
    {
      target: spread((height, width), patches, values[0] - values[1:])
      for target, values in ratings.items()
    },
  )


def boxes(height: int, width: int, positions: int, share: float) -> Iterator[Box]:
  """Equal patches, row by row, from edge to edge of an image.

  Raises:
    ValueError: fewer than two positions, or patches that leave pixels between them.
  """
  if positions < 2 or not 1 / positions <= share < 1:
    raise ValueError(
      "expected two positions or more and patches that leave nothing between them, got "
      f"{positions} positions of {share:g} of a side"
    )
  tops, lefts = (_starts(side, positions, share) for side in (height, width))
  for top, bottom in tops:
    for left, right in lefts:
      yield Box(top, bottom, left, right)


def covered(image: np.ndarray, box: Box) -> np.ndarray:
  """A copy of an image with one part of it grey."""
  copy = image.copy()
  copy[box.top : box.bottom, box.left : box.right] = GREY
  return copy


def spread(
  shape: tuple[int, int], patches: Sequence[Box], values: np.ndarray
) -> np.ndarray:
  """The mean, for each pixel, of the values of all patches over it.

  Args:
    shape: H and W.
    patches: N of them.
    values: (N,); NaN counts for nothing.
  Returns:
    (H, W) float64; NaN where no patch with a value is.
  """
  total, number = np.zeros(shape), np.zeros(shape)
  for box, value in zip(patches, values, strict=True):
    if np.isfinite(value):
      part = np.s_[box.top : box.bottom, box.left : box.right]
      total[part] += value
      number[part] += 1
  return np.divide(total, number, out=np.full(shape, np.nan), where=number > 0)


def _starts(side: int, positions: int, share: float) -> list[tuple[int, int]]:
  """Where patches begin and end along a side."""
  length = max(round(share * side), 1)
  starts = np.linspace(0, side - length, positions).round().astype(int).tolist()
  return [(start, start + length) for start in starts]


def _reduced(image: np.ndarray) -> np.ndarray:
  """An image no larger than rating needs."""
  if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
    raise ValueError(
      f"expected an image (H, W, 3) of uint8, got {image.shape} of {image.dtype}"
    )
  if max(image.shape) <= _SIDE_PX:
    return image
  small = Image.fromarray(image)
  small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
  return np.asarray(small)
