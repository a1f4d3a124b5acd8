"""Command-line flags made from the settings classes, and settings read back from them.

In: a frozen dataclass of `config.setting` fields. Out: an absl flag per field, with its
name, default, choices and help; then an instance filled from what the user gave.
"""

import dataclasses
from typing import Any, TypeVar

from absl import flags

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
    if choices:
      flags.DEFINE_enum(field.name, str(field.default), choices, meaning, **common)
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
      value = _items(field.name, value, field.default)
    changed[field.name] = value
  return dataclasses.replace(base, **changed)  # type: ignore[type-var]


def _items(name: str, given: list[str], default: tuple) -> tuple:
  items = [item.strip() for item in given if item.strip()]
  if not default or not isinstance(default[0], (int, float)):
    return tuple(items)
  kind = type(default[0])
  try:
    return tuple(kind(item) for item in items)
  except ValueError:
    raise ValueError(
      f"--{name} is a list of numbers such as {','.join(map(str, default))}; "
      f"got {','.join(given)}"
    ) from None
