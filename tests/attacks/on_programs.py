"""Attacks on whole programs: signals, kills, and disks that are full or read-only.

In: the commands, a seed and a number. Out: what became of it. Each class is for one
thread, with a folder of its own.
"""

import abc
import contextlib
import pathlib
import random
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

from attacks import processes
from attacks.outcomes import ERROR, VALUE, Result
from attacks.programs import Command

from emojax.utils import files

_EARLIEST = 0.02  # seconds after a program's start
_TRIES = 5  # until a program still runs when the signal comes
_LARGE = 500_000_000  # bytes of a disk on which there is space for everything
_SMALL = (4096, 20_000, 60_000, 200_000, 600_000)  # of one that gets full


class _OnPrograms(abc.ABC):
  """What the attacks share."""

  kind = ""

  def __init__(self, commands: Sequence[Command], seed: int, folder: pathlib.Path):
    self._commands = commands
    self._seed = seed
    self._folder = folder
    self._wholes: dict[Command, Any] = {}

  @staticmethod
  def takes(command: Command) -> bool:
    """Whether there is anything to attack in a command."""
    return command.is_repeatable

  def attack(self, number: int) -> Result:
    """Makes one attack, on one command after the other."""
    draw = random.Random(f"{self._seed} {self.kind} {number}")
    command = self._commands[number % len(self._commands)]
    result = self._attack(command, draw)
    if not result.fault:
      return result.within(processes.MOST_SECONDS)
    return Result("fault", f"{' '.join(command.words)}\n{result.fault}")

  @abc.abstractmethod
  def _attack(self, command: Command, draw: random.Random) -> Result:
    """Makes one attack on a command."""

  def _whole(self, command: Command) -> Any:
    """The same, asked for once."""
    if command not in self._wholes:
      self._wholes[command] = self._undisturbed(command)
    return self._wholes[command]

  @abc.abstractmethod
  def _undisturbed(self, command: Command) -> Any:
    """What there is to know of a command that nothing disturbs."""

  def end(self) -> None:
    """Ends what runs between two attacks: nothing does."""
    return

  @property
  def _out(self) -> pathlib.Path:
    return self._folder / "out"


class Signals(_OnPrograms):
  """Ctrl-C or SIGTERM at a random moment: one line, and nothing half-written."""

  kind = "signals"

  @staticmethod
  def takes(command: Command) -> bool:
    del command  # all
    return True

  def _attack(self, command: Command, draw: random.Random) -> Result:
    words = ["-m", f"emojax.{command.program}", *command.arguments(self._out)]
    number = draw.choice([*processes.STATUS])
    for _ in range(_TRIES):
      after = draw.uniform(_EARLIEST, self._whole(command))
      processes.empty(self._out)
      begun = time.monotonic()
      outcome = processes.signalled(words, after, number)
      if outcome.was_running:
        break
      self._wholes[command] = time.monotonic() - begun  # the machine is less busy now
    fault = outcome.fault(number)
    if not outcome.was_running and outcome.status:
      fault = f"status {outcome.status} without a signal"
    folders = [path for path in self._out.rglob("*") if path.is_dir()]
    if drafts := [d for folder in (self._out, *folders) for d in files.drafts(folder)]:
      fault = fault or f"half-written: {drafts}"
    if fault:
      told = (
        f"{number.name} after {after:.3f} s, {outcome.seconds:.3f} s before the end"
      )
      fault = f"{told}: {fault}\n{outcome.err}"
    heard = f"{number.name}, one line" if outcome.was_running else "had ended"
    return Result(heard, fault, outcome.seconds, outcome.peak_mb)

  def _undisturbed(self, command: Command) -> float:
    """How long it takes undisturbed."""
    processes.empty(self._out)
    words = ["-m", f"emojax.{command.program}", *command.arguments(self._out)]
    outcome = processes.ended(processes.start(*words))
    assert outcome.status == 0, outcome.err
    return outcome.seconds


class Kills(_OnPrograms):
  """SIGKILL before a random write; repeated, the program leaves the same."""

  kind = "kills"

  def _attack(self, command: Command, draw: random.Random) -> Result:
    arguments = command.arguments(self._out)
    whole = self._whole(command)
    nth = draw.randrange(1, len(whole.events) + 1)
    fault, again = processes.killed(command.program, arguments, self._out, whole, nth)
    return Result("ends the same", fault, again.seconds, again.peak_mb)

  def _undisturbed(self, command: Command) -> processes.Whole:
    return processes.undisturbed(
      command.program, command.arguments(self._out), self._out
    )


class Disks(_OnPrograms):
  """A disk that gets full, or is read-only: what was wanted, or one line naming it."""

  kind = "disks"

  def _attack(self, command: Command, draw: random.Random) -> Result:
    whole, size = self._whole(command), draw.choice((None, *_SMALL))
    with disk(self._folder / "disk", size or _LARGE) as mounted:
      if size is None:
        _mount("-o", "remount,ro", mounted)
      outcome = self._run(command, mounted)
      contents = processes.contents(mounted)
    last = (outcome.err.strip().splitlines() or [""])[-1]
    fault = ""
    if "Traceback" in outcome.err or "Fatal Python error" in outcome.err:
      fault = "traceback"
    elif outcome.status not in (0, 1):
      fault = f"status {outcome.status}"
    elif outcome.status == 1 and ": error: " not in last:
      fault = "last line"
    elif outcome.status == 1 and str(mounted) not in last:
      fault = "which file?"
    elif outcome.status == 0 and processes.differing(whole, contents):
      fault = f"other contents: {processes.differing(whole, contents)}"
    if fault:
      fault = f"a disk of {size} bytes: {fault}\n{outcome.err}"
    about = "full" if size else "read-only"
    outcome_of = VALUE if outcome.status == 0 else ERROR
    return Result(f"{about}, {outcome_of}", fault, outcome.seconds, outcome.peak_mb)

  def _undisturbed(self, command: Command) -> dict[str, bytes]:
    with disk(self._folder / "disk", _LARGE) as mounted:
      arguments = command.arguments(mounted)
      return processes.undisturbed(command.program, arguments, mounted).contents

  def _run(self, command: Command, mounted: pathlib.Path) -> processes.Outcome:
    words = ["-m", f"emojax.{command.program}", *command.arguments(mounted)]
    return processes.ended(processes.start(*words))


@contextlib.contextmanager
def disk(folder: pathlib.Path, size: int) -> Iterator[pathlib.Path]:
  """A disk of so many bytes, mounted on a folder; needs root."""
  folder.mkdir(parents=True, exist_ok=True)
  _mount("-t", "tmpfs", "-o", f"size={size}", "emojax-attack", folder)
  try:
    yield folder
  finally:
    subprocess.run(["umount", folder], check=True)


def _mount(*words: str | pathlib.Path) -> None:
  done = subprocess.run(["mount", *words], capture_output=True, text=True)
  if done.returncode:
    raise OSError(f"full disks need the right to mount: {done.stderr.strip()}")
