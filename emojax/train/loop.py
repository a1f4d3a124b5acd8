"""Trains the networks of a run and judges them: the host's side of training.

In: a dataset, folds and settings. Out: trained networks, their predictions of every
image, and the scores of those of images that a network never saw. Keeps
states and a journal in a run folder, so that a killed run goes on where it was.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax import config as config_lib
from emojax.datasets.va_emotion import targets as target_names
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import results
from emojax.train import checkpoint, journal, model, trainer
from emojax.train.active import ActiveNetworks
from emojax.utils import options, progress, signals

# A call to the device lasts about this long, so that the bar moves and Ctrl-C is heard.
_SECONDS_PER_CALL = 1.0


class TrainError(ValueError):
  """Training cannot go on; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Trained:
  """A finished run: networks, in the order of the K axis, and what they predict."""

  settings: config_lib.TrainConfig
  networks: list[trainer.Network]
  params: Any  # at each network's best epoch, leading K axis
  scaling: model.Scaling  # leading K axis
  best_epochs: np.ndarray  # (K,)
  best_errors: np.ndarray  # (K,) stopping error at that epoch
  predicted: np.ndarray  # (K, N, T) of every picture, also those trained on

  def of(self, source: str, seed: int) -> "Trained":
    """The networks of one source and seed."""
    is_picked = [(net.source, net.seed) == (source, seed) for net in self.networks]
    picked = np.flatnonzero(is_picked)
    mapped = ("params", "scaling", "best_epochs", "best_errors", "predicted")
    return dataclasses.replace(
      self,
      networks=[self.networks[k] for k in picked],
      **jax.tree.map(lambda x: x[picked], {n: getattr(self, n) for n in mapped}),
    )


def feature_table(dataset: Dataset) -> tuple[np.ndarray, model.Columns]:
  """The features side by side, (N, D) float32, and what the columns are."""
  columns = model.columns_of(dataset.features_described)
  return np.concatenate([dataset.features[n] for n in columns.names], axis=1), columns


def train(
  settings: config_lib.TrainConfig,
  sources: Mapping[str, Dataset],
  fold_indices: Sequence[int],
  folder: checkpoint.RunFolder | None = None,
  show_progress: bool = False,
  num_seeds: int = 1,
) -> Trained:
  """Trains the networks of some folds, resuming from the run folder where it can.

  Args:
    settings: how to train.
    sources: datasets of the same images that differ in their features, not in what
      columns these have. Each gets networks of its own, all in one program; a single
      one needs no name.
    fold_indices: 0-based folds to train.
    folder: where to keep states and the journal; None keeps nothing.
    show_progress: whether to draw a bar on standard error.
    num_seeds: how often to train everything, from `settings.seed` on, all at once.
  Returns:
    `Trained`.
  Raises:
    TrainError: an error became infinite or not a number; names epoch, target and fold.
    ValueError: settings or folds that cannot be used.
  """
  options.check(settings)
  dataset = next(iter(sources.values()))
  target_names.check(settings.target, dataset.targets)
  tables, (columns, *_) = zip(*map(feature_table, sources.values()), strict=True)
  nets = trainer.networks(settings, fold_indices, list(sources), num_seeds)
  keys = trainer.network_keys(nets)
  rows = trainer.network_rows(settings, dataset.fold, nets, dataset.targets)
  num_outputs = len(nets[0].targets)
  init, run, predict = trainer.make_program(
    trainer.make_trainer(settings, columns, num_outputs)
  )
  features = jnp.stack(
    [
      model.transform(jnp.asarray(table), columns, settings.transform)
      for table in tables
    ]
  )
  rated = jnp.asarray(dataset.ratings)
  init_keys, epoch_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
  states = init(init_keys, rows, features, rated)
  loop = _Loop(settings, nets, folder, show_progress)
  states = loop.run(run, states, epoch_keys, rows, features, rated)
  params = trainer.best_params(states)
  return Trained(
    settings,
    nets,
    params,
    states.scaling,
    np.asarray(states.best_epoch),
    np.asarray(states.best_error),
    np.asarray(predict(params, states.scaling, rows.source, features)),
  )


class _Loop:
  """The host's side of training: how many epochs a call, what is kept and shown."""

  def __init__(
    self,
    settings: config_lib.TrainConfig,
    nets: list[trainer.Network],
    folder: checkpoint.RunFolder | None,
    show_progress: bool,
  ):
    self._settings = settings
    self._nets = nets
    self._folder = folder
    self._show = show_progress

  def run(self, run_epochs, states, keys, rows, tables, ratings) -> trainer.State:
    """Epochs until every network has stopped or `max_epochs` are done."""
    store = log = None
    done = 0
    if self._folder:
      # Two, because the next state is written before the last one goes.
      checkpoint.check_space(self._folder, states, 2)
      store = checkpoint.StateStore(self._folder)
      newest = store.newest()
      if newest is not None:
        states, done = store.restore(newest, states), newest
      log = journal.Journal(self._folder.metrics, self._folder.events, self._nets, done)
    about = f"training {len(self._nets)} networks"
    bar = progress.bar(self._settings.max_epochs, "epoch", self._show, about, done)
    active = ActiveNetworks(run_epochs, states, keys, rows, tables, ratings)
    del states  # which are the active networks' own
    saved_at, count = time.monotonic(), 1
    try:
      while done < self._settings.max_epochs:
        count = min(count, self._settings.max_epochs - done)
        start = time.monotonic()
        reports = active.train(done, count)
        ran = len(reports.stopped)
        if ran == 0:  # every network had stopped: there are no more epochs to wait for
          bar.total = bar.n
          break
        seconds = (time.monotonic() - start) / ran
        self._refuse_non_finite(reports, done)
        self._note(log, reports, done, seconds)
        done += ran
        if store and signals.is_stopping():
          store.save(done, active.states)  # nothing of what was trained is lost
        bar.set_postfix(_summary(self._nets, reports), refresh=False)
        bar.update(ran)
        # The first call also compiled, so its time says nothing.
        epochs = _SECONDS_PER_CALL / seconds if done > 1 else 2
        count = int(np.clip(epochs, 1, trainer.MAX_EPOCHS_PER_CALL))
        if store and time.monotonic() - saved_at >= self._settings.checkpoint_seconds:
          store.save(done, active.states)
          saved_at = time.monotonic()
    finally:
      bar.close()
      if log:
        log.close()
      if store:
        store.close()
    return active.states

  def _refuse_non_finite(self, reports: trainer.Report, done: int) -> None:
    errors = np.stack([reports.train_error, reports.stop_error])
    bad = np.argwhere(~np.isfinite(errors).all(axis=0))
    if len(bad):
      epoch, k = bad[0]
      net = self._nets[k]
      raise TrainError(
        f"the error of {'+'.join(net.targets)}, fold {net.fold + 1}, is not a finite "
        f"number in epoch {done + epoch + 1}: the steps are too long. Try a smaller "
        f"--learning_rate than {self._settings.learning_rate:g}, or "
        "--loss_reduction=mean"
      )

  def _note(
    self, log: journal.Journal | None, reports: trainer.Report, done: int, each: float
  ) -> None:
    if not log:
      return
    names: dict[str, Any] = {"train": reports.train_error}
    if self._settings.stop_on != "train":
      names[self._settings.stop_on] = reports.stop_error
    for i in range(len(reports.train_error)):
      log.write(done + i + 1, each, {name: e[i] for name, e in names.items()})
    log.flush()


def _summary(nets: Sequence[trainer.Network], reports: trainer.Report) -> dict:
  """The newest mean stopping error of each target, and how many networks go on."""
  shown: dict[str, Any] = {}
  for targets in dict.fromkeys(net.targets for net in nets):
    of_target = [i for i, net in enumerate(nets) if net.targets == targets]
    name = "+".join(targets)
    shown[name] = f"{np.mean(reports.stop_error[-1][of_target]):.3f}"
  shown["going"] = int(np.sum(~reports.stopped[-1]))
  return shown


def evaluate(
  trained: Trained, dataset: Dataset
) -> tuple[list[results.TargetResult], np.ndarray]:
  """Scores of a run, each picture by the networks that did not see it.

  Args:
    trained: the networks, of one source and seed.
    dataset: what they were trained on.
  Returns:
    A result per target, on the dataset's output scale, and the out-of-fold predictions
    (N, T) on 1..9, NaN where not tested.
  """
  settings, seed = trained.settings, trained.networks[0].seed
  folds = trainer.make_folds(settings, dataset.fold, seed)
  target_results, columns = [], []
  for target in settings.target:
    predictions, stopped = {}, {}
    for fold in sorted({net.fold for net in trained.networks}):
      members = [
        k
        for k, net in enumerate(trained.networks)
        if net.fold == fold and target in net.targets
      ]
      output = trained.networks[members[0]].targets.index(target)
      predictions[fold] = trained.predicted[members, :, output].mean(axis=0)
      stopped[fold] = (
        tuple(int(e) for e in trained.best_epochs[members]),
        tuple(float(e) for e in trained.best_errors[members]),
      )
    result, predicted = results.evaluate(
      target,
      predictions,
      folds,
      dataset.ratings_of(target),
      stopped,
      dataset.output_scales[target],
    )
    target_results.append(result)
    columns.append(predicted)
  return target_results, np.stack(columns, axis=1)
