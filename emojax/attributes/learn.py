"""Learns what tells categories apart: a category-attribute matrix, its classifiers.

In: the centroid of each category, later feature values of labelled pictures. Out: a
matrix (C, L) that says how much of each attribute a category has, and for each
attribute a linear classifier of pictures. Pure NumPy in float64.

Source: Yu, Cao, Feris, Smith and Chang, "Designing Category-Level Attributes for
Discriminative Visual Recognition", CVPR 2013, sections 3.1 and 3.2.
"""

import dataclasses

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import StratifiedKFold

_PENALTIES = tuple(10.0**power for power in range(-2, 6))
_FOLDS = 5


@dataclasses.dataclass(frozen=True)
class Classifiers:
  """One linear classifier per attribute.

  Attributes:
    weight: (D, L) float32; a picture's score is `values @ weight + bias`, positive
      where it has the attribute.
    bias: (L,) float32.
    penalty: of the ridge, the same for all.
    accuracy: (L,) share of pictures whose sign is right when their fold was left out;
      NaN where categories have too few pictures to leave some out.
  """

  weight: np.ndarray
  bias: np.ndarray
  penalty: float
  accuracy: np.ndarray


def graph(centroids: np.ndarray, neighbors: int) -> np.ndarray:
  """Which categories look alike: the mutual nearest-neighbour graph of their centroids.

  Near is by the angle at the mean of all centroids: by distances, the rows of an object
  network's last layer have few mutual neighbours, because some are long.

  Args:
    centroids: (C, D).
    neighbors: how many nearest others each category has; two are joined when each is
      among the other's.
  Returns:
    (C, C) symmetric, 1.0 where two categories are joined, else 0.
  """
  around = centroids - centroids.mean(axis=0)
  length = np.linalg.norm(around, axis=1, keepdims=True)
  unit = around / np.where(length > 0, length, 1.0)
  distance = -unit @ unit.T
  np.fill_diagonal(distance, np.inf)
  nearest = np.argsort(distance, axis=1, kind="stable")[:, :neighbors]
  is_near = np.zeros(distance.shape, bool)
  np.put_along_axis(is_near, nearest, True, axis=1)
  return (is_near & is_near.T).astype(np.float64)


def objective(joined: np.ndarray, proximity_weight: float) -> np.ndarray:
  """Q of the objective trace(A' Q A): spread, less weighted spread of like categories.

  Q = P - lambda L with P = C I - 1 1', so that a' P a is the sum over all pairs of
  squared differences, and L the graph's Laplacian, so that a' L a is the same sum over
  joined pairs.

  Args:
    joined: (C, C) of `graph`.
    proximity_weight: lambda.
  Returns:
    (C, C) symmetric.
  """
  number = len(joined)
  spread = number * np.eye(number) - 1.0
  laplacian = np.diag(joined.sum(axis=1)) - joined
  return spread - proximity_weight * laplacian


def most_attributes(categories: int, neighbors: int) -> int:
  """How many different attributes `learn` can find: C a graph, see there."""
  return categories * len(_graph_sizes(categories, neighbors))


def check(categories: int, number: int, neighbors: int) -> None:
  """ValueError unless there can be that many attributes of that many categories."""
  if categories < 2:
    raise ValueError(f"attributes tell categories apart; got {categories} of them")
  limit = most_attributes(categories, neighbors)
  if not 1 <= number <= limit:
    raise ValueError(
      f"{categories} categories with {neighbors} neighbors give 1 to {limit} different "
      f"attributes; {number} were asked for (--num_attributes)"
    )


def learn(
  centroids: np.ndarray,
  number: int,
  proximity_weight: float,
  neighbors: int,
  overlap_penalty: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
  """The category-attribute matrix, column by column.

  Each column is the unit vector a that maximises a' (Q - 2 beta A A') a, A being the
  columns before it and beta the penalty of overlapping with them. Once there are as
  many columns as categories they span everything, and the same graph would only give
  the same columns again; so every further C columns take a graph of twice as many
  neighbours (this is emojax's; the source does not say). As long as the graph stays
  the same, deflation by an eigenvector leaves the eigenvectors alone and lowers one
  eigenvalue, so one decomposition per graph gives all its columns exactly.

  Args:
    centroids: (C, D), C at least 2.
    number: L, at most `most_attributes`.
    proximity_weight: lambda, see `objective`.
    neighbors: see `graph`.
    overlap_penalty: beta; 0: the smallest that lets no column come twice from a graph.
  Returns:
    (C, L) float64, columns of norm 1 whose largest entry is positive; (L,) the part of
    the objective, a' Q a, that each adds.
  Raises:
    ValueError: see `check`.
  """
  categories = len(centroids)
  check(categories, number, neighbors)
  matrix = np.zeros((categories, 0))
  gains: list[float] = []
  for size in _graph_sizes(categories, neighbors):
    wanted = min(categories, number - matrix.shape[1])
    q = objective(graph(centroids, size), proximity_weight)
    bounds = np.linalg.eigvalsh(q)[[0, -1]]
    beta = overlap_penalty or (bounds[1] - bounds[0]) / 2 + 1.0
    columns = _columns(q, matrix, beta, wanted)
    gains += [float(column @ q @ column) for column in columns.T]
    matrix = np.concatenate([matrix, columns], axis=1)
    if matrix.shape[1] == number:
      break
  return matrix, np.array(gains)


def classifiers(
  values: np.ndarray, category: np.ndarray, matrix: np.ndarray, seed: int = 0
) -> Classifiers:
  """A linear classifier of pictures for each attribute.

  A picture has an attribute where its category's entry of the matrix is positive.
  Ridge regression on +1 and -1, one penalty for all, chosen by leaving out pictures one
  by one. (Ridge and not scikit-learn's RidgeClassifier, whose LabelBinarizer takes
  several thousand columns of truth values for something else.)

  Args:
    values: (N, D) float32 of labelled pictures.
    category: (N,) which row of the matrix each picture belongs to.
    matrix: (C, L).
    seed: of the folds that measure accuracy.
  Returns:
    `Classifiers`.
  """
  sign = np.where(matrix > 0, 1.0, -1.0)[category]
  scaled, mean, spread = _standardised(values)
  penalty = float(RidgeCV(_PENALTIES).fit(scaled, sign).alpha_)
  whole = Ridge(penalty).fit(scaled, sign)
  weight = np.atleast_2d(whole.coef_).T / spread[:, None]
  bias = np.ravel(whole.intercept_) - mean @ weight
  accuracy = np.full(matrix.shape[1], np.nan)
  if np.bincount(category).min() >= 2:
    right = np.zeros_like(sign, bool)
    folds = min(_FOLDS, int(np.bincount(category).min()))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for train, test in split.split(scaled, category):
      predictions = Ridge(penalty).fit(scaled[train], sign[train]).predict(scaled[test])
      right[test] = (predictions.reshape(len(test), -1) > 0) == (sign[test] > 0)
    accuracy = right.mean(axis=0)
  return Classifiers(
    weight.astype(np.float32), bias.astype(np.float32), penalty, accuracy
  )


def _graph_sizes(categories: int, neighbors: int) -> list[int]:
  """Neighbours of one graph after another: twice as many each, at most half of all.

  Were all categories joined, every column would be as good as any other.
  """
  most = (categories - 1) // 2
  sizes = [min(neighbors, most)]
  while 0 < 2 * sizes[-1] <= most:
    sizes.append(2 * sizes[-1])
  return sizes


def _columns(q: np.ndarray, before: np.ndarray, beta: float, number: int) -> np.ndarray:
  """(C, number): the next columns of one graph, see `learn`."""
  values, vectors = np.linalg.eigh(q - 2 * beta * before @ before.T)
  largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
  vectors = vectors * np.sign(largest)
  chosen = []
  for _ in range(number):
    # The last of equal ones, which is the first in falling order.
    at = len(values) - 1 - int(np.argmax(values[::-1]))
    chosen.append(at)
    values[at] -= 2 * beta
  return vectors[:, chosen]


def _standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Columns with mean 0 and spread 1, and what they had before."""
  wide = values.astype(np.float64)
  mean, spread = wide.mean(axis=0), wide.std(axis=0)
  spread = np.where(spread > 0, spread, 1.0)
  return (wide - mean) / spread, mean, spread
