"""Tables as LaTeX with booktabs, for papers.

In: rows of text. Out: a `table` environment that a document can `\\input`.
"""

import re
from collections.abc import Sequence

_SPECIAL = {
  **{letter: f"\\{letter}" for letter in "&%$#_{}"},
  "\\": r"\textbackslash{}",
  "~": r"\textasciitilde{}",
  "^": r"\textasciicircum{}",
  "<": r"\textless{}",
  ">": r"\textgreater{}",
  "|": r"\textbar{}",
  '"': r"\textquotedbl{}",
}
_MOST_LINES = 40  # of a table that fits on a page
_NUMBER = re.compile(r"[-+]?\d")


def table(rows: Sequence[Sequence[str]], caption: str) -> str:
  """A table; its first row is the head. One of many rows may break between pages.

  Columns of numbers stand on the right. A first cell that is indented stays so.
  """
  is_long = len(rows) > _MOST_LINES
  columns = "".join("l" if is_text else "r" for is_text in text_columns(rows))
  head, *body = (" & ".join(map(_cell, row)) + r" \\" for row in rows)
  lines = [r"\toprule", head, r"\midrule", *body, r"\bottomrule"]
  title = f"\\caption{{{escaped(caption)}}}"
  if is_long:
    packages, around = "booktabs,longtable", [f"\\begin{{longtable}}{{{columns}}}"]
    lines = [*around, title + r" \\", *lines, r"\end{longtable}"]
  else:
    packages = "booktabs"
    start = [r"\begin{table}", r"\centering", title, f"\\begin{{tabular}}{{{columns}}}"]
    lines = [*start, *lines, r"\end{tabular}", r"\end{table}"]
  return "\n".join([f"% In the preamble: \\usepackage{{{packages}}}", *lines]) + "\n"


def text_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
  """Which columns are words, and not numbers with or without an interval.

  The first one, which says what a row is, counts as words; the first row is the head.
  """
  are_text = []
  for number in range(len(rows[0])):
    told = [row[number] for row in rows[1:] if row[number].strip()]
    numbers = sum(bool(_NUMBER.match(cell)) for cell in told)
    are_text.append(number == 0 or numbers * 2 < len(told))
  return are_text


def escaped(text: str) -> str:
  """Text as LaTeX prints it, on one line; other scripts need a font that has them."""
  text = "".join(_SPECIAL.get(letter, letter) for letter in text)
  return " ".join(text.split())


def _cell(text: str) -> str:
  indent = r"\quad " if text.startswith("  ") else ""
  # A bracket after the end of a row would be taken for the space below it.
  shown = escaped(text)
  return indent + (f"{{{shown}}}" if shown.startswith("[") else shown)
