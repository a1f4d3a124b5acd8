"""Progress bars with the time left: drawn often on a terminal, rarely in a log file.

Where a bar moves on, its loop can be left: a signal ends it there.
"""

import sys

from tqdm import tqdm

from emojax.utils import signals, terminal

_TERMINAL_SECONDS, _LOG_SECONDS = 0.2, 10.0


class _Bar(tqdm):
  """A bar that looks for signals, whether it is drawn or not."""

  def __init__(self, **settings):
    signals.begin_loop(id(self))
    super().__init__(**settings)

  def update(self, n=1):
    signals.check()
    return super().update(n)

  def display(self, msg=None, pos=None):
    if not signals.is_stopping():  # what was told last stays the last line
      return super().display(msg, pos)
    return None

  def close(self):
    signals.end_loop(id(self))
    self.disable |= signals.is_stopping()
    super().close()


def bar(total: int, unit: str, show: bool, about: str = "", done: int = 0) -> tqdm:
  """A bar on standard error.

  Args:
    total: how many units there are.
    unit: what is counted, such as "picture".
    show: whether to draw at all.
    about: stands before the bar.
    done: units finished earlier.
  Returns:
    The bar; its `update` raises `signals.Stopped` after a signal.
  """
  seconds = _TERMINAL_SECONDS if sys.stderr.isatty() else _LOG_SECONDS
  return _Bar(
    total=total,
    initial=done,
    desc=terminal.shown(about) or None,
    unit=unit,
    disable=not show,
    mininterval=seconds,
    maxinterval=seconds,
  )
