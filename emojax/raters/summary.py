"""Ratings and the verdict on them as files: CSV, JSON, Markdown, a page.

In: `Ratings`, rows that could not be used, `Verdict`. Out: text and figures; nothing is
written here. Numbers are on the scale of the input.
"""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.evaluation import bootstrap, metrics
from emojax.pages import markdown
from emojax.raters import agreement as rater_agreement
from emojax.raters import rows as rater_rows
from emojax.raters import rules
from emojax.raters.config import RaterConfig
from emojax.raters.ratings import Ratings
from emojax.raters.rows import BadRow
from emojax.raters.rules import Images, Verdict
from emojax.utils import files
from emojax.utils import scales as scale_lib


@dataclasses.dataclass(frozen=True)
class Aggregation:
  """All that is known at the end.

  Attributes:
    files: the input, in order.
    table: the ratings that could be read.
    bad: the rows that could not.
    verdict: what became of the ratings.
    images: mean ratings.
    settings: what was asked for.
  """

  files: Sequence[str]
  table: Ratings
  bad: Sequence[BadRow]
  verdict: Verdict
  images: Images
  settings: RaterConfig

  def read_of_workers(self) -> np.ndarray:
    """(W,) int, rows read of each worker, bad ones too."""
    number = np.bincount(self.table.worker, minlength=len(self.table.workers))
    place = {name: i for i, name in enumerate(self.table.workers)}
    for bad in self.bad:
      if (worker := rater_rows.named(bad.row.cells, [])[0]) in place:
        number[place[worker]] += 1
    return number

  def read_of_images(self) -> np.ndarray:
    """(P,) int, rows read of each picture, bad ones too."""
    number = np.bincount(self.table.image, minlength=len(self.table.images))
    place = {name: i for i, name in enumerate(self.table.images)}
    for bad in self.bad:
      if (image := rater_rows.named(bad.row.cells, [])[1]) in place:
        number[place[image]] += 1
    return number

  def dropped(self) -> dict[str, int]:
    """Rule -> how many ratings it dropped, in the order of the rules."""
    times = collections.Counter(self.verdict.rules)
    times[rules.BAD_ROW] = len(self.bad)
    return {rule: times[rule] for rule in rules.RULES}


def ratings_csv(aggregation: Aggregation) -> str:
  """What `va_emotion/folder` reads: one row per kept picture, sorted by name.

  Columns image, valence, arousal, valence_std, arousal_std, num_raters, and keyword
  where the input has one. A spread of one rating is empty.
  """
  has_keywords = any(aggregation.images.keywords)
  head = ["image", *TARGETS, *(f"{t}_std" for t in TARGETS), "num_raters"]
  rows: list[list[object]] = [[*head, *(["keyword"] if has_keywords else [])]]
  for i in np.flatnonzero(aggregation.verdict.images_kept).tolist():
    cells: list[object] = [aggregation.table.images[i], *_mean_and_sd(aggregation, i)]
    cells.append(aggregation.images.raters[i])
    if has_keywords:
      cells.append(aggregation.images.keywords[i])
    rows.append(cells)
  return files.csv_text(rows)


def images_csv(aggregation: Aggregation) -> str:
  """One row per picture, dropped or not, with why; sorted by name."""
  read = aggregation.read_of_images()
  head = ["image", "status", "reason", "ratings_read", "num_raters", *TARGETS]
  rows: list[list[object]] = [[*head, *(f"{target}_std" for target in TARGETS)]]
  least = aggregation.settings.min_raters
  for i, name in enumerate(aggregation.table.images):
    is_kept, raters = aggregation.verdict.images_kept[i], aggregation.images.raters[i]
    reason = "" if is_kept else f"{raters} of at least {least} raters"
    cells = [name, "kept" if is_kept else "dropped", reason, read[i], raters]
    rows.append([*cells, *_mean_and_sd(aggregation, i)])
  return files.csv_text(rows)


def dropped_csv(aggregation: Aggregation) -> str:
  """One row per input row that does not count, in the order of the input."""
  rows: list[tuple[str, int, str, str, Mapping[str, str]]] = [
    (bad.row.file, bad.row.line, rules.BAD_ROW, bad.problem, bad.row.cells)
    for bad in aggregation.bad
  ]
  table, verdict = aggregation.table, aggregation.verdict
  for i in range(len(table)):
    if verdict.rules[i]:
      cells = {
        "worker": table.workers[table.worker[i]],
        "image": table.images[table.image[i]],
        "valence": f"{table.valence[i]:g}",
        "arousal": f"{table.arousal[i]:g}",
      }
      place = table.files[i], table.lines[i]
      rows.append((*place, verdict.rules[i], verdict.reasons[i], cells))
  rows.sort(key=lambda row: (aggregation.files.index(row[0]), row[1]))
  names = ("worker", "image", *TARGETS)
  head = ("file", "line", "rule", "reason", *names)
  body = ((*place, *(cells[name] for name in names)) for *place, cells in rows)
  return files.csv_text([head, *body])


def workers_csv(aggregation: Aggregation) -> str:
  """One row per worker: what was read, what counts, agreement, speed, flags."""
  rows = list(_worker_rows(aggregation))
  return files.csv_text([rows[0], *(row.values() for row in rows)])


def _worker_rows(aggregation: Aggregation) -> Iterator[dict[str, object]]:
  """Every worker's row of `workers.csv`, by column."""
  table, workers = aggregation.table, aggregation.verdict.workers
  number = len(table.workers)
  read = aggregation.read_of_workers()
  num_kept = np.bincount(table.worker[aggregation.verdict.is_kept], minlength=number)
  together = workers.mean_agreement()
  for i, name in enumerate(table.workers):
    row: dict[str, object] = {"worker": name}
    row["status"] = (
      "kept" if num_kept[i] == read[i] else "partly kept" if num_kept[i] else "dropped"
    )
    row["flags"] = "; ".join(workers.flags[i])
    row |= {"ratings_read": read[i], "ratings_kept": num_kept[i]}
    row["ratings_judged"] = workers.counted[i]
    for target in TARGETS:
      row[f"{target}_mean"] = _number(workers.mean[target][i])
      row[f"{target}_sd"] = _number(workers.sd[target][i])
      row[f"{target}_r"] = _number(workers.agreement[target][i])
    row["mean_r"] = _number(together[i])
    row["pictures_shared"] = workers.shared[i]
    row["modal_share"] = _number(workers.modal_share[i])
    row["median_seconds"] = _number(workers.median_seconds[i])
    yield row


def agreement(aggregation: Aggregation, show_progress: bool = False) -> dict[str, Any]:
  """Agreement on the ratings that count: target -> coefficients, None where undefined.

  `icc_1` always; `icc_2` where every remaining worker rated every remaining picture;
  `split_half`; `noise_ceiling`, see `metrics.noise_ceiling`.
  """
  is_kept = aggregation.verdict.is_kept
  worker, image = aggregation.table.worker[is_kept], aggregation.table.image[is_kept]
  raters, images = np.unique(worker), np.unique(image)
  is_crossed = len(worker) == len(raters) * len(images) > 0
  coefficients: dict[str, Any] = {}
  for target in TARGETS:
    values = getattr(aggregation.table, target)[is_kept]
    crossed = None
    if is_crossed:  # no worker rates a picture twice, so that fills the rectangle
      by_image = values[np.lexsort((worker, image))]
      crossed = rater_agreement.icc_two_way(by_image.reshape(len(images), -1))
    settings = aggregation.settings
    coefficients[target] = {
      "icc_1": rater_agreement.icc_one_way(values, image),
      "icc_2": crossed,
      "split_half": rater_agreement.split_half(
        values, image, settings.splits, settings.seed, show_progress
      ),
      "noise_ceiling": metrics.noise_ceiling(
        aggregation.images.mean[target][images],
        aggregation.images.sd[target][images],
        aggregation.images.raters[images],
      ),
    }
  return coefficients


def notes(aggregation: Aggregation) -> list[str]:
  """What a reader must know beside the numbers."""
  table, settings = aggregation.table, aggregation.settings
  lines = list(table.notes)
  if not all(map(scale_lib.is_inside, table.scales.values())):
    on = ", ".join(f"{t} {scale_lib.text(ends)}" for t, ends in table.scales.items())
    lines.append(
      f"Ratings are on the scale on which they came, {on}; pass "
      f"{scale_lib.as_flags(table.scales)} to emojax.train."
    )
  unknown = int(np.isnan(table.approval).sum())
  if settings.min_approval and unknown:
    lines.append(
      f"{unknown} of {len(table)} ratings have no approval rate: the rule of at least "
      f"{settings.min_approval:g} % could not be followed for them, and they stay."
    )
  flagged = sum(map(bool, aggregation.verdict.workers.flags))
  if flagged and not settings.drop_flagged:
    workers = "1 worker is" if flagged == 1 else f"{flagged} workers are"
    lines.append(
      f"{workers} flagged, and what they rated counts; --drop_flagged drops it."
    )
  if aggregation.bad:
    lines.append(f"{len(aggregation.bad)} rows could not be used and were dropped.")
  return lines


def to_json(
  aggregation: Aggregation,
  coefficients: Mapping[str, Any],
  provenance: Mapping[str, Any],
) -> dict[str, Any]:
  """Contents of `results.json`; what is not a number is null."""
  verdict, is_kept = aggregation.verdict, aggregation.verdict.is_kept
  return {
    **provenance,
    "settings": dataclasses.asdict(aggregation.settings),
    "notes": notes(aggregation),
    "rating_scale": scale_lib.listed(aggregation.table.scales),
    "order": "time" if aggregation.table.is_timed else "files",
    "ratings": {
      "read": len(aggregation.table) + len(aggregation.bad),
      "kept": int(is_kept.sum()),
      "dropped": aggregation.dropped(),
    },
    "pictures": {
      "read": len(aggregation.table.images),
      "kept": int(verdict.images_kept.sum()),
    },
    "workers": {
      "read": len(aggregation.table.workers),
      "kept": len(np.unique(aggregation.table.worker[is_kept])),
      "flagged": {
        name: flags
        for name, flags in zip(
          aggregation.table.workers, verdict.workers.flags, strict=True
        )
        if flags
      },
    },
    "agreement": dict(coefficients),
  }


def table_markdown(aggregation: Aggregation, coefficients: Mapping[str, Any]) -> str:
  """The summary that is printed and kept as `table.md`."""
  lines = [title(aggregation), ""]
  for note in notes(aggregation):
    lines += [f"**{note}**", ""]
  for rows in (count_rows(aggregation), agreement_rows(coefficients)):
    lines += [*markdown.aligned(rows), ""]
  if flagged := flag_rows(aggregation):
    lines += [*markdown.aligned(flagged), ""]
  return "\n".join([*lines, *(f"- {line}" for line in meanings(aggregation))]) + "\n"


def title(aggregation: Aggregation) -> str:
  """One line: how much is left."""
  is_kept = aggregation.verdict.is_kept
  workers = len(np.unique(aggregation.table.worker[is_kept]))
  images = int(aggregation.verdict.images_kept.sum())
  return f"{images} pictures rated by {workers} workers, {is_kept.sum()} ratings"


def count_rows(aggregation: Aggregation) -> list[list[str]]:
  """What was read, dropped by each rule, and kept."""
  verdict = aggregation.verdict
  rows = [["", "ratings", "pictures", "workers"]]
  read = len(aggregation.table) + len(aggregation.bad)
  sizes = len(aggregation.table.images), len(aggregation.table.workers)
  rows.append(["read", str(read), *map(str, sizes)])
  for rule, number in aggregation.dropped().items():
    few = rule == rules.TOO_FEW
    images = str(int((~verdict.images_kept).sum())) if few else ""
    rows.append([f"dropped: {rule}", str(number), images, ""])
  is_kept = verdict.is_kept
  workers = len(np.unique(aggregation.table.worker[is_kept]))
  ends = is_kept.sum(), verdict.images_kept.sum(), workers
  rows.append(["kept", *(str(int(end)) for end in ends)])
  return rows


def agreement_rows(coefficients: Mapping[str, Any]) -> list[list[str]]:
  """Coefficients of each target, a row a coefficient."""
  rows = [["agreement", *coefficients]]

  def row(head: str, name: str, show: Callable[[Any], str]) -> None:
    parts = [scores[name] for scores in coefficients.values()]
    rows.append([head, *(show(part) if part else "undefined" for part in parts)])

  row("ICC(1,1), one rating", "icc_1", lambda icc: bootstrap.text(icc.single))
  row("ICC(1,k), the mean", "icc_1", lambda icc: bootstrap.text(icc.average))
  row("  k, raters a picture", "icc_1", lambda icc: f"{icc.raters:.2f}")
  if any(scores["icc_2"] for scores in coefficients.values()):
    row("ICC(2,1), one rating", "icc_2", lambda icc: bootstrap.text(icc.single))
    row("ICC(2,k), the mean", "icc_2", lambda icc: bootstrap.text(icc.average))
  row("split-half, corrected", "split_half", lambda half: bootstrap.text(half.whole))
  row("  r of the halves", "split_half", lambda half: f"{half.halves:.3f}")
  row("largest r to hope for", "noise_ceiling", _ceiling)
  return rows


def flag_rows(aggregation: Aggregation) -> list[list[str]]:
  """The flagged workers, a row each below a head; empty where there are none."""
  flagged = [row for row in _worker_rows(aggregation) if row["flags"]]
  if not flagged:
    return []
  shown = ("valence_r", "arousal_r", "modal_share", "median_seconds")
  heads = ("r valence", "r arousal", "same pair", "seconds")
  rows = [["flagged worker", "why", "ratings", "kept", *heads]]
  for row in flagged:
    head = [" ".join(str(row["worker"]).split()).replace("|", "/"), str(row["flags"])]
    numbers = [str(row[name]) for name in ("ratings_read", "ratings_kept")]
    rows.append([*head, *numbers, *(_short(row[name]) for name in shown)])
  return rows


def meanings(aggregation: Aggregation) -> list[str]:
  """What the rows of the tables mean, with the limits that were set."""
  s = aggregation.settings
  first = "time" if aggregation.table.is_timed else "the order of the rows"
  most = f"the first {s.max_per_worker}" if s.max_per_worker else "all"
  return [
    "A rating is dropped by the first of these rules that applies: bad row; duplicate "
    f"(a picture once a worker, the first stays); over limit ({most} of a worker "
    f"stay); low approval (below {s.min_approval:g} %); flagged (only with "
    f"--drop_flagged); too few raters (below {s.min_raters}). First is by {first}.",
    f"Flagged from {s.flag_min_ratings} ratings on: straight-lines, where one pair of "
    f"ratings has at least {s.straight_line_share:g} of all; disagrees, where the mean "
    "of both targets' correlations with the mean of the other raters is below "
    f"{s.min_agreement:g}; too fast, where the median time is below "
    f"{s.min_median_seconds:g} s.",
    "ICC: share of variance that lies between pictures, of one rating and of the mean "
    "of k (Shrout and Fleiss 1979), with 95 % intervals from the F distribution, which "
    "are exact for normal ratings and equal numbers of raters. Split-half: correlation "
    f"of the means of two random halves of each picture's raters, {s.splits} times, "
    "corrected to all raters (Spearman, Brown); its bounds are those of the splits.",
    "Largest r to hope for: what a model that knew the true mean would score on these "
    "ratings (their noise ceiling).",
  ]


def _mean_and_sd(aggregation: Aggregation, i: int) -> list[object]:
  images = aggregation.images
  return [_number(part[t][i]) for part in (images.mean, images.sd) for t in TARGETS]


def _number(value: float) -> object:
  """A number as CSV shows it: six decimals at most; empty where it is none."""
  return round(float(value), 6) if math.isfinite(value) else ""


def _ceiling(ceiling: Mapping[str, float]) -> str:
  r = ceiling["pearson_r"]
  return f"{r:.3f}" if math.isfinite(r) else "undefined"


def _short(value: object) -> str:
  return f"{value:.2f}" if isinstance(value, float) else str(value)
