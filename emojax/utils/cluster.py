"""Processes that compute one thing together: how they meet, what they tell each other.

In: settings, or what a launcher (SLURM, Open MPI) says in the environment. Out: JAX's
distributed runtime, started once; arrays of every process in each of them. A process by
itself is a cluster of one: nothing is started, nothing is sent. Process 0 is the one
that writes files and talks to people.
"""

import contextlib
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from emojax.config import ClusterConfig
from emojax.utils import errors, files, signals, terminal

# How launchers say how many processes they started, and which of them this is. A job
# step of SLURM and not its whole job: a shell in an allocation waits for nobody. Open
# MPI first, because it starts its daemons as steps of SLURM.
_LAUNCHERS = (
  ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
  ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
_SLACK_SECONDS = 60  # JAX itself gives up later, with a stack trace

T = TypeVar("T")


def start(settings: ClusterConfig, name: str) -> None:
  """Joins the other processes, where there are any; before JAX is asked for anything.

  Args:
    settings: where they meet; what is left open, the launcher says.
    name: of the program, for the line that ends it where the others do not come.
  Raises:
    UserError: the settings do not fit together; JAX cannot find where they meet; the
      processes have different numbers of devices.
  """
  number, process = place(settings)
  if number == 1:
    return
  where = settings.coordinator or "the address that the launcher gives"

  def give_up() -> NoReturn:
    terminal.tell(
      f"{name}: error: process {process} waited {settings.start_seconds:g} seconds at "
      f"{where} and not all of the {number} processes came: start as many, each with "
      "another --process_id, where they reach that address; or raise "
      "--start_seconds; or train in one with --num_processes=1"
    )
    signals.leave(1)

  # JAX's own end of waiting cannot be caught: it aborts the process.
  watch = threading.Timer(settings.start_seconds, give_up)
  watch.daemon = True
  watch.start()
  try:
    with signals.kept():  # JAX would hear SIGTERM in our place
      jax.distributed.initialize(
        settings.coordinator or None,
        num_processes=number,
        process_id=process,
        initialization_timeout=int(settings.start_seconds) + _SLACK_SECONDS,
      )
    with _silent():
      gather(np.zeros(1, np.int32))  # so that all connections stand from here on
  except (ValueError, RuntimeError, OSError) as error:
    raise errors.UserError(
      f"process {process} of {number} cannot meet the others at {where} "
      f"({_short(error)}): give --coordinator=HOST:PORT of a free port on the machine "
      "of process 0, or train in one process with --num_processes=1"
    ) from error
  finally:
    watch.cancel()


def place(settings: ClusterConfig) -> tuple[int, int]:
  """How many processes there are, and which of them this is.

  Raises:
    UserError: the settings contradict each other, or leave something open that no
      launcher says.
  """
  number, process = settings.num_processes, settings.process_id
  if number == 1:
    return 1, 0
  for names in _LAUNCHERS:
    if all(os.environ.get(name, "").isdecimal() for name in names):
      launched, rank = (int(os.environ[name]) for name in names)
      number, process = number or launched, rank if process < 0 else process
      break
  if number == 1 or (not number and process < 0 and not settings.coordinator):
    return 1, 0
  host, _, port = settings.coordinator.rpartition(":")
  if settings.coordinator and not (host and port.isdecimal() and int(port) < 2**16):
    raise errors.UserError(
      f"--coordinator should be HOST:PORT of process 0; got {settings.coordinator!r}"
    )
  if not 0 <= process < number:
    raise errors.UserError(
      "of several processes each should have --num_processes, and --process_id from 0 "
      f"to one less; got --num_processes={number or 'none'}, "
      f"--process_id={process if process >= 0 else 'none'}"
    )
  return number, process


def is_first() -> bool:
  """Whether this is the process that writes files and talks to people."""
  return jax.process_index() == 0


def gather(tree: Any) -> Any:
  """Arrays of all processes behind each other along the first axis, in NumPy.

  Every process calls it with the same shapes, and waits for the others. Numbers of 64
  bits become 32. By itself a process gets back what it gave.

  Raises:
    UserError: another process has ended.
  """
  if jax.process_count() == 1:
    return tree
  with _explained():
    return multihost_utils.process_allgather(tree, tiled=True)


def from_first(tree: Any) -> Any:
  """Process 0's arrays, to the bit; every process calls it with the same shapes."""
  if jax.process_count() == 1:
    return tree

  def sent(array: Any) -> np.ndarray:
    array = np.asarray(array)
    # As bytes: what is sent is summed up on its way, and -0.0 + 0.0 is another number.
    raw = np.frombuffer(array.tobytes(), np.uint8)
    raw = multihost_utils.broadcast_one_to_all(raw)
    return np.frombuffer(raw.tobytes(), array.dtype).reshape(array.shape)

  with _explained():
    return jax.tree.map(sent, tree)


def in_turn(work: Callable[[], T]) -> T:
  """What some work returns, done by process 0 before the others find its files."""
  if is_first():
    result = work()
    gather(np.zeros(1, np.int32))
    return result
  gather(np.zeros(1, np.int32))
  return work()


def check_same(what: Any, meaning: str) -> None:
  """Refuses to go on where processes differ in something.

  Args:
    what: as JSON can hold it.
    meaning: what it is, in the plural.
  Raises:
    UserError: says which processes differ from process 0.
  """
  digest = hashlib.sha256(files.json_line(what).encode()).digest()
  all_of_them = gather(np.frombuffer(digest, np.uint8)[None])
  differ = np.flatnonzero((all_of_them != all_of_them[0]).any(axis=1))
  if len(differ):
    raise errors.UserError(
      f"{meaning} of process {', '.join(map(str, differ))} are not those of process 0: "
      "start all with the same flags and the same version of emojax"
    )


def end() -> None:
  """Waits for all processes, so that none takes another's end for a death."""
  if jax.process_count() > 1:
    gather(np.zeros(1, np.int32))
    jax.distributed.shutdown()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
  """Nothing reaches standard output: Gloo prints there how it connects."""
  sys.stdout.flush()
  kept = os.dup(1)
  try:
    with open(os.devnull, "wb") as nowhere:
      os.dup2(nowhere.fileno(), 1)
    yield
  finally:
    os.dup2(kept, 1)
    os.close(kept)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
  try:
    yield
  except (ValueError, RuntimeError) as error:  # JAX raises both
    raise errors.UserError(
      f"one of the {jax.process_count()} processes has ended or cannot be reached "
      f"({_short(error)}): see what it said itself, then start all again with this "
      "--workdir and --resume"
    ) from error


def _short(error: Exception) -> str:
  return " ".join(str(error).split())[:200]
