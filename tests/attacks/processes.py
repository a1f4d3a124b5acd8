"""Programs that are signalled at a random moment, or killed at an aimed write.

In: a program's arguments. Out: what became of it. The tests try a few seeded cases; as
a program it tries as many as are asked for and prints the counts:

  python tests/attacks/processes.py signals 100 --seed=0 -- train --workdir=NEW ...
  python tests/attacks/processes.py kills 50 --seed=0 --folder=FOLDER -- train ...

Before each kill FOLDER is emptied, and after it the same command is repeated (with
`--resume` where the program has it) and has to leave what an undisturbed one left.
"""

import argparse
import collections
import contextlib
import dataclasses
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
_RESUMED = ("train", "experiments")  # what goes on only when told to
# Differ between two undisturbed runs: times, and what keeps them.
_TIMED = ("events", "metrics.jsonl", "results.json", "checkpoints", "index.html")

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
    was_running: whether it still ran when the signal was sent.
  """

  status: int
  out: str
  err: str
  seconds: float
  was_running: bool = True

  def fault(self, number: signal.Signals) -> str:
    """What is wrong with the end of a process that got a signal; "": nothing."""
    if not self.was_running:
      return ""
    if "Traceback" in self.err or "Fatal Python error" in self.err:
      return "traceback"
    if self.status != STATUS[number]:
      return f"status {self.status}"
    if "stopped" not in self.err.splitlines()[-1]:
      return "last line"
    return ""


def start(*arguments: str, **settings) -> subprocess.Popen:
  """A process of this Python in which Ctrl-C is heard, as a terminal starts it."""
  if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # we are a background job
    signal.signal(signal.SIGINT, signal.default_int_handler)
  return subprocess.Popen(
    [sys.executable, *arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    **settings,
  )


def ended(process: subprocess.Popen) -> Outcome:
  """Waits for a process to end."""
  begun = time.monotonic()
  out, err = process.communicate()
  return Outcome(process.returncode, out, err, time.monotonic() - begun)


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
  return dataclasses.replace(ended(process), was_running=was_running)


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
  """The files below a folder that are the same in every undisturbed run."""
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and not set(path.relative_to(folder).parts) & {*_TIMED}
  }


def names(folder: pathlib.Path) -> set[str]:
  """Everything below a folder but what the names of changes with each run."""
  return {
    path.relative_to(folder).as_posix()
    for path in folder.rglob("*")
    if not set(path.relative_to(folder).parts[:-1]) & {"events", "model"}
  }


def signals(
  number: int, rng: random.Random, program: str, arguments: Sequence[str]
) -> Iterator[str]:
  """Faults of a program that gets a signal at random moments; "" for none."""
  words = ("-m", f"emojax.{program}", *arguments)
  whole = ended(start(*words)).seconds
  for _ in range(number):
    after, kind = rng.uniform(0.05, whole), rng.choice([*STATUS])
    outcome = signalled(words, after, kind)
    fault = outcome.fault(kind)
    if fault:
      print(f"{kind.name} after {after:.3f} s: {fault}\n{outcome.err[-2000:]}")
    yield fault or ("none" if outcome.was_running else "had ended")


def kills(
  number: int,
  rng: random.Random,
  program: str,
  arguments: Sequence[str],
  folder: pathlib.Path,
) -> Iterator[str]:
  """Faults of a program that is killed at random writes and repeated."""

  def empty() -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

  empty()
  whole, events = aimed(program, arguments, folder, 0)
  assert whole.status == 0, whole.err
  expected, there = contents(folder), names(folder)
  resumed = [*arguments, *(["--resume"] if program in _RESUMED else [])]
  for _ in range(number):
    empty()
    nth = rng.randrange(1, len(events) + 1)
    outcome, done = aimed(program, arguments, folder, nth)
    again = ended(start("-m", f"emojax.{program}", *resumed))
    fault = ""
    if outcome.status != -signal.SIGKILL:
      fault = f"status {outcome.status} of the first"
    elif again.status:
      fault = f"status {again.status} of the second"
    elif contents(folder) != expected:
      fault = "other contents"
    elif names(folder) != there:
      fault = f"other files: {sorted(names(folder) ^ there)}"
    if fault:
      print(f"killed before {done[-1] if done else nth}: {fault}\n{again.err[-1500:]}")
    yield fault.partition(":")[0] or "none"


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
  parser.add_argument("kind", choices=("signals", "kills"))
  parser.add_argument("number", type=int)
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--folder", type=pathlib.Path, help="which kills empties")
  parser.epilog = "then -- and the program with its flags"
  at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
  chosen = parser.parse_args(sys.argv[1:at])
  program, *arguments = sys.argv[at + 1 :]
  rng = random.Random(chosen.seed)
  if chosen.kind == "signals":
    faults = signals(chosen.number, rng, program, arguments)
  else:
    folder = chosen.folder.absolute()
    faults = kills(chosen.number, rng, program, arguments, folder)
  counts = collections.Counter(faults)
  print(f"{program}, {chosen.number} {chosen.kind}: {dict(counts)}")
  return int(bool(counts.keys() - {"none", "had ended"}))


if __name__ == "__main__":
  sys.exit(main())
