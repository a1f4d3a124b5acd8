"""What a run found: out-of-fold predictions, scores, and the table of the paper.

In: predictions of every picture by every network, ratings, folds. Out: rows of
`predictions.csv`, the contents of `results.json`, the text of `table.md`. Pure; nothing
is written here.
"""

import csv
import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from emojax import paper
from emojax.config import PRESETS, SCALE
from emojax.evaluation import folds as folds_lib
from emojax.evaluation import metrics
from emojax.pages.markdown import aligned
from emojax.utils import files
from emojax.utils import scales as scale_lib

RIDGE = "  ridge, same columns"  # the row of ridge below a target's


@dataclasses.dataclass(frozen=True)
class FoldErrors:
  """Errors of one fold's networks on one target, mean squares of the result's scale."""

  group: int  # 1..5, the fold whose pictures were not seen
  train_mse: float
  test_mse: float
  best_epochs: tuple[int, ...]  # of each member of the ensemble
  stopping_mse: tuple[float, ...]  # error at that epoch, which chose it


@dataclasses.dataclass(frozen=True)
class TargetResult:
  """All that a run says of one target."""

  target: str
  folds: tuple[FoldErrors, ...]
  scores: metrics.Scores  # of the out-of-fold predictions of all folds together
  ceiling: dict[str, float] | None  # see metrics.noise_ceiling
  scale: scale_lib.Scale = SCALE  # that all these numbers are on
  interval: dict[str, Any] | None = None  # of conformal.out_of_fold

  @property
  def train_mse(self) -> float:
    return float(np.mean([fold.train_mse for fold in self.folds]))

  @property
  def test_mse(self) -> float:
    return float(np.mean([fold.test_mse for fold in self.folds]))


class Ratings(NamedTuple):
  """What people gave N images on one target.

  Attributes:
    mean, std, num_raters: (N,) mean, spread over raters and their number; spread NaN
      and number below 1 or NaN where unknown.
  """

  mean: np.ndarray
  std: np.ndarray
  num_raters: np.ndarray


def evaluate(
  target: str,
  predictions_by_fold: Mapping[int, np.ndarray],
  folds: folds_lib.Folds,
  ratings: Ratings,
  stopped: Mapping[int, tuple[tuple[int, ...], tuple[float, ...]]] | None = None,
  scale: scale_lib.Scale = SCALE,
) -> tuple[TargetResult, np.ndarray]:
  """Scores of one target, each picture by the model that did not see it.

  Args:
    target: its name.
    predictions_by_fold: fold -> (N,) what its model says of all pictures, 1..9.
    folds: which rows each fold trained on and is tested on.
    ratings: what people gave, on 1..9.
    stopped: fold -> best epoch and stopping error of each member of its ensemble.
    scale: of the result.
  Returns:
    The result, and the out-of-fold predictions (N,), on 1..9, NaN where not tested.
  """
  rated = ratings.mean
  stretch = scale_lib.stretch(SCALE, scale)
  predicted = np.full(len(rated), np.nan, np.float32)
  errors = []
  for fold, predictions in sorted(predictions_by_fold.items()):
    train_rows = folds.train_rows[fold][folds.train_weights[fold] > 0]
    test_rows = folds.test_rows[fold][folds.test_weights[fold] > 0]
    predicted[test_rows] = predictions[test_rows]
    epochs, stopping = stopped[fold] if stopped else ((), ())
    errors.append(
      FoldErrors(
        fold + 1,
        metrics.mean_square_error(predictions[train_rows], rated[train_rows])
        * stretch**2,
        metrics.mean_square_error(predictions[test_rows], rated[test_rows])
        * stretch**2,
        epochs,
        tuple(error * stretch**2 for error in stopping),
      )
    )
  tested = ~np.isnan(predicted)
  shown, shown_ratings = (
    scale_lib.mapped(values[tested], SCALE, scale) for values in (predicted, rated)
  )
  ceiling = metrics.noise_ceiling(
    shown_ratings, ratings.std[tested] * stretch, ratings.num_raters[tested]
  )
  scores = metrics.score(shown, shown_ratings, scale_lib.width(scale))
  return TargetResult(target, tuple(errors), scores, ceiling, scale), predicted


def predictions_csv(
  image_ids: Sequence[str],
  fold_of_image: np.ndarray,
  targets: Sequence[str],
  predicted: np.ndarray,
  rated: np.ndarray,
  keywords: Sequence[str] = (),
  ends: Sequence[np.ndarray] = (),
) -> str:
  """Text of `predictions.csv`: one row per tested picture, in the dataset's order.

  Args:
    image_ids: N names.
    fold_of_image: (N,) 0-based; written as g = 1..5.
    targets: T names.
    predicted: (N, T) out-of-fold predictions, NaN where not tested.
    rated: (N, T) ratings on the same scale.
    keywords: N words; a column of its own where some picture has one.
    ends: of the intervals around predictions, the lower and the upper, (N, T) each,
      NaN where nothing can be said; none where a run has no intervals.
  """
  has_words = any(keywords)
  head = ["image", "fold", *targets, *(f"{t}_rated" for t in targets)]
  for end in ("low", "high")[: len(ends)]:
    head += [f"{target}_{end}" for target in targets]
  rows: list[list[object]] = [[*head, *["keyword"] * has_words]]
  words = keywords or [""] * len(image_ids)
  table = np.concatenate([predicted, rated, *ends], axis=1)
  for name, fold, row, word in zip(image_ids, fold_of_image, table, words, strict=True):
    if not np.isnan(row[: len(targets)]).any():
      numbers = ["" if np.isnan(value) else f"{value:.4f}" for value in row]
      rows.append([name, int(fold) + 1, *numbers, *[word] * has_words])
  return files.csv_text(rows)


class Predictions(NamedTuple):
  """What `predictions_csv` wrote.

  Attributes:
    predicted, rated: target -> (N,) predictions and ratings.
    image_ids: N names.
    keywords: N words, "" where unknown.
    ends: target -> (N, 2) intervals around the predictions, NaN where there are none.
  """

  predicted: dict[str, np.ndarray]
  rated: dict[str, np.ndarray]
  image_ids: list[str]
  keywords: list[str]
  ends: dict[str, np.ndarray]


def read_predictions(path: pathlib.Path) -> Predictions:
  """A run's `predictions.csv`.

  Raises:
    ValueError: the file is not there, or is none of that kind.
  """
  try:
    rows = list(csv.DictReader(io.StringIO(files.read_text(path), newline="")))
    targets = [name.removesuffix("_rated") for name in rows[0] if "_rated" in name]
    if not targets:
      raise ValueError("no column of ratings")
    predicted = {t: np.array([float(row[t]) for row in rows]) for t in targets}
    rated = {t: np.array([float(row[f"{t}_rated"]) for row in rows]) for t in targets}
    ends = {}
    for t in targets:
      names = [f"{t}_{end}" for end in ("low", "high")]
      # Empty where nothing can be said; runs of emojax 0.1 lack the columns.
      pairs = [[float(row.get(name) or "nan") for name in names] for row in rows]
      ends[t] = np.array(pairs)
    image_ids = [files.unguarded(row["image"]) for row in rows]
    keywords = [files.unguarded(row.get("keyword", "")) for row in rows]
    if not np.isfinite([*predicted.values(), *rated.values()]).all():
      raise ValueError("a number is not finite")
  # A name that is cut off is None, which has no attributes.
  except (
    *(OSError, ValueError, KeyError, IndexError, TypeError, AttributeError),
    csv.Error,
  ) as error:
    raise ValueError(
      f"{path} cannot be read as predictions of a run ({error}): repeat the run"
    ) from error
  return Predictions(predicted, rated, image_ids, keywords, ends)


def to_json(
  target_results: Sequence[TargetResult],
  provenance: Mapping[str, Any],
  ridge: Sequence[TargetResult] = (),
) -> dict[str, Any]:
  """Contents of `results.json`: provenance, then every number of every target.

  Args:
    target_results: of the run's networks.
    provenance: what they stand on.
    ridge: of ridge regression on the same columns and folds; none: it is left out.
  """
  whole = {**provenance, "targets": _by_target(target_results)}
  return {**whole, "ridge": _by_target(ridge)} if ridge else whole


def _by_target(target_results: Sequence[TargetResult]) -> dict[str, dict[str, Any]]:
  return {
    result.target: {
      "scale": list(result.scale),
      "train_mse": result.train_mse,
      "test_mse": result.test_mse,
      "out_of_fold": dataclasses.asdict(result.scores),
      "noise_ceiling": result.ceiling,
      "interval": result.interval,
      "folds": [dataclasses.asdict(fold) for fold in result.folds],
    }
    for result in target_results
  }


def table_markdown(results: Mapping[str, Any]) -> str:
  """The run as a table laid out like the paper's Table II, and what it stands on.

  Args:
    results: as `to_json` made it, also after a trip through JSON.
  Returns:
    Markdown that also reads well in a terminal.
  """
  source = _paper_source(results)
  lines = [f"# {results['dataset']}, preset {results['preset']}", ""]
  for note in results["notes"]:
    lines += [f"**{note}**", ""]
  lines += [*aligned(rows_by_group(results)), ""]
  rows = [["out of fold", "pictures", "MSE", "variance", "R2", "r", "CCC"]]
  for target, numbers_of_target in results["targets"].items():
    rows.append([target, *_scores(numbers_of_target)])
    if numbers_of_target["noise_ceiling"]:
      c = numbers_of_target["noise_ceiling"]
      mse, r2, r = (
        f"{files.number(c[name]):.3f}" for name in ("mse", "r2", "pearson_r")
      )
      limit = [mse, "", r2, r, ""]
      rows.append(["  noise ceiling", str(c["num_images"]), *limit])
    if ridge := ridge_of(results, target):
      rows.append([RIDGE, *_scores(ridge)])
  lines += [*aligned(rows), "", *_notes(results, source)]
  return "\n".join(lines) + "\n"


def _scores(numbers_of_target: Mapping[str, Any]) -> list[str]:
  """How many pictures, and their scores."""
  s = numbers_of_target["out_of_fold"]
  numbers = (s["mse"], s["variance"], s["r2"], s["pearson_r"], s["ccc"])
  return [str(s["num_images"]), *(f"{files.number(value):.3f}" for value in numbers)]


def of_mean(variance: float) -> list[str]:
  """MSE, R2, r and CCC of always saying the mean rating; it has no correlation."""
  return [f"{variance:.3f}", "0.000", "none", "0.000"]


def ridge_of(results: Mapping[str, Any], target: str) -> Mapping[str, Any] | None:
  """A target's numbers of ridge beside a run; None in runs that have none beside them.

  Those are the runs of emojax 0.1 and of experiments.
  """
  return results.get("ridge", {}).get(target)


def behind_ridge(results: Mapping[str, Any]) -> str:
  """A line on the targets of which ridge has the smaller error, and what to try.

  Args:
    results: as `to_json` made it, also after a trip through JSON.
  Returns:
    "" where the networks are ahead everywhere, or no ridge stands beside them.
  """
  behind = []
  for target, numbers_of_target in results["targets"].items():
    ridge = ridge_of(results, target)
    if not ridge:
      continue
    mse, ridge_mse = (of["out_of_fold"]["mse"] for of in (numbers_of_target, ridge))
    if mse > ridge_mse:
      behind.append(f"{target} (MSE {mse:.3f}, ridge {ridge_mse:.3f})")
  if not behind:
    return ""
  advice = "--preset=best"
  if results["preset"] == "best":
    has_own = tuple(f["name"] for f in results["features"]) == PRESETS["best"][1]
    advice = "other --features" if has_own else "the preset's own --features"
  return (
    f"The networks are behind ridge regression on the same columns in "
    f"{' and '.join(behind)}: try {advice}."
  )


def rows_by_group(results: Mapping[str, Any]) -> list[list[str]]:
  """Errors by group as in the paper's Table II, with its own below; a head first.

  Args:
    results: as `to_json` made it, also after a trip through JSON.
  """
  source = _paper_source(results)
  groups = [f"g{f['group']}" for f in next(iter(results["targets"].values()))["folds"]]
  rows = [["mean square error", "", *groups, "Avg."]]
  for target, errors_of_target in results["targets"].items():
    for part, key in (("training", "train_mse"), ("test", "test_mse")):
      errors = [fold[key] for fold in errors_of_target["folds"]]
      rows.append(
        [target, part, *(f"{e:.2f}" for e in (*errors, errors_of_target[key]))]
      )
      if source and target in paper.TABLE_2:
        rows.append(_paper_row(target, part, source, errors_of_target["folds"]))
  return rows


def scale_of(numbers_of_target: Mapping[str, Any]) -> scale_lib.Scale:
  """The scale that a target's numbers in `results.json` are on."""
  low, high = numbers_of_target.get("scale", SCALE)  # runs of emojax 0.1 do not say
  return low, high


def scales_of(results: Mapping[str, Any]) -> dict[str, scale_lib.Scale]:
  """Target -> the scale of a run's predictions and scores."""
  return {target: scale_of(of) for target, of in results["targets"].items()}


def _paper_source(results: Mapping[str, Any]) -> str | None:
  """Whose numbers in the paper may stand beside a run's: only on its own scale."""
  if not all(map(scale_lib.is_inside, scales_of(results).values())):
    return None
  return paper.object_source(tuple(f["name"] for f in results["features"]))


def _paper_row(
  target: str, part: str, source: str, folds: Sequence[Mapping[str, Any]]
) -> list[str]:
  printed = paper.TABLE_2[target][part][source]
  numbers = [f"{printed.groups[fold['group'] - 1]:.2f}" for fold in folds]
  return ["  the paper's", source, *numbers, f"{printed.average:.2f}"]


def _notes(results: Mapping[str, Any], source: str | None) -> list[str]:
  features = "; ".join(
    f"{f['name']} v{f['version']}" + (f" ({f['label']})" if f["label"] else "")
    for f in results["features"]
  )
  behind = behind_ridge(results)
  notes = [*([f"- {behind}"] if behind else []), f"- Features: {features}."]
  scales = scales_of(results)
  if not all(map(scale_lib.is_inside, scales.values())):
    on = ", ".join(f"{name} {scale_lib.text(ends)}" for name, ends in scales.items())
    notes.append(f"- Errors are on the scale of the ratings: {on}.")
  if source:
    notes.append(
      f"- The paper's rows are its Table II on its own {paper.NUM_IMAGES:,} "
      "pictures; only a run on those may be compared with them number by number."
    )
  stop = results["settings"]["stop_on"]
  if stop == "test":
    notes.append(
      "- STOPPED ON THE TEST FOLD: the test errors chose the epoch they are reported "
      "at, so they are too small to report as out-of-fold."
    )
  notes.append(
    f"- Training stopped on {stop} error; emojax {results['emojax_version']}, "
    f"seed {results['settings']['seed']}, {results['device']}."
  )
  if results.get("skipped_pictures"):
    skipped = results["skipped_pictures"]
    notes.append(
      f"- Left out, because they could not be read: {len(skipped)} pictures."
    )
  return notes


Gathered = Sequence[Mapping[str, Any]]


def learning_curves(
  gathered: Gathered, target: str
) -> dict[str, list[tuple[int, dict[str, float]]]]:
  """How r grows: model -> (training images of a fold, value, low, high) by share.

  A network goes by the name of its preset.
  """
  curves: dict[str, list[tuple[int, dict[str, float]]]] = {}
  for point in gathered:
    entry = point["entry"]
    number = round(0.8 * point["runs"][0]["num_images"] * entry["train_share"])
    r = point["intervals"][target]["pearson_r"]
    curves.setdefault(curve_of(entry), []).append((number, r))
  return curves


def curve_of(entry: Mapping[str, Any]) -> str:
  """The learning curve on which an entry is a point: its model, a network's preset."""
  return entry["preset"] if entry["model"] == "network" else entry["model"]
