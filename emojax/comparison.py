"""Feature sets and models on the same pictures: what a table of the paper compares.

In: which table, a prepared dataset, settings. Out: entries, each trained as
`emojax.train` would train it and left as a run folder of its own, and all their numbers
together. Networks that share input width and layers train as one program; what is
finished is kept, so that a killed experiment goes on.
"""

import dataclasses
import io
import json
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from emojax import (
  baselines,
  checkpoint,
  files,
  fit,
  model,
  paper,
  results,
  runs,
  statistics,
  trainer,
)
from emojax import config as config_lib
from emojax.datasets.va_emotion import dataset as dataset_lib

NETWORK = "network"  # the model of an entry that is no baseline
_QUICK_SHARE, _QUICK_EPOCHS = 0.1, 100


class Entry(NamedTuple):
  """One model on one feature set.

  Attributes:
    name: its own, fit for a file name.
    features: in column order.
    model: `NETWORK`, or of `baselines.BASELINES`.
    preset: of `config.PRESETS`, for a network.
    hidden: of a network; empty: the preset's.
    paper: the key of its number in the paper's table; empty: it has none.
  """

  name: str
  features: tuple[str, ...]
  model: str = NETWORK
  preset: str = "paper"
  hidden: tuple[int, ...] = ()
  paper: str = ""


def plan(table: int, asked: config_lib.ExperimentConfig, preset: str) -> list[Entry]:
  """The entries of one of the paper's tables.

  Args:
    table: 2, 3 or 4.
    asked: feature sets.
    preset: how networks train; with "paper" each feature set gets the paper's layers
      for its width.
  Raises:
    ValueError: an unknown feature, or two entries of one name.
  """
  makers = {2: _table_2, 3: _table_3, 4: _table_4}
  entries = makers[table](asked, preset)
  names = [entry.name for entry in entries]
  if len(set(names)) < len(names):
    raise ValueError(f"two feature sets are the same: {', '.join(names)}")
  return entries


def features_of(entries: Sequence[Entry]) -> tuple[str, ...]:
  """Every feature that some entry needs, once."""
  return tuple(dict.fromkeys(name for entry in entries for name in entry.features))


def _objects(asked: config_lib.ExperimentConfig, default: tuple[str, ...]) -> list[str]:
  return list(asked.objects or default)


def _key(network: str) -> str:
  """How the paper's tables call an object network."""
  return "resnet" if network.startswith("resnet") else network


def _table_2(asked: config_lib.ExperimentConfig, preset: str) -> list[Entry]:
  """All feature groups together, for each object network."""
  return [
    Entry(
      network,
      (*asked.low, f"object_{network}", *asked.semantic),
      preset=preset,
      paper=_key(network),
    )
    for network in _objects(asked, ("alexnet", "vgg16", "resnet50"))
  ]


def _table_3(asked: config_lib.ExperimentConfig, preset: str) -> list[Entry]:
  """Each feature group alone, all together, and all but one."""
  networks = _objects(asked, ("alexnet", "vgg16", "resnet50"))
  entries = [Entry("low", asked.low, preset=preset, paper="low")]
  entries += [
    Entry(f"object_{n}", (f"object_{n}",), preset=preset, paper=_key(n))
    for n in networks
  ]
  entries.append(Entry("semantic", asked.semantic, preset=preset, paper="semantic"))
  entries += [
    Entry(
      f"all-{n}",
      (*asked.low, f"object_{n}", *asked.semantic),
      preset=preset,
      paper="all",
    )
    for n in networks
  ]
  first = (f"object_{networks[0]}",)
  entries.append(
    Entry(f"all-{networks[0]}-but-low", (*first, *asked.semantic), preset=preset)
  )
  entries.append(
    Entry(f"all-{networks[0]}-but-object", (*asked.low, *asked.semantic), preset=preset)
  )
  for left in asked.low if len(asked.low) > 1 else ():
    rest = tuple(name for name in asked.low if name != left)
    features = (*rest, *first, *asked.semantic)
    entries.append(Entry(f"all-{networks[0]}-but-{left}", features, preset=preset))
  if asked.semantic:
    features = (*asked.low, *first)
    entries.append(Entry(f"all-{networks[0]}-but-semantic", features, preset=preset))
  for subset in asked.subsets:
    entries.append(Entry(subset, tuple(subset.split("+")), preset=preset))
  return [entry for entry in entries if entry.features]


def _table_4(asked: config_lib.ExperimentConfig, preset: str) -> list[Entry]:
  """Classical regressions, the paper's network and the preset `best`."""
  (network, *_) = _objects(asked, ("vgg16",))
  features = (*asked.low, f"object_{network}", *asked.semantic)
  entries = [
    Entry(name, features, model=name, paper=name if name in paper.TABLE_4 else "")
    for name in baselines.BASELINES
  ]
  entries = [
    entry._replace(paper=entry.model if entry.model in ("linear", "svr") else "")
    for entry in entries
  ]
  entries.append(Entry("network-paper", features, preset="paper", paper=NETWORK))
  entries.append(Entry("network-best", features, preset="best"))
  own = config_lib.PRESETS["best"][1]
  if own != features:
    entries.append(Entry("best-own-features", own, preset="best"))
    entries.append(Entry("svr-own-features", own, model="svr"))
  del preset
  return entries


def settings_of(
  entry: Entry,
  columns: model.Columns,
  asked: config_lib.ExperimentConfig,
  override: Callable[[config_lib.TrainConfig], config_lib.TrainConfig],
) -> config_lib.TrainConfig:
  """How an entry's networks train.

  Args:
    entry: a network's.
    columns: what its columns are.
    asked: whether quickly.
    override: puts in what was asked for by single flags.
  """
  settings = config_lib.PRESETS[entry.preset][0]
  if entry.hidden:
    settings = dataclasses.replace(settings, hidden=entry.hidden)
  elif entry.preset == "paper":
    hidden = paper.hidden_for(columns.num_columns)
    settings = dataclasses.replace(settings, hidden=hidden)
  if asked.quick:
    hidden = tuple(max(4, round(units * _QUICK_SHARE)) for units in settings.hidden)
    epochs = min(settings.max_epochs, _QUICK_EPOCHS)
    settings = dataclasses.replace(settings, hidden=hidden, max_epochs=epochs)
  return override(settings)


class Experiment:
  """Runs the entries of a table, or goes on with those that are not finished.

  Args:
    folder: of the experiment.
    entries: what is compared.
    dataset: with every feature that some entry needs.
    asked: feature sets, seeds, whether quickly.
    override: see `settings_of`.
    show_progress: whether to draw bars on standard error.
  """

  def __init__(
    self,
    folder: pathlib.Path,
    entries: Sequence[Entry],
    dataset: dataset_lib.Dataset,
    asked: config_lib.ExperimentConfig,
    override: Callable[[config_lib.TrainConfig], config_lib.TrainConfig],
    show_progress: bool,
  ):
    self._folder = folder
    self._dataset = dataset
    self._asked = asked
    self._show = show_progress
    self.entries = list(entries)
    self._parts = {
      entry.name: runs.feature_table(dataset_lib.select(dataset, entry.features))
      for entry in entries
    }
    self.settings = {
      entry.name: settings_of(entry, self._parts[entry.name][1], asked, override)
      for entry in entries
    }

  def identity(self) -> dict[str, Any]:
    """All that decides the result, JSON-able."""
    return {
      "dataset": self._dataset.name,
      "fingerprint": self._dataset.fingerprint,
      "features": self._dataset.features_described,
      "entries": [entry._asdict() for entry in self.entries],
      "experiment": dataclasses.asdict(self._asked),
      "settings": {
        name: dataclasses.asdict(settings) | {"checkpoint_seconds": 0}
        for name, settings in self.settings.items()
      },
    }

  def run(self, say: Callable[[str], None]) -> None:
    """Trains what is not finished; every finished entry is a run folder."""
    for group in self.groups():
      todo = [entry for entry in group if not self._is_finished(entry)]
      if todo:
        names = ", ".join(entry.name for entry in group)
        say(f"training {names} as one program")
        self._train(group)
    for entry in self.entries:
      if entry.model != NETWORK and not self._is_finished(entry):
        say(f"fitting {entry.name}")
        self._fit(entry)

  def groups(self) -> list[list[Entry]]:
    """Networks that can share a program: equal columns and settings."""
    found: dict[Any, list[Entry]] = {}
    for entry in self.entries:
      if entry.model == NETWORK:
        _, columns = self._parts[entry.name]
        key = (columns.sizes, columns.are_probabilities, self.settings[entry.name])
        found.setdefault(key, []).append(entry)
    return list(found.values())

  def seeds_of(self, entry: Entry) -> list[int]:
    """The seeds an entry is trained with; a baseline has one."""
    number = self._asked.seeds if entry.model == NETWORK else 1
    return [self.settings[entry.name].seed + i for i in range(number)]

  def run_folder(self, entry: Entry, seed: int) -> checkpoint.RunFolder:
    """Where an entry's run of one seed stands."""
    first = self.settings[entry.name].seed
    name = entry.name if seed == first else f"{entry.name}-seed{seed}"
    return checkpoint.RunFolder(self._folder / "runs" / name)

  def _is_finished(self, entry: Entry) -> bool:
    return all(
      self.run_folder(entry, seed).is_finished for seed in self.seeds_of(entry)
    )

  def _train(self, group: list[Entry]) -> None:
    """The networks of some entries, all their seeds, as one program."""
    start = time.monotonic()
    settings = self.settings[group[0].name]
    place = self._folder / "training" / group[0].name
    identity = {"entries": [entry._asdict() for entry in group]}
    folder = checkpoint.open_run(place, {"identity": identity}, resume=True)
    trained = fit.train(
      settings,
      {entry.name: self._parts[entry.name][0] for entry in group},
      self._parts[group[0].name][1],
      self._dataset.ratings,
      self._dataset.fold,
      range(5),
      folder,
      self._show,
      self._asked.seeds,
    )
    for entry in group:
      for seed in self.seeds_of(entry):
        found, predicted = fit.evaluate(
          settings,
          trained.of(entry.name, seed),
          self._dataset.ratings,
          self._dataset.ratings_std,
          self._dataset.num_raters,
          self._dataset.fold,
        )
        seconds = time.monotonic() - start
        self._write(entry, seed, found, predicted, seconds)
    checkpoint.drop_states(folder)

  def _fit(self, entry: Entry) -> None:
    """A baseline, fold by fold; each finished fold is kept."""
    start = time.monotonic()
    settings = self.settings[entry.name]
    table, columns = self._parts[entry.name]
    # All rows outside the test fold train: nothing here stops early.
    whole = dataclasses.replace(settings, stop_on="train")
    folds = trainer.make_folds(whole, self._dataset.fold, settings.seed)
    found, predictions = [], []
    for target in settings.target:
      column = trainer.TARGETS.index(target)
      rated = self._dataset.ratings[:, column]
      said = {}
      for fold in range(len(folds.train_rows)):
        rows = folds.train_rows[fold][folds.train_weights[fold] > 0]
        path = self._folder / "training" / entry.name / f"{target}-g{fold + 1}.npz"
        if not path.is_file():
          fitted = baselines.fit(
            entry.model, table, columns, rated, rows, settings.seed
          )
          buffer = io.BytesIO()
          chosen = json.dumps(fitted.chosen)
          np.savez(buffer, predicted=fitted.predicted, chosen=chosen)
          path.parent.mkdir(parents=True, exist_ok=True)
          files.write(path, buffer.getbuffer())
        with np.load(path) as stored:
          said[fold] = stored["predicted"]
      result, predicted = results.judge(
        target,
        said,
        folds,
        rated,
        self._dataset.ratings_std[:, column],
        self._dataset.num_raters[:, column],
      )
      found.append(result)
      predictions.append(predicted)
    seconds = time.monotonic() - start
    self._write(entry, settings.seed, found, np.stack(predictions, axis=1), seconds)

  def _write(
    self,
    entry: Entry,
    seed: int,
    found: Sequence[results.TargetResult],
    predicted: np.ndarray,
    seconds: float,
  ) -> None:
    """Leaves an entry as a run folder."""
    settings = dataclasses.replace(self.settings[entry.name], seed=seed)
    part = dataset_lib.select(self._dataset, entry.features)
    config = runs.describe(entry.preset, settings, part, range(5))
    config["identity"]["model"] = entry.model
    folder = self.run_folder(entry, seed)
    folder.path.mkdir(parents=True, exist_ok=True)
    files.write(folder.config, json.dumps(config, indent=2) + "\n")
    runs.write(folder, config, part, found, predicted, seconds)


def gathered(experiment: Experiment) -> list[dict[str, Any]]:
  """What every entry found: its run's `results.json` by seed, and intervals.

  Returns:
    One dictionary per entry: `entry`, `runs` (a list by seed) and, of the first seed's
    out-of-fold predictions, `intervals` (target -> score -> value, low, high).
  """
  found = []
  for entry in experiment.entries:
    folders = [experiment.run_folder(entry, s) for s in experiment.seeds_of(entry)]
    reports = [json.loads(folder.results.read_text("utf-8")) for folder in folders]
    first = results.read_predictions(folders[0].predictions)
    intervals = {
      target: {
        name: dataclasses.asdict(one)
        for name, one in statistics.intervals(said, first.rated[target]).items()
      }
      for target, said in first.said.items()
    }
    found.append({"entry": entry._asdict(), "runs": reports, "intervals": intervals})
  return found


def compared(experiment: Experiment) -> Iterator[dict[str, Any]]:
  """Every pair of entries, first seeds, on the same pictures: score differences."""
  said = {}
  for entry in experiment.entries:
    folder = experiment.run_folder(entry, experiment.seeds_of(entry)[0])
    read = results.read_predictions(folder.predictions)
    said[entry.name], rated = read.said, read.rated
  names = list(said)
  for at, first in enumerate(names):
    for second in names[at + 1 :]:
      for target in said[first]:
        found = statistics.differences(
          said[first][target], said[second][target], rated[target]
        )
        scores = {name: dataclasses.asdict(one) for name, one in found.items()}
        yield {"first": first, "second": second, "target": target, "scores": scores}
