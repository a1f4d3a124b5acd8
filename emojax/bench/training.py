"""How fast the networks of both presets train: beside the matrix peak, and PyTorch."""

import dataclasses
import importlib.util
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emojax import config
from emojax.bench import torch_training
from emojax.bench.measure import (
  PAPER_COLUMNS,
  Figure,
  Size,
  by_turns,
  draw_rated,
  figure,
  matrix_peak,
)
from emojax.train.networks import Network, networks

_HIDDEN = config.TrainConfig().hidden
_BEST = config.PRESETS["best"][0]
_BEST_COLUMNS = 1840
_MOST_EPOCHS = 3  # of a quarter of a minute each


def bench_train(size: Size) -> list[Figure]:
  """An epoch of the paper's networks, and one of a fold of `best`.

  Five folds x two targets x `size.train_sources` feature sets at the paper's size, as
  one program; beside them the matrix peak, the same networks one after another, and
  PyTorch's, one after another; one network whose table stays in the host's memory; and
  the networks of one fold of `best`, beside PyTorch's, one after another.
  """
  return [*_bench_paper(size), *_bench_best(size)]


def _bench_paper(size: Size) -> list[Figure]:
  together, trained_rows, number = _paper_epochs(size, range(5), both=True)
  alone, _, _ = _paper_epochs(size, range(1), both=False)
  widths = (PAPER_COLUMNS, *_HIDDEN, 1)
  from_host, _, _ = _paper_epochs(size, range(1), both=False, memory="host")
  calls = [together, alone, from_host]
  if importlib.util.find_spec("torch"):
    paper = config.TrainConfig(hidden=_HIDDEN)
    calls.append(torch_training.paper_epochs(paper, size.train_rows, PAPER_COLUMNS))
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


def _bench_best(size: Size) -> list[Figure]:
  """A fold's networks, together and one of them; PyTorch's where that is installed."""
  calls = [_best_epochs(size, _BEST.ensemble), _best_epochs(size, 1)]
  if importlib.util.find_spec("torch"):
    calls.append(torch_training.best_epochs(_BEST, size.train_rows, _BEST_COLUMNS))
  times = by_turns(calls, size.repeats)
  number = _BEST.ensemble
  what = f"train a fold's {number} networks of best, {size.train_rows} pictures"
  peers = ["emojax, one after another", "PyTorch, one after another"]
  goals = ["what networks of a fold share", "1.2 times PyTorch or more"]
  return [
    figure(what, "s an epoch", times[0], peer, alone.of(1 / number), goal)
    for peer, alone, goal in zip(peers, times[1:], goals, strict=False)
  ]


def _paper_epochs(
  size: Size, fold_indices: range, both: bool, memory: str = "device"
) -> tuple[Callable[[], None], int, int]:
  """As `_epochs`, of the paper's networks."""
  from emojax.train import feature_tables

  settings = config.TrainConfig(
    hidden=_HIDDEN, target=config.TARGETS[: 2 if both else 1]
  )
  names = [f"drawn{i}" for i in range(size.train_sources if both else 1)]
  tables, ratings = draw_rated(len(names), size.train_rows, PAPER_COLUMNS)
  nets = networks(settings, fold_indices, names)
  kept = feature_tables.keep(tables, memory)
  return _epochs(settings, nets, kept, PAPER_COLUMNS, ratings)


def _best_epochs(size: Size, number: int) -> Callable[[], None]:
  """A call that trains some networks of a fold of `best` for the next epoch."""
  from emojax.train import feature_tables

  settings = dataclasses.replace(_BEST, ensemble=number)
  tables, ratings = draw_rated(1, size.train_rows, _BEST_COLUMNS)
  kept = feature_tables.keep(tables, "device")
  nets = networks(settings, [0])
  epoch, *_ = _epochs(settings, nets, kept, _BEST_COLUMNS, ratings, True)
  return epoch


def _epochs(
  settings: config.TrainConfig,
  nets: Sequence[Network],
  tables: Any,
  num_columns: int,
  ratings: np.ndarray,
  of_one_fold: bool = False,
) -> tuple[Callable[[], None], int, int]:
  """A call that trains the next epoch, the rows of a network, and their number."""
  import jax

  from emojax.evaluation import folds
  from emojax.train import model, trainer
  from emojax.train import rows as rows_lib

  columns = model.Columns(("drawn",), (num_columns,), (False,))
  keys = rows_lib.network_keys(nets)
  rows = rows_lib.network_rows(settings, folds.assign(len(ratings), 0), nets)
  init, run, _ = trainer.make_program(
    trainer.make_trainer(settings, columns, len(nets[0].targets)), None, of_one_fold
  )
  shared = (tables, jax.device_put(ratings))
  states = init(keys.network, rows, *shared)
  numbers = itertools.count()

  def epoch() -> None:
    nonlocal states
    span = (np.int32(next(numbers)), np.int32(1), np.int32(0))
    states, _, ran = run(states, keys, rows, *shared, *span)
    int(ran)

  return epoch, int(rows.train_weights[0].sum()), len(nets)
