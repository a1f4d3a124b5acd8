"""`python -m emojax` and the installed command."""

import pathlib
import subprocess
import sys
import sysconfig

import helpers
import pytest

from emojax import __main__ as programs
from emojax.version import __version__

_COMMAND = pathlib.Path(sysconfig.get_path("scripts")) / "emojax"


def _run(*command):
  return subprocess.run(
    list(map(str, command)),
    capture_output=True,
    text=True,
    cwd=helpers.ROOT,
    check=False,
  )


def test_without_arguments_it_lists_every_program():
  done = _run(sys.executable, "-m", "emojax")
  assert done.returncode == 0
  listed = [line.split()[0] for line in done.stdout.splitlines() if line[:2] == "  "]
  assert listed == list(programs.PROGRAMS)
  # Whatever runs as a program is listed.
  folder = pathlib.Path(programs.__file__).parent
  runs = {path.parent.name for path in folder.glob("*/__main__.py")}
  assert runs == set(programs.PROGRAMS)


@pytest.mark.slow
def test_the_installed_command_is_the_module():
  for name in ("train", "report"):
    program = _run(_COMMAND, name, "--help")
    other = _run(sys.executable, "-m", f"emojax.{name}", "--help")
    assert program.returncode == 0 and program.stdout == other.stdout, name
  program = _run(_COMMAND, "predict")
  other = _run(sys.executable, "-m", "emojax.predict")
  assert program.returncode == other.returncode == 1 and program.stderr == other.stderr
  assert "name pictures" in program.stderr


def test_version_and_mistakes():
  assert _run(_COMMAND, "--version").stdout == f"emojax {__version__}\n"
  done = _run(_COMMAND, "pedict")
  assert done.returncode == 1 and "did you mean 'predict'" in done.stderr
  assert done.stderr.count("\n") == 1


_IMPORTS = """
import sys, emojax
assert not {"jax", "numpy", "tensorflow_datasets"} & set(sys.modules), "slow to import"
import tensorflow_datasets as tfds
assert "va_emotion" in tfds.core.registered.list_imported_builders()
"""


def test_importing_it_imports_little_and_makes_tfds_know_the_dataset():
  done = _run(sys.executable, "-c", _IMPORTS)
  assert done.returncode == 0, done.stderr
