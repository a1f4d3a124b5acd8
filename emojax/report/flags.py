"""The flags that name one rated set or two beside each other, and what they say.

In: the command line. Out: a `DataConfig` for each set. Imports nothing heavy, so that
`--help` answers at once.
"""

import dataclasses
from typing import Any

from absl import flags

from emojax.config import DataConfig
from emojax.utils import errors, options

_MOST_SETS = 2
# Settings that two sets may have different values of; the flag is then given twice.
_SCALES = ("rating_scale", "valence_scale", "arousal_scale", "further_scale")
_COLUMNS = tuple(
  field.name for field in dataclasses.fields(DataConfig) if "_column" in field.name
)
_EACH = ("data_dir", "manual_dir", "images_dir", "ratings_csv", *_SCALES, *_COLUMNS)
# A report never fails because of a picture, and looks at them; that of a set is on
# 1..9, to be compared.
_UNUSED = ("skip_bad_pictures", "output_scale", "features_table")


def define(module_name: str, images_dir: str) -> None:
  """Defines them.

  Args:
    module_name: the program's module, under which `--help` lists the flags.
    images_dir: what the flag of this name means besides.
  """
  meaning = {field.name: field.metadata["help"] for field in _fields()}
  flags.DEFINE_string(
    "dataset",
    "",
    "Report on a rated set instead of a run, or on two beside each other, with a comma "
    f"between them. {meaning['dataset']}",
    module_name=module_name,
  )
  flags.DEFINE_list(
    "target",
    None,
    "Of a rated set: what the report is about, such as valence or, for folder, any "
    "rated column by its name; not given: all that is rated, of two sets what both "
    "rate.",
    module_name=module_name,
  )
  options.define(DataConfig, module_name, leave_out=("dataset", *_EACH, *_UNUSED))
  for name in _EACH:
    text = f"{images_dir} {meaning[name]}" if name == "images_dir" else meaning[name]
    flags.DEFINE_multi_string(name, None, text, module_name=module_name)
    # absl adds a line of its own.
    flags.FLAGS[name].help = f"{text} Given twice: of the first and of the second set."


def chosen() -> list[DataConfig]:
  """The sets that the command line asks for, in order; empty where it names none.

  Raises:
    UserError: more than two, or a flag given another number of times than once or once
      a set.
    ValueError: a rating scale that is no list of numbers.
  """
  names = [name.strip() for name in flags.FLAGS.dataset.split(",") if name.strip()]
  if len(names) > _MOST_SETS:
    raise errors.UserError(
      f"expected one or two datasets, got {len(names)}: {flags.FLAGS.dataset}"
    )
  shared: dict[str, Any] = {
    field.name: _plain(flags.FLAGS[field.name].value)
    for field in _fields()
    if field.name not in ("dataset", *_EACH, *_UNUSED)
  }
  sets = []
  for number, name in enumerate(names):
    each: dict[str, Any] = {
      key: value
      for key in _EACH
      if (value := _value(key, number, len(names))) is not None
    }
    sets.append(DataConfig(dataset=name, **shared, **each))
  return sets


def named() -> list[str]:
  """Names of the flags that stand on the command line and mean a dataset only."""
  names = [field.name for field in _fields() if field.name not in _UNUSED]
  names.append("target")
  return [name for name in names if flags.FLAGS[name].present and name != "images_dir"]


def _plain(value: Any) -> Any:
  return tuple(value) if isinstance(value, list) else value


def _fields() -> tuple[dataclasses.Field, ...]:
  return dataclasses.fields(DataConfig)


def _value(name: str, number: int, sets: int) -> Any:
  """What a flag says of one of the sets; None where it is not given."""
  values = flags.FLAGS[name].value
  if not values:
    return None
  if len(values) not in (1, sets):
    raise errors.UserError(
      f"--{name} is given {len(values)} times for {sets} dataset"
      f"{'s' if sets > 1 else ''}: give it once, or once for each in their order"
    )
  value = values[number % len(values)]
  if name not in _SCALES:
    return value
  try:
    return tuple(float(end) for end in value.split(","))
  except ValueError:
    raise errors.UserError(
      f"--{name} is two numbers such as 1,9; got {value}"
    ) from None
