"""`python -m emojax.experiments --table=2`: the paper's tables on your pictures.

In: a dataset. Out: an experiment folder with `table.md`, `table.csv`, `table.tex`,
`results.json` and, below `runs/`, a run folder for everything that was compared.
Stopped at any moment, it goes on with `--workdir` and `--resume`.

  python -m emojax.experiments --table=2 --objects=squeezenet --quick
  python -m emojax.experiments --table=4 --dataset=va_emotion/oasis \\
      --manual_dir=OASIS --weights_dir=weights --objects=squeezenet
"""

import dataclasses
import functools
import pathlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.experiments.config import TABLES, ExperimentConfig, FinetuneConfig
from emojax.utils import cli, files, options, terminal

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  from emojax.experiments import experiment as comparison

_NAME = "emojax.experiments"
_ABOUT = (
  "Reproduces the shape of the paper's Tables II (object sources), III (feature "
  "groups, alone and left out) and IV (other methods) on any prepared dataset, with "
  "the paper's numbers beside ours. Networks of equal width train as one program."
)
_SETTINGS = (
  ExperimentConfig,
  FinetuneConfig,
  config.TrainConfig,
  config.DataConfig,
  config.ExtractConfig,
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_enum(
    "table",
    "2",
    list(TABLES),
    "Which table of the paper; learning: scores by the number of training pictures; "
    "rivals: the mean, ridge, support vectors and best on the inputs of best.",
  )
  flags.DEFINE_enum(
    "preset",
    "paper",
    list(config.PRESETS),
    "How networks train in tables 2 and 3 and the learning curve; table 4 has both, "
    "and the rivals have best.",
  )
  flags.DEFINE_string(
    "workdir", "", "The experiment folder; empty: a new one below experiments/."
  )
  flags.DEFINE_boolean(
    "resume", False, "Continue the experiment in --workdir, or show a finished one."
  )
  for settings in _SETTINGS:
    options.define(settings, _NAME, leave_out=("features",))


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.datasets.va_emotion import prepare
  from emojax.evaluation import tables
  from emojax.experiments import entries as entries_lib
  from emojax.experiments import experiment as comparison
  from emojax.experiments import finetune
  from emojax.features import DERIVED, FEATURES, external
  from emojax.train import run_folder, targets
  from emojax.utils import runtime

  flag = flags.FLAGS
  start = time.monotonic()
  table = flag.table
  selection = options.read(ExperimentConfig())
  tuned = options.read(FinetuneConfig())
  if selection.quick:
    tuned = dataclasses.replace(tuned, finetune_epochs=min(2, tuned.finetune_epochs))
  finetune.check(tuned)
  extract = options.read(config.ExtractConfig())
  data = targets.wanted(options.read(config.DataConfig()))
  extra = external.paths(extract.extra_features, [*FEATURES, *DERIVED])
  if not selection.objects and entries_lib.takes_objects(table, flag.preset):
    selection = _with_objects(selection, data, extract)
  entries = entries_lib.plan(table, selection, flag.preset, tuned.finetune, list(extra))
  options.read(config.TrainConfig(), given_only=True)  # refuses what cannot train
  if not selection.quick:
    terminal.say(
      f"{len(entries)} models x {selection.seeds} seeds to train; --quick is a small "
      "version that ends within minutes",
    )
  features = entries_lib.features_of(entries)
  extract = dataclasses.replace(extract, features=features)
  prefix = "table" if table.isdigit() else ""
  name = f"{prefix}{table}-{data.dataset.rpartition('/')[2]}"
  workdir = flag.workdir or f"experiments/{name}-{time.strftime('%Y%m%d-%H%M%S')}"
  path = pathlib.Path(workdir).expanduser().absolute()
  runtime.start(extract.cache_dir)
  dataset = prepare.prepare(
    data,
    extract,
    progress=True,
    checks=[
      lambda: run_folder.begin(_NAME, workdir, flag.resume),
      lambda: _check_weights(tuned, data, extract),
    ],
  )

  def override(settings: config.TrainConfig) -> config.TrainConfig:
    settings = options.read(settings, given_only=True)
    return targets.resolved(settings, dataset.targets)

  tuning = _tuning(tuned, data, extract, dataset.image_ids)
  experiment = comparison.Experiment(
    path, entries, dataset, selection, override, True, tuning
  )
  identity = {"table": table, **experiment.identity()}
  with run_folder.one_run(path):
    folder = run_folder.open_run(path, {"identity": identity}, flag.resume)
    if not folder.is_finished:
      experiment.run(terminal.say)
      gathered = comparison.gathered(experiment)
      compared = list(comparison.compared(experiment, show=True))
      report = {
        "table": table,
        "experiment": dataclasses.asdict(selection),
        "seconds": round(time.monotonic() - start, 1),
        "entries": gathered,
        "differences": compared,
      }
      files.write(folder.table, tables.markdown(report))
      files.write(path / "table.csv", tables.csv(gathered))
      files.write(path / "table.tex", tables.latex(report))
      # Last: a folder with this file is a finished experiment.
      files.write(folder.results, files.json_text(report))
  terminal.say(folder.table.read_text("utf-8"))
  terminal.say(f"experiment folder: {workdir}")


def _with_objects(
  selection: ExperimentConfig, data: config.DataConfig, extract: config.ExtractConfig
) -> ExperimentConfig:
  """The object networks that `--objects` does not name; says which they are.

  They are those of the experiment that goes on, or else those at hand.
  """
  from emojax.experiments import entries, objects

  flag = flags.FLAGS
  named = objects.earlier(flag.workdir) if flag.resume else None
  if named is None:
    choice = objects.weights_choice(data, extract)
    named = objects.at_hand(extract.weights_dir, choice)
    if flag.table in entries.OF_ONE_NETWORK:
      named = named[:1]
    if named and named != entries.NO_OBJECTS:
      terminal.say(
        f"objects: {', '.join(named)}, whose weights are at hand; --objects names "
        "others"
      )
  return dataclasses.replace(selection, objects=named)


def _tuning(
  tuned: FinetuneConfig,
  data: config.DataConfig,
  extract: config.ExtractConfig,
  image_ids: Sequence[str],
) -> "comparison.Tuning":
  """Where fine-tuning finds weights and pictures; damaged weights are told at once."""
  from emojax.backbones import trained
  from emojax.datasets.va_emotion import build, storage
  from emojax.experiments import experiment as comparison

  where = _weights(data, extract)
  find = functools.cache(lambda network: trained.find(network, *where))
  for network in tuned.finetune:
    find(network)

  def images() -> list:
    source = build.collect(storage.place(data), data)
    by_id = {
      entry.image_id: image
      for entry, image in zip(source.rated, source.images, strict=True)
    }
    return [by_id[image_id] for image_id in image_ids]

  return comparison.Tuning(tuned, find, images, extract.workers)


def _weights(
  data: config.DataConfig, extract: config.ExtractConfig
) -> tuple[pathlib.Path | None, str]:
  """The folder of weights to look in first, if any, and which weights are wanted."""
  from emojax.experiments import objects

  folder = pathlib.Path(extract.weights_dir).expanduser()
  return folder if extract.weights_dir else None, objects.weights_choice(data, extract)


def _check_weights(
  tuned: FinetuneConfig, data: config.DataConfig, extract: config.ExtractConfig
) -> None:
  """WeightsError where weights of a network to be fine-tuned are missing."""
  from emojax.backbones import trained

  advice = "; --weights=random tries things out"
  trained.check_present(tuned.finetune, *_weights(data, extract), advice)


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=_SETTINGS,
    interrupted="stopped; the same command with --workdir and --resume goes on",
    example="--table=learning --dataset=va_emotion/folder --images_dir=PICTURES "
    "--ratings_csv=RATINGS.csv --workdir=experiments/mine --resume",
  )
