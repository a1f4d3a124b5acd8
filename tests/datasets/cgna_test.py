"""The paper's own pictures: which rating belongs to which, and how they get here."""

import csv
import hashlib
import io
import json
import zipfile

import helpers
import numpy as np
import pytest
from PIL import Image

from emojax import config
from emojax.datasets.va_emotion import cgna, prepare, ratings
from emojax.utils.downloads import DownloadError

# Names in the order of their numbers; sorted as text, 10 would come before 2.
NAMES = ["1.jpg", "2.jpg", "3.JPG", "007.jpg", "9.jpg", "10.jpg", "11.jpg", "100.jpg"]
VALENCE = [1.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.25, 9.0]
AROUSAL = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 1.5]


def _jpeg(seed: int) -> bytes:
  rgb = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8)
  file = io.BytesIO()
  Image.fromarray(rgb).save(file, "JPEG")
  return file.getvalue()


def _labels(values) -> str:
  return "".join(f"{value}\n" for value in values)


@pytest.fixture
def folder(tmp_path):
  """A small set of the same shape: a stray picture, and what archives leave behind."""
  images = tmp_path / "cgna" / "images"
  images.mkdir(parents=True)
  for seed, name in enumerate([*NAMES, "pic.jpg"]):
    (images / name).write_bytes(_jpeg(seed))
  (images / "Thumbs.db").write_bytes(b"junk")
  (images / "._1.jpg").write_bytes(b"junk")
  (images.parent / "__MACOSX").mkdir()
  (images.parent / "__MACOSX" / "5.jpg").write_bytes(b"junk")
  for target, values in (("valence", VALENCE), ("arousal", AROUSAL)):
    (images.parent / cgna.LABELS[target]).write_text(_labels(values))
  return images.parent


def _load(folder, download=False):
  return cgna.load(str(folder), folder / "unused", download)


def _by_name(loaded):
  return {
    entry.image_id.rpartition("/")[2]: tuple(r.mean for r in entry.ratings.values())
    for entry in loaded.rated
  }


def test_lines_belong_to_pictures_in_the_order_of_their_numbers(folder):
  loaded = _load(folder)
  expected = dict(zip(NAMES, zip(VALENCE, AROUSAL, strict=True), strict=True))
  assert _by_name(loaded) == expected
  assert all(np.isnan(entry.ratings["valence"].std) for entry in loaded.rated)
  assert {entry.ratings["valence"].raters for entry in loaded.rated} == {-1}


def test_the_stray_picture_is_left_out_and_counted(folder):
  loaded = _load(folder)
  assert loaded.settings["not_numbered"] == 1
  assert not any("pic" in entry.image_id for entry in loaded.rated)


def test_fewer_pictures_than_the_paper_s_are_said_to_be(folder):
  assert "8 pictures, not the 10,766" in _load(folder).disclaimer


def test_line_ends_marks_and_blank_lines_at_the_end_do_not_matter(folder):
  text = "\ufeff" + _labels(VALENCE).replace("\n", "\r\n") + "\r\n\r\n"
  (folder / cgna.LABELS["valence"]).write_text(text, "utf-8", newline="")
  assert _by_name(_load(folder))["100.jpg"] == (9.0, 1.5)


def test_archives_are_unpacked_once(folder):
  with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
    for path in sorted((folder / "images").iterdir()):
      archive.write(path, f"deep/{path.name}")
      path.unlink()
  (folder / "images").rmdir()
  first = _by_name(_load(folder))
  assert first["2.jpg"] == (2.5, 8.0)
  (folder / "pictures.zip").write_bytes(b"no longer needed")
  assert _by_name(_load(folder)) == first


@pytest.mark.parametrize(
  ("label", "text", "message"),
  [
    ("valence", _labels(VALENCE[:-1]), "has 8 pictures .* but 7 ratings in valence"),
    ("arousal", _labels([*AROUSAL, 5]), "and 9 in arousal"),
    ("valence", "5\n" * 3 + "5,5\n" + "5\n" * 4, "line 4: expected a rating .*'5,5'"),
    ("arousal", "5\n" * 7 + "9.5\n", "line 8: expected a rating between 1 and 9"),
    ("arousal", "5\n" * 7 + "nan\n", "line 8: expected a rating between 1 and 9"),
    ("valence", "5\n\n" + "5\n" * 6, "line 2: expected a rating between 1 and 9"),
  ],
)
def test_labels_that_do_not_fit_are_refused(folder, label, text, message):
  (folder / cgna.LABELS[label]).write_text(text)
  with pytest.raises(ratings.RatingsError, match=message):
    _load(folder)


def test_two_pictures_of_one_number_are_refused(folder):
  (folder / "images" / "07.png").write_bytes(_jpeg(1))
  with pytest.raises(ratings.RatingsError, match="two pictures have the number 7"):
    _load(folder)


def test_what_is_missing_is_told_with_both_ways_to_get_it(folder):
  (folder / cgna.LABELS["arousal"]).unlink()
  for place in (folder, folder / "gone"):
    with pytest.raises(ratings.RatingsError, match=r"--download .*--manual_dir"):
      _load(place)


def test_a_damaged_archive_is_refused(folder):
  (folder / "more.zip").write_bytes(b"PK\x03\x04 cut off")
  with pytest.raises(ratings.RatingsError, match=r"more.zip cannot be unpacked"):
    _load(folder)


@pytest.fixture
def article(folder, host):
  """The folder's files as Figshare serves them; returns the article's address."""
  packed = io.BytesIO()
  with zipfile.ZipFile(packed, "w") as archive:
    for path in (folder / "images").iterdir():
      archive.write(path, f"pics/{path.name}")
  files = {"pictures.zip": packed.getvalue()}
  files |= {name: (folder / name).read_bytes() for name in cgna.LABELS.values()}
  described = {
    "license": {"name": "CC BY 4.0"},
    "files": [
      {
        "name": name,
        "size": len(content),
        "computed_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "download_url": f"{host.address}/{name}",
      }
      for name, content in files.items()
    ],
  }
  host.files = {f"/files/{name}": content for name, content in files.items()}
  host.files["/files/article"] = json.dumps(described).encode()
  return f"{host.address}/article"


def test_the_article_is_downloaded_and_read(tmp_path, article, monkeypatch, capsys):
  monkeypatch.setattr(cgna, "ARTICLE", article)
  there = tmp_path / "downloaded"
  cgna.fetch_article(there, article)
  assert "licence: CC BY 4.0" in capsys.readouterr().out
  assert _by_name(_load(there))["10.jpg"] == (6.0, 4.0)


def test_a_download_that_was_cut_off_goes_on(tmp_path, article, host):
  there = tmp_path / "downloaded"
  host.limit = 1000  # the article's description is shorter
  assert len(host.files["/files/article"]) < 1000
  with pytest.raises(DownloadError, match="run this again to go on"):
    cgna.fetch_article(there, article)
  host.limit = None
  cgna.fetch_article(there, article)
  assert "bytes=1000-" in host.ranges
  assert (there / "pictures.zip").read_bytes() == host.files["/files/pictures.zip"]


def test_what_is_not_the_published_file_is_refused(tmp_path, article, host):
  label = cgna.LABELS["valence"]
  whole = host.files[f"/files/{label}"]
  host.files[f"/files/{label}"] = whole[:-2] + b"8\n"
  with pytest.raises(DownloadError, match="has md5"):
    cgna.fetch_article(tmp_path / "a", article)
  host.files[f"/files/{label}"] = b"<html>" + whole[6:]
  with pytest.raises(DownloadError, match="a web page came instead"):
    cgna.fetch_article(tmp_path / "b", article)
  host.files["/files/article"] = b"<html>sign in</html>"
  with pytest.raises(DownloadError, match="leave --download out"):
    cgna.fetch_article(tmp_path / "c", article)


def test_without_a_network_the_way_by_hand_is_named(tmp_path):
  nobody = "http://127.0.0.1:9/article"  # the discard port, where none listens
  with pytest.raises(DownloadError, match="by hand"):
    cgna.fetch_article(tmp_path, nobody)


def test_it_is_prepared_with_its_ratings(folder, tmp_path):
  data = config.DataConfig(
    dataset="va_emotion/cgna10766",
    manual_dir=str(folder),
    data_dir=str(tmp_path / "tfds"),
  )
  lbp = config.ExtractConfig(features=("lbp",), cache_dir="")
  dataset = prepare.prepare(data, lbp, say=lambda _: None)
  assert dataset.name == "va_emotion/cgna10766"
  ratings = dict(zip(dataset.image_ids, dataset.ratings.tolist(), strict=True))
  assert ratings["images/007.jpg"] == [4.0, 6.0]
  assert any("not the 10,766" in note for note in dataset.notes)


@pytest.mark.slow
def test_the_training_program_takes_it(folder, tmp_path):
  command = ["-m", "emojax.train", "--dataset=va_emotion/cgna10766"]
  command += [f"--manual_dir={folder}", f"--data_dir={tmp_path / 'tfds'}"]
  command += ["--preset=paper", "--features=color,lbp", "--hidden=8"]
  command += ["--max_epochs=2", "--cache_dir="]
  command += [f"--workdir={tmp_path / 'run'}"]
  done = helpers.run(*command)
  assert done.returncode == 0, done.stderr
  with (tmp_path / "run" / "predictions.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == len(NAMES)
  by_name = {row["image"]: float(row["valence_rated"]) for row in rows}
  assert by_name["images/10.jpg"] == 6.0
