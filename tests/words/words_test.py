"""Words against pictures: no row lost, r as published data has it, clear mistakes."""

import csv
import json
import math
import pathlib
import re

import helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from emojax import config
from emojax.features import word_norms
from emojax.words import __main__ as words
from emojax.words import correlation
from emojax.words.config import WordsConfig

_NORMS = "word,valence,arousal\nsea,7,2\nfire,3,8\nbaby,8,5\nwar,1,7\ndog,6,4\n"
_HEAD = "tag,valence,arousal\n"
_TAGS = (
  f"{_HEAD}sea,8,3\nfire,4,7\nbabies,7,4\nburning war,2,7.5\ndog,6,5\n"
  "xyzzy,5,5\n,5,5\nsea,,5\nfire,NA,\n<b>x,3,3\n"
)


def _program(*arguments):
  return helpers.run("-m", "emojax.words", *arguments)


def _correlate(folder, tags=_TAGS):
  """Runs the program on two small tables."""
  (folder / "tags.csv").write_text(tags, "utf-8")
  (folder / "norms.csv").write_text(_NORMS, "utf-8")
  return _program(
    "correlate",
    f"--tags={folder / 'tags.csv'}",
    f"--norms={folder / 'norms.csv'}",
    f"--output={folder / 'found'}",
  )


def _rows(folder):
  with (folder / "found" / "matches.csv").open(newline="", encoding="utf-8") as file:
    return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
  folder = tmp_path_factory.mktemp("words")
  done = _correlate(folder)
  assert done.returncode == 0, done.stderr
  assert not done.stderr
  return folder, done.stdout


@pytest.fixture(scope="module")
def iaps(shared_data, tmp_path_factory):
  """The program's results on the paper's kind of data."""
  folder = tmp_path_factory.mktemp("iaps")
  done = _program(
    "correlate",
    f"--tags={shared_data / 'iaps_ratings_libkuman2007' / 'iaps_ratings.csv'}",
    f"--norms={shared_data / 'warriner2013' / 'Ratings_Warriner_et_al.csv'}",
    "--tags_column=descriptor",
    "--valence_column=lang_valence_mean",
    "--arousal_column=lang_arousal_mean",
    f"--output={folder / 'found'}",
  )
  assert done.returncode == 0, done.stderr
  return folder, json.loads((folder / "found" / "correlations.json").read_text("utf-8"))


def test_iaps_tags_correlate_as_published_data_do(iaps):
  """382 exact tags, r 0.688 and 0.618, computed apart from this program with NumPy."""
  levels = {level["level"]: level for level in iaps[1]["levels"]}
  assert list(levels) == ["exact", "lemma", "head noun", "compound"]
  assert levels["exact"]["pictures"] == 382
  for target, r in (("valence", 0.688), ("arousal", 0.618)):
    exact = levels["exact"][target]
    assert exact["r"] == pytest.approx(r, abs=5e-4)
    z = math.atanh(r)
    assert exact["low"] == pytest.approx(math.tanh(z - 1.96 / 379**0.5), abs=0.03)
    assert exact["high"] == pytest.approx(math.tanh(z + 1.96 / 379**0.5), abs=0.03)


def test_further_levels_match_more_iaps_tags_without_losing_much(iaps):
  first, *further = iaps[1]["levels"]
  images = first["pictures"]
  for level in further:
    assert level["pictures"] == images + level["added"] and level["added"] > 0
    images = level["pictures"]
    for target in config.TARGETS:
      assert first[target]["r"] - level[target]["r"] < 0.03
  assert images > 470


def test_every_iaps_row_has_a_row(iaps):
  rows = _rows(iaps[0])
  assert len(rows) == iaps[1]["rows"] == sum(iaps[1]["statuses"].values()) == 703
  assert rows[0]["tag"] == rows[0]["word"] == "snake"
  assert rows[0]["line"] == "2" and float(rows[0]["word_arousal"]) == 7.24
  assert all(bool(row["reason"]) == (row["status"] != "matched") for row in rows)
  table = (iaps[0] / "found" / "table.md").read_text("utf-8")
  unknown = sum(row["status"] == "unknown word" for row in rows)
  assert f"ratings; left out: {unknown} with unknown word.\n" in table


@pytest.mark.slow
def test_oasis_themes_are_tags_too(shared_data, tmp_path):
  """The usual columns are found, numbers at a theme's end dropped, 1..7 is mapped."""
  done = words.correlate(
    WordsConfig(
      tags=str(shared_data / "oasis" / "OASIS_ratings.csv"),
      norms=str(shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"),
      rating_scale=(1.0, 7.0),
      output=str(tmp_path / "found"),
    )
  )
  assert done[0].count("\n") >= 3
  rows = _rows(tmp_path)
  assert len(rows) == 720
  assert (rows[0]["tag"], rows[0]["word"], rows[0]["level"]) == (
    "Acorns 2",
    "acorn",
    "lemma",
  )
  # 4.5196 on 1..7
  assert float(rows[0]["valence"]) == pytest.approx(1 + 3.519607843 * 8 / 6, abs=1e-4)


def test_every_row_is_kept_with_its_reason(small):
  rows = _rows(small[0])
  assert [row["status"] for row in rows] == [
    *["matched"] * 5,
    "unknown word",
    "no tag",
    "no rating",
    "no rating",
    "unknown word",
  ]
  assert [row["level"] for row in rows][:4] == ["exact", "exact", "lemma", "head noun"]
  assert "no valence and no arousal" in rows[8]["reason"]
  assert rows[7]["word"] == "sea" and rows[7]["valence"] == ""


@pytest.mark.parametrize("tag", ["NA", "n/a", "NaN", "-", "#N/A"])
def test_a_tag_that_says_there_is_none_is_no_unknown_word(tag):
  norms = word_norms.WordNorms(("sea", "null"), np.ones((2, 3)), "0" * 64, "two words")
  tags = [correlation.Tagged(2, tag, 5.0, 5.0), correlation.Tagged(3, "null", 5.0, 5.0)]
  unknown, null = correlation.match_all(tags, norms)
  assert unknown.status == correlation.UNTAGGED and repr(tag) in unknown.reason
  assert null.status == correlation.MATCHED  # a word of Warriner's


def test_r_by_hand(small):
  """NumPy's corrcoef of the five pairs, and of the three that are exact: too few."""
  report = json.loads((small[0] / "found" / "correlations.json").read_text("utf-8"))
  exact, lemma, head = report["levels"]
  assert exact["valence"] is None and exact["pictures"] == 3
  assert lemma["pictures"] == 4 and lemma["valence"]["r"] > 0.9
  r = np.corrcoef([7, 3, 8, 1, 6], [8, 4, 7, 2, 6])[0, 1]
  assert head["valence"]["r"] == pytest.approx(r)
  assert head["valence"]["low"] <= r <= head["valence"]["high"]
  assert report["statuses"]["no rating"] == 2 and report["rows"] == 10


def test_the_table_is_printed_and_kept(small):
  folder, printed = small
  text = (folder / "found" / "table.md").read_text("utf-8")
  exact, head_noun = (
    next(line for line in text.splitlines() if line.startswith(f"| {level} "))
    for level in ("exact", "head noun")
  )
  assert " ".join(exact.split()) == "| exact | 3 | 3 | 3 | none | none |"
  assert " ".join(head_noun.split()).startswith("| head noun | 1 | 5 | 5 |")
  assert len(exact) == len(head_noun) and exact in printed and head_noun in printed
  assert "5 of 10 rows have a word and ratings; left out: 2 with unknown word" in text


def test_the_page_stands_alone_and_shows_tags_as_text(small):
  folder = small[0] / "found"
  text = (folder / "index.html").read_text("utf-8")
  assert "<b>x" not in text and "&lt;b&gt;x" in text
  assert all(
    source.startswith("data:image/") for source in re.findall(r'src="([^"]*)', text)
  )
  assert text.count("<script") == 1  # the page's own
  assert "Left out" in text and "Figure 8" in text
  assert text.index("Farthest apart") < text.index("Most alike") < text.index("Level:")
  with Image.open(folder / "words-and-pictures.png") as image:
    assert image.width > 800
  assert (folder / "words-and-pictures.svg").is_file()


def test_cut_tags_are_completed_when_asked(tmp_path):
  (tmp_path / "tags.csv").write_text(_TAGS + "bab,7,6\nwardog,1,1\n", "utf-8")
  (tmp_path / "norms.csv").write_text(_NORMS, "utf-8")
  places = {name: str(tmp_path / f"{name}.csv") for name in ("tags", "norms")}
  output = str(tmp_path / "found")
  table, *_ = words.correlate(WordsConfig(**places, output=output, cut_at=3))
  assert "| completed | 1 | 7 |" in " ".join(table.split())
  assert [row["level"] for row in _rows(tmp_path)[-2:]] == ["completed", "compound"]


def test_what_was_assumed_of_both_tables_is_printed_and_kept(tmp_path):
  """As Excel writes them where decimals have commas; columns by their usual names."""
  rows = ["sea;8,5;3", "fire;4;7,5", "babies;7;4", "dog;6;5", "war;#NV;NA"]
  tags = "\r\n".join(["Keyword;valmn;lang_arousal_mean", *rows, ""])
  (tmp_path / "tags.csv").write_bytes(tags.encode("utf-16"))
  norms = "word;V.Mean.Sum;A.Mean.Sum\nsea;7,25;2\nfire;3;8\nbaby;8;5\ndog;6;4\n"
  (tmp_path / "norms.csv").write_text(norms)
  places = {name: str(tmp_path / f"{name}.csv") for name in ("tags", "norms")}
  output = tmp_path / "found"
  printed = words.correlate(WordsConfig(**places, output=str(output)))
  of_tags, of_norms = printed[2:4]
  assert of_tags.startswith(f"{places['tags']}: read with semicolons between cells; ")
  assert "decimal commas; tag from the column 'Keyword'; valence from the " in of_tags
  assert "decimal commas; valence from the column 'V.Mean.Sum'" in of_norms
  report = json.loads((output / "correlations.json").read_text("utf-8"))
  assert report["notes"][1:] == [of_tags, of_norms]
  assert report["source"]["columns"]["arousal"] == "lang_arousal_mean"
  for name in ("table.md", "index.html"):
    assert "semicolons between cells" in (output / name).read_text("utf-8")
  valence = [row["valence"] for row in _rows(tmp_path)]
  assert valence == ["8.5000", "4.0000", "7.0000", "6.0000", ""]


@pytest.mark.parametrize(
  ("tags", "norms", "more", "message"),
  [
    (None, _NORMS, {}, "no file .*tags.csv"),
    (_TAGS, None, {}, "no file .*norms.csv"),
    ("", _NORMS, {}, "tags.csv is empty"),
    (_TAGS, "", {}, "norms.csv is empty"),
    (_HEAD, _NORMS, {}, "no ratings below"),
    (_TAGS, "a,b\n1,2\n", {}, "expected the columns Word, V.Mean.Sum.*got a, b"),
    (_TAGS, _NORMS + "sea,1,1\n", {}, "'sea' stands twice, in lines 2 and 7"),
    (_TAGS, _NORMS + "ice,10,1\n", {}, "line 7, column valence.*1 to 9, got '10'"),
    ("name,valence,arousal\nsea,1,2\n", _NORMS, {}, "no column 'tag'.*--tags_column"),
    ("tag,v,arousal\nsea,1,2\n", _NORMS, {}, "no column 'valence'.*--valence_column"),
    (_TAGS, _NORMS, {"arousal_column": "calm"}, "no column 'calm'"),
    (_TAGS, _NORMS, {"rating_scale": (9.0, 1.0)}, "lowest and the highest"),
    (_TAGS, _NORMS, {"rating_scale": (1.0, 7.0)}, "1 to 7, got 8; .*--rating_scale"),
    (_TAGS, _NORMS, {"cut_at": -1}, "--cut_at should be 0 or more; got -1"),
    (_TAGS, _NORMS, {"tags": ""}, "tagged pictures with --tags"),
    (_TAGS + "sea,good,3\n", _NORMS, {}, "line 12, column valence.*got 'good'"),
    (_TAGS + "sea,1,2,3\n", _NORMS, {}, "line 12: expected 3 cells"),
    (_HEAD + "qq,1,2\nzz,3,4\n", _NORMS, {}, "no row has a word.*2 with unknown word"),
    (_HEAD + ",1,2\n,3,4\n", _NORMS, {}, "no row has a word.*2 with no tag"),
    (_HEAD + "sea,,2\nsea,3,\n", _NORMS, {}, "no row has a word.*2 with no rating"),
    (_HEAD + "sea,1,2\n", _NORMS, {}, "at least 4 pictures.* 1 of 1 rows"),
    (_HEAD + "sea,1,2\nsea,3,4\n" * 3, _NORMS, {}, "that differ"),
  ],
)
def test_mistakes_are_one_line(tmp_path, tags, norms, more, message):
  """What is raised here is one line and exit status 1 of the program, as below."""
  names = {}
  for name, text in (("tags", tags), ("norms", norms)):
    names[name] = str(tmp_path / f"{name}.csv")
    if text is not None:
      pathlib.Path(names[name]).write_text(text, "utf-8")
  settings = {**names, "output": str(tmp_path / "found"), **more}
  with pytest.raises(ValueError, match=message) as caught:
    words.correlate(WordsConfig(**settings))
  assert "\n" not in str(caught.value)
  if "no row" in message or "at least" in message:  # the rows still tell which and why
    assert "matches.csv" in str(caught.value)
    assert len(_rows(tmp_path)) == tags.count("\n") - 1


def test_mistakes_and_help_as_users_see_them(tmp_path):
  done = _correlate(tmp_path, _HEAD + "qq,1,2\n")
  assert done.returncode == 1 and "no row has a word of norms.csv" in done.stderr
  assert done.stderr.startswith("emojax.words correlate: error: ")
  assert done.stderr.count("\n") == 1 and not done.stdout
  done = _program("correlate", "--rating_scale=a,b", "--tags=t", "--norms=n")
  assert done.returncode == 1 and "list of numbers" in done.stderr
  done = _program("correlate", "--help")
  assert done.returncode == 0 and "--tags_column" in done.stdout


@given(
  st.lists(
    st.tuples(
      st.sampled_from(["sea", "fires", "burning war", "qq", "", "Dog 3"]),
      st.floats(1, 9) | st.just(math.nan),
      st.floats(1, 9) | st.just(math.nan),
    ),
    max_size=12,
  )
)
def test_no_row_is_lost_whatever_is_in_it(rows):
  names = ("sea", "fire", "war", "dog")
  values = np.arange(12).reshape(4, 3) % 9 + 1.0
  norms = word_norms.WordNorms(names, values, "0" * 64, "four words")
  images = [correlation.Tagged(line, *row) for line, row in enumerate(rows, start=2)]
  matches = correlation.match_all(images, norms)
  assert [row.image for row in matches] == images
  assert sum(correlation.statuses(matches).values()) == len(rows)
  assert correlation.csv(matches).count("\n") == len(rows) + 1
  levels = correlation.by_level(matches)
  matched = [row for row in matches if row.status == correlation.MATCHED]
  of_words, of_images = correlation.points(matches, "arousal")
  assert len(of_words) == len(of_images) == len(matched)
  assert np.isfinite(of_words).all() and np.isfinite(of_images).all()
  assert levels[-1].images == len(matched) == sum(level.added for level in levels)
  for level in levels:
    for r in level.r.values():
      assert r is None or -1 - 1e-9 <= r.value <= 1 + 1e-9
