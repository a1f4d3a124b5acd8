"""Prediction intervals: they hold, everywhere, and say when they cannot."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emojax.evaluation import conformal


def _world(number: int, seed: int, growth: float) -> tuple[np.ndarray, np.ndarray]:
  """Distances, and errors that grow with them."""
  rng = np.random.default_rng(seed)
  distance = rng.gamma(8, 1 / 8, number)
  spread = 1 + growth * np.log(distance)
  errors = np.abs(rng.normal(size=(number, 2))) * np.maximum(spread, 0.3)[:, None]
  return distance, errors * [1.0, 0.5]


def test_intervals_hold_near_and_far():
  calibration = conformal.Calibration(*_world(4000, 0, 0.8))
  distance, errors = _world(20_000, 1, 0.8)
  for level in (0.5, 0.8, 0.9, 0.95):
    inside = errors <= conformal.half_widths(calibration, distance, level)
    assert np.abs(inside.mean(axis=0) - level).max() < 0.02
    for third in np.array_split(np.argsort(distance), 3):
      assert np.abs(inside[third].mean(axis=0) - level).max() < 0.05, level


def test_a_constant_width_would_not_hold_far_away():
  distance, errors = _world(20_000, 1, 0.8)
  far = np.argsort(distance)[-5000:]
  constant = np.quantile(errors[:, 0], 0.9)
  assert (errors[far, 0] <= constant).mean() < 0.87


def test_a_width_is_the_quantile_of_its_third():
  calibration = conformal.Calibration(
    np.repeat([1.0, 2.0, 3.0], 99), np.tile(np.arange(1.0, 100.0), 3)[:, None]
  )
  calibration.error[99:198] *= 2
  widths = conformal.half_widths(calibration, np.array([0.5, 2.0, 9.0]), 0.9)
  assert widths[:, 0].tolist() == [90.0, 180.0, 90.0]


@given(st.integers(1, 60), st.floats(0.01, 0.99))
@settings(max_examples=50)
def test_a_fold_is_covered_by_the_others_errors_only(number, level):
  distance, errors = _world(number + 5, number, 0.3)
  fold = np.arange(number + 5) % 5
  calibration = conformal.Calibration(distance, errors)
  _, widths = conformal.coverage(calibration, fold, level)
  altered = errors.copy()
  altered[fold == 2] *= 100
  _, again = conformal.coverage(conformal.Calibration(distance, altered), fold, level)
  assert np.array_equal(widths[fold == 2], again[fold == 2])


def test_out_of_fold_counts_what_lies_inside_overall_and_by_thirds():
  """Of 30 images a fold, every tenth error is ten times the others: 90 % hold."""
  distance = np.arange(150.0)
  errors = np.where(np.arange(150) % 10 == 9, 10.0, 1.0)[:, None]
  errors = np.concatenate([errors, np.full((150, 1), np.nan)], axis=1)
  fold = np.arange(150) % 5
  half, (first, second) = conformal.out_of_fold(
    conformal.Calibration(distance, errors), fold, 0.8
  )
  assert half.shape == (150, 2)
  assert first == {
    "level": 0.8,
    "half_width": 1.0,
    "coverage": 0.9,
    "by_third": [0.9, 0.9, 0.9],
  }
  assert np.isnan([second["coverage"], second["half_width"], *second["by_third"]]).all()


def test_too_few_errors_for_a_level_are_said_to_be():
  calibration = conformal.Calibration(np.ones(9), np.ones((9, 1)))
  assert np.isinf(conformal.half_widths(calibration, np.ones(2), 0.95)).all()
  assert (conformal.half_widths(calibration, np.ones(2), 0.9) == 1).all()


def test_images_without_a_prediction_do_not_count():
  distance, errors = _world(50, 0, 0.3)
  holed = errors.copy()
  holed[::2, 1] = np.nan
  whole = conformal.half_widths(
    conformal.Calibration(distance[1::2], errors[1::2]), distance, 0.9
  )
  some = conformal.half_widths(conformal.Calibration(distance, holed), distance, 0.9)
  np.testing.assert_allclose(some[:, 1], whole[:, 1])
