"""`python -m emojax.experiments --table=2`: the paper's tables on your pictures.

In: a dataset. Out: an experiment folder with `table.md`, `table.csv`, `results.json`
and, below `runs/`, a run folder for everything that was compared. Stopped at any
moment, it goes on with `--workdir` and `--resume`.

  python -m emojax.experiments --table=2 --objects=squeezenet --quick
  python -m emojax.experiments --table=4 --dataset=va_emotion/oasis \\
      --manual_dir=OASIS --weights_dir=weights --objects=squeezenet
"""

import dataclasses
import json
import pathlib
import time

from absl import flags

from emojax import cli, config, files, options

_NAME = "emojax.experiments"
_ABOUT = (
  "Reproduces the shape of the paper's Tables II (object sources), III (feature "
  "groups, alone and left out) and IV (other methods) on any prepared dataset, with "
  "the paper's numbers beside ours. Networks of equal width train as one program."
)
_SETTINGS = (
  config.ExperimentConfig,
  config.TrainConfig,
  config.DataConfig,
  config.ExtractConfig,
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_enum("table", "2", ["2", "3", "4"], "Which table of the paper.")
  flags.DEFINE_enum(
    "preset",
    "paper",
    list(config.PRESETS),
    "How networks train in tables 2 and 3; table 4 has both.",
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
  from emojax import checkpoint, comparison, compiled, fit, paper_tables
  from emojax.datasets.va_emotion import prepare

  flag = flags.FLAGS
  start = time.monotonic()
  table = int(flag.table)
  asked = options.read(config.ExperimentConfig())
  if asked.seeds < 1:
    raise cli.UserError(f"--seeds should be 1 or more; got {asked.seeds}")
  entries = comparison.plan(table, asked, flag.preset)
  fit.check(options.read(config.TrainConfig(), given_only=True))
  features = comparison.features_of(entries)
  extract = options.read(config.ExtractConfig(features=features), given_only=True)
  data = options.read(config.DataConfig())
  compiled.keep_memory()
  compiled.keep(extract.cache_dir)
  dataset = prepare.prepare(data, extract, progress=True)

  def override(settings: config.TrainConfig) -> config.TrainConfig:
    return options.read(settings, given_only=True)

  name = f"table{table}-{data.dataset.rpartition('/')[2]}"
  workdir = flag.workdir or f"experiments/{name}-{time.strftime('%Y%m%d-%H%M%S')}"
  path = pathlib.Path(workdir).expanduser().absolute()
  experiment = comparison.Experiment(path, entries, dataset, asked, override, True)
  identity = {"table": table, **experiment.identity()}
  folder = checkpoint.open_run(path, {"identity": identity}, flag.resume)
  if not folder.is_finished:
    experiment.run(print)
    gathered = comparison.gathered(experiment)
    compared = list(comparison.compared(experiment))
    seconds = time.monotonic() - start
    text = paper_tables.markdown(table, gathered, compared, asked.quick, seconds)
    files.write(folder.table, text)
    files.write(path / "table.csv", paper_tables.csv(gathered))
    found = {
      "table": table,
      "experiment": dataclasses.asdict(asked),
      "seconds": round(seconds, 1),
      "entries": gathered,
      "differences": compared,
    }
    # Last: a folder with this file is a finished experiment.
    files.write(folder.results, json.dumps(found, indent=2) + "\n")
  print(folder.table.read_text("utf-8"))
  print(f"experiment folder: {workdir}")


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=_SETTINGS,
    interrupted="stopped; the same command with --workdir and --resume goes on",
  )
