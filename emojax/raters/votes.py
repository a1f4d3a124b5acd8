"""Which candidate pictures are emotional: votes, counted, and the words behind them.

In: CSV files with a row per worker and picture, `emotional` yes or no. Out: `Tally`,
one entry per picture, and its tables as text; nothing is written here.

The paper searched Flickr with 22 words, asked three people about every picture, and
kept those that most found emotional (its Section III).
"""

import collections
import dataclasses
import math
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emojax import paper
from emojax.pages import markdown
from emojax.raters import rows as rater_rows
from emojax.raters import spellings
from emojax.raters.config import CandidateConfig
from emojax.utils import files

NEEDED = ("worker", "image", "emotional")
OPTIONAL = ("keyword",)
_ANSWERS = {
  **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0"), True),
  **dict.fromkeys(("no", "n", "false", "f", "0", "0.0"), False),
}
OTHER, NONE = "other", "no keyword"
BAD_ROW, DUPLICATE = "bad row", "duplicate"


class Vote(NamedTuple):
  """One person's word on one picture."""

  worker: str
  image: str
  is_emotional: bool
  keyword: str


class Dropped(NamedTuple):
  """A row that does not count."""

  row: rater_rows.Row
  rule: str
  reason: str


@dataclasses.dataclass(frozen=True)
class Image:
  """What came of one picture.

  Attributes:
    name: its id.
    votes, yes: how many voted, and how many of them called it emotional.
    reason: why it is not kept; empty: it is.
    keyword: the commonest in its rows, in lower case, the first of equals; empty where
      none.
  """

  name: str
  votes: int
  yes: int
  reason: str
  keyword: str


@dataclasses.dataclass(frozen=True)
class Tally:
  """Pictures, sorted by name, and the rows that did not count, in the files' order."""

  images: list[Image]
  dropped: list[Dropped]
  rows: int
  workers: int
  settings: CandidateConfig
  notes: list[str]

  @property
  def selection(self) -> list[Image]:
    """The pictures to be rated."""
    return [image for image in self.images if not image.reason]


class Votes(NamedTuple):
  """All rows read: the files in order, rows and the vote of each, bad rows, notes."""

  files: list[str]
  rows: list[rater_rows.Row]
  answers: list[Vote]
  bad: list[rater_rows.BadRow]
  assumed: list[str]


def read(paths: Sequence[pathlib.Path], settings: CandidateConfig) -> Votes:
  """Votes from CSV files.

  Args:
    paths: files with the columns `NEEDED` and any of `OPTIONAL`.
    settings: columns to ignore, and whether bad rows are skipped.
  Raises:
    TableError: see `rows.read` and `rows.sift`.
  """
  table = rater_rows.read(paths, NEEDED, OPTIONAL, settings.ignore_columns)
  sifted = rater_rows.sift(table.rows, _check, settings.skip_bad_rows, OPTIONAL)
  return Votes([str(path) for path in paths], *sifted, table.assumed)


def count(votes: Votes, settings: CandidateConfig) -> Tally:
  """Counts the votes, one of a worker and a picture, the first.

  A picture is kept that has at least `votes` votes, all of which count, and that at
  least `min_yes` of them, or more than half, call emotional.

  Args:
    votes: as `read` found them.
    settings: limits, checked.
  """
  order, rows, answers, bad, assumed = votes
  dropped = [Dropped(row, BAD_ROW, problem) for row, problem in bad]
  first: dict[tuple[str, str], rater_rows.Row] = {}
  named = [rater_rows.named(row.cells, [])[1] for row, _ in bad]
  by_image: dict[str, list[Vote]] = {
    name: [] for name in named if rater_rows.is_image(name)
  }
  for row, vote in zip(rows, answers, strict=True):
    before = first.setdefault((vote.worker, vote.image), row)
    if before is not row:
      where = f"{before.file}, line {before.line}"
      reason = f"the worker voted on the picture in {where}"
      dropped.append(Dropped(row, DUPLICATE, reason))
      continue
    by_image.setdefault(vote.image, []).append(vote)
  workers = list(dict.fromkeys(vote.worker for vote in answers))
  dropped.sort(key=lambda drop: (order.index(drop.row.file), drop.row.line))
  return Tally(
    [_image(name, by_image[name], settings) for name in sorted(by_image)],
    dropped,
    len(rows) + len(bad),
    len(workers),
    settings,
    [*assumed, *spellings.questions(sorted(by_image), workers)],
  )


def candidates_csv(tally: Tally) -> str:
  """One row per picture: votes, yes, kept (yes or no), reason, keyword."""
  rows: list[tuple[object, ...]] = [
    ("image", "votes", "yes", "kept", "reason", "keyword")
  ]
  for image in tally.images:
    status = "no" if image.reason else "yes"
    rows.append(
      (image.name, image.votes, image.yes, status, image.reason, image.keyword)
    )
  return files.csv_text(rows)


def dropped_csv(tally: Tally) -> str:
  """One row per input row that does not count."""
  rows: list[tuple[object, ...]] = [("file", "line", "rule", "reason", *NEEDED)]
  for row, rule, reason in tally.dropped:
    cells = (row.cells[name] for name in NEEDED)
    rows.append((row.file, row.line, rule, reason, *cells))
  return files.csv_text(rows)


def kept_text(tally: Tally) -> str:
  """Names of the kept pictures, one a line; without those that hold a line break."""
  return "".join(
    f"{image.name}\n" for image in tally.selection if not _breaks(image.name)
  )


def keywords_csv(tally: Tally) -> str:
  """Pictures of each of the paper's words, of others, and without one."""
  head = ("keyword", "valence", "arousal", "candidates", "kept", "paper")
  return files.csv_text([head, *keyword_counts(tally)])


def keyword_counts(tally: Tally) -> list[tuple[str, str, str, int, int, int | str]]:
  """Keyword, its valence and arousal, candidates, kept, and pictures in the paper."""
  times, selected_times = (
    collections.Counter(_paper_word(image.keyword) for image in images)
    for images in (tally.images, tally.selection)
  )
  rows: list[tuple[str, str, str, int, int, int | str]] = []
  for (valence, arousal), words in paper.KEYWORDS.items():
    for word, printed in words.items():
      rows.append((word, valence, arousal, times[word], selected_times[word], printed))
  return [
    *rows,
    *((word, "", "", times[word], selected_times[word], "") for word in (OTHER, NONE)),
  ]


def to_json(tally: Tally, provenance: Mapping[str, Any]) -> dict[str, Any]:
  """Contents of `results.json`."""
  rules = collections.Counter(row.rule for row in tally.dropped)
  return {
    **provenance,
    "settings": dataclasses.asdict(tally.settings),
    "notes": tally.notes,
    "votes": {
      "read": tally.rows,
      "counted": tally.rows - len(tally.dropped),
      "dropped": {rule: rules[rule] for rule in (BAD_ROW, DUPLICATE)},
    },
    "workers": tally.workers,
    "pictures": {"read": len(tally.images), "kept": len(tally.selection)},
    "reasons": _reasons(tally),
    "keywords": {
      word: {"candidates": times, "kept": selected_times}
      for word, _, _, times, selected_times, _ in keyword_counts(tally)
    },
  }


def table_markdown(tally: Tally) -> str:
  """The summary that is printed and kept as `table.md`."""
  settings = tally.settings
  lines = [f"{len(tally.selection)} of {len(tally.images)} pictures are kept", ""]
  for note in tally.notes:
    lines += [f"**{note}**", ""]
  if unlisted := sum(_breaks(image.name) for image in tally.selection):
    lines += [
      f"**{unlisted} kept pictures have a line break in their name and are missing "
      "from kept.txt; candidates.csv has them.**",
      "",
    ]
  rules = collections.Counter(row.rule for row in tally.dropped)
  counted = tally.rows - len(tally.dropped)
  rows = [["", "number"], ["votes read", str(tally.rows)]]
  rows += [[f"dropped: {rule}", str(rules[rule])] for rule in (BAD_ROW, DUPLICATE)]
  rows += [["votes counted", str(counted)], ["workers", str(tally.workers)]]
  rows += [["pictures", str(len(tally.images))]]
  rows += [[f"not kept: {why}", str(n)] for why, n in _reasons(tally).items()]
  rows += [["pictures kept", str(len(tally.selection))]]
  lines += [*markdown.aligned(rows), ""]
  rows = [["keyword", "valence", "arousal", "candidates", "kept", "paper"]]
  rows += [[str(cell) for cell in cells] for cells in keyword_counts(tally)]
  wanted = f"at least {settings.min_yes}" if settings.min_yes else "more than half"
  lines += [
    *markdown.aligned(rows),
    "",
    f"- Kept: at least {settings.votes} votes, {wanted} of them yes. The keyword of a "
    "picture is the commonest in its rows. Paper: pictures of the word in its dataset.",
  ]
  return "\n".join(lines) + "\n"


def _check(cells: Mapping[str, str]) -> rater_rows.Checked[Vote]:
  problems: list[rater_rows.Problem] = []
  worker, image = rater_rows.named(cells, problems)
  answer = _ANSWERS.get(cells["emotional"].lower())
  if answer is None:
    text = f"expected yes or no (1 or 0, true or false), got {cells['emotional']!r}"
    problems.append(rater_rows.Problem("emotional", text))
  keyword = rater_rows.composed(cells.get("keyword", ""))
  return Vote(worker, image, bool(answer), _word(keyword)), problems


def _image(name: str, votes: Sequence[Vote], settings: CandidateConfig) -> Image:
  yes = sum(vote.is_emotional for vote in votes)
  needed = settings.min_yes or math.floor(len(votes) / 2) + 1
  reason = ""
  if len(votes) < settings.votes:
    reason = "too few votes"
  elif yes < needed:
    reason = "too few yes"
  words = [vote.keyword for vote in votes if vote.keyword]
  keyword = statistics.mode(words) if words else ""  # the first of equals
  return Image(name, len(votes), yes, reason, keyword)


def _reasons(tally: Tally) -> dict[str, int]:
  """How many pictures are not kept, by why."""
  times = collections.Counter(image.reason for image in tally.images)
  return {why: times[why] for why in ("too few votes", "too few yes")}


def _word(keyword: str) -> str:
  """A keyword without what people write differently: At_Ease is at ease."""
  return " ".join(keyword.casefold().replace("_", " ").replace("-", " ").split())


def _paper_word(keyword: str) -> str:
  """The paper's word that a keyword is; else "other", or "no keyword"."""
  if not keyword:
    return NONE
  is_listed = any(keyword in words for words in paper.KEYWORDS.values())
  return keyword if is_listed else OTHER


def _breaks(name: str) -> bool:
  return len(name.splitlines()) > 1
