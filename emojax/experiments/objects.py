"""Which object networks an experiment compares where `--objects` names none.

In: where weights may lie. Out: the networks whose trained weights are at hand, in the
order of `python -m emojax.weights list`.
"""

import pathlib
from collections.abc import Sequence

from emojax.backbones import BACKBONES, trained
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import build, storage
from emojax.features import FEATURES
from emojax.train import run_folder
from emojax.utils import errors


def weights_choice(data: DataConfig, extract: ExtractConfig) -> str:
  """Of `trained.CHOICES`, what `--weights` means for a set of pictures."""
  choice = build.settings_for(storage.place(data), extract).weights
  return "trained" if choice == "default" else choice


def at_hand(weights_dir: str, choice: str) -> tuple[str, ...]:
  """Object networks whose trained weights are found.

  Args:
    weights_dir: a folder to look in first; empty: none.
    choice: of `trained.CHOICES`. With random weights every network is at hand, so none
      is preferred, and none given back: an experiment then has the paper's.
  Raises:
    UserError: weights are to be trained, and those of no object network are there.
  """
  if choice == "random":
    return ()
  folder = str(pathlib.Path(weights_dir).expanduser()) if weights_dir else ""
  networks = tuple(
    network
    for network in BACKBONES
    if f"object_{network}" in FEATURES and trained.locate(network, folder)
  )
  if not networks and choice == "trained":
    raise errors.UserError(
      "no weights of an object network are at hand: python -m emojax.weights list says "
      "how to get some, --weights_dir where they are"
    )
  return networks


def earlier(workdir: str) -> tuple[str, ...] | None:
  """Those of the experiment in a folder; None where there is none."""
  folder = run_folder.RunFolder(pathlib.Path(workdir).expanduser())
  if not workdir or not folder.config.is_file():
    return None
  identity = run_folder.read_config(folder).get("identity", {})
  named: Sequence[str] = identity.get("experiment", {}).get("objects", ())
  return tuple(named)
