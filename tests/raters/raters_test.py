"""The program: single answers in, rated pictures and a report out."""

import csv
import json
import shutil

import helpers
import numpy as np
import pytest

from emojax.config import DataConfig
from emojax.datasets.va_emotion import folder

_NASTY = '<b>sea, "Ωδή".jpg'


def _program(*arguments):
  return helpers.run("-m", "emojax.raters", *arguments)


def _write(path, rows):
  with path.open("w", newline="", encoding="utf-8-sig") as file:
    csv.writer(file).writerows(rows)
  return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """Eight workers, 30 pictures on the scale 1 to 7, one file a half of the workers."""
  place = tmp_path_factory.mktemp("raters")
  (place / "pictures").mkdir()
  rng = np.random.default_rng(0)
  names = [f"{i:02}.jpg" for i in range(29)] + [_NASTY]
  truth = rng.uniform(2, 6, (30, 2))
  head = ["worker", "image", "valence", "arousal", "seconds", "approval", "keyword"]
  halves = [[head], [head]]
  for w in range(8):
    for i, name in enumerate(names):
      if i == 3 and w > 2:
        continue  # a picture with three raters
      answer = np.clip(np.round(truth[i] + rng.normal(0, 0.8, 2)), 1, 7).astype(int)
      answer = (4, 4) if w == 7 else answer  # a straight-liner
      rate = 90 if w == 6 else 99
      halves[w % 2].append([f"w{w}<i>", name, *answer, 9.5, rate, "se<a"])
  halves[0].append(halves[0][1])  # a duplicate
  for name in names:
    (place / "pictures" / name.replace("/", "_")).write_bytes(name.encode())
  for i, rows in enumerate(halves):
    _write(place / f"{i}.csv", rows)
  return place


def _aggregate(place, output, *options):
  files = place / "0.csv", place / "1.csv"
  return _program("aggregate", *files, f"--output={place / output}", *options)


@pytest.fixture(scope="module")
def done(place):
  done = _aggregate(place, "out", "--rating_scale=1,7")
  assert done.returncode == 0, done.stderr
  return done


def _rows(path):
  with path.open(newline="", encoding="utf-8") as file:
    return list(csv.DictReader(file))


@pytest.mark.slow
def test_training_reads_what_is_written(place, done):
  table = place / "out" / "ratings.csv"
  source = folder.load(
    DataConfig(
      images_dir=str(place / "pictures"), ratings_csv=str(table), rating_scale=(1, 7)
    )
  )
  assert len(source.rated) == 29 and source.unrated == 1
  assert {image.ratings["valence"].raters for image in source.rated} == {7}
  assert _NASTY in [image.image_id for image in source.rated]
  assert all(
    1 <= image.ratings["arousal"].mean <= 9 and image.ratings["arousal"].std >= 0
    for image in source.rated
  )
  assert source.rated[0].keyword == "se<a"
  assert f"--ratings_csv={table} --rating_scale=1,7" in done.stdout


def test_everything_is_accounted_for(place, done):
  report = json.loads((place / "out" / "results.json").read_text("utf-8"))
  assert report["ratings"] == {
    "read": 236,
    "kept": 29 * 7,
    "dropped": {
      "bad row": 0,
      "duplicate": 1,
      "over limit": 0,
      "low approval": 29,
      "flagged": 0,
      "too few raters": 3,
    },
  }
  assert len(_rows(place / "out" / "dropped.csv")) == 33
  assert len(_rows(place / "out" / "pictures.csv")) == 30
  workers = {row["worker"]: row for row in _rows(place / "out" / "workers.csv")}
  assert workers["w6<i>"]["status"] == "dropped"
  assert workers["w0<i>"]["status"] == "partly kept"
  assert workers["w7<i>"]["flags"] == "straight-lines"
  assert float(workers["w1<i>"]["valence_r"]) > 0.5
  assert report["workers"]["flagged"] == {"w7<i>": ["straight-lines"]}
  assert set(report["files"]) == {str(place / "0.csv"), str(place / "1.csv")}
  assert "1 worker is flagged, and what they rated counts" in done.stdout
  # All seven rated all 29, so raters can be told from noise too.
  icc = report["agreement"]["valence"]
  assert 0 < icc["icc_1"]["single"]["value"] < icc["icc_1"]["average"]["value"] < 1
  assert icc["icc_2"]["single"]["value"] > 0.3  # beside a straight-liner
  assert icc["icc_2"]["raters"] == 7 and icc["split_half"]["pictures"] == 29
  assert "ICC(2,1)" in (place / "out" / "table.md").read_text("utf-8")


def test_the_page_is_whole_and_escaped(place, done):
  text = (place / "out" / "index.html").read_text("utf-8")
  assert "w7&lt;i&gt;" in text and "<i>" not in text
  assert "http:" not in text and "https:" not in text and text.count("<script") == 1
  assert text.count("<img") == 6 and 'alt="' in text
  for name in ("raters", "agreement", "seconds", "answers", "means", "plane"):
    assert (place / "out" / f"{name}.svg").is_file()


def test_when_nothing_is_left_the_reasons_are_and_no_old_ratings(place, done):
  output = place / "again"
  shutil.copytree(place / "out", output)
  again = _aggregate(
    place, "again", "--rating_scale=1,7", "--min_raters=7", "--drop_flagged"
  )
  assert again.returncode == 1 and again.stderr.count("\n") == 1, again.stderr
  assert "at least 7 raters (--min_raters): the most any of 30 has left is 6" in (
    again.stderr
  )
  assert "29 low approval, 29 flagged, 177 too few raters" in again.stderr
  for name in ("ratings.csv", "index.html", "table.md"):
    assert not (output / name).exists()
  assert len(_rows(output / "dropped.csv")) == 236
  assert {row["status"] for row in _rows(output / "pictures.csv")} == {"dropped"}


@pytest.mark.slow
def test_mistakes_are_one_line_and_leave_nothing(tmp_path):
  good = tmp_path / "good.csv"
  good.write_text("worker,image,valence,arousal\na,x,5,5\n")
  bad = tmp_path / "bad.csv"
  bad.write_text("worker,image,valence,arousal,secs\na,x,5,12,1\n")
  output = tmp_path / "out"
  for command, arguments, message in (
    ("aggregate", [good], "--output=FOLDER is needed"),
    ("aggregate", [tmp_path / "gone.csv", f"--output={output}"], "no file"),
    ("aggregate", [good, f"--output={tmp_path}"], "holds files that `aggregate` did"),
    ("aggregate", [bad, f"--output={output}"], "did you mean 'seconds'?"),
    (
      "aggregate",
      [bad, f"--output={output}", "--ignore_columns=secs", "--rating_scale=1,9"],
      "bad.csv: line 2, column arousal: expected a rating from 1 to 9",
    ),
    ("aggregate", [good, f"--output={output}"], "5. Say it with --rating_scale=1,5 or"),
    ("aggregate", [good, f"--output={output}", "--min_raters=0"], "1 or more; got 0"),
    ("candidates", [good, f"--output={output}"], "no column 'emotional'"),
  ):
    done = _program(command, *arguments)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == ""
  assert not output.exists()


@pytest.mark.slow
def test_pictures_under_two_spellings_are_a_reason_why_none_is_left(tmp_path):
  head = ["worker", "image", "valence", "arousal"]
  paths = [
    _write(tmp_path / "a.csv", [head, *([w, r"set1\p.jpg", 3, 4] for w in "abc")]),
    _write(tmp_path / "b.csv", [head, *([w, "p.jpg", 3, 4] for w in "de")]),
  ]
  output = f"--output={tmp_path / 'out'}"
  done = _program("aggregate", *paths, output, "--rating_scale=1,9")
  assert done.returncode == 1 and done.stderr.count("\n") == 1
  assert done.stderr.endswith(
    "dropped.csv has each; a pair of pictures may be two spellings of one and are "
    "counted apart, such as 'p.jpg' and 'set1/p.jpg'\n"
  )


def test_candidates_leave_a_list_of_pictures_to_rate(tmp_path):
  rows = [["worker", "image", "emotional", "keyword"]]
  for image, votes in (("a.jpg", "110"), (_NASTY, "111"), ("c.jpg", "100")):
    rows += [[f"w{i}", image, vote, "Happy"] for i, vote in enumerate(votes)]
  table = _write(tmp_path / "votes.csv", rows)
  output = tmp_path / "out"
  done = _program("candidates", table, f"--output={output}")
  assert done.returncode == 0 and done.stderr == "", done.stderr
  assert (output / "kept.txt").read_text("utf-8").splitlines() == [_NASTY, "a.jpg"]
  assert [row["kept"] for row in _rows(output / "candidates.csv")] == [
    "yes",
    "yes",
    "no",
  ]
  report = json.loads((output / "results.json").read_text("utf-8"))
  assert report["pictures"] == {"read": 3, "kept": 2}
  assert report["keywords"]["happy"] == {"candidates": 3, "kept": 2}
  words = {row["keyword"]: row for row in _rows(output / "keywords.csv")}
  assert words["happy"]["paper"] == "102" and len(words) == 24
  assert "2 of 3 pictures are kept" in done.stdout
