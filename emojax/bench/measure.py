"""What a measurement is, and the limits that figures stand beside.

In: a call. Out: the shortest time it took; the device's matrix peak; drawn pictures.
"""

import dataclasses
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from emojax import config, paper

PAPER_COLUMNS = 1588
SIDE_PX = 256


@dataclasses.dataclass(frozen=True)
class Figure:
  """One line of the result.

  Attributes:
    what: what was measured.
    value: the figure, in `unit`.
    unit: such as "ms a picture".
    peer: what it stands beside.
    peer_value: the peer's figure, in the same unit.
    ratio: how many times as fast as the peer, or which share of the limit.
    goal: what emojax means to reach, as text; empty where there is none.
  """

  what: str
  value: float
  unit: str
  peer: str
  peer_value: float
  ratio: float
  goal: str = ""


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
  repeats: int = config.setting(5, "Measurements of short things; the best one counts.")


def best_seconds(call: Callable[[], Any], repeats: int) -> float:
  """The shortest of several runs after one that warms up: the least disturbed one.

  Waits for what the call returns, should that be arrays still being computed.
  """
  import jax

  jax.block_until_ready(call())
  taken = []
  for _ in range(repeats):
    start = time.perf_counter()
    jax.block_until_ready(call())
    taken.append(time.perf_counter() - start)
  return min(taken)


def matrix_peak(repeats: int, precision: str = "float32") -> float:
  """Floating-point operations a second of matrix products on this device.

  The best of NumPy and JAX on a CPU, of JAX elsewhere: 4096 x 4096 matrices.
  """
  import jax
  import jax.numpy as jnp

  side = 4096
  a = np.random.default_rng(0).standard_normal((side, side), np.float32)
  on_device = jnp.asarray(a, jnp.dtype(precision))
  product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest"))
  seconds = [best_seconds(lambda: product(on_device), repeats)]
  if jax.default_backend() == "cpu" and precision == "float32":
    seconds.append(best_seconds(lambda: a @ a, repeats))
  return 2 * side**3 / min(seconds)


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
