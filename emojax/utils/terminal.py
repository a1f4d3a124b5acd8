"""What people are told on a terminal: one way out for every program.

In: text, parts of which are from files and tables of strangers. Out: the same on
standard output or standard error, with control characters shown instead of obeyed and
what is too long to read cut in its middle.
"""

import re
import sys
import unicodedata
from typing import TextIO

# The longest word is longer than any file name; a line may list a few of them.
_WORD, _LINE = 600, 4000
_NOTE = 50  # room to say what is left out
_LONG_WORD = re.compile(rf"[^\s]{{{_WORD + 1},}}")


def say(text: str = "") -> None:
  """Prints a text, one line or several, on standard output."""
  _print(shown(text) + "\n", sys.stdout)


def tell(line: str, start: str = "", end: str = "\n") -> None:
  """Prints a line on standard error, line ends in it escaped too."""
  _print(start + _shown_line(line) + end, sys.stderr)


def give(text: str) -> None:
  """Prints a table: for a program as it is, for a person with controls `visible`."""
  if sys.stdout.isatty():
    text = "\n".join(map(visible, text.split("\n")))
  _print(text, sys.stdout)


def shown(text: str) -> str:
  """The same as people may see it: controls `visible`, long words and lines cut."""
  return "\n".join(map(_shown_line, text.split("\n")))


def visible(line: str) -> str:
  """A line with the characters that a terminal would obey, or not show, escaped.

  Those are control characters and line ends, marks that change the direction of
  writing, and bytes of file names that are not UTF-8: \\x1b, \\u202e, \\udcff.
  """
  if line.isprintable():
    return line
  return "".join(c if _is_visible(c) else _escaped(c) for c in line)


def _shown_line(line: str) -> str:
  # Cut before, because escaping takes time, and after, because it makes text longer.
  return _cut_line(visible(_cut_line(line)))


def _cut_line(line: str) -> str:
  if len(line) <= _WORD:
    return line
  return _cut(_LONG_WORD.sub(lambda match: _cut(match[0], _WORD), line), _LINE)


def _cut(text: str, most: int) -> str:
  """A text of at most so many letters: its start, how many are left out, its end."""
  if len(text) <= most:
    return text
  room = most - _NOTE
  start = room * 2 // 3
  note = f" ... {len(text) - room:,} letters left out ... "
  return text[:start] + note + text[start - room :]


def _is_visible(letter: str) -> bool:
  return letter.isprintable() or unicodedata.category(letter) == "Zs" or letter == "\t"


def _escaped(letter: str) -> str:
  return letter.encode("unicode_escape").decode()


def _print(text: str, stream: TextIO) -> None:
  encoding = stream.encoding or "utf-8"
  fitting = text.encode(encoding, "backslashreplace").decode(encoding)
  try:
    print(fitting, end="", file=stream, flush=True)
  except BrokenPipeError:
    raise
  except OSError as error:  # such as a full disk; by itself it names no file
    raise OSError(error.errno, error.strerror, "standard output") from error
