"""What a finished run or experiment says of itself, read whole or refused.

In: its folder. Out: the contents of `results.json` and `metrics.jsonl`, of the form
that every reader of them may rely on. A file that is not what was written is an error
of one line that names it.
"""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from emojax.evaluation import results
from emojax.utils import checksums, errors, files, records, scales

# What may be done about a damaged file of a run.
ADVICE = (
  "copy the run again from where it was made, or train again in another --workdir"
)

_NUMBER = (float, None)  # null stands for what is not a number
_SCORES = {
  "num_images": int,
  "mse": float,
  "variance": float,
  "r2": _NUMBER,
  "pearson_r": _NUMBER,
  "ccc": _NUMBER,
}
_CEILING = {"num_images": int, "mse": _NUMBER, "r2": _NUMBER, "pearson_r": _NUMBER}
_INTERVAL = {
  "level": float,
  "half_width": _NUMBER,
  "coverage": _NUMBER,
  "by_third": [_NUMBER],
}
_TARGET = {
  "scale?": [float],
  "train_mse": float,
  "test_mse": float,
  "out_of_fold": _SCORES,
  "noise_ceiling": (None, _CEILING),
  "folds": [{"group": int, "train_mse": float, "test_mse": float}],
  "interval?": (None, _INTERVAL),
}
_RUN = {
  "dataset": str,
  "fingerprint": str,
  "preset": str,
  "emojax_version": str,
  "features": [{}],
  "folds": [int],
  "settings": {"stop_on": str, "seed": int},
  "notes": [str],
  "device": str,
  "seconds?": float,
  "num_images": int,
  "pictures?": {},
  "skipped_pictures?": [str],
  "targets": {str: _TARGET},
}
# What an experiment's tables lack besides is said where they are made.
_EXPERIMENT = {
  "table": str,
  "experiment": {},
  "entries": [{"entry": {"name": str}, "runs": [{"targets": {}}], "intervals": {}}],
}


class RunFileError(errors.UserError):
  """A file of a run is missing or damaged; the message says which and what to do."""


def read_results(folder: pathlib.Path) -> dict[str, Any]:
  """A finished run's or experiment's `results.json`.

  Raises:
    RunFileError: it is not there, or is none.
    DamageError: it is not the file that was written.
  """
  path = folder / "results.json"
  try:
    report = files.read_json(path)
    check_results(report)
  except FileNotFoundError:
    if not folder.is_dir():
      raise RunFileError(
        f"there is no folder {folder}: name a run or an experiment"
      ) from None
    raise RunFileError(
      f"{folder} is no finished run or experiment: it has no results.json. Finish it "
      "with --workdir and --resume"
    ) from None
  except (OSError, ValueError) as error:
    raise RunFileError(
      f"{path} is damaged and cannot be read ({error}): {ADVICE}"
    ) from error
  checksums.check(folder, ADVICE, [path.name])
  return report


def check_results(report: Any) -> None:
  """Refuses what is not the contents of a `results.json`.

  Raises:
    ValueError: says which part is wrong.
  """
  records.check(report, {})
  if "entries" in report:
    records.check(report, _EXPERIMENT)
    if not report["entries"] or not all(entry["runs"] for entry in report["entries"]):
      raise ValueError("entries should not be empty")
    return
  records.check(report, _RUN)
  if not report["targets"]:
    raise ValueError("targets should not be empty")
  for target in report["targets"].values():
    groups = [fold["group"] for fold in target["folds"]]
    if not groups or not set(groups) <= set(range(1, 6)):
      raise ValueError("folds should be some of groups 1 to 5")
    scales.check(target.get("scale", scales.SCALE))


def read_predictions(
  folder: pathlib.Path, report: Mapping[str, Any]
) -> results.Predictions:
  """A finished run's `predictions.csv`.

  Args:
    folder: the run's.
    report: its `results.json`.
  Raises:
    ValueError: it cannot be read, or is of other targets than the report.
    DamageError: it is not the file that was written.
  """
  path = folder / "predictions.csv"
  predictions = results.read_predictions(path)
  if predictions.predicted.keys() != report["targets"].keys():
    raise RunFileError(
      f"{path} predicts {', '.join(predictions.predicted)}, and results.json beside it "
      f"says {', '.join(report['targets'])}: {ADVICE}"
    )
  checksums.check(folder, ADVICE, [path.name])
  return predictions


def read_metrics(folder: pathlib.Path) -> list[Mapping[str, Any]]:
  """The lines of a run's `metrics.jsonl`, an epoch each; none where it keeps none.

  Raises:
    RunFileError: a line is damaged; says which.
    DamageError: it is not the file that was written.
  """
  path = folder / "metrics.jsonl"
  if not path.exists():
    return []
  lines: list[Mapping[str, Any]] = []
  try:
    for text in files.read_text(path).splitlines():
      line = json.loads(text)
      records.check(line, {"epoch": int, "train_mse": {str: {str: _NUMBER}}})
      if lines and line.keys() != lines[0].keys():
        raise ValueError("it has other parts than the first")
      for name in (name for name in line if name.endswith("_mse")):
        records.check(line[name], {str: {str: _NUMBER}}, name)
        if line[name].keys() != line["train_mse"].keys() or not line[name]:
          raise ValueError(f"{name} is of other targets than train_mse")
      lines.append(line)
  except (OSError, ValueError, RecursionError) as error:
    raise RunFileError(
      f"{path}, line {len(lines) + 1}, is damaged ({error}): {ADVICE}"
    ) from error
  checksums.check(folder, ADVICE, [path.name])
  return lines
