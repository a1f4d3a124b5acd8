"""The page about words and pictures: what `words correlate` found, for readers.

In: matched rows and correlations. Out: a `Page`.
"""

import collections
import dataclasses
import hashlib
import itertools
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.features import word_norms
from emojax.pages import figures, page
from emojax.utils import files, tables
from emojax.words import correlation
from emojax.words.correlation import MATCHED, Level, Row

_MOST_LISTED = 300  # lines of a table of words
_MOST_WORTH = 8  # tags of those most alike and of those farthest apart
_PAPER = (
  "The paper's Figure 8 shows such pictures (IAPS) and this dictionary; its text gives "
  "no value of r, but says that both correlations are significantly high, and "
  "valence's the higher one."
)
_INTERVALS = (
  "Intervals: 95 %, resampling the pictures. Pictures with the same word share its "
  "rating, so over other words r varies more than they say."
)


@dataclasses.dataclass(frozen=True)
class Source:
  """Where a correlation is from.

  Attributes:
    tags: the table of tagged pictures.
    scale: of its ratings.
    norms_path: the file of the word norms.
    norms: the words.
    cut_at: see `word_norms.match`.
  """

  tags: tables.Table
  scale: Sequence[float]
  norms_path: pathlib.Path
  norms: word_norms.WordNorms
  cut_at: int

  def described(self) -> dict[str, Any]:
    """The same as plain text and numbers, with the digests of both files."""
    return {
      "tags": files.utf8(self.tags.path),
      "tags_sha256": hashlib.sha256(self.tags.path.read_bytes()).hexdigest(),
      "columns": dict(self.tags.columns),
      "rating_scale": list(self.scale),
      "norms": files.utf8(self.norms_path),
      "norms_sha256": self.norms.digest,
      "norms_words": len(self.norms.words),
      "cut_at": self.cut_at,
    }


def of_correlation(
  source: Source, rows: Sequence[Row], levels: Sequence[Level]
) -> page.Page:
  """Title, notes, sections and figures.

  Args:
    source: where the rows are from.
    rows: from `correlation.match_all`.
    levels: from `correlation.by_level`; the last one has a correlation.
  """
  counts = correlation.statuses(rows)
  left_out = ", ".join(
    f"{count} with {status}"
    for status, count in counts.items()
    if count and status != MATCHED
  )
  notes = [f"{counts[MATCHED]} of {len(rows)} rows have a word and ratings."]
  if left_out:
    notes = [f"{notes[0][:-1]}; left out: {left_out}."]
  notes += filter(None, [source.tags.assumption(), source.norms.assumed])
  drawn = {"words-and-pictures": _figure(rows, levels)}
  alt = "; ".join(
    f"{target} of words against pictures, r {r.value:.2f}"
    for target, r in levels[-1].r.items()
    if r
  )
  caption = (
    "Each point is a picture, its shape the level at which its word was found; the "
    "line is the least-squares fit of all."
  )
  scores = correlation.table(levels)
  summary = page.Section(
    "How alike words and pictures feel",
    [_PAPER, _INTERVALS],
    [page.Table("Pearson's r of word and picture ratings, level by level", scores)],
    [page.drawn(drawn["words-and-pictures"], alt, caption)],
  )
  sections = [
    *_worth_seeing(rows),
    summary,
    *_words(rows),
    *_left_out(rows),
    _source(source),
  ]
  return page.Page("Words and pictures", notes, sections, drawn)


def _figure(rows: Sequence[Row], levels: Sequence[Level]) -> Any:
  """The paper's Figure 8, with the levels of matching told apart."""
  panels: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
  for target in TARGETS:
    panels[target] = {}
    for level in levels:
      at = [row for row in rows if row.match and row.match.level == level.name]
      points = correlation.points(at, target)
      if len(points[0]):
        panels[target][f"{level.name} ({len(points[0])})"] = points
  titles = {
    target: f"{target}: {levels[-1].images} pictures, r {r.value:.3f}"
    for target, r in levels[-1].r.items()
    if r
  }
  return figures.words(panels, titles)


_Groups = Mapping[tuple[str, str], Sequence[Row]]  # tag and word -> their pictures


def _groups(rows: Sequence[Row], levels: Sequence[str]) -> _Groups:
  """The matched rows of some levels by tag and word, in the order of the alphabet."""
  groups: dict[tuple[str, str], list[Row]] = collections.defaultdict(list)
  for row in rows:
    if row.status == MATCHED and row.match and row.match.level in levels:
      groups[row.image.tag, row.match.word].append(row)
  return dict(sorted(groups.items()))


def _rows(groups: _Groups) -> list[list[str]]:
  """A table of tags and words with the ratings of both, with a head."""
  lines = [["tag", "word", "pictures"]]
  lines[0] += [f"{of} {target}" for target in TARGETS for of in ("word", "pictures")]
  for (tag, word), group in groups.items():
    cells = []
    for target in TARGETS:
      of_words, of_images = correlation.points(group, target)
      cells += [f"{of_words[0]:.2f}", f"{of_images.mean():.2f}"]
    lines.append([files.utf8(tag), files.utf8(word), str(len(group)), *cells])
  return lines


def _worth_seeing(rows: Sequence[Row]) -> list[page.Section]:
  """The tags whose pictures are most and least like their word, in both ratings."""
  groups = _groups(rows, word_norms.LEVELS)

  def apart(key: tuple[str, str]) -> float:
    points = [correlation.points(groups[key], target) for target in TARGETS]
    return math.hypot(*(float(images.mean() - words[0]) for words, images in points))

  order = sorted(groups, key=apart)
  most = min(_MOST_WORTH, len(order) // 2)
  if not most:
    return []
  prose = (
    "Of each tag: the rating of its word, and the mean of its pictures, both on 1..9, "
    "valence and arousal together. Where they are far apart the word was meant "
    "otherwise, the picture shows more than it, or a rating is wrong."
  )
  tables = [
    page.Table(
      "Farthest apart", _rows({key: groups[key] for key in order[::-1][:most]})
    ),
    page.Table("Most alike", _rows({key: groups[key] for key in order[:most]})),
  ]
  return [page.Section("Matches worth seeing", [prose], tables)]


def _words(rows: Sequence[Row]) -> list[page.Section]:
  """Which word stands for which tag, level by level, so that readers can judge."""
  tables = []
  for level in word_norms.LEVELS:
    groups = _groups(rows, [level])
    if not groups:
      continue
    more = len(groups) - _MOST_LISTED
    also = f", the first {_MOST_LISTED} of {len(groups)}" if more > 0 else ""
    shown = dict(itertools.islice(groups.items(), _MOST_LISTED))
    tables.append(page.Table(f"Level: {level}{also}", _rows(shown)))
  prose = (
    "Ratings of the word, and the mean of the pictures with that tag, both on 1..9. "
    "The farther the level from the tag, the more words are wrong ones."
  )
  return [page.Section("Words of the tags", [prose], tables[::-1])] if tables else []


def _left_out(rows: Sequence[Row]) -> list[page.Section]:
  """Rows without a word or without ratings, tag by tag."""
  groups = collections.Counter(
    (files.utf8(row.image.tag), row.status, row.reason)
    for row in rows
    if row.status != MATCHED
  )
  if not groups:
    return []
  lines = [["tag", "pictures", "status", "reason"]]
  for (tag, status, reason), count in groups.most_common(_MOST_LISTED):
    lines.append([tag or "(none)", str(count), status, reason])
  more = len(groups) - _MOST_LISTED
  also = f", the {_MOST_LISTED} commonest of {len(groups)}" if more > 0 else ""
  return [page.Section("Left out", tables=[page.Table(f"Tags left out{also}", lines)])]


def _source(source: Source) -> page.Section:
  """The files, so that the numbers can be traced."""
  lines = [["what", "which"]]
  for name, value in source.described().items():
    if isinstance(value, Mapping):
      value = ", ".join(f"{key}: {column}" for key, column in value.items())
    elif isinstance(value, list):
      value = " to ".join(f"{end:g}" for end in value)
    lines.append([name.replace("_", " "), str(value)])
  return page.Section(
    "Source", tables=[page.Table("Files and settings", lines, is_words=True)]
  )
