"""Intervals against normal theory, differences of equal and unequal runs."""

import numpy as np
import pytest

from emojax.evaluation import bootstrap, metrics


def _runs(number=400, noise=1.0, seed=0):
  rng = np.random.default_rng(seed)
  rated = rng.uniform(1, 9, number)
  return rated + rng.normal(0, noise, number), rated


def test_the_interval_of_the_error_is_that_of_normal_theory():
  predicted, rated = _runs()
  squares = (predicted - rated) ** 2
  half = 1.96 * squares.std() / np.sqrt(len(squares))
  interval = bootstrap.intervals(predicted, rated)["mse"]
  assert interval.value == pytest.approx(squares.mean())
  assert interval.low == pytest.approx(squares.mean() - half, rel=0.03)
  assert interval.high == pytest.approx(squares.mean() + half, rel=0.03)


def test_the_interval_of_r_is_fisher_s():
  """Of normal data: tanh(atanh(r) -+ 1.96 / sqrt(n - 3)); Fisher 1921."""
  rng = np.random.default_rng(1)
  rated = rng.normal(5, 1, 500)
  predicted = 0.6 * (rated - 5) + rng.normal(0, 0.8, 500)
  interval = bootstrap.intervals(predicted, rated)["pearson_r"]
  z = np.arctanh(interval.value)
  low, high = np.tanh([z - 1.96 / np.sqrt(497), z + 1.96 / np.sqrt(497)])
  assert interval.low == pytest.approx(low, abs=0.02)
  assert interval.high == pytest.approx(high, abs=0.02)


def test_bounds_are_percentiles_of_the_scores_of_resamples():
  """Beside 2000 resamples of its own; a bound varies by 2 % of the width."""
  predicted, rated = _runs(number=60)
  rows = np.random.default_rng(7).integers(60, size=(2000, 60))
  drawn = [metrics.score(predicted[row], rated[row]) for row in rows]
  intervals = bootstrap.intervals(predicted, rated)
  for name in bootstrap.SCORES:
    bounds = np.quantile([getattr(scores, name) for scores in drawn], [0.025, 0.975])
    assert [intervals[name].low, intervals[name].high] == pytest.approx(
      bounds, abs=0.1 * np.ptp(bounds)
    ), name


def test_a_run_does_not_differ_from_itself():
  predicted, rated = _runs()
  for difference in bootstrap.differences(predicted, predicted, rated).values():
    assert (difference.value, difference.low, difference.high) == (
      0,
      0,
      0,
    ) and not difference.is_clear


def test_pairing_shows_what_separate_intervals_hide():
  """Two runs share most of their error; the second has a little more."""
  rng = np.random.default_rng(0)
  first, rated = _runs(number=300, noise=1.5)
  second = rated + 1.1 * (first - rated) + rng.normal(0, 0.1, 300)
  first_interval, second_interval = (
    bootstrap.intervals(predicted, rated)["mse"] for predicted in (first, second)
  )
  assert first_interval.high > second_interval.low  # apart, they overlap
  difference = bootstrap.differences(first, second, rated)["mse"]
  assert difference.is_clear and difference.high < 0 and difference.share_better > 0.99
  assert difference.value == pytest.approx(first_interval.value - second_interval.value)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say():
  truth, held = 1.0, 0
  for seed in range(200):
    predicted, rated = _runs(number=120, seed=seed)
    interval = bootstrap.intervals(predicted, rated, seed)["mse"]
    held += interval.low <= truth <= interval.high
  assert 0.88 <= held / 200 <= 0.99


def test_spread_over_seeds():
  assert bootstrap.spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
  assert bootstrap.spread([4.0]) == (4.0, 0.0)


def test_resamples_in_which_nothing_varies_have_no_score():
  """Of four pictures many resamples are of one word: rounding gives them no r."""
  word, rated = np.array([8.0, 8.0, 8.0, 2.0]), np.array([1.0, 1.0, 2.0, 1.0])
  interval = bootstrap.intervals(word, rated)["pearson_r"]
  assert -1.0001 <= interval.low <= interval.value <= interval.high <= 1.0001
  constant = bootstrap.intervals(np.full(4, 0.1), rated)
  assert np.isnan([constant["pearson_r"].low, constant["pearson_r"].value]).all()
  assert constant["ccc"].value == 0 and np.isfinite(constant["mse"].high)
