"""Do pictures feel like the words for what they show? The paper's Figure 8.

In: a table of pictures with a tag and ratings each, and word norms. Out: for every row
its word or the reason why there is none; Pearson's r of word and picture ratings after
each level of matching. Pure but for reading the table.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.datasets.va_emotion import columns, ratings
from emojax.evaluation import bootstrap
from emojax.features import word_norms
from emojax.utils import files, tables

MATCHED, UNKNOWN, UNRATED, UNTAGGED = "matched", "unknown word", "no rating", "no tag"
STATUSES = (MATCHED, UNKNOWN, UNRATED, UNTAGGED)

FLAGS = {  # that name the columns
  "tag": "tags_column",
  "valence": "valence_column",
  "arousal": "arousal_column",
}
_FEWEST = 4  # pictures for a correlation; with three no interval has a meaning
_LISTED = 3  # tags that an error lists


class WordsError(ValueError):
  """Tags that cannot be correlated; the message is one line that says why."""


@dataclasses.dataclass(frozen=True)
class Tagged:
  """One row of a table of tagged pictures.

  Attributes:
    line: its first line in the file.
    tag: as it stands there; empty where there is none.
    valence, arousal: mean ratings on 1..9; NaN where there is none.
  """

  line: int
  tag: str
  valence: float
  arousal: float


@dataclasses.dataclass(frozen=True)
class Row:
  """A tagged picture and its word.

  Attributes:
    image: the row of the table.
    match: the word; None where none is known.
    valence, arousal: of the word, on 1..9; NaN where none is known.
    status: one of `STATUSES`; only `MATCHED` rows enter a correlation.
    reason: of any other status, in words.
  """

  image: Tagged
  match: word_norms.Match | None
  valence: float
  arousal: float
  status: str
  reason: str = ""


@dataclasses.dataclass(frozen=True)
class Level:
  """What matching as far as one level gives.

  Attributes:
    name: one of `word_norms.LEVELS`.
    added: pictures matched at this very level.
    images: pictures matched so far.
    words: different words among them.
    r: target -> Pearson's r of word and picture ratings, with its interval; None where
      there are fewer than four pictures or one side does not vary.
  """

  name: str
  added: int
  images: int
  words: int
  r: Mapping[str, bootstrap.Interval | None]


def read(
  path: pathlib.Path, named: Mapping[str, str], scale: Sequence[float]
) -> tuple[list[Tagged], tables.Table]:
  """The rows of a table of tagged pictures, all of them, in the file's order.

  Args:
    path: a table as `tables.read` reads it.
    named: key of `FLAGS` -> the column's name; empty: a usual one is looked for.
    scale: lowest and highest possible rating in the file.
  Returns:
    The rows, and the table with its columns and what was assumed to read it.
  Raises:
    TableError: the file cannot be read as a table, lacks a column, or the scale is
      none.
    WordsError: a rating that is neither a number on the scale nor missing (empty, NA).
  """
  low, high = ratings.check_scale(scale)
  rows, problems = [], []
  table = tables.read(path, [_tag(), *map(_mean, TARGETS)], named)
  for line in table.lines:
    values = {}
    for target in TARGETS:
      try:
        values[target] = _rating(line.cells[target], low, high)
      except ValueError as error:
        place = f"line {line.number}, column {table.columns[target]}"
        problems.append(f"{place}: {error}")
    if not problems:
      rows.append(Tagged(line.number, line.cells["tag"], **values))
  if problems:
    raise WordsError(f"{path}: {tables.some(problems)}")
  return rows, table


def _tag() -> tables.Column:
  """The column of the tags: of its usual names the first that is there."""
  names = ((), ("keyword",), ("descriptor",), ("theme",))
  return tables.Column("tag", names, FLAGS["tag"])


def _mean(target: str) -> tables.Column:
  """The column of a target's ratings; IAPS's own tables give them by language."""
  usual = columns.rating(target, FLAGS[target])
  names = ((), *usual.names, (f"lang_{target}_mean",))
  return dataclasses.replace(usual, names=names)


def match_all(
  images: Sequence[Tagged], norms: word_norms.WordNorms, cut_at: int = 0
) -> list[Row]:
  """Every picture with its word, in the same order.

  Args:
    images: the table.
    norms: the words.
    cut_at: see `word_norms.match`.
  """
  words = {
    tag: word_norms.match(tag, norms, cut_at) for tag in {image.tag for image in images}
  }
  return [_row(image, words[image.tag], norms, cut_at) for image in images]


def by_level(rows: Sequence[Row]) -> list[Level]:
  """Correlations after each level of matching that adds pictures, and after the first.

  Args:
    rows: from `match_all`.
  Returns:
    One `Level` for `word_norms.EXACT` and for each further one that matched any.
  """
  levels = []
  so_far: list[Row] = []
  for name in word_norms.LEVELS:
    added = [row for row in rows if _is_at(row, name)]
    if not added and name != word_norms.EXACT:
      continue
    so_far += added
    words = {row.match.row for row in so_far if row.match}
    r = {target: _r(*points(so_far, target)) for target in TARGETS}
    levels.append(Level(name, len(added), len(so_far), len(words), r))
  return levels


def points(rows: Sequence[Row], target: str) -> tuple[np.ndarray, np.ndarray]:
  """Word and picture ratings of the matched rows: (n,) and (n,) float64 on 1..9."""
  used = [row for row in rows if row.status == MATCHED]
  of_words = np.array([getattr(row, target) for row in used], np.float64)
  of_images = np.array([getattr(row.image, target) for row in used], np.float64)
  return of_words, of_images


def check(levels: Sequence[Level], rows: Sequence[Row], norms_label: str) -> None:
  """That there is a correlation to report.

  Raises:
    WordsError: there is none for either target; says why.
  """
  if all(r is not None for r in levels[-1].r.values()):
    return
  number = levels[-1].images
  if number:
    raise WordsError(
      f"r needs at least {_FEWEST} pictures with a known word and ratings that differ; "
      f"{number} of {len(rows)} rows have a known word and ratings"
    )
  reasons = ", ".join(
    f"{count} with {status}" for status, count in statuses(rows).items() if count
  )
  tags = list(dict.fromkeys(row.image.tag for row in rows if row.image.tag))
  such = f"; tags: {', '.join(map(repr, tags[:_LISTED]))}" if tags else ""
  raise WordsError(
    f"no row has a word of {norms_label} and ratings: of {len(rows)} rows "
    f"{reasons}{such}"
  )


def statuses(rows: Sequence[Row]) -> dict[str, int]:
  """How many rows have each of `STATUSES`."""
  return {name: sum(row.status == name for row in rows) for name in STATUSES}


def csv(rows: Sequence[Row]) -> str:
  """The rows as CSV with a head: one line each; cells without a number are empty."""
  head = ["line", "tag", *TARGETS, "level", "word"]
  lines: list[list[object]] = [
    [*head, "word_valence", "word_arousal", "status", "reason"]
  ]
  for row in rows:
    image, match = row.image, row.match
    lines.append(
      [
        image.line,
        image.tag,
        *map(_cell, (image.valence, image.arousal)),
        *((match.level, match.word) if match else ("", "")),
        *map(_cell, (row.valence, row.arousal)),
        row.status,
        row.reason,
      ]
    )
  return files.csv_text(lines)


def json_able(levels: Sequence[Level]) -> list[dict[str, Any]]:
  """The levels as plain lists and dictionaries."""
  return [
    {"level": level.name, "added": level.added, "pictures": level.images}
    | {"words": level.words}
    | {
      target: None if r is None else {"r": r.value, "low": r.low, "high": r.high}
      for target, r in level.r.items()
    }
    for level in levels
  ]


def table(levels: Sequence[Level]) -> list[list[str]]:
  """The levels as rows of text, the first one the head."""
  rows = [
    ["matching up to", "added", "pictures", "words", *(f"r {t}" for t in TARGETS)]
  ]
  for level in levels:
    correlations = [bootstrap.text(r) if r else "none" for r in level.r.values()]
    counts = [str(count) for count in (level.added, level.images, level.words)]
    rows.append([level.name, *counts, *correlations])
  return rows


def _is_at(row: Row, level: str) -> bool:
  return row.status == MATCHED and row.match is not None and row.match.level == level


def _r(words: np.ndarray, images: np.ndarray) -> bootstrap.Interval | None:
  if len(words) < _FEWEST or not (np.ptp(words) and np.ptp(images)):
    return None
  interval = bootstrap.intervals(words, images)["pearson_r"]
  return None if math.isnan(interval.value) else interval


def _row(
  image: Tagged, match: word_norms.Match | None, norms: word_norms.WordNorms, cut: int
) -> Row:
  missing = [name for name in TARGETS if math.isnan(getattr(image, name))]
  status, reason = MATCHED, ""
  if not image.tag:
    status, reason = UNTAGGED, "the tag is empty"
  elif match is None and tables.is_unknown(image.tag):  # "null" is a word of Warriner's
    status, reason = UNTAGGED, f"the tag {image.tag!r} says that there is none"
  elif match is None:
    status, reason = UNKNOWN, "no word of the norms by any level"
    if cut and len(image.tag) == cut:
      reason = f"cut at {cut} letters, and not just one word of the norms begins so"
  elif missing:
    status, reason = UNRATED, f"no {' and no '.join(missing)} of the picture"
  valence, arousal = norms.values[match.row, :2] if match else (math.nan, math.nan)
  return Row(image, match, float(valence), float(arousal), status, reason)


def _rating(cell: str, low: float, high: float) -> float:
  """A rating on 1..9, NaN where it is missing."""
  if tables.is_unknown(cell):
    return math.nan
  try:
    value = tables.number(cell)
  except ValueError:
    raise ValueError(f"expected a number, or nothing, got {cell!r}") from None
  if not low <= value <= high:
    raise ValueError(
      f"expected a rating from {low:g} to {high:g}, got {cell}; if the ratings have "
      "another scale, say so with --rating_scale"
    )
  return ratings.rescale(value, low, high)


def _cell(value: float) -> str:
  return "" if math.isnan(value) else f"{value:.4f}"
