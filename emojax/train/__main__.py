"""`python -m emojax.train`: trains and cross-validates on rated pictures.

Builds the dataset where it is not there, trains five folds and both targets as one
program, and leaves a run folder: the trained networks, an out-of-fold prediction of
every picture, and a table laid out like the paper's.

  python -m emojax.train --fold=all
  python -m emojax.train --fold=all --dataset=va_emotion/folder \\
      --images_dir=PICTURES --ratings_csv=RATINGS.csv
"""

import dataclasses
import pathlib
import time

from absl import flags

from emojax import config
from emojax.evaluation import folds
from emojax.utils import cli, options, terminal

_NAME = "emojax.train"
_ABOUT = (
  "Trains and cross-validates on rated pictures: five folds and both targets as one "
  "program. Builds the dataset where it is not there, writes a run folder with an "
  "out-of-fold prediction of every picture, and prints the table. Without flags it "
  "uses pictures that emojax draws itself."
)

_EXAMPLE = (
  "--fold=all --dataset=va_emotion/folder --images_dir=PICTURES "
  "--ratings_csv=RATINGS.csv --workdir=runs/mine --resume"
)
_SETTINGS = (
  *(config.TrainConfig, config.DataConfig, config.ExtractConfig),
  config.ClusterConfig,
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_enum(
    "preset",
    "best",
    list(config.PRESETS),
    "Named settings and features: what predicts best on a few hundred photographs, or "
    "the paper's own. Any other flag overrides its setting. "
    + " ".join(preset_sentence(name) for name in config.PRESETS),
  )
  flags.DEFINE_string(
    "fold",
    "all",
    "Which of the five folds to train: all, or numbers such as 3 or 1,2.",
  )
  flags.DEFINE_string("workdir", "", "The run folder; empty: a new one below runs/.")
  flags.DEFINE_boolean(
    "resume", False, "Continue the run in --workdir, or show it where it is finished."
  )
  for settings in _SETTINGS:
    options.define(settings, _NAME)


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.datasets.va_emotion import prepare
  from emojax.train import run, run_folder, targets
  from emojax.utils import cluster, runtime

  flag_values = flags.FLAGS
  base, features = config.PRESETS[flag_values.preset]
  settings = options.read(base, given_only=True)
  folds_to_train = fold_indices(flag_values.fold)
  extract = options.read(
    dataclasses.replace(config.ExtractConfig(), features=features), given_only=True
  )
  data = targets.wanted(options.read(config.DataConfig()))
  cluster.start(options.read(config.ClusterConfig()), _NAME)
  runtime.start(extract.cache_dir)
  name = f"{data.dataset.rpartition('/')[2]}-{flag_values.preset}"
  workdir = flag_values.workdir or f"runs/{name}-{time.strftime('%Y%m%d-%H%M%S')}"
  is_first = cluster.is_first()

  def prepared():
    begin = lambda: run_folder.begin(_NAME, workdir, flag_values.resume)  # noqa: E731
    say = terminal.say if is_first else lambda line: None
    return prepare.prepare(data, extract, is_first, say, [begin] if is_first else [])

  dataset = cluster.in_turn(prepared)
  settings = targets.resolved(settings, dataset.targets)
  task = (flag_values.preset, settings, dataset, folds_to_train)
  if not is_first:
    run.join(*task)
    cluster.end()
    return
  folder = run.run(*task, pathlib.Path(workdir), flag_values.resume, show_progress=True)
  cluster.end()
  terminal.say(folder.table.read_text("utf-8"))
  terminal.say(f"run folder: {workdir}")


def preset_sentence(name: str) -> str:
  """What a preset sets otherwise than the defaults of the flags."""
  settings, features = config.PRESETS[name]
  given = dataclasses.asdict(settings)
  usual = dataclasses.asdict(config.TrainConfig())
  if features != config.ExtractConfig().features:
    given["features"] = features
  flags_given = [
    f"--{option}" if value is True else f"--{option}={_as_typed(value)}"
    for option, value in given.items()
    if value != usual.get(option)
  ]
  return f"{name} is the defaults below with {' '.join(flags_given)}."


def _as_typed(value: object) -> str:
  return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def fold_indices(text: str) -> list[int]:
  """The 0-based folds that `--fold` asks for: `all`, or numbers 1..5 with commas.

  Raises:
    ValueError: anything else.
  """
  if text == "all":
    return list(range(folds.NUM_FOLDS))
  names = [part.strip() for part in text.split(",")]
  numbers = [str(i + 1) for i in range(folds.NUM_FOLDS)]
  if any(name not in numbers for name in names) or len(set(names)) < len(names):
    raise ValueError(f"--fold is all, or some of {', '.join(numbers)}; got {text!r}")
  return sorted(int(name) - 1 for name in names)


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=_SETTINGS,
    interrupted="stopped; the same command with --workdir and --resume goes on",
    example=_EXAMPLE,
  )
