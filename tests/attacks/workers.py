"""Attacks on readers, many to a process; each measured, and ended if it hangs.

In: which kind of attack, a seed and a number. Out: what became of it. Not in a program:
a spawned process does not find functions there.
"""

import importlib
import multiprocessing
import os
import pathlib
import random
import shutil
import time
import traceback
import warnings
from multiprocessing.connection import Connection

from attacks.outcomes import MOST_MB, MOST_SECONDS, Result

_START_SECONDS = 120.0  # until a process has imported everything


class Worker:
  """A process that attacks readers, and is begun again when it has ended."""

  def __init__(
    self,
    kind: str,
    seed: int,
    folder: pathlib.Path,
    most_seconds: float = MOST_SECONDS,
    most_mb: float = MOST_MB,
  ):
    """Starts nothing yet.

    Args:
      kind: a module of this package with `attack(folder, draw)`.
      seed: of all attacks; each draws from it and its own number.
      folder: of its own, where the input of each attack lies while it runs.
      most_seconds, most_mb: what an attack may take.
    """
    self._arguments = kind, seed, folder
    self._most_seconds, self._most_mb = most_seconds, most_mb
    self._process: multiprocessing.process.BaseProcess | None = None
    self._pipe: Connection | None = None

  def attack(self, number: int) -> Result:
    """Makes one attack; its input stays in the folder until the next."""
    begun = time.monotonic()
    pipe = self._ready()
    pipe.send(number)
    try:
      if pipe.poll(self._most_seconds):
        return pipe.recv().within(self._most_seconds, self._most_mb)
      fault = f"hangs for {self._most_seconds:.0f} s"
    except EOFError:
      fault = "the process died"
    self.end()
    return Result("no end", fault, time.monotonic() - begun)

  def _ready(self) -> Connection:
    """The way to the process, started where there is none."""
    if self._pipe is None:
      spawn = multiprocessing.get_context("spawn")
      self._pipe, other = spawn.Pipe()
      self._process = spawn.Process(target=_serve, args=(other, *self._arguments))
      self._process.start()
      other.close()
      if not self._pipe.poll(_START_SECONDS):
        raise TimeoutError("an attacking process did not start")
      self._pipe.recv()
    return self._pipe

  def end(self) -> None:
    """Ends the process, if there is one."""
    if self._process is not None and self._pipe is not None:
      self._process.kill()
      self._process.join()
      self._pipe.close()
    self._process = self._pipe = None


def _serve(pipe: Connection, kind: str, seed: int, folder: pathlib.Path) -> None:
  """The life of a process: attacks whose numbers come, until nobody is there."""
  attack = importlib.import_module(f"attacks.{kind}").attack
  warnings.filterwarnings("ignore", module=r"PIL\.")  # as `cli.run` does
  chatter = folder.with_name(f"{folder.name}.stderr")
  os.dup2(os.open(chatter, os.O_RDWR | os.O_CREAT | os.O_APPEND), 2)
  pipe.send("ready")
  while True:
    try:
      number = pipe.recv()
    except EOFError:
      return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.truncate(chatter, 0)
    _forget_peak()
    begun, outcome, fault = time.monotonic(), "", ""
    try:
      outcome = attack(folder, random.Random(f"{seed} {kind} {number}"))
    except Exception:
      fault = traceback.format_exc()
    seconds = time.monotonic() - begun
    if not fault and (said := chatter.read_text(errors="replace")):
      fault = f"on standard error: {said}"
    pipe.send(Result(outcome or "fault", fault, seconds, _peak_mb()))


def _forget_peak() -> None:
  """Has Linux count this process's peak of memory anew."""
  pathlib.Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
  status = pathlib.Path("/proc/self/status").read_text()
  return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
