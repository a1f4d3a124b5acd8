"""Keeps compiled programs on disk, so that a second start need not compile again.

In: the folder that keeps computed features. Out: JAX's persistent compilation cache in
a folder beside them; programs are told apart by content, device and versions.
"""

import pathlib

import jax

# Shorter compilations cost less than a file each.
_WORTH_KEEPING_SECONDS = 0.2


def keep(cache_dir: str) -> None:
  """Makes JAX keep and reuse compiled programs below a folder; empty: it keeps none.

  A folder that cannot be written is no error: JAX compiles anew and warns.
  """
  if not cache_dir:
    return
  folder = pathlib.Path(cache_dir).expanduser() / "compiled"
  jax.config.update("jax_compilation_cache_dir", str(folder))
  jax.config.update(
    "jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING_SECONDS
  )
