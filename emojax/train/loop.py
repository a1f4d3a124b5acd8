"""Trains the networks of a run and judges them: the host's side of training.

In: a feature table, ratings, folds and settings. Out: trained networks, what they say
of every picture, and the scores of what each says of pictures it never saw. Keeps
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
from emojax.evaluation import results
from emojax.train import checkpoint, journal, model, trainer
from emojax.utils import options, progress

# A call to the device lasts about this long, so that the bar moves and Ctrl-C is heard.
_SECONDS_PER_CALL = 1.0


class TrainError(ValueError):
  """Training cannot go on; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Trained:
  """A finished run: networks, in the order of the K axis, and what they predict."""

  networks: list[trainer.Network]
  params: Any  # at each network's best epoch, leading K axis
  scaling: model.Scaling  # leading K axis
  best_epochs: np.ndarray  # (K,)
  best_errors: np.ndarray  # (K,) stopping error at that epoch
  predicted: np.ndarray  # (K, N, T) of every picture, also those trained on

  def of(self, source: str, seed: int) -> "Trained":
    """The networks of one source and seed."""
    wanted = [
      k
      for k, net in enumerate(self.networks)
      if (net.source, net.seed) == (source, seed)
    ]
    pick = np.array(wanted)
    return Trained(
      [self.networks[k] for k in wanted],
      jax.tree.map(lambda x: x[pick], self.params),
      jax.tree.map(lambda x: x[pick], self.scaling),
      self.best_epochs[pick],
      self.best_errors[pick],
      self.predicted[pick],
    )


def train(
  settings: config_lib.TrainConfig,
  table: np.ndarray | Mapping[str, np.ndarray],
  columns: model.Columns,
  ratings: np.ndarray,
  fold_of_image: np.ndarray,
  fold_indices: Sequence[int],
  folder: checkpoint.RunFolder | None = None,
  show_progress: bool = False,
  num_seeds: int = 1,
) -> Trained:
  """Trains the networks of some folds, resuming from the run folder where it can.

  Args:
    settings: how to train.
    table: (N, D) float32 features; or several such tables by the name of their source,
      each of which gets networks of its own, all in one program.
    columns: what the D columns are, of every source.
    ratings: (N, 2) float32 valence and arousal, 1..9.
    fold_of_image: (N,) the fold each picture is tested in.
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
  sources = table if isinstance(table, Mapping) else {"": table}
  nets = trainer.networks(settings, fold_indices, list(sources), num_seeds)
  keys = trainer.network_keys(nets)
  rows = trainer.network_rows(settings, fold_of_image, nets)
  num_outputs = len(nets[0].targets)
  init, run, predict = trainer.make_program(
    trainer.make_trainer(settings, columns, num_outputs)
  )
  features = jnp.stack(
    [
      model.transform(jnp.asarray(one), columns, settings.transform)
      for one in sources.values()
    ]
  )
  rated = jnp.asarray(ratings)
  init_keys, epoch_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
  states = init(init_keys, rows, features, rated)
  loop = _Loop(settings, nets, folder, show_progress)
  states = loop.run(run, states, epoch_keys, rows, features, rated)
  return Trained(
    nets,
    states.best_params,
    states.scaling,
    np.asarray(states.best_epoch),
    np.asarray(states.best_error),
    np.asarray(predict(states.best_params, states.scaling, rows.source, features)),
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
      store = checkpoint.StateStore(self._folder)
      newest = store.newest()
      if newest is not None:
        states, done = store.restore(newest, states), newest
      log = journal.Journal(self._folder.metrics, self._folder.events, self._nets, done)
    about = f"training {len(self._nets)} networks"
    bar = progress.bar(self._settings.max_epochs, "epoch", self._show, about, done)
    saved_at, count = time.monotonic(), 1
    try:
      while done < self._settings.max_epochs:
        count = min(count, self._settings.max_epochs - done)
        start = time.monotonic()
        states, reports, ran = run_epochs(
          states, keys, rows, tables, ratings, jnp.int32(done), jnp.int32(count)
        )
        ran = int(ran)
        if ran == 0:  # every network had stopped: there are no more epochs to wait for
          bar.total = bar.n
          break
        seconds = (time.monotonic() - start) / ran
        reports = jax.tree.map(lambda x, n=ran: np.asarray(x)[:n], reports)
        self._refuse_non_finite(reports, done)
        self._note(log, reports, done, seconds)
        done += ran
        bar.set_postfix(_summary(self._nets, reports), refresh=False)
        bar.update(ran)
        # The first call also compiled, so its time says nothing.
        wanted = _SECONDS_PER_CALL / seconds if done > 1 else 2
        count = int(np.clip(wanted, 1, trainer.MAX_EPOCHS_PER_CALL))
        if store and time.monotonic() - saved_at >= self._settings.checkpoint_seconds:
          store.save(done, states)
          saved_at = time.monotonic()
    finally:
      bar.close()
      if log:
        log.close()
      if store:
        store.close()
    return states

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
  settings: config_lib.TrainConfig,
  trained: Trained,
  ratings: np.ndarray,
  ratings_std: np.ndarray,
  num_raters: np.ndarray,
  fold_of_image: np.ndarray,
) -> tuple[list[results.TargetResult], np.ndarray]:
  """Scores of a run, each picture by the networks that did not see it.

  Args:
    settings: as trained with.
    trained: the networks.
    ratings, ratings_std, num_raters: (N, 2) mean, spread over raters and their number,
      columns valence and arousal; NaN where unknown.
    fold_of_image: (N,) the fold each picture is tested in.
  Returns:
    A result per target, and the out-of-fold predictions (N, T), NaN where not tested.
  """
  folds = trainer.make_folds(settings, fold_of_image, trained.networks[0].seed)
  found, columns = [], []
  for target in settings.target:
    column = config_lib.TARGETS.index(target)
    said, stopped = {}, {}
    for fold in sorted({net.fold for net in trained.networks}):
      members = [
        k
        for k, net in enumerate(trained.networks)
        if net.fold == fold and target in net.targets
      ]
      output = trained.networks[members[0]].targets.index(target)
      said[fold] = trained.predicted[members, :, output].mean(axis=0)
      stopped[fold] = (
        tuple(int(e) for e in trained.best_epochs[members]),
        tuple(float(e) for e in trained.best_errors[members]),
      )
    result, predicted = results.judge(
      target,
      said,
      folds,
      ratings[:, column],
      ratings_std[:, column],
      num_raters[:, column],
      stopped,
    )
    found.append(result)
    columns.append(predicted)
  return found, np.stack(columns, axis=1)
