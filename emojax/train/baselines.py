"""Classical regressions on the same folds, to stand beside the network.

In: a feature table, one target's ratings, folds. Out: what a model that never saw a
fold says of every picture. Scaling, penalty and everything else that is chosen is
chosen on the fold's own training rows.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import (
  dummy,
  linear_model,
  metrics,
  model_selection,
  pipeline,
  preprocessing,
  svm,
)
from sklearn.metrics import pairwise

from emojax.config import TrainConfig
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import results
from emojax.train import loop, model
from emojax.train import rows as rows_lib

# Of ridge regression on z-scored columns; wide enough for ten columns and ten thousand.
_PENALTIES = tuple(float(p) for p in np.logspace(0, 6, 13))
# Of the support vector regression: C, and the kernel's gamma as multiples of 1 / width.
# The kernel as a function: NumPy's matrix product makes all its values at once where
# libsvm makes them pair by pair, and the solutions are the same (BUILD_NOTES.md).
_SVR_GRID = {
  "svr__C": (0.3, 1.0, 3.0, 10.0),
  "svr__kernel": [
    functools.partial(pairwise.rbf_kernel, gamma=gamma) for gamma in (0.3, 1.0, 3.0)
  ],
}
_SVR_EPSILON = 0.1  # points of the rating scale within which an error costs nothing
_INNER_FOLDS = 3


@dataclasses.dataclass(frozen=True)
class Fitted:
  """One baseline on one fold.

  Attributes:
    predicted: (N,) float32 of every picture, also those trained on.
    chosen: what was chosen inside the training rows, by name.
  """

  predicted: np.ndarray
  chosen: dict[str, float]


def fit(
  name: str,
  table: np.ndarray,
  columns: model.Columns,
  rated: np.ndarray,
  train_rows: np.ndarray,
  seed: int,
  tell: Callable[[], Any] = lambda: None,
) -> Fitted:
  """Fits one baseline on a fold's training rows.

  Args:
    name: of `BASELINES`.
    table: (N, D) float32 features.
    columns: what the D columns are; probabilities and shares enter as square roots.
    rated: (N,) ratings of one target, 1..9; only those of `train_rows` are looked at.
    train_rows: (n,) the rows that train.
    seed: of the inner folds, where there are some.
    tell: is called after each of the fits that choose something, `num_fits` times.
  Returns:
    `Fitted`.
  Raises:
    ValueError: an unknown name.
  """
  if name not in BASELINES:
    raise ValueError(f"unknown baseline {name!r}; known: {', '.join(BASELINES)}")
  inputs = model.transform(table, columns, "sqrt").astype(np.float64)
  inner = model_selection.KFold(_INNER_FOLDS, shuffle=True, random_state=seed)
  # Nothing can be left out of a single row; of it, ridge is the mean at any penalty.
  is_mean = name == "ridge" and len(train_rows) < 2
  regression = BASELINES["mean" if is_mean else name](columns, inner)
  if isinstance(regression, model_selection.GridSearchCV):
    regression.set_params(scoring=_telling(regression.scoring, tell))
  regression.fit(inputs[train_rows], np.asarray(rated, np.float64)[train_rows])
  return Fitted(regression.predict(inputs).astype(np.float32), _chosen(regression))


def num_fits(name: str) -> int:
  """How often `fit` tells that it has gone on; none of those that take no time."""
  choices = math.prod(map(len, _SVR_GRID.values()))
  return choices * _INNER_FOLDS if name == "svr" else 0


def _telling(scoring: str, tell: Callable[[], Any]) -> Callable[..., float]:
  """A way of scoring that also tells that it has scored."""
  score = metrics.get_scorer(scoring)

  def scored(*arguments: Any) -> float:
    tell()
    return score(*arguments)

  return scored


def evaluate(
  name: str, settings: TrainConfig, dataset: Dataset, fold_indices: Sequence[int]
) -> list[results.TargetResult]:
  """One baseline's scores on the columns and folds of a run, to stand beside it.

  Its training rows are all that the run's networks may see: nothing stops early, so
  none are kept out for that.

  Args:
    name: of `BASELINES`.
    settings: the run's.
    dataset: what it runs on.
    fold_indices: 0-based folds that are trained.
  Returns:
    A result per target, on the dataset's output scale.
  """
  table, columns = loop.feature_table(dataset)
  settings = dataclasses.replace(settings, stop_on="train")
  folds = rows_lib.make_folds(settings, dataset.fold, settings.seed)
  target_results = []
  for target in settings.target:
    ratings = dataset.ratings_of(target)
    by_fold = {}
    for fold in fold_indices:
      rows = folds.train_rows[fold][folds.train_weights[fold] > 0]
      fitted = fit(name, table, columns, ratings.mean, rows, settings.seed)
      by_fold[fold] = fitted.predicted
    scale = dataset.output_scales[target]
    result, _ = results.evaluate(target, by_fold, folds, ratings, None, scale)
    target_results.append(result)
  return target_results


def _mean(columns: model.Columns, inner: Any) -> Any:
  """Always the mean rating of the training rows: the floor."""
  del columns, inner
  return dummy.DummyRegressor()


def _linear(columns: model.Columns, inner: Any) -> Any:
  """Least squares; with more columns than rows, the solution of smallest weights."""
  del columns, inner
  return pipeline.make_pipeline(
    preprocessing.StandardScaler(), linear_model.LinearRegression()
  )


def _ridge(columns: model.Columns, inner: Any) -> Any:
  """Least squares with a squared penalty on the weights.

  The penalty is the best of leaving one row out, which one decomposition gives for all.
  """
  del columns, inner
  return pipeline.make_pipeline(
    preprocessing.StandardScaler(), linear_model.RidgeCV(_PENALTIES)
  )


def _svr(columns: model.Columns, inner: Any) -> Any:
  """Support vector regression with a Gaussian kernel.

  Each block of columns is divided by the root of its width, so that the kernel's
  distances weigh features alike (as in `--scaling=block`).
  """
  widths = np.repeat(columns.sizes, columns.sizes)
  num_blocks = len(columns.sizes)
  steps = [
    ("scale", preprocessing.StandardScaler()),
    ("weigh", _Weigh(1 / np.sqrt(widths * num_blocks))),
    ("svr", svm.SVR(epsilon=_SVR_EPSILON, cache_size=500)),
  ]
  return model_selection.GridSearchCV(
    pipeline.Pipeline(steps),
    _SVR_GRID,
    cv=inner,
    scoring="neg_mean_squared_error",
    error_score="raise",  # a fit that was stopped is no fit that failed
  )


class _Weigh(preprocessing.FunctionTransformer):
  """Multiplies each column by a weight; nothing is fitted."""

  def __init__(self, weights: np.ndarray | None = None):
    self.weights = weights
    super().__init__(self._times)

  def _times(self, table: np.ndarray) -> np.ndarray:
    return table * self.weights


def _chosen(regression: Any) -> dict[str, float]:
  if isinstance(regression, model_selection.GridSearchCV):
    best = regression.best_params_
    return {"C": float(best["svr__C"]), **best["svr__kernel"].keywords}
  last = (
    regression.steps[-1][1] if isinstance(regression, pipeline.Pipeline) else regression
  )
  alpha = getattr(last, "alpha_", None)
  return {} if alpha is None else {"penalty": float(alpha)}


BASELINES: Mapping[str, Callable[[model.Columns, Any], Any]] = {
  "mean": _mean,
  "linear": _linear,
  "ridge": _ridge,
  "svr": _svr,
}
