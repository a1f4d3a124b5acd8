"""Tables as Markdown that also lines up in a terminal."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
  """A Markdown table that also lines up as plain text; the first row is the head."""
  widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
  text = [
    "| "
    + " | ".join(
      cell.ljust(w) if i == 0 else cell.rjust(w)
      for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    )
    + " |"
    for row in rows
  ]
  rule = "| " + " | ".join(
    "-" * w if i == 0 else "-" * (w - 1) + ":"
    for i, w in enumerate(max(width, 3) for width in widths)
  )
  return [text[0], rule + " |", *text[1:]]
