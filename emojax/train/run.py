"""One run, from a prepared dataset to a finished run folder.

In: settings, a dataset, which folds. Out: the run folder: `config.json`,
`metrics.jsonl`, TensorBoard events, the trained networks, what tells familiar pictures
from foreign ones, `predictions.csv`, `results.json` and `table.md`.
"""

import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from emojax import config as config_lib
from emojax.datasets.va_emotion import prepare as prepare_lib
from emojax.evaluation import conformal, results, run_files
from emojax.train import baselines, checkpoint, familiarity, loop
from emojax.utils import arrays, checksums, cluster, files, options
from emojax.utils import scales as scale_lib
from emojax.version import __version__

_SHARED = "data, features and settings"  # that all processes of a run have in common


def run(
  preset: str,
  settings: config_lib.TrainConfig,
  dataset: prepare_lib.Dataset,
  folds: Sequence[int],
  workdir: pathlib.Path,
  resume: bool,
  show_progress: bool,
) -> checkpoint.RunFolder:
  """One run from a prepared dataset to a finished run folder.

  Where several processes train it, the others call `join`.

  Raises:
    RunError, TrainError, ValueError: see `checkpoint.open_run` and `loop.train`.
  """
  options.check(settings)
  with checkpoint.one_run(workdir):
    start = time.monotonic()
    config = describe(preset, settings, dataset, folds)
    folder = checkpoint.open_run(workdir, config, resume)
    cluster.check_same(config["identity"], _SHARED)
    if cluster.from_first(folder.is_finished):
      run_files.read_results(folder.path)
      checksums.check(folder.path, run_files.ADVICE)  # what is shown is whole
      checkpoint.drop_states(folder)  # which a kill after its last write left
      return folder
    trained = loop.train(settings, {"": dataset}, folds, folder, show_progress)
    target_results, predicted = loop.evaluate(trained, dataset)
    checkpoint.save_model(folder, trained.params, trained.scaling)
    table, columns = loop.feature_table(dataset)
    reference = familiarity.fit(table, columns, dataset.fold)
    files.write(folder.familiarity, arrays.encode(reference))
    rated = dataset.ratings[
      :, [dataset.targets.index(result.target) for result in target_results]
    ]
    calibration = conformal.Calibration(
      reference.held_out / reference.typical, np.abs(predicted - rated)
    )
    files.write(folder.calibration, arrays.encode(calibration))
    half, intervals = conformal.out_of_fold(calibration, dataset.fold)
    ends = [np.clip(predicted + side * half, *config_lib.SCALE) for side in (-1, 1)]
    target_results = [
      dataclasses.replace(result, interval=_on_scale(interval, result.scale))
      for result, interval in zip(target_results, intervals, strict=True)
    ]
    ridge = baselines.evaluate("ridge", settings, dataset, folds)
    seconds = time.monotonic() - start
    write(
      folder,
      config,
      dataset,
      target_results,
      predicted,
      seconds,
      ends=ends,
      ridge=ridge,
    )
    checkpoint.drop_states(folder)
    return folder


def join(
  preset: str,
  settings: config_lib.TrainConfig,
  dataset: prepare_lib.Dataset,
  folds: Sequence[int],
) -> None:
  """What processes other than the first do of a run: train their share of networks.

  Raises:
    UserError, TrainError, ValueError: as `run`; process 0 ended.
  """
  config = describe(preset, settings, dataset, folds)
  cluster.check_same(config["identity"], _SHARED)
  if not cluster.from_first(False):  # whether the run is finished
    loop.train(settings, {"": dataset}, folds)


def _on_scale(interval: dict[str, Any], scale: scale_lib.Scale) -> dict[str, Any]:
  """A target's interval as `conformal.out_of_fold` has it, on another scale."""
  stretch = scale_lib.stretch(config_lib.SCALE, scale)
  return interval | {"half_width": interval["half_width"] * stretch}


def describe(
  preset: str,
  settings: config_lib.TrainConfig,
  dataset: prepare_lib.Dataset,
  folds: Sequence[int],
) -> dict[str, Any]:
  """Contents of a run's `config.json`; `identity` is all that decides its result."""
  return {
    "identity": {
      "dataset": dataset.name,
      "fingerprint": dataset.fingerprint,
      "features": dataset.features_described,
      "folds": [fold + 1 for fold in folds],
      "settings": config_lib.deciding(settings),
    },
    "preset": preset,
    "checkpoint_seconds": settings.checkpoint_seconds,
    "table_memory": settings.table_memory,
    "rating_scale": [round(end) for end in config_lib.SCALE],
    "emojax_version": __version__,
    "jax_version": jax.__version__,
  }


def write(
  folder: checkpoint.RunFolder,
  config: dict[str, Any],
  dataset: prepare_lib.Dataset,
  target_results: Sequence[results.TargetResult],
  predicted: np.ndarray,
  seconds: float,
  notes: Sequence[str] = (),
  ends: Sequence[np.ndarray] = (),
  ridge: Sequence[results.TargetResult] = (),
) -> None:
  """Writes what a run found: predictions, table, and last `results.json`.

  Args:
    folder: the run's.
    config: as `describe` made it.
    dataset: what it ran on.
    target_results: a result per target.
    predicted: (N, T) out-of-fold predictions on 1..9.
    seconds: how long it took.
    notes: what a reader must be told besides the dataset's notes.
    ends: of the intervals around predictions, see `results.predictions_csv`; on 1..9.
    ridge: results of ridge regression on the same columns and folds, to stand beside.
  """
  provenance: dict[str, Any] = {
    **config["identity"],
    "preset": config["preset"],
    "notes": [*dataset.notes, *notes],
    "skipped_pictures": dataset.skipped,
    "num_images": len(dataset.image_ids),
    "pictures": dataset.metadata["settings"],  # where they were, or how they are drawn
    "emojax_version": __version__,
    "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
    "seconds": round(seconds, 1),
  }
  report = results.to_json(target_results, provenance, ridge)
  targets = [result.target for result in target_results]
  rated = dataset.ratings[:, [dataset.targets.index(target) for target in targets]]
  shown, shown_ratings, *shown_ends = (
    np.stack(
      [
        scale_lib.mapped(column, config_lib.SCALE, result.scale)
        for column, result in zip(values.T, target_results, strict=True)
      ],
      axis=1,
    )
    for values in (predicted, rated, *ends)
  )
  csv_text = results.predictions_csv(
    dataset.image_ids,
    dataset.fold,
    targets,
    shown,
    shown_ratings,
    dataset.keywords,
    shown_ends,
  )
  files.write(folder.predictions, csv_text)
  files.write(folder.table, results.table_markdown(report))
  text = files.json_text(report)
  checkpoint.seal(folder, text)
  # Last: a folder with this file is a finished run.
  files.write(folder.results, text)
