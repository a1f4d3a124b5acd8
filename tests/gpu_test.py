"""What a GPU or TPU says is what a CPU says; skipped where there is none."""

import csv
import io
import os
import pathlib
import subprocess
import sys

import helpers
import numpy as np
import pytest
from PIL import Image

_POINTS = 0.01  # of the 1..9 scale: what the README promises
_BACKEND = "import jax; print(jax.default_backend())"


def _python(*command, platform: str) -> str:
  """What a process on one kind of device prints; `platform` "" is JAX's own choice."""
  environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
  environment |= {"PYTHONPATH": str(helpers.ROOT), "JAX_PLATFORMS": platform}
  if not platform:
    del environment["JAX_PLATFORMS"]
  done = subprocess.run(
    [sys.executable, *map(str, command)],
    capture_output=True,
    text=True,
    env=environment,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


@pytest.fixture(scope="module")
def accelerator():
  """The platform of this machine's accelerator, as JAX calls it."""
  backend = _python("-c", _BACKEND, platform="").strip()
  if backend == "cpu":
    pytest.skip("no GPU or TPU that JAX can use on this machine")
  return ""


def _said(platform: str, run: pathlib.Path, images: pathlib.Path) -> np.ndarray:
  """(N, 2) valence and arousal as predicted on one kind of device."""
  text = _python(
    "-m",
    "emojax.predict",
    f"--checkpoint={run}",
    "--cache_dir=",
    images,
    platform=platform,
  )
  rows = list(csv.DictReader(io.StringIO(text)))
  return np.array([[float(row["valence"]), float(row["arousal"])] for row in rows])


@pytest.mark.gpu
@pytest.mark.slow
def test_a_run_says_the_same_on_an_accelerator_and_on_a_cpu(accelerator, tmp_path):
  _compare(accelerator, tmp_path)


def _compare(platform: str, place: pathlib.Path) -> None:
  """Trains on a CPU, then predicts there and on another platform."""
  rng = np.random.default_rng(0)
  images = place / "pictures"
  images.mkdir()
  for i in range(6):
    rough = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(rough).resize((80, 60)).save(images / f"{i}.png")
  _python(
    "-m",
    "emojax.train",
    "--preset=best",
    "--num_synthetic=30",
    "--max_epochs=20",
    "--features=color,gist,lbp,object_squeezenet,semantic_deeplab",
    "--weights=random",
    f"--data_dir={place / 'tfds'}",
    "--cache_dir=",
    f"--workdir={place / 'run'}",
    platform="cpu",
  )
  one, other = (_said(name, place / "run", images) for name in ("cpu", platform))
  assert one.shape == (6, 2) and one.std() > _POINTS
  np.testing.assert_allclose(other, one, atol=_POINTS)


_MEMORIES = """
import sys, dataclasses, numpy as np
sys.path.insert(0, "tests")
import helpers
from emojax import config
from emojax.train import loop
predicted = []
for memory in ("device", "host"):
  settings = config.TrainConfig(
    hidden=(8,), learning_rate=0.05, batch_size=16, max_epochs=20, table_memory=memory
  )
  dataset = helpers.rated_numbers()
  predicted.append(loop.train(settings, {"": dataset}, range(5)).predicted)
print(np.abs(predicted[0] - predicted[1]).max(), predicted[0].std())
"""


@pytest.mark.gpu
@pytest.mark.slow
def test_a_table_in_the_host_s_memory_trains_an_accelerator_alike(accelerator):
  difference, spread = map(float, _python("-c", _MEMORIES, platform="").split())
  assert difference < _POINTS < spread
