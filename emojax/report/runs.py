"""Several runs beside each other, on the images they share, as a page."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax.evaluation import bootstrap, results, run_files
from emojax.pages import figures, page
from emojax.utils import errors

_HEADS = dict(zip(bootstrap.SCORES, ("MSE", "R2", "r", "CCC"), strict=True))


def of_runs(
  folders: Sequence[pathlib.Path], reports: Sequence[Mapping[str, Any]]
) -> page.Page:
  """Several runs beside each other, on the pictures they share.

  Raises:
    ValueError: they share fewer than two pictures, or no target.
  """
  read = [
    run_files.read_predictions(folder, report)
    for folder, report in zip(folders, reports, strict=True)
  ]
  names = _names(folders)
  shared = [i for i in read[0].image_ids if all(i in run.image_ids for run in read)]
  targets = [t for t in read[0].predicted if all(t in run.predicted for run in read)]
  if len(shared) < 2 or not targets:
    raise errors.UserError(
      f"these runs share {len(shared)} pictures and the targets "
      f"{', '.join(targets) or 'none'}: nothing can be compared"
    )
  rows = [[run.image_ids.index(i) for i in shared] for run in read]
  scores = [["run", "target", *_HEADS.values()]]
  pairs = [["first less second", "target", *_HEADS.values(), "clear"]]
  drawn: dict[str, Any] = {}
  for target in targets:
    predicted = [run.predicted[target][r] for run, r in zip(read, rows, strict=True)]
    rated = [run.rated[target][r] for run, r in zip(read, rows, strict=True)]
    if any(not np.allclose(rated[0], other, atol=1e-3) for other in rated):
      raise errors.UserError(f"these runs have different {target} ratings of a picture")
    intervals = [bootstrap.intervals(values, rated[0]) for values in predicted]
    for name, by_score in zip(names, intervals, strict=True):
      scores.append(
        [name, target, *(bootstrap.text(by_score[s]) for s in bootstrap.SCORES)]
      )
    scores.append(["always the mean", target, *results.of_mean(rated[0].var())])
    for a in range(len(names)):
      for b in range(a + 1, len(names)):
        apart = bootstrap.differences(predicted[a], predicted[b], rated[0])
        clear = [_HEADS[s] for s in bootstrap.SCORES if apart[s].is_clear]
        texts = [bootstrap.text(apart[s]) for s in bootstrap.SCORES]
        head = f"{names[a]} less {names[b]}"
        pairs.append([head, target, *texts, ", ".join(clear) or "no"])
    lines = {
      name: (r.value, r.low, r.high)
      for name, by_score in zip(names, intervals, strict=True)
      for r in (by_score["pearson_r"],)
    }
    drawn[f"r-{target}"] = figures.forest(lines, "r", target)
  prose = [
    f"{len(shared)} pictures that all runs predicted, each by models that had not seen "
    "it. Intervals: 95 %, resampling the pictures; differences resample both runs' "
    "pictures together. Clear: the interval does not hold 0. It is about pictures "
    "alone: another --seed moves scores as well, and of many differences some are "
    "clear by chance, so look at MSE first and train small ones again."
  ]
  tables = [page.Table("Scores", scores), page.Table("Differences", pairs)]
  images = [
    page.drawn(figure, f"{name}: a line per run, as in the table of scores")
    for name, figure in drawn.items()
  ]
  notes = list(dict.fromkeys(note for report in reports for note in report["notes"]))
  sections = [
    page.Section("Runs on the same pictures", prose, figures=images),
    *(page.Section(table.caption, tables=[table]) for table in tables),
  ]
  return page.Page(" and ".join(names), notes, sections, drawn)


def _names(folders: Sequence[pathlib.Path]) -> list[str]:
  """The shortest ends of the folders' paths that tell them apart."""
  parts = [folder.resolve().parts for folder in folders]
  for length in range(1, max(map(len, parts)) + 1):
    names = ["/".join(path[-length:]) for path in parts]
    if len(set(names)) == len(names):
      break
  return names
