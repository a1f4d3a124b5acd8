"""Networks that train on while others have stopped, on one device and on several."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys

import helpers
import jax
import numpy as np
import pytest

from emojax import config
from emojax.train import active, loop, networks, run_folder

_SETTINGS = config.TrainConfig(
  hidden=(8, 4), learning_rate=0.05, batch_size=16, max_epochs=60, patience=2
)


def _train(folder=None, **changes):
  settings = dataclasses.replace(_SETTINGS, **changes)
  return loop.train(settings, {"": helpers.rated_numbers()}, range(5), folder)


def _folder(path):
  return run_folder.open_run(path, {"identity": {}}, resume=True)


@pytest.fixture
def trained_together(monkeypatch):
  """How many networks trained together, call by call."""
  numbers = []
  train = active._Pool._train_groups

  def noted(self, *span):
    numbers.append(len(self._states[0].stopped))
    return train(self, *span)

  monkeypatch.setattr(active._Pool, "_train_groups", noted)
  return numbers


@pytest.fixture(scope="module")
def whole():
  """Ten networks that train together until the last has stopped."""
  return _train()


@pytest.mark.slow
def test_stopped_networks_are_set_aside_and_numbers_stay(
  monkeypatch, trained_together, whole
):
  monkeypatch.setattr(active, "LEAST_WORK", 0)
  fewer = _train()
  assert jax.local_device_count() == 2  # tests/conftest.py
  assert sorted(set(trained_together)) == [2, 4, 6, 10]
  assert len(set(whole.best_epochs)) > 3
  np.testing.assert_array_equal(fewer.best_epochs, whole.best_epochs)
  np.testing.assert_allclose(fewer.predicted, whole.predicted, atol=1e-5)
  np.testing.assert_allclose(fewer.best_errors, whole.best_errors, rtol=1e-5)


@pytest.mark.slow
def test_a_resumed_run_does_the_same_arithmetic(monkeypatch, tmp_path):
  monkeypatch.setattr(active, "LEAST_WORK", 0)
  straight = _train(_folder(tmp_path / "straight"))
  for epochs in (3, 7, 8, 60):  # each goes on from where the last one was cut off
    resumed = _train(
      _folder(tmp_path / "resumed"), max_epochs=epochs, checkpoint_seconds=0
    )
  for name in ("predicted", "best_errors", "best_epochs"):
    np.testing.assert_array_equal(getattr(resumed, name), getattr(straight, name))
  first, second = (
    (tmp_path / name / "metrics.jsonl").read_text().splitlines()
    for name in ("straight", "resumed")
  )
  assert [_without_time(line) for line in first] == [_without_time(x) for x in second]


def _without_time(line):
  return line[line.index('"train_mse"') :]


def test_errors_of_a_stopped_network_stay_those_of_its_last_epoch(
  tmp_path, trained_together
):
  folder = _folder(tmp_path)
  trained = _train(folder)
  assert set(trained_together) == {10}  # small networks: not worth compiling again
  lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
  first = int(np.argmin(trained.best_epochs))
  net, stop = trained.networks[first], trained.best_epochs[first] + _SETTINGS.patience
  for name in ("train_mse", "validation_mse"):
    errors = [line[name][net.targets[0]][f"g{net.fold + 1}"] for line in lines]
    assert len(set(errors[stop - 1 :])) == 1 < len(set(errors[:stop]))


@pytest.mark.parametrize(
  ("number", "devices", "work", "cores", "sizes"),
  [
    (10, 1, active.LEAST_WORK, 0, [10, 5, 3, 2, 1]),
    (10, 1, active.LEAST_WORK - 1, 0, [10]),
    (10, 4, active.LEAST_WORK, 0, [12, 8, 4]),
    (10, 4, active.LEAST_WORK - 1, 0, [12]),
    (1, 1, active.LEAST_WORK, 0, [1]),
    # On a CPU, networks that keep a core busy.
    (50, 1, 50 * active.LEAST_WORK_OF_ONE, 2, [2]),
    (50, 1, 50 * active.LEAST_WORK_OF_ONE, 16, [16]),
    (50, 4, 50 * active.LEAST_WORK_OF_ONE, 16, [16]),
    (50, 1, 50 * active.LEAST_WORK_OF_ONE, 1, [2]),
    (1, 1, active.LEAST_WORK_OF_ONE, 16, [1]),
    (50, 1, 50 * active.LEAST_WORK_OF_ONE - 1, 2, [50]),
  ],
)
def test_sizes_are_multiples_of_the_devices(number, devices, work, cores, sizes):
  assert active._sizes(number, devices, work, cores) == sizes


@pytest.mark.slow
def test_groups_of_a_cpu_train_as_all_together(monkeypatch, whole):
  monkeypatch.setattr(active, "_sizes", lambda *_: [4])  # the last group is not full
  monkeypatch.setattr(loop, "_SECONDS_PER_CALL", 0)  # epoch by epoch
  groups = []
  settle = active._Pool._settle

  def noted(self, states):
    settle(self, states)
    groups.append([group.tolist() for group in self._groups])

  monkeypatch.setattr(active._Pool, "_settle", noted)
  parted = _train()
  assert len(groups) == 3  # dealt again where eight were left, and four
  assert all(sorted(itertools.chain(*dealt)) == list(range(10)) for dealt in groups)
  for name in ("predicted", "best_errors", "best_epochs"):
    np.testing.assert_array_equal(getattr(parted, name), getattr(whole, name))


_SEEN_ALIKE = {"principal_directions": 4, "input_dropout": 0.5, "dropout": 0.2}


@pytest.fixture
def one_device(monkeypatch):
  monkeypatch.setattr(loop, "mesh_of", lambda _: None)


@pytest.mark.slow
def test_networks_that_see_the_same_train_as_any_others(
  monkeypatch, one_device, trained_together
):
  settings = _SEEN_ALIKE | {"ensemble": 3}
  any_together = _train(**settings)
  assert set(trained_together) == {30}
  trained_together.clear()
  monkeypatch.setattr(active, "LEAST_WORK_OF_ONE", 0)
  by_folds = _train(**settings)
  assert set(trained_together) == {6, 3}  # both targets of three members; fewer
  assert len(set(by_folds.best_epochs)) > 3
  np.testing.assert_array_equal(by_folds.best_epochs, any_together.best_epochs)
  np.testing.assert_allclose(by_folds.predicted, any_together.predicted, atol=1e-4)


@pytest.mark.slow
def test_a_resumed_run_by_folds_does_the_same_arithmetic(
  monkeypatch, one_device, tmp_path
):
  monkeypatch.setattr(active, "LEAST_WORK_OF_ONE", 0)
  straight = _train(**_SEEN_ALIKE)
  for epochs in (3, 8, 60):
    resumed = _train(
      _folder(tmp_path), max_epochs=epochs, checkpoint_seconds=0, **_SEEN_ALIKE
    )
  for name in ("predicted", "best_errors", "best_epochs"):
    np.testing.assert_array_equal(getattr(resumed, name), getattr(straight, name))


def test_networks_of_a_fold_train_together_where_they_see_much(monkeypatch):
  nets = networks.networks(_SETTINGS, [0, 3], num_seeds=2)
  much = active.LEAST_WORK_OF_ONE
  of_fold = [0, 1, 0, 1, 2, 3, 2, 3]  # seeds, targets, folds
  assert active.folds_together(nets, much, None).tolist() == of_fold
  assert active.folds_together(nets, much - 1, None) is None
  assert active.folds_together(nets[:2], much, None) is None  # each of another fold
  assert active.folds_together(nets, much, active.mesh_of(2)) is None
  monkeypatch.setattr(active, "_cores", lambda: 0)  # an accelerator
  assert active.folds_together(nets, much, None) is None


@pytest.mark.parametrize(
  ("number", "sizes"), [(10, [10, 5]), (4, [4, 2]), (3, [3]), (2, [2]), (1, [2])]
)
def test_of_a_fold_s_networks_never_one_trains_alone(number, sizes):
  assert active._sizes_of_fold(number) == sizes


_ON_DEVICES = """
import sys, pathlib, numpy as np, jax
sys.path.insert(0, sys.argv[1])
from train import active_test
from emojax.train import active
active.LEAST_WORK = 0
trained = active_test._train()
np.savez(sys.argv[2], devices=jax.local_device_count(), predicted=trained.predicted)
"""


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 4])
def test_other_numbers_of_devices_give_the_same_numbers(tmp_path, devices):
  target = tmp_path / "numbers.npz"
  subprocess.run(
    [sys.executable, "-c", _ON_DEVICES, str(helpers.ROOT / "tests"), str(target)],
    check=True,
    env=os.environ | {"XLA_FLAGS": helpers.xla_flags(devices)},
  )
  with np.load(target) as stored:
    assert stored["devices"] == devices
    np.testing.assert_allclose(stored["predicted"], _train().predicted, atol=1e-5)
