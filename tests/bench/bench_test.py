"""The bench runs, and says what each figure stands beside. Nothing here is timed."""

import json
import subprocess
import sys

import helpers
import pytest

from emojax import bench as speed
from emojax.bench import low_level, measure, memory, networks, report, training


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
  output, old = tmp_path / "bench.json", tmp_path / "old.json"
  faster = speed.Figure("lbp", 1e-6, "ms a picture", "scikit-image", 1.0, 1e6)
  machine = {"date": "2026-11-23", "device": "1 x cpu", "cores": 2}
  report.write(old, report.Report([faster], {}, machine))
  done = _run("--only=lbp", "--repeats=1", f"--output={output}", f"--compare={old}")
  assert done.returncode == 1  # a million times is what nothing reaches
  assert "\nSlower: lbp, beside scikit-image: 1000000.00 before, " in done.stdout
  assert "1 of 1 figures are slower" in done.stderr
  written = json.loads(output.read_text())
  (figure,) = written["figures"]
  assert figure["ratio"] == pytest.approx(figure["peer_value"] / figure["value"])
  assert written["peak_memory_mb"]["lbp"]["process"] > 50
  assert written["machine"]["jax"]


@pytest.mark.slow
def test_every_part_gives_figures(monkeypatch):
  """At sizes that are quick and say nothing about speed."""
  monkeypatch.setattr(measure, "MATRIX_SIDE", 64)
  monkeypatch.setattr(training, "PAPER_COLUMNS", 8)
  monkeypatch.setattr(training, "_HIDDEN", (4,))
  monkeypatch.setattr(training, "_BEST_COLUMNS", 8)
  monkeypatch.setattr(networks, "_BATCHES_CPU", (1, 2))
  monkeypatch.setattr(networks, "_SETTLE_SECONDS", 0)
  monkeypatch.setattr(memory, "_IMAGES", 2)
  draw = measure.draw_images
  monkeypatch.setattr(low_level, "draw_images", lambda count: draw(count // 8))
  size = speed.Size(
    num_pictures=2,
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
  done = helpers.run("-m", "emojax.bench", "--only=speed")
  assert done.returncode == 1
  assert "--only knows train, lbp" in done.stderr
  assert done.stderr.count("\n") == 1
