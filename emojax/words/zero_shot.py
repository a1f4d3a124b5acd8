"""Rated pictures scored by words alone: no picture's rating is used to score any.

In: a prepared dataset with the feature `word_emotion`. Out: for each network whose
class names were looked up, and for all of them together, how its scores go with the
ratings, and the scores picture by picture. Pure.
"""

from typing import NamedTuple

import numpy as np

from emojax.config import TARGETS
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import bootstrap
from emojax.features import word_emotion
from emojax.pages import markdown
from emojax.utils import files

TOGETHER = "together"


class Scored(NamedTuple):
  """Scores of every picture by one network's class names, or by all of them.

  Attributes:
    name: the feature whose class names were looked up, or `TOGETHER`.
    said: target -> (N,) expected norm, 1..9.
    scores: target -> score -> interval, see `bootstrap.intervals`.
  """

  name: str
  said: dict[str, np.ndarray]
  scores: dict[str, dict[str, bootstrap.Interval]]


def scored(dataset: Dataset) -> list[Scored]:
  """Every network's scores of a dataset, then the mean of all networks'.

  Args:
    dataset: with the feature `word_emotion`, described as `params.describe` does.
  """
  described = next(
    entry for entry in dataset.features_described if entry["name"] == "word_emotion"
  )
  names = [base["name"] for base in described["bases"]]
  table = dataset.features["word_emotion"].reshape(-1, len(names), word_emotion.SIZE)
  parts = {name: table[:, at] for at, name in enumerate(names)}
  if len(names) > 1:
    parts[TOGETHER] = table.mean(axis=1)
  found = []
  for name, values in parts.items():
    said = {target: values[:, at] for at, target in enumerate(TARGETS)}
    scores = {
      target: bootstrap.intervals(said[target], dataset.ratings[:, at])
      for at, target in enumerate(TARGETS)
    }
    found.append(Scored(name, said, scores))
  return found


def table(found: list[Scored], number: int) -> list[str]:
  """What was found, a line a network, as Markdown that reads well in a terminal."""
  rows = [["class names of", "pictures", "r of valence", "r of arousal"]]
  for one in found:
    texts = [bootstrap.text(one.scores[target]["pearson_r"]) for target in TARGETS]
    rows.append([one.name, str(number), *texts])
  return markdown.aligned(rows)


def csv(found: list[Scored], dataset: Dataset) -> str:
  """One row per picture: its ratings, and each network's scores."""
  head = [f"{one.name}_{target}" for one in found for target in TARGETS]
  rows = [["image", *(f"{target}_rated" for target in TARGETS), *head]]
  for row, image_id in enumerate(dataset.image_ids):
    said = [one.said[target][row] for one in found for target in TARGETS]
    numbers = [f"{value:.4f}" for value in (*dataset.ratings[row], *said)]
    rows.append([image_id, *numbers])
  return files.csv_text(rows)
