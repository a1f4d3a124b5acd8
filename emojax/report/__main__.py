"""`python -m emojax.report RUN`: a run, an experiment or a rated set as one HTML page.

In: a run folder of `emojax.train`, an experiment folder of `emojax.experiments`,
several runs to compare, or with `--dataset` a rated set or two. Out:
`report/index.html` in the first folder, for a rated set `report-NAME/index.html` (or
`--output`), which needs no network and no other file, and the figures as PNG and SVG
beside it; of a rated set also `pictures.csv`, `near_duplicates.csv` and `results.json`.

  python -m emojax.report runs/best
  python -m emojax.report runs/best runs/paper --output=comparison
  python -m emojax.report --dataset=va_emotion/oasis --manual_dir=OASIS
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from emojax import config
from emojax.report import flags as dataset_flags
from emojax.utils import cli, files

if TYPE_CHECKING:  # heavy imports happen in `main`, so that --help answers at once
  import numpy as np

  from emojax.pages import page
  from emojax.report import run

_NAME = "emojax.report"
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
    _NAME, "Of a run or a prepared folder: where its pictures are now, if they moved."
  )


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  chosen = dataset_flags.chosen()
  if chosen:
    if arguments:
      raise cli.UserError(
        f"name runs, or datasets with --dataset, not both; got {arguments[0]!r} too"
      )
    names = dict.fromkeys(data.dataset.rpartition("/")[2] for data in chosen)
    place = flags.FLAGS.output or f"report-{'-'.join(names)}"
    of_datasets(chosen, pathlib.Path(place).expanduser())
    return
  if alone := dataset_flags.given():
    raise cli.UserError(f"--{alone[0]} is for --dataset, which is not given")
  if not arguments:
    raise cli.UserError("name a run or an experiment folder, such as runs/best")
  # Here and not at the head: drawing takes a second to import.
  from emojax.report import run

  folders = [pathlib.Path(name).expanduser() for name in arguments]
  output = pathlib.Path(flags.FLAGS.output or folders[0] / "report").expanduser()
  reports = [_read(folder) for folder in folders]
  experiments = ["entries" in report for report in reports]
  if any(experiments) and len(folders) > 1:
    raise cli.UserError("an experiment is reported by itself: name one folder")
  if any(experiments):
    title, notes, sections, figures = of_experiment(folders[0], reports[0])
  elif len(folders) > 1:
    title, notes, sections, figures = of_runs(folders, reports)
  else:
    moved = flags.FLAGS.images_dir
    find = find_pictures(reports[0], moved[-1] if moved else "")
    title, notes, sections, figures = run.of_run(folders[0], reports[0], find)
  write(output, title, notes, sections, figures)
  for note in notes:
    print(note)
  print(f"report: {output / 'index.html'}")


def of_datasets(chosen: Sequence[config.DataConfig], output: pathlib.Path) -> None:
  """Writes the report on one rated set, or on two beside each other.

  Raises:
    ValueError: see `rated_set.opened`.
  """
  from emojax.report.dataset import copies, rated_set
  from emojax.report.dataset import page as dataset_page
  from emojax.report.dataset import tables as dataset_files

  sets = rated_set.titled([rated_set.opened(data, show=True) for data in chosen])
  found = copies.find(sets, show=True)
  title, notes, sections, drawn = dataset_page.of_sets(sets, found)
  write(output, title, notes, sections, drawn)
  for name, content in dataset_files.contents(sets, found, notes).items():
    files.write(output / name, content)
  for note in notes:
    print(note)
  for line in dataset_page.in_short(sets, found):
    print(line)
  print(f"report: {output / 'index.html'}")


Report = tuple[str, list[str], "list[page.Section]", Mapping[str, Any]]


def of_runs(
  folders: Sequence[pathlib.Path], reports: Sequence[Mapping[str, Any]]
) -> Report:
  """Several runs beside each other, on the pictures they share.

  Raises:
    ValueError: they share fewer than two pictures, or no target.
  """
  import numpy as np

  from emojax.evaluation import bootstrap, results
  from emojax.pages import figures, page

  read = [results.read_predictions(f / "predictions.csv") for f in folders]
  names = [folder.resolve().name for folder in folders]
  if len(set(names)) < len(names):
    names = [str(folder) for folder in folders]
  shared = [i for i in read[0].image_ids if all(i in one.image_ids for one in read)]
  targets = [t for t in read[0].said if all(t in one.said for one in read)]
  if len(shared) < 2 or not targets:
    raise cli.UserError(
      f"these runs share {len(shared)} pictures and the targets "
      f"{', '.join(targets) or 'none'}: nothing can be compared"
    )
  rows = [[one.image_ids.index(i) for i in shared] for one in read]
  scores = [["run", "target", *bootstrap.SCORES]]
  pairs = [["first less second", "target", *bootstrap.SCORES, "clear"]]
  drawn: dict[str, Any] = {}
  for target in targets:
    said = [one.said[target][r] for one, r in zip(read, rows, strict=True)]
    rated = [one.rated[target][r] for one, r in zip(read, rows, strict=True)]
    if any(not np.allclose(rated[0], other, atol=1e-3) for other in rated):
      raise cli.UserError(f"these runs have different {target} ratings of a picture")
    found = [bootstrap.intervals(values, rated[0]) for values in said]
    for name, one in zip(names, found, strict=True):
      scores.append([name, target, *(bootstrap.text(one[s]) for s in bootstrap.SCORES)])
    for a in range(len(names)):
      for b in range(a + 1, len(names)):
        apart = bootstrap.differences(said[a], said[b], rated[0])
        clear = [s for s in bootstrap.SCORES if apart[s].is_clear]
        texts = [bootstrap.text(apart[s]) for s in bootstrap.SCORES]
        head = f"{names[a]} less {names[b]}"
        pairs.append([head, target, *texts, ", ".join(clear) or "no"])
    lines = {
      name: (one["pearson_r"].value, one["pearson_r"].low, one["pearson_r"].high)
      for name, one in zip(names, found, strict=True)
    }
    drawn[f"r-{target}"] = figures.forest(lines, "r", target)
  prose = [
    f"{len(shared)} pictures that all runs predicted, each by models that had not seen "
    "it. Intervals: 95 %, resampling the pictures; differences resample both runs' "
    "pictures together. Clear: the interval leaves no difference out."
  ]
  tables = [page.Table("Scores", scores), page.Table("Differences", pairs)]
  pictures = [
    page.drawn(figure, f"{name}: a line per run, as in the table of scores")
    for name, figure in drawn.items()
  ]
  notes = list(dict.fromkeys(note for report in reports for note in report["notes"]))
  section = page.Section("Runs on the same pictures", prose, tables, pictures)
  return " and ".join(names), notes, [section], drawn


def of_experiment(folder: pathlib.Path, report: Mapping[str, Any]) -> Report:
  """Title, notes, sections and figures of an experiment."""
  from emojax.experiments import tables as paper_tables
  from emojax.pages import figures, page

  text = (folder / "table.md").read_text("utf-8")
  lines = text.splitlines()
  notes = [line.strip("*") for line in lines if line.startswith("**")]
  prose = [line[2:] for line in lines if line.startswith("- ")]
  tables = [page.Table(rows[0][0] or "results", rows) for rows in page.tables_of(text)]
  drawn: dict[str, Any] = {}
  for target in report["entries"][0]["intervals"]:
    intervals = {}
    for one in report["entries"]:
      r = one["intervals"][target]["pearson_r"]
      if r["value"] == r["value"]:  # a constant prediction has no correlation
        intervals[one["entry"]["name"]] = (r["value"], r["low"], r["high"])
    if intervals:
      drawn[f"r-{target}"] = figures.forest(intervals, "r", target)
    if report["table"] == "learning":
      curves = paper_tables.learning_curves(report["entries"], target)
      drawn[f"growth-{target}"] = figures.growth(curves, target)
  pictures = [
    page.drawn(figure, f"{name} of every entry, as in the tables")
    for name, figure in drawn.items()
  ]
  section = page.Section("Tables", prose, tables, pictures)
  return lines[0].lstrip("# "), notes, [section], drawn


def find_pictures(report: Mapping[str, Any], images_dir: str) -> "run.FindPicture":
  """How a run's pictures are found: drawn anew, or read from their folder.

  Args:
    report: the run's `results.json`, which says where they were.
    images_dir: where they are now; empty: where they were.
  """
  import numpy as np

  from emojax import images
  from emojax.datasets.va_emotion import synthetic

  places = report.get("pictures", {})
  if "number" in places and not images_dir:
    source = synthetic.load(places["number"], places["seed"])
    rows = {one.image_id: row for row, one in enumerate(source.rated)}
    return lambda image_id: np.asarray(source.pictures[rows[image_id]])
  folder = pathlib.Path(images_dir or places.get("folder", "")).expanduser()

  def find(image_id: str) -> "np.ndarray | None":
    try:
      return images.load(folder / image_id) if folder.name else None
    except images.ImageError:
      return None

  return find


def write(
  output: pathlib.Path,
  title: str,
  notes: Sequence[str],
  sections: "Sequence[page.Section]",
  drawn: Mapping[str, Any],
) -> None:
  """Writes the page and the figures, each whole or not at all."""
  from emojax.pages import page

  output.mkdir(parents=True, exist_ok=True)
  for name, figure in drawn.items():
    for kind in ("png", "svg"):
      path = output / f"{name.replace('/', '-')}.{kind}"
      files.write(path, page.image(figure, kind))
  files.write(output / "index.html", page.render(title, notes, sections))


def _read(folder: pathlib.Path) -> dict[str, Any]:
  """A folder's `results.json`.

  Raises:
    UserError: it is no finished run or experiment.
  """
  path = folder / "results.json"
  try:
    report = json.loads(path.read_text("utf-8"))
    report["notes" if "targets" in report else "entries"]
    return report
  except FileNotFoundError:
    if not folder.is_dir():
      raise cli.UserError(
        f"there is no folder {folder}: name a run or an experiment"
      ) from None
    raise cli.UserError(
      f"{folder} is no finished run or experiment: it has no results.json. Finish it "
      "with --workdir and --resume"
    ) from None
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise cli.UserError(f"{path} cannot be read ({error!r}): repeat the run") from error


if __name__ == "__main__":
  define_flags()
  cli.run(main, _NAME, _ABOUT, settings=(config.DataConfig,), arguments="[RUN...]")
