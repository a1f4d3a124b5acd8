"""Ratings and their raters as one page: `Aggregation` in, sections and figures out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.pages import figures, page
from emojax.raters import figures as rater_figures
from emojax.raters import summary
from emojax.raters.summary import Aggregation

_LISTED = 100  # rows of a table that can be as long as the data


def of_ratings(aggregation: Aggregation, coefficients: Mapping[str, Any]) -> page.Page:
  """Title, sections and figures.

  Args:
    aggregation: with at least one picture kept.
    coefficients: as `summary.agreement` found it.
  """
  drawn = _figures(aggregation)
  rows = summary.count_rows(aggregation)
  meanings = summary.meanings(aggregation)
  sections = [
    page.Section(
      "What was read, dropped and kept",
      meanings[:1],
      [page.Table("Ratings, pictures and workers", rows)],
      [page.drawn(drawn["raters"], _alt_raters(aggregation), "Raters of each picture")],
    ),
    page.Section(
      "Agreement",
      meanings[2:],
      [
        page.Table(
          "Agreement on the kept ratings", summary.agreement_rows(coefficients)
        )
      ],
    ),
    _workers(aggregation, drawn, meanings[1]),
    page.Section(
      "Ratings",
      ["Kept ratings; those of pictures are means over their raters."],
      figures=[
        page.drawn(drawn["answers"], "How often each answer was given", "Answers"),
        page.drawn(drawn["means"], "How often each mean rating comes", "Mean ratings"),
        page.drawn(
          drawn["plane"],
          "Kept pictures in the valence-arousal plane",
          "The valence-arousal plane, in the paper's 4 x 4 sections",
        ),
      ],
    ),
  ]
  if few := _few(aggregation):
    sections.append(few)
  return page.Page(
    summary.title(aggregation), summary.notes(aggregation), sections, drawn
  )


def _figures(aggregation: Aggregation) -> dict[str, Any]:
  table, is_kept, workers = (
    aggregation.table,
    aggregation.verdict.is_kept,
    aggregation.verdict.workers,
  )
  at = aggregation.verdict.images_kept
  means = {target: aggregation.images.mean[target][at] for target in TARGETS}
  drawn = {
    "raters": rater_figures.raters_per_image(
      aggregation.images.raters, aggregation.settings.min_raters
    ),
    "answers": rater_figures.answers(
      {target: getattr(table, target)[is_kept] for target in TARGETS}, table.scales
    ),
    "means": figures.histograms(means, table.scales),
    "plane": figures.plane(
      {"kept pictures": tuple(means.values())}, *table.scales.values()
    ),
  }
  both = np.stack([workers.agreement[target] for target in TARGETS])
  if np.isfinite(both).all(axis=0).any():
    flagged = np.array([bool(flags) for flags in workers.flags])
    drawn["agreement"] = rater_figures.agreement(
      both[0], both[1], flagged, aggregation.settings.min_agreement
    )
  if np.isfinite(workers.median_seconds).any():
    drawn["seconds"] = rater_figures.seconds(
      workers.median_seconds, aggregation.settings.min_median_seconds
    )
  return drawn


def _workers(
  aggregation: Aggregation, drawn: Mapping[str, Any], meaning: str
) -> page.Section:
  prose = [meaning, "workers.csv has every worker."]
  shown = []
  if "agreement" in drawn:
    both = np.stack(
      [aggregation.verdict.workers.agreement[target] for target in TARGETS]
    )
    absent = int((~np.isfinite(both).all(axis=0)).sum())
    rest = f"; not shown, as undefined: {absent}" if absent else ""
    alt = "Each worker's correlation with the other raters, valence against arousal"
    shown.append(page.drawn(drawn["agreement"], alt, f"One mark a worker{rest}"))
  if "seconds" in drawn:
    alt = "How many workers took how many seconds a picture"
    shown.append(page.drawn(drawn["seconds"], alt, "Dashed: below is too fast"))
  rows = summary.flag_rows(aggregation)
  if not rows:
    return page.Section("Workers", [*prose, "Nobody is flagged."], figures=shown)
  if len(rows) > _LISTED + 1:
    prose.append(f"The first {_LISTED} of {len(rows) - 1} flagged workers.")
  table = page.Table("Flagged workers", rows[: _LISTED + 1])
  return page.Section("Workers", prose, [table], shown)


def _alt_raters(aggregation: Aggregation) -> str:
  raters = aggregation.images.raters
  return f"Histogram of raters per picture, from {raters.min()} to {raters.max()}"


def _few(aggregation: Aggregation) -> page.Section | None:
  """The pictures that were dropped."""
  at = np.flatnonzero(~aggregation.verdict.images_kept)
  if not len(at):
    return None
  read = aggregation.read_of_images()
  rows = [["picture", "ratings read", "raters left"]]
  for i in at[:_LISTED]:
    raters = aggregation.images.raters[i]
    rows.append([aggregation.table.images[i], str(read[i]), str(raters)])
  prose = [f"Fewer than {aggregation.settings.min_raters} raters were left."]
  if len(at) > _LISTED:
    prose.append(f"The first {_LISTED} of {len(at)}; pictures.csv has all.")
  return page.Section("Dropped pictures", prose, [page.Table("Dropped pictures", rows)])
