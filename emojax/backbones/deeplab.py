"""DeepLab v3 on MobileNet v2: which of 150 ADE20K classes each pixel shows.

In: (B, 513, 513, 3) uint8 RGB, the whole picture squashed to a square. Out: the share
of pixels of each class. Class 0 is "background/other" and takes part in the choice, as
it did in training; classes 1 to 150 are ADE20K's `Idx`.

Sources: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic
Image Segmentation", ECCV 2018; Sandler et al., "MobileNetV2", CVPR 2018; the TensorFlow
model zoo's ADE20K network in its published mobile form. Batch norms are folded into the
layers before them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from emojax.backbones.layers import Conv, Depthwise

SIDE_PX = 513
CLASSES = 151  # 0 is background/other, 1..150 are ADE20K's
_NEVER = -3e38  # below any score, but finite: an interpolation must not give NaN
POOL_SIZE = 160  # channels of the last block with a shortcut
UPSAMPLING = 4  # pixels of the label map per step of the decoder's grid


class Block(NamedTuple):
  """One inverted residual block of MobileNet v2."""

  hidden: int  # channels of the depthwise layer
  out: int
  stride: int = 1
  dilation: int = 1


# The last strides of MobileNet v2 are dilations here, so the output stride is 8. Blocks
# whose input and output agree in channels and size add the input.
BLOCKS = (
  Block(32, 16),
  Block(96, 24, stride=2),
  Block(144, 24),
  Block(144, 32, stride=2),
  Block(192, 32),
  Block(192, 32),
  Block(192, 64),
  *[Block(384, 64, dilation=2)] * 3,
  Block(384, 96, dilation=2),
  *[Block(576, 96, dilation=2)] * 2,
  Block(576, 160, dilation=2),
  *[Block(960, 160, dilation=4)] * 2,
  Block(960, 320, dilation=4),
)
# The last block with a shortcut. Its 160 channels, pooled, told more of OASIS's ratings
# than the 320 of the block after it (BUILD_NOTES.md).
_TRUNK_BLOCK = 15
LOW_LEVEL_BLOCK = 2  # the decoder also sees this block's depthwise output


class InvertedResidual(nn.Module):
  """Widen by 1x1, filter each channel, narrow by 1x1; returns (output, filtered)."""

  block: Block

  @nn.compact
  def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    hidden, out, stride, dilation = self.block
    wide = x
    if hidden != x.shape[-1]:  # the first block has nothing to widen
      wide = nn.relu6(Conv(hidden, name="expand")(x))
    filtered = nn.relu6(Depthwise(stride, dilation, name="depthwise")(wide))
    y = Conv(out, name="project")(filtered)
    return (x + y if stride == 1 and out == x.shape[-1] else y), filtered


class DeepLab(nn.Module):
  """From uint8 RGB pictures to class scores on the decoder's grid, see `__call__`."""

  @nn.compact
  def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Class scores of each picture on a grid of one point per four pixels.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = 513 as trained; S - 1 must be a multiple of 8.
    Returns:
      Scores (B, (S - 1)/4 + 1, (S - 1)/4 + 1, 151), corners on the picture's corners;
      and the activations of the last block with a shortcut, (B, (S - 1)/8 + 1,
      (S - 1)/8 + 1, 160). Both float32.
    """
    x = images.astype(jnp.float32) / 127.5 - 1.0
    x = nn.relu6(Conv(32, size=3, stride=2, name="stem")(x))
    low_level = trunk = x
    for number, block in enumerate(BLOCKS):
      x, filtered = InvertedResidual(block, name=f"block{number}")(x)
      if number == LOW_LEVEL_BLOCK:
        low_level = filtered
      if number == _TRUNK_BLOCK:
        trunk = x
    mean = x.mean(axis=(1, 2), keepdims=True, dtype=jnp.float32)
    pooled = nn.relu(Conv(256, name="pooling")(mean))
    local = nn.relu(Conv(256, name="local")(x))
    x = jnp.concatenate([jnp.broadcast_to(pooled, local.shape), local], axis=-1)
    x = nn.relu(Conv(256, name="join")(x))
    low_level = nn.relu(Conv(48, name="low_level")(low_level))
    x = upsample(x, (low_level.shape[1] - 1) // (x.shape[1] - 1))
    x = jnp.concatenate([x, low_level], axis=-1)
    for number in range(2):
      x = nn.relu(Depthwise(name=f"decoder{number}_depthwise")(x))
      x = nn.relu(Conv(256, name=f"decoder{number}_pointwise")(x))
    scores = Conv(CLASSES, name="classifier")(x)
    return scores.astype(jnp.float32), trunk.astype(jnp.float32)


def upsample(x: jax.Array, factor: int) -> jax.Array:
  """Enlarge a grid bilinearly with its corners kept on the corners.

  Args:
    x: (B, H, W, C) float32.
    factor: how many steps each step of the grid becomes.
  Returns:
    (B, (H - 1) * factor + 1, (W - 1) * factor + 1, C).
  """
  for axis in (1, 2):
    length = x.shape[axis]
    first = lax.slice_in_dim(x, 0, length - 1, axis=axis)
    step = lax.slice_in_dim(x, 1, length, axis=axis) - first
    parts = [first + step * (k / factor) for k in range(factor)]
    shape = list(x.shape)
    shape[axis] = (length - 1) * factor
    inner = jnp.stack(parts, axis=axis + 1).reshape(shape)
    last = lax.slice_in_dim(x, length - 1, length, axis=axis)
    x = jnp.concatenate([inner, last], axis=axis)
  return x


def label_map(scores: jax.Array) -> jax.Array:
  """The best class of every pixel, without ever holding all classes at full size.

  Args:
    scores: (H, W, classes) float32 of one picture, as `DeepLab` gives them.
  Returns:
    (4 (H - 1) + 1, 4 (W - 1) + 1) int32 classes: argmax of the scores enlarged
    bilinearly with corners aligned. Of equal scores the lowest class wins.
  """
  height, width = scores.shape[0] - 1, scores.shape[1] - 1
  fine = _best_class(scores)
  # (row, column, step down, step right) -> picture
  fine = fine.transpose(2, 0, 3, 1).reshape(
    (height + 1) * UPSAMPLING, (width + 1) * UPSAMPLING
  )
  return fine[: height * UPSAMPLING + 1, : width * UPSAMPLING + 1]


def class_shares(scores: jax.Array) -> jax.Array:
  """The share of pixels whose best class is each class.

  Args:
    scores: (H, W, classes) float32 of one picture, as `DeepLab` gives them.
  Returns:
    (classes,) float32 summing to 1, counted on `label_map`'s pixels.
  """
  classes = scores.shape[-1]
  labels = label_map(scores).reshape(-1)
  counts = jnp.zeros(classes, jnp.int32).at[labels].add(1)
  return counts.astype(jnp.float32) / labels.size


def _best_class(scores: jax.Array) -> jax.Array:
  """(H, W, classes) scores -> (4, 4, H, W) int32 best classes, see `label_map`.

  Axes: step down and step right inside a grid cell, row and column of the cell. Classes
  are compared two at a time: on a CPU that took 19 ms a picture, one at a time 68, four
  60, an argmax over strips of rows 95.
  """
  height, width, classes = scores.shape
  planes = jnp.pad(scores.transpose(2, 0, 1), ((0, 0), (0, 1), (0, 1)), mode="edge")
  odd = classes % 2  # the class added to make pairs never wins
  planes = jnp.pad(planes, ((0, odd), (0, 0), (0, 0)), constant_values=_NEVER)
  steps = jnp.arange(UPSAMPLING, dtype=jnp.float32) / UPSAMPLING
  down, right = steps[:, None, None, None], steps[None, :, None, None]

  def compare(best, item):
    pair, first = item
    score, label = best
    for offset in range(2):
      upper, lower = pair[offset, None, None, :-1], pair[offset, None, None, 1:]
      rows = upper + down * (lower - upper)
      left = rows[..., :-1]
      candidate = left + right * (rows[..., 1:] - left)
      better = candidate > score
      score = jnp.where(better, candidate, score)
      label = jnp.where(better, first + offset, label)
    return (score, label), None

  shape = (UPSAMPLING, UPSAMPLING, height, width)
  start = (jnp.full(shape, -jnp.inf, jnp.float32), jnp.zeros(shape, jnp.int32))
  pairs = planes.reshape(-1, 2, height + 1, width + 1)
  firsts = jnp.arange(0, classes + odd, 2, dtype=jnp.int32)
  (_, label), _ = lax.scan(compare, start, (pairs, firsts))
  return label


def apply(params: Mapping[str, Any], images: jax.Array) -> dict[str, jax.Array]:
  """What the network says about each picture, as a pure function.

  A CPU takes one picture at a time, which keeps the memory of a batch that of one
  picture and loses no speed; an accelerator takes the batch at once.

  Args:
    params: as `DeepLab` names them.
    images: (B, S, S, 3) uint8 RGB, S = 513 as trained.
  Returns:
    float32 arrays: "shares" (B, 151), `class_shares` of each picture; "pool" and
    "spread" (B, 160), mean and standard deviation over positions of the activations of
    the last block with a shortcut.
  """

  def batch(images):
    scores, trunk = DeepLab().bind({"params": params})(images)
    return {
      "shares": jax.vmap(class_shares)(scores),
      "pool": trunk.mean(axis=(1, 2)),
      "spread": trunk.std(axis=(1, 2)),
    }

  def one_by_one(images):
    return lax.map(lambda i: jax.tree.map(lambda x: x[0], batch(i[None])), images)

  return lax.platform_dependent(images, cpu=one_by_one, default=batch)
