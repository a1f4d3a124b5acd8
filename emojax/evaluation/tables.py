"""Experiments as tables: the paper's, with its numbers beside ours.

In: an experiment's `results.json`. Out: rows of text for any kind of page, the same as
Markdown that also reads well in a terminal, as LaTeX, and CSV. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emojax import paper
from emojax.evaluation import bootstrap, results
from emojax.evaluation.results import Gathered, curve_of, learning_curves
from emojax.pages import latex as latex_lib
from emojax.pages.markdown import aligned
from emojax.utils import files
from emojax.utils import scales as scale_lib

_TITLES = {
  "2": "Table II: object sources",
  "3": "Table III: each feature group",
  "4": "Table IV: other methods",
  "learning": "Learning curve: scores by the number of training pictures",
  "rivals": "Rivals: what else predicts from the inputs of best",
}
QUICK = (
  "QUICK: a tenth of the units and at most 100 epochs. These numbers show that it "
  "runs, not how well it predicts."
)


Rows = list[list[str]]  # of text; the first is the head


class Contents(NamedTuple):
  """An experiment as it is shown.

  Attributes:
    title: which table of the paper, on which dataset.
    notes: what a reader must be told first.
    tables: in order.
    remarks: what the numbers stand on.
  """

  title: str
  notes: list[str]
  tables: list[Rows]
  remarks: list[str]


def contents(experiment: Mapping[str, Any]) -> Contents:
  """What a page on an experiment shows.

  Args:
    experiment: its `results.json`: `table` (of `config.TABLES`), `experiment` (its
      settings), `seconds`, `entries` (every entry's results) and `differences` of every
      pair.
  """
  table, gathered = experiment["table"], experiment["entries"]
  first = gathered[0]["runs"][0]
  tables = []
  if table == "learning":
    tables.append(_by_share(gathered))
  elif table == "2":
    tables.append(_by_group(gathered))
  elif table in ("3", "4"):
    tables.append(_by_entry(table, gathered))
  tables.append(_scores(gathered))
  if any(len(entry["runs"]) > 1 for entry in gathered):
    tables.append(_over_seeds(gathered))
  if table in ("4", "rivals"):
    tables.append(_differences(gathered, experiment["differences"]))
  remarks = [
    "Intervals: 95 %, 2000 resamples of the pictures. Errors are mean squares of "
    f"points of the {_scale_text(first)} scale; training and test error as means over "
    "the five groups.",
    "Networks of equal width and layers trained as one program. "
    f"emojax {first['emojax_version']}, {first['device']}, "
    f"{experiment['seconds']:.0f} s.",
  ]
  if table != "rivals":
    remarks.insert(
      0,
      "The paper's numbers are for its own "
      f"{paper.NUM_IMAGES:,} pictures; only a run on those may be compared with them "
      "number by number.",
    )
  if table == "3":
    remarks.append(
      "Layers: the paper's for its widths; for others twice, two thirds and a third "
      "of the width, to the nearest 50."
    )
  notes = [QUICK] * experiment["experiment"]["quick"] + _notes(gathered)
  return Contents(f"{_TITLES[table]}, {first['dataset']}", notes, tables, remarks)


def markdown(experiment: Mapping[str, Any]) -> str:
  """`contents` as Markdown."""
  shown = contents(experiment)
  lines = [f"# {shown.title}", ""]
  for note in shown.notes:
    lines += [f"**{note}**", ""]
  for rows in shown.tables:
    lines += [*aligned(rows), ""]
  return "\n".join([*lines, *(f"- {remark}" for remark in shown.remarks)]) + "\n"


def latex(experiment: Mapping[str, Any]) -> str:
  """The tables of `contents` as LaTeX."""
  shown = contents(experiment)
  return "\n".join(
    latex_lib.table(rows, f"{shown.title}: {rows[0][0]}") for rows in shown.tables
  )


def csv(gathered: Gathered) -> str:
  """Every error as one row: entry, seed, target, part, group, mean square error."""
  rows: list[tuple[object, ...]] = [
    ("entry", "model", "seed", "target", "part", "group", "mse")
  ]
  for entry in gathered:
    name, model = entry["entry"]["name"], entry["entry"]["model"]
    for run in entry["runs"]:
      seed = run["settings"]["seed"]
      for target, scores in run["targets"].items():
        for fold in scores["folds"]:
          for part in ("train", "test"):
            mse = f"{fold[f'{part}_mse']:.6f}"
            group = f"g{fold['group']}"
            rows.append((name, model, seed, target, part, group, mse))
  return files.csv_text(rows)


def _notes(gathered: Gathered) -> list[str]:
  """What a reader must be told of any entry, once."""
  return list(
    dict.fromkeys(
      note for entry in gathered for run in entry["runs"] for note in run["notes"]
    )
  )


def _scale_text(run: Mapping[str, Any]) -> str:
  """The scale of a run's numbers: 1..9; by target where they differ."""
  scales = results.scales_of(run)
  if len(set(scales.values())) == 1:
    return scale_lib.text(next(iter(scales.values())))
  return ", ".join(f"{scale_lib.text(ends)} ({name})" for name, ends in scales.items())


def _printed(
  table: Mapping[str, Any], run: Mapping[str, Any], target: str
) -> Mapping[str, Any]:
  """A target's part of a table of the paper, if a run is on its scale; else empty."""
  is_alike = scale_lib.is_inside(results.scales_of(run)[target])
  return table.get(target, {}) if is_alike else {}


def _mean(entry: Mapping[str, Any], target: str, key: str) -> float:
  """A target's error, averaged over seeds."""
  return bootstrap.spread([run["targets"][target][key] for run in entry["runs"]])[0]


def _by_group(gathered: Gathered) -> Rows:
  """The paper's Table II: target x part x source x group."""
  groups = [f"g{number}" for number in range(1, 6)]
  rows = [["mean square error", "", "source", *groups, "Avg."]]
  for target in gathered[0]["runs"][0]["targets"]:
    for part, key in (("training", "train_mse"), ("test", "test_mse")):
      for entry in gathered:
        by_group = [
          bootstrap.spread(
            [run["targets"][target]["folds"][g][key] for run in entry["runs"]]
          )[0]
          for g in range(5)
        ]
        numbers = [f"{e:.2f}" for e in (*by_group, _mean(entry, target, key))]
        rows.append([target, part, entry["entry"]["name"], *numbers])
        errors = _printed(paper.TABLE_2, entry["runs"][0], target).get(part, {})
        printed = errors.get(entry["entry"]["paper"])
        if printed:
          numbers = [f"{e:.2f}" for e in (*printed.groups, printed.average)]
          rows.append(["", "  the paper's", "", *numbers])
  return rows


def _by_entry(table: str, gathered: Gathered) -> Rows:
  """Tables III and IV: training and test error by entry, the paper's test error."""
  first = gathered[0]["runs"][0]
  targets = list(first["targets"])
  of_paper = paper.TABLE_3 if table == "3" else paper.TABLE_4
  printed = {target: _printed(of_paper, first, target) for target in targets}
  head = ["mean square error", "columns", "layers"]
  for target in targets:
    head += [f"{target} training", "test", "the paper's"]
  rows = [head]
  for compared in gathered:
    run, entry = compared["runs"][0], compared["entry"]
    width = sum(feature["size"] for feature in run["features"])
    layers = "-".join(str(units) for units in run["settings"]["hidden"])
    row = [entry["name"], str(width), layers if entry["model"] == "network" else ""]
    for target in targets:
      number = printed[target].get(entry["paper"])
      row += [
        f"{_mean(compared, target, key):.2f}" for key in ("train_mse", "test_mse")
      ]
      row.append(f"{number:.2f}" if number else "")
    rows.append(row)
  if table == "4":
    for key in next(filter(None, printed.values()), {}):
      if "-" in key and not any(
        key == compared["entry"]["paper"] for compared in gathered
      ):
        row = [f"the paper's {key}", "", ""]
        for target in targets:
          number = printed[target].get(key)
          row += ["", "", f"{number:.2f}" if number else ""]
        rows.append(row)
  return rows


def _by_share(gathered: Gathered) -> Rows:
  """The learning curve: error and r of each model by training pictures."""
  targets = list(gathered[0]["runs"][0]["targets"])
  head = ["mean square error", "training pictures"]
  for target in targets:
    head += [f"{target} training", "test", "r"]
  rows = [head]
  curves = {target: learning_curves(gathered, target) for target in targets}
  for name, points in curves[targets[0]].items():
    for at, (images, _) in enumerate(points):
      row = [name, str(images)]
      entry = [o for o in gathered if curve_of(o["entry"]) == name][at]
      for target in targets:
        row += [f"{_mean(entry, target, key):.2f}" for key in ("train_mse", "test_mse")]
        r = files.number(curves[target][name][at][1]["value"])
        row.append(f"{r:.3f}")
      rows.append(row)
  return rows


def _scores(gathered: Gathered) -> Rows:
  """Out-of-fold scores of the first seed with their intervals."""
  rows = [["out of fold", "", "pictures", "MSE", "R2", "r", "CCC", "variance"]]
  for target in gathered[0]["runs"][0]["targets"]:
    for entry in gathered:
      scores = entry["runs"][0]["targets"][target]["out_of_fold"]
      intervals = entry["intervals"][target]
      numbers = [bootstrap.text(_interval(intervals[s])) for s in bootstrap.SCORES]
      rows.append(
        [
          target,
          entry["entry"]["name"],
          str(scores["num_images"]),
          *numbers,
          f"{scores['variance']:.3f}",
        ]
      )
    first = gathered[0]["runs"][0]["targets"][target]
    if not any(entry["entry"]["model"] == "mean" for entry in gathered):
      scores = first["out_of_fold"]
      errors = results.of_mean(scores["variance"])
      rows.append([target, "always the mean", str(scores["num_images"]), *errors, ""])
    ceiling = first["noise_ceiling"]
    if ceiling:
      limits = (ceiling["mse"], ceiling["r2"], ceiling["pearson_r"])
      limit = [f"{files.number(value):.3f}" for value in limits]
      rows.append([target, "noise ceiling", str(ceiling["num_images"]), *limit, "", ""])
  return rows


def _interval(stored: Mapping[str, float | None]) -> bootstrap.Interval:
  return bootstrap.Interval(
    *(files.number(stored[key]) for key in ("value", "low", "high"))
  )


def _over_seeds(gathered: Gathered) -> Rows:
  """Mean and spread over seeds of test error and r."""
  rows = [["over seeds, mean (sd)", "", "seeds", "test MSE", "r"]]
  for target in gathered[0]["runs"][0]["targets"]:
    for entry in gathered:
      errors = [run["targets"][target]["test_mse"] for run in entry["runs"]]
      scores = [run["targets"][target]["out_of_fold"] for run in entry["runs"]]
      r = [files.number(of_seed["pearson_r"]) for of_seed in scores]
      texts = ["{:.3f} ({:.3f})".format(*bootstrap.spread(v)) for v in (errors, r)]
      rows.append([target, entry["entry"]["name"], str(len(errors)), *texts])
  return rows


def _differences(gathered: Gathered, compared: Sequence[Mapping[str, Any]]) -> Rows:
  """Each network against each other entry, on the same pictures."""
  rows = [["first less second, same pictures", "", "target", "MSE", "r", "clear"]]
  networks = {
    entry["entry"]["name"] for entry in gathered if entry["entry"]["model"] == "network"
  }
  for pair in compared:
    names = (pair["first"], pair["second"])
    if networks.isdisjoint(names):
      continue
    apart = {
      "MSE": _interval(pair["scores"]["mse"]),
      "r": _interval(pair["scores"]["pearson_r"]),
    }
    clear = [name for name, of in apart.items() if of.low > 0 or of.high < 0]
    texts = [bootstrap.text(interval) for interval in apart.values()]
    rows.append([*names, pair["target"], *texts, ", ".join(clear) or "no"])
  return rows
