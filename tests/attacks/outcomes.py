"""What may come of reading a file from strangers: a value, or one clear line.

In: a reader, and the file. Out: which of the two it was; anything else is a fault.
"""

from collections.abc import Callable
from typing import Any

VALUE, ERROR = "value", "error"
_LONGEST = 4000  # of a line; as much as a terminal is told


def attempt(read: Callable[[], Any], name: str) -> tuple[str, Any]:
  """`VALUE` and what was read, or `ERROR` and the line that refuses it.

  Args:
    read: reads a file.
    name: what the line has to name; "": the caller knows which file it was.
  Raises:
    AssertionError: the line is none, or does not say which file.
    Exception: anything that `cli.run` would show as a traceback.
  """
  try:
    return VALUE, read()
  except (ValueError, OSError) as error:  # what `cli.run` makes one line of
    line = " ".join(str(error).split())
    assert line and name in line and len(line) < _LONGEST, repr(line)
    return ERROR, line
