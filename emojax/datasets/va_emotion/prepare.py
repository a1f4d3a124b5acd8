"""The dataset a run needs: reused when it is there, rebuilt in place when it is not.

In: settings. Out: a `Dataset` in memory, and on disk the prepared TFDS dataset it was
read from. Nothing half-built is ever taken for whole: TFDS writes beside the final
place and renames, one process at a time.
"""

import contextlib
import io
import json
import math
import pathlib
import shutil
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import tensorflow_datasets as tfds

from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import build, storage
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import va_emotion_dataset_builder as builder_lib
from emojax.datasets.va_emotion.dataset import METADATA, Dataset, Planned, read
from emojax.utils import errors, files, scales, signals, terminal

_FLOAT_BYTES = 4
_ASIDE = ".replaced"  # the old dataset while the new one takes its place


def prepare(
  data: DataConfig,
  settings: ExtractConfig,
  progress: bool = False,
  say: Callable[[str], None] = terminal.say,
  checks: Sequence[Callable[[], Any]] = (),
) -> Dataset:
  """Prepares a dataset unless it is there, and reads it.

  What is prepared is reused when pictures, ratings and folds are the same and it has
  the features asked for, made by the same code and weights. Otherwise it is built again
  with those features and the ones it had; cached values are not computed again. Several
  processes may call this at once.

  Args:
    data: which dataset.
    settings: which features, and how to compute them.
    progress: show a bar.
    say: gets one line about what was done, and one on what was assumed of the table.
    checks: of the caller, made with this function's own before anything is computed,
      so that all mistakes are told at once.
  Returns:
    A `Dataset` with the features asked for, in that order.
  Raises:
    ValueError: everything the user can put right: an unknown dataset or feature,
      ratings that are not in order, pictures that cannot be read, missing weights, a
      cache that does not work.
    OSError: `data_dir` cannot be written.
  """
  output_scale = data.output_scale and scales.check(data.output_scale, "output_scale")
  place = storage.place(data)
  path = place.path
  checks = [
    *checks,
    lambda: build.check_features(place, data, settings),
  ]
  if data.download:  # gigabytes, which mistakes elsewhere must not cost
    errors.all_of(*checks)
  *_, source = errors.all_of(*checks, lambda: build.collect(place, data))
  extraction = build.make_extractor(place, data, settings)
  for line in source.settings.get("assumed", ()):
    say(line)
  with storage.locked(path) as writable:
    if writable:
      _restore(path)
    prepared = _prepared(path, build.fingerprints(source, data), data, settings)
    if prepared is not None and _has(prepared, extraction):
      say(f"reusing {_summary(prepared.image_ids, prepared.features)} in {path}")
      # The pictures may have moved, and the same ratings may have had another scale.
      prepared.metadata["settings"] = source.settings
      prepared.metadata["scales"] = {t: list(s) for t, s in source.scales.items()}
      prepared.metadata["output_scale"] = list(output_scale)
      return dataset_lib.select(prepared, settings.every_feature)
    if not writable:
      raise OSError(
        f"{path} has another dataset and cannot be written: choose another --data_dir"
      )
    width = sum(int(entry["size"]) for entry in extraction.describe())
    files.check_writable(path / METADATA, _FLOAT_BYTES * width * len(source.rated))
    built = build.build(source, data, settings, extraction, progress, prepared)
    _put(place, built)
    say(f"prepared {_summary(built.rows.image_ids, built.features)} in {path}")
    if groups := built.rows.metadata["groups"]:
      number = sum(map(len, groups))
      say(
        f"{number} pictures in {len(groups)} groups of near-duplicates or of one "
        f"--group_column stay in one fold each; listed in {path / METADATA}"
      )
    fresh = read(path)
    fresh.metadata["output_scale"] = list(output_scale)
    return dataset_lib.select(fresh, settings.every_feature)


def _prepared(
  path: pathlib.Path,
  fingerprints: Container[str],
  data: DataConfig,
  settings: ExtractConfig,
) -> Dataset | None:
  """What is prepared, if it is of the same pictures, ratings and folds."""
  try:
    metadata = json.loads((path / METADATA).read_text())
    if metadata["fingerprint"] not in fingerprints:
      return None
    # A broken picture may have become readable, or may no longer be left out silently.
    if metadata["broken"] and not (
      data.skip_bad_pictures and metadata["max_pixels"] == settings.max_pixels
    ):
      return None
    return read(path)
  except (OSError, ValueError, KeyError):  # not there, or damaged: built again
    return None


def _has(prepared: Dataset, extraction: build.Features) -> bool:
  """Whether all features asked for are there, made by the same code and weights."""
  described = {entry["name"]: entry for entry in prepared.metadata["features"]}
  return all(described.get(entry["name"]) == entry for entry in extraction.describe())


def _restore(path: pathlib.Path) -> None:
  """Puts the old dataset back where a process was killed that was replacing it."""
  aside = path.with_name(f"{_ASIDE}-{path.name}")
  if aside.exists() and not path.exists():
    aside.rename(path)


def _put(place: storage.Place, built: Planned) -> None:
  """Writes a dataset where the old one is, if any; the old one stays until then."""
  path = place.path
  for leftover in (*path.parent.glob("incomplete.*"), *path.parent.glob(f"{_ASIDE}*")):
    shutil.rmtree(leftover)  # of a process that was killed; nobody else is at work here
  aside = path.with_name(f"{_ASIDE}-{path.name}")
  if path.exists():
    path.rename(aside)
  bars = tfds.core.utils.tqdm_utils
  try:
    # One line of ours says it all; TFDS's own lines and bars would drown it.
    tfds.disable_progress_bar()
    builder = builder_lib.Builder(
      data_dir=place.root, config=place.config, planned=built
    )
    with signals.whole(), contextlib.redirect_stdout(io.StringIO()):
      builder.download_and_prepare()
  except RuntimeError as error:  # of array_record, which knows no other
    size = _FLOAT_BYTES * sum(math.prod(t.shape) for t in built.features.values())
    raise files.unwritten(path, size, str(error)) from error
  finally:
    _restore(path)
    bars.enable_progress_bar()
  shutil.rmtree(aside, ignore_errors=True)


def _summary(image_ids: Sequence[str], features: Iterable[str]) -> str:
  return f"{len(image_ids)} rated pictures with {', '.join(features)}"
