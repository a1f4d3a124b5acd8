"""The dataset a run needs: reused when it is there, rebuilt in place when it is not.

In: settings. Out: a `Dataset` in memory, and on disk the prepared TFDS dataset it was
read from. Nothing half-built is ever taken for whole: TFDS writes beside the final
place and renames, one process at a time.
"""

import contextlib
import io
import json
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import va_emotion_dataset_builder as builder_lib
from emojax.datasets.va_emotion.dataset import Dataset
from emojax.extract import extractor

_METADATA = "metadata.json"  # TFDS's name for a builder's own metadata
_ASIDE = ".replaced"  # the old dataset while the new one takes its place


def prepare(
  data: DataConfig,
  settings: ExtractConfig,
  progress: bool = False,
  say: Callable[[str], None] = print,
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
    say: gets one line about what was done.
  Returns:
    A `Dataset` with the features asked for, in that order.
  Raises:
    ValueError: everything the user can put right: an unknown dataset or feature,
      ratings that are not in order, pictures that cannot be read, missing weights, a
      cache that does not work.
    OSError: `data_dir` cannot be written.
  """
  path = builder_lib.prepared_path(data.data_dir, builder_lib.config_name(data.dataset))
  made = dataset_lib.make_extractor(data, settings)
  source = dataset_lib.collect(data)
  with builder_lib.locked(path) as writable:
    known = _known(path, dataset_lib.fingerprint(source, data), data, settings)
    if known is not None and _has(known, made):
      say(f"reusing {_summary(known)} in {path}")
      known.metadata["settings"] = source.settings  # the pictures may have moved
      return dataset_lib.select(known, settings.features)
    if not writable:
      raise OSError(
        f"{path} has another dataset and cannot be written: choose another --data_dir"
      )
    built = dataset_lib.build(source, data, settings, made, progress, known)
    _put(path, data, built)
    say(f"prepared {_summary(built)} in {path}")
    return dataset_lib.select(read(path), settings.features)


def read(path: pathlib.Path) -> Dataset:
  """A prepared dataset, whole, without TensorFlow.

  Args:
    path: the folder of the prepared version, such as `.../va_emotion/oasis/1.0.0`.
  Returns:
    A `Dataset` with everything stored.
  Raises:
    ValueError: there is no such dataset, or it is damaged; says what to do.
  """
  try:
    metadata = json.loads((path / _METADATA).read_text())
    stored = tfds.builder_from_directory(path)
    rows: Sequence[dict[str, Any]] = list(stored.as_data_source("train"))
    if len(rows) != metadata["num_pictures"]:
      raise ValueError(f"{len(rows)} rows, expected {metadata['num_pictures']}")
    return _in_memory(rows, metadata)
  # What a cut or altered file makes TFDS and array_record raise is not documented.
  except Exception as error:
    raise ValueError(
      f"cannot read the prepared dataset {path} ({' '.join(str(error).split())}); "
      "delete that folder, and it is built again"
    ) from error


def _in_memory(rows: Sequence[dict[str, Any]], metadata: dict[str, Any]) -> Dataset:
  def column(name: str, dtype: type) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype)

  def pair(pattern: str, dtype: type) -> np.ndarray:
    names = [pattern.format(target) for target in ("valence", "arousal")]
    return np.stack([column(name, dtype) for name in names], axis=1)

  return Dataset(
    image_ids=[row["image_id"].decode() for row in rows],
    features={
      entry["name"]: column(entry["name"], np.float32) for entry in metadata["features"]
    },
    ratings=pair("{}", np.float32),
    ratings_std=pair("{}_std", np.float32),
    num_raters=pair("{}_num_raters", np.int32),
    fold=column("fold", np.int32),
    keywords=[row["keyword"].decode() for row in rows],
    metadata=metadata,
  )


def _known(
  path: pathlib.Path, fingerprint: str, data: DataConfig, settings: ExtractConfig
) -> Dataset | None:
  """What is prepared, if it is of the same pictures, ratings and folds."""
  try:
    metadata = json.loads((path / _METADATA).read_text())
    if metadata["fingerprint"] != fingerprint:
      return None
    # A broken picture may have become readable, or may no longer be left out silently.
    if metadata["broken"] and not (
      data.skip_bad_pictures and metadata["max_pixels"] == settings.max_pixels
    ):
      return None
    return read(path)
  except (OSError, ValueError, KeyError):  # not there, or damaged: built again
    return None


def _has(known: Dataset, made: extractor.Extractor) -> bool:
  """Whether all features asked for are there, made by the same code and weights."""
  described = {entry["name"]: entry for entry in known.metadata["features"]}
  return all(described.get(entry["name"]) == entry for entry in made.describe())


def _put(path: pathlib.Path, data: DataConfig, built: Dataset) -> None:
  """Writes a dataset where the old one is, if any; the old one stays until then."""
  for left in (*path.parent.glob("incomplete.*"), *path.parent.glob(f"{_ASIDE}*")):
    shutil.rmtree(left)  # of a process that was killed; nobody else is at work here
  aside = path.with_name(f"{_ASIDE}-{path.name}")
  if path.exists():
    path.rename(aside)
  bars = tfds.core.utils.tqdm_utils
  try:
    # One line of ours says it all; TFDS's own lines and bars would drown it.
    tfds.disable_progress_bar()
    config = builder_lib.config_name(data.dataset)
    root = path.parents[2]
    builder = builder_lib.Builder(data_dir=root, config=config, dataset=built)
    with contextlib.redirect_stdout(io.StringIO()):
      builder.download_and_prepare()
  except BaseException:
    if aside.exists() and not path.exists():
      aside.rename(path)
    raise
  finally:
    bars.enable_progress_bar()
  shutil.rmtree(aside, ignore_errors=True)


def _summary(dataset: Dataset) -> str:
  names = ", ".join(dataset.features)
  return f"{len(dataset.image_ids)} rated pictures with {names}"
