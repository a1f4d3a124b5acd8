"""How long one picture takes from a cold start, and how many a second go when warm."""

import pathlib
import subprocess
import sys
import tempfile
import time

import emojax
from emojax import config
from emojax.bench.measure import Figure, Size, best_seconds, draw_jpegs
from emojax.extract import extractor

_GOAL_SECONDS, _GOAL_RATE = 3.0, 25
_MOST_STARTS = 3
_START_JAX = "import jax; print(jax.jit(lambda x: x + 1)(1).block_until_ready())"


def bench_predict(size: Size) -> list[Figure]:
  """`emojax.predict` with the predictor that comes with emojax, on JPEG files.

  One picture in a process of its own, second start; then many in this process.
  """
  with tempfile.TemporaryDirectory() as temporary:
    folder = pathlib.Path(temporary)
    predict = ["emojax.predict", f"--cache_dir={folder / 'cache'}"]
    paths = draw_jpegs(folder, 1 + min(_MOST_STARTS, size.repeats))
    _process(*predict, str(paths[0]))  # the first start compiles
    cold = min(_process(*predict, str(path)) for path in paths[1:])
    limit = min(_python("-c", _START_JAX) for _ in range(2))
    rate, alone = _warm(size)
  return [
    Figure(
      "predict one picture, second start",
      cold,
      "s",
      "starting Python and JAX",
      limit,
      limit / cold,
      f"at most {_GOAL_SECONDS:.0f} s",
    ),
    Figure(
      f"predict {size.num_pictures} pictures, warm",
      rate,
      "pictures/s",
      "their features alone",
      alone,
      rate / alone,
      f"at least {_GOAL_RATE} on two cores",
    ),
  ]


def _warm(size: Size) -> tuple[float, float]:
  """Pictures a second from files to ratings, and from files to features."""
  predictor = emojax.load()
  names = tuple(feature["name"] for feature in predictor.run.identity["features"])
  features = extractor.from_config(config.ExtractConfig(features=names))
  with tempfile.TemporaryDirectory() as folder:
    paths = draw_jpegs(pathlib.Path(folder), size.num_pictures)
    features.run(paths)  # compiles
    predictor.predict(paths)
    seconds = best_seconds(lambda: predictor.predict(paths) and None, size.repeats)
    alone = best_seconds(lambda: features.run(paths) and None, size.repeats)
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
