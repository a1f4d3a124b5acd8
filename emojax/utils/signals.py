"""Ctrl-C and SIGTERM: heard at any moment, told in one line, nothing half-written.

In: signals. Out: one line on standard error that says how to go on, and the exit status
that shells expect, 130 or 143. Installed before anything slow is imported, so this
module imports only what Python has loaded or is quick.

A thread hears the signal, because Python's own handlers wait until a compiler or a
device returns, and what they raise is swallowed inside JAX's hook of the garbage
collector. It tells the line and sets a flag. Loops look at the flag (every progress bar
does) and unwind, so that a training keeps its state; what is being written is written
to its end; where there is no loop, or it does not come round in time, the process ends
by itself. A second signal ends it at once.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Hashable, Iterator
from typing import NoReturn

from emojax.utils import terminal

_HEARD = (signal.SIGINT, signal.SIGTERM)
_STATUS = 128  # plus the signal's number: what shells expect
_LOOP_SECONDS = 3.0  # how long a loop may take to come round; a training call takes 1
_WRITE_SECONDS = 60.0  # how long what is being written may take to its end
_FLUSH_SECONDS = 0.5  # how long standard output may take; its reader may be asleep
_LOOK_SECONDS = 0.02


class Stopped(BaseException):
  """A signal came; raised in the main thread at a place where a loop can be left."""


class _Watch:
  """What a process knows of its signals.

  Attributes:
    number: of the first signal; 0: none came.
    line: what to tell when one comes.
    loops: those that look at the flag.
    writes: how many blocks want to be ended before the process.
    lock: held while these change and while the process ends.
  """

  def __init__(self) -> None:
    self.number = 0
    self.line = "emojax: stopped before it had begun; repeat the command"
    self.loops: set[Hashable] = set()
    self.writes = 0
    self.drafts: set[str] = set()
    self.lock = threading.Lock()
    self.installed = False

  def listen(self, pipe: int) -> None:
    """Waits for a signal, tells the line, and sees to it that the process ends."""
    while not (number := _heard(pipe, None)):
      pass
    self.number = number
    is_drawing = bool(self.loops) or os.isatty(2)
    with contextlib.suppress(OSError):
      os.write(2, f"{chr(10) * is_drawing}{self.line}\n".encode())
    begun = time.monotonic()
    again = 0
    while True:
      while not again and self._is_awaited(time.monotonic() - begun):
        again = _heard(pipe, _LOOK_SECONDS)
      with self.lock:  # until the end: no write begins any more
        if again or not self._is_awaited(time.monotonic() - begun):
          _kill_children()
          _flush()
          self.remove_drafts()
          os._exit(_STATUS + number)

  def remove_drafts(self) -> None:
    """Removes what is half written; the lock is held."""
    for path in self.drafts:
      with contextlib.suppress(OSError):
        os.unlink(path)

  def _is_awaited(self, seconds: float) -> bool:
    """Whether a loop may still come round, or something is still being written."""
    if self.writes:
      return seconds < _WRITE_SECONDS
    return bool(self.loops) and seconds < _LOOP_SECONDS


_WATCH = _Watch()


def install_if_program() -> None:
  """Hears signals where this process is a program of emojax, and not a user's own."""
  argv = getattr(sys, "argv", None) or [""]
  if argv[0] == "-m":  # so it is while `python -m` looks for the module
    words = [word.removeprefix("-m") for word in sys.orig_argv[1:]]
    is_program = any(word.partition(".")[0] == "emojax" for word in words)
  else:
    is_program = os.path.basename(argv[0]) == "emojax"
  if is_program:
    install()


def install() -> None:
  """Hears signals from now on; a second call, or one on another thread, does nothing.

  A signal that is ignored stays so: a shell starts its background jobs with Ctrl-C
  ignored, and `nohup` means it.
  """
  is_main = threading.current_thread() is threading.main_thread()
  if _WATCH.installed or not is_main:
    return
  _WATCH.installed = True
  receiving, sending = os.pipe()
  os.set_blocking(sending, False)
  # Written to from inside the C handler, whatever the interpreter is doing.
  signal.set_wakeup_fd(sending, warn_on_full_buffer=False)
  threading.Thread(
    target=_WATCH.listen, args=(receiving,), name="signals", daemon=True
  ).start()
  for number in _HEARD:
    if signal.getsignal(number) != signal.SIG_IGN:
      signal.signal(number, _nothing)


def tell(name: str, advice: str) -> None:
  """What to say when a signal comes: the program, and how to go on."""
  _WATCH.line = terminal.shown(f"{name}: {advice}")


def is_stopping() -> bool:
  """Whether a signal came."""
  return bool(_WATCH.number)


def check() -> None:
  """Where a loop can be left.

  Raises:
    Stopped: a signal came; on the main thread only.
  """
  if _WATCH.number and threading.current_thread() is threading.main_thread():
    raise Stopped


def begin_loop(loop: Hashable) -> None:
  """Promises that `check` is called every now and then, until `end_loop`."""
  _WATCH.loops.add(loop)


def end_loop(loop: Hashable) -> None:
  """Takes back what `begin_loop` promised; it may be called again."""
  _WATCH.loops.discard(loop)


@contextlib.contextmanager
def whole() -> Iterator[None]:
  """A block that a first signal lets run to its end."""
  with _WATCH.lock:
    _WATCH.writes += 1
  try:
    yield
  finally:
    with _WATCH.lock:
      _WATCH.writes -= 1


@contextlib.contextmanager
def draft(path: str | os.PathLike[str]) -> Iterator[None]:
  """A block that writes a file which a signal removes; it is not waited for."""
  with _WATCH.lock:
    _WATCH.drafts.add(os.fspath(path))
  try:
    yield
  finally:
    with _WATCH.lock:
      _WATCH.drafts.discard(os.fspath(path))


@contextlib.contextmanager
def kept() -> Iterator[None]:
  """A block that may start a library which hears signals itself: it does no longer."""
  is_main = threading.current_thread() is threading.main_thread()
  before = {number: signal.getsignal(number) for number in _HEARD if is_main}
  try:
    yield
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
  """Processes started here never hear the signals that this one answers for.

  Ctrl-C goes to all processes of a terminal; `_kill_children` ends these.
  """
  before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
  try:
    yield
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave(status: int) -> NoReturn:
  """Ends the process with a status, or with that of the signal that came.

  Without the interpreter's own end: there a signal would be lost, and JAX's threads,
  which may still compute, would fall over what is taken down.
  """
  if _WATCH.number:
    _kill_children()
    _flush()
    status = _STATUS + _WATCH.number
  else:
    with contextlib.suppress(OSError, ValueError):
      sys.stdout.flush()
  with _WATCH.lock:
    _WATCH.remove_drafts()  # of other threads
    os._exit(status)


def _heard(pipe: int, seconds: float | None) -> int:
  """The next of our signals; 0 where none comes in time."""
  if not select.select([pipe], [], [], seconds)[0]:
    return 0
  (number,) = os.read(pipe, 1)
  return number if number in _HEARD else 0


def _nothing(number: int, frame: object) -> None:
  """Python's side of a signal; `_Watch.listen` does what is to be done."""
  del number, frame


def _flush() -> None:
  """What was printed goes out, unless its reader is asleep or gone."""

  def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
      with contextlib.suppress(OSError, ValueError):  # gone, or closed
        stream.flush()

  thread = threading.Thread(target=flush, daemon=True)
  thread.start()
  thread.join(_FLUSH_SECONDS)


def _kill_children() -> None:
  """Ends the processes that this one started and that hear no signals."""
  if "multiprocessing.process" in sys.modules:
    # While it is being imported it lacks names, and there are no children yet.
    with contextlib.suppress(AttributeError, NameError):
      for child in sys.modules["multiprocessing.process"].active_children():
        child.kill()
