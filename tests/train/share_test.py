"""Networks dealt out to processes: the same numbers as in one, also after a kill."""

import dataclasses

import helpers
import jax
import numpy as np
import pytest

from emojax import config
from emojax.train import loop, run_folder, share
from emojax.utils import signals

_SETTINGS = config.TrainConfig(
  target=("valence",),  # so there are five networks, which is odd
  hidden=(8, 4),
  learning_rate=0.05,
  batch_size=16,
  max_epochs=20,
  patience=2,
)
_NAMES = ("predicted", "best_errors", "best_epochs")


def train(folder, **changes):
  settings = dataclasses.replace(_SETTINGS, **changes)
  return loop.train(settings, {"": helpers.rated_numbers()}, range(5), folder)


@pytest.mark.parametrize(
  ("number", "processes", "expected"),
  [
    (10, 1, [list(range(10))]),
    (10, 2, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]),
    (5, 2, [[0, 1, 2], [3, 4, 4]]),
    (5, 4, [[0, 1], [2, 3], [4, 4], [4, 4]]),
    (1, 3, [[0], [0], [0]]),
  ],
)
def test_every_network_is_somebodys(monkeypatch, number, processes, expected):
  monkeypatch.setattr(jax, "process_count", lambda: processes)
  for process in range(processes):
    monkeypatch.setattr(jax, "process_index", lambda number=process: number)
    assert share.own(number).tolist() == expected[process]


@pytest.mark.slow
def test_a_signal_between_turns_is_heard_in_the_next_and_states_are_kept(
  monkeypatch, tmp_path
):
  together, turns = share.together, []

  def heard_late(turn, *rest):
    monkeypatch.setattr(signals._WATCH, "number", 15)  # whoever is asked, was asked
    turns.append(turn.is_stopping)
    return together(turn, *rest)

  monkeypatch.setattr(share, "together", heard_late)
  folder = run_folder.open_run(tmp_path, {"identity": {}}, resume=True)
  with pytest.raises(signals.Stopped):
    train(folder)
  assert turns == [False, True]
  assert [path.name for path in folder.states.iterdir()] == ["3"]


_TRAIN = """
import pathlib
import numpy as np
sys.path.insert(0, sys.argv[1])
from emojax.utils import cluster
cluster.start(cluster_config, "program")
from train import share_test
import jax
jax.config.update("jax_compilation_cache_dir", sys.argv[2] + "-compiled")
from emojax.train import run_folder
path = pathlib.Path(sys.argv[2])
folder = None
for changes in ({"max_epochs": 3, "checkpoint_seconds": 0}, {}):
  if cluster.is_first():
    folder = run_folder.open_run(path, {"identity": {}}, resume=True)
  trained = share_test.train(folder, **changes)
np.savez(
  f"{path}-{cluster_config.process_id}.npz",
  **{name: getattr(trained, name) for name in share_test._NAMES},
)
cluster.end()
"""


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_and_train_the_same_numbers(tmp_path):
  done = helpers.run_together(_TRAIN, helpers.ROOT / "tests", tmp_path / "two")
  assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
  assert done[0].stdout == done[1].stdout == ""
  assert jax.local_device_count() == 2  # so here networks are dealt out alike
  folder = run_folder.open_run(tmp_path / "one", {"identity": {}}, resume=True)
  expected = train(folder)
  for process in range(2):
    with np.load(tmp_path / f"two-{process}.npz") as stored:
      for name in _NAMES:
        np.testing.assert_array_equal(stored[name], getattr(expected, name))
  first, second = (
    (tmp_path / name / "metrics.jsonl").read_text().splitlines()
    for name in ("one", "two")
  )
  assert [_without_time(line) for line in first] == [_without_time(x) for x in second]


def _without_time(line):
  return line[line.index('"train_mse"') :]
