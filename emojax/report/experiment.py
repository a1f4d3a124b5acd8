"""An experiment as a page: its tables, and r of every entry drawn."""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

from emojax.evaluation import results, tables
from emojax.pages import figures, page
from emojax.utils import errors, files


def of_experiment(folder: pathlib.Path, report: Mapping[str, Any]) -> page.Page:
  """The page of an experiment.

  Args:
    folder: the experiment's.
    report: its `results.json`.
  Raises:
    UserError: the results lack something.
  """
  try:
    contents = tables.contents(report)
    drawn = _drawn(report)
  except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
    raise errors.UserError(
      f"{folder / 'results.json'} lacks what its tables are made of ({error!r}): "
      "repeat the experiment"
    ) from error
  images = [
    page.drawn(figure, f"{name} of every entry, as in the tables")
    for name, figure in drawn.items()
  ]
  shown = [page.Table(rows[0][0], rows) for rows in contents.tables]
  listed = page.Section("Tables", contents.remarks, shown)
  sections = (
    [page.Section("Correlation of every entry", figures=images)] if images else []
  )
  sections.append(listed)
  return page.Page(contents.title, contents.notes, sections, drawn)


def _drawn(report: Mapping[str, Any]) -> dict[str, Any]:
  """Name -> figure: r of every entry, and how it grows along a learning curve."""
  drawn: dict[str, Any] = {}
  for target in report["entries"][0]["intervals"]:
    intervals = {}
    for entry in report["entries"]:
      r = entry["intervals"][target]["pearson_r"]
      value, low, high = (files.number(r[key]) for key in ("value", "low", "high"))
      if math.isfinite(value):  # a constant prediction has no correlation
        intervals[entry["entry"]["name"]] = value, low, high
    if intervals:
      drawn[f"r-{target}"] = figures.forest(intervals, "r", target)
    if report["table"] == "learning":
      curves = results.learning_curves(report["entries"], target)
      drawn[f"growth-{target}"] = figures.growth(curves, target)
  return drawn
