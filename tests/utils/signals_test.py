"""Signals stay ours, whatever a library puts in the place of our handlers."""

import signal
import subprocess
import sys

from emojax.utils import signals


def test_what_a_library_sets_is_taken_out():
  before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  with signals.kept():
    signal.signal(signal.SIGTERM, lambda *_: None)
  after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
  assert after == before


_WRITES = """
import os, pathlib, signal, sys, time
from emojax.utils import files, signals
signals.install()
with files.writing(pathlib.Path(sys.argv[1])) as file:
  file.write(b"half")
  os.kill(os.getpid(), signal.SIGTERM)
  time.sleep(60)
"""


def test_a_signal_removes_what_is_half_written(tmp_path):
  path = tmp_path / "ratings.csv"
  path.write_text("old")
  done = subprocess.run([sys.executable, "-c", _WRITES, path], check=False)
  assert done.returncode == 128 + signal.SIGTERM
  assert list(tmp_path.iterdir()) == [path] and path.read_text() == "old"


def test_multiprocessing_half_imported_has_no_children(monkeypatch):
  module = type(sys)("multiprocessing.process")
  monkeypatch.setitem(sys.modules, "multiprocessing.process", module)
  signals._kill_children()
  exec("def active_children():\n  return _children", module.__dict__)
  signals._kill_children()
