"""The rating page as a text: nothing breaks out of it, and mistakes are told."""

import csv
import dataclasses
import io
import json
import os
import re
import subprocess
import sys

import helpers
import pytest
from PIL import Image
from raters import rating_help

from emojax.raters.config import RatingPageConfig
from emojax.raters.rating_page import page as rating_page
from emojax.utils import errors, files

_SETTINGS = RatingPageConfig()


def _data(text):
  (content,) = re.findall(
    '<script type="application/json" id="data">(.*?)</script>', text
  )
  return json.loads(content)


def _program(*arguments):
  return helpers.run("-m", "emojax.raters", "page", *arguments)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
  return rating_help.draw(tmp_path_factory.mktemp("odd"), rating_help.NAMES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
  return rating_help.draw(tmp_path_factory.mktemp("plain"), rating_help.PLAIN)


def test_names_and_texts_cannot_break_out(odd):
  text = rating_help.make(
    odd, title="<b>&T", instructions="<i>1\n\n2", closing="<u>", warning="<s>"
  )
  assert [name for name, *_ in _data(text)["pictures"]] == sorted(
    rating_help.NAMES, key=lambda name: tuple(name.split("/"))
  )
  assert "alert(1)" in text and "<script>alert" not in text
  for part in (
    "&lt;b&gt;&amp;T",
    "<p>&lt;i&gt;1</p>",
    "<p>2</p>",
    "&lt;u&gt;",
    "&lt;s",
  ):
    assert part in text
  assert not re.search("<[bius]>", text)


def test_a_page_without_a_warning(odd):
  assert "Content warning" in rating_help.make(odd)
  assert "Content warning" not in rating_help.make(odd, warning="none")


def test_answers_survive_new_texts_but_not_new_pictures(odd, plain):
  digest = _data(rating_help.make(odd))["digest"]
  assert _data(rating_help.make(odd, title="other"))["digest"] == digest
  assert _data(rating_help.make(odd, most=3))["digest"] != digest
  assert _data(rating_help.make(plain))["digest"] != digest


def _policy(folder, **settings):
  """The content security policy of a page, by directive."""
  text = rating_help.make(folder, **settings)
  (content,) = re.findall('Security-Policy" content="([^"]+)"', text)
  return dict(part.split(" ", 1) for part in content.replace("&#39;", "'").split("; "))


def test_the_policy_names_the_only_addresses(odd):
  alone = _policy(odd)
  assert alone["default-src"] == alone["form-action"] == "'none'"
  assert alone["img-src"] == "data:" and "unsafe" not in str(alone)
  turk = _policy(odd, post_url="https://www.mturk.com/mturk/externalSubmit")
  assert turk["form-action"] == "https://www.mturk.com https://*.mturk.com"
  local = _policy(
    odd, post_url="http://127.0.0.1:8080/x", base_url="http://localhost/p"
  )
  assert local["form-action"] == "http://127.0.0.1:8080"
  assert local["img-src"] == "data: http://localhost"


@pytest.mark.parametrize(
  ("changed", "message"),
  [
    ({"most": 0}, "--most should be 1 or more"),
    ({"quality": 0}, "--quality should be 1 to 95; got 0"),
    ({"side_px": 9}, "--side_px should be 16 to 8192"),
    ({"worker_parameter": ""}, "--worker_parameter should be a name"),
    ({"post_url": "mturk.com"}, "--post_url should be an address such as https://"),
    ({"post_url": "https://a.org; img-src *"}, "--post_url should be an address"),
    ({"post_url": "https://a.org:port"}, "--post_url should be an address"),
    ({"base_url": "javascript:alert(1)"}, "--base_url should be an address"),
    ({"base_url": "https://a.org/?set=1"}, "without \\? and #"),
  ],
)
def test_settings_of_no_page_are_refused(changed, message):
  with pytest.raises(errors.UserError, match=message):
    rating_page.check(dataclasses.replace(_SETTINGS, **changed))


def test_no_picture_no_page():
  with pytest.raises(errors.UserError, match="no picture to rate"):
    rating_page.page([], _SETTINGS)


def test_the_program_makes_the_page_and_a_listing(odd, tmp_path):
  output = tmp_path / "page.html"
  done = _program(f"--images_dir={odd}", f"--output={output}", "--most=3")
  assert done.returncode == 0, done.stderr
  assert "each worker rates 3" in done.stdout
  assert _data(output.read_text("utf-8"))["most"] == 3
  listing = (tmp_path / "page-pictures.csv").read_bytes().decode()
  rows = list(csv.reader(io.StringIO(listing, newline="")))
  assert rows[0] == ["path", "status", "reason"]
  assert {files.unguarded(row[0]) for row in rows[1:]} == set(rating_help.NAMES)
  assert {row[1] for row in rows[1:]} == {"ok"}


def test_broken_pictures_are_told_and_left_out(tmp_path):
  folder = rating_help.draw(tmp_path / "some", ("good.png",))
  (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff")
  output = tmp_path / "page.html"
  done = _program(f"--images_dir={folder}", f"--output={output}")
  assert done.returncode == 1 and "Traceback" not in done.stderr
  assert "bad.jpg: " in done.stderr and "1 of 2 pictures cannot be shown" in done.stderr
  assert [image[0] for image in _data(output.read_text("utf-8"))["pictures"]] == [
    "good.png"
  ]
  assert "bad.jpg,error," in (tmp_path / "page-pictures.csv").read_text("utf-8")


def test_mistakes_are_one_line(tmp_path):
  page = tmp_path / "page.html"
  done = _program(f"--images_dir={tmp_path / 'none'}", f"--output={page}")
  assert done.returncode == 1 and done.stderr.count("\n") == 1
  assert done.stderr.startswith("emojax.raters page: error: expected a folder of pict")


def test_mistakes_say_what_to_do(tmp_path):
  (tmp_path / "broken").mkdir()
  (tmp_path / "broken" / "a.png").write_bytes(b"")
  (tmp_path / "empty").mkdir()
  page = str(tmp_path / "page.html")
  mistakes = [
    ("", page, "--images_dir=PICTURES is needed"),
    (str(tmp_path / "empty"), page, "there is no picture in"),
    (str(tmp_path / "broken"), page, "none of the 1 pictures in"),
    (".", "page.txt", "should end in .html"),
    (".", "/none/page.html", "there is no folder /none"),
  ]
  program = """
import json, sys
from absl import flags
from emojax.raters.rating_page import page as rating_page
rating_page.define_flags()
for folder, output, _ in json.loads(sys.argv[1]):
  flags.FLAGS(["page", f"--images_dir={folder}", f"--output={output}"])
  try:
    rating_page.main([])
  except ValueError as error:
    print(error)
"""
  done = subprocess.run(
    [sys.executable, "-c", program, json.dumps(mistakes)],
    capture_output=True,
    text=True,
    cwd=helpers.ROOT,
  )
  assert done.returncode == 0, done.stderr
  for line, (*_, message) in zip(done.stdout.splitlines(), mistakes, strict=True):
    assert message in line
  assert not (tmp_path / "page.html").exists()


def test_every_file_below_the_folder_is_a_row_or_a_count(plain, tmp_path):
  place, output = tmp_path / "place", tmp_path / "page.html"
  place.mkdir()
  (place / "linked").symlink_to(plain)
  rating_help.draw(place, ["own.png"])
  (place / "layers.psd").write_bytes(b"8BPS")
  os.mkfifo(place / "pipe.jpg")
  done = _program(f"--images_dir={place}", f"--output={output}")
  assert done.returncode == 1
  listing = (tmp_path / "page-pictures.csv").read_text()
  # A page goes to others: it has what lies in the folder that was named.
  assert listing.count("outside of what was named") == len(rating_help.PLAIN)
  assert listing.count("linked/") == len(rating_help.PLAIN)
  assert [name for name, *_ in _data(output.read_text("utf-8"))["pictures"]] == [
    "own.png"
  ]
  assert 'pipe.jpg,error,"the file cannot be opened: it is a named pipe' in listing
  assert "1 other files in the folders are no pictures by their endings" in done.stderr


def test_help_needs_no_heavy_library():
  program = "import sys, emojax.raters.rating_page.page; print(*sys.modules)"
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, cwd=helpers.ROOT
  )
  assert done.returncode == 0, done.stderr
  assert not {"jax", "matplotlib", "sklearn", "scipy"} & set(done.stdout.split())


def test_an_installed_emojax_has_the_page_s_parts():
  setup = (helpers.ROOT / "setup.cfg").read_text("utf-8")
  (patterns,) = re.findall(r"^\* = (.*)$", setup, re.MULTILINE)
  parts = list((helpers.ROOT / "emojax" / "raters" / "rating_page").glob("page.*"))
  assert {path.suffix for path in parts} == {".py", ".html", ".css", ".js"}
  for path in parts:
    assert path.suffix == ".py" or f"*{path.suffix}" in patterns.split(", ")


def test_only_listed_pictures_are_shown(tmp_path):
  for name in ("a.png", "b.png", "c/d.png"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(tmp_path / name)
  listed = tmp_path / "kept.txt"
  listed.write_text("c/d.png\na.png\na.png\ngone.png\n")
  output = tmp_path / "page.html"
  flags = (f"--images_dir={tmp_path}", f"--output={output}", f"--only={listed}")
  done = _program(*flags)
  assert done.returncode == 1 and "1 of 3 pictures cannot be shown" in done.stderr
  shown = [name for name, *_ in _data(output.read_text("utf-8"))["pictures"]]
  assert shown == ["c/d.png", "a.png"]
  with (tmp_path / "page-pictures.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert [row["path"] for row in rows] == ["c/d.png", "a.png", "gone.png"]


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (b"\n \n", "lists no picture: expected one name a line"),
    (b"a.png\n../b.png\n", "lists '../b.png': expected names below --images_dir"),
    (b"\xff\xfe\x00", "is no text file in UTF-8"),
    (None, "No such file"),
  ],
)
def test_a_list_that_cannot_be_used_is_one_line(tmp_path, content, message):
  Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
  if content is not None:
    (tmp_path / "kept.txt").write_bytes(content)
  flags = (f"--images_dir={tmp_path}", f"--only={tmp_path / 'kept.txt'}")
  done = _program(*flags, f"--output={tmp_path / 'page.html'}")
  assert done.returncode == 1 and done.stderr.count("\n") == 1
  assert message in done.stderr
