"""A call in a process of its own: its value, its error, its death, and a signal."""

import functools
import os
import signal
import time

import attacks.processes as processes
import pytest

from emojax.bench import apart

pytestmark = pytest.mark.slow  # starts Python again and again

_PROGRAM = """
from emojax.bench import apart
from emojax.utils import cli
def main(words):
  apart.call(exec, "import time; print('ready', flush=True); time.sleep(60)")
if __name__ == "__main__":
  cli.run(main, "emojax.program", "", interrupted="stopped; go on so")
"""


def test_what_it_returns_raises_or_dies_of():
  assert apart.call(max, 3, 4) == 4
  with pytest.raises(ValueError, match="invalid literal"):
    apart.call(int, "x")
  with pytest.raises(RuntimeError, match="process of _exit ended with status 3"):
    apart.call(os._exit, 3)


def test_calls_are_kept_ready_and_timed_there():
  with apart.Calls(_prepared, 0.05) as calls:
    assert calls.value == os.getpid()
    assert calls.names == ["sleep", "fail"]
    assert calls.seconds("sleep") >= 0.05
    with pytest.raises(ZeroDivisionError):
      calls.seconds("fail")
    assert calls.seconds("sleep") >= 0.05  # it goes on
  with pytest.raises(RuntimeError, match="process of _exit ended with status 3"):
    apart.Calls(os._exit, 3)


def _prepared(seconds):
  calls = {"sleep": functools.partial(time.sleep, seconds), "fail": lambda: 1 / 0}
  return calls, os.getppid()


def test_a_signal_says_its_line_and_nothing_else():
  process = processes.start("-c", _PROGRAM)
  assert process.stdout.readline() == "ready\n"
  process.send_signal(signal.SIGTERM)
  outcome = processes.ended(process)
  assert outcome.status == 143
  assert outcome.err == "emojax.program: stopped; go on so\n"
