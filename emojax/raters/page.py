"""Ratings and their raters as one page: `Aggregated` in, sections and figures out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.pages import figures, page
from emojax.raters import figures as rater_figures
from emojax.raters import summary
from emojax.raters.summary import Aggregated

_LISTED = 100  # rows of a table that can be as long as the data


def of_ratings(made: Aggregated, agreed: Mapping[str, Any]) -> page.Page:
  """Title, sections and figures.

  Args:
    made: with at least one picture kept.
    agreed: as `summary.agreement` found it.
  """
  drawn = _figures(made)
  rows = summary.count_rows(made)
  meanings = summary.meanings(made)
  sections = [
    page.Section(
      "What was read, dropped and kept",
      meanings[:1],
      [page.Table("Ratings, pictures and workers", rows)],
      [page.drawn(drawn["raters"], _alt_raters(made), "Raters of each picture")],
    ),
    page.Section(
      "Agreement",
      meanings[2:],
      [page.Table("Agreement on the kept ratings", summary.agreement_rows(agreed))],
    ),
    _workers(made, drawn, meanings[1]),
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
  if few := _few(made):
    sections.append(few)
  return page.Page(summary.title(made), summary.notes(made), sections, drawn)


def _figures(made: Aggregated) -> dict[str, Any]:
  table, kept, found = made.table, made.verdict.kept, made.verdict.workers
  at = made.verdict.images_kept
  means = {target: made.images.mean[target][at] for target in TARGETS}
  drawn = {
    "raters": rater_figures.raters_per_image(
      made.images.raters, made.settings.min_raters
    ),
    "answers": rater_figures.answers(
      table.valence[kept], table.arousal[kept], table.scale
    ),
    "means": figures.histograms(means, table.scale),
    "plane": figures.plane({"kept pictures": tuple(means.values())}, table.scale),
  }
  both = np.stack([found.agreement[target] for target in TARGETS])
  if np.isfinite(both).all(axis=0).any():
    flagged = np.array([bool(flags) for flags in found.flags])
    drawn["agreement"] = rater_figures.agreement(
      both[0], both[1], flagged, made.settings.min_agreement
    )
  if np.isfinite(found.median_seconds).any():
    drawn["seconds"] = rater_figures.seconds(
      found.median_seconds, made.settings.min_median_seconds
    )
  return drawn


def _workers(made: Aggregated, drawn: Mapping[str, Any], meaning: str) -> page.Section:
  prose = [meaning, "workers.csv has every worker."]
  shown = []
  if "agreement" in drawn:
    both = np.stack([made.verdict.workers.agreement[target] for target in TARGETS])
    absent = int((~np.isfinite(both).all(axis=0)).sum())
    rest = f"; not shown, as undefined: {absent}" if absent else ""
    alt = "Each worker's correlation with the other raters, valence against arousal"
    shown.append(page.drawn(drawn["agreement"], alt, f"One mark a worker{rest}"))
  if "seconds" in drawn:
    alt = "How many workers took how many seconds a picture"
    shown.append(page.drawn(drawn["seconds"], alt, "Dashed: below is too fast"))
  rows = summary.flag_rows(made)
  if not rows:
    return page.Section("Workers", [*prose, "Nobody is flagged."], figures=shown)
  if len(rows) > _LISTED + 1:
    prose.append(f"The first {_LISTED} of {len(rows) - 1} flagged workers.")
  table = page.Table("Flagged workers", rows[: _LISTED + 1])
  return page.Section("Workers", prose, [table], shown)


def _alt_raters(made: Aggregated) -> str:
  raters = made.images.raters
  return f"Histogram of raters per picture, from {raters.min()} to {raters.max()}"


def _few(made: Aggregated) -> page.Section | None:
  """The pictures that were dropped."""
  at = np.flatnonzero(~made.verdict.images_kept)
  if not len(at):
    return None
  read = made.read_of_images()
  rows = [["picture", "ratings read", "raters left"]]
  for i in at[:_LISTED]:
    raters = made.images.raters[i]
    rows.append([made.table.images[i], str(read[i]), str(raters)])
  prose = [f"Fewer than {made.settings.min_raters} raters were left."]
  if len(at) > _LISTED:
    prose.append(f"The first {_LISTED} of {len(at)}; pictures.csv has all.")
  return page.Section("Dropped pictures", prose, [page.Table("Dropped pictures", rows)])
