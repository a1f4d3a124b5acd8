"""Where compiled programs are kept."""

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
