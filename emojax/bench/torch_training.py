"""The networks of both presets in PyTorch, to measure their training beside.

In: settings, and how many rows and columns. Out: a call that trains for an epoch, one
network after another, on the numbers that `measure.draw_rated` draws.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from emojax import config
from emojax.bench.measure import draw_rated
from emojax.evaluation import folds


def paper_epochs(
  settings: config.TrainConfig, num_rows: int, num_columns: int
) -> Callable[[], None]:
  """A call that trains the paper's ten networks: five folds of two targets."""
  import torch

  split = folds.make_folds(folds.assign(num_rows, 0), settings.validation_share, 0)
  features, rated = _drawn(num_rows, num_columns)

  def epoch() -> None:
    for target in range(2):
      for fold in range(len(split.train_rows)):
        rows = torch.tensor(split.train_rows[fold], device=features.device).long()
        _train(settings, features, rated[:, [target]], rows)
    _wait(features)

  return epoch


def best_epochs(
  settings: config.TrainConfig, num_rows: int, num_columns: int
) -> Callable[[], None]:
  """A call that trains one network of one fold along principal directions."""
  import torch

  features, rated = _drawn(num_rows, num_columns)
  number = min(settings.principal_directions, num_rows)
  # Of noise: multiplied with as fast as the real ones.
  directions = torch.randn(num_columns, number, device=features.device)
  outside = np.flatnonzero(folds.assign(num_rows, 0) != 0)
  rows = torch.tensor(outside, device=features.device)

  def epoch() -> None:
    _train(settings, features, rated, rows, directions)
    _wait(features)

  return epoch


def _drawn(num_rows: int, num_columns: int) -> list[Any]:
  """A table and its ratings as tensors of the device."""
  import torch

  device = "cuda" if torch.cuda.is_available() else "cpu"
  (table,), ratings = draw_rated(1, num_rows, num_columns)
  return [torch.tensor(numbers, device=device) for numbers in (table, ratings)]


def _wait(tensor: Any) -> None:
  import torch

  if tensor.is_cuda:
    torch.cuda.synchronize()


def _train(
  settings: config.TrainConfig,
  features: Any,
  ratings: Any,
  rows: Any,
  directions: Any = None,
) -> None:
  """A network of PyTorch from its drawn weights through one epoch."""
  import torch
  from torch.nn import functional

  inputs = features.shape[1] if directions is None else directions.shape[1]
  layers: list[torch.nn.Module] = []
  for a, b in itertools.pairwise((inputs, *settings.hidden, ratings.shape[1])):
    layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    if settings.dropout:
      layers.append(torch.nn.Dropout(settings.dropout))
  after_output = 2 if settings.dropout else 1
  network = torch.nn.Sequential(*layers[:-after_output]).to(features.device)
  optimizer = torch.optim.SGD(
    network.parameters(),
    settings.learning_rate,
    settings.momentum,
    nesterov=settings.nesterov,
  )
  for batch in rows.split(settings.batch_size):
    optimizer.zero_grad(set_to_none=True)
    x = features[batch]
    if settings.input_dropout:
      x = functional.dropout(x, settings.input_dropout)
    if directions is not None:
      x = x @ directions
    torch.mean((network(x) - ratings[batch]) ** 2).backward()
    optimizer.step()
