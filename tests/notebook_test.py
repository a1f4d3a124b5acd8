"""The Colab notebook, executed from start to end with the code of this checkout."""

import json
import os
import subprocess
import sys

import helpers
import pytest

_NOTEBOOK = helpers.ROOT / "docs" / "emojax_colab.ipynb"
# In a process of its own: the notebook libraries warn about each other.
_EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def test_it_is_kept_without_outputs():
  cells = json.loads(_NOTEBOOK.read_text("utf-8"))["cells"]
  code = [cell for cell in cells if cell["cell_type"] == "code"]
  assert code and not any(cell["outputs"] for cell in code)


@pytest.mark.slow
def test_it_runs_from_start_to_end(at_home, tmp_path):
  executed = tmp_path / "executed.ipynb"
  environment = os.environ | {"XLA_FLAGS": ""}
  environment |= {"PYTHONPATH": str(helpers.ROOT), **at_home}
  done = subprocess.run(
    [sys.executable, "-c", _EXECUTE, str(_NOTEBOOK), str(executed)],
    cwd=tmp_path,
    env=environment,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr[-3000:]
  cells = json.loads(executed.read_text("utf-8"))["cells"]
  outputs = "".join(json.dumps(cell.get("outputs", "")) for cell in cells)
  assert "Synthetic pictures" in outputs and "noise ceiling" in outputs
  assert outputs.count("arousal ") >= 5 and "<iframe srcdoc=" in outputs
  rows = (tmp_path / "ratings.csv").read_text().splitlines()
  assert len(rows) == 1 + 6
