"""The page of a run: complete, escaped, readable without a network or eyes."""

import csv
import html.parser
import json
import math
import re
import shutil

import helpers
import numpy as np
import pytest
from attacks import runs
from PIL import Image

from emojax import images
from emojax.datasets.va_emotion import storage
from emojax.evaluation import bootstrap, run_files
from emojax.pages import gallery
from emojax.report import experiment
from emojax.report import run as report_run
from emojax.report import runs as report_runs

_NASTY = '<script>alert("x")<b>&.png'


class _Reader(html.parser.HTMLParser):
  """What a screen reader and a browser without a network make of a page."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.headings, self.loads, self.alts, self.text = [], [], [], [], []
    self.scopes, self.captions = [], 0
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    values = dict(attrs)
    self.tags.append(tag)
    if tag in ("h1", "h2", "h3"):
      self.headings.append(int(tag[1]))
    if tag == "meta" and "http-equiv" in values:
      self.policy = values["content"]
    if tag == "img":
      self.alts.append(values.get("alt", ""))
    if tag == "th":
      self.scopes.append(values.get("scope"))
    self.captions += tag == "caption"
    self.loads += [values[k] for k in ("src", "href", "action") if k in values]

  def handle_data(self, data):
    self.text.append(data)


def _program(name, *arguments):
  return helpers.run("-m", f"emojax.{name}", *arguments)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """A run on a folder with a picture of an awkward name, and its report."""
  place = tmp_path_factory.mktemp("report")
  images = place / "pictures"
  images.mkdir()
  rng = np.random.default_rng(0)
  names = [f"{i}.png" for i in range(24)] + [_NASTY]
  with (place / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["image", "valence", "arousal", "keyword"])
    for i, name in enumerate(names):
      rgb = rng.integers(0, 10 * i + 16, (30, 40, 3), dtype=np.uint8)
      Image.fromarray(rgb).save(images / name)
      rows.writerow([name, 1 + i / 3.2, 9 - i / 4, f"word{i % 3}<b>"])
  done = _program(
    "train",
    "--preset=paper",
    "--dataset=va_emotion/folder",
    f"--images_dir={images}",
    f"--ratings_csv={place / 'ratings.csv'}",
    f"--data_dir={place / 'tfds'}",
    "--cache_dir=",
    "--features=color,lbp",
    "--hidden=8",
    "--max_epochs=3",
    f"--workdir={place / 'run'}",
  )
  assert done.returncode == 0, done.stderr
  done = _program("report", place / "run", f"--images_dir={images}")
  assert done.returncode == 0, done.stderr
  return place / "run"


@pytest.fixture(scope="module")
def read(run):
  return _Reader((run / "report" / "index.html").read_text("utf-8"))


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(read):
  """Also by the page's own policy, which leaves style and script to hashes."""
  own = ("data:image/", "data:text/csv", "data:,", "#part-")
  assert read.loads and all(address.startswith(own) for address in read.loads)
  assert read.tags.count("script") == read.tags.count("link") == 1
  assert read.policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


@pytest.mark.slow
def test_names_and_words_are_escaped(run, read):
  text = (run / "report" / "index.html").read_text("utf-8")
  assert "<script>alert" not in text and "word1<b>" not in text
  assert any("<script>" in alt for alt in read.alts)  # as text, not as a tag
  assert any("word1<b>" in part for part in read.text)


@pytest.mark.slow
def test_every_picture_is_described_and_every_table_has_heads(read):
  assert read.alts and all(len(alt) > 10 for alt in read.alts)
  assert read.captions == read.tags.count("table") >= 5
  assert read.scopes and set(read.scopes) == {"col", "row"}


@pytest.mark.slow
def test_the_paper_is_cited_as_the_dataset_cites_it(read):
  folder = helpers.ROOT / "emojax" / "datasets" / "va_emotion"
  article = (folder / "CITATIONS.bib").read_text("utf-8").partition("}\n\n")[0]
  entry = dict(re.findall(r"(\w+) = {(.*)}", article))
  cited = " ".join(part for part in read.text if "Please cite" in part)
  title = entry["title"].replace("Through", "through")
  for part in (title, entry["journal"], f"{entry['volume']}({entry['number']})"):
    assert part in cited
  assert f", {entry['year']}; preprint 2017." in cited
  assert entry["year"] in (helpers.ROOT / "README.md").read_text("utf-8")[:1000]
  assert f"Kim et al. {entry['year']}," in storage.CONFIGS["cgna10766"]


@pytest.mark.slow
def test_ridge_stands_below_each_target(run, read):
  report = json.loads((run / "results.json").read_text("utf-8"))
  numbers = [of["out_of_fold"]["mse"] for of in report["ridge"].values()]
  assert sum("ridge, same columns" in part for part in read.text) == len(numbers) == 2
  assert {f"{mse:.3f}" for mse in numbers} <= set(read.text)


@pytest.mark.slow
def test_the_mean_stands_below_each_target_as_a_baseline(run, read):
  report = json.loads((run / "results.json").read_text("utf-8"))
  variances = [of["out_of_fold"]["variance"] for of in report["targets"].values()]
  assert sum(part.strip() == "always the mean" for part in read.text) == len(variances)
  assert {f"{variance:.3f}" for variance in variances} <= set(read.text)


@pytest.mark.slow
def test_intervals_around_predictions_are_in_the_run_and_on_its_page(run, read):
  with (run / "predictions.csv").open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
  found = json.loads((run / "results.json").read_text("utf-8"))["targets"]
  for target, result in found.items():
    inside = [
      float(row[f"{target}_low"])
      <= float(row[f"{target}_rated"])
      <= float(row[f"{target}_high"])
      for row in rows
    ]
    assert sum(inside) / len(rows) == pytest.approx(result["interval"]["coverage"])
  words = " ".join(read.text)
  assert "Intervals around predictions" in words and "least familiar third" in words


@pytest.mark.slow
def test_headings_are_one_title_and_its_sections(read):
  assert read.headings[0] == 1 and set(read.headings[1:]) == {2}
  words = " ".join(read.text)
  for title in ("Keywords", "Pictures where they are predicted", "Worst predictions"):
    assert title in words


@pytest.mark.slow
def test_figures_are_files_too(run):
  names = {path.name for path in (run / "report").iterdir()}
  for name in ("curve-valence", "against-arousal", "residuals-valence", "plane"):
    assert {f"{name}.png", f"{name}.svg", f"{name}.pdf"} <= names
  assert {"out-of-fold-scores.tex", "errors-by-group.tex"} <= names
  with Image.open(run / "report" / "plane.png") as image:
    assert image.width > 500


@pytest.mark.slow
def test_pictures_are_shown_from_a_named_folder_only(run, tmp_path):
  done = _program("report", run, f"--output={tmp_path}")
  folder = run.parent / "pictures"
  expected = f"name their folder with --images_dir, as {folder}, where the run had them"
  assert done.returncode == 0 and expected in done.stdout
  text = (tmp_path / "index.html").read_text("utf-8")
  assert "pictures were not found" in text and "Worst predictions" not in text


def test_a_run_cannot_name_pictures_elsewhere(tmp_path):
  """Neither by the folder that it was trained on nor by a picture's name."""
  own, private = tmp_path / "own", tmp_path / "private"
  for folder in (own, private):
    folder.mkdir()
    Image.new("RGB", (40, 30)).save(folder / f"{folder.name}.png")
  (own / "linked").symlink_to(private)
  report = {"dataset": "va_emotion/folder", "pictures": {"folder": str(private)}}
  secret = private / "private.png"
  names = ["private.png", str(secret), "../private/private.png", "linked/private.png"]
  find = report_run.find_images(report, [str(own)])
  assert find("own.png").shape == find("../own/own.png").shape == (30, 40, 3)
  for name in [*names, "a\0.png", "a" * 300]:
    with pytest.raises(images.ImageError):
      find(name)
    with pytest.raises(images.ImageError, match="name their folder with --images_dir"):
      report_run.find_images(report, ())(name)
  both = report_run.find_images(report, [str(own), str(private)])
  assert all(both(name).shape == (30, 40, 3) for name in names)


@pytest.mark.slow
def test_runs_are_compared_on_the_pictures_they_share(run, tmp_path):
  other = tmp_path / r"x $\foo$ 写"
  shutil.copytree(run, other)
  lines = (run / "predictions.csv").read_text("utf-8").splitlines(keepends=True)
  (other / "predictions.csv").write_text("".join(lines[:-2]), "utf-8")
  helpers.seal(other)
  done = _program("report", run, other, f"--output={tmp_path / 'both'}")
  assert done.returncode == 0 and not done.stderr, done.stderr
  words = " ".join(_Reader((tmp_path / "both" / "index.html").read_text()).text)
  assert "23 pictures that all runs predicted" in words
  assert r"run less x $\foo$ 写" in words and "0.000 [0.000, 0.000]" in words


@pytest.mark.slow
def test_mistakes_are_one_line(run, tmp_path):
  damaged = tmp_path / "damaged"
  shutil.copytree(run, damaged)
  (damaged / "predictions.csv").write_text("image,valence\n1.png,five\n")
  unfinished = tmp_path / "unfinished"
  unfinished.mkdir()
  broken = tmp_path / "broken"
  broken.mkdir()
  (broken / "results.json").write_text("{")
  for arguments, message in (
    ([], "name a run"),
    ([tmp_path / "gone"], "there is no folder"),
    ([unfinished], "no finished run"),
    ([broken], "cannot be read"),
    ([damaged], "cannot be read as predictions"),
  ):
    done = _program("report", *arguments, f"--output={tmp_path / 'none'}")
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_damaged_lines_and_tables_of_a_run_are_told(tmp_path):
  folder = runs.run(tmp_path / "run")
  report = run_files.read_results(folder)
  whole = run_files.read_metrics(folder)
  assert len(whole) == 1 and run_files.read_predictions(folder, report).image_ids
  metrics, predictions = folder / "metrics.jsonl", folder / "predictions.csv"
  line = metrics.read_text()
  for text, message in (
    (line + "\n", "line 2, is damaged"),
    (line[:-9] + line, "line 1, is damaged"),
    (line + '{"epoch": 2}\n', "train_mse is missing"),
    (line.replace("1.0", "2.0"), "not the file that was written"),
  ):
    metrics.write_text(text)
    with pytest.raises(ValueError, match=message):
      run_files.read_metrics(folder)
  table = predictions.read_text()
  for text, message in (
    (table.replace("valence", "arousal"), "results.json beside it says valence"),
    (re.sub(r"[0-9]\.[0-9]{4}", "nan", table), "not finite"),
    (table.replace("19.png", "18.png"), "not the file that was written"),
  ):
    predictions.write_text(text)
    with pytest.raises(ValueError, match=message):
      run_files.read_predictions(folder, report)


@pytest.mark.parametrize("places", [{}, {"number": 20, "seed": 0}])
def test_pictures_of_a_run_that_names_no_folder_are_asked_for(tmp_path, places):
  report = {"dataset": "va_emotion/folder", "pictures": places}
  with pytest.raises(images.ImageError, match=r"with --images_dir$"):
    report_run.find_images(report, [])("19.png")
  drawn = report | {"dataset": "va_emotion/synthetic"}
  with pytest.raises(images.ImageError, match="cannot be opened"):
    report_run.find_images(drawn, [str(tmp_path)])("19.png")


def test_a_run_that_claims_vast_drawings_is_not_drawn(tmp_path):
  report = run_files.read_results(runs.run(tmp_path / "run"))
  report |= {"dataset": "va_emotion/synthetic"}
  report["pictures"] = {"number": 10**12, "seed": 0}
  find = report_run.find_images(report, ())
  with pytest.raises(ValueError, match="none of the run's drawn pictures"):
    find("no such drawing")
  with pytest.raises(ValueError, match=r"pictures\.number should be a whole"):
    report_run.find_images(report | {"pictures": {"number": "x"}}, ())


def test_a_gallery_runs_from_the_lowest_to_the_highest():
  rng = np.random.default_rng(0)
  valence, arousal = rng.uniform(1, 9, (2, 300))
  shown = gallery.along(valence, arousal, high=True)
  assert len(shown) == 16
  assert (np.diff(valence[shown]) > 0).all()
  assert arousal[shown].min() >= np.quantile(arousal, 2 / 3)
  low = gallery.along(valence, arousal, high=False)
  assert arousal[low].max() <= np.quantile(arousal, 1 / 3)


def test_pictures_of_a_crowd_stand_for_all_in_the_plane():
  valence, arousal = np.array([2.0, 8.0, 5.0]), np.array([3.0, 7.0, 5.0])
  assert gallery.in_plane(valence, arousal) == [0, 1, 2]
  assert len(gallery.in_plane(np.full(50, 4.0), np.full(50, 4.0))) == 1
  assert gallery.spread(np.array([3.0, 9.0, 1.0, 5.0]), 2) == [1, 2]


def test_runs_are_called_by_the_ends_of_their_folders_that_tell_them_apart(tmp_path):
  names = [tmp_path / "a" / "run", tmp_path / "x" / ".." / "b" / "run"]
  assert report_runs._names(names) == ["a/run", "b/run"]
  assert report_runs._names([names[0], tmp_path / "best"]) == ["run", "best"]


def test_best_and_worst_and_their_caption():
  rated = np.full(30, 5.0)
  predicted = rated + np.linspace(-2, 1, 30)
  assert gallery.extremes(predicted, rated, worst=True)[0] == 0
  assert len(gallery.extremes(predicted, rated, worst=False)) == 8
  assert gallery.caption({"valence": 7.0}, {"valence": 5.0}) == "valence 7.0, rated 5.0"


def test_keywords_of_a_section_are_counted():
  """By hand: two dogs above 7 in both, one sea calm and pleasant."""
  table = gallery.sections(
    np.array([8.0, 8.0, 8.0]), np.array([8.0, 7.5, 2.0]), ["dog", "dog", "sea"]
  )
  assert table[0][3] == "dog (2)" and table[3][3] == "sea" and table[1][0] == ""


def _experiment():
  """An experiment's `results.json`: one entry, by hand."""
  scores = {"num_images": 3, "variance": 1.25, "pearson_r": 0.5}
  errors = {"train_mse": 1.0, "test_mse": 2.75, "out_of_fold": scores}
  run = {
    "dataset": "va_emotion/folder",
    "notes": ["Note"],
    "features": [{"size": 59}],
    "settings": {"hidden": []},
    "targets": {"valence": {**errors, "noise_ceiling": None}},
    "emojax_version": "0.1.0",
    "device": "1 x cpu",
  }
  interval = {"value": 0.5, "low": 0.4, "high": 0.6}
  entry = {
    "entry": {"name": "svr", "model": "svr", "paper": "svr"},
    "runs": [run],
    "intervals": {"valence": dict.fromkeys(bootstrap.SCORES, interval)},
  }
  return {
    "table": "4",
    "experiment": {"quick": False},
    "seconds": 1.5,
    "entries": [entry],
    "differences": [],
  }


def test_an_experiment_has_a_page(tmp_path):
  (tmp_path / "results.json").write_text(json.dumps(_experiment()))
  done = _program("report", tmp_path)
  assert done.returncode == 0 and "Note" in done.stdout, done.stderr
  assert (tmp_path / "report" / "r-valence.svg").is_file()
  page = _Reader((tmp_path / "report" / "index.html").read_text("utf-8"))
  cells = [text.strip() for text in page.text]
  assert cells.count("svr") == 2 and {"59", "2.75", "1.75", "1.250"} <= set(cells)
  assert page.captions == 3 and "Table IV: other methods, va_emotion/folder" in cells


@pytest.mark.parametrize("undefined", [None, math.nan])
def test_an_experiment_of_undefined_scores_has_a_page(undefined, tmp_path):
  """As of predictions that are all the same; emojax 0.1.0 wrote NaN."""
  report = _experiment()
  (entry,) = report["entries"]
  entry["entry"]["model"] = "network"
  nothing = dict.fromkeys(("value", "low", "high"), undefined)
  entry["intervals"]["valence"]["pearson_r"] = nothing
  entry["runs"].append(entry["runs"][0])
  entry["runs"][0]["targets"]["valence"]["out_of_fold"]["pearson_r"] = undefined
  mse = {"value": 1, "low": 0.5, "high": 1.5}
  pair = {"first": "svr", "second": "other", "target": "valence"}
  report["differences"] = [pair | {"scores": {"mse": mse, "pearson_r": nothing}}]
  content = experiment.of_experiment(tmp_path, report)
  assert not content.figures
  tables = {table.caption: table.rows for table in content.sections[-1].tables}
  assert "nan [nan, nan]" in tables["out of fold"][1]
  assert tables["over seeds, mean (sd)"][1][-1] == "nan (nan)"
  apart = tables["first less second, same pictures"][1]
  assert apart[-2:] == ["nan [nan, nan]", "MSE"]


def test_an_experiment_whose_results_lack_something_is_told_in_a_line(tmp_path):
  lacking = _experiment()
  del lacking["entries"][0]["runs"][0]["device"]
  (tmp_path / "results.json").write_text(json.dumps(lacking))
  done = _program("report", tmp_path)
  assert done.returncode == 1 and done.stderr.count("\n") == 1
  assert "lacks what its tables are made of (KeyError('device'))" in done.stderr
