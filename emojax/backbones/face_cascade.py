"""Where the faces of a picture are: MTCNN's three networks, one after another.

In: (B, S, S, 3) uint8 RGB, whole pictures laid on a grey square. Out: boxes and scores
of at most `MOST_FACES` faces in each. P-Net looks at ten sizes of the picture; what it
proposes goes through R-Net, what that keeps through O-Net; of boxes that overlap the
surest stays. Thresholds and the order of steps are those of the package `mtcnn` 1.0.0.
Its lists of any length are tables of fixed length here, filled with the best and masked
(`_PROPOSALS`, `_REFINED`), so that a batch is one compiled program and each picture's
numbers are its own.

Source: Zhang, Zhang, Li and Qiao, see `mtcnn`.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from emojax.backbones.layers import PRECISION
from emojax.backbones.mtcnn import MEAN, SCALE, ONet, PNet, RNet

# The long side of OASIS's photographs, which are then seen pixel for pixel.
SIDE_PX = 500
MIN_FACE_PX = 20
MOST_FACES = 64
_WINDOW_PX, _STEP_PX = 12, 2  # of P-Net
_SHRINK = 0.709  # from one size of the picture to the next: about half the area
# On OASIS P-Net proposes 65 boxes in the median picture and more than 674 in one of a
# hundred; 12 and 40 of them are as sure as O-Net wants to see in one of ten and of a
# hundred. The least sure are dropped.
_PROPOSALS = 512
_REFINED = MOST_FACES
_SURE = (0.6, 0.7, 0.8)  # score above which P-Net, R-Net and O-Net keep a box
_OVERLAP_OF_SIZE = 0.5  # shared area above which the less sure box goes, in one size
_OVERLAP = 0.7  # the same behind each network


class Boxes(NamedTuple):
  """Candidates, the surest first, and empty places.

  Attributes:
    edges: (B, K, 4) float32 left, top, right, bottom, in pixels of the square.
    scores: (B, K) float32; 0 marks an empty place.
  """

  edges: jax.Array
  scores: jax.Array


class FaceCascade(nn.Module):
  """From uint8 RGB pictures to faces, see `__call__`."""

  def setup(self):
    self.pnet, self.rnet, self.onet = PNet(), RNet(), ONet()

  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """The faces of each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = `SIDE_PX` as used.
    Returns:
      float32 "boxes" (B, `MOST_FACES`, 4): left, top, right, bottom in pixels, inside
      the square, the surest first; "scores" (B, `MOST_FACES`): above 0.8, and 0 where
      there is no face.
    """
    side = images.shape[1]
    x = (images.astype(jnp.float32) - MEAN) / SCALE
    boxes = _best([self._proposed(x, scale) for scale in scales(side)], _PROPOSALS)
    boxes = _squared(_distinct(boxes, _OVERLAP))
    boxes = _best([self._looked_at(x, boxes, self.rnet, 24, _SURE[1])], _PROPOSALS)
    boxes = _best([_squared(_distinct(boxes, _OVERLAP))], _REFINED)
    boxes = _best([self._looked_at(x, boxes, self.onet, 48, _SURE[2])], _REFINED)
    boxes = _best([_distinct(boxes, _OVERLAP, of_smaller=True)], MOST_FACES)
    edges = jnp.clip(boxes.edges, 0.0, side - 1.0)
    there = boxes.scores[..., None] > 0
    return {"boxes": jnp.where(there, edges, 0.0), "scores": boxes.scores}

  def _proposed(self, x: jax.Array, scale: float) -> Boxes:
    """What P-Net proposes in one size of the pictures."""
    side = x.shape[1]
    smaller = _shrunk(x, math.floor(side * scale))
    windows = self.pnet(smaller)
    batch, height, width = windows.scores.shape
    scores = windows.scores.reshape(batch, -1)
    scores, places = lax.top_k(scores, min(_PROPOSALS, height * width))
    shifts = jnp.take_along_axis(
      windows.shifts.reshape(batch, -1, 4), places[..., None], axis=1
    )
    # As `mtcnn` counts: windows of 12 pixels are 11 wide and begin at the second.
    corner = jnp.stack([places % width, places // width], axis=-1) * _STEP_PX
    corners = jnp.concatenate([corner + 1, corner + _WINDOW_PX], axis=-1)
    edges = (corners.astype(jnp.float32) + shifts * (_WINDOW_PX - 1.0)) / scale
    boxes = Boxes(edges, jnp.where(scores > _SURE[0], scores, 0.0))
    return _distinct(boxes, _OVERLAP_OF_SIZE)

  def _looked_at(
    self, x: jax.Array, boxes: Boxes, network: nn.Module, side: int, sure: float
  ) -> Boxes:
    """The boxes as R-Net or O-Net sees them: moved, with its scores."""
    batch, places = boxes.scores.shape
    cuts = jax.vmap(lambda image, edges: cut(image, edges, side))(x, boxes.edges)
    windows = network(cuts.reshape(batch * places, side, side, 3))
    scores = windows.scores.reshape(batch, places)
    shifts = windows.shifts.reshape(batch, places, 4)
    size = boxes.edges[..., 2:] - boxes.edges[..., :2] + 1.0
    edges = boxes.edges + shifts * jnp.concatenate([size, size], axis=-1)
    passing = (boxes.scores > 0) & (scores > sure)
    return Boxes(edges, jnp.where(passing, scores, 0.0))


def scales(side: int) -> list[float]:
  """By how much a square picture shrinks for P-Net, so that faces fill its window.

  As many sizes as `mtcnn` takes of a square one; of a picture less high it takes the
  same without the last, which finds faces as large as the square.
  """
  count = round(-(math.log(side / _WINDOW_PX) / math.log(_SHRINK) + 1))
  return [_WINDOW_PX / MIN_FACE_PX * _SHRINK**power for power in range(count)]


def cut(image: jax.Array, edges: jax.Array, side: int) -> jax.Array:
  """Boxes cut out of a picture and scaled bilinearly, without smoothing.

  Args:
    image: (H, H, C) float32.
    edges: (K, 4) left, top, right, bottom, in pixels; may reach outside, where the
      picture is 0.
    side: of the results, at least 2.
  Returns:
    (K, side, side, C) float32. The first and last points lie on the edges, and a
    picture's H pixels are H - 1 wide, as in TensorFlow's `crop_and_resize`.
  """
  height = image.shape[0]
  steps = jnp.linspace(0.0, 1.0, side, dtype=jnp.float32)[None]
  near = edges * ((height - 1) / height)
  columns, rows = (
    near[:, low, None] + steps * (near[:, low + 2] - near[:, low])[:, None]
    for low in (0, 1)
  )
  return sampled(image, rows, columns)


def sampled(image: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
  """A picture at grids of points, bilinearly; 0 outside.

  Args:
    image: (H, W, C) float32.
    rows, columns: (K, n) float32 positions; pixel (0, 0) is at 0, 0.
  Returns:
    (K, n, n, C) float32.
  """
  height, width, channels = image.shape
  flat = image.reshape(-1, channels)

  def neighbours(positions: jax.Array, length: int):
    low = jnp.floor(positions)
    share = positions - low
    inside = (positions >= 0) & (positions <= length - 1)
    first = jnp.clip(low, 0, length - 1).astype(jnp.int32)
    return first, jnp.minimum(first + 1, length - 1), share, inside

  top, bottom, down, rows_inside = neighbours(rows, height)
  left, right, along, columns_inside = neighbours(columns, width)

  def at(row: jax.Array, column: jax.Array) -> jax.Array:
    return flat[row[:, :, None] * width + column[:, None, :]]

  across, below = along[:, None, :, None], down[:, :, None, None]
  upper = at(top, left) * (1 - across) + at(top, right) * across
  lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
  inside = rows_inside[:, :, None, None] & columns_inside[:, None, :, None]
  return jnp.where(inside, upper * (1 - below) + lower * below, 0.0)


def _shrunk(x: jax.Array, side: int) -> jax.Array:
  """Square pictures averaged over areas to another side, (B, side, side, C)."""
  weights = jnp.asarray(area_weights(x.shape[1], side))
  rows = jnp.einsum("oh,bhwc->bowc", weights, x, precision=PRECISION)
  return jnp.einsum("pw,bowc->bopc", weights, rows, precision=PRECISION)


def area_weights(length: int, shorter: int) -> np.ndarray:
  """What each pixel of a line adds to each of a shorter one: (shorter, length)."""
  step = length / shorter
  first = np.arange(shorter)[:, None] * step
  pixel = np.arange(length)[None]
  shared = np.minimum(pixel + 1, first + step) - np.maximum(pixel, first)
  return (np.maximum(shared, 0) / step).astype(np.float32)


def _best(groups: list[Boxes], count: int) -> Boxes:
  """The surest boxes of all groups, in order, `count` of them or all there are."""
  edges = jnp.concatenate([boxes.edges for boxes in groups], axis=1)
  scores = jnp.concatenate([boxes.scores for boxes in groups], axis=1)
  scores, places = lax.top_k(scores, min(count, scores.shape[1]))
  return Boxes(jnp.take_along_axis(edges, places[..., None], axis=1), scores)


def _distinct(boxes: Boxes, limit: float, of_smaller: bool = False) -> Boxes:
  """Empties the place of every box that shares too much with a surer one.

  As in `mtcnn`, a box also goes for a surer one that goes itself.

  Args:
    boxes: the surest first.
    limit: share of the union, or of the smaller box where `of_smaller`.
  """
  left, top, right, bottom = (boxes.edges[..., edge] for edge in range(4))
  area = (right - left) * (bottom - top)
  width = _pairs(jnp.minimum, right) - _pairs(jnp.maximum, left)
  height = _pairs(jnp.minimum, bottom) - _pairs(jnp.maximum, top)
  both = jnp.maximum(width, 0.0) * jnp.maximum(height, 0.0)
  whole = _pairs(jnp.minimum, area) if of_smaller else _pairs(jnp.add, area) - both
  count = area.shape[1]
  surer = jnp.asarray(np.triu(np.ones((count, count), bool), 1).T)[None]
  there = (boxes.scores > 0)[:, None, :]
  gone = ((both > limit * whole) & surer & there).any(axis=2)
  return boxes._replace(scores=jnp.where(gone, 0.0, boxes.scores))


def _pairs(join, values: jax.Array) -> jax.Array:
  """(B, K) values joined two by two, (B, K, K)."""
  return join(values[:, :, None], values[:, None, :])


def _squared(boxes: Boxes) -> Boxes:
  """Boxes widened about their middle to squares."""
  low, high = boxes.edges[..., :2], boxes.edges[..., 2:]
  size = (high - low).max(axis=-1, keepdims=True)
  corner = low + (high - low) * 0.5 - size * 0.5
  return boxes._replace(edges=jnp.concatenate([corner, corner + size], axis=-1))
