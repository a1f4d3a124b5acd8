"""A finished run as prediction needs it: a folder, or one archive that travels.

In: a run folder, or an archive made from one. Out: a `TrainedRun`, and archives. An
archive is a ZIP file of JSON, safetensors and Markdown, so opening one runs nothing; it
holds no pictures, no ratings and no paths of the machine that made it.
"""

import dataclasses
import io
import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors import SafetensorError

from emojax.backbones import BACKBONES, trained, weights
from emojax.config import TrainConfig
from emojax.evaluation import conformal
from emojax.features import attributes
from emojax.features import params as sources
from emojax.predict import model_card
from emojax.train import checkpoint, familiarity, model, trainer
from emojax.utils import arrays, files

FORMAT = 2  # of archives; raised when an older emojax could not read them
_MANIFEST, _CARD = "run.json", "README.md"
_NETWORKS, _REFERENCE = "networks.safetensors", "familiarity.safetensors"
_CALIBRATION = "calibration.safetensors"
_WEIGHTS = "weights/"
_DATE = (1980, 1, 1, 0, 0, 0)  # of members: the same run gives the same bytes
# Of a run's results what says where the pictures were or names some, and how long this
# machine took: the same run again gives the same bytes.
_LEFT_OUT = ("pictures", "skipped_pictures", "seconds")


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
    if sources.has_random_weights(self.identity["features"]):
      reasons.append("its features come from random, untrained weights")
    return reasons

  @property
  def settings(self) -> TrainConfig:
    """How its networks were trained."""
    return _settings(self.identity, self.path)

  @property
  def columns(self) -> model.Columns:
    """What the columns of its feature table are."""
    return model.columns_of(self.identity["features"])

  @property
  def networks(self) -> list[trainer.Network]:
    """Its networks in the order of the K axis."""
    return _networks(self.identity, self.path)


def read(path: pathlib.Path) -> TrainedRun:
  """A run from its folder or its archive, on this machine's first device.

  Raises:
    RunError: there is no such run, it is not finished, damaged, or written by a newer
      emojax; the message says which and what to do.
  """
  path = pathlib.Path(path).expanduser()
  if path.is_dir():
    return _read_folder(checkpoint.RunFolder(path.absolute()))
  if not path.exists():
    raise checkpoint.RunError(
      f"{path} does not exist: expected a run folder of python -m emojax.train, or an "
      "archive of scripts/export_run"
    )
  return _read_archive(path)


def write_archive(
  run: TrainedRun,
  output: pathlib.Path,
  networks: Mapping[str, bytes],
  dtype: type = np.float32,
) -> None:
  """Writes a run as one file.

  Args:
    run: what to write.
    output: the archive; an old one is replaced.
    networks: weights files that travel with it, network -> bytes.
    dtype: of its numbers in the file: np.float32, or np.float16 for half the size.
  Raises:
    OSError: it cannot be written.
  """
  results = {key: run.results[key] for key in run.results if key not in _LEFT_OUT}
  tree = {"params": run.params, "scaling": run.scaling._asdict()}
  tensors: dict[str, np.ndarray] = {
    key: np.ascontiguousarray(value, dtype)
    for key, value in flatten_dict(tree, sep="/").items()
  }
  manifest = {"format": FORMAT, "identity": run.identity, "results": results}
  members = {
    _CARD: model_card.markdown(run.identity, results, sorted(networks)).encode(),
    _MANIFEST: files.json_text(manifest).encode(),
    _NETWORKS: safetensors.numpy.save(tensors),
    _REFERENCE: arrays.encode(run.reference, dtype),
    **(
      {_CALIBRATION: arrays.encode(run.calibration, dtype)}
      if run.calibration is not None
      else {}
    ),
    **{f"{_WEIGHTS}{name}.safetensors": networks[name] for name in sorted(networks)},
  }
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in members.items():
      archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
  files.write(output, buffer.getbuffer())


def _read_folder(folder: checkpoint.RunFolder) -> TrainedRun:
  config = checkpoint.read_config(folder)
  identity = config.get("identity", {})
  if not folder.is_finished:
    raise checkpoint.RunError(
      f"{folder.path} is not finished: go on with python -m emojax.train --resume and "
      "the settings it was started with"
    )
  if "settings" not in identity or not folder.model.is_dir():
    raise checkpoint.RunError(
      f"{folder.path} keeps no trained networks: expected a run of python -m "
      "emojax.train (an experiment keeps predictions only)"
    )
  nets = _networks(identity, folder.path)
  like = trainer.model_shapes(
    _settings(identity, folder.path), model.columns_of(identity["features"]), nets
  )
  params, scaling = checkpoint.load_model(folder, *like)
  try:
    results = json.loads(folder.results.read_text("utf-8"))
    reference = arrays.decode(familiarity.Reference, folder.familiarity.read_bytes())
    calibration = None
    if folder.calibration.exists():
      calibration = arrays.decode(
        conformal.Calibration, folder.calibration.read_bytes()
      )
  except (OSError, ValueError, SafetensorError, TypeError) as error:
    raise checkpoint.RunError(
      f"{folder.path} is damaged ({error}): copy it again or repeat the run"
    ) from error
  return TrainedRun(
    folder.path, identity, results, params, scaling, reference, calibration
  )


def _read_archive(path: pathlib.Path) -> TrainedRun:
  try:
    with zipfile.ZipFile(path) as archive:
      manifest = json.loads(archive.read(_MANIFEST))
      if manifest["format"] > FORMAT:
        raise checkpoint.RunError(
          f"{path} was written by a newer emojax (format {manifest['format']}, here "
          f"{FORMAT}): install that one"
        )
      flat = {
        name: array.astype(np.float32)
        for name, array in safetensors.numpy.load(archive.read(_NETWORKS)).items()
      }
      reference = arrays.decode(familiarity.Reference, archive.read(_REFERENCE))
      calibration = None
      if _CALIBRATION in archive.namelist():
        calibration = arrays.decode(conformal.Calibration, archive.read(_CALIBRATION))
      carried = {
        network: archive.read(f"{_WEIGHTS}{network}.safetensors")
        for network in (*BACKBONES, sources.ATTRIBUTES)
        if f"{_WEIGHTS}{network}.safetensors" in archive.namelist()
      }
    tree = unflatten_dict(flat, sep="/")
    identity, results = manifest["identity"], manifest["results"]
    identity["features"] = sources.current_descriptions(identity["features"])
    scaling = model.Scaling(**tree["scaling"])
    run = TrainedRun(
      path,
      identity,
      results,
      tree["params"],
      scaling,
      reference,
      calibration,
      carried,
    )
    _check_shapes(run)
    return run
  except checkpoint.RunError:
    raise
  except (
    OSError,
    zipfile.BadZipFile,
    SafetensorError,
    ValueError,
    KeyError,
    TypeError,
    NotImplementedError,  # an archive of another compression
  ) as error:
    raise checkpoint.RunError(
      f"{path} is no archive of scripts/export_run, or is damaged ({error}): copy it "
      "again or export the run again"
    ) from error


def _check_shapes(run: TrainedRun) -> None:
  """Refuses networks of other shapes than the settings say."""
  params, scaling = trainer.model_shapes(run.settings, run.columns, run.networks)
  expected = flatten_dict({"params": params, "scaling": scaling._asdict()}, sep="/")
  stored = flatten_dict(
    {"params": run.params, "scaling": run.scaling._asdict()}, sep="/"
  )
  for name in expected.keys() | stored.keys():
    shapes = [
      tuple(tree[name].shape) if name in tree else None for tree in (expected, stored)
    ]
    if shapes[0] != shapes[1]:
      raise ValueError(f"{name} should have shape {shapes[0]}, has {shapes[1]}")


def _settings(identity: Mapping[str, Any], path: pathlib.Path) -> TrainConfig:
  fields = {field.name: field for field in dataclasses.fields(TrainConfig)}
  unknown = set(identity["settings"]) - set(fields)
  if unknown:
    raise checkpoint.RunError(
      f"{path} was written by another version of emojax: this one does not know the "
      f"settings {', '.join(sorted(unknown))}"
    )
  values: dict[str, Any] = {
    name: tuple(value) if isinstance(fields[name].default, tuple) else value
    for name, value in identity["settings"].items()
  }
  return TrainConfig(**values)


def _networks(identity: Mapping[str, Any], path: pathlib.Path) -> list[trainer.Network]:
  folds = [number - 1 for number in identity["folds"]]
  return trainer.networks(_settings(identity, path), folds)


def weights_used(run: TrainedRun, weights_dir: pathlib.Path) -> dict[str, bytes]:
  """The weights files that a run's features need, to travel with it.

  Weights that an installable package carries do not: it brings them where the run is
  used.

  Args:
    run: the run.
    weights_dir: where weights are looked for first.
  Raises:
    WeightsError: one is missing or damaged.
    RunError: one is of another digest than the run's.
  """
  contents = {}
  features = run.identity["features"]
  if any(feature["needs"] == sources.ATTRIBUTES for feature in features):
    attributes.read(weights_dir)  # checked against its network when it is opened
    contents[sources.ATTRIBUTES] = (weights_dir / attributes.FILE_NAME).read_bytes()
  for used in sources.weights_of(features):
    network, digest = used["network"], used["digest"]
    if used["source"] != "random":
      place = trained.locate(network, weights_dir)
      if place is not None and place.kind == "package":
        continue
      folder = place.path.parent if place is not None else weights_dir
      here = weights.load(network, folder).digest
      if here != digest:
        raise checkpoint.RunError(
          f"{network}: the run was made with weights {digest[:16]}, {folder} "
          f"holds {here[:16]}"
        )
      contents[network] = weights.path_of(network, folder).read_bytes()
  return contents
