"""Feature sets and models on the same pictures: what a table of the paper compares.

In: entries, a prepared dataset, settings. Out: each entry trained as
`emojax.train` would train it and left as a run folder of its own, and all their numbers
together. Networks that share input width and layers train as one program; what is
finished is kept, so that a killed experiment goes on.
"""

import dataclasses
import io
import itertools
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from emojax import config as config_lib
from emojax.backbones import weights as weights_lib
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.evaluation import bootstrap, results, run_files
from emojax.evaluation import folds as folds_lib
from emojax.experiments import entries as entries_lib
from emojax.experiments import finetune
from emojax.experiments.config import ExperimentConfig, FinetuneConfig
from emojax.train import baselines, loop, model, run_folder
from emojax.train import rows as rows_lib
from emojax.train import run as runs
from emojax.utils import files, progress


@dataclasses.dataclass(frozen=True)
class Tuning:
  """What fine-tuning wants besides the dataset.

  Attributes:
    settings: its settings.
    weights: the parameters of a network by its name.
    images: in the dataset's order, when asked for.
    workers: decoding threads.
  """

  settings: FinetuneConfig
  weights: Callable[[str], weights_lib.Weights]
  images: Callable[[], Sequence[pathlib.Path | np.ndarray]]
  workers: int


class Experiment:
  """Runs the entries of a table, or goes on with those that are not finished.

  Args:
    folder: of the experiment.
    entries: what is compared.
    dataset: with every feature that some entry needs.
    selection: feature sets, seeds, whether quickly.
    override: see `entries.settings_of`.
    show_progress: whether to draw bars on standard error.
    tuning: what fine-tuned entries want.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    entries: Sequence[entries_lib.Entry],
    dataset: dataset_lib.Dataset,
    selection: ExperimentConfig,
    override: Callable[[config_lib.TrainConfig], config_lib.TrainConfig],
    show_progress: bool,
    tuning: Tuning | None = None,
  ):
    self._folder = folder
    self._tuning = tuning
    self._tuned: tuple[entries_lib.Entry, finetune.Program] | None = None
    self._dataset = dataset
    self._selection = selection
    self._show = show_progress
    self.entries = list(entries)
    self._parts = {
      entry.name: dataset_lib.select(dataset, entry.features) for entry in entries
    }
    self._columns = {
      name: model.columns_of(part.features_described)
      for name, part in self._parts.items()
    }
    self.settings = {
      entry.name: entries_lib.settings_of(
        entry, self._columns[entry.name].num_columns, selection, override
      )
      for entry in entries
    }

  def identity(self) -> dict[str, Any]:
    """All that decides the result, JSON-able."""
    return {
      "dataset": self._dataset.name,
      "fingerprint": self._dataset.fingerprint,
      "features": self._dataset.features_described,
      "entries": [entry.identity for entry in self.entries],
      "experiment": dataclasses.asdict(self._selection),
      "finetune": dataclasses.asdict(self._tuning.settings) if self._tuning else {},
      "settings": {
        name: config_lib.deciding(settings) | {"checkpoint_seconds": 0}
        for name, settings in self.settings.items()
      },
    }

  def run(self, say: Callable[[str], None]) -> None:
    """Trains what is not finished; every finished entry is a run folder."""
    for group in self.groups():
      place = run_folder.RunFolder(self._folder / "training" / group[0].name)
      todo = [entry for entry in group if not self._is_finished(entry)]
      if todo:
        names = ", ".join(entry.name for entry in group)
        say(f"training {names} as one program")
        self._train(group)
      run_folder.drop_states(place)  # also of a group that was killed when it had ended
    for entry in self.entries:
      if entry.model != entries_lib.NETWORK and not self._is_finished(entry):
        say(f"fitting {entry.name}")
        self._fit(entry)

  def groups(self) -> list[list[entries_lib.Entry]]:
    """Networks that can share a program: equal columns and settings."""
    by_program: dict[Any, list[entries_lib.Entry]] = {}
    for entry in self.entries:
      if entry.model == entries_lib.NETWORK:
        columns = self._columns[entry.name]
        key = (columns.sizes, columns.are_probabilities, self.settings[entry.name])
        by_program.setdefault(key, []).append(entry)
    return list(by_program.values())

  def seeds_of(self, entry: entries_lib.Entry) -> list[int]:
    """The seeds an entry is trained with; a baseline has one."""
    number = self._selection.seeds if entry.model == entries_lib.NETWORK else 1
    return [self.settings[entry.name].seed + i for i in range(number)]

  def run_folder(self, entry: entries_lib.Entry, seed: int) -> run_folder.RunFolder:
    """Where an entry's run of one seed stands."""
    first = self.settings[entry.name].seed
    name = entry.name if seed == first else f"{entry.name}-seed{seed}"
    return run_folder.RunFolder(self._folder / "runs" / name)

  def _is_finished(self, entry: entries_lib.Entry) -> bool:
    return all(
      self.run_folder(entry, seed).is_finished for seed in self.seeds_of(entry)
    )

  def _train(self, group: list[entries_lib.Entry]) -> None:
    """The networks of some entries, all their seeds, as one program."""
    start = time.monotonic()
    settings = self.settings[group[0].name]
    place = self._folder / "training" / group[0].name
    identity = {"entries": [entry.identity for entry in group]}
    folder = run_folder.open_run(place, {"identity": identity}, resume=True)
    trained = loop.train(
      settings,
      {entry.name: self._parts[entry.name] for entry in group},
      range(5),
      folder,
      self._show,
      self._selection.seeds,
    )
    for entry in group:
      for seed in self.seeds_of(entry):
        target_results, predicted = loop.evaluate(
          trained.of(entry.name, seed), self._parts[entry.name]
        )
        seconds = time.monotonic() - start
        self._write(entry, seed, target_results, predicted, seconds)

  def _fit(self, entry: entries_lib.Entry) -> None:
    """A baseline, fold by fold; each finished fold is kept."""
    start = time.monotonic()
    settings = self.settings[entry.name]
    # A regression trains on all rows outside the test fold: nothing there stops early.
    stop_on = "validation" if entry.model == entries_lib.FINETUNE else "train"
    stopping = dataclasses.replace(settings, stop_on=stop_on)
    folds = rows_lib.make_folds(stopping, self._dataset.fold, settings.seed)
    target_results, joined = [], []
    for target in settings.target:
      ratings = self._dataset.ratings_of(target)
      by_fold = {}
      for fold in range(len(folds.train_rows)):
        path = self._folder / "training" / entry.name / f"{target}-g{fold + 1}.npz"
        if not path.is_file():
          if entry.model == entries_lib.FINETUNE:
            predicted, chosen = self._tune_fold(entry, folds, fold, target)
          else:
            predicted, chosen = self._fit_fold(entry, folds, fold, target)
          buffer = io.BytesIO()
          np.savez(buffer, predicted=predicted, chosen=files.json_line(chosen))
          path.parent.mkdir(parents=True, exist_ok=True)
          files.write(path, buffer.getbuffer())
        run_folder.drop_states(run_folder.RunFolder(path.with_suffix("")))
        by_fold[fold] = _predicted(path, len(ratings.mean))
      result, predicted = results.evaluate(
        target, by_fold, folds, ratings, None, self._dataset.output_scales[target]
      )
      target_results.append(result)
      joined.append(predicted)
    seconds = time.monotonic() - start
    self._write(entry, settings.seed, target_results, np.stack(joined, axis=1), seconds)

  def _fit_fold(
    self, entry: entries_lib.Entry, folds: folds_lib.Folds, fold: int, target: str
  ) -> tuple[np.ndarray, dict[str, float]]:
    """A regression on one fold: predictions, and what it chose."""
    table, columns = loop.feature_table(self._parts[entry.name])
    rows = folds.train_rows[fold][folds.train_weights[fold] > 0]
    seed = self.settings[entry.name].seed
    rated = self._dataset.ratings_of(target).mean
    fits = baselines.num_fits(entry.model)
    about = f"{entry.name} {target} g{fold + 1}"
    with progress.bar(fits, "fit", self._show and fits > 0, about) as bar:
      fitted = baselines.fit(entry.model, table, columns, rated, rows, seed, bar.update)
    return fitted.predicted, fitted.chosen

  def _tune_fold(
    self, entry: entries_lib.Entry, folds: folds_lib.Folds, fold: int, target: str
  ) -> tuple[np.ndarray, dict[str, float]]:
    """A fine-tuned network on one fold: predictions, and when it stopped."""
    if self._tuning is None:
      raise ValueError(f"{entry.name} needs the pictures")
    settings = self._tuning.settings
    program = self._program(entry)
    place = self._folder / "training" / entry.name / f"{target}-g{fold + 1}"
    folder = run_folder.RunFolder(place)
    about = f"{entry.name} {target} g{fold + 1}"
    with progress.bar(settings.finetune_epochs, "epoch", self._show, about) as bar:

      def tell(epoch: int, error: float, stopping: float) -> None:
        bar.set_postfix(train=f"{error:.3f}", validation=f"{stopping:.3f}")
        bar.update(epoch - bar.n)

      tuned = finetune.tune(
        program,
        self._dataset.ratings_of(target).mean,
        folds.train_rows[fold][folds.train_weights[fold] > 0],
        folds.validation_rows[fold][folds.validation_weights[fold] > 0],
        self.settings[entry.name].seed,
        folder,
        tell,
      )
    chosen = {"epoch": float(tuned.best_epoch), "stopping_mse": tuned.best_error}
    return tuned.predicted, chosen

  def _program(self, entry: entries_lib.Entry) -> finetune.Program:
    """A fine-tuned entry's program; the last one is kept, for all folds and targets."""
    assert self._tuning is not None
    if self._tuned is None or self._tuned[0] != entry:
      path = self._folder / "training" / "pictures.npy"
      images = finetune.decode(self._tuning.images(), path, self._tuning.workers)
      params = self._tuning.weights(entry.network).params
      self._tuned = None  # frees the one before
      program = finetune.Program(
        entry.network, entry.mode, params, images, self._tuning.settings
      )
      self._tuned = (entry, program)
    return self._tuned[1]

  def _write(
    self,
    entry: entries_lib.Entry,
    seed: int,
    target_results: Sequence[results.TargetResult],
    predicted: np.ndarray,
    seconds: float,
  ) -> None:
    """Leaves an entry as a run folder."""
    settings = dataclasses.replace(self.settings[entry.name], seed=seed)
    part = self._parts[entry.name]
    config = runs.describe(entry.preset, settings, part, range(5))
    config["identity"]["model"] = entry.model
    notes = []
    if entry.model == entries_lib.FINETUNE and self._tuning:
      weights = self._tuning.weights(entry.network)
      config["identity"]["model"] = f"{entry.name} from {weights.label}"
      if weights.source == "random":
        notes = [f"{entry.name} was tuned from untrained weights: {weights.label}."]
    folder = self.run_folder(entry, seed)
    folder.path.mkdir(parents=True, exist_ok=True)
    files.write(folder.config, files.json_text(config))
    runs.write(folder, config, part, target_results, predicted, seconds, notes)


def _predicted(path: pathlib.Path, number: int) -> np.ndarray:
  """The predictions that a finished fold left.

  Raises:
    RunError: the file is damaged.
  """
  try:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
      predicted = stored["predicted"]  # ZIP files have a checksum of each array
    if predicted.shape != (number,) or not np.isfinite(predicted).all():
      raise ValueError(f"expected {number} numbers, got an array of {predicted.shape}")
    return predicted
  # What damaged archives make NumPy and zipfile raise is not documented.
  except Exception as error:
    raise run_folder.RunError(
      f"{path} is damaged ({error}): delete it and repeat the command with --resume"
    ) from error


def gathered(experiment: Experiment) -> list[dict[str, Any]]:
  """What every entry found: its run's `results.json` by seed, and intervals.

  Returns:
    One dictionary per entry: `entry`, `runs` (a list by seed) and, of the first seed's
    out-of-fold predictions, `intervals` (target -> score -> value, low, high).
  """
  entries = []
  for entry in experiment.entries:
    folders = [experiment.run_folder(entry, s) for s in experiment.seeds_of(entry)]
    reports = [run_files.read_results(folder.path) for folder in folders]
    first = run_files.read_predictions(folders[0].path, reports[0])
    intervals = {
      target: {
        name: dataclasses.asdict(interval)
        for name, interval in bootstrap.intervals(
          predicted, first.rated[target]
        ).items()
      }
      for target, predicted in first.predicted.items()
    }
    described = entry.identity | {"network": entry.network, "mode": entry.mode}
    entries.append({"entry": described, "runs": reports, "intervals": intervals})
  return entries


def compared(experiment: Experiment, show: bool = False) -> Iterator[dict[str, Any]]:
  """Every pair of entries, first seeds, on the same pictures: score differences.

  Args:
    experiment: a finished one.
    show: whether to draw a progress bar: each pair is resampled 2000 times.
  """
  predictions = {}
  for entry in experiment.entries:
    folder = experiment.run_folder(entry, experiment.seeds_of(entry)[0])
    report = run_files.read_results(folder.path)
    read = run_files.read_predictions(folder.path, report)
    predictions[entry.name], rated = read.predicted, read.rated
  pairs = list(itertools.combinations(predictions, 2))
  with progress.bar(len(pairs), "pair", show and len(pairs) > 0, "comparing") as bar:
    for first, second in pairs:
      for target in predictions[first]:
        differences = bootstrap.differences(
          predictions[first][target], predictions[second][target], rated[target]
        )
        scores = {
          name: dataclasses.asdict(difference)
          for name, difference in differences.items()
        }
        yield {"first": first, "second": second, "target": target, "scores": scores}
      bar.update()
