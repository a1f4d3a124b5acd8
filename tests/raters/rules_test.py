"""Which ratings count: each rule by itself, their order, and no row lost."""

import csv
import dataclasses
import io

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from emojax.raters import ratings, rules, summary
from emojax.raters import workers as rater_workers
from emojax.raters.config import RaterConfig
from emojax.utils import errors, options

PLAIN = RaterConfig((1, 9), min_raters=1, flag_min_ratings=3, splits=5)


def _table(tmp_path, lines, header="worker,image,valence,arousal", **changes):
  settings = dataclasses.replace(PLAIN, **changes)
  path = tmp_path / "ratings.csv"
  path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
  table, bad = ratings.read([path], settings)
  return table, bad, settings


def _rules(tmp_path, lines, **options):
  table, _, settings = _table(tmp_path, lines, **options)
  return rules.apply(table, settings)


def test_the_defaults_are_the_paper_s():
  """Its Section III: five workers, 95 %, 200 questions."""
  settings = RaterConfig()
  assert (settings.min_raters, settings.max_per_worker) == (5, 200)
  assert settings.min_approval == 95
  assert not settings.drop_flagged


def test_a_picture_counts_once_a_worker_the_first_time(tmp_path):
  verdict = _rules(tmp_path, ["a,x,1,1", "b,x,2,2", "a,./x,9,9"])
  assert verdict.rules == ["", "", rules.DUPLICATE]
  assert verdict.reasons[2].endswith("ratings.csv, line 2")


def test_first_is_by_time_where_every_rating_has_one(tmp_path):
  header = "worker,image,valence,arousal,shown_at"
  lines = [
    "a,x,1,1,2026-11-03T10:00:00Z",
    "a,x,2,2,2026-11-03T10:59:59+02:00",  # 8:59:59 in UTC
    "a,x,3,3,2026-11-03T09:00:00",  # without a zone UTC
  ]
  verdict = _rules(tmp_path, lines, header=header)
  assert verdict.rules == ["duplicate", "", "duplicate"]
  lines[2] = "a,x,3,3,"
  verdict = _rules(tmp_path, lines, header=header)
  assert verdict.rules == ["", "duplicate", "duplicate"]


def test_only_the_first_ratings_of_a_worker_count_and_duplicates_are_none(tmp_path):
  lines = ["a,x,1,1", "a,x,1,1", "b,x,1,1", "a,y,1,1", "a,z,1,1"]
  verdict = _rules(tmp_path, lines, max_per_worker=2)
  assert verdict.rules == ["", "duplicate", "", "", "over limit"]
  assert verdict.reasons[4] == "the worker's rating 3 of at most 2"
  assert _rules(tmp_path, lines, max_per_worker=0).rules[4] == ""


def test_approval_below_95_percent_is_dropped_and_unknown_kept(tmp_path):
  header = "worker,image,valence,arousal,approval"
  lines = ["a,x,1,1,95", "b,x,1,1,94.9 %", "c,x,1,1,"]
  verdict = _rules(tmp_path, lines, header=header)
  assert verdict.rules == ["", "low approval", ""]
  assert verdict.reasons[1] == "approval 94.9 %, at least 95 %"


def test_pictures_with_too_few_raters_are_dropped_last(tmp_path):
  lines = ["a,x,1,1", "b,x,1,1", "a,x,1,1", "a,y,1,1", "b,y,2,2", "c,y,3,3"]
  verdict = _rules(tmp_path, lines, min_raters=3)
  few = rules.TOO_FEW
  assert verdict.rules == [few, few, "duplicate", "", "", ""]
  assert verdict.reasons[0] == "the picture has 2 of at least 3 raters"
  assert verdict.images_kept.tolist() == [False, True]


def _crowd(number=12):
  """Four workers who agree on many pictures, as lines."""
  rng = np.random.default_rng(0)
  lines = []
  for i in range(number):
    valence, arousal = rng.integers(2, 9, 2)
    for j, worker in enumerate("abcd"):
      shift = (j + i) % 2
      lines.append(f"{worker},p{i},{valence - shift},{arousal - shift},4")
  return lines


TIMED = "worker,image,valence,arousal,seconds"


def test_workers_are_flagged_and_dropped_only_on_request(tmp_path):
  lines = _crowd()
  truth = [line.split(",") for line in lines if line.startswith("a")]
  for _, image, valence, arousal, _ in truth:
    lines.append(f"flat,{image},5,5,4")
    lines.append(f"turned,{image},{10 - int(valence)},{10 - int(arousal)},4")
    lines.append(f"fast,{image},{valence},{arousal},0.5")
  verdict = _rules(tmp_path, lines, header=TIMED)
  names = ["a", "b", "c", "d", "flat", "turned", "fast"]
  flags = dict(zip(names, verdict.workers.flags, strict=True))
  assert flags["flat"] == [rater_workers.STRAIGHT]
  assert flags["turned"] == [rater_workers.DISAGREES]
  assert flags["fast"] == [rater_workers.FAST]
  assert not any(flags[name] for name in "abcd")
  assert set(verdict.rules) == {""}
  verdict = _rules(tmp_path, lines, header=TIMED, drop_flagged=True)
  assert verdict.rules.count("flagged") == 36
  assert "the worker straight-lines" in verdict.reasons


def test_nobody_is_flagged_on_few_ratings(tmp_path):
  lines = [*_crowd(), "flat,p0,5,5,0.1", "flat,p1,5,5,0.1"]
  verdict = _rules(tmp_path, lines, header=TIMED, flag_min_ratings=3)
  assert not any(verdict.workers.flags)
  verdict = _rules(tmp_path, lines, header=TIMED, flag_min_ratings=2)
  assert verdict.workers.flags[4] == ["straight-lines", "too fast"]


def test_numbers_of_a_worker_by_hand(tmp_path):
  lines = ["a,x,1,2,3", "a,y,3,2,5", "a,z,3,2,10", "b,x,9,9,"]
  workers = _rules(tmp_path, lines, header=TIMED).workers
  assert workers.counted.tolist() == [3, 1]
  assert workers.mean["valence"][0] == pytest.approx(7 / 3)
  assert workers.sd["valence"][0] == pytest.approx(np.std([1, 3, 3], ddof=1))
  assert np.isnan(workers.sd["valence"][1])
  assert workers.modal_share.tolist() == [pytest.approx(2 / 3), 1]
  assert workers.median_seconds[0] == 5 and np.isnan(workers.median_seconds[1])
  assert workers.shared.tolist() == [1, 1]


def test_what_was_dropped_says_nothing_about_a_worker(tmp_path):
  header = "worker,image,valence,arousal,seconds,approval"
  lines = ["a,x,1,1,4,99", "a,x,9,9,99,99", "a,y,3,3,7,99", "a,z,9,9,99,10"]
  workers = _rules(tmp_path, lines, header=header).workers
  assert workers.counted.tolist() == [2] and workers.mean["valence"][0] == 2
  assert workers.median_seconds[0] == 5.5  # the mean of the middle two


def test_mean_ratings_by_hand(tmp_path):
  header = "worker,image,valence,arousal,keyword"
  lines = ["a,x,1,2,sea", "b,x,4,2,dog", "c,x,7,5,dog", "a,y,5,5,"]
  table, _, settings = _table(tmp_path, lines, header=header)
  images = rules.images(table, rules.apply(table, settings))
  assert images.mean["valence"].tolist() == [4, 5]
  assert images.sd["valence"][0] == pytest.approx(3)  # one degree of freedom less
  assert np.isnan(images.sd["valence"][1])
  assert images.raters.tolist() == [3, 1] and images.keywords == ["dog", ""]


@pytest.mark.parametrize(
  ("name", "value", "message"),
  [
    ("min_raters", 0, "--min_raters should be 1 or more; got 0"),
    ("max_per_worker", -1, "--max_per_worker should be 0 or more"),
    ("min_approval", 101.0, "--min_approval should be 0 to 100; got 101"),
    ("min_agreement", float("nan"), "--min_agreement should be -1 to 1; got nan"),
    ("straight_line_share", float("inf"), "--straight_line_share should be 0 or more"),
    ("splits", 0, "--splits should be 1 or more"),
  ],
)
def test_limits_that_make_no_sense(name, value, message):
  with pytest.raises(errors.UserError, match=message):
    options.check(dataclasses.replace(PLAIN, **{name: value}))


NAMES = ["a", "Ωμέγα", "x, y", 'quo"te', "two\nlines"]
ROWS = st.lists(
  st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.integers(0, 9),  # 0 is outside of the scale: a bad row
    st.integers(1, 9),
    st.sampled_from(["", "90", "96"]),
  ),
  min_size=1,
  max_size=60,
)


def _by_loops(rows, settings):
  """The rules again, row by row; flags aside."""
  pairs, totals, names = set(), {}, []
  for worker, image, valence, _, approval in rows:
    if valence < 1:
      names.append("bad row")
    elif (worker, image) in pairs:
      names.append("duplicate")
    else:
      pairs.add((worker, image))
      totals[worker] = totals.get(worker, 0) + 1
      low = approval and float(approval) < settings.min_approval
      over = totals[worker] > settings.max_per_worker
      names.append("over limit" if over else "low approval" if low else "")
  raters = [row[1] for row, rule in zip(rows, names, strict=True) if not rule]
  return [
    "too few raters"
    if not rule and raters.count(row[1]) < settings.min_raters
    else rule
    for row, rule in zip(rows, names, strict=True)
  ]


@hypothesis.given(ROWS, st.integers(1, 3), st.integers(1, 4))
@hypothesis.settings(max_examples=60)
def test_every_row_is_kept_or_dropped_for_the_right_reason(
  tmp_path_factory, rows, min_raters, most
):
  path = tmp_path_factory.mktemp("rules") / "ratings.csv"
  with path.open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["worker", "image", "valence", "arousal", "approval"])
    writer.writerows(rows)
  settings = dataclasses.replace(
    PLAIN,
    min_raters=min_raters,
    max_per_worker=most,
    skip_bad_rows=True,
    flag_min_ratings=99,
  )
  hypothesis.assume(any(row[2] for row in rows))
  table, bad = ratings.read([path], settings)
  verdict = rules.apply(table, settings)
  images = rules.images(table, verdict)
  aggregation = summary.Aggregation([str(path)], table, bad, verdict, images, settings)
  expected = _by_loops(rows, settings)
  dropped = list(csv.DictReader(io.StringIO(summary.dropped_csv(aggregation), "")))
  assert [row["rule"] for row in dropped] == [rule for rule in expected if rule]
  wrong = [row for row, rule in zip(rows, expected, strict=True) if rule]
  assert [(row["worker"], row["image"]) for row in dropped] == [r[:2] for r in wrong]
  counted = [row for row, rule in zip(rows, expected, strict=True) if not rule]
  written = {
    row["image"]: row
    for row in csv.DictReader(io.StringIO(summary.ratings_csv(aggregation), ""))
  }
  assert sorted(written) == sorted({row[1] for row in counted})
  for name, row in written.items():
    values = [cells[2] for cells in counted if cells[1] == name]
    assert float(row["valence"]) == pytest.approx(np.mean(values), abs=1e-6)
    assert int(row["num_raters"]) == len(values) >= min_raters
    if len(values) > 1:
      spread = np.std(values, ddof=1)
      assert float(row["valence_std"]) == pytest.approx(spread, abs=1e-6)
  report = summary.to_json(aggregation, summary.agreement(aggregation), {})["ratings"]
  assert report["read"] == len(rows) == report["kept"] + sum(report["dropped"].values())
  for text, column, place in (
    (summary.workers_csv(aggregation), "worker", 0),
    (summary.images_csv(aggregation), "image", 1),
  ):
    read = {row[column]: row for row in csv.DictReader(io.StringIO(text, ""))}
    for name, row in read.items():
      assert int(row["ratings_read"]) == sum(cells[place] == name for cells in rows)
    assert set(read) == {cells[place] for cells in rows}
