"""One run as sections of a page: what it found, drawn and in words.

In: a run folder, its `results.json`, and how its pictures are found. Out: a `Page`.
"""

import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from emojax import images as images_lib
from emojax import paper
from emojax.config import TARGETS
from emojax.datasets.va_emotion import storage, synthetic
from emojax.evaluation import bootstrap, results, run_files
from emojax.features import descriptions
from emojax.pages import figures, gallery, page
from emojax.report import galleries
from emojax.utils import files, records
from emojax.utils.scales import Scale
from emojax.utils.scales import text as scale_text


class _Drawn(NamedTuple):
  """A figure of a run.

  Attributes:
    kind: of `_CAPTIONS`.
    target: what it is about; empty for a figure of all targets.
    figure: as Matplotlib has it.
  """

  kind: str
  target: str
  figure: Figure

  @property
  def name(self) -> str:
    """Of its files."""
    return f"{self.kind}-{self.target}" if self.target else self.kind


def of_run(
  folder: pathlib.Path, report: Mapping[str, Any], find: galleries.FindImage
) -> page.Page:
  """The page of one run.

  Args:
    folder: the run's.
    report: its `results.json`.
    find: a picture by its id, see `find_images`.
  """
  read = run_files.read_predictions(folder, report)
  targets = list(read.predicted)
  scales = results.scales_of(report)
  drawn: list[_Drawn] = []
  lines = run_files.read_metrics(folder)
  for label, figure in (figures.curves(lines) if lines else {}).items():
    drawn.append(_Drawn("curve", label, figure))
  for target in targets:
    of = read.predicted[target], read.rated[target], target, scales[target]
    drawn.append(_Drawn("against", target, figures.against(*of)))
    drawn.append(_Drawn("residuals", target, figures.residuals(*of)))
  drawn.append(_Drawn("ratings", "", figures.histograms(read.rated, scales)))
  if galleries.has_plane(read):
    points = {
      title: (values["valence"], values["arousal"])
      for title, values in (("rated", read.rated), ("predicted", read.predicted))
    }
    drawn.append(_Drawn("plane", "", figures.plane(points, *_plane_scales(scales))))
  notes = list(report["notes"])
  csv = files.read_text(folder / "predictions.csv")
  shown, hidden = galleries.of_predictions(read, scales, find, csv)
  has_images = any(section.gallery for section in shown)
  if hidden and not has_images:
    notes.append(f"The pictures were not found, so there are no galleries: {hidden[0]}")
  elif hidden:
    notes.append(
      f"{len(hidden)} pictures are not in the galleries, the first because {hidden[0]}"
    )
  sections = [
    page.Section("Summary", _summary(report)),
    page.Section("Results", _result_notes(report), _tables(report, read)),
    page.Section(
      "Predicted and rated",
      figures=[
        page.drawn(entry.figure, _alt(entry, report), _CAPTIONS[entry.kind])
        for entry in drawn
      ],
    ),
    *_keywords(read, scales),
    *shown,
    page.Section("How it was made", _provenance(report), [_settings(report)]),
  ]
  title = f"{report['dataset']}, preset {report['preset']}"
  return page.Page(
    title, notes, sections, {entry.name: entry.figure for entry in drawn}
  )


_MOST_DRAWN = 100_000  # images of the synthetic set
_CAPTIONS = {
  "curve": "Errors of each epoch: thin lines are folds, thick ones their mean.",
  "against": "Every picture, predicted by the models that did not see it.",
  "residuals": "Predictions that shrink towards the mean fall from left to right.",
  "ratings": "How often each rating comes.",
  "plane": "The pictures in the valence-arousal plane.",
}


def _plane_scales(scales: Mapping[str, Scale]) -> gallery.Scales:
  valence, arousal = (scales[target] for target in TARGETS)
  return valence, arousal


def _keywords(
  read: results.Predictions, scales: Mapping[str, Scale]
) -> list[page.Section]:
  """The most used keywords of the 4 x 4 sections, where there are keywords."""
  if not any(read.keywords) or not galleries.has_plane(read):
    return []
  on = _plane_scales(scales)
  valence, arousal = (read.rated[target] for target in TARGETS)
  cells = gallery.sections(valence, arousal, read.keywords, scales=on)
  across, down = (
    [f"{low:g} to {high:g}" for low, high in itertools.pairwise(gallery.cuts(scale))]
    for scale in on
  )
  rows = [["arousal, valence", *(f"valence {name}" for name in across)]]
  rows += [
    [f"arousal {name}", *line] for name, line in zip(reversed(down), cells, strict=True)
  ]
  table = page.Table(
    "Most used keywords in each section of the plane", rows, is_words=True
  )
  return [page.Section("Keywords", tables=[table])]


def _summary(report: Mapping[str, Any]) -> list[str]:
  """How well it predicts, in plain words."""
  sentences = []
  for target, result in report["targets"].items():
    s = result["out_of_fold"]
    scale = scale_text(results.scale_of(result))
    text = (
      f"{target.capitalize()}: predictions of {s['num_images']} pictures by models "
      f"that had not seen them miss the mean rating by {s['mse'] ** 0.5:.2f} points of "
      f"the {scale} scale (root mean square); always saying the mean would miss by "
      f"{s['variance'] ** 0.5:.2f}. Correlation {files.number(s['pearson_r']):.2f}."
    )
    if result["noise_ceiling"]:
      text += (
        f" Raters disagree: no predictor can be expected to exceed a correlation of "
        f"{files.number(result['noise_ceiling']['pearson_r']):.3f} with these ratings."
      )
    sentences.append(text)
  return sentences


def _result_notes(report: Mapping[str, Any]) -> list[str]:
  return [
    f"The paper's rows are its own numbers on its own {paper.NUM_IMAGES:,} pictures; "
    "only a run on those may be compared with them number by number.",
    "Brackets: 95 % intervals, resampling the pictures.",
    "Intervals around predictions: in which a picture's mean rating should lie; each "
    "fold's from the errors on the others, by how near a picture is to the training "
    "pictures. predictions.csv has them.",
    *filter(None, [results.behind_ridge(report)]),
  ]


def _tables(report: Mapping[str, Any], read: results.Predictions) -> list[page.Table]:
  """The paper's table, scores with intervals, and spread over folds."""
  tables = [page.Table("Errors by group", results.rows_by_group(report))]
  rows = [["target", "MSE", "R2", "r", "CCC", "noise ceiling of r"]]
  spread = [["target", "training error", "test error"]]
  for target, result in report["targets"].items():
    intervals = bootstrap.intervals(read.predicted[target], read.rated[target])
    ceiling = result["noise_ceiling"]
    rows.append(
      [
        target,
        *(bootstrap.text(intervals[name]) for name in bootstrap.SCORES),
        f"{files.number(ceiling['pearson_r']):.3f}" if ceiling else "unknown",
      ]
    )
    if ridge := results.ridge_of(report, target):
      scores = ridge["out_of_fold"]
      numbers = [files.number(scores[name]) for name in bootstrap.SCORES]
      rows.append([results.RIDGE, *(f"{value:.3f}" for value in numbers), ""])
    errors = results.of_mean(result["out_of_fold"]["variance"])
    rows.append(["  always the mean", *errors, ""])
    texts = [
      "{:.3f} (sd {:.3f})".format(*bootstrap.spread([f[k] for f in result["folds"]]))
      for k in ("train_mse", "test_mse")
    ]
    spread.append([target, *texts])
  tables.append(page.Table("Out-of-fold scores", rows))
  tables.append(page.Table("Mean and spread over folds", spread))
  measured = {t: of.get("interval") for t, of in report["targets"].items()}
  if any(measured.values()):
    tables.append(page.Table("Intervals around predictions", _intervals(measured)))
  return tables


def _intervals(measured: Mapping[str, Mapping[str, Any] | None]) -> list[list[str]]:
  """How wide intervals are and how often the rating lies inside, a row per target."""
  rows = [
    ["target", "meant to hold for", "prediction +-", "held for"]
    + [f"{of} third" for of in ("most familiar", "middle", "least familiar")]
  ]
  for target, interval in measured.items():
    if interval and interval["coverage"] is not None:
      shares = (interval["coverage"], *interval["by_third"])
      rows.append(
        [target, f"{interval['level']:.0%}", f"{interval['half_width']:.2f} on average"]
        + [f"{files.number(share):.1%}" for share in shares]
      )
  return rows


def _provenance(report: Mapping[str, Any]) -> list[str]:
  features = "; ".join(
    f"{f['name']} version {f['version']}"
    + (f" ({f['label']}, digest {f['digest'][:16]})" if f["label"] else "")
    for f in descriptions.current(report["features"])
  )
  return [
    f"Features: {features}.",
    f"emojax {report['emojax_version']}, {report['device']}, "
    f"{report.get('seconds', 0):.0f} s.",
    f"Please cite the paper and emojax: {paper.CITATION}.",
  ]


def _settings(report: Mapping[str, Any]) -> page.Table:
  rows = [["setting", "value"]]
  rows += [[name, str(value)] for name, value in report["settings"].items()]
  return page.Table("Settings", rows, is_words=True)


def _alt(drawn: _Drawn, report: Mapping[str, Any]) -> str:
  """What a figure shows, with its main numbers."""
  scores = report["targets"].get(drawn.target, {}).get("out_of_fold")
  numbers = ""
  if scores:
    r = files.number(scores["pearson_r"])
    numbers = f" r is {r:.2f}, mean square error {scores['mse']:.2f}."
  about = f" {drawn.target}." if drawn.target else ""
  return f"{_CAPTIONS[drawn.kind]}{about}{numbers}"


def find_images(report: Mapping[str, Any], named: Sequence[str]) -> galleries.FindImage:
  """How a run's pictures are found: drawn anew, or read from folders.

  Where a run says that they were counts for nothing: it may be a stranger's, and the
  page is passed on.

  Args:
    report: the run's `results.json`.
    named: folders that the user named; each is looked into, and what lies in none of
      them is not shown, see `images.check_named`.
  """
  places = report.get("pictures", {})
  if report["dataset"] == f"{storage.NAME}/{synthetic.NAME}" and not named:
    records.check(places, {"number": int, "seed": int}, "pictures")
    number = min(places["number"], report["num_images"], _MOST_DRAWN)
    source = synthetic.load(number, places["seed"])
    rows = {entry.image_id: row for row, entry in enumerate(source.rated)}

    def draw(image_id: str) -> np.ndarray:
      if image_id not in rows:
        raise images_lib.ImageError("it is none of the run's drawn pictures")
      return np.asarray(source.images[rows[image_id]])

    return draw
  folders = [pathlib.Path(name).expanduser() for name in named]
  had = f", as {places['folder']}, where the run had them" if "folder" in places else ""

  def find(image_id: str) -> np.ndarray:
    problem = images_lib.ImageError(f"name their folder with --images_dir{had}")
    for folder in folders:
      try:
        images_lib.check_named(folder / image_id, folders)
        return images_lib.load(folder / image_id)
      except images_lib.ImageError as error:
        problem = error
    raise problem

  return find
