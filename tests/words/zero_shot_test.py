"""Scores of pictures by the words for what is in them, without training."""

import csv
import subprocess

import helpers
import numpy as np
import pytest

from emojax.backbones import convert
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.features import params
from emojax.words import zero_shot


def _dataset(table: np.ndarray, ratings: np.ndarray, *bases: str) -> Dataset:
  number = len(table)
  described = {"name": "word_emotion", "bases": [{"name": base} for base in bases]}
  return Dataset(
    image_ids=[f'{i},"a".png' for i in range(number)],
    features={"word_emotion": table.astype(np.float32)},
    ratings=ratings.astype(np.float32),
    ratings_std=np.full((number, 2), np.nan, np.float32),
    num_raters=np.full((number, 2), -1, np.int32),
    fold=np.arange(number, dtype=np.int32) % 5,
    keywords=[""] * number,
    metadata={"source": "folder", "features": [described], "disclaimer": ""},
  )


def test_each_network_is_scored_and_all_together():
  rng = np.random.default_rng(0)
  valence, arousal, other = rng.uniform(2, 8, (3, 40))
  table = np.stack([valence, 10 - arousal, other, other, arousal, other], axis=1)
  dataset = _dataset(
    table, np.stack([valence, arousal], axis=1), "object_a", "shares_b"
  )
  first, second, both = zero_shot.scored(dataset)
  assert [first.name, second.name, both.name] == ["object_a", "shares_b", "together"]
  assert first.scores["valence"]["pearson_r"].value == pytest.approx(1)
  assert first.scores["arousal"]["pearson_r"].value == pytest.approx(-1)
  assert second.scores["arousal"]["pearson_r"].value == pytest.approx(1)
  np.testing.assert_allclose(
    both.predictions["valence"], (valence + other) / 2, rtol=1e-6
  )
  low, high = (getattr(both.scores["valence"]["pearson_r"], b) for b in ("low", "high"))
  assert -1 <= low < both.scores["valence"]["pearson_r"].value < high <= 1
  lines = zero_shot.table([first, second, both], 40)
  assert len(lines) == 5 and "1.000 [1.000, 1.000]" in lines[2]
  rows = list(csv.DictReader(zero_shot.csv([first], dataset).splitlines()))
  assert len(rows) == 40 and rows[3]["image"] == '3,"a".png'
  assert float(rows[3]["object_a_valence"]) == pytest.approx(valence[3], abs=1e-3)


def test_one_network_has_no_togetherness():
  values = np.random.default_rng(1).uniform(2, 8, (9, 3))
  dataset = _dataset(values, values[:, :2], "object_a")
  assert [scorer.name for scorer in zero_shot.scored(dataset)] == ["object_a"]


def test_random_networks_have_no_words(shared_data):
  norms = shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"
  with pytest.raises(ValueError, match="needs trained networks: the classes of squee"):
    params.load_sources(
      ["word_emotion"],
      weights="random",
      word_norms=norms,
      word_features=["object_squeezenet"],
    )


@pytest.mark.parametrize(
  ("features", "message"),
  [(["color"], "--word_features=color: expected features that"), ([], "no feature")],
)
def test_features_without_classes_are_refused(shared_data, features, message):
  norms = shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"
  with pytest.raises(ValueError, match=message):
    params.load_sources(["word_emotion"], word_norms=norms, word_features=features)


def _zero_shot(*flags: str) -> subprocess.CompletedProcess:
  return helpers.run("-m", "emojax.words", "zero_shot", *flags)


@pytest.mark.slow
def test_pictures_are_scored_by_words_alone(shared_data, tmp_path):
  """A few photographs of OASIS through a real network, as a user would."""
  with (shared_data / "oasis" / "OASIS_ratings.csv").open(newline="") as file:
    rated = list(csv.DictReader(file))[::60]
  lines = ["image,valence,arousal"]
  lines += [
    f"{row['Theme'].strip()}.jpg,{row['Valence_mean']},{row['Arousal_mean']}"
    for row in rated
  ]
  (tmp_path / "ratings.csv").write_text("\n".join(lines))
  convert.convert("squeezenet", shared_data, tmp_path)
  flags = [
    "--dataset=va_emotion/folder",
    f"--images_dir={shared_data / 'oasis' / 'images'}",
    f"--ratings_csv={tmp_path / 'ratings.csv'}",
    "--rating_scale=1,7",
    f"--data_dir={tmp_path / 'tfds'}",
    f"--cache_dir={tmp_path / 'cache'}",
    f"--weights_dir={tmp_path}",
    "--word_features=object_squeezenet",
    f"--output={tmp_path / 'scores.csv'}",
  ]
  done = _zero_shot(*flags)
  assert done.returncode == 1 and done.stderr.strip().endswith("as Warriner's has them")
  norms = shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"
  done = _zero_shot(*flags, f"--word_norms={norms}")
  assert done.returncode == 0, done.stderr
  assert f"| object_squeezenet |       {len(rated)} |" in done.stdout
  with (tmp_path / "scores.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == len(rated)
  assert all(1 <= float(row["object_squeezenet_valence"]) <= 9 for row in rows)
