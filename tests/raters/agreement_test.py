"""Agreement of raters: worked examples, simulated raters, and what is undefined."""

import math

import numpy as np
import pytest
from scipy import stats

from emojax.raters import agreement

# Shrout and Fleiss 1979, Table 2: 6 targets, 4 judges.
TABLE_2 = np.array(
  [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)
TARGETS = np.repeat(np.arange(6), 4)


def _simulated(seed, images, raters, share):
  """Ratings with variance 1 of which `share` lies between pictures; unequal numbers."""
  rng = np.random.default_rng(seed)
  image = np.repeat(np.arange(images), rng.integers(*raters, images))
  truth = rng.normal(0, math.sqrt(share), images)
  return truth[image] + rng.normal(0, math.sqrt(1 - share), len(image)), image


def test_one_way_equals_the_published_example():
  """Table 4: ICC(1,1) 0.17, ICC(1,4) 0.44; F(5, 18) = 11.24 / 6.26 of Table 3."""
  icc = agreement.icc_one_way(TABLE_2.ravel(), TARGETS)
  assert icc.raters == 4
  assert icc.single.value == pytest.approx(0.166, abs=5e-4)
  assert icc.average.value == pytest.approx(0.443, abs=5e-4)
  # The bounds are where the observed F is just at the 2.5 % of the F distribution.
  ratio = 11.2417 / 6.2639
  for rho, tail in ((icc.single.low, 0.975), (icc.single.high, 0.025)):
    expected = (1 + 3 * rho) / (1 - rho)  # of the mean squares, were rho the truth
    assert stats.f.cdf(ratio / expected, 5, 18) == pytest.approx(tail, abs=1e-4)
  for single, mean in zip(
    (icc.single.low, icc.single.high),
    (icc.average.low, icc.average.high),
    strict=True,
  ):
    assert mean == pytest.approx(4 * single / (1 + 3 * single))


def test_two_way_equals_the_published_example():
  """Table 4: ICC(2,1) 0.29, ICC(2,4) 0.62; bounds as pingouin 0.7.0 gives them."""
  icc = agreement.icc_two_way(TABLE_2)
  assert icc.single.value == pytest.approx(0.2898, abs=1e-4)
  assert icc.average.value == pytest.approx(0.6201, abs=1e-4)
  bounds = (icc.single.low, icc.single.high)
  assert bounds == pytest.approx((0.0188, 0.7611), abs=1e-4)
  bounds = (icc.average.low, icc.average.high)
  assert bounds == pytest.approx((0.0711, 0.9272), abs=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_simulated_raters_of_known_reliability_recover_it(share):
  """Also with unequal numbers of raters, 3 to 11 a picture."""
  values, image = _simulated(1, 3000, (3, 12), share)
  icc = agreement.icc_one_way(values, image)
  assert icc.single.value == pytest.approx(share, abs=0.02)
  assert icc.single.low < share < icc.single.high
  k = icc.raters
  assert icc.average.value == pytest.approx(
    k * icc.single.value / (1 + (k - 1) * icc.single.value)
  )
  mean = len(values) / 3000
  assert mean - 0.01 < k < mean  # unequal numbers are worth a little less


def test_intervals_hold_the_truth_as_often_as_they_say():
  held = 0
  for seed in range(300):
    values, image = _simulated(seed, 40, (4, 8), 0.4)
    single = agreement.icc_one_way(values, image).single
    held += single.low < 0.4 < single.high
  assert 0.91 < held / 300 < 0.985


def test_raters_who_are_generally_higher_cost_agreement_but_not_two_way_order():
  """By hand: ICC(1) sees a shift between raters as noise, two-way tells it apart."""
  rng = np.random.default_rng(0)
  truth = rng.normal(0, 1, (300, 1))
  shifted = truth + np.array([0.0, 2.0, 4.0]) + rng.normal(0, 0.1, (300, 3))
  one_way = agreement.icc_one_way(shifted.ravel(), np.repeat(np.arange(300), 3))
  two_way = agreement.icc_two_way(shifted)
  # Between pictures 1, of raters 4 (0, 2, 4), noise 0.01: 1 / (1 + 4 + 0.01).
  assert two_way.single.value == pytest.approx(1 / 5.01, abs=0.02)
  assert one_way.single.value < two_way.single.value < 0.5


def test_split_half_agrees_with_the_reliability_of_the_mean():
  values, image = _simulated(2, 2000, (6, 7), 0.3)
  halves = agreement.split_half(values, image, 100, 0)
  # Worked by hand: 3 raters a half 0.9 / 1.6, all six 1.8 / 2.5.
  assert halves.halves == pytest.approx(0.9 / 1.6, abs=0.02)
  assert halves.whole.value == pytest.approx(1.8 / 2.5, abs=0.02)
  assert halves.whole.low < halves.whole.value < halves.whole.high
  assert halves.pictures == 2000


def test_an_odd_number_of_raters_is_used_whole():
  values, image = _simulated(3, 4000, (5, 6), 0.3)
  corrected = agreement.split_half(values, image, 40, 0).whole.value
  average = agreement.icc_one_way(values, image).average.value
  # By hand for 5 raters, 0.3 between pictures: halves of 2 or 3 have variance 0.592 on
  # average, r 0.507, corrected 0.673; the truth is 1.5 / 2.2 = 0.682. Four raters,
  # which a left out fifth would leave, have 0.632.
  assert corrected == pytest.approx(average - 0.009, abs=0.006)


def test_split_half_depends_on_the_seed_alone():
  values, image = _simulated(2, 50, (2, 6), 0.5)
  first = agreement.split_half(values, image, 10, 7)
  assert first == agreement.split_half(values, image, 10, 7)
  assert first != agreement.split_half(values, image, 10, 8)


def test_pictures_with_one_rating_do_not_enter_halves():
  values, image = _simulated(2, 50, (2, 6), 0.5)
  halves = agreement.split_half(np.append(values, 99.0), np.append(image, 50), 10, 0)
  assert halves.pictures == 50
  alone = agreement.split_half(values, image, 10, 0)
  assert halves.whole.value == pytest.approx(alone.whole.value)


@pytest.mark.parametrize(
  ("values", "image"),
  [
    ([], []),
    ([5], [0]),
    ([5, 6], [0, 0]),
    ([5, 6, 7], [0, 1, 2]),
    ([5, 5, 5, 5, 5, 5], [0, 0, 1, 1, 2, 2]),
  ],
)
def test_what_is_undefined_is_none(values, image):
  values, image = np.array(values, float), np.array(image, int)
  if len(values):
    assert agreement.icc_one_way(values, image) is None
  assert agreement.split_half(values, image, 3, 0) is None


def test_perfect_agreement_is_one():
  values = np.array([1.1, 1.1, 5.3, 5.3, 5.3, 9.0, 9.0])
  icc = agreement.icc_one_way(values, np.array([0, 0, 1, 1, 1, 2, 2]))
  assert (icc.single.value, icc.average.low) == (1.0, 1.0)


def test_two_way_needs_variation_beyond_pictures_and_raters():
  assert agreement.icc_two_way(np.add.outer([1.0, 2, 3], [0.0, 1])) is None
  assert agreement.icc_two_way(np.array([[1.0, 2.0]])) is None


def test_a_worker_is_compared_with_the_mean_of_the_others():
  """Equal to the correlation taken worker by worker with NumPy."""
  rng = np.random.default_rng(0)
  table = rng.normal(size=(30, 6)) + rng.normal(size=(30, 1))
  there = rng.random((30, 6)) < 0.7
  image, worker = np.nonzero(there)
  r, shared = agreement.with_others(table[there], image, worker, 7)
  for w in range(6):
    rows = [p for p in range(30) if there[p, w] and there[p].sum() > 1]
    others = [
      np.mean([table[p, o] for o in range(6) if there[p, o] and o != w]) for p in rows
    ]
    assert r[w] == pytest.approx(np.corrcoef(table[rows, w], others)[0, 1])
    assert shared[w] == len(rows)
  assert math.isnan(r[6]) and shared[6] == 0


def test_a_worker_who_always_says_the_same_has_no_correlation():
  values = np.array([5.1, 5.1, 5.1, 1.0, 5.0, 9.0])
  image, worker = np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1])
  r, shared = agreement.with_others(values, image, worker, 2)
  assert np.isnan(r).all() and shared.tolist() == [3, 3]


def test_unequal_numbers_of_raters_by_hand():
  """Two pictures with 2 and 10 ratings: n0 = 12 - (4 + 100) / 12."""
  values = np.array([1.0, 3, *([6, 8] * 5)])
  icc = agreement.icc_one_way(values, np.repeat([0, 1], [2, 10]))
  assert icc.raters == pytest.approx(12 - 104 / 12)
  # Means 2 and 7, of all 74 / 12: 25 / 6 and 5 / 6 away; within, squares sum to 12.
  between, n0 = 2 * (25 / 6) ** 2 + 10 * (5 / 6) ** 2, 12 - 104 / 12
  assert icc.single.value == pytest.approx((between - 1.2) / (between + (n0 - 1) * 1.2))
