"""An experiment as a page: its tables, and r of every entry drawn."""

import pathlib
from collections.abc import Mapping
from typing import Any

from emojax.evaluation import results
from emojax.pages import figures, markdown, page


def of_experiment(folder: pathlib.Path, report: Mapping[str, Any]) -> page.Page:
  """The page of an experiment."""
  text = (folder / "table.md").read_text("utf-8")
  lines = text.splitlines()
  notes = [line.strip("*") for line in lines if line.startswith("**")]
  prose = [line[2:] for line in lines if line.startswith("- ")]
  tables = [
    page.Table(rows[0][0] or "results", rows) for rows in markdown.tables_of(text)
  ]
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
      curves = results.learning_curves(report["entries"], target)
      drawn[f"growth-{target}"] = figures.growth(curves, target)
  pictures = [
    page.drawn(figure, f"{name} of every entry, as in the tables")
    for name, figure in drawn.items()
  ]
  section = page.Section("Tables", prose, tables, pictures)
  return page.Page(lines[0].lstrip("# "), notes, [section], drawn)
