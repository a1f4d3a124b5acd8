"""Programs of emojax as processes of their own, whose imports are done before.

A program takes two to four seconds of a processor before it does anything, nearly all
of them for imports. Here each is a fork of a server that has imported what programs
import and has started nothing: its flags, signals, devices and exit are its own. Where
starting, killing or importing is what a test is about, it starts Python itself.
"""

import atexit
import multiprocessing
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

import jax

_IMPORTED = [
  "emojax.experiments.experiment",
  "emojax.predict.predictor",
  "emojax.report.run",
  "emojax.train.run",
  "orbax.checkpoint",  # which training imports only once there is something to keep
]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(_IMPORTED)


def run(
  module: str,
  arguments: Sequence[str],
  cwd: str | os.PathLike,
  environment: Mapping[str, str],
) -> subprocess.CompletedProcess:
  """What `python -m MODULE ARGUMENTS` prints, and its exit status.

  Args:
    module: as typed after `python -m`.
    arguments: what follows it.
    cwd: the folder it runs in.
    environment: all of its variables; those that an import reads come too late.
  """
  with tempfile.TemporaryDirectory() as folder:
    texts = [pathlib.Path(folder, name) for name in ("stdout", "stderr")]
    call = (module, list(arguments), os.fspath(cwd), dict(environment), texts)
    process = _SERVER.Process(target=_program, args=call)
    process.start()
    process.join()
    status = process.exitcode
    process.close()
    stdout, stderr = (text.read_text() for text in texts)
  return subprocess.CompletedProcess(["-m", module, *arguments], status, stdout, stderr)


def _program(module, arguments, cwd, environment, texts):
  for descriptor, text in enumerate(texts, start=1):
    with text.open("wb") as file:
      os.dup2(file.fileno(), descriptor)
  os.environ.clear()
  os.environ.update(environment)
  # JAX reads it when it is imported, which is done.
  folder = os.environ.get("JAX_COMPILATION_CACHE_DIR")
  jax.config.update("jax_compilation_cache_dir", folder)
  os.chdir(cwd)
  sys.path.insert(0, cwd)
  sys.argv = ["-m", *arguments]
  try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
  finally:
    atexit._run_exitfuncs()  # a fork ends without them
