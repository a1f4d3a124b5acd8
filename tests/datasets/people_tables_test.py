"""Ten tables in the manner of ten programs and sets, by what their user types first."""

import codecs
import csv
import json
import pathlib
import re

import helpers
import numpy as np
import openpyxl
import pytest
from PIL import Image

import emojax
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import folder, prepare

NAMES = [
  "Z\u00fcrich 1.jpg",
  "b.jpg",
  "c.jpg",
  "d.jpg",
  "set/e.jpg",
  "set/f.jpg",
]
VALENCE = [7.5, 2, 3.25, 8.125, 5, 6.5]
AROUSAL = [2.5, 7.75, 4, 5.5, 6, 3.125]


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> pathlib.Path:
  root = tmp_path_factory.mktemp("pictures")
  (root / "set").mkdir()
  for number, name in enumerate(NAMES):
    noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(root / name)
  return root


def _comma(number: float) -> str:
  return f"{number:g}".replace(".", ",")


def _excel_in_german() -> bytes:
  """CSV as Excel saves it where the decimal mark is a comma."""
  lines = ["Dateiname;Valenz_MW;Valenz_SD;Arousal_MW;Arousal_SD;N"]
  for name, v, a in zip(NAMES, VALENCE, AROUSAL, strict=True):
    lines.append(f"{name};{_comma(v)};1,25;{_comma(a)};;12".replace("/", "\\"))
  return "\r\n".join([*lines, ";;;;;"]).encode("cp1252")


def _libreoffice() -> bytes:
  """Commas between cells, and quoted ones in numbers; composed letters apart."""
  lines = ["Bild,Valence,Arousal,Kommentar"]
  for name, v, a in zip(NAMES, VALENCE, AROUSAL, strict=True):
    name = name.replace("\u00fc", "u\u0308")
    lines.append(f'"{name}","{_comma(v)}","{_comma(a)}","sch\u00f6n, oder?"')
  return "\n".join(lines).encode()


def _r_write_csv() -> bytes:
  lines = ['"","pic","valence.mean","arousal.mean","valence.sd","n"']
  rows = zip(NAMES, VALENCE, AROUSAL, strict=True)
  for number, (name, v, a) in enumerate(rows, start=1):
    lines.append(f'"{number}","{name.removesuffix(".jpg")}",{v},{a},NA,NA')
  return "\n".join(lines).encode()


def _pandas() -> bytes:
  """`groupby(...).mean().to_csv()` on a Windows machine, whole paths as names."""
  lines = [",path,valence,arousal,valence_std"]
  rows = zip(NAMES, VALENCE, AROUSAL, strict=True)
  for number, (name, v, a) in enumerate(rows):
    path = f"C:\\Users\\me\\study\\{name}".replace("/", "\\")
    lines.append(f"{number},{path},{float(v)},{float(a)},")
  return "\r\n".join(lines).encode()


def _spss() -> bytes:
  """Tabs, a byte-order mark, blanks around cells, a point for what is missing."""
  lines = ["PicName\tVal_Mean\tAro_Mean\tVal_SD"]
  for name, v, a in zip(NAMES, VALENCE, AROUSAL, strict=True):
    lines.append(f"{name}   \t{v:8.3f}\t{a:8.3f}\t.")
  return codecs.BOM_UTF8 + "\r\n".join(lines).encode()


def _naps(path: pathlib.Path) -> None:
  """A spreadsheet with bare names and a sheet of notes before the ratings."""
  book = openpyxl.Workbook()
  book.active.append(["Ratings of the set, see the article"])
  sheet = book.create_sheet("ratings")
  sheet.append(["ID", "Category", "V_mean", "V_SD", "A_mean", "A_SD"])
  for name, v, a in zip(NAMES, VALENCE, AROUSAL, strict=True):
    sheet.append([name.removesuffix(".jpg"), "Objects", v, 1.5, a, None])
  book.save(path)


def _emotion6() -> bytes:
  lines = ["[image_filename]\t[valence]\t[arousal]\t[prob. anger]"]
  for name, v, a in zip(NAMES, VALENCE, AROUSAL, strict=True):
    lines.append(f"Emotion6/{name}\t{v}\t{a}\t0.1")
  return "\n".join(lines).encode()


def _prepare(images, table: pathlib.Path, folder: pathlib.Path, lines: list[str]):
  data = DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(images),
    ratings_csv=str(table),
    data_dir=str(folder / "tfds"),
  )
  settings = ExtractConfig(features=("lbp",), cache_dir="")
  return prepare.prepare(data, settings, say=lines.append)


@pytest.mark.parametrize(
  ("content", "assumed"),
  [
    (
      _excel_in_german,
      "Windows-1252; semicolons between cells; decimal commas; image from the column "
      "'Dateiname'; valence from the column 'Valenz_MW'",
    ),
    (_libreoffice, "decimal commas; image from the column 'Bild'"),
    (_r_write_csv, "image from the column 'pic'; .*suffixes added to 6 names"),
    (_pandas, "image from the column 'path'; .*'C:/Users/me/study/' cut from the name"),
    (_spss, "tabs between cells; image from the column 'PicName'"),
    (_naps, "sheet 'ratings'; image from the column 'ID'; valence from .*'V_mean'"),
    (_emotion6, "'Emotion6/' cut from the names"),
  ],
)
def test_it_becomes_a_dataset_by_the_first_command(images, tmp_path, content, assumed):
  table = tmp_path / "ratings.csv"
  if content is _naps:
    table = tmp_path / "ratings.xlsx"
    _naps(table)
  else:
    table.write_bytes(content())
  lines: list[str] = []
  dataset = _prepare(images, table, tmp_path, lines)
  order = np.argsort(NAMES)
  assert dataset.image_ids == [NAMES[i] for i in order]
  np.testing.assert_allclose(dataset.ratings[:, 0], np.array(VALENCE)[order])
  np.testing.assert_allclose(dataset.ratings[:, 1], np.array(AROUSAL)[order])
  assert lines[0].startswith(f"{table}: read with ")
  assert re.search(assumed, lines[0]), lines[0]
  assert dataset.metadata["settings"]["assumed"] == [lines[0]]


_JSPSYCH = (
  '"rt","stimulus","response","trial_type","trial_index"\n'
  '"5301","<p>Welcome</p>","0","html-button-response","0"\n'
  '"1875","b.jpg","{""valence"":4}","image-slider-response","1"\n'
)
_QUALTRICS = (
  "StartDate,ResponseId,Q1_1,Q1_2\n"
  "Start Date,Response ID,How pleasant is this picture?,How exciting?\n"
  '"{""ImportId"":""startDate""}","{""ImportId"":""_recordId""}","{}","{}"\n'
  "2026-01-02 10:00:00,R_1,7,3\n"
)
_MTURK = (
  '"HITId","WorkerId","Input.image_url","Answer.valence","Answer.arousal"\n'
  '"3X","A1","https://host/b.jpg","7","3"\n'
  '"3X","A2","https://host/b.jpg","6","4"\n'
)


@pytest.mark.parametrize(
  ("content", "settings", "message"),
  [
    (_JSPSYCH, {}, "no column 'valence', 'arousal': .*got rt, stimulus, response, "),
    (_QUALTRICS, {}, "no column 'image': .*got StartDate, ResponseId, Q1_1, Q1_2"),
    (_MTURK, {}, "no column 'valence', 'arousal': .*Answer.valence, .*--valence_co"),
    (
      _MTURK,
      {"valence_column": "Answer.valence", "arousal_column": "Answer.arousal"},
      "'b.jpg' stands twice, in lines 2 and 3; .* python -m emojax.raters aggregate",
    ),
  ],
)
def test_single_answers_are_one_clear_line(
  images, tmp_path, content, settings, message
):
  table = tmp_path / "answers.csv"
  table.write_text(content)
  data = DataConfig(images_dir=str(images), ratings_csv=str(table), **settings)
  with pytest.raises(ValueError, match=message) as error:
    folder.load(data)
  assert "\n" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.slow
def test_the_first_command_ends_in_a_run(images, tmp_path):
  table = tmp_path / "ratings.csv"
  table.write_bytes(_excel_in_german())
  run = helpers.run(
    "-m",
    "emojax.train",
    "--preset=paper",
    "--dataset=va_emotion/folder",
    f"--images_dir={images}",
    f"--ratings_csv={table}",
    "--features=lbp",
    "--hidden=4",
    "--max_epochs=2",
    "--output_scale=0,100",
    f"--workdir={tmp_path / 'run'}",
    f"--data_dir={tmp_path / 'tfds'}",
    "--cache_dir=",
  )
  assert run.returncode == 0, run.stderr
  assert run.stdout.count(f"{table}: read with Windows-1252; semicolons") == 1
  text = (tmp_path / "run" / "results.json").read_text()
  assert "read with Windows-1252" in text
  assert json.loads(text)["targets"]["valence"]["scale"] == [0, 100]
  assert "scale of the ratings: valence 0..100, arousal 0..100" in run.stdout
  with (tmp_path / "run" / "predictions.csv").open(newline="") as file:
    rows = {row["image"]: row for row in csv.DictReader(file)}
  for name, valence in zip(NAMES, VALENCE, strict=True):
    expected = 100 * (valence - 1) / 8
    assert float(rows[name]["valence_rated"]) == pytest.approx(expected, abs=1e-3)
  page = helpers.run("-m", "emojax.report", tmp_path / "run")
  assert page.returncode == 0, page.stderr
  html = (tmp_path / "run" / "report" / "index.html").read_text("utf-8")
  assert "points of the 0..100 scale" in html
  model = emojax.load(tmp_path / "run")
  predicted = model.predict(images / "b.jpg")
  assert predicted.scales["valence"] == (0, 100) and predicted.valence[0] > 9
