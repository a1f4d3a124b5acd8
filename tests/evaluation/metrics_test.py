"""Scores against numbers worked by hand and against scikit-learn and SciPy."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emojax.evaluation import metrics

_RATINGS = hnp.arrays(
  np.float64, st.integers(3, 40), elements=st.floats(1, 9, width=32)
)


def test_worked_by_hand():
  # errors 1, 0, -1; ratings 2, 4, 6: mean 4, variance 8/3; predictions 3, 4, 5:
  # variance 2/3, covariance (1*2 + 0 + 1*2)/3 = 4/3.
  scores = metrics.score(np.array([3.0, 4.0, 5.0]), np.array([2.0, 4.0, 6.0]))
  assert scores.num_images == 3
  assert scores.mse == pytest.approx(2 / 3)
  assert scores.variance == pytest.approx(8 / 3)
  assert scores.r2 == pytest.approx(1 - 2 / 8)
  assert scores.pearson_r == pytest.approx(1.0)
  assert scores.ccc == pytest.approx(2 * (4 / 3) / (8 / 3 + 2 / 3))
  assert scores.accuracy_percent == pytest.approx(100 * (1 - (2 / 3) / 8))


@settings(deadline=None, max_examples=50)
@given(_RATINGS, st.integers(0, 2**32 - 1))
def test_agrees_with_scikit_learn_and_scipy(rated, seed):
  if np.std(rated) < 1e-3:
    return
  predicted = rated + np.random.default_rng(seed).standard_normal(len(rated))
  scores = metrics.score(predicted, rated)
  assert scores.mse == pytest.approx(
    sklearn.metrics.mean_squared_error(rated, predicted)
  )
  assert scores.r2 == pytest.approx(sklearn.metrics.r2_score(rated, predicted))
  assert scores.pearson_r == pytest.approx(
    scipy.stats.pearsonr(predicted, rated).statistic, abs=1e-9
  )
  assert abs(scores.ccc) <= abs(scores.pearson_r) + 1e-9  # Lin 1989


def test_constant_prediction_has_no_correlation_but_an_error():
  scores = metrics.score(np.full(4, 5.0), np.array([4.0, 5.0, 6.0, 5.0]))
  assert math.isnan(scores.pearson_r)
  assert scores.r2 == pytest.approx(0.0)
  assert scores.ccc == pytest.approx(0.0)


def test_constant_ratings_have_no_r2():
  scores = metrics.score(np.array([1.0, 2.0]), np.array([5.0, 5.0]))
  assert math.isnan(scores.r2)
  assert scores.ccc == pytest.approx(0.0)


@pytest.mark.parametrize(
  ("predicted", "rated"),
  [([1.0, 2.0], [1.0]), ([], []), ([1.0, math.nan], [1.0, 2.0])],
)
def test_refuses_what_cannot_be_scored(predicted, rated):
  with pytest.raises(ValueError, match="scores need"):
    metrics.score(np.array(predicted), np.array(rated))


def test_noise_ceiling_by_hand():
  rated = np.array([3.0, 5.0, 7.0, 5.0])
  spread = np.array([1.0, 1.0, 2.0, np.nan])
  raters = np.array([4, 4, 4, 4])
  # error variances 1/4, 1/4, 1: mean 0.5; the three known ratings have variance 8/3.
  ceiling = metrics.noise_ceiling(rated, spread, raters)
  assert ceiling is not None
  assert ceiling["num_images"] == 3
  assert ceiling["mse"] == pytest.approx(0.5)
  assert ceiling["r2"] == pytest.approx(1 - 0.5 / (8 / 3))
  assert ceiling["pearson_r"] == pytest.approx(math.sqrt(ceiling["r2"]))


def test_noise_ceiling_meets_simulated_raters():
  rng = np.random.default_rng(0)
  truth = rng.normal(5, 1.5, 4000)
  votes = truth[:, None] + rng.normal(0, 2.0, (4000, 5))
  rated, spread = votes.mean(1), votes.std(1, ddof=1)
  ceiling = metrics.noise_ceiling(rated, spread, np.full(4000, 5))
  assert ceiling is not None
  assert ceiling["mse"] == pytest.approx(
    metrics.mean_square_error(truth, rated), rel=0.1
  )
  assert ceiling["pearson_r"] == pytest.approx(
    np.corrcoef(truth, rated)[0, 1], abs=0.02
  )


def test_a_single_rater_has_no_spread_for_a_noise_ceiling():
  """Programs write 0 for it, which would make every rating a perfect one."""
  rated, spread = np.array([2.0, 5, 8, 3, 6]), np.array([0.0, 0, 0, 2, 2])
  assert metrics.noise_ceiling(rated[:3], spread[:3], np.ones(3)) is None
  ceiling = metrics.noise_ceiling(rated, spread, np.array([1, 1, 1, 4, 4]))
  assert ceiling == metrics.noise_ceiling(rated[3:], spread[3:], np.full(2, 4))
  assert ceiling["num_images"] == 2 and ceiling["mse"] == 1


def test_no_noise_ceiling_without_spread():
  nan = np.full(3, np.nan)
  assert metrics.noise_ceiling(np.ones(3), nan, np.full(3, 5)) is None
