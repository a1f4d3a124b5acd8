"""How fast the paper's networks train: beside the matrix peak, and PyTorch."""

import importlib.util
import itertools
import time

import numpy as np

from emojax import config
from emojax.speed.measure import PAPER_COLUMNS, Figure, Size, matrix_peak


def bench_train(size: Size) -> list[Figure]:
  """Ten networks of the paper at the paper's size, an epoch of one program."""
  import jax.numpy as jnp

  from emojax import folds, model, trainer

  settings = config.TrainConfig(max_epochs=10)
  rng = np.random.default_rng(0)
  table = jnp.asarray(rng.standard_normal((size.train_rows, PAPER_COLUMNS), np.float32))
  ratings = jnp.asarray(rng.uniform(1, 9, (size.train_rows, 2)), jnp.float32)
  columns = model.Columns(("drawn",), (PAPER_COLUMNS,), (False,))
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
  widths = (PAPER_COLUMNS, *settings.hidden, 1)
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
