"""A call in a process of its own: its value, its error, its death, and a signal."""

import os
import signal

import attacks.processes as processes
import pytest

from emojax.bench import apart

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


def test_a_signal_says_its_line_and_nothing_else():
  process = processes.start("-c", _PROGRAM)
  assert process.stdout.readline() == "ready\n"
  process.send_signal(signal.SIGTERM)
  outcome = processes.ended(process)
  assert outcome.status == 143
  assert outcome.err == "emojax.program: stopped; go on so\n"
