"""The targets that `--target` names: whether they are rated, and where from.

In: their names and what a dataset rates, or which dataset. Out: an error, or settings
with which their columns are read.
"""

import dataclasses
from collections.abc import Sequence

from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import storage
from emojax.utils import errors


def check(targets: Sequence[str], rated: Sequence[str]) -> None:
  """Refuses targets that are not rated, or named twice, or none.

  Raises:
    UserError: says what is rated.
  """
  if not targets or len(set(targets)) < len(targets) or not set(targets) <= set(rated):
    raise errors.UserError(
      f"--target should be one or more of {', '.join(rated)}, each once; got "
      f"{','.join(targets) or 'nothing'}"
    )


def with_further(data: DataConfig, named: Sequence[str]) -> DataConfig:
  """Which rated pictures, with the named targets among the further ones.

  Raises:
    UserError: they are none, one stands twice, or a set with a name lacks one.
  """
  is_own = storage.place(data).config == "folder"
  check(named, named if is_own and named else TARGETS)
  further = [t for t in named if t not in (*TARGETS, *data.further_targets)]
  return dataclasses.replace(data, further_targets=(*data.further_targets, *further))
