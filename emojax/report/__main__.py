"""`python -m emojax.report RUN`: a run, an experiment or a rated set as one HTML page.

In: a run folder of `emojax.train`, an experiment folder of `emojax.experiments`,
several runs to compare, or with `--dataset` a rated set or two. Out:
`report/index.html` in the first folder, for a rated set `report-NAME/index.html` (or
`--output`), which needs no network and no other file, and beside it the figures as PNG,
SVG and PDF and the tables as LaTeX; of a rated set also `pictures.csv`,
`near_duplicates.csv` and `results.json`.

  python -m emojax.report runs/best
  python -m emojax.report runs/best runs/paper --output=comparison
  python -m emojax.report --dataset=va_emotion/oasis --manual_dir=OASIS
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from emojax import config
from emojax.report import flags as dataset_flags
from emojax.utils import cli, errors, files, locks, terminal

_NAME = "emojax.report"
_PAGE = "index.html"
_ABOUT = (
  "Turns a run or an experiment into one HTML page with tables, figures and galleries "
  "that opens without a network. Several runs are compared on the pictures they share. "
  "With --dataset, the page is about one rated set or two: ratings, raters, keywords, "
  "copies of pictures, and pictures that are broken or odd."
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string(
    "output",
    "",
    "Folder for the report; empty: report/ in the (first) folder, and for datasets "
    "report-NAME here.",
  )
  dataset_flags.define(
    _NAME,
    "Of a run or a prepared folder: where its pictures are. A page shows only what "
    "lies in folders that are named; it may be given several times.",
  )


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  chosen = dataset_flags.chosen()
  if chosen:
    if arguments:
      raise errors.UserError(
        f"name runs, or datasets with --dataset, not both; got {arguments[0]!r} too"
      )
    names = dict.fromkeys(data.dataset.rpartition("/")[2] for data in chosen)
    place = flags.FLAGS.output or f"report-{'-'.join(names)}"
    of_datasets(chosen, pathlib.Path(place).expanduser(), flags.FLAGS.target)
    return
  if alone := dataset_flags.named():
    raise errors.UserError(f"--{alone[0]} is for --dataset, which is not given")
  if not arguments:
    raise errors.UserError("name a run or an experiment folder, such as runs/best")
  # Here and not at the head: drawing takes a second to import.
  from emojax.evaluation import run_files
  from emojax.pages import page
  from emojax.report import experiment, run, runs

  folders = [pathlib.Path(name).expanduser() for name in arguments]
  output = pathlib.Path(flags.FLAGS.output or folders[0] / "report").expanduser()
  reports = [run_files.read_results(folder) for folder in folders]
  files.check_writable(output / _PAGE)
  experiments = ["entries" in report for report in reports]
  if any(experiments) and len(folders) > 1:
    raise errors.UserError("an experiment is reported by itself: name one folder")
  if any(experiments):
    content = experiment.of_experiment(folders[0], reports[0])
  elif len(folders) > 1:
    content = runs.of_runs(folders, reports)
  else:
    find = run.find_images(reports[0], flags.FLAGS.images_dir or ())
    content = run.of_run(folders[0], reports[0], find)
  with locks.one_writer(output):
    page.write(output, content)
  for note in content.notes:
    terminal.say(note)
  terminal.say(f"report: {output / _PAGE}")


def of_datasets(
  chosen: Sequence[config.DataConfig],
  output: pathlib.Path,
  targets: Sequence[str] | None = None,
) -> None:
  """Writes the report on one rated set, or on two beside each other.

  Args:
    chosen: the sets.
    output: folder.
    targets: what it is about; None: all that every set rates.
  Raises:
    ValueError: see `rated_set.opened` and `rated_set.comparable`.
    OSError: the folder cannot be written.
  """
  files.check_writable(output / _PAGE)
  from emojax.datasets.va_emotion import targets as target_names
  from emojax.pages import page
  from emojax.report.dataset import copies, rated_set
  from emojax.report.dataset import page as dataset_page
  from emojax.report.dataset import tables as dataset_tables

  if targets is not None:
    chosen = [target_names.with_further(data, targets) for data in chosen]
  opened = [rated_set.opened(data, show=True) for data in chosen]
  sets = rated_set.comparable(rated_set.titled(opened), targets)
  duplicates = copies.find(sets, show=True)
  content = dataset_page.of_sets(sets, duplicates)
  tables = dataset_tables.contents(sets, duplicates, content.notes)
  with locks.one_writer(output):
    page.write(output, content)
    for name, table in tables.items():
      files.write(output / name, table)
  for note in content.notes:
    terminal.say(note)
  for line in dataset_tables.in_short(sets, duplicates):
    terminal.say(line)
  terminal.say(f"report: {output / _PAGE}")


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(config.DataConfig,),
    arguments="[RUN...]",
    example="runs/mine --images_dir=PICTURES",
  )
