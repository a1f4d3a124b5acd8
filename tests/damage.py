"""Runs that were damaged: made, changed byte by byte, and what comes of opening them.

In: a random generator. Out: a small whole run, changed copies of files, and outcomes
that can be compared. Tests take a few; a longer search calls `damaged_copy` and
`outcome` as often as it likes.
"""

import dataclasses
import pathlib
import shutil

import jax
import numpy as np
from flax.traverse_util import flatten_dict

from emojax import config
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import conformal, results
from emojax.features import descriptions, params
from emojax.predict import trained_run
from emojax.train import checkpoint, familiarity, loop, trainer
from emojax.train import run as run_lib
from emojax.utils import arrays, files

SETTINGS = config.TrainConfig(hidden=(2,), target=("valence",), max_epochs=1)
_NUMBER = 20


def run(folder: pathlib.Path) -> pathlib.Path:
  """A finished run on random numbers, whose networks were not trained."""
  rng = np.random.default_rng(0)
  described = descriptions.describe(["color"], params.load_sources(["color"]))
  dataset = Dataset(
    image_ids=[f"{i}.png" for i in range(_NUMBER)],
    features={"color": rng.random((_NUMBER, 59), np.float32)},
    ratings=rng.uniform(1, 9, (_NUMBER, 1)).astype(np.float32),
    ratings_std=np.full((_NUMBER, 1), np.nan, np.float32),
    num_raters=np.full((_NUMBER, 1), -1, np.int32),
    fold=np.arange(_NUMBER, dtype=np.int32) % 5,
    keywords=[""] * _NUMBER,
    metadata={
      "source": "folder",
      "targets": ["valence"],
      "fingerprint": "0",
      "features": described,
      "missing": [],
      "broken": {},
      "unrated": 0,
      "settings": {},
      "disclaimer": "",
    },
  )
  described_run = run_lib.describe("paper", SETTINGS, dataset, range(5))
  place = checkpoint.open_run(folder, described_run, resume=False)
  table, columns = loop.feature_table(dataset)
  shapes = trainer.model_shapes(SETTINGS, columns, trainer.networks(SETTINGS, range(5)))
  networks, scaling = jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype("f"), shapes
  )
  checkpoint.save_model(place, networks, scaling)
  reference = familiarity.fit(table, columns, dataset.fold)
  files.write(place.familiarity, arrays.encode(reference))
  errors = conformal.Calibration(reference.held_out, rng.random((_NUMBER, 1)))
  files.write(place.calibration, arrays.encode(errors))
  files.write(place.metrics, '{"epoch": 1, "train_mse": {"valence": {"g1": 1.0}}}\n')
  predicted = {fold: rng.uniform(1, 9, _NUMBER).astype("f") for fold in range(5)}
  result, column = results.evaluate(
    "valence",
    predicted,
    trainer.make_folds(SETTINGS, dataset.fold, 0),
    dataset.ratings_of("valence"),
  )
  run_lib.write(place, described_run, dataset, [result], column[:, None], 1.0)
  return folder


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
  """A file's bytes with some changed, cut off, left out, doubled or put in."""
  data = bytearray(content)
  start = int(rng.integers(len(data) + 1))
  length = int(rng.integers(1, 9))
  match rng.integers(5):
    case 0:
      for place in rng.integers(len(data), size=length) if data else ():
        data[place] ^= 1 << int(rng.integers(8))
    case 1:
      del data[start:]
    case 2:
      del data[start : start + length]
    case 3:
      data[start:start] = data[start : start + length]
    case 4:
      data[start : start + length] = rng.bytes(length)
  return bytes(data)


def damaged_copy(
  whole: pathlib.Path, copy: pathlib.Path, rng: np.random.Generator
) -> pathlib.Path:
  """A copy of a run folder, or of an archive, in which one file is damaged or gone.

  Returns:
    That file.
  """
  if whole.is_file():
    copy.write_bytes(damaged(whole.read_bytes(), rng))
    return copy
  shutil.copytree(whole, copy)
  every = sorted(path for path in copy.rglob("*") if path.is_file())
  path = every[rng.integers(len(every))]
  content = damaged(path.read_bytes(), rng)
  if rng.integers(8):
    path.write_bytes(content)
  else:
    path.unlink()
  return path


def outcome(path: pathlib.Path) -> dict | str:
  """What a run holds, JSON and bytes by name; or the one line that refuses it."""
  try:
    run = trained_run.read(path)
  except checkpoint.RunError as error:
    text = str(error)
    assert "\n" not in text and str(path) in text and len(text) < 1000, text
    return text
  parts = {"params": run.params, "scaling": run.scaling._asdict()}
  parts |= {"reference": run.reference._asdict()}
  parts |= {"calibration": run.calibration._asdict()} if run.calibration else {}
  numbers = {k: np.asarray(v) for k, v in flatten_dict(parts, sep="/").items()}
  return {
    "identity": run.identity,
    "results": {k: run.results[k] for k in sorted(run.results)},
    "carried": dict(run.carried),
    "numbers": arrays.digest(numbers),
    "settings": dataclasses.asdict(run.settings),
  }
