"""Reports on rated sets: complete and escaped, whatever is wrong with pictures."""

import csv
import dataclasses
import html.parser
import io
import json
import math
import pathlib
import re
import shutil

import helpers
import numpy as np
import pytest
from PIL import Image, ImageOps

from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import prepare, synthetic
from emojax.report import __main__ as report
from emojax.report import run
from emojax.report.dataset import (
  copies,
  copies_section,
  coverage,
  rated_set,
  tables,
)
from emojax.report.dataset import look as picture_check

_NASTY = '<script>alert("x")<b>&.png'
_COLUMNS = (
  "image",
  "valence",
  "arousal",
  "valence_std",
  "arousal_std",
  "num_raters",
  "keyword",
)
_GOOD = 12  # readable pictures of `_make`


def _drawn(seed, width=120, height=90):
  rng = np.random.default_rng(seed)
  coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
  return coarse.resize((width, height), Image.Resampling.BICUBIC)


def _make(place):
  """A folder with everything that can be wrong, and its ratings."""
  images = place / "pictures"
  (images / "below").mkdir(parents=True)
  for number in range(6):
    _drawn(number).save(images / f"{number}.png")
  _drawn(6).save(images / _NASTY)
  ImageOps.mirror(_drawn(0).crop((6, 0, 120, 86))).save(
    images / "below" / "copy, of 0.jpg", quality=40
  )
  shutil.copy(images / "1.png", images / "same.png")
  _drawn(7, 90, 40).save(images / "tiny.png")
  _drawn(8, 500, 100).save(images / "long.png")
  Image.new("RGB", (100, 100), "white").save(images / "plain.png")
  (images / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
  (images / "empty.png").write_bytes(b"")
  _drawn(9).save(images / "unrated.png")
  names = [f"{n}.png" for n in range(6)]
  names += [_NASTY, "below/copy, of 0.jpg", "same.png", "tiny.png", "long.png"]
  names += ["plain.png", "cut.jpg", "empty.png", "gone.png"]
  with (place / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(_COLUMNS)
    for row, name in enumerate(names):
      rated = (1 + row / 2, 8 - row / 3, 1.5, 1.2, 10 + row % 3)
      rows.writerow([name, *rated, f"word{row % 2}<b>"])
  return DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(images),
    ratings_csv=str(place / "ratings.csv"),
    folds="random",  # so that copies straddle them
    data_dir=str(place / "tfds"),
  )


class _Reader(html.parser.HTMLParser):
  """What a page loads, says and describes."""

  def __init__(self, path):
    super().__init__()
    self.tags, self.loads, self.alts, self.scopes, self.captions = [], [], [], [], 0
    self.parts = []
    self.feed(path.read_text("utf-8"))
    self.words = re.sub(r"\s+", " ", " ".join(self.parts))

  def handle_starttag(self, tag, attrs):
    values = dict(attrs)
    self.tags.append(tag)
    self.captions += tag == "caption"
    self.scopes += [values.get("scope")] if tag == "th" else []
    self.alts += [values.get("alt", "")] if tag == "img" else []
    self.loads += [values[k] for k in ("src", "href", "action") if k in values]

  def handle_data(self, data):
    self.parts.append(data)


@dataclasses.dataclass(frozen=True)
class _Report:
  """What a report left, read back."""

  folder: pathlib.Path

  @property
  def page(self):
    return _Reader(self.folder / "index.html")

  @property
  def results(self):
    return json.loads((self.folder / "results.json").read_text("utf-8"))

  def rows(self, name):
    with (self.folder / name).open(newline="", encoding="utf-8") as file:
      return list(csv.DictReader(file))


def _program(*arguments):
  return helpers.run("-m", "emojax.report", *arguments)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  return _make(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def folder_report(data, tmp_path_factory):
  folder = tmp_path_factory.mktemp("written") / "report"
  report.of_datasets([data], folder)
  return _Report(folder)


@pytest.fixture(scope="module")
def page(folder_report):
  return folder_report.page


def test_every_rated_picture_has_one_row_with_its_status(folder_report):
  rows = {row["image"]: row for row in folder_report.rows("pictures.csv")}
  assert len(rows) == 15 and "unrated.png" not in rows
  status = {name: row["status"] for name, row in rows.items()}
  odd = {"tiny.png": "tiny", "long.png": "long", "plain.png": "plain"}
  odd |= {"cut.jpg": "broken", "empty.png": "broken", "gone.png": "missing"}
  assert {name: status[name] for name in odd} == odd
  assert {status[name] for name in status if name not in odd} == {"ok"}
  assert rows["empty.png"]["reason"] == "the file is empty (0 bytes)"
  assert "40 pixels" in rows["tiny.png"]["reason"]
  assert (rows["long.png"]["width"], rows["long.png"]["height"]) == ("500", "100")
  assert rows["cut.jpg"]["width"] == "" and rows["cut.jpg"]["fold"] == ""
  # Ratings stand in the file as they are, also of broken pictures; those of a missing
  # one are not known to the dataset.
  assert rows["2.png"]["valence"] == "2.0000" and rows["2.png"]["arousal"] == "7.3333"
  assert rows["cut.jpg"]["valence"] == "7.0000" and rows["gone.png"]["valence"] == ""
  assert rows["3.png"]["valence_raters"] == "10" and rows["3.png"]["reason"] == ""


def test_folds_are_those_of_training(folder_report, data):
  """Training with --skip_bad_pictures deals the readable pictures into the same."""
  skip = dataclasses.replace(data, skip_bad_pictures=True)
  lbp = ExtractConfig(features=("lbp",), cache_dir="", extract_batch=4)
  trained = prepare.prepare(skip, lbp, say=lambda line: None)
  rows = [row for row in folder_report.rows("pictures.csv") if row["fold"]]
  assert [row["image"] for row in rows] == trained.image_ids and len(rows) == _GOOD
  assert [int(row["fold"]) for row in rows] == (trained.fold + 1).tolist()


def test_copies_are_paired_grouped_and_compared_with_the_folds(folder_report):
  rows = {row["image"]: row for row in folder_report.rows("pictures.csv")}
  pairs = {
    frozenset((row["first"], row["second"])): row
    for row in folder_report.rows("near_duplicates.csv")
  }
  mirrored = frozenset(("0.png", "below/copy, of 0.jpg"))
  same = frozenset(("1.png", "same.png"))
  assert set(pairs) == {mirrored, same}
  assert pairs[same]["distance_bits"] == "0" and pairs[same]["same_file"] == "yes"
  assert pairs[mirrored]["same_file"] == "no"
  groups = [
    {rows[name]["duplicate_group"] for name in names} for names in (mirrored, same)
  ]
  assert all(len(group) == 1 for group in groups) and groups[0] != groups[1]
  assert rows["2.png"]["duplicate_group"] == ""
  exposed = 0
  for names, pair in pairs.items():
    apart = len({rows[name]["fold"] for name in names}) == 2
    assert pair["straddles_folds"] == ("yes" if apart else "no")
    exposed += 2 * apart
  counts = folder_report.results["sets"][0]["near_duplicates"]
  assert counts["pairs"] == counts["groups"] == 2 and counts["same_file_pairs"] == 1
  assert counts["pictures_with_copy_in_another_fold"] == exposed > 0


def test_copies_in_one_fold_do_not_straddle(data):
  whole = rated_set.opened(data)
  same = dataclasses.replace(whole.dataset, fold=np.full_like(whole.dataset.fold, 3))
  duplicates = copies.find([dataclasses.replace(whole, dataset=same)])
  assert len(duplicates.pairs) == 2 and not any(
    pair.straddles for pair in duplicates.pairs
  )
  assert not duplicates.is_exposed[0].any()


def test_the_page_needs_nothing_and_escapes_everything(folder_report, page):
  text = (folder_report.folder / "index.html").read_text("utf-8")
  assert "word1<b>" not in text
  own = ("data:image/", "data:,", "#part-")
  assert page.loads and all(address.startswith(own) for address in page.loads)
  assert page.tags.count("script") == page.tags.count("link") == 1  # its own
  assert "word1<b>" in page.words


def test_everything_is_described_and_tables_have_heads(page):
  assert page.alts and all(len(alt) > 10 for alt in page.alts)
  assert page.captions == page.tags.count("table") >= 8
  assert set(page.scopes) == {"col", "row"}
  assert any("copy, of 0.jpg" in alt and "distance" in alt for alt in page.alts)


def test_the_page_says_what_is_wrong_and_what_to_do(page):
  for part in (
    "3 rated pictures were missing or broken and are left out.",
    "1 pictures in the folder have no rating.",
    "the file is empty (0 bytes)",
    "have a copy in another fold",
    "Keep one picture of each group",
    "--skip_bad_pictures",
  ):
    assert part in page.words, part


def test_figures_are_files_too(folder_report):
  names = {path.name for path in folder_report.folder.iterdir()}
  for name in ("ratings", "plane", "raters"):
    assert {f"{name}.png", f"{name}.svg"} <= names
  assert {"index.html", "pictures.csv", "near_duplicates.csv", "results.json"} <= names


def test_reliability_is_the_noise_ceiling(folder_report):
  """By hand: 1.5 squared over 10, 11 or 12 raters, four pictures of each."""
  ceiling = folder_report.results["sets"][0]["noise_ceiling"]["valence"]
  raters = [
    int(row["valence_raters"]) for row in folder_report.rows("pictures.csv")[:_GOOD]
  ]
  assert ceiling["mse"] == pytest.approx(np.mean([2.25 / n for n in raters]))
  assert ceiling["num_images"] == _GOOD


def test_a_prepared_set_is_read_and_its_pictures_found_where_they_are_now(
  data, folder_report, tmp_path
):
  skip = dataclasses.replace(data, skip_bad_pictures=True)
  lbp = ExtractConfig(features=("lbp",), cache_dir="", extract_batch=4)
  prepare.prepare(skip, lbp, say=lambda line: None)
  bare = dataclasses.replace(data, images_dir="", ratings_csv="")
  pairs = (folder_report.folder / "near_duplicates.csv").read_text("utf-8")
  prepared = rated_set.opened(bare)
  assert tables.pairs([prepared], copies.find([prepared])) == pairs
  status = {
    row["image"]: row["status"]
    for row in csv.DictReader(
      io.StringIO(tables.images([prepared], copies.find([prepared])), newline="")
    )
  }
  assert status == {
    row["image"]: row["status"] for row in folder_report.rows("pictures.csv")
  }
  with pytest.raises(images.ImageError, match="outside of what was named"):
    prepared.image(0)  # where they were counts for nothing on a page
  section = copies_section.of_sets([prepared], copies.find([prepared]))[0]
  assert not section.gallery and "no pictures are shown" in section.prose[-1]
  moved = tmp_path / "moved"
  pathlib.Path(data.images_dir).rename(moved)
  try:
    report.of_datasets([bare], tmp_path / "gone")
    without = _Report(tmp_path / "gone")
    assert "pictures of va_emotion/folder were not found" in without.page.words
    assert "Near duplicates" not in without.page.words
    assert {row["status"] for row in without.rows("pictures.csv")} == {
      "missing",
      "broken",
    }
    assert not without.results["sets"][0]["near_duplicates"]["looked_for"]
    assert "Raters and reliability" in without.page.words
    prepared = rated_set.opened(dataclasses.replace(bare, images_dir=str(moved)))
    assert str(moved) in prepared.origin and prepared.image(0).ndim == 3
    assert tables.pairs([prepared], copies.find([prepared])) == pairs
  finally:
    moved.rename(data.images_dir)
  with pytest.raises(ValueError, match="has --fold_seed=0, not 3"):
    rated_set.opened(dataclasses.replace(bare, fold_seed=3))


def test_two_sets_of_one_kind_stand_beside_each_other(data, tmp_path):
  """The second has the first three pictures of the first, under other names."""
  other = tmp_path / "other"
  other.mkdir()
  lines = ["image,valence,arousal"]
  for number in range(3):
    _drawn(number).resize((90, 70)).save(other / f"small {number}.jpg")
    lines.append(f"small {number}.jpg,{3 + number},5")
  (tmp_path / "other.csv").write_text("\n".join(lines))
  second = dataclasses.replace(
    data,
    images_dir=str(other),
    ratings_csv=str(tmp_path / "other.csv"),
    rating_scale=(1, 9),
  )
  report.of_datasets([data, second], tmp_path / "both")
  both = _Report(tmp_path / "both")
  titles = [numbers["title"] for numbers in both.results["sets"]]
  assert titles == ["va_emotion/folder (pictures)", "va_emotion/folder (other)"]
  pairs = both.rows("near_duplicates.csv")
  between = [row for row in pairs if row["first_set"] != row["second_set"]]
  assert {row["straddles_folds"] for row in between} == {"no"}
  assert {row["first_fold"] for row in between} <= set("12345")
  assert {row["second_fold"] for row in between} == {""}
  crossing = [(row["first"], row["second"]) for row in between]
  assert {(f"{n}.png", f"small {n}.jpg") for n in range(3)} <= set(crossing)
  assert both.results["near_pairs_across_sets"] == len(crossing) == 5  # copies' copies
  words = both.page.words
  assert "Near duplicates across the sets" in words and "has no keywords" in words
  assert "va_emotion/folder (pictures): 3 rated pictures were missing" in words
  assert "fewer than 5 pictures and no folds" in words
  assert len(both.rows("pictures.csv")) == 15 + 3


def test_drawn_pictures_are_known_by_their_source(data):
  """A source of files may be described by a number of its own."""
  skip = dataclasses.replace(data, skip_bad_pictures=True)
  lbp = ExtractConfig(features=("lbp",), cache_dir="", extract_batch=4)
  dataset = prepare.prepare(skip, lbp, say=lambda line: None)
  dataset.metadata["settings"]["number"] = 3
  report = {"dataset": dataset.name, "pictures": dataset.metadata["settings"]}
  find = run.find_images(report, [data.images_dir])
  assert find("tiny.png").shape == (40, 90, 3)
  places = {"number": 2, "seed": 0}
  drawn = {"dataset": "va_emotion/synthetic", "pictures": places, "num_images": 2}
  source = synthetic.load(2, 0)
  find = run.find_images(drawn, ())
  np.testing.assert_array_equal(find(source.rated[1].image_id), source.images[1])


@pytest.mark.slow
def test_the_program_makes_the_synthetic_report_with_its_disclaimer(tmp_path):
  done = _program(
    "--dataset=va_emotion/synthetic",
    "--num_synthetic=8",
    f"--data_dir={tmp_path / 'tfds'}",
    f"--output={tmp_path / 'made'}",
  )
  assert done.returncode == 0, done.stderr
  assert "say nothing about people" in done.stdout
  assert "8 rated pictures: 8 ok, 0 tiny" in done.stdout
  folder_report = _Report(tmp_path / "made")
  assert "say nothing about people" in folder_report.page.words
  assert "say nothing about people" in folder_report.results["notes"][0]
  assert not (tmp_path / "tfds").exists()


def test_photographs_of_oasis_have_the_known_pair(shared_data, tmp_path):
  """The part of OASIS around its one pair: two crops of one photograph."""
  source = shared_data / "oasis"
  (tmp_path / "images").mkdir()
  table = (source / "OASIS_ratings.csv").read_text("utf-8").splitlines()
  lines = [table[0]]
  for line in table[1:]:
    theme = line.split(",")[1].strip()
    if theme.startswith(("Couple ", "Crosswalk ", "Lake ")):
      shutil.copy(source / "images" / f"{theme}.jpg", tmp_path / "images")
      lines.append(line)
  (tmp_path / "OASIS_ratings.csv").write_text("\n".join(lines), "utf-8")
  data = DataConfig(dataset="va_emotion/oasis", manual_dir=str(tmp_path))
  photographs = rated_set.opened(data)
  duplicates = copies.find([photographs])
  assert len(photographs.looks) == len(lines) - 1 > 15
  assert {look.status for look in photographs.looks} == {"ok"}
  names = [
    [photographs.dataset.image_ids[row] for row in pair.rows]
    for pair in duplicates.pairs
  ]
  assert names == [["Couple 2.jpg", "Couple 9.jpg"]]


@pytest.mark.slow
def test_mistakes_are_one_line(tmp_path):
  folder = "--images_dir=pictures"
  for arguments, message in (
    (["--dataset=va_emotion/oasys"], "unknown dataset 'va_emotion/oasys'; known:"),
    (["--dataset=a,b,c"], "expected one or two datasets, got 3"),
    (["--dataset=va_emotion/synthetic", "runs/best"], "not both; got 'runs/best'"),
    (["--dataset=va_emotion/oasis", "--target=joy"], "valence, arousal, each once"),
    (["--manual_dir=OASIS"], "--manual_dir is for --dataset, which is not given"),
    (["--dataset=va_emotion/synthetic", folder, folder], "given 2 times for 1 dataset"),
    (["--dataset=va_emotion/folder", "--rating_scale=low"], "two numbers such as 1,9"),
  ):
    done = _program(*arguments, f"--output={tmp_path / 'none'}")
    assert done.returncode == 1 and message in done.stderr, (arguments, done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "none").exists()


def test_a_set_that_is_neither_prepared_nor_named_says_what_it_needs(data, tmp_path):
  place = str(tmp_path / "tfds")
  for changed, message in (
    ({"dataset": "va_emotion/oasis"}, "oasis is not prepared in .*--manual_dir"),
    ({"ratings_csv": ""}, "folder is not prepared in .*--ratings_csv is not given"),
    ({"ratings_csv": "gone.csv"}, "no file gone.csv"),
  ):
    with pytest.raises(ValueError, match=message):
      rated_set.opened(dataclasses.replace(data, data_dir=place, **changed))


def test_a_set_of_which_nothing_can_be_used_says_so(tmp_path):
  images = tmp_path / "pictures"
  images.mkdir()
  table = tmp_path / "ratings.csv"
  table.write_text("image,valence,arousal\na.png,3,4\nb.png,5,5\n")
  data = DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(images),
    ratings_csv=str(table),
    rating_scale=(1, 9),
  )
  with pytest.raises(ValueError, match="none of the 2 rated pictures is in"):
    rated_set.opened(data)
  (images / "a.png").write_bytes(b"")
  with pytest.raises(ValueError, match="can be read, the first because the file is"):
    rated_set.opened(data)


def test_one_picture_is_a_set(tmp_path):
  """Nothing varies and nothing can be compared, and still there is a page."""
  (tmp_path / "pictures").mkdir()
  _drawn(0).save(tmp_path / "pictures" / "a.png")
  table = tmp_path / "ratings.csv"
  table.write_text("image,valence,arousal\na.png,3,4\n")
  data = DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(tmp_path / "pictures"),
    ratings_csv=str(table),
    rating_scale=(1, 9),
  )
  report.of_datasets([data], tmp_path / "made")
  numbers = _Report(tmp_path / "made").results["sets"][0]
  assert numbers["pictures"] == 1 and numbers["arousal_by_valence"]["r"] is None
  assert numbers["noise_ceiling"] == {"valence": None, "arousal": None}
  assert numbers["folds"] == [] and numbers["coverage"]["occupied"] == 1


def _rated(place, header, number=6, **settings):
  """A folder of pictures of which the first two are copies, and a row for each."""
  place.mkdir()
  lines = [header]
  for row in range(number):
    _drawn(max(row, 1)).save(place / f"{row}.png")
    lines.append(",".join([f"{row}.png", *([str(3 + row)] * header.count(","))]))
  (place / "ratings.csv").write_text("\n".join(lines))
  return DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(place),
    ratings_csv=str(place / "ratings.csv"),
    rating_scale=(1, 9),
    folds="random",
    **settings,
  )


def test_ratings_on_another_scale_are_said_to_be_drawn_out(tmp_path):
  data = _rated(tmp_path / "pictures", "image,valence,arousal")
  data = dataclasses.replace(data, rating_scale=(0, 10))
  words = rated_set.opened(data).origin
  assert "Drawn out to 1..9 here: valence from 0..10, arousal from 0..10." in words


@pytest.mark.parametrize(
  ("header", "targets"),
  [("image,arousal", None), ("image,valence,arousal,beauty", ["beauty"])],
)
def test_a_set_of_one_target_has_no_plane(header, targets, tmp_path):
  data = _rated(tmp_path / "pictures", header)
  (tmp_path / "pictures" / "2.png").write_bytes(b"")
  report.of_datasets([data], tmp_path / "made", targets)
  made = _Report(tmp_path / "made")
  target = header.rpartition(",")[2]
  numbers = made.results["sets"][0]
  assert list(numbers["ratings"]) == list(numbers["noise_ceiling"]) == [target]
  assert not {"coverage", "arousal_by_valence"} & set(numbers)
  assert not (tmp_path / "made" / "plane.png").exists()
  words = made.page.words
  assert "valence-arousal" not in words and "Keywords" not in words
  assert f"{target.capitalize()}: mean 5.60 on 1..9" in words
  assert ("read with no valence." in words) == (target == "arousal")
  assert ("Its ratings of valence and arousal are left out." in words) == bool(targets)
  rows = {row["image"]: row for row in made.rows("pictures.csv")}
  rated = [name for name in rows["2.png"] if name in ("valence", "arousal", "beauty")]
  assert rated == [target] and f"{target}_std" in rows["2.png"]
  assert rows["2.png"][target] == "5.0000" and rows["2.png"]["status"] == "broken"
  (pair,) = made.rows("near_duplicates.csv")
  assert pair[f"{target}_apart"] == "1.0000" and list(pair)[-1] == f"{target}_apart"


def test_two_sets_are_compared_on_what_both_rate(tmp_path):
  both = _rated(tmp_path / "both", "image,arousal,valence,joy", further_targets=["joy"])
  pleasant = _rated(tmp_path / "pleasant", "image,valence", number=3)
  exciting = _rated(tmp_path / "exciting", "image,arousal", number=3)
  sets = rated_set.titled([rated_set.opened(s) for s in (both, pleasant, exciting)])
  assert [s.targets for s in sets] == [
    ("valence", "arousal", "joy"),
    ("valence",),
    ("arousal",),
  ]
  shared = rated_set.comparable(sets[:2])
  assert [s.dataset.ratings.shape for s in shared] == [(6, 1), (3, 1)]
  assert "Its ratings of arousal and joy are left out." in shared[0].origin
  with pytest.raises(ValueError, match=r"common, but .*\(pleasant\) rates valence; "):
    rated_set.comparable(sets[1:])
  with pytest.raises(ValueError, match="one or more of valence, each once; got joy"):
    rated_set.comparable(sets[:2], ["joy"])
  (turned,) = rated_set.comparable(sets[:1], ["arousal", "joy", "valence"])
  valence, arousal = sets[0].dataset.ratings[:, :2].T
  np.testing.assert_array_equal(turned.plane, [valence, arousal])


def test_coverage_by_hand():
  """Four pictures, two in one section, on cuts and off them."""
  valence, arousal = np.array([2.0, 2.9, 5.0, 9.0]), np.array([1.0, 2.0, 7.0, 4.9])
  covered = coverage.coverage(valence, arousal)
  expected = np.zeros((4, 4), int)
  expected[0, 0], expected[3, 2], expected[1, 3] = 2, 1, 1
  np.testing.assert_array_equal(covered.counts, expected)
  assert covered.occupied == 3
  # e to the entropy of 1/2, 1/4, 1/4: 2^(1/2 + 1/2 + 1/2).
  assert covered.even_sections == pytest.approx(2**1.5)
  assert covered.quadrants == {
    "low valence, high arousal": 0.0,
    "high valence, high arousal": 0.25,
    "low valence, low arousal": 0.5,
    "high valence, low arousal": 0.25,
  }


def test_a_parabola_is_found_where_a_line_finds_nothing():
  valence = np.linspace(1, 9, 101)
  curve = coverage.curve(valence, 2 + 0.25 * (valence - 5) ** 2)
  assert curve.r == pytest.approx(0, abs=1e-9)
  assert curve.linear_r2 == pytest.approx(0, abs=1e-9)
  assert curve.quadratic_r2 == pytest.approx(1)
  assert curve.bend == pytest.approx(0.25) and curve.turn == pytest.approx(5)
  line = coverage.curve(valence, 10 - valence)
  assert line.r == pytest.approx(-1) and line.linear_r2 == pytest.approx(1)
  assert math.isnan(coverage.curve(valence, np.full(101, 5.0)).r)
  assert math.isnan(coverage.curve(valence[:3], valence[:3]).bend)


def test_spread_by_hand():
  spread = coverage.spread(np.arange(1.0, 10.0))
  assert (spread.mean, spread.median, spread.lowest, spread.highest) == (5, 5, 1, 9)
  assert spread.sd == pytest.approx(np.sqrt(7.5))
  assert (spread.low, spread.high) == pytest.approx((1.4, 8.6))


def test_a_look_at_an_array_or_a_file_that_cannot_be_opened(tmp_path):
  pixels = np.asarray(_drawn(0))
  drawn = picture_check.look_at(pixels, images.MAX_PIXELS)
  assert (drawn.status, drawn.width, drawn.height) == ("ok", 120, 90)
  folder = picture_check.look_at(tmp_path, images.MAX_PIXELS)
  assert folder.status == "broken" and "cannot be opened" in folder.reason
  path = tmp_path / "a.png"
  _drawn(0).save(path)
  small = picture_check.look_at(path, 100)
  assert small.status == "broken" and "limit of 100" in small.reason
