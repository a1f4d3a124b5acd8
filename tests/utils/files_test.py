"""Files written whole, and CSV that any file name survives."""

import ast
import csv
import io
import json
import math
import os

import helpers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emojax.evaluation import bootstrap
from emojax.utils import files


def test_text_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
  path = tmp_path / "table.md"
  files.write(path, "old")

  def full_disk(_):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "fsync", full_disk)
  with pytest.raises(OSError, match="No space"):
    files.write(path, "new")
  assert path.read_text() == "old"
  assert [p.name for p in tmp_path.iterdir()] == ["table.md"]


@given(st.lists(st.text(), min_size=2, max_size=4))
@example(["a\rb", "c"])
@example(["two\nlines", 'say "hi", you'])
def test_csv_comes_back_as_it_was(cells):
  text = files.csv_line(*cells)
  assert text.endswith("\n")
  read = next(csv.reader(io.StringIO(text, newline="")))
  assert list(map(files.unguarded, read)) == [files.utf8(cell) for cell in cells]


_MARKS = tuple("=+-@\uff1d\uff20")


@given(st.text(["'", *_MARKS, *" \t\r\n\0\ufeff1.e"], max_size=6))
@example("'-5")
@example("''=1")
def test_no_cell_is_run_and_the_guard_comes_off_exactly(cell):
  guarded = files.guarded(cell)
  assert files.unguarded(guarded) == cell
  shown = guarded.strip(" \t\r\n\0\ufeff")
  try:
    float(shown)
  except ValueError:
    assert shown[:1] not in _MARKS


@pytest.mark.parametrize("cell", ["-5", "+.5e-3", "a=b", "'tis", "", "sub/=1.png"])
def test_numbers_and_plain_names_need_no_guard(cell):
  assert files.guarded(cell) == files.unguarded(cell) == cell


def test_rows_of_any_kind_become_lines():
  rows = [("path", "n"), ["a,b", 3], (cell for cell in ("c", None))]
  assert files.csv_text(rows) == 'path,n\n"a,b",3\nc,None\n'
  assert files.csv_text([]) == ""


def test_what_is_no_number_is_null_in_json():
  value = bootstrap.Interval(1.5, math.nan, math.inf)
  assert files.plain({"a": [value, math.nan, 2], "b": (0.5, None)}) == {
    "a": [{"value": 1.5, "low": None, "high": None}, None, 2],
    "b": [0.5, None],
  }


def test_json_is_read_by_readers_that_know_no_nan():
  value = {
    "scores": [math.nan, -math.inf, 0.5],
    "r": bootstrap.Interval(1, 0, math.nan),
  }
  expected = {"scores": [None, None, 0.5], "r": {"value": 1, "low": 0, "high": None}}
  text, line = files.json_text(value), files.json_line(value)
  assert text.endswith("}\n") and line.count("\n") == 1
  for written in (text, line):
    read = json.loads(written, parse_constant=pytest.fail)
    assert read == expected
  assert files.json_text({"a": "Zoë"}, ensure_ascii=False) == '{\n  "a": "Zoë"\n}\n'
  assert math.isnan(files.number(None)) and files.number(0.5) == 0.5


def test_nothing_else_writes_json_that_could_hold_nan():
  # This one is hashed and not written; another text would be another fingerprint.
  hashed = {"datasets/va_emotion/collection.py"}
  package = helpers.ROOT / "emojax"
  careless = set()
  for path in package.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
      name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
      is_dump = name in ("json.dump", "json.dumps")
      if is_dump and "allow_nan=False" not in map(ast.unparse, node.keywords):
        careless.add(path.relative_to(package).as_posix())
  assert careless == hashed


def test_a_name_that_is_not_utf8_can_be_written(tmp_path):
  name = os.fsdecode(b"caf\xe9.jpg")
  files.write(tmp_path / "rows.csv", files.csv_line(name, "ok"))
  assert (tmp_path / "rows.csv").read_text("utf-8") == "caf\\udce9.jpg,ok\n"
