"""The bench runs, and says what each figure stands beside. Nothing here is timed."""

import json
import subprocess
import sys

import helpers
import pytest

from emojax import bench as speed


def _run(*arguments):
  return subprocess.run(
    [sys.executable, "-m", "emojax.bench", *arguments],
    capture_output=True,
    text=True,
    cwd=helpers.ROOT,
    check=False,
  )


@pytest.mark.slow
def test_figures_stand_beside_a_peer_and_name_the_machine(tmp_path):
  output = tmp_path / "bench.json"
  done = _run("--only=lbp", "--repeats=1", f"--output={output}")
  assert done.returncode == 0, done.stderr
  assert "scikit-image" in done.stdout
  report = json.loads(output.read_text())
  (figure,) = report["figures"]
  assert figure["ratio"] == pytest.approx(figure["peer_value"] / figure["value"])
  assert report["peak_memory_mb"]["lbp"]["process"] > 50
  assert report["machine"]["jax"]


@pytest.mark.slow
def test_every_part_gives_figures(tmp_path):
  size = speed.Size(
    num_pictures=9,
    train_rows=60,
    repeats=1,
    networks=("squeezenet",),
  )
  for name, part in speed.PARTS.items():
    for figure in part(size):
      assert figure.value > 0, name
      assert figure.peer_value > 0, name
      assert figure.ratio > 0, name


def test_unknown_part_is_one_line():
  done = _run("--only=speed")
  assert done.returncode == 1
  assert "--only knows train, lbp" in done.stderr
  assert done.stderr.count("\n") == 1
