"""Several processes: who they are, how they meet, what they tell each other."""

import re

import helpers
import pytest

from emojax.config import ClusterConfig
from emojax.utils import cluster, errors

_HERE = "127.0.0.1:12345"


@pytest.mark.parametrize(
  ("environment", "settings", "expected"),
  [
    ({}, {}, (1, 0)),
    ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, {}, (1, 0)),
    ({"SLURM_NTASKS": "4", "SLURM_PROCID": "0"}, {}, (1, 0)),  # a batch script itself
    ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}, {}, (4, 3)),
    (
      {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"},
      {"num_processes": 1},
      (1, 0),
    ),
    (
      {
        "OMPI_COMM_WORLD_SIZE": "8",
        "OMPI_COMM_WORLD_RANK": "7",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_PROCID": "1",
      },
      {"coordinator": _HERE},
      (8, 7),
    ),
    ({}, {"coordinator": _HERE, "num_processes": 2, "process_id": 1}, (2, 1)),
  ],
)
def test_number_and_id_are_those_of_flags_and_launcher(
  monkeypatch, environment, settings, expected
):
  for name in (name for names in cluster._LAUNCHERS for name in names):
    monkeypatch.delenv(name, raising=False)
  for name, value in environment.items():
    monkeypatch.setenv(name, value)
  assert cluster.place(ClusterConfig(**settings)) == expected


@pytest.mark.parametrize(
  ("settings", "reason"),
  [
    ({"num_processes": 2}, "--process_id=none"),
    ({"process_id": 0}, "--num_processes=none"),
    ({"coordinator": _HERE}, "--num_processes=none, --process_id=none"),
    ({"num_processes": 2, "process_id": 2}, "0 to one less; .*--process_id=2"),
    ({"coordinator": "me", "num_processes": 2, "process_id": 0}, "HOST:PORT .*'me'"),
    ({"coordinator": "me:65536", "num_processes": 2, "process_id": 0}, "HOST:PORT"),
  ],
)
def test_settings_that_leave_something_open_are_refused(monkeypatch, settings, reason):
  for name in (name for names in cluster._LAUNCHERS for name in names):
    monkeypatch.delenv(name, raising=False)
  with pytest.raises(errors.UserError, match=reason):
    cluster.place(ClusterConfig(**settings))


_START = """
import dataclasses
from emojax.utils import cluster
cluster.start(dataclasses.replace(cluster_config, start_seconds=1), "program")
"""


@pytest.mark.slow
def test_where_the_others_do_not_come_one_line_says_so():
  done = helpers.run_together(_START.replace("_config,", "_config, num_processes=3,"))
  for process, one in enumerate(done):
    assert one.returncode == 1
    assert re.fullmatch(
      rf"program: error: process {process} waited 1 seconds at 127.0.0.1:\d+ and not "
      r"all of the 3 processes came: .*\n",
      one.stderr,
    )


_TALK = """
import os
import numpy as np
from emojax.utils import cluster, errors
cluster.start(cluster_config, "program")
process = cluster_config.process_id
array = np.float32([[process, -0.0]])
assert cluster.gather([array])[0].tolist() == [[0, 0], [1, 0]]
odd = np.array([[-0.0, np.nan, np.inf]], np.float32)
sent = cluster.from_first({"a": odd if not process else odd * 0, "b": not process})
assert sent["a"].tobytes() == odd.tobytes() and sent["b"]
turns = cluster.in_turn(lambda: process)
cluster.check_same({"a": (1, 2)}, "numbers")
try:
  cluster.check_same({"a": process}, "numbers")
except errors.UserError as error:
  print(error)
if process:
  os._exit(9)
try:
  cluster.gather(array)
except errors.UserError as error:
  print(error)
  sys.stdout.flush()
  os._exit(1)
"""


def test_processes_hear_each_other_and_that_one_has_died():
  first, second = helpers.run_together(_TALK)
  difference, death = first.stdout.splitlines()
  assert difference.startswith("numbers of process 1 are not those of process 0: ")
  assert death.startswith("one of the 2 processes has ended or cannot be reached (")
  assert "--workdir and --resume" in death
  assert (first.returncode, second.returncode) == (1, 9), first.stderr + second.stderr
