"""Which pictures train, validate and test in each fold.

In: how many pictures there are, or the fold of each, and a seed. Out: row indices and
weights with a leading axis of K folds. Everything is NumPy, so the same seed gives the
same folds on every machine.
"""

import math
from typing import NamedTuple

import numpy as np

NUM_FOLDS = 5


class Folds(NamedTuple):
  """Rows of K folds, padded to one length so that they can share one program.

  A pytree: `jax.vmap` over it maps the folds. Padding has row 0 and weight 0; real rows
  have weight 1. Within a fold the train, validation and test rows never overlap, and
  every picture is a test row of exactly one fold.

  Attributes:
    train_rows, validation_rows, test_rows: (K, n) int32 row numbers, ascending within a
      fold; n differs between the three.
    train_weights, validation_weights, test_weights: (K, n) float32, 1 or 0.
  """

  train_rows: np.ndarray
  train_weights: np.ndarray
  validation_rows: np.ndarray
  validation_weights: np.ndarray
  test_rows: np.ndarray
  test_weights: np.ndarray


def assign(num_images: int, seed: int, num_folds: int = NUM_FOLDS) -> np.ndarray:
  """Deals pictures into folds whose sizes differ by at most one.

  Args:
    num_images: N, how many pictures there are.
    seed: chooses the split; the same seed and N give the same folds everywhere.
    num_folds: K.
  Returns:
    (N,) int32, the fold 0..K-1 of each picture.
  Raises:
    ValueError: fewer than two folds, or fewer pictures than folds.
  """
  if num_folds < 2:
    raise ValueError(f"expected at least 2 folds, got {num_folds}")
  if num_images < num_folds:
    raise ValueError(
      f"{num_images} rated pictures cannot be dealt into {num_folds} folds: at least "
      f"{num_folds} are needed"
    )
  order = _generator(seed, 0).permutation(num_images)
  folds = np.empty(num_images, np.int32)
  folds[order] = np.arange(num_images, dtype=np.int32) % num_folds
  return folds


def make_folds(
  fold_of_image: np.ndarray,
  validation_share: float,
  seed: int,
  num_folds: int = NUM_FOLDS,
  train_share: float = 1.0,
) -> Folds:
  """Row numbers of every fold: its test rows, and the rest split into two.

  The validation rows are cut out of each fold's own training rows. How they fall
  depends on the fold and the seed alone, so fold 3 by itself is fold 3 of all.

  Args:
    fold_of_image: (N,) integers 0..K-1, from `assign` or from a prepared dataset.
    validation_share: share of a fold's training rows kept for validation, 0 <= s < 1;
      0 gives no validation rows, anything above it at least one.
    seed: chooses the validation rows.
    num_folds: K.
    train_share: share of a fold's training and validation rows that is used at all; a
      smaller share is part of a larger one.
  Returns:
    `Folds` with leading axis K.
  Raises:
    ValueError: a fold without pictures, a fold number outside 0..K-1, a share outside
      [0, 1), or one that leaves no rows to train on.
  """
  fold_of_image = np.asarray(fold_of_image)
  if fold_of_image.ndim != 1 or not np.issubdtype(fold_of_image.dtype, np.integer):
    raise ValueError(
      "expected fold numbers as integers of shape (N,), got "
      f"{fold_of_image.dtype} of shape {fold_of_image.shape}"
    )
  if not 0 <= validation_share < 1:
    raise ValueError(
      f"expected a validation share of 0 or more and below 1, got {validation_share}"
    )
  present = set(np.unique(fold_of_image).tolist())
  if present != set(range(num_folds)):
    raise ValueError(
      f"expected pictures in each of the folds 0..{num_folds - 1}, got folds "
      f"{sorted(present)}: with {fold_of_image.size} pictures choose fewer folds, or "
      "prepare the dataset again"
    )
  train, validation, test = [], [], []
  for fold in range(num_folds):
    test.append(np.flatnonzero(fold_of_image == fold))
    rest = np.flatnonzero(fold_of_image != fold)
    shuffled = _generator(seed, 1 + fold).permutation(rest)
    shuffled = shuffled[: math.ceil(train_share * rest.size)]
    num_validation = math.ceil(validation_share * shuffled.size)
    if num_validation >= shuffled.size:
      raise ValueError(
        f"a validation share of {validation_share} leaves no rows to train on: fold "
        f"{fold + 1} has {shuffled.size} rows outside its test pictures"
      )
    validation.append(np.sort(shuffled[:num_validation]))
    train.append(np.sort(shuffled[num_validation:]))
  return Folds(*_pad(train), *_pad(validation), *_pad(test))


def _generator(seed: int, stream: int) -> np.random.Generator:
  """A generator of its own for each use; PCG64 is the same on every platform."""
  return np.random.Generator(np.random.PCG64([seed, stream]))


def _pad(rows_of_fold: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
  """(K, n) rows and weights; short folds are filled with row 0 at weight 0."""
  longest = max(rows.size for rows in rows_of_fold)
  rows = np.zeros((len(rows_of_fold), longest), np.int32)
  weights = np.zeros((len(rows_of_fold), longest), np.float32)
  for k, of_fold in enumerate(rows_of_fold):
    rows[k, : of_fold.size] = of_fold
    weights[k, : of_fold.size] = 1.0
  return rows, weights
