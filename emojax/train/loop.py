"""Trains the networks of a run and judges them: the host's side of training.

In: a dataset, folds and settings. Out: trained networks, their predictions of every
image, and the scores of those of images that a network never saw. Keeps
states and a journal in a run folder, so that a killed run goes on where it was.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from emojax import config as config_lib
from emojax.datasets.va_emotion import targets as target_names
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.evaluation import results
from emojax.train import (
  checkpoint,
  feature_tables,
  journal,
  model,
  run_folder,
  share,
  trainer,
)
from emojax.train import rows as rows_lib
from emojax.train.active import ActiveNetworks, folds_together, mesh_of
from emojax.train.networks import Network, networks
from emojax.utils import cluster, options, progress, signals

# A call to the device lasts about this long, so that the bar moves and Ctrl-C is heard.
_SECONDS_PER_CALL = 1.0


class TrainError(ValueError):
  """Training cannot go on; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Trained:
  """A finished run: networks, in the order of the K axis, and what they predict."""

  settings: config_lib.TrainConfig
  networks: list[Network]
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
      **jax.tree.map(
        lambda x: np.asarray(x)[picked], {name: getattr(self, name) for name in mapped}
      ),
    )


def feature_table(dataset: Dataset) -> tuple[np.ndarray, model.Columns]:
  """The features side by side, (N, D) float32, and what the columns are."""
  columns = model.columns_of(dataset.features_described)
  return np.concatenate([dataset.features[n] for n in columns.names], axis=1), columns


def train(
  settings: config_lib.TrainConfig,
  sources: Mapping[str, Dataset],
  fold_indices: Sequence[int],
  folder: run_folder.RunFolder | None = None,
  show_progress: bool = False,
  num_seeds: int = 1,
) -> Trained:
  """Trains the networks of some folds, resuming from the run folder where it can.

  Of several processes each calls this alike and trains its share; all return the same.

  Args:
    settings: how to train.
    sources: datasets of the same images that differ in their features, not in what
      columns these have. Each gets networks of its own, all in one program; a single
      one needs no name.
    fold_indices: 0-based folds to train.
    folder: where to keep states and the journal; None keeps nothing. Of several
      processes the first alone has one.
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
  nets = networks(settings, fold_indices, list(sources), num_seeds)
  of_each = (
    rows_lib.network_keys(nets),
    rows_lib.network_rows(settings, dataset.fold, nets, dataset.targets),
  )
  if (own := share.own(len(nets))).tolist() != list(range(len(nets))):
    of_each = jax.tree.map(lambda x: x[own], of_each)
  keys, rows = of_each
  num_outputs = len(nets[0].targets)
  mesh = mesh_of(len(own))
  seen = columns.num_columns * settings.principal_directions
  folds = folds_together([nets[k] for k in own], rows.train.shape[1] * seen, mesh)
  init, run, predict = trainer.make_program(
    trainer.make_trainer(settings, columns, num_outputs), mesh, folds is not None
  )
  spread = [model.transform(table, columns, settings.transform) for table in tables]
  features = feature_tables.keep(np.stack(spread), settings.table_memory)
  rated = jax.device_put(dataset.ratings)
  init_keys, epoch_keys = _split(keys.network)
  keys = keys._replace(network=epoch_keys)

  def activate(states: trainer.State) -> ActiveNetworks:
    return ActiveNetworks(run, mesh, states, keys, rows, features, rated, folds)

  loop = _Loop(settings, nets, folder, show_progress)
  states = loop.run(activate, init(init_keys, rows, features, rated))
  params = trainer.best_params(states)
  predicted = np.concatenate(
    [
      predict(params, states.scaling, rows.source, block)
      for block in feature_tables.blocks(features)
    ],
    axis=1,
  )
  results = (states.best_epoch, states.best_error, predicted)
  params, scaling, *arrays = share.of_all((params, states.scaling, *results), len(nets))
  return Trained(settings, nets, params, scaling, *map(np.asarray, arrays))


@jax.jit
def _split(keys: jax.Array) -> tuple[jax.Array, ...]:
  """Of keys (K,): those that weights start from, and those of epochs, (K,) each."""
  return tuple(jax.vmap(jax.random.split, out_axes=1)(keys))


class _Loop:
  """The host's side of training: how many epochs a call, what is kept and shown."""

  def __init__(
    self,
    settings: config_lib.TrainConfig,
    nets: list[Network],
    folder: run_folder.RunFolder | None,
    show_progress: bool,
  ):
    self._settings = settings
    self._nets = nets
    self._folder = folder
    self._show = show_progress
    self._store: checkpoint.StateStore | None = None
    self._log: journal.Journal | None = None

  def run(
    self, activate: Callable[[trainer.State], ActiveNetworks], states: trainer.State
  ) -> trainer.State:
    """Epochs until every network has stopped or `max_epochs` are done."""
    states, done = self._opened(states)
    about = f"training {len(self._nets)} networks"
    bar = progress.bar(self._settings.max_epochs, "epoch", self._show, about, done)
    active = activate(states)
    del states  # which are the active networks' own
    saved_at, count = time.monotonic(), 1
    try:
      while done < self._settings.max_epochs:
        count = min(count, self._settings.max_epochs - done)
        start = time.monotonic()
        reports = active.train(done, count)
        now = time.monotonic()
        seconds = (now - start) / max(len(reports.stopped), 1)
        # The first call also compiled, so its time says nothing.
        epochs = _SECONDS_PER_CALL / seconds if done else 2
        count = int(np.clip(epochs, 1, trainer.MAX_EPOCHS_PER_CALL))
        is_due = now - saved_at >= self._settings.checkpoint_seconds
        turn = share.Turn(
          reports, count, bool(self._store) and is_due, signals.is_stopping()
        )
        turn = share.together(turn, active.last, len(self._nets))
        reports, count = turn.reports, turn.epochs
        ran = len(reports.stopped)
        if ran == 0:  # every network had stopped: there are no more epochs to wait for
          bar.total = bar.n
          break
        self._refuse_non_finite(reports, done)
        self._note(reports, done, seconds)
        done += ran
        if turn.is_due or turn.is_stopping:  # nothing of what was trained is lost
          self._save(done, active)
          saved_at = time.monotonic()
        bar.set_postfix(_summary(self._nets, reports), refresh=False)
        try:
          bar.update(ran)
        except signals.Stopped:
          if turn.is_stopping:
            raise  # otherwise heard since: others hear of it, and all save, next turn
          continue
        if turn.is_stopping:  # and this one was not
          raise TrainError(
            "another process was told to stop; what was trained is kept: start all "
            "again with this --workdir and --resume"
          )
    finally:
      bar.close()
      if self._log:
        self._log.close()
      if self._store:
        self._store.close()
    return active.states

  def _opened(self, states: trainer.State) -> tuple[trainer.State, int]:
    """Opens the run folder; states to go on from, and how many epochs they have had."""
    like = share.shapes(states, len(self._nets))
    stored, done = None, 0
    if self._folder:
      # Two, because the next state is written before the last one goes.
      checkpoint.check_space(self._folder, like, 2)
      self._store = checkpoint.StateStore(self._folder)
      newest = self._store.newest()
      if newest is not None:
        stored, done = self._store.restore(newest, like), newest
      self._log = journal.Journal(
        self._folder.metrics, self._folder.events, self._nets, done
      )
    if done := int(cluster.from_first(done)):
      states = share.from_first(stored, like)
    return states, done

  def _save(self, done: int, active: ActiveNetworks) -> None:
    with signals.whole():
      states = share.of_all(active.states, len(self._nets))
      if self._store:
        self._store.save(done, states)

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

  def _note(self, reports: trainer.Report, done: int, each: float) -> None:
    if not self._log:
      return
    names: dict[str, Any] = {"train": reports.train_error}
    if self._settings.stop_on != "train":
      names[self._settings.stop_on] = reports.stop_error
    for i in range(len(reports.train_error)):
      self._log.write(done + i + 1, each, {name: e[i] for name, e in names.items()})
    self._log.flush()


def _summary(nets: Sequence[Network], reports: trainer.Report) -> dict:
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
  folds = rows_lib.make_folds(settings, dataset.fold, seed)
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
