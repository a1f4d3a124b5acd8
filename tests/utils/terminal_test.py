"""Text of strangers on its way to a terminal."""

import ast
import io
import os
import sys

import helpers
from hypothesis import example, given
from hypothesis import strategies as st

from emojax.utils import terminal

# What a terminal obeys, and marks that turn the direction of writing.
_OBEYED = {*map(chr, (*range(32), *range(127, 160))), *"\u2028\u2029\u202e\u2066"}


@given(st.text(), st.integers(0, 3))
@example("\x1b]0;owned\x07", 0)
@example("a" * 10_000 + "\0" * 5_000, 0)
@example("\x1b" * 3_000 + " b" * 5_000, 0)
@example(os.fsdecode(b"caf\xe9.jpg"), 0)
def test_a_terminal_gets_short_lines_that_it_does_not_obey(text, repeats):
  lines = terminal.shown(text * 10**repeats).split("\n")
  for line in lines:
    assert not _OBEYED - {"\t"} & set(line) and len(line) <= 4_000
    assert all(len(word) <= 600 for word in line.split())
    line.encode()


@given(st.text("aé日\N{IDEOGRAPHIC SPACE}\n\t ,", max_size=500))
def test_what_people_write_stays(text):
  assert terminal.shown(text) == text


def test_the_start_and_the_end_of_what_is_cut_stay():
  line = terminal.shown(f"table.csv, line 3: expected a number, got {'x' * 10**6}!")
  assert line.startswith("table.csv, line 3: expected a number, got xxx")
  assert line.endswith("x!") and "999,451 letters left out" in line


def test_a_table_is_escaped_for_people_only(monkeypatch):
  for is_person, expected in ((True, "a\\x1b.jpg,ok\n"), (False, "a\x1b.jpg,ok\n")):
    stream = io.StringIO()
    stream.isatty = lambda is_person=is_person: is_person
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.give("a\x1b.jpg,ok\n")
    assert stream.getvalue() == expected


def test_a_message_is_one_line_in_any_encoding(monkeypatch):
  stream = io.TextIOWrapper(io.BytesIO(), "ascii")
  monkeypatch.setattr(sys, "stderr", stream)
  terminal.tell("é\nerror: forged")
  assert stream.buffer.getvalue() == b"\\xe9\\nerror: forged\n"


def test_nothing_else_prints():
  package = helpers.ROOT / "emojax"
  printing = {
    path.relative_to(package).as_posix()
    for path in package.rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Name) and node.id == "print"
  }
  assert printing == {"utils/terminal.py"}
