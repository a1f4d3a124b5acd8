"""Names that may be two spellings of one thing: which pairs are asked about."""

import pytest

from emojax.raters import spellings


@pytest.mark.parametrize(
  ("first", "second"),
  [
    ("set1/p0.jpg", "set1/P0.JPG"),
    ("p0.jpg", "set1/p0.jpg"),
    ("p0", "p0.jpg"),
    ("p0", "images/set1/p0.jpg"),
    ("set1/p0.jpg", "https://example.org/x/set1/p0.jpg"),
    ("a b.jpg", "a%20b.jpg"),
    ("\u03b8\u03ac.png", "set/\u0398\u0386.png"),
  ],
)
def test_pictures_that_may_be_one(first, second):
  assert [set(pair) for pair in spellings.images([first, second, "other.jpg"])] == [
    {first, second}
  ]


def test_pictures_that_are_others():
  ids = ["a/1.jpg", "b/1.jpg", "1.png", "11.jpg", "a/11.jpeg", "1.jpg/2.jpg"]
  assert not spellings.images(ids)


@pytest.mark.parametrize(
  ("first", "second"),
  [
    ("w1", "W1"),
    ("A 01", "A01"),
    ("A-01", "a_01"),
    ("s1-1", "S1.1"),
    ("12", "12.0"),
    ("Ζωή", "ΖΩΉ"),
  ],
)
def test_workers_that_may_be_one(first, second):
  assert spellings.workers([first, second, "other"]) == [(first, second)]


def test_workers_that_are_others():
  assert not spellings.workers(["1", "10", "1-5", "15.", "Zoe", "Zoë", "?", "!"])


def test_the_line_says_how_many_and_shows_one():
  lines = spellings.questions(["p.jpg", "P.jpg"], ["a", "A", "b", "B"])
  assert [line.partition(" may be")[0] for line in lines] == [
    "A pair of pictures",
    "2 pairs of workers",
  ]
  assert "'p.jpg' and 'P.jpg'" in lines[0]
  assert not spellings.questions(["p.jpg"], ["a"])
