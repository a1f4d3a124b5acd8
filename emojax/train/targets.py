"""What a program that trains predicts: as `--target` says, else all that is rated.

In: the flag, and what a dataset rates. Out: settings that say it.
"""

import dataclasses
from collections.abc import Sequence

from absl import flags

from emojax import config
from emojax.datasets.va_emotion import targets


def wanted(data: config.DataConfig) -> config.DataConfig:
  """Which rated pictures, with the further targets that `--target` names.

  Raises:
    UserError: the flag names none, one twice, or one that a set with a name lacks.
  """
  if not flags.FLAGS["target"].present:
    return data
  return targets.with_further(data, flags.FLAGS["target"].value or ())


def resolved(settings: config.TrainConfig, rated: Sequence[str]) -> config.TrainConfig:
  """How to train, on all that is rated where `--target` does not say what.

  Raises:
    UserError: it names what is not rated.
  """
  if not flags.FLAGS["target"].present:
    return dataclasses.replace(settings, target=tuple(rated))
  targets.check(settings.target, rated)
  return settings
