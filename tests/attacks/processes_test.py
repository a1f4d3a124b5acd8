"""Signals, kills, two writers and full disks: nothing lost, nothing half-written."""

import os
import pathlib
import random
import resource
import signal
import sys
import time
import types

import attacks.processes as processes
import helpers
import pytest

from emojax.train import run_folder
from emojax.utils import files, locks, progress, signals

_SIGNALS = [signal.SIGINT, signal.SIGTERM]

# A program that is waiting in one long call, is in a loop, or is writing.
_PROGRAM = """
import sys
sys.argv[0] = "emojax"  # as the installed command has it
import emojax, pathlib, time
from emojax.utils import cli, progress, signals
def call():
  tell()
  time.sleep(60)
def loop():
  with progress.bar(10**9, "step", False) as bar:
    tell()
    try:
      while True:
        time.sleep(0.01)
        bar.update()
    finally:
      print("left the loop")
def write():
  with signals.whole():
    tell()
    time.sleep(0.5)
    pathlib.Path(sys.argv[2]).write_text("whole")
  time.sleep(60)
def late():
  signals._flush = lambda: time.sleep(0.5)
  tell()
  while not signals.is_stopping():
    time.sleep(0.001)
  time.sleep(0.2)
  with signals.whole():
    pathlib.Path(sys.argv[2]).write_text("half")
    time.sleep(60)
def swallowed():
  tell()
  while True:
    try: time.sleep(0.01)
    except BaseException: pass
def tell():
  print("ready", flush=True)
cli.run(lambda words: globals()[words[0]](), "emojax.program", "", arguments="WHAT",
        interrupted="stopped; go on so")
"""


def _stopped(number, *words, again=False):
  process = processes.start("-c", _PROGRAM, *words)
  assert process.stdout.readline() == "ready\n"
  process.send_signal(number)
  if again:
    assert process.stderr.readline() == "emojax.program: stopped; go on so\n"
    process.send_signal(number)
  return processes.ended(process)


@pytest.mark.parametrize("number", _SIGNALS)
@pytest.mark.parametrize("where", ["call", "swallowed"])
def test_a_signal_ends_a_program_wherever_it_is(where, number):
  outcome = _stopped(number, where)
  assert outcome.status == processes.STATUS[number]
  assert (outcome.out, outcome.err) == ("", "emojax.program: stopped; go on so\n")


def test_a_loop_is_left_in_order():
  outcome = _stopped(signal.SIGTERM, "loop")
  assert outcome.status == 143 and outcome.out == "left the loop\n"
  assert outcome.err == "\nemojax.program: stopped; go on so\n"


def test_what_is_being_written_is_written_to_its_end(tmp_path):
  outcome = _stopped(signal.SIGINT, "write", str(tmp_path / "a"))
  assert outcome.status == 130 and (tmp_path / "a").read_text() == "whole"


def test_no_write_begins_while_a_program_is_ended(tmp_path):
  outcome = _stopped(signal.SIGTERM, "late", str(tmp_path / "a"))
  assert outcome.status == 143 and not (tmp_path / "a").exists()


def test_a_second_signal_ends_it_at_once(tmp_path):
  outcome = _stopped(signal.SIGINT, "write", str(tmp_path / "a"), again=True)
  assert outcome.status == 130 and not (tmp_path / "a").exists()


def test_what_a_shell_has_ignored_stays_ignored():
  program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + _PROGRAM
  process = processes.start("-c", program, "call")
  assert process.stdout.readline() == "ready\n"
  process.send_signal(signal.SIGINT)
  process.send_signal(signal.SIGTERM)
  assert processes.ended(process).status == 143


@pytest.mark.parametrize("number", _SIGNALS)
def test_signals_are_heard_while_a_program_is_imported(number):
  """As early as Python runs anything of emojax."""
  process = processes.start("-v", "-m", "emojax.train", "--help")
  for line in process.stderr:
    if line.startswith("import 'emojax.utils.signals'"):
      break
  time.sleep(0.05)
  process.send_signal(number)
  outcome = processes.ended(process)
  assert outcome.status == processes.STATUS[number] and outcome.out == ""
  assert "emojax: stopped before it had begun; repeat the command\n" in outcome.err
  assert "Traceback" not in outcome.err


def test_importing_emojax_leaves_a_user_s_signals_alone():
  done = helpers.run(
    "-c",
    "import signal; before = signal.getsignal(signal.SIGINT); import emojax; "
    "assert signal.getsignal(signal.SIGINT) is before",
  )
  assert done.returncode == 0, done.stderr


def test_without_a_signal_nothing_is_stopped():
  signals.check()
  assert not signals.is_stopping()


def _leave(path: pathlib.Path) -> pathlib.Path:
  """A draft of a process that is no more."""
  process = processes.start("-c", "")
  process.communicate()
  draft = path.with_name(f".{path.name}.{process.pid}.tmp")
  draft.write_text('{"ident')
  return draft


def test_drafts_of_killed_processes_are_swept_and_no_others(tmp_path):
  draft, other = _leave(tmp_path / "a.csv"), _leave(tmp_path / "b.csv")
  at_work = tmp_path / f".a.csv.{os.getppid()}.tmp"
  at_work.write_text("of a process that is there")
  files.write(tmp_path / "a.csv", "whole")
  assert not draft.exists() and other.exists() and at_work.exists()
  with locks.one_writer(tmp_path):
    assert not other.exists() and at_work.exists()
  assert sorted(p.name for p in tmp_path.iterdir()) == [at_work.name, "a.csv"]


def test_a_killed_look_whether_a_file_can_be_written_is_swept_by_the_next(tmp_path):
  draft = _leave(tmp_path / "a.csv")
  files.check_writable(tmp_path / "new" / "a.csv")
  assert not draft.exists()


def test_a_signal_is_heard_while_multiprocessing_is_imported(monkeypatch):
  half = types.ModuleType("half")
  monkeypatch.setitem(sys.modules, "multiprocessing.process", half)
  signals._kill_children()
  half.active_children = lambda: _children  # noqa: F821 - which is not there yet
  signals._kill_children()


def test_a_look_whether_a_file_can_be_written_is_ended_before_a_signal_ends_it(
  monkeypatch, tmp_path
):
  writes = []
  monkeypatch.setattr(files, "sweep", lambda *_: writes.append(signals._WATCH.writes))
  files.check_writable(tmp_path / "a.csv")
  assert writes == [1]


def test_nothing_is_drawn_behind_the_line_of_a_signal(monkeypatch, capsys):
  with progress.bar(2, "step", True) as bar:
    capsys.readouterr()
    monkeypatch.setattr(signals, "is_stopping", lambda: True)
    bar.set_description("further")
    bar.refresh()
  assert capsys.readouterr().err == ""


_CONFIG = {"identity": {"settings": {"seed": 0}}}


@pytest.mark.parametrize("resume", [False, True])
def test_a_kill_in_the_first_write_does_not_lock_a_run_folder(tmp_path, resume):
  _leave(tmp_path / "config.json")
  (tmp_path / locks.NAME).touch()
  with run_folder.one_run(tmp_path):
    folder = run_folder.open_run(tmp_path, _CONFIG, resume)
  assert [p.name for p in tmp_path.iterdir()] == ["config.json"]
  assert not folder.is_finished


@pytest.mark.parametrize("text", ["", "{", '{"targets": [', "[]"])
def test_half_a_result_is_not_a_finished_run(tmp_path, text):
  folder = run_folder.RunFolder(tmp_path)
  folder.results.write_text(text)
  assert not folder.is_finished


def test_a_second_writer_is_told_or_waits(tmp_path):
  with run_folder.one_run(tmp_path):
    with (
      pytest.raises(
        locks.BusyError, match=rf"process {os.getpid()}\) is writing.*--workdir"
      ),
      run_folder.one_run(tmp_path),
    ):
      pass
    program = (
      "import pathlib, sys; from emojax.utils import locks\n"
      "with locks.one_writer(pathlib.Path(sys.argv[1])): print('writes', flush=True)"
    )
    process = processes.start("-c", program, str(tmp_path))
    assert "waiting for another process" in process.stdout.readline()
  assert processes.ended(process).out == "writes\n"
  assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_file_and_space(tmp_path):
  """A limit on the size of files stands for the disk, whoever runs this."""
  path = tmp_path / "table.csv"
  before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
  limit = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
  try:
    with pytest.raises(OSError, match=r"0\.005 MB wanted, .* MB free") as caught:
      files.write(path, "x" * 5000)
    with pytest.raises(OSError, match="MB wanted"):
      files.check_writable(path, 5000)
    files.check_writable(path, 500)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, before)
  assert caught.value.filename == str(path) and list(tmp_path.iterdir()) == []


def test_more_than_the_disk_has_is_refused_before_the_work(tmp_path):
  with pytest.raises(OSError, match=r"1,000,000,000\.000 MB wanted"):
    files.check_writable(tmp_path / "new" / "table.csv", 10**15)
  assert list(tmp_path.iterdir()) == []


def test_a_device_stays_a_device():
  files.write(pathlib.Path("/dev/null"), "text")
  files.check_writable(pathlib.Path("/dev/null"))
  assert pathlib.Path("/dev/null").is_char_device()
  with pytest.raises(OSError, match="MB wanted") as caught:
    files.write(pathlib.Path("/dev/full"), "text")
  assert caught.value.filename == "/dev/full"


@pytest.mark.parametrize(
  ("program", "words", "folder"),
  [
    ("predict", ["nothing.jpg", "--output={}"], "ratings.csv"),
    ("predict", ["nothing.jpg", "--gallery={}"], "page.html"),
    ("raters", ["aggregate", "nothing.csv", "--output={}"], ""),
  ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
  tmp_path, program, words, folder
):
  """A folder where a file is to be, or a file where a folder is."""
  place = tmp_path / (folder or "out")
  if folder:
    place.mkdir()
  else:
    place.write_text("in the way")
  words = [word.format(place) for word in words]
  done = helpers.run("-m", f"emojax.{program}", *words, cwd=tmp_path)
  assert done.returncode == 1 and str(place) in done.stderr
  assert done.stderr.count("\n") == 1 and "nothing" not in done.stderr


_VOTES = "worker,image,emotional\n" + "".join(
  f"w{w},p{p}.jpg,{'yes' if w * p % 3 else 'no'}\n" for w in range(12) for p in range(6)
)


@pytest.mark.slow
def test_killed_at_any_write_and_repeated_raters_end_the_same(tmp_path):
  (tmp_path / "votes.csv").write_text(_VOTES)
  folder = tmp_path / "made"
  words = ["candidates", str(tmp_path / "votes.csv"), f"--output={folder / 'out'}"]
  whole = processes.undisturbed("raters", words, folder)
  rng = random.Random(0)
  for _ in range(3):
    nth = rng.randrange(1, len(whole.events) + 1)
    fault, _ = processes.killed("raters", words, folder, whole, nth)
    assert not fault


@pytest.mark.slow
def test_signals_at_random_moments(tmp_path):
  (tmp_path / "votes.csv").write_text(_VOTES)
  words = ["candidates", str(tmp_path / "votes.csv"), f"--output={tmp_path / 'out'}"]
  command = ("-m", "emojax.raters", *words)
  seconds, rng = processes.ended(processes.start(*command)).seconds, random.Random(0)
  for number in 2 * _SIGNALS:
    outcome = processes.signalled(command, rng.uniform(0.05, seconds), number)
    assert not outcome.fault(number), outcome.err
