"""Progress bars with the time left: drawn often on a terminal, rarely in a log file."""

import sys

from tqdm import tqdm

from emojax.utils import terminal

_TERMINAL_SECONDS, _LOG_SECONDS = 0.2, 10.0


def bar(total: int, unit: str, show: bool, about: str = "", done: int = 0) -> tqdm:
  """A bar on standard error.

  Args:
    total: how many units there are.
    unit: what is counted, such as "picture".
    show: whether to draw at all.
    about: stands before the bar.
    done: units finished earlier.
  """
  seconds = _TERMINAL_SECONDS if sys.stderr.isatty() else _LOG_SECONDS
  return tqdm(
    total=total,
    initial=done,
    desc=terminal.shown(about) or None,
    unit=unit,
    disable=not show,
    mininterval=seconds,
    maxinterval=seconds,
  )
