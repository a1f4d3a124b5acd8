"""A call in a process of its own: peak memory is a process's, and never goes down.

Not by a pool: what pools share with their processes is announced as leaked, behind the
line that says so, where a signal ends this one.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from emojax.utils import signals

T = TypeVar("T")


def call(function: Callable[..., T], *arguments: Any) -> T:
  """What a function returns, or raises, in a new process.

  Args:
    function: of a module, but not of `__main__`.
    arguments: of the function; they and what it returns can be pickled.
  Raises:
    RuntimeError: the process ended before the function did.
    Exception: what the function raised.
  """
  process = _Process(_send, function, arguments)
  try:
    return process.answer()
  finally:
    process.close()


class Calls(Generic[T]):
  """Calls that another process keeps ready, to be timed by turns with calls of this.

  Attributes:
    value: what its function returned beside the calls.
    names: of the calls.
  """

  def __init__(
    self,
    prepare: Callable[..., tuple[Mapping[Any, Callable[[], Any]], T]],
    *arguments: Any,
  ):
    """Starts the process; it ends when this is left as a context.

    Args:
      prepare: of a module, but not of `__main__`; returns calls by name, and a value
        that can be pickled.
      arguments: of the function.
    Raises:
      RuntimeError, Exception: see `call`.
    """
    self._process = _Process(_keep, prepare, arguments)
    try:
      self.names, self.value = self._process.answer()
    except BaseException:
      self._process.close()
      raise

  def seconds(self, name: Any) -> float:
    """How long one of the calls takes there.

    Raises:
      RuntimeError, Exception: see `call`.
    """
    self._process.connection.send(name)
    return self._process.answer()

  def __enter__(self) -> "Calls[T]":
    return self

  def __exit__(self, *raised: object) -> None:
    self._process.close()


class _Process:
  """A new process that answers with a value and None, or None and what it raised."""

  def __init__(
    self,
    serve: Callable[..., None],
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
  ):
    spawn = multiprocessing.get_context("spawn")
    self.connection, theirs = spawn.Pipe()
    self._name = function.__name__
    self._process = spawn.Process(target=serve, args=(theirs, function, arguments))
    with signals.unheard(), theirs:
      self._process.start()

  def answer(self) -> Any:
    """The next value it sends.

    Raises:
      RuntimeError, Exception: see `call`.
    """
    try:
      value, error = self.connection.recv()
    except (EOFError, ConnectionResetError):
      self._process.join()
      raise RuntimeError(
        f"the process of {self._name} ended with status {self._process.exitcode}"
      ) from None
    if error is not None:
      raise error
    return value

  def close(self) -> None:
    """Tells it to end, and waits until it has."""
    self.connection.close()
    self._process.join()


def _keep(
  connection: Connection,
  prepare: Callable[..., tuple[Mapping[Any, Callable[[], Any]], Any]],
  arguments: tuple[Any, ...],
) -> None:
  """Prepares calls, and makes and times those whose names come, until none does."""
  calls: dict[Any, Callable[[], Any]] = {}

  def prepared() -> tuple[list[Any], Any]:
    made, value = prepare(*arguments)
    calls.update(made)
    return list(calls), value

  def timed(name: Any) -> float:
    start = time.perf_counter()
    calls[name]()
    return time.perf_counter() - start

  _send(connection, prepared, ())
  while True:
    try:
      name = connection.recv()
    except EOFError:
      return
    _send(connection, timed, (name,))


def _send(
  connection: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
  """Sends what a function returns, and None; or None, and what it raised."""
  try:
    value = function(*arguments)
  except Exception as error:
    connection.send((None, error))
  else:
    connection.send((value, None))
