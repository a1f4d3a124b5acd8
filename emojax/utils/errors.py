"""A user's mistake, as every package raises it, and several of them told at once."""

from collections.abc import Callable
from typing import Any


class UserError(ValueError):
  """Something the user can put right; the message is one line that says how."""


def all_of(*checks: Callable[[], Any]) -> list[Any]:
  """What some checks return; all are made, so that all mistakes are told at once.

  Raises:
    ValueError, OSError: what a single check raised, as it is.
    UserError: several failed; their messages behind each other.
  """
  results, mistakes = [], []
  for check in checks:
    try:
      results.append(check())
    except (ValueError, OSError) as error:
      mistakes.append(error)
  if len(mistakes) == 1:
    raise mistakes[0]
  if mistakes:
    texts = [told(error).rstrip(".") for error in mistakes]
    raise UserError("; and ".join(dict.fromkeys(texts))) from mistakes[0]
  return results


def told(error: Exception) -> str:
  """An error in one sentence; of an OSError without its number."""
  if isinstance(error, OSError) and error.strerror:
    return f"{error.strerror}: {error.filename!r}" if error.filename else error.strerror
  return str(error)
