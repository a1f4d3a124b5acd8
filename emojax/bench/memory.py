"""How much memory extraction takes, network by network, and that it does not grow."""

import pathlib
import tempfile

from emojax.bench import apart
from emojax.bench.measure import Figure, Size, draw_jpegs
from emojax.bench.networks import named

_LIMIT_MB = 3000.0  # on a CPU, whatever the number of pictures
_IMAGES = 48  # three full batches on a CPU, all that is ever in flight
_ONE_BY_ONE_IMAGES = 4


def bench_memory(size: Size) -> list[Figure]:
  """Peak memory of a process that extracts a network's class output.

  Each network has a process of its own, because a peak never goes down again. Twice as
  many pictures follow the first ones there: by so much the peak then grows.
  """
  from emojax.backbones import BACKBONES

  figures = []
  for name in named(size.networks):
    number = _ONE_BY_ONE_IMAGES if BACKBONES[name].one_by_one else _IMAGES
    first, second = apart.call(_peaks, name, number)
    what = f"{name}, peak memory of {3 * number} pictures"
    note = f"+{second - first:.0f} MB by the last {2 * number}"
    figures.append(
      Figure(
        what,
        second,
        "MB",
        "limit",
        _LIMIT_MB,
        _LIMIT_MB / second,
        "1 or more",
        note=note,
      )
    )
  return figures


def _peaks(name: str, number: int) -> tuple[float, float]:
  """The peak after so many pictures, and after twice as many more."""
  from emojax import config, images
  from emojax.extract import extractor
  from emojax.features import FEATURES
  from emojax.features.base import JOIN
  from emojax.utils import runtime

  runtime.keep_memory()
  feature = next(n for n, entry in FEATURES.items() if name in entry.needs.split(JOIN))
  program = extractor.from_config(
    config.ExtractConfig(features=(feature,), weights="random")
  )
  with tempfile.TemporaryDirectory() as folder:
    draw_jpegs(pathlib.Path(folder), number)
    paths = images.walk(pathlib.Path(folder))
    program.run(paths)
    first = runtime.peak_memory_mb()
    others = [path.read_bytes() + bytes([i]) for i in (1, 2) for path in paths]
    program.run(others)
  return first, runtime.peak_memory_mb()
