"""How long one picture takes from a cold start, and how many a second go when warm."""

import pathlib
import subprocess
import sys
import tempfile
import time

from emojax import config
from emojax.bench.measure import Figure, Size, best_seconds, draw_jpegs

_GOAL_SECONDS = 10.0
_MOST_STARTS = 3
_START_JAX = "import jax; print(jax.jit(lambda x: x + 1)(1).block_until_ready())"


def bench_predict(size: Size) -> list[Figure]:
  """`emojax.predict` on one picture, second start; then many in one process.

  The run has by default the paper's 1588 columns (low-level features, SqueezeNet,
  DeepLab) and the preset `best`, trained for an epoch on drawn pictures with random
  weights.
  """
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    run, cache = folder / "run", f"--cache_dir={folder / 'cache'}"
    train = ["emojax.train", "--preset=best", "--num_synthetic=10", "--max_epochs=1"]
    train += [f"--features={','.join(size.predict_features)}"]
    train += [f"--workdir={run}", f"--data_dir={folder}", cache]
    _process(*train)
    paths = draw_jpegs(folder, 1 + min(_MOST_STARTS, size.repeats))
    predict = ["emojax.predict", f"--checkpoint={run}", "--allow_simulated", cache]
    _process(*predict, str(paths[0]))  # the first start compiles
    cold = min(_process(*predict, str(path)) for path in paths[1:])
    limit = min(_python("-c", _START_JAX) for _ in range(2))
    rate, alone = _warm(run, size)
  return [
    Figure(
      "predict one picture, second start",
      cold,
      "s",
      "starting Python and JAX",
      limit,
      limit / cold,
      f"below {_GOAL_SECONDS:.0f} s",
    ),
    Figure(
      f"predict {size.num_pictures} pictures, warm",
      rate,
      "pictures/s",
      "their features alone",
      alone,
      rate / alone,
    ),
  ]


def _warm(run: pathlib.Path, size: Size) -> tuple[float, float]:
  """Pictures a second from files to ratings, and from files to features."""
  from emojax.extract import extractor
  from emojax.predict import predictor

  made = predictor.load(run)
  asked = config.ExtractConfig(features=size.predict_features, weights="random")
  features = extractor.from_config(asked)
  with tempfile.TemporaryDirectory() as folder:
    paths = draw_jpegs(pathlib.Path(folder), size.num_pictures)
    seconds = best_seconds(
      lambda: made.predict(paths, allow_simulated=True) and None, 1
    )
    alone = best_seconds(lambda: features.run(paths) and None, 1)
  return len(paths) / seconds, len(paths) / alone


def _process(module: str, *arguments: str) -> float:
  return _python("-m", module, *arguments)


def _python(*arguments: str) -> float:
  """Seconds that a Python process takes.

  Raises:
    CalledProcessError: it failed.
  """
  start = time.perf_counter()
  subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
  return time.perf_counter() - start
