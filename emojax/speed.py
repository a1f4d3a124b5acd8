"""What emojax measures of its own speed: the parts of `python -m emojax.bench`.

In: how much to measure. Out: figures, each beside a peer or a limit measured in the
same process: the machine's matrix peak, a well-kept library, PyTorch where it is
installed.
"""

import dataclasses
import functools
import importlib.util
import itertools
import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from emojax import config

_PAPER_PICTURES, _PAPER_COLUMNS = 10_766, 1588
_SIDE_PX = 256


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
    _PAPER_PICTURES, "Rated pictures of the training part; the paper has 10,766."
  )
  networks: tuple[str, ...] = config.setting(
    ("squeezenet", "deeplab"), "Networks to measure; resnet38 takes minutes on a CPU."
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


def matrix_peak(repeats: int) -> float:
  """Floating-point operations a second of float32 matrix products on this device.

  The best of NumPy and JAX on a CPU, of JAX elsewhere: 4096 x 4096 matrices.
  """
  import jax
  import jax.numpy as jnp

  side = 4096
  a = np.random.default_rng(0).standard_normal((side, side), np.float32)
  on_device = jnp.asarray(a)
  product = jax.jit(lambda x: jnp.matmul(x, x, precision="highest"))
  seconds = [best_seconds(lambda: product(on_device), repeats)]
  if jax.default_backend() == "cpu":
    seconds.append(best_seconds(lambda: a @ a, repeats))
  return 2 * side**3 / min(seconds)


def bench_train(size: Size) -> list[Figure]:
  """Ten networks of the paper at the paper's size, an epoch of one program."""
  import jax.numpy as jnp

  from emojax import folds, model, trainer

  settings = config.TrainConfig(max_epochs=10)
  rng = np.random.default_rng(0)
  table = jnp.asarray(
    rng.standard_normal((size.train_rows, _PAPER_COLUMNS), np.float32)
  )
  ratings = jnp.asarray(rng.uniform(1, 9, (size.train_rows, 2)), jnp.float32)
  columns = model.Columns(("drawn",), (_PAPER_COLUMNS,), (False,))
  nets = trainer.networks(settings, range(5))
  keys = trainer.network_keys(0, nets)
  made = folds.make_folds(
    folds.assign(size.train_rows, 0), settings.validation_share, 0
  )
  rows = trainer.network_rows(settings, made, nets)
  trained_rows = int(made.train_weights.sum(axis=1).mean())
  peak = matrix_peak(size.repeats)
  init, run, _ = trainer.make_program(trainer.make_trainer(settings, columns, 1))
  states = init(keys, rows, table, ratings)

  def epoch(number: int) -> float:
    nonlocal states
    start = time.perf_counter()
    states, _, ran = run(
      states, keys, rows, table, ratings, jnp.int32(number), jnp.int32(1)
    )
    int(ran)
    return time.perf_counter() - start

  epoch(0)  # compiles
  seconds = min(epoch(1), epoch(2))
  widths = (_PAPER_COLUMNS, *settings.hidden, 1)
  weights = [a * b for a, b in itertools.pairwise(widths)]
  # Forward, gradient of the weights, and of the inputs but those of the first layer.
  operations = 2 * (3 * sum(weights) - weights[0]) * trained_rows * len(nets)
  rate = operations / seconds
  figures = [
    Figure(
      f"train {len(nets)} networks, {trained_rows} rows an epoch ({seconds:.2f} s)",
      rate / 1e9,
      "GFLOP/s",
      "matrix peak",
      peak / 1e9,
      rate / peak,
      "0.75 of the peak or more",
    )
  ]
  if importlib.util.find_spec("torch"):
    other = _torch_epoch(np.asarray(table), np.asarray(ratings), widths, made, settings)
    figures.append(
      Figure(
        "train, the same networks",
        seconds,
        "s an epoch",
        "PyTorch, one after another",
        other,
        other / seconds,
      )
    )
  return figures


def _torch_epoch(table, ratings, widths, made, settings) -> float:
  """Seconds PyTorch takes for the same epoch: one network after another."""
  import torch

  device = "cuda" if torch.cuda.is_available() else "cpu"
  features = torch.tensor(table, device=device)
  wanted = torch.tensor(ratings, device=device)

  def train_one(fold: int, target: int) -> None:
    layers: list[torch.nn.Module] = []
    for a, b in itertools.pairwise(widths):
      layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(device)
    optimizer = torch.optim.SGD(
      network.parameters(), settings.learning_rate, settings.momentum
    )
    order = torch.tensor(made.train_rows[fold], device=device).long()
    for rows in order.split(settings.batch_size):
      optimizer.zero_grad(set_to_none=True)
      said = network(features[rows])[:, 0]
      torch.mean((said - wanted[rows, target]) ** 2).backward()
      optimizer.step()

  train_one(0, 0)  # warms up
  if device == "cuda":
    torch.cuda.synchronize()
  start = time.perf_counter()
  for target in range(2):
    for fold in range(len(made.train_rows)):
      train_one(fold, target)
  if device == "cuda":
    torch.cuda.synchronize()
  return time.perf_counter() - start


def bench_lbp(size: Size) -> list[Figure]:
  """Local binary patterns beside scikit-image, on the same pictures."""
  import skimage.feature

  from emojax.features import lbp

  pictures = _pictures(32)
  ours = _ms_a_picture(lbp.make(None), pictures, size.repeats)
  grey = pictures[:, :, :, 0]

  def theirs() -> None:
    for one in grey[:4]:
      skimage.feature.local_binary_pattern(one, 8, 1, method="nri_uniform")

  peer = best_seconds(theirs, size.repeats) / 4 * 1e3
  return [_speed("lbp", ours, "scikit-image", peer, "10 times scikit-image or more")]


def bench_gist(size: Size) -> list[Figure]:
  """GIST beside its definition in SciPy's FFTs, the filters already made."""
  import scipy.fft

  from emojax.features import gist

  pictures = _pictures(32)
  padded = np.random.default_rng(0).standard_normal((320, 320)).astype(np.float32)
  filters = np.random.default_rng(1).random((32, 320, 320), np.float32)
  threads = os.cpu_count() or 1

  def definition() -> None:
    spectrum = scipy.fft.fft2(padded)
    responses = scipy.fft.ifft2(spectrum * filters, workers=threads)
    np.abs(responses)[:, 32:-32, 32:-32].reshape(32, 4, 64, 4, 64).mean((2, 4))

  peer = best_seconds(definition, size.repeats) * 1e3
  name = "SciPy FFTs of the filters alone"
  return [
    _speed(
      "gist512",
      _ms_a_picture(gist.make_512(None), pictures, size.repeats),
      name,
      peer,
      "15 ms a picture or less on 2 cores",
    ),
    _speed(
      "gist",
      _ms_a_picture(gist.make(None), pictures, size.repeats),
      name + " (32 filters, gist has 20)",
      peer,
    ),
  ]


def bench_color(size: Size) -> list[Figure]:
  """Colour numbers beside scikit-image's conversion to HSV, a part of the work."""
  import jax.numpy as jnp
  import skimage.color

  from emojax.features import color, color_names

  pictures = _pictures(32)
  table = jnp.asarray(color_names.built_in().table)
  ours = _ms_a_picture(color.make(table), pictures, size.repeats)
  peer = best_seconds(lambda: skimage.color.rgb2hsv(pictures[0]), size.repeats) * 1e3
  return [_speed("color", ours, "scikit-image's RGB to HSV alone", peer)]


def bench_networks(size: Size) -> list[Figure]:
  """Each network at batch 1 and 8, as a share of the matrix peak."""
  import jax

  from emojax.backbones import BACKBONES, weights

  peak = matrix_peak(size.repeats)
  figures = []
  for name in size.networks:
    if name not in BACKBONES:
      raise ValueError(f"--networks knows {', '.join(BACKBONES)}; got {name!r}")
    backbone = BACKBONES[name]
    params = jax.device_put(weights.random(name).params)
    operations = 0.0  # of one picture: of a loop over pictures XLA counts one pass
    for batch in (1, 8):
      pictures = jax.device_put(_pictures(batch, backbone.view.side_px))
      compiled = jax.jit(backbone.apply).lower(params, pictures).compile()
      if batch == 1:
        analysis: Any = compiled.cost_analysis()
        operations = (analysis[0] if isinstance(analysis, list) else analysis)["flops"]
      go = functools.partial(compiled, params, pictures)
      seconds = best_seconds(go, size.repeats) / batch
      figures.append(
        Figure(
          f"{name}, batch {batch}",
          seconds * 1e3,
          "ms a picture",
          "its operations at the matrix peak",
          operations / peak * 1e3,
          operations / peak / seconds,
        )
      )
  return figures


def bench_extract(size: Size) -> list[Figure]:
  """JPEG files to the paper's 1588 columns, beside the decoder alone."""
  import concurrent.futures

  from emojax import extractor, images

  with tempfile.TemporaryDirectory() as temporary:
    if size.images_dir:
      paths = images.walk(pathlib.Path(size.images_dir))[: size.num_pictures]
    else:
      paths = _draw_jpegs(pathlib.Path(temporary), size.num_pictures)
    settings = config.ExtractConfig(weights="random")
    made = extractor.from_config(settings)

    def go() -> Any:
      return made.run(
        paths, None, batch_size=settings.extract_batch, workers=settings.workers
      )

    go()  # compiles
    stats = go().stats

    def decode(path: pathlib.Path) -> None:
      picture = images.load(path)
      for view in (images.SQUASH, images.CROP):
        images.view(picture, view)

    def decode_all() -> None:
      with concurrent.futures.ThreadPoolExecutor(settings.workers) as pool:
        list(pool.map(decode, paths))

    decoder = len(paths) / best_seconds(decode_all, 2)
  total = stats["total_seconds"]
  rate = len(paths) / total
  shares = ", ".join(
    f"{name.removesuffix('_seconds')} {100 * seconds / total:.0f} %"
    for name, seconds in stats.items()
    if name.endswith("_seconds") and name != "total_seconds"
  )
  return [
    Figure(
      f"extract {len(paths)} JPEGs ({shares})",
      rate,
      "pictures/s",
      "decoding and resizing alone",
      decoder,
      rate / decoder,
    )
  ]


def _speed(what: str, ours: float, peer: str, theirs: float, goal: str = "") -> Figure:
  return Figure(what, ours, "ms a picture", peer, theirs, theirs / ours, goal)


def _ms_a_picture(compute: Callable, pictures: np.ndarray, repeats: int) -> float:
  """Milliseconds a picture of a jitted feature, the pictures on the device."""
  import jax

  on_device = jax.device_put(pictures)
  jitted = jax.jit(compute)
  seconds = best_seconds(lambda: jitted(on_device), repeats)
  return seconds / len(pictures) * 1e3


def _pictures(count: int, side: int = _SIDE_PX) -> np.ndarray:
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


def _draw_jpegs(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
  """Files of 500 x 400 pixels, as a set of photographs has them."""
  from PIL import Image

  paths = []
  for i, picture in enumerate(_pictures(count)):
    path = folder / f"{i:05d}.jpg"
    Image.fromarray(picture).resize((500, 400)).save(path, quality=90)
    paths.append(path)
  return paths


PARTS = {
  "train": bench_train,
  "lbp": bench_lbp,
  "gist": bench_gist,
  "color": bench_color,
  "networks": bench_networks,
  "extract": bench_extract,
}
