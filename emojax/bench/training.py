"""How fast the paper's networks train: beside the matrix peak, and PyTorch."""

import importlib.util
import itertools
from collections.abc import Callable

import numpy as np

from emojax import config
from emojax.bench.measure import (
  PAPER_COLUMNS,
  Figure,
  Size,
  by_turns,
  figure,
  matrix_peak,
)
from emojax.train.networks import networks

_HIDDEN = config.TrainConfig().hidden
_MOST_EPOCHS = 3  # of a quarter of a minute each


def bench_train(size: Size) -> list[Figure]:
  """The networks of the paper's Table II at the paper's size, an epoch of one program.

  Five folds x two targets x `size.train_sources` feature sets; beside them the matrix
  peak, the same networks one after another, and PyTorch's, one after another; then one
  network whose table stays in the host's memory.
  """
  together, trained_rows, number = _epochs(size, range(5), both=True)
  alone, _, _ = _epochs(size, range(1), both=False)
  widths = (PAPER_COLUMNS, *_HIDDEN, 1)
  from_host, _, _ = _epochs(size, range(1), both=False, memory="host")
  calls = [together, alone, from_host]
  if importlib.util.find_spec("torch"):
    calls.append(_torch_epochs(size, widths))
  times = by_turns(calls, min(_MOST_EPOCHS, size.repeats))
  peak = matrix_peak(size.repeats)
  weights = [a * b for a, b in itertools.pairwise(widths)]
  # Forward, gradient of the weights, and of the inputs but those of the first layer.
  operations = 2 * (3 * sum(weights) - weights[0]) * trained_rows * number
  what = f"train {number} networks of {trained_rows} rows, one program"
  figures = [
    figure(
      what,
      "GFLOP/s",
      times[0].of(operations / 1e9),
      "matrix peak",
      peak.of(1e-9),
      "0.75 of the peak or more",
    ),
    figure(
      what,
      "s an epoch",
      times[0],
      f"emojax, one after another ({number} times one)",
      times[1].of(1 / number),
      "0.1 s or less for 40 networks on an H200",
    ),
    figure(
      "train one of them, the table in the host's memory",
      "s an epoch",
      times[2],
      "the same, in the device's",
      times[1],
      "what a table larger than a device costs",
    ),
  ]
  if len(times) > 3:
    figures.append(
      figure(
        what,
        "s an epoch",
        times[0],
        "PyTorch, one after another",
        times[3].of(1 / size.train_sources),
        "10 times PyTorch or more on an H200",
      )
    )
  return figures


def _epochs(
  size: Size, fold_indices: range, both: bool, memory: str = "device"
) -> tuple[Callable[[], None], int, int]:
  """A call that trains the next epoch, the rows of a network, and their number."""
  import jax.numpy as jnp

  from emojax.evaluation import folds
  from emojax.train import feature_tables, model, trainer

  settings = config.TrainConfig(
    hidden=_HIDDEN, target=config.TARGETS[: 2 if both else 1]
  )
  rng = np.random.default_rng(0)
  names = [f"drawn{i}" for i in range(size.train_sources if both else 1)]
  shape = (len(names), size.train_rows, PAPER_COLUMNS)
  tables = feature_tables.keep(rng.standard_normal(shape, np.float32), memory)
  ratings = jnp.asarray(rng.uniform(1, 9, (size.train_rows, 2)), jnp.float32)
  columns = model.Columns(("drawn",), (PAPER_COLUMNS,), (False,))
  nets = networks(settings, fold_indices, names)
  keys = trainer.network_keys(nets)
  rows = trainer.network_rows(settings, folds.assign(size.train_rows, 0), nets)
  init, run, _ = trainer.make_program(trainer.make_trainer(settings, columns, 1))
  states = init(keys.network, rows, tables, ratings)
  numbers = itertools.count()

  def epoch() -> None:
    nonlocal states
    span = (jnp.int32(next(numbers)), jnp.int32(1), jnp.int32(0))
    states, _, ran = run(states, keys, rows, tables, ratings, *span)
    int(ran)

  return epoch, int(rows.train_weights[0].sum()), len(nets)


def _torch_epochs(size: Size, widths: tuple[int, ...]) -> Callable[[], None]:
  """A call that trains ten networks for an epoch, by PyTorch: one after another."""
  import torch

  from emojax.evaluation import folds

  settings = config.TrainConfig()
  share = settings.validation_share
  split = folds.make_folds(folds.assign(size.train_rows, 0), share, 0)
  rng = np.random.default_rng(0)
  device = "cuda" if torch.cuda.is_available() else "cpu"
  shape = (size.train_rows, PAPER_COLUMNS)
  features = torch.tensor(rng.standard_normal(shape, np.float32), device=device)
  drawn = rng.uniform(1, 9, (size.train_rows, 2)).astype(np.float32)
  wanted = torch.tensor(drawn, device=device)

  def train_network(fold: int, target: int) -> None:
    layers: list[torch.nn.Module] = []
    for a, b in itertools.pairwise(widths):
      layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1]).to(device)
    optimizer = torch.optim.SGD(
      network.parameters(), settings.learning_rate, settings.momentum
    )
    order = torch.tensor(split.train_rows[fold], device=device).long()
    for rows in order.split(settings.batch_size):
      optimizer.zero_grad(set_to_none=True)
      predictions = network(features[rows])[:, 0]
      torch.mean((predictions - wanted[rows, target]) ** 2).backward()
      optimizer.step()

  def epoch() -> None:
    for target in range(2):
      for fold in range(len(split.train_rows)):
        train_network(fold, target)
    if device == "cuda":
      torch.cuda.synchronize()

  return epoch
