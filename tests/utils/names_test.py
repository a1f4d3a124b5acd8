"""One normal form of a picture's name, and which file a name means."""

import pytest

from emojax.utils import names

ZOE = "Zo\u00eb.jpg"
ZOE_APART = "Zoe\u0308.jpg"


@pytest.mark.parametrize(
  ("name", "normal"),
  [
    (r"set1\p0.jpg", "set1/p0.jpg"),
    ("./set1//p0.jpg", "set1/p0.jpg"),
    (" set1/./p0.jpg ", "set1/p0.jpg"),
    (ZOE_APART, ZOE),
    ("https://host/a//b.jpg", "https://host/a/b.jpg"),
    ("/a//b.jpg", "/a/b.jpg"),
    ("P0.JPG", "P0.JPG"),
  ],
)
def test_the_normal_form(name, normal):
  assert names.normal(name) == names.normal(normal) == normal


@pytest.mark.parametrize("name", ["", "  ", "../x.jpg", "/x.jpg", r"C:\x.jpg", "."])
def test_what_is_no_picture_below_a_folder(name):
  with pytest.raises(ValueError, match="expected a p"):
    names.image_id(name)


FILES = names.Files(["a.jpg", "Acorns 3.jpg", ZOE_APART, "set1/p0.jpg", "4621.1.png"])


@pytest.mark.parametrize(
  ("name", "file", "prefix"),
  [
    ("a.jpg", "a.jpg", ""),
    ("Acorns 3", "Acorns 3.jpg", ""),
    ("4621.1", "4621.1.png", ""),
    (ZOE, ZOE_APART, ""),
    (r"set1\p0.jpg", "set1/p0.jpg", ""),
    (r"C:\Users\me\set1\p0", "set1/p0.jpg", "C:/Users/me/"),
    ("/home/me/a.jpg", "a.jpg", "/home/me/"),
    ("images/a.jpg", "a.jpg", "images/"),
    ("https://host/x/Acorns%203.jpg?size=big#top", "Acorns 3.jpg", "https://host/x/"),
    ("../pictures/a.jpg", "a.jpg", "../pictures/"),
  ],
)
def test_the_file_that_a_name_means(name, file, prefix):
  resolved = FILES.resolve([name])
  assert resolved.image_ids == [file] and resolved.problems == {}
  assert resolved.prefix == prefix


def test_what_is_not_there_keeps_its_normal_form():
  resolved = FILES.resolve([r"x\b.jpg", "A.jpg", "", "../b.jpg"])
  assert resolved.image_ids == ["x/b.jpg", "A.jpg", "", ""]
  assert resolved.problems.keys() == {2, 3}


def test_a_name_that_fits_two_files_shows_both():
  files = names.Files(["a.jpg", "a.png", "b.jpg", ZOE, ZOE_APART])
  resolved = files.resolve(["a", "a.png", ZOE])
  assert resolved.problems == {0: "'a' may be 'a.jpg' or 'a.png': write it whole"}
  assert resolved.image_ids[1:] == ["a.png", ZOE]  # as it is spelled


def test_only_what_stands_before_all_names_is_left_out():
  """A folder that is missing is not taken for one too many."""
  files = names.Files(["set1/p0.jpg", "p0.jpg"])
  resolved = files.resolve(["set1/p0.jpg", "set2/p0.jpg"])
  assert resolved.image_ids == ["set1/p0.jpg", "set2/p0.jpg"] and resolved.prefix == ""
  resolved = files.resolve(["x/set1/p0.jpg", "x/p0.jpg", "x/gone.jpg"])
  assert resolved.image_ids == ["set1/p0.jpg", "p0.jpg", "gone.jpg"]
  assert resolved.prefix == "x/"


@pytest.mark.parametrize(
  ("name", "hint"),
  [
    ("A.JPG", "'a.jpg'"),
    ("a.png", "'a.jpg'"),
    ("p0.jpg", "'set1/p0.jpg'"),
    ("acorn 3.jpg", "'Acorns 3.jpg'"),
    ("a\u200b.jpg", "'a.jpg'"),
    ("zzzzzz.jpg", ""),
  ],
)
def test_hints(name, hint):
  assert FILES.hint(name) == hint


def test_a_hint_that_would_look_the_same_is_spelled_out():
  files = names.Files(["Zo\u00eb\u200b.jpg"])
  assert files.hint(ZOE) == r"'Zo\xeb\u200b.jpg'"


def test_likeness_is_not_looked_for_where_names_resolve(monkeypatch):
  """It takes time that grows with the square of the names."""
  monkeypatch.setattr(names.difflib, "SequenceMatcher", pytest.fail)
  files = names.Files(f"set/picture {n}.jpg" for n in range(6000))
  resolved = files.resolve([f"C:\\me\\set\\picture {n}" for n in range(6000)])
  assert resolved.image_ids[7] == "set/picture 7.jpg" and resolved.bare == 6000
