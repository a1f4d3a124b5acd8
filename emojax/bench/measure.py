"""What a measurement is, and the limits that figures stand beside.

In: calls. Out: how long they took by turns; the device's matrix peak; drawn pictures.
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emojax import config, paper

PAPER_COLUMNS = 1588
SIDE_PX = 256
MATRIX_SIDE = 4096


@dataclasses.dataclass(frozen=True)
class Timing:
  """How long something took, again and again.

  Attributes:
    times: of every turn, all in the same unit.
  """

  times: tuple[float, ...]

  @property
  def median(self) -> float:
    return float(np.median(self.times))

  @property
  def spread(self) -> float:
    """What lies between the quartiles, as a share of the median; 0 of one turn."""
    low, high = np.quantile(self.times, (0.25, 0.75))
    return float((high - low) / self.median)

  def of(self, amount: float) -> "Timing":
    """What one takes, where so many were done in that time."""
    return Timing(tuple(time / amount for time in self.times))


@dataclasses.dataclass(frozen=True)
class Figure:
  """One line of the result.

  Attributes:
    what: what was measured; the same words in every run.
    value: the figure, in `unit`.
    unit: such as "ms a picture".
    peer: what it stands beside; the same words in every run.
    peer_value: the peer's figure, in the same unit.
    ratio: how many times as fast as the peer, or which share of the limit.
    goal: what emojax means to reach, as text; empty where there is none.
    spread: how far the ratio swings from turn to turn, as a share of it.
    note: what else is to be said of this run.
  """

  what: str
  value: float
  unit: str
  peer: str
  peer_value: float
  ratio: float
  goal: str = ""
  spread: float = 0.0
  note: str = ""


def figure(
  what: str,
  unit: str,
  ours: Timing,
  peer: str,
  theirs: Timing,
  goal: str = "",
  note: str = "",
) -> Figure:
  """A figure from two timings of the same amount of work.

  Args:
    unit: a rate, such as "pictures/s", of timings of one; or what the timings are in.
  """
  values = [timing.median for timing in (ours, theirs)]
  if unit.endswith("/s"):
    values = [1 / value for value in values]
  ratio = theirs.median / ours.median
  spread = ours.spread + theirs.spread
  return Figure(what, values[0], unit, peer, values[1], ratio, goal, spread, note)


@dataclasses.dataclass(frozen=True)
class Size:
  """How much is measured."""

  num_pictures: int = config.setting(
    96, "Pictures of the extraction part; a drawn set unless --images_dir is given."
  )
  images_dir: str = config.setting("", "JPEG files for the extraction part.")
  train_rows: int = config.setting(
    paper.NUM_IMAGES,
    f"Rated pictures of the training part; the paper has {paper.NUM_IMAGES:,}.",
  )
  train_sources: int = config.setting(
    1, "Feature sets of the training part, ten networks each; the paper has 4."
  )
  networks: tuple[str, ...] = config.setting(
    ("squeezenet", "deeplab", "alexnet", "resnet50"),
    "Networks to measure, or all; resnet38 takes minutes on a CPU.",
  )
  precisions: tuple[str, ...] = config.setting(
    ("float32",), "What networks compute in: float32, bfloat16, or both."
  )
  repeats: int = config.setting(5, "Turns of short things; their median counts.")


def by_turns(calls: Sequence[Callable[[], Any]], repeats: int) -> list[Timing]:
  """Seconds that calls take, each once in every turn, after one that warms up.

  By turns, so that what else the machine does falls on all of them alike. Waits for
  what a call returns, should that be arrays still being computed.
  """
  return turns([functools.partial(seconds, call) for call in calls], repeats)


def turns(clocks: Sequence[Callable[[], float]], repeats: int) -> list[Timing]:
  """As `by_turns`, of calls that say themselves how many seconds they took."""
  for clock in clocks:
    clock()
  taken = [[clock() for clock in clocks] for _ in range(repeats)]
  return [Timing(times) for times in zip(*taken, strict=True)]


def seconds(call: Callable[[], Any]) -> float:
  """How long a call takes, until what it returns is computed."""
  import jax

  start = time.perf_counter()
  jax.block_until_ready(call())
  return time.perf_counter() - start


def matrix_peak(repeats: int, precision: str = "float32") -> Timing:
  """Seconds of one floating-point operation in matrix products on this device.

  Of NumPy or JAX on a CPU, whichever is faster, of JAX elsewhere: `MATRIX_SIDE` x
  `MATRIX_SIDE` matrices.
  """
  import jax
  import jax.numpy as jnp

  side = MATRIX_SIDE
  a = np.random.default_rng(0).standard_normal((side, side), np.float32)
  on_device = jnp.asarray(a, jnp.dtype(precision))
  product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest"))
  calls = [lambda: product(on_device)]
  if jax.default_backend() == "cpu" and precision == "float32":
    calls.append(lambda: a @ a)
  fastest = min(by_turns(calls, repeats), key=lambda timing: timing.median)
  return fastest.of(2 * side**3)


def draw_rated(number: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
  """Feature tables (number, rows, columns) and ratings (rows, 2), of noise."""
  rng = np.random.default_rng(0)
  tables = rng.standard_normal((number, rows, columns), np.float32)
  return tables, rng.uniform(1, 9, (rows, 2)).astype(np.float32)


def draw_images(count: int, side: int = SIDE_PX) -> np.ndarray:
  """Drawn pictures with edges and smooth parts, (count, side, side, 3) uint8."""
  rng = np.random.default_rng(0)
  y, x = np.mgrid[:side, :side] / side
  waves = rng.uniform(1, 30, (count, 2, 3))
  phase = (
    waves[:, 0, None, None, :] * x[None, :, :, None]
    + waves[:, 1, None, None, :] * y[None, :, :, None]
  )
  noise = rng.normal(0, 8, (count, side, side, 3))
  return np.clip(127 + 100 * np.sin(phase) + noise, 0, 255).astype(np.uint8)


def draw_jpegs(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
  """Files of 500 x 400 pixels, as a set of photographs has them."""
  from PIL import Image

  paths = []
  for i, image in enumerate(draw_images(count)):
    path = folder / f"{i:05d}.jpg"
    Image.fromarray(image).resize((500, 400)).save(path, quality=90)
    paths.append(path)
  return paths
