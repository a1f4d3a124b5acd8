"""One writer a folder: the second waits, or is told who is there.

In: a folder that a program writes. Out: the right to write it, which a process that
dies gives back; what killed processes left of their drafts is gone.
"""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

from emojax.utils import errors, files, terminal

NAME = ".lock"  # in the folder, while somebody writes there


class BusyError(errors.UserError):
  """Another process writes there; the message says which."""


@contextlib.contextmanager
def one_writer(
  folder: pathlib.Path, instead: str = "--output", wait: bool = True
) -> Iterator[None]:
  """Makes a folder and holds the right to write in it.

  Args:
    folder: the folder.
    instead: the flag that names another one.
    wait: for another writer to end, which is said once; or be refused.
  Raises:
    BusyError: there is another writer, and `wait` is false.
    OSError: the folder cannot be written; names it.
  """
  with files.explained(folder):
    folder.mkdir(parents=True, exist_ok=True)
  with held(
    folder / NAME, f"another process that writes in {folder}" if wait else ""
  ) as owner:
    if owner:
      raise BusyError(
        f"another process ({owner}) is writing in {folder}: wait for it to end, or "
        f"choose another {instead}"
      )
    files.sweep(folder)
    yield


def holds_files(folder: pathlib.Path) -> bool:
  """Whether a folder holds more than what a killed writer leaves of its beginning."""
  if not folder.is_dir():
    return False
  leftovers = {folder / NAME, *files.drafts(folder)}
  return any(path not in leftovers for path in folder.iterdir())


@contextlib.contextmanager
def held(path: pathlib.Path, waiting: str = "") -> Iterator[str]:
  """Holds a lock file, which is there only as long as somebody holds it or was killed.

  Args:
    path: of the lock file; its folder is there.
    waiting: for whom, as is then said; empty: not at all.
  Yields:
    Who holds it, where that is another process and `waiting` is empty; else "".
  Raises:
    OSError: the lock file cannot be made.
  """
  while True:
    with files.explained(path):
      file = path.open("a+")
    with file:
      try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        if not waiting:
          file.seek(0)
          yield file.read().strip() or "process unknown"
          return
        terminal.say(f"waiting for {waiting}")
        fcntl.flock(file, fcntl.LOCK_EX)
      # Whoever held it before took the file away, and another may have made a new one.
      if not _is_at(file.fileno(), path):
        continue
      with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
        os.truncate(file.fileno(), 0)
        os.write(file.fileno(), f"process {os.getpid()}".encode())
      try:
        yield ""
      finally:
        path.unlink(missing_ok=True)
      return


def _is_at(descriptor: int, path: pathlib.Path) -> bool:
  """Whether an open file is still the one at a path."""
  try:
    return os.path.samestat(os.fstat(descriptor), path.stat())
  except FileNotFoundError:
    return False
