"""What the names of the things in a picture feel like: word norms under a network.

In: class probabilities or shares of one or more networks. Out: (N, 3 per network)
float32: the valence, arousal and dominance (1..9) that people give to the class names,
expected under the probabilities. It needs no rated pictures, so it also scores pictures
by itself.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from emojax.features.base import Derive

VERSION = 1
SIZE = 3  # of each network: valence, arousal, dominance


@dataclasses.dataclass(frozen=True)
class Tables:
  """What the class names of each network feel like.

  Attributes:
    tables: feature name -> (C, 3) float32, NaN where no norm is known for a class.
  """

  tables: Mapping[str, np.ndarray]


def make(params: Tables) -> Derive:
  """The feature of some tables: their probabilities -> (N, 3 per table) float32."""

  def derive(values: Mapping[str, np.ndarray]) -> np.ndarray:
    parts = [expected(values[name], table) for name, table in params.tables.items()]
    return np.concatenate(parts, axis=1)

  return derive


def expected(probabilities: np.ndarray, table: np.ndarray) -> np.ndarray:
  """Norms of classes, averaged by probability over the classes that have some.

  Args:
    probabilities: (N, C), not negative; NaN rows stay NaN.
    table: (C, 3), NaN rows where a class has no norm; one row at least has some.
  Returns:
    (N, 3) float32, each within the known norms; their plain mean where a picture shows
    no known class.
  """
  has_norm = np.isfinite(table).all(axis=1)
  norms = table[has_norm].astype(np.float64)
  mean = norms.mean(axis=0)
  weight = probabilities[:, has_norm].astype(np.float64)
  total = weight.sum(axis=1, keepdims=True)
  shown = total > 0
  # Around the mean, so that a picture of unknown things gets the mean and not 0/0.
  shift = weight @ (norms - mean) / np.where(shown, total, 1.0)
  # Rounding may step over the ends where the probabilities are next to nothing.
  inside = np.clip(mean + shift, norms.min(axis=0), norms.max(axis=0))
  return np.where(np.isnan(total), np.nan, inside).astype(np.float32)
