"""Damaged runs and archives: refused in one line, or the same as before.

In: a random generator. Out: a small whole run, damaged copies of it, and outcomes that
can be compared.
"""

import atexit
import dataclasses
import functools
import pathlib
import random
import shutil
import tempfile

import jax
import numpy as np
from attacks import mutations, outcomes
from flax.traverse_util import flatten_dict

from emojax import config
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import conformal, results
from emojax.features import descriptions, params
from emojax.predict import packing, trained_run
from emojax.train import checkpoint, familiarity, loop, run_folder
from emojax.train import rows as rows_lib
from emojax.train import run as run_lib
from emojax.train.networks import model_shapes, networks
from emojax.utils import arrays, checksums, files

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
  place = run_folder.open_run(folder, described_run, resume=False)
  table, columns = loop.feature_table(dataset)
  shapes = model_shapes(SETTINGS, columns, networks(SETTINGS, range(5)))
  weights, scaling = jax.tree.map(
    lambda x: rng.uniform(0.1, 0.3, x.shape).astype("f"), shapes
  )
  weights["output"]["bias"] += 4  # on the scale
  checkpoint.save_model(place, weights, scaling)
  reference = familiarity.fit(table, columns, dataset.fold)
  files.write(place.familiarity, arrays.encode(reference))
  errors = conformal.Calibration(reference.held_out, rng.random((_NUMBER, 1)))
  files.write(place.calibration, arrays.encode(errors))
  files.write(place.metrics, '{"epoch": 1, "train_mse": {"valence": {"g1": 1.0}}}\n')
  predicted = {fold: rng.uniform(1, 9, _NUMBER).astype("f") for fold in range(5)}
  result, column = results.evaluate(
    "valence",
    predicted,
    rows_lib.make_folds(SETTINGS, dataset.fold, 0),
    dataset.ratings_of("valence"),
  )
  run_lib.write(place, described_run, dataset, [result], column[:, None], 1.0)
  return folder


def damaged_copy(
  whole: pathlib.Path, copy: pathlib.Path, draw: random.Random
) -> pathlib.Path:
  """A copy of a run folder, or of an archive, in which one file is damaged or gone.

  Returns:
    That file.
  """
  if whole.is_file():
    copy.write_bytes(mutations.mutated_archive(whole.read_bytes(), draw))
    return copy
  shutil.copytree(whole, copy)
  every = sorted(path for path in copy.rglob("*") if path.is_file())
  path = draw.choice(every)
  if draw.randrange(8):
    path.write_bytes(mutations.mutated(path.read_bytes(), draw))
  else:
    path.unlink()
  return path


def outcome(path: pathlib.Path) -> dict | str:
  """What a run holds, JSON and bytes by name; or the one line that refuses it."""
  try:
    run = trained_run.read(path)
  except run_folder.RunError as error:
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


@functools.cache
def wholes() -> dict[pathlib.Path, dict | str]:
  """A run folder and its archive, with what they hold; they stay for the process."""
  top = pathlib.Path(tempfile.mkdtemp())
  atexit.register(shutil.rmtree, top, ignore_errors=True)
  folder, archive = run(top / "run"), top / "run.zip"
  packing.write_archive(trained_run.read(folder), archive, {})
  return {path: outcome(path) for path in (folder, archive)}


def attack(folder: pathlib.Path, draw: random.Random) -> str:
  """Opens a damaged copy, which is left in the folder; see `outcomes`.

  Of those with digests no other value may come than the whole one's.
  """
  whole = draw.choice([*wholes()])
  copy = folder / whole.name
  damaged_copy(whole, copy, draw)
  without_digests = copy.is_dir() and draw.randrange(2)
  if without_digests:
    (copy / checksums.FILE_NAME).unlink(missing_ok=True)
  opened = outcome(copy)
  if isinstance(opened, str):
    return outcomes.ERROR
  if without_digests:
    return "value, without digests"
  assert opened == wholes()[whole], "other numbers than were stored"
  return outcomes.VALUE
