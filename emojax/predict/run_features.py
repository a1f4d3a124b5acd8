"""What a run's features need, loaded here and checked to be what the run had.

In: a run, and where files that it does not carry are. Out: their sources, or an error
that names what the run was trained with and what is here.
"""

import difflib
import functools
import os
import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from emojax import images
from emojax.backbones import trained
from emojax.features import (
  DERIVED,
  FEATURES,
  Derived,
  Feature,
  descriptions,
  external,
  params,
)
from emojax.predict.trained_run import TrainedRun
from emojax.train import run_folder
from emojax.utils import errors


def load(
  run: TrainedRun,
  weights_dir: pathlib.Path | None,
  color_names: pathlib.Path | None,
  word_norms: pathlib.Path | None,
  extra_features: Mapping[str, str | os.PathLike[str]],
) -> dict[str, params.Source]:
  """The sources of a run's features; everything that is wrong is told at once.

  Args:
    run: what was trained.
    weights_dir, color_names, word_norms, extra_features: see `predictor.load`; weights
      that the run carries count where no folder is named.
  Raises:
    RunError: a feature is computed otherwise here, or from other files.
    WeightsError: weights are missing or damaged.
    ExternalError: see `external.read`.
  """
  with tempfile.TemporaryDirectory(prefix="emojax-") as folder:
    for network, content in run.carried.items():
      pathlib.Path(folder, f"{network}.safetensors").write_bytes(content)
    place = weights_dir or (pathlib.Path(folder) if run.carried else None)
    features = descriptions.with_bases(run.identity["features"])
    own = [feature for feature in features if not external.is_external(feature)]
    networks = [
      used["network"]
      for used in descriptions.weights_of(own)
      if used["source"] != "random"
    ]
    sources, *_ = errors.all_of(
      lambda: _tables(features, extra_features, run.path),
      *(functools.partial(_check_version, feature, run.path) for feature in own),
      lambda: trained.check_present(dict.fromkeys(networks), place),
    )
    for feature in own:
      need = str(feature["needs"])
      if need not in sources:
        sources[need] = _source(feature, place, color_names, word_norms, run.path)
  return sources


def _tables(
  features: Sequence[Mapping[str, Any]],
  given: Mapping[str, str | os.PathLike[str]],
  path: pathlib.Path,
) -> dict[str, params.Source]:
  """The run's features from elsewhere, of the images to be predicted.

  Raises:
    RunError: one is not given, has another width, or is none of the run's.
    ExternalError: see `external.read`.
  """
  sources: dict[str, params.Source] = {}
  wanted = [feature for feature in features if external.is_external(feature)]
  for name in given:
    if name not in [feature["name"] for feature in wanted]:
      raise run_folder.RunError(
        f"{path} was trained without a feature {name} from elsewhere: leave "
        f"--extra_features={name} out"
      )
  for feature in wanted:
    name, size = feature["name"], feature["size"]
    about = (
      f"{path} was trained on {name} ({size} numbers a picture of {feature['file']}"
    )
    if name not in given:
      raise run_folder.RunError(
        f"{about}), which emojax cannot compute: name the same table of these pictures "
        f"with --extra_features={name}=FILE"
      )
    table = external.read(name, pathlib.Path(given[name]).expanduser())
    if table.size != size:
      raise run_folder.RunError(f"{about}), {table.path} has {table.size} a picture")
    sources[table.need] = params.Source(table, table.digest, table.label)
  return sources


def _check_version(feature: Mapping[str, object], path: pathlib.Path) -> None:
  """Refuses a feature that this emojax computes otherwise than the run's did."""
  name = str(feature["name"])
  every: dict[str, Feature | Derived] = {**FEATURES, **DERIVED}
  if name not in every:
    near = difflib.get_close_matches(name, every, n=1)
    hint = f" (it has {near[0]})" if near else ""
    raise run_folder.RunError(
      f"{path} was trained on the feature {name}, which this emojax lacks{hint}"
    )
  checks = {
    "version": ("version", {every[name].version, *every[name].alike}),
    "images_version": ("picture reading", images.READS_ALIKE),
  }
  for key, (what, here) in checks.items():
    if feature[key] not in here:
      raise run_folder.RunError(
        f"{path} was trained on {name} with {what} {feature[key]}, this emojax has "
        f"{what} {max(here)}: train again, or install the emojax it was made with"
      )


def _source(
  feature: Mapping[str, Any],
  weights_dir: pathlib.Path | None,
  color_names: pathlib.Path | None,
  word_norms: pathlib.Path | None,
  path: pathlib.Path,
) -> params.Source:
  """What a feature needs, as the run had it.

  Raises:
    RunError: what is here has another digest.
    WeightsError: weights are missing or damaged.
  """
  digest, used = str(feature["digest"]), descriptions.weights_of([feature])
  # All networks behind a feature are loaded alike; where there is none, no matter how.
  choice = "random" if descriptions.has_random_weights([feature]) else "trained"
  precision = used[0]["precision"] if used else "float32"
  name, need = str(feature["name"]), str(feature["needs"])
  bases = [base["name"] for base in feature.get("bases", ())]
  source = params.load_sources(
    [name], weights_dir, choice, color_names, precision, word_norms, bases
  )[need]
  if source.digest != digest:
    flag = {params.COLOR_NAMES: "color_names", params.WORD_NORMS: "word_norms"}
    raise run_folder.RunError(
      f"{path} was trained with {feature['label']} (digest {digest[:16]}), here is "
      f"{source.label} (digest {source.digest[:16]}): name the same file with "
      f"--{flag.get(need, 'weights_dir')}"
    )
  return source
