"""Votes on candidate pictures: counting, keywords, and how mistakes are told."""

import csv
import dataclasses
import io

import hypothesis
import pytest
from hypothesis import strategies as st

from emojax.datasets.va_emotion import ratings
from emojax.raters import votes as rater_votes
from emojax.raters.config import CandidateConfig
from emojax.utils import errors, options

HEADER = "worker,image,emotional"


def _count(tmp_path, text, **changes):
  settings = dataclasses.replace(CandidateConfig(), **changes)
  path = tmp_path / "votes.csv"
  path.write_text(text, "utf-8", newline="")
  return rater_votes.count(rater_votes.read([path], settings), settings)


def _votes(*answers, image="x"):
  return "".join(f"w{i},{image},{answer}\n" for i, answer in enumerate(answers))


@pytest.mark.parametrize(
  ("answers", "reason"),
  [
    (("yes", "YES", "no"), ""),
    (("1", "true", "0"), ""),
    (("yes", "no", "False"), "too few yes"),
    (("yes", "yes"), "too few votes"),
    (("yes", "yes", "no", "no"), "too few yes"),  # half is not more than half
    (("yes", "yes", "no", "no", "1"), ""),
  ],
)
def test_more_than_half_must_call_a_picture_emotional(tmp_path, answers, reason):
  (image,) = _count(tmp_path, f"{HEADER}\n{_votes(*answers)}").images
  assert (image.reason, image.votes) == (reason, len(answers))


def test_the_paper_s_letter_is_a_flag(tmp_path):
  text = f"{HEADER}\n{_votes('yes', 'yes', 'no')}{_votes(1, 1, 1, image='y')}"
  assert [image.name for image in _count(tmp_path, text).selection] == ["x", "y"]
  assert [image.name for image in _count(tmp_path, text, min_yes=3).selection] == ["y"]


def test_a_worker_votes_once_on_a_picture(tmp_path):
  tally = _count(tmp_path, f"{HEADER}\na,x,yes\na,./x,no\nb,x,yes\nc,x,no\n")
  (image,) = tally.images
  assert (image.votes, image.yes, image.reason) == (3, 2, "")
  ((row, rule, reason),) = tally.dropped
  assert (row.line, rule) == (3, "duplicate") and reason.endswith("votes.csv, line 2")


def test_keywords_are_counted_by_the_paper_s_words(tmp_path):
  text = f"{HEADER},keyword\n" + "".join(
    f"w{i},{image},{'no' if image == 'd' else 'yes'},{word}\n"
    for image, words in {
      "a": ("At_Ease", "happy", "at  ease"),
      "b": ("HAPPY", "happy", "sea"),
      "c": ("", "", ""),
      "d": ("sea", "sea", ""),
    }.items()
    for i, word in enumerate(words)
  )
  tally = _count(tmp_path, text)
  rows = {row[0]: row for row in rater_votes.keyword_counts(tally)}
  assert len(rows) == 22 + 2
  assert rows["at ease"] == ("at ease", "high", "low", 1, 1, 16)
  assert rows["happy"][3:] == (1, 1, 102)
  assert rows["other"][3:5] == (1, 0) and rows["no keyword"][3:5] == (1, 1)
  assert sum(row[3] for row in rows.values()) == 4


@pytest.mark.parametrize(
  ("text", "message"),
  [
    (f"{HEADER}\na,x,maybe\n", r"column emotional: expected yes or no .*got 'maybe'"),
    (f"{HEADER}\na,x,\n", "got ''"),
    (f"{HEADER}\n,x,yes\n", "column worker: expected a worker's name"),
    ("worker,image\na,x\n", "no column 'emotional'"),
    (f"{HEADER},keywords\na,x,1,y\n", r"'keywords' \(did you mean 'keyword'\?\)"),
  ],
)
def test_mistakes_are_told(tmp_path, text, message):
  with pytest.raises(ratings.RatingsError, match=message):
    _count(tmp_path, text)


def test_bad_rows_can_be_skipped_and_their_pictures_stay_named(tmp_path):
  text = f"{HEADER}\na,x,maybe\na,y,yes\n"
  tally = _count(tmp_path, text, skip_bad_rows=True, votes=1)
  assert [(image.name, image.reason) for image in tally.images] == [
    ("x", "too few votes"),
    ("y", ""),
  ]
  assert tally.dropped[0].rule == "bad row"


def test_votes_as_programs_write_them(tmp_path):
  """R's TRUE, pandas' 1.0, and a keyword that is not there."""
  rows = "a,x,TRUE,NA\nb,x,1.0,sea\nc,x,f,null\nA,x/,Y,NA\n"
  tally = _count(tmp_path, f"{HEADER},keyword\n{rows}")
  ((name, votes, yes, _, keyword),) = map(dataclasses.astuple, tally.images)
  assert (name, votes, yes, keyword) == ("x", 4, 3, "sea")
  assert tally.notes == [
    "A pair of workers may be two spellings of one and are counted apart, such as 'a' "
    "and 'A'."
  ]
  assert f"**{tally.notes[0]}**" in rater_votes.table_markdown(tally)


@pytest.mark.parametrize("changes", [{"votes": 0}, {"min_yes": -1}])
def test_limits_that_make_no_sense(changes):
  (name,) = changes
  with pytest.raises(errors.UserError, match=f"--{name} should be"):
    options.check(dataclasses.replace(CandidateConfig(), **changes))


NAMES = st.sampled_from(["a", "Ωδή", "x, y", "two\nlines"])


@hypothesis.given(
  st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["yes", "0", "?"])), min_size=1),
  st.integers(1, 3),
)
@hypothesis.settings(max_examples=50)
def test_every_vote_is_counted_or_dropped(tmp_path_factory, rows, votes):
  hypothesis.assume(any(row[2] != "?" for row in rows))
  text = io.StringIO(newline="")
  csv.writer(text).writerows([HEADER.split(","), *rows])
  folder = tmp_path_factory.mktemp("votes")
  tally = _count(folder, text.getvalue(), votes=votes, skip_bad_rows=True)
  first = {}
  for worker, image, answer in rows:
    if answer != "?":
      first.setdefault((worker, image), answer)
  assert tally.rows == len(rows) == len(first) + len(tally.dropped)
  written = list(csv.DictReader(io.StringIO(rater_votes.candidates_csv(tally), "")))
  assert [row["image"] for row in written] == sorted({image for _, image, _ in rows})
  for row in written:
    answers = [v for (_, image), v in first.items() if image == row["image"]]
    yes = answers.count("yes")
    assert (int(row["votes"]), int(row["yes"])) == (len(answers), yes)
    assert (row["kept"] == "yes") == (len(answers) >= votes and yes > len(answers) / 2)
  listed = rater_votes.kept_text(tally).splitlines()
  selection = [row["image"] for row in written if row["kept"] == "yes"]
  assert listed == [name for name in selection if "\n" not in name]
  assert len(list(csv.reader(io.StringIO(rater_votes.dropped_csv(tally), "")))) == 1 + (
    len(tally.dropped)
  )
