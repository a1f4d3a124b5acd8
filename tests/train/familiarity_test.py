"""What counts as foreign: distances from the training pictures."""

import numpy as np
import pytest

from emojax.evaluation import folds
from emojax.train import familiarity, model
from emojax.utils import arrays

_COLUMNS = model.Columns(("a", "b"), (20, 10), (False, True))


def _table(number, seed, shift=0.0):
  """Rows that vary along three directions, and a little along all others."""
  rng = np.random.default_rng(seed)
  along = np.random.default_rng(0).normal(size=(3, 30))
  rows = rng.normal(size=(number, 3)) @ along + 0.1 * rng.normal(size=(number, 30))
  return (np.abs(rows) + shift).astype(np.float32)


@pytest.fixture(scope="module")
def reference():
  return familiarity.fit(_table(200, 1), _COLUMNS, folds.assign(200, 0))


def test_new_pictures_of_the_same_kind_are_familiar(reference):
  distances = familiarity.distances(reference, _table(200, 2), _COLUMNS)
  assert 0.8 < np.median(distances) < 1.2
  assert (distances > reference.far).mean() <= 0.04


def test_training_pictures_are_nearer_than_new_ones(reference):
  old = familiarity.distances(reference, _table(200, 1), _COLUMNS)
  new = familiarity.distances(reference, _table(200, 2), _COLUMNS)
  assert np.median(old) < np.median(new)


def test_what_lies_outside_of_the_main_directions_is_far(reference):
  rng = np.random.default_rng(3)
  noise = _table(50, 4) + 3 * rng.normal(size=(50, 30)).astype(np.float32)
  assert (
    familiarity.distances(reference, np.abs(noise), _COLUMNS) > reference.far
  ).mean() > 0.9


def test_a_stored_reference_measures_the_same(reference):
  back = arrays.decode(familiarity.Reference, arrays.encode(reference))
  table = _table(20, 5)
  np.testing.assert_allclose(  # its numbers are stored in single precision
    familiarity.distances(back, table, _COLUMNS),
    familiarity.distances(reference, table, _COLUMNS),
    rtol=1e-6,
  )


def test_columns_that_never_vary_do_no_harm():
  table = _table(30, 6)
  table[:, :5] = 1.0
  reference = familiarity.fit(table, _COLUMNS, folds.assign(30, 0))
  assert np.isfinite(familiarity.distances(reference, _table(9, 7), _COLUMNS)).all()


def test_a_column_whose_squares_are_too_large_does_no_harm():
  """And no warning, which is an error here."""
  table = _table(30, 6)
  table[:, 3] *= 1e30
  reference = familiarity.fit(table, _COLUMNS, folds.assign(30, 0))
  assert np.isfinite(reference.held_out).all()
