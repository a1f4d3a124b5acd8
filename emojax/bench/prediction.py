"""How long one picture takes from a cold start, and how many a second go when warm."""

import pathlib
import subprocess
import sys
import tempfile
import time

import emojax
from emojax import config
from emojax.bench.measure import (
  Figure,
  Size,
  Timing,
  by_turns,
  draw_jpegs,
  figure,
)
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
    turns = [
      (_process(*predict, str(path)), _python("-c", _START_JAX)) for path in paths[1:]
    ]
    cold, limit = (Timing(seconds) for seconds in zip(*turns, strict=True))
    prediction, alone = _warm(size)
  return [
    figure(
      "predict one picture, second start",
      "s",
      cold,
      "starting Python and JAX",
      limit,
      f"at most {_GOAL_SECONDS:.0f} s",
    ),
    figure(
      f"predict {size.num_pictures} pictures, warm",
      "pictures/s",
      prediction,
      "their features alone",
      alone,
      f"at least {_GOAL_RATE} on two cores",
    ),
  ]


def _warm(size: Size) -> list[Timing]:
  """Seconds a picture from file to ratings, and from file to features."""
  predictor = emojax.load()
  names = tuple(feature["name"] for feature in predictor.run.identity["features"])
  features = extractor.from_config(config.ExtractConfig(features=names))
  with tempfile.TemporaryDirectory() as folder:
    paths = draw_jpegs(pathlib.Path(folder), size.num_pictures)
    calls = (
      lambda: predictor.predict(paths) and None,
      lambda: features.run(paths) and None,
    )
    return [timing.of(len(paths)) for timing in by_turns(calls, size.repeats)]


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
