"""What may come of an attack: a right value or one clear line, all else is a fault.

In: a reader, and the file. Out: which of the two it was.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

VALUE, ERROR = "value", "error"
MOST_SECONDS = 60.0  # until what still runs is said to hang
MOST_MB = 2000.0
_LONGEST = 4000  # of a line; as much as a terminal is told


@dataclasses.dataclass(frozen=True)
class Result:
  """What became of an attack.

  Attributes:
    outcome: a word or two to be counted.
    fault: what must not be; "": nothing.
    seconds: how long it took.
    peak_mb: the most memory that the process had meanwhile; 0: not known.
  """

  outcome: str
  fault: str = ""
  seconds: float = 0.0
  peak_mb: float = 0.0

  def within(self, most_seconds: float, most_mb: float = MOST_MB) -> "Result":
    """The same, with a fault if it took too much."""
    fault = self.fault
    if self.peak_mb > most_mb:
      fault = fault or f"{self.peak_mb:,.0f} MB of memory"
    if self.seconds > most_seconds:
      fault = fault or f"{self.seconds:.0f} s"
    return dataclasses.replace(self, fault=fault)


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
