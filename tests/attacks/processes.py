"""Programs that are signalled at a random moment, or killed at an aimed write.

In: a program's arguments. Out: what became of it. The tests try a few seeded cases,
`scripts/attack` hundreds.
"""

import concurrent.futures
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
MOST_SECONDS = 600.0  # until a program on small data is said to hang
_RESUMED = ("train", "experiments")  # what goes on only when told to
_END_SECONDS = 0.3  # from a program's last instruction until it is gone
_KEPT = "cache"  # grows as its rows come, and is checked when it is read
_TIMED = (
  "results.json",
  "table.md",
  "SHA256SUMS",
)  # of runs; their seconds may be alike by chance

# Counts what is done below a folder by Python's audit events, and dies before the
# n-th. What libraries write in other languages is not seen, but their renames are.
_AIMED = """
import os, runpy, signal, sys
module, folder, nth, trace = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
seen = 0
def watch(event, arguments):
  global seen
  if event == "open":
    writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
  else:
    writes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir")
  if not writes or isinstance(arguments[0], int):
    return
  path = os.fsdecode(arguments[0])
  if not path.startswith(folder):
    return
  seen += 1
  os.write(trace, f"{event} {path}\\n".encode(errors="replace"))
  if seen == nth:
    os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
sys.argv[:] = [sys.argv[0], *sys.argv[5:]]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What became of a process.

  Attributes:
    status: its exit status; negative: the signal that ended it.
    out, err: what it wrote.
    seconds: from the signal, or from its start where there was none, to its end.
    peak_mb: the most memory it had; 0: not known.
    was_running: whether it still ran when the signal was sent.
  """

  status: int
  out: str
  err: str
  seconds: float
  peak_mb: float = 0.0
  was_running: bool = True

  def fault(self, number: signal.Signals) -> str:
    """What is wrong with the end of a process that got a signal; "": nothing."""
    if not self.was_running:
      return ""
    if self.seconds > MOST_SECONDS:
      return "hangs"
    if "Traceback" in self.err or "Fatal Python error" in self.err:
      return "traceback"
    if self.status != STATUS[number]:
      return f"status {self.status}"
    if "stopped" not in self.err.splitlines()[-1]:
      return "last line"
    return ""


def hear_interrupts() -> None:
  """Has processes started from now on hear Ctrl-C; on the main thread only."""
  if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # we are a background job
    signal.signal(signal.SIGINT, signal.default_int_handler)


def start(*arguments: str, **settings) -> subprocess.Popen:
  """A process of this Python in which Ctrl-C is heard, as a terminal starts it."""
  if threading.current_thread() is threading.main_thread():
    hear_interrupts()
  return subprocess.Popen(
    [sys.executable, *arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    **settings,
  )


def ended(process: subprocess.Popen) -> Outcome:
  """Waits for a process to end, and has it end where it would hang."""
  begun = time.monotonic()
  timer = threading.Timer(MOST_SECONDS, process.kill)
  timer.start()
  peak_mb = 0.0
  with concurrent.futures.ThreadPoolExecutor(2) as pool:
    out, err = (pool.submit(pipe.read) for pipe in (process.stdout, process.stderr))
    if process.returncode is None:
      # Instead of `wait`, which does not tell how much memory it had.
      _, status, usage = os.wait4(process.pid, 0)
      process.returncode = os.waitstatus_to_exitcode(status)
      peak_mb = usage.ru_maxrss * 1024 / 1e6
  timer.cancel()
  process.communicate()  # closes the pipes
  seconds = time.monotonic() - begun
  return Outcome(process.returncode, out.result(), err.result(), seconds, peak_mb)


def signalled(
  arguments: Sequence[str], after: float, number: signal.Signals
) -> Outcome:
  """Runs Python with some arguments and sends it a signal after some seconds.

  Not before it hears any: Python takes a few hundredths of a second to start, more on a
  busy machine, in which nothing of a program's own has run.
  """
  process = start(*arguments)
  with contextlib.suppress(subprocess.TimeoutExpired):
    process.wait(after)
  while process.poll() is None and not _hears(process):
    time.sleep(0.001)
  was_running = process.poll() is None
  if was_running:
    process.send_signal(number)
  outcome = ended(process)
  # Its work was done, and the system was taking it down.
  was_done = outcome.status == 0 and outcome.seconds < _END_SECONDS
  return dataclasses.replace(outcome, was_running=was_running and not was_done)


def _hears(process: subprocess.Popen) -> bool:
  """Whether a process has a handler of SIGTERM, as Linux tells it."""
  status = pathlib.Path(f"/proc/{process.pid}/status")
  with contextlib.suppress(OSError):  # it has just ended
    caught = status.read_text().partition("SigCgt:")[2].split()[0:1]
    return bool(caught and int(caught[0], 16) >> (signal.SIGTERM - 1) & 1)
  return True


def aimed(
  program: str, arguments: Sequence[str], folder: pathlib.Path, nth: int
) -> tuple[Outcome, list[str]]:
  """Runs a program that is killed before its n-th write below a folder; 0: never.

  Returns:
    What became of it, and what it had done there: a line per event.
  """
  with tempfile.NamedTemporaryFile("r") as trace:
    words = [f"emojax.{program}", str(folder), str(nth), trace.name, *arguments]
    outcome = ended(start("-c", _AIMED, *words))
    return outcome, pathlib.Path(trace.name).read_text().splitlines()


def contents(folder: pathlib.Path) -> dict[str, bytes]:
  """The files below a folder, without a cache and what tells times."""
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and not {*path.relative_to(folder).parts} & {_KEPT, *_TIMED}
  }


def differing(expected: dict[str, bytes], there: dict[str, bytes]) -> list[str]:
  """Files that are not there as expected; what there is besides does not matter."""
  return [name for name in expected if there.get(name) != expected[name]]


def names(folder: pathlib.Path) -> set[str]:
  """Everything below a folder but what the names of changes with each run."""
  return {
    path.relative_to(folder).as_posix()
    for path in folder.rglob("*")
    if not set(path.relative_to(folder).parts[:-1]) & {"events", "model", _KEPT}
  }


@dataclasses.dataclass(frozen=True)
class Whole:
  """What a program leaves when nothing disturbs it.

  Attributes:
    outcome: what became of it.
    events: its writes, a line each, see `aimed`.
    contents: of files that are the same each time; others tell times.
    names: of everything that is there.
  """

  outcome: Outcome
  events: list[str]
  contents: dict[str, bytes]
  names: set[str]


def undisturbed(program: str, arguments: Sequence[str], folder: pathlib.Path) -> Whole:
  """Runs a program twice that writes below a folder, which is emptied before."""
  first, second = {}, {}
  for left in (first, second):
    empty(folder)
    outcome, events = aimed(program, arguments, folder, 0)
    assert outcome.status == 0, outcome.err
    left |= contents(folder)
  same = {name: first[name] for name in first if first[name] == second.get(name)}
  return Whole(outcome, events, same, names(folder))


def killed(
  program: str,
  arguments: Sequence[str],
  folder: pathlib.Path,
  whole: Whole,
  nth: int,
) -> tuple[str, Outcome]:
  """Runs a program that is killed before its n-th write, and runs it once more.

  The folder is emptied before. The second run, with `--resume` where the program has
  it, has to leave what an undisturbed one left.

  Returns:
    What is wrong, and what became of the second run; "": nothing.
  """
  empty(folder)
  first, done = aimed(program, arguments, folder, nth)
  resumed = [*arguments, *(["--resume"] if program in _RESUMED else [])]
  again = ended(start("-m", f"emojax.{program}", *resumed))
  fault = ""
  if first.status != -signal.SIGKILL:
    fault = f"status {first.status} of the first\n{first.err}"
  elif again.status:
    fault = f"status {again.status} of the second"
  elif other := differing(whole.contents, contents(folder)):
    fault = f"other contents: {other}"
  elif names(folder) != whole.names:
    fault = f"other files: {sorted(names(folder) ^ whole.names)}"
  if fault:
    fault = f"killed before {done[-1] if done else nth}: {fault}\n{again.err}"
  return fault, again


def empty(folder: pathlib.Path) -> None:
  """Makes a folder anew."""
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir(parents=True, exist_ok=True)  # it stays where a disk is mounted
