"""How far a picture lies from those a model was trained on.

In: the feature table of the training pictures, then that of any other pictures. Out: a
reference to keep beside the model, and distances from it. A model answers for every
picture; this says for which its answer rests on pictures like it.

Distances are between scaled features, along the main directions of the training
pictures, each in units of their spread along it; what a picture has outside of those
directions counts in units of what they have there. (Unscaled, the main directions hide
the rest, and neither noise nor pages of text lie far: BUILD_NOTES.md.)
"""

from typing import NamedTuple

import numpy as np

from emojax.train import model

_DIRECTIONS = 64
_NEIGHBOURS = 5
_ROWS = 512
# Directions along which the training pictures hardly vary count as if they varied by
# this share of the variance along the first one: rounding is no distance.
_LEAST_SHARE, _TINY = 1e-6, 1e-12
_FAR_SHARE = 0.99  # of held-out training pictures lie nearer than what counts as far


class Reference(NamedTuple):
  """What distances are measured from; arrays, so that it can be stored.

  Attributes:
    shift, gain, limit: (D,) the scaling of features, see `model.Scaling`.
    centre: (D,) mean of the scaled training pictures.
    directions: (C, D) orthonormal rows.
    spread: (C,) standard deviation of the training pictures along them.
    rest: (1,) the same along all other directions, on average.
    points: (N, C) the training pictures along the directions, in units of `spread`.
    held_out: (N,) distance of each training picture from those of the other folds,
      measured in the same way; in the order of the training pictures (ascending in
      files of emojax 0.1).
  """

  shift: np.ndarray
  gain: np.ndarray
  limit: np.ndarray
  centre: np.ndarray
  directions: np.ndarray
  spread: np.ndarray
  rest: np.ndarray
  points: np.ndarray
  held_out: np.ndarray

  @property
  def typical(self) -> float:
    """The median distance of a held-out training picture."""
    return float(np.median(self.held_out))

  @property
  def far(self) -> float:
    """The distance beyond which a picture counts as far, in typical distances."""
    return float(np.quantile(self.held_out, _FAR_SHARE)) / self.typical


def fit(
  table: np.ndarray, columns: model.Columns, fold_of_image: np.ndarray
) -> Reference:
  """The reference of some training pictures.

  Args:
    table: (N, D) float32 features.
    columns: what the D columns are; every feature weighs alike, and probabilities enter
      as square roots.
    fold_of_image: (N,) the fold of each picture, so that each is measured from pictures
      of other folds as a new one would be.
  """
  held_out = np.zeros(len(table))
  for fold in np.unique(fold_of_image):
    inside = fold_of_image == fold
    others = _fit(table[~inside], columns)
    held_out[inside] = _measure(others, table[inside], columns)
  return _fit(table, columns)._replace(held_out=held_out)


def distances(
  reference: Reference, table: np.ndarray, columns: model.Columns
) -> np.ndarray:
  """How far pictures lie from the training pictures.

  Args:
    reference: of the training pictures.
    table: (B, D) float32 features of the pictures.
    columns: what the D columns are.
  Returns:
    (B,) float64, in distances of a typical held-out training picture: 1 is as far as
    half of those lie, and `reference.far` as far as 99 % of them.
  """
  return _measure(reference, table, columns) / reference.typical


def _fit(table: np.ndarray, columns: model.Columns) -> Reference:
  """A reference without `held_out`."""
  # Here and not at the head: it takes a second to import, and prediction need not wait.
  from sklearn import decomposition

  # By NumPy, for which nothing is compiled.
  spread = model.transform(table, columns, "sqrt")
  weights = np.ones(len(table), np.float32)
  with np.errstate(over="ignore"):  # what is that far is clipped, as in `_measure`
    scaling = model.fit_scaling(spread, weights, columns, "block")
    scaled = model.scale(spread, scaling)
  number = max(1, min(_DIRECTIONS, len(table) // 2, table.shape[1] // 2))
  components = decomposition.PCA(number, svd_solver="randomized", random_state=0)
  points = components.fit_transform(scaled)
  least = max(_LEAST_SHARE * components.explained_variance_[0], _TINY)
  spread = np.sqrt(np.maximum(components.explained_variance_, least))
  return Reference(
    *scaling,
    centre=components.mean_.astype(np.float32),
    directions=components.components_.astype(np.float32),
    spread=spread.astype(np.float32),
    rest=np.full(1, max(components.noise_variance_, least) ** 0.5, np.float32),
    points=(points / spread).astype(np.float32),
    held_out=np.zeros(0, np.float32),
  )


def _measure(
  reference: Reference, table: np.ndarray, columns: model.Columns
) -> np.ndarray:
  """Root mean square distance to the nearest training pictures, (B,), unscaled."""
  # By NumPy: JAX would compile for every number of pictures.
  spread = model.transform(table, columns, "sqrt")
  with np.errstate(over="ignore"):  # what is that far is clipped
    scaled = model.scale(spread, model.Scaling(*reference[:3])).astype(np.float64)
  scaled -= reference.centre
  along = scaled @ reference.directions.T.astype(np.float64)
  outside = np.maximum((scaled**2).sum(axis=1) - (along**2).sum(axis=1), 0)
  outside /= float(reference.rest[0]) ** 2
  along /= reference.spread
  return np.sqrt(_nearest(reference.points.astype(np.float64), along) + outside)


def _nearest(points: np.ndarray, along: np.ndarray) -> np.ndarray:
  """Mean square distance of each row of `along` to its nearest points, (B,)."""
  number = min(_NEIGHBOURS, len(points))
  means = []
  for start in range(0, len(along), _ROWS):  # not all distances at once
    of_rows = along[start : start + _ROWS]
    lengths = (of_rows**2).sum(axis=1)[:, None] + (points**2).sum(axis=1)
    squares = np.maximum(lengths - 2 * of_rows @ points.T, 0)
    means.append(np.partition(squares, number - 1, axis=1)[:, :number].mean(axis=1))
  return np.concatenate(means) if means else np.zeros(0)
