"""A call in a process of its own: peak memory is a process's, and never goes down.

Not by a pool: what pools share with their processes is announced as leaked, behind the
line that says so, where a signal ends this one.
"""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

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
  spawn = multiprocessing.get_context("spawn")
  receiving, sending = spawn.Pipe(duplex=False)
  process = spawn.Process(target=_answer, args=(sending, function, arguments))
  with receiving:
    with signals.unheard(), sending:
      process.start()
    try:
      value, error = receiving.recv()
    except EOFError:
      process.join()
      raise RuntimeError(
        f"the process of {function.__name__} ended with status {process.exitcode}"
      ) from None
  process.join()
  if error is not None:
    raise error
  return value


def _answer(
  sending: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
  """Sends what a function returns, and None; or None, and what it raised."""
  answer: tuple[Any, Exception | None]
  try:
    answer = function(*arguments), None
  except Exception as error:
    answer = None, error
  sending.send(answer)
