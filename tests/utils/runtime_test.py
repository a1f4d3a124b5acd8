"""Where compiled programs are kept."""

import jax
import jax.numpy as jnp

from emojax.utils import runtime


def test_a_folder_that_cannot_be_written_is_passed_over_in_silence(tmp_path):
  """A warning is an error here."""
  place = jax.config.jax_compilation_cache_dir
  least = jax.config.jax_persistent_cache_min_compile_time_secs
  (tmp_path / "compiled").write_text("no folder")
  try:
    runtime.keep(str(tmp_path))
    jax.experimental.compilation_cache.compilation_cache.reset_cache()
    assert jax.jit(lambda x: x * 3 - 1)(jnp.float32(2)) == 5
  finally:
    jax.config.update("jax_compilation_cache_dir", place)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
    jax.experimental.compilation_cache.compilation_cache.reset_cache()
