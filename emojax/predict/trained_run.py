"""A finished run as prediction needs it: a folder, or one archive that travels.

In: a run folder, or an archive that `packing` made from one. Out: a `TrainedRun`. An
archive is a ZIP file of JSON, safetensors and Markdown, so opening one runs nothing.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from emojax.backbones import BACKBONES
from emojax.config import TrainConfig
from emojax.evaluation import conformal, run_files
from emojax.features import descriptions
from emojax.features import params as sources
from emojax.predict import archives
from emojax.train import checkpoint, familiarity, model
from emojax.train.networks import Network, model_shapes, networks
from emojax.utils import arrays, checksums, errors, files, options, records

FORMAT = 2  # of archives; raised when an older emojax could not read them
MANIFEST, CARD = "run.json", "README.md"
NETWORKS, REFERENCE = "networks.safetensors", "familiarity.safetensors"
CALIBRATION = "calibration.safetensors"
WEIGHTS = "weights/"
_IDENTITY: dict[str, Any] = {
  "dataset": str,
  "fingerprint": str,
  "features": [{}],
  "folds": [int],
  "settings": {},
}


@dataclasses.dataclass(frozen=True)
class TrainedRun:
  """Everything of a finished run that prediction needs.

  Attributes:
    path: where it was read.
    identity: what decided its result: `dataset`, `fingerprint`, `features`, `folds` and
      `settings`, see `run.describe`.
    results: what it found, see `results.to_json`.
    params, scaling: the networks and their input scaling, leading K axis.
    reference: what tells familiar pictures from foreign ones.
    calibration: errors that were seen, from which intervals follow; None in runs of
      emojax 0.1.
    carried: weights files that came with it, network or "attributes" -> bytes.
  """

  path: pathlib.Path
  identity: Mapping[str, Any]
  results: Mapping[str, Any]
  params: Any
  scaling: model.Scaling
  reference: familiarity.Reference
  calibration: conformal.Calibration | None = None
  carried: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

  @property
  def simulated(self) -> list[str]:
    """Why its predictions say nothing about people, if they do not; else empty."""
    reasons = []
    if self.identity["dataset"].partition("/")[2] == "synthetic":
      reasons.append("it was trained on simulated ratings of drawn images")
    if descriptions.has_random_weights(self.identity["features"]):
      reasons.append("its features come from random, untrained weights")
    return reasons

  @property
  def settings(self) -> TrainConfig:
    """How its networks were trained."""
    return options.from_json(TrainConfig, self.identity["settings"])

  @property
  def columns(self) -> model.Columns:
    """What the columns of its feature table are."""
    return model.columns_of(self.identity["features"])

  @property
  def networks(self) -> list[Network]:
    """Its networks in the order of the K axis."""
    return _networks(self.identity)


def read(path: pathlib.Path) -> TrainedRun:
  """A run from its folder or its archive, on this machine's first device.

  Raises:
    RunError: there is no such run, it is not finished, damaged, or written by a newer
      emojax; the message says which and what to do.
  """
  path = pathlib.Path(path).expanduser()
  try:
    if path.is_dir():
      return _read_folder(checkpoint.RunFolder(path.absolute()))
    if path.exists():
      return _read_archive(path)
  except errors.UserError as error:
    raise checkpoint.RunError(str(error)) from error
  raise checkpoint.RunError(
    f"{path} does not exist: expected a run folder of python -m emojax.train, or an "
    "archive of python -m emojax.export"
  )


def _read_folder(folder: checkpoint.RunFolder) -> TrainedRun:
  config = checkpoint.read_config(folder)
  identity = config.get("identity", {})
  if not folder.is_finished:
    raise checkpoint.RunError(
      f"{folder.path} is not finished, or was not copied whole: go on with python -m "
      "emojax.train --resume and the settings it was started with, or copy it again"
    )
  if "settings" not in identity or not folder.model.is_dir():
    raise checkpoint.RunError(
      f"{folder.path} keeps no trained networks: expected a run of python -m "
      "emojax.train (an experiment keeps predictions only), copied whole"
    )
  checksums.check(folder.path, run_files.ADVICE)
  results = run_files.read_results(folder.path)
  with _damage(folder.config):
    like = _shapes(identity, results)
  params, scaling = checkpoint.load_model(folder, *like)
  calibration = None
  with _damage(folder.familiarity):
    reference = arrays.decode(familiarity.Reference, folder.familiarity.read_bytes())
  if folder.calibration.exists():
    with _damage(folder.calibration):
      content = folder.calibration.read_bytes()
      calibration = arrays.decode(conformal.Calibration, content)
  run = TrainedRun(
    folder.path, identity, results, params, scaling, reference, calibration
  )
  with _damage(folder.path):
    _check_numbers(run)
  return run


def _read_archive(path: pathlib.Path) -> TrainedRun:
  with _damage(path, "no archive of python -m emojax.export, or is damaged", _EXPORT):
    members = archives.read(path)
    for name in (MANIFEST, NETWORKS, REFERENCE):
      if name not in members:
        raise ValueError(f"it has no {name!r}")
    manifest = files.json_value(members[MANIFEST])
    records.check(manifest, {"format": int})
    if manifest["format"] > FORMAT:
      raise checkpoint.RunError(
        f"{path} was written by a newer emojax (format {manifest['format']}, here "
        f"{FORMAT}): install that one"
      )
    records.check(manifest, {"identity": {"features": [{}]}, "results": {}})
    identity, results = manifest["identity"], manifest["results"]
    identity["features"] = descriptions.current(identity["features"])
    run_files.check_results(results)
    shapes = _shapes(identity, results)
    tree = unflatten_dict(arrays.load(members[NETWORKS]), sep="/")
    records.check(dict.fromkeys(tree), {"params": None, "scaling": None})
    scaling = arrays.kind_of(model.Scaling, tree["scaling"])
    calibration = None
    if CALIBRATION in members:
      calibration = arrays.decode(conformal.Calibration, members[CALIBRATION])
    carried = {
      network: members[f"{WEIGHTS}{network}.safetensors"]
      for network in (*BACKBONES, sources.ATTRIBUTES)
      if f"{WEIGHTS}{network}.safetensors" in members
    }
    run = TrainedRun(
      path,
      identity,
      results,
      tree["params"],
      scaling,
      arrays.decode(familiarity.Reference, members[REFERENCE]),
      calibration,
      carried,
    )
    _check_shapes(run, shapes)
    _check_numbers(run)
    return run


_EXPORT = "copy it again or export the run again"


@contextlib.contextmanager
def _damage(
  path: pathlib.Path, what: str = "damaged", advice: str = run_files.ADVICE
) -> Iterator[None]:
  """Says in one line what of a run is damaged, and what to do."""
  try:
    yield
  except checkpoint.RunError:
    raise
  except (OSError, ValueError) as error:
    reason = " ".join(str(error).split())
    raise checkpoint.RunError(f"{path} is {what} ({reason}): {advice}") from error


def _shapes(
  identity: Mapping[str, Any], results: Mapping[str, Any]
) -> tuple[Any, model.Scaling]:
  """Shapes of a run's networks and scaling.

  Raises:
    ValueError: what decided it is damaged; says how.
  """
  records.check(identity, _IDENTITY)
  names = [feature["name"] for feature in identity["features"]]
  folds = identity["folds"]
  for what, items in (("features", names), ("folds", folds)):
    if not items or len(set(items)) < len(items):
      raise ValueError(f"{what} should be one or more, each once")
  if not set(folds) <= set(range(1, 6)):
    raise ValueError(f"folds should be some of 1 to 5, not {folds[:5]}")
  settings = options.from_json(TrainConfig, identity["settings"])
  if set(settings.target) != set(results["targets"]):
    raise ValueError(
      f"it predicts {', '.join(settings.target)}, and its results are of "
      f"{', '.join(results['targets'])}"
    )
  columns = model.columns_of(identity["features"])
  return model_shapes(settings, columns, _networks(identity))


def _check_shapes(run: TrainedRun, expected: tuple[Any, model.Scaling]) -> None:
  """Refuses networks of other shapes than the settings say; ValueError says which."""
  there, here = (
    flatten_dict({"params": params, "scaling": scaling._asdict()}, sep="/")
    for params, scaling in (expected, (run.params, run.scaling))
  )
  for name in there.keys() | here.keys():
    shapes = [tuple(t[name].shape) if name in t else None for t in (there, here)]
    if shapes[0] != shapes[1]:
      raise ValueError(f"{name} should have shape {shapes[0]}, has {shapes[1]}")


def _check_numbers(run: TrainedRun) -> None:
  """Refuses numbers that no training leaves; ValueError says which."""
  flat = flatten_dict({"params": run.params, "scaling": run.scaling._asdict()}, sep="/")
  reference, width = run.reference, run.columns.num_columns
  number, along = np.shape(reference.points)[:1], np.shape(reference.spread)[:1]
  parts = {**flat, **{f"reference/{k}": v for k, v in reference._asdict().items()}}
  shapes: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("shift", "gain", "limit", "centre"), (width,)),
    "directions": (*along, width),
    "spread": along,
    "rest": (1,),
    "points": (*number, *along),
    "held_out": number,
  }
  if run.calibration is not None:
    distance, error = run.calibration
    parts["calibration/distance"] = distance
    rows = (*np.shape(distance)[:1], len(run.settings.target))
    # Without a prediction there is no error.
    parts["calibration/error"] = np.where(np.isnan(error), 0, error)
    if np.shape(error) != rows or np.ndim(distance) != 1:
      raise ValueError(f"calibration/error should have shape {rows}")
  for name, shape in shapes.items():
    part = parts[f"reference/{name}"]
    if np.shape(part) != shape or 0 in shape:
      raise ValueError(f"reference/{name} has shape {np.shape(part)}")
  for name, part in parts.items():
    # Inputs without a scaling are clipped at infinity.
    good = ~np.isnan(part) if name.endswith("/limit") else np.isfinite(part)
    if not np.all(good):
      raise ValueError(f"{name} has numbers that are not finite")
  for name in ("reference/spread", "reference/rest"):
    if not (parts[name] > 0).all():
      raise ValueError(f"{name} has numbers that are not above 0")


def _networks(identity: Mapping[str, Any]) -> list[Network]:
  settings = options.from_json(TrainConfig, identity["settings"])
  return networks(settings, [number - 1 for number in identity["folds"]])
