"""Out-of-fold joining, the CSV, and the table, on numbers small enough to check."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emojax import paper
from emojax.config import PRESETS
from emojax.evaluation import folds, metrics, results
from emojax.utils import files


def _results(features, **changes):
  rated = np.array([2.0, 4.0, 6.0])
  folds = tuple(results.FoldErrors(g, 1.0 + g, 2.0 + g, (3,), (0.5,)) for g in (1, 2))
  ceiling = {"mse": 0.25, "r2": 0.9, "pearson_r": 0.95, "num_images": 3}
  result = results.TargetResult("valence", folds, metrics.score(rated, rated), ceiling)
  provenance = {
    "dataset": "va_emotion/folder",
    "preset": "paper",
    "notes": [],
    "features": [
      {"name": name, "version": 1, "label": f"{name} trained 1a2b3c4d"}
      for name in features
    ],
    "settings": {"stop_on": "validation", "seed": 0},
    "emojax_version": "0",
    "device": "1 x cpu",
    **changes,
  }
  return json.loads(json.dumps(results.to_json([result], provenance)))


def test_each_picture_is_judged_by_the_fold_that_did_not_see_it():
  fold = np.array([0, 1, 1, 2, 2, 0])
  split = folds.make_folds(fold, 0.0, 0, num_folds=3)
  rated = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
  ratings = results.Ratings(rated, np.full(6, np.nan), np.full(6, np.nan))
  predictions = {k: rated + k + 1 for k in (0, 1)}
  result, joined = results.evaluate("valence", predictions, split, ratings)
  np.testing.assert_array_equal(joined, [2, 4, 5, np.nan, np.nan, 7])
  assert [(errors.group, errors.test_mse) for errors in result.folds] == [
    (1, 1.0),
    (2, 4.0),
  ]
  assert result.scores.num_images == 4 and result.scores.mse == pytest.approx(2.5)
  assert result.ceiling is None


def test_scores_on_another_scale_than_the_inner_one():
  """Errors grow with the square of a point, correlations stay; worked by hand."""
  fold = np.array([0, 0, 1, 1])
  split = folds.make_folds(fold, 0.0, 0, num_folds=2)
  ratings = results.Ratings(
    np.array([1.0, 3.0, 5.0, 9.0]), np.full(4, 2.0), np.full(4, 16.0)
  )
  predictions = dict.fromkeys((0, 1), ratings.mean + 1)
  inner, joined = results.evaluate("valence", predictions, split, ratings)
  stopped = dict.fromkeys((0, 1), ((3,), (4.0,)))
  other, same = results.evaluate(
    "valence", predictions, split, ratings, stopped, (0, 4)
  )
  np.testing.assert_array_equal(joined, same)
  assert inner.scale == (1, 9) and other.scale == (0, 4)
  assert (inner.scores.mse, other.scores.mse) == (1, 0.25)
  assert (inner.test_mse, other.test_mse) == (1, 0.25)
  assert other.folds[0].stopping_mse == (1.0,)
  assert (inner.ceiling["mse"], other.ceiling["mse"]) == (0.25, 0.0625)
  for name in ("r2", "pearson_r", "ccc", "accuracy_percent"):
    assert getattr(other.scores, name) == pytest.approx(getattr(inner.scores, name))


def test_the_paper_s_numbers_stand_beside_those_on_its_scale_only():
  there = _results(["object_alexnet"])
  assert "the paper's" in results.table_markdown(there)
  there["targets"]["valence"]["scale"] = [0, 4]
  text = results.table_markdown(there)
  assert "the paper's" not in text and "scale of the ratings: valence 0..4" in text
  del there["targets"]["valence"]["scale"]  # as emojax 0.1 wrote it
  assert results.scales_of(there) == {"valence": (1, 9)}


@given(st.lists(st.text(), min_size=1, max_size=3), st.text("'=-@ a\r\n", max_size=4))
@example(["=1.jpg", "'=1.jpg", " @b\r.jpg"], "+")
def test_predictions_are_read_as_they_were_written(tmp_path_factory, names, word):
  path = tmp_path_factory.mktemp("run") / "predictions.csv"
  column = np.full((len(names), 1), -1.5)
  folds = np.zeros(len(names), int)
  words = [word] * len(names)
  text = results.predictions_csv(names, folds, ("valence",), column, column, words)
  files.write(path, text)
  read = results.read_predictions(path)
  assert read.image_ids == [files.utf8(name) for name in names]
  assert read.keywords == words and set(read.predicted["valence"]) == {-1.5}


def test_predictions_csv_survives_awkward_names():
  names = ["a,b.jpg", 'say "hi".jpg', "two\rlines.jpg", "Ωμέγα.jpg"]
  text = results.predictions_csv(
    names,
    np.array([0, 1, 2, 3]),
    ("valence", "arousal"),
    np.array([[1, 2], [3, 4], [5, 6], [np.nan, np.nan]]),
    np.full((4, 2), 5.0),
  )
  rows = list(csv.DictReader(io.StringIO(text)))
  assert [row["image"] for row in rows] == names[:3]  # the fourth was not tested
  assert [row["fold"] for row in rows] == ["1", "2", "3"]
  assert float(rows[1]["arousal"]) == 4
  assert float(rows[1]["valence_rated"]) == 5


def test_predictions_csv_has_intervals_where_they_are_known():
  predicted = np.array([[5.0, 2.0], [6.0, 3.0]])
  low, high = predicted - 1, predicted + np.array([[1, np.nan], [2, 3]])
  text = results.predictions_csv(
    ["a", "b"],
    np.zeros(2, int),
    ("valence", "arousal"),
    predicted,
    predicted,
    ends=[low, high],
  )
  rows = list(csv.DictReader(io.StringIO(text)))
  ends = ("valence_low", "arousal_low", "valence_high", "arousal_high")
  assert [rows[0][name] for name in ends] == ["4.0000", "1.0000", "6.0000", ""]
  assert [rows[1][name] for name in ends] == ["5.0000", "2.0000", "8.0000", "6.0000"]


def test_scores_that_are_undefined_are_null_and_the_table_is_the_same():
  """Ratings that do not vary have no r, no R2 and no ceiling of r."""
  scores = metrics.score(np.array([2.0, 4.0]), np.full(2, 5.0))
  errors = (results.FoldErrors(1, 1.0, 5.0, (3,), (0.5,)),)
  ceiling = metrics.noise_ceiling(np.full(2, 5.0), np.ones(2), np.full(2, 4))
  result = results.TargetResult("valence", errors, scores, ceiling)
  report = _results(["color"])
  report["targets"] = results.to_json([result], {})["targets"]
  stored = json.loads(files.json_text(report), parse_constant=pytest.fail)
  assert stored["targets"]["valence"]["out_of_fold"]["pearson_r"] is None
  table = results.table_markdown(stored)
  assert table == results.table_markdown(report)
  cells = [cell.strip() for cell in table.split("|")]
  assert cells.count("nan") == 2 + 2  # r and R2, of the predictions and at most


def test_average_is_over_folds():
  report = _results(["color"])
  assert report["targets"]["valence"]["train_mse"] == 2.5
  assert report["targets"]["valence"]["test_mse"] == 3.5


def test_table_has_each_group_and_the_average():
  text = results.table_markdown(_results(["color"]))
  row = next(line for line in text.splitlines() if "| test" in line.replace("  ", ""))
  assert [c.strip() for c in row.strip("|").split("|")] == [
    "valence",
    "test",
    "3.00",
    "4.00",
    "3.50",
  ]
  assert "noise ceiling" in text
  assert "0.950" in text


def test_papers_numbers_stand_beside_the_same_object_source_only():
  with_vgg = results.table_markdown(_results(["color", "object_vgg16"]))
  assert "1.68" in with_vgg  # g1 of V, valence test
  assert "1.64" in with_vgg  # its average
  assert "may be compared" in with_vgg
  assert "the paper's" not in results.table_markdown(_results(["object_squeezenet"]))


def test_table_says_which_weights_made_the_features():
  assert "color trained 1a2b3c4d" in results.table_markdown(_results(["color"]))


def _beside(mse, **changes):
  """A run with an error of 4, and ridge beside it."""
  report = _results(["color"], **changes)
  report["ridge"] = json.loads(json.dumps(report["targets"]))
  report["ridge"]["valence"]["out_of_fold"]["mse"] = mse
  report["targets"]["valence"]["out_of_fold"]["mse"] = 4.0
  return report


def test_the_table_ends_with_ridge():
  text = results.table_markdown(_beside(5.0))
  rows = [line for line in text.splitlines() if line.startswith("|")]
  assert rows[-1].split("|")[1].strip() == results.RIDGE.strip()
  assert "5.000" in rows[-1] and "behind" not in text


@pytest.mark.parametrize(
  ("preset", "features", "advice"),
  [
    ("paper", ("color",), "--preset=best."),
    ("best", ("color",), "the preset's own --features."),
    ("best", PRESETS["best"][1], "other --features."),
  ],
)
def test_a_network_behind_ridge_says_so_and_what_to_try(preset, features, advice):
  report = _beside(1.5, preset=preset)
  report["features"] = [{"name": n, "version": 1, "label": ""} for n in features]
  line = (
    "The networks are behind ridge regression on the same columns in valence "
    f"(MSE 4.000, ridge 1.500): try {advice}"
  )
  assert f"- {line}\n" in results.table_markdown(report)
  assert results.behind_ridge(report) == line
  del report["ridge"]  # as older runs are
  assert "ridge" not in results.table_markdown(report)


def test_notes_stand_at_the_head():
  text = results.table_markdown(_results(["color"], notes=["Drawn pictures."]))
  assert text.index("Drawn pictures.") < text.index("valence")


def test_stopping_on_the_test_fold_is_said():
  settings = {"stop_on": "test", "seed": 0}
  text = results.table_markdown(_results(["color"], settings=settings))
  assert "STOPPED ON THE TEST FOLD" in text


def test_columns_line_up():
  lines = results.table_markdown(_results(["object_vgg16"])).splitlines()
  table = [line for line in lines if line.startswith("|")]
  first = [line for line in table if line.count("|") == table[0].count("|")]
  assert len({len(line) for line in first}) == 1


def test_object_source():
  assert paper.object_source(("color", "object_resnet50")) == "resnet"
  assert paper.object_source(("object_alexnet", "object_vgg16")) is None
  assert paper.object_source(("attributes",)) == "attributes"
  assert paper.object_source(("object_squeezenet",)) is None


def test_papers_averages_are_those_of_its_groups():
  for parts in paper.TABLE_2.values():
    for sources in parts.values():
      for printed in sources.values():
        assert abs(np.mean(printed.groups) - printed.average) < 0.011
