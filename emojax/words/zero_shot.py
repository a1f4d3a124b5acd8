"""Rated pictures scored by words alone: no picture's rating is used to score any.

In: a prepared dataset with the feature `word_emotion`. Out: for each network whose
class names were looked up, and for all of them together, how its scores go with the
ratings, and the scores picture by picture. Pure.
"""

from typing import NamedTuple

import numpy as np

from emojax.config import TARGETS
from emojax.datasets.va_emotion.dataset import Dataset, rated_only
from emojax.evaluation import bootstrap
from emojax.features import word_emotion
from emojax.pages import markdown
from emojax.utils import files

TOGETHER = "together"


class Scored(NamedTuple):
  """Scores of every picture by one network's class names, or by all of them.

  Attributes:
    name: the feature whose class names were looked up, or `TOGETHER`.
    predictions: target -> (N,) expected norm, 1..9.
    scores: target -> score -> interval, see `bootstrap.intervals`.
  """

  name: str
  predictions: dict[str, np.ndarray]
  scores: dict[str, dict[str, bootstrap.Interval]]


def scored(dataset: Dataset) -> list[Scored]:
  """Every network's scores of a dataset, then the mean of all networks'.

  Args:
    dataset: with the feature `word_emotion`, described as `descriptions.describe` does.
  """
  dataset = rated_only(dataset, TARGETS)
  described = next(
    entry for entry in dataset.features_described if entry["name"] == "word_emotion"
  )
  names = [base["name"] for base in described["bases"]]
  table = dataset.features["word_emotion"].reshape(-1, len(names), word_emotion.SIZE)
  parts = {name: table[:, at] for at, name in enumerate(names)}
  if len(names) > 1:
    parts[TOGETHER] = table.mean(axis=1)
  scorers = []
  for name, values in parts.items():
    predictions = {target: values[:, at] for at, target in enumerate(TARGETS)}
    scores = {
      target: bootstrap.intervals(predictions[target], dataset.ratings[:, at])
      for at, target in enumerate(TARGETS)
    }
    scorers.append(Scored(name, predictions, scores))
  return scorers


def table(scorers: list[Scored], number: int) -> list[str]:
  """What was found, a line a network, as Markdown that reads well in a terminal."""
  rows = [["class names of", "pictures", "r of valence", "r of arousal"]]
  for scorer in scorers:
    texts = [bootstrap.text(scorer.scores[target]["pearson_r"]) for target in TARGETS]
    rows.append([scorer.name, str(number), *texts])
  return markdown.aligned(rows)


def csv(scorers: list[Scored], dataset: Dataset) -> str:
  """One row per picture: its ratings, and each network's scores."""
  head = [f"{scorer.name}_{target}" for scorer in scorers for target in TARGETS]
  rows = [["image", *(f"{target}_rated" for target in TARGETS), *head]]
  for row, image_id in enumerate(dataset.image_ids):
    predictions = [
      scorer.predictions[target][row] for scorer in scorers for target in TARGETS
    ]
    numbers = [f"{value:.4f}" for value in (*dataset.ratings[row], *predictions)]
    rows.append([image_id, *numbers])
  return files.csv_text(rows)
