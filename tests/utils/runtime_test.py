"""Where compiled programs are kept, and which cores compute."""

import json
import os
import sys

import helpers
import jax
import jax.numpy as jnp
import pytest

from emojax.utils import runtime


@pytest.fixture
def no_folder():
  """JAX as where nobody has told it where to keep what it compiles."""
  place = jax.config.jax_compilation_cache_dir
  least = jax.config.jax_persistent_cache_min_compile_time_secs
  jax.config.update("jax_compilation_cache_dir", None)
  yield
  jax.config.update("jax_compilation_cache_dir", place)
  jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
  jax.experimental.compilation_cache.compilation_cache.reset_cache()


def _compiled(number):
  jax.experimental.compilation_cache.compilation_cache.reset_cache()
  return jax.jit(lambda x: x * number - 1)(jnp.float32(2))


def test_programs_are_kept_below_the_folder(no_folder, tmp_path):
  runtime.keep(str(tmp_path))
  assert _compiled(5) == 9
  assert list((tmp_path / "compiled").iterdir())


def test_a_folder_that_jax_was_told_is_where_programs_are_kept(no_folder, tmp_path):
  jax.config.update("jax_compilation_cache_dir", str(tmp_path / "told"))
  runtime.keep(str(tmp_path / "ours"))
  assert _compiled(7) == 13
  assert list((tmp_path / "told").iterdir())
  assert not (tmp_path / "ours").exists()


def test_a_folder_that_cannot_be_written_is_passed_over_in_silence(no_folder, tmp_path):
  """A warning is an error here."""
  (tmp_path / "compiled").write_text("no folder")
  runtime.keep(str(tmp_path))
  assert _compiled(3) == 5


_CORES_OF_THREADS = """
import json, os, pathlib
from emojax.utils import runtime
runtime._is_virtual = lambda: True
runtime.start("")
tasks = list(pathlib.Path("/proc/self/task").iterdir())
computing = [int(t.name) for t in tasks if "XLAEigen" in (t / "comm").read_text()]
print(json.dumps([sorted(os.sched_getaffinity(thread)) for thread in computing]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are spread on Linux only")
def test_threads_that_compute_have_a_core_each_if_they_have_all():
  cores = sorted(os.sched_getaffinity(0))
  spread = helpers.run("-c", _CORES_OF_THREADS)
  assert sorted(json.loads(spread.stdout)) == [[core] for core in cores]
  too_many = helpers.run("-c", _CORES_OF_THREADS, NPROC=len(cores) + 1)
  assert json.loads(too_many.stdout) == [cores] * (len(cores) + 1)


def test_what_runs_once_is_compiled_quickly_unless_told_how(monkeypatch):
  monkeypatch.setenv("XLA_FLAGS", "")
  quickly = runtime.options_to_run_once()
  assert quickly == runtime.options() | {"xla_backend_optimization_level": 1}
  assert jax.jit(lambda x: x + 1, compiler_options=quickly)(1) == 2
  monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
  assert runtime.options_to_run_once() == runtime.options()
