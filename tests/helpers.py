"""What tests of many packages share: where the checkout is, and its programs as run."""

import os
import pathlib
import runpy
import socket
import subprocess
import sys
from concurrent import futures
from typing import NoReturn

import numpy as np
import pytest
import starting
from PIL import Image

from emojax.datasets.va_emotion import dataset
from emojax.evaluation import folds
from emojax.train import run_folder

ROOT = pathlib.Path(__file__).resolve().parents[1]


def xla_flags(devices: int = 1) -> str:
  """How tests compile: for so many pretend CPU devices, and without optimising.

  They compile far more than they compute; a quarter of a test's time was spent on
  making its small programs fast, and half of the rest on emitting them by way of MLIR.
  A test that runs large networks on many pictures sets XLA_FLAGS to nothing, which is
  what users have: that saves it a third.
  """
  return (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    f"--xla_force_host_platform_device_count={devices}"
  )


# How programs are compiled for users: options of one program, above `xla_flags`, for
# networks that see many pictures.
AS_USERS_HAVE = {
  "xla_backend_optimization_level": 3,
  "xla_cpu_use_fusion_emitters": True,
}


def lacking(message: str) -> NoReturn:
  """Skips a test aloud; where CI=true everything is installed, and it fails."""
  if os.environ.get("CI", "").lower() in ("1", "true"):
    pytest.fail(message)
  pytest.skip(message)


def run(*command, cwd=ROOT, python=(), **environment) -> subprocess.CompletedProcess:
  """A process of this Python, from its arguments: `run("-m", "emojax.train", ...)`.

  A program of emojax finds its imports done, see `starting`, unless the interpreter has
  options or variables that an import may read.

  Args:
    command: arguments of the interpreter, turned into text.
    cwd: the folder it runs in; emojax is found from any.
    python: options of the interpreter itself, before the command.
    environment: variables set in addition; None takes one away.
  """
  variables = os.environ | {"PYTHONPATH": str(ROOT)}
  variables |= {name: str(v) for name, v in environment.items() if v is not None}
  for name in [name for name, value in environment.items() if value is None]:
    variables.pop(name, None)
  words = [str(word) for word in command]
  is_program = words[0] == "-m" and words[1].startswith("emojax")
  if is_program and not python and environment.keys() <= {"XLA_FLAGS"}:
    return starting.run(words[1], words[2:], cwd, variables)
  return subprocess.run(
    [sys.executable, *python, *words],
    capture_output=True,
    text=True,
    cwd=cwd,
    env=variables,
  )


def run_together(code: str, *arguments, number: int = 2) -> list:
  """Processes of this Python that run the same code at once and can meet.

  Args:
    code: finds `cluster_config`, a `config.ClusterConfig` of its own, and in `sys.argv`
      from 1 on the arguments.
    arguments: turned into text.
    number: how many processes.
  Returns:
    A `CompletedProcess` of each, in order.
  """
  commands = [
    [
      "-c",
      "import sys\nfrom emojax import config\n"
      f"cluster_config = config.ClusterConfig(*{place!r})\n" + code,
    ]
    for place in places(number)
  ]
  with futures.ThreadPoolExecutor(number) as pool:
    return list(
      pool.map(lambda c: run(*c, *arguments, XLA_FLAGS=xla_flags()), commands)
    )


def places(number: int) -> list[tuple[str, int, int]]:
  """Coordinator, number and id of processes that meet at a port which was free."""
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    coordinator = f"127.0.0.1:{probe.getsockname()[1]}"
  return [(coordinator, number, process) for process in range(number)]


def seal(folder: pathlib.Path) -> None:
  """Makes what was changed in a run folder what was written there."""
  results = (folder / "results.json").read_text("utf-8")
  run_folder.seal(run_folder.RunFolder(folder), results)


def in_the_form_of_0_1_0(described: list[dict]) -> list[dict]:
  """Descriptions of features as emojax 0.1.0 stored them; `weights` was the label."""
  olden = []
  for entry in described:
    old = {key: entry[key] for key in entry if key != "label"}
    old["weights"] = entry["label"]
    if "bases" in old:
      old["bases"] = in_the_form_of_0_1_0(old["bases"])
    olden.append(old)
  return olden


def script(name: str) -> dict:
  """The names that a program of `scripts/` defines."""
  return runpy.run_path(str(ROOT / "scripts" / name))


def draw_noise(folder: pathlib.Path, number: int) -> None:
  """Pictures 0.png, 1.png ... of noise, each another."""
  rng = np.random.default_rng(0)
  for i in range(number):
    rgb = rng.integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(rgb).save(folder / f"{i}.png")


def rated_numbers(num_images: int = 53, noise: float = 0.3) -> dataset.Dataset:
  """A dataset of six numbers a picture, two of which its ratings follow."""
  rng = np.random.default_rng(3)
  table = rng.standard_normal((num_images, 6)).astype(np.float32)
  ratings = 5 + table[:, :2] * 0.8 + rng.normal(0, noise, (num_images, 2))
  return dataset.Dataset(
    image_ids=[f"{i}.jpg" for i in range(num_images)],
    features={"a": table},
    ratings=ratings.astype(np.float32),
    ratings_std=np.full((num_images, 2), np.nan, np.float32),
    num_raters=np.full((num_images, 2), -1, np.int32),
    fold=folds.assign(num_images, 0),
    keywords=[""] * num_images,
    metadata={
      "source": "synthetic",
      "features": [{"name": "a", "size": 6, "kind": "number"}],
    },
  )
