"""Signals stay ours, whatever a library puts in the place of our handlers."""

import signal

from emojax.utils import signals


def test_what_a_library_sets_is_taken_out():
  before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  with signals.kept():
    signal.signal(signal.SIGTERM, lambda *_: None)
  after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  assert after == before
