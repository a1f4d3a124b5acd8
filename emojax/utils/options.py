"""Command-line flags made from the settings classes, and settings read back from them.

In: a frozen dataclass of `config.setting` fields. Out: an absl flag per field, with its
name, default, choices and help; then an instance filled from what the user gave.
"""

import dataclasses
import math
import operator
from collections.abc import Mapping
from typing import Any, TypeVar

from absl import flags

from emojax.config import SCALE
from emojax.utils import errors, records

# What each bound of `config.setting` asks of a number, and how a message says it.
_BOUNDS = {
  "least": (operator.ge, "{} or more"),
  "above": (operator.gt, "above {}"),
  "most": (operator.le, "at most {}"),
  "below": (operator.lt, "below {}"),
}

# What every setting keeps to: JAX counts with 32 bits, and no list of people is longer.
_MOST, _MOST_ITEMS = 2**31 - 1, 100
_MOST_SHOWN = 100  # characters of what came

T = TypeVar("T")


def define(settings: type, module_name: str, leave_out: tuple[str, ...] = ()) -> None:
  """Defines one flag per setting.

  Args:
    settings: a dataclass whose fields were made by `config.setting`.
    module_name: the program's module, under which `--help` lists the flags.
    leave_out: names of settings this program has no use for.
  """
  for field in dataclasses.fields(settings):
    if field.name in leave_out:
      continue
    meaning: str = field.metadata["help"]
    choices = field.metadata["choices"]
    common: dict[str, Any] = {"module_name": module_name}
    if choices and isinstance(field.default, str):
      flags.DEFINE_enum(field.name, field.default, choices, meaning, **common)
    elif isinstance(field.default, bool):
      flags.DEFINE_boolean(field.name, field.default, meaning, **common)
    elif isinstance(field.default, int):
      flags.DEFINE_integer(field.name, field.default, meaning, **common)
    elif isinstance(field.default, float):
      flags.DEFINE_float(field.name, field.default, meaning, **common)
    elif isinstance(field.default, tuple):
      default: Any = [str(item) for item in field.default]
      flags.DEFINE_list(field.name, default, meaning, **common)
    else:
      flags.DEFINE_string(field.name, str(field.default), meaning, **common)


def define_optional(
  name: str,
  bare: str,
  meaning: str,
  module_name: str,
  known: flags.FlagValues = flags.FLAGS,
) -> None:
  """Defines a flag that stands alone or has a value; the default is "".

  Args:
    name: of the flag.
    bare: its value where it stands alone.
    meaning: for `--help`.
    module_name: see `define`.
    known: where it is defined.
  """
  flags.DEFINE_flag(
    flags.Flag(
      _Optional(bare),
      flags.ArgumentSerializer(),
      name,
      "",
      meaning,
      boolean=True,  # so absl asks for no value
    ),
    known,
    module_name,
  )


class _Optional(flags.ArgumentParser):
  """Reads what absl gives a flag that stands alone, or its value."""

  def __init__(self, bare: str):
    self._bare = bare

  def parse(self, argument: str) -> str:
    return {"true": self._bare, "false": ""}.get(argument, argument)


def read(base: T, given_only: bool = False) -> T:
  """Settings as the flags say.

  Args:
    base: an instance of the settings class; settings without a flag stay as here.
    given_only: take only flags that stand on the command line, so that `base` may be
      a preset whose values a flag's own default must not undo.
  Returns:
    A changed copy of `base`.
  Raises:
    ValueError: a list of numbers holds something else.
    UserError: see `check`.
  """
  changed = {}
  for field in dataclasses.fields(base):  # type: ignore[arg-type]
    if field.name not in flags.FLAGS:
      continue
    flag = flags.FLAGS[field.name]
    if given_only and not flag.present:
      continue
    value: Any = flag.value
    if isinstance(field.default, tuple):
      value = _items(field, value)
    changed[field.name] = value
  settings = dataclasses.replace(base, **changed)  # type: ignore[type-var]
  check(settings)
  return settings


def from_json(kind: type[T], values: Mapping[str, Any]) -> T:
  """Settings as a file of JSON holds them; those it lacks are as by default.

  Args:
    kind: the settings class.
    values: name -> value, tuples as lists.
  Raises:
    UserError: a setting is unknown, of another type, or see `check`.
  """
  fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
  if unknown := sorted(set(values) - set(fields)):
    raise errors.UserError(
      f"it was written by another version of emojax: this one does not know the "
      f"settings {', '.join(unknown)}"
    )
  for name, value in values.items():
    default: Any = fields[name].default
    is_list = isinstance(default, tuple)
    expected = [fields[name].metadata["kind"]] if is_list else type(default)
    try:
      records.check(value, expected, name)
    except ValueError as error:
      raise errors.UserError(f"the setting {error}") from None
  settings = kind(
    **{
      name: tuple(value) if isinstance(value, list) else value
      for name, value in values.items()
    }
  )
  check(settings)
  return settings


def check(settings: Any) -> None:
  """Refuses a value that its setting does not allow. What flags give, `read` checks.

  Args:
    settings: an instance of a settings class.
  Raises:
    UserError: names the flag, what it should be, and what it is.
  """
  for field in dataclasses.fields(settings):
    choices, bounds = field.metadata["choices"], field.metadata["bounds"]
    value = getattr(settings, field.name)
    is_list = isinstance(value, (tuple, list))
    items = value if is_list else [value]
    if field.metadata["are_distinct"]:
      holds = 0 < len(items) == len(set(items))
      expected = "one or more names, each once"
    elif choices:
      holds = 0 < len(items) == len(set(items)) and set(items) <= set(choices)
      expected = f"one of {', '.join(choices)}"
      if is_list:
        expected = f"one or more of {', '.join(choices)}, each once"
    else:
      holds = all(_is_within(item, bounds) for item in items)
      expected = f"numbers, each {_words(bounds)}" if is_list else _words(bounds)
    if holds and len(items) > _MOST_ITEMS:
      holds, expected = False, f"at most {_MOST_ITEMS} items"
    elif holds and "most" not in bounds and any(map(_is_vast, items)):
      holds, expected = False, f"at most {_MOST}"
    if not holds:
      shown = ",".join(map(str, items)) or "nothing"
      shown = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
      raise errors.UserError(f"--{field.name} should be {expected}; got {shown}")


def _is_vast(item: Any) -> bool:
  return isinstance(item, int) and item > _MOST


def _is_within(number: Any, bounds: dict[str, float]) -> bool:
  return not bounds or (
    math.isfinite(number)
    and all(_BOUNDS[kind][0](number, limit) for kind, limit in bounds.items())
  )


def _words(bounds: dict[str, float]) -> str:
  if bounds.keys() == {"least", "most"}:
    return f"{bounds['least']} to {bounds['most']}"
  return " and ".join(_BOUNDS[kind][1].format(limit) for kind, limit in bounds.items())


def _items(field: dataclasses.Field, texts: list[str]) -> tuple:
  items = [item.strip() for item in texts if item.strip()]
  try:
    return tuple(field.metadata["kind"](item) for item in items)
  except ValueError:
    default: Any = field.default
    example = ",".join(map(str, default or SCALE))
    raise ValueError(
      f"--{field.name} is a list of numbers such as {example}; got {','.join(texts)}"
    ) from None
