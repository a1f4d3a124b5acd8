"""How programs are compiled and where they are kept: the process's side of JAX.

In: the folder that keeps computed features. Out: JAX's persistent compilation cache in
a folder beside them, so that a second start need not compile again; the compiler
settings that are fastest here; threads that stay on a core each; memory that is not
handed back between calls, and how much of it there was.
"""

import contextlib
import ctypes
import functools
import os
import pathlib
import platform
import re
import resource
import sys
import warnings
from typing import Any

import jax

from emojax.utils import errors, garbage

# With its YNN kernels off, XLA on a CPU leaves convolutions and products to Eigen: a
# ResNet-18 takes 17 ms a picture instead of 22, and by itself 22 instead of 46
# (BUILD_NOTES.md).
_CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}
# For drawing first weights LLVM's first level makes as fast a program as its third, in
# a third of the time (BUILD_NOTES.md).
_LEVEL, _QUICK = "xla_backend_optimization_level", 1

# Of glibc's malloc.h, with what `keep_memory` sets them to.
_MALLOC_SETTINGS = (
  (-4, 0),  # M_MMAP_MAX: no block of memory is a mapping that is unmapped when freed
  (-1, 2**31 - 1),  # M_TRIM_THRESHOLD: freed memory stays with the process
  (-8, 1),  # M_ARENA_MAX: one heap, because those of other threads are mappings
)

_THREADS_NAME = "XLAEigen"  # a part of what XLA calls its threads that compute

# What chooses the devices, from outside.
_CHOICES = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_NUM_CPU_DEVICES")


def start(cache_dir: str) -> None:
  """What a program that computes does first, once it has imported what it needs."""
  garbage.spare_what_is_here()
  keep_memory()
  check_device()
  spread_threads()
  keep(cache_dir)


def check_device() -> None:
  """UserError where JAX finds none of the devices that it was told to compute on."""
  try:
    jax.devices()
  # The second is what JAX raises, without a word, for a list without any device.
  except (RuntimeError, AssertionError) as error:
    choices = [f"{name}={os.environ[name]}" for name in _CHOICES if name in os.environ]
    reason = " ".join(str(error).partition(" (")[0].split())
    raise errors.UserError(
      f"JAX finds no device to compute on{' by ' * bool(choices)}{', '.join(choices)}: "
      f"{reason or 'there is none of that kind'}; choose another, such as "
      "JAX_PLATFORMS=cpu, or install JAX for that kind of device"
    ) from error


def keep(cache_dir: str) -> None:
  """Makes JAX keep and reuse compiled programs below a folder; empty: it keeps none.

  Where JAX was told a folder, by `JAX_COMPILATION_CACHE_DIR`, they are kept in that.
  A folder that cannot be written is no error: JAX compiles anew, and its warning, one
  for each program, is not shown.
  """
  told = jax.config.values["jax_compilation_cache_dir"]
  if not cache_dir and not told:
    return
  warnings.filterwarnings("ignore", "Error (writing|reading) persistent compilation")
  if not told:
    folder = pathlib.Path(cache_dir).expanduser() / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(folder))
  # Even the shortest: a prediction has eighty programs of up to 20 ms (BUILD_NOTES.md).
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@functools.cache
def options() -> dict[str, Any]:
  """Settings for `jax.jit(..., compiler_options=)` that are fastest on this device.

  Empty on accelerators, and where this version of XLA no longer knows the setting,
  which is experimental: that is asked for by compiling a program of no size.
  """
  if jax.default_backend() != "cpu":
    return {}
  try:
    jax.jit(lambda: 0, compiler_options=_CPU_OPTIONS).lower().compile()
  except Exception:  # what XLA raises for an unknown option is not documented
    return {}
  return dict(_CPU_OPTIONS)


def options_to_run_once() -> dict[str, Any]:
  """As `options`, for a program that runs once: being compiled is most of its time.

  A level that the environment's XLA_FLAGS ask for stays.
  """
  if not options() or _LEVEL in os.environ.get("XLA_FLAGS", ""):
    return options()
  return options() | {_LEVEL: _QUICK}


def host_device() -> jax.Device | None:
  """The CPU as a device of JAX, its memory the host's; None where it is left out."""
  try:
    return jax.local_devices(backend="cpu")[0]
  except RuntimeError:
    return None


def on_host() -> contextlib.AbstractContextManager:
  """Within it arrays are made on the CPU, where there is one: tables of any size."""
  device = host_device()
  return jax.default_device(device) if device else contextlib.nullcontext()


def keep_memory() -> None:
  """Makes this process keep the memory it frees, for the next call to use.

  Otherwise every large array is fresh memory whose pages the system first fills with
  zeros: 25,000 page faults for a convolution of 8 pictures, more than half of its time.
  A choice for whole programs, so libraries and notebooks do not call it. Does nothing
  where the C library is not glibc.
  """
  if platform.libc_ver()[0] != "glibc":
    return
  library = ctypes.CDLL(None)
  for name, value in _MALLOC_SETTINGS:
    library.mallopt(name, value)


def spread_threads() -> None:
  """Keeps each of XLA's computing threads on a core of its own, on a virtual machine.

  There Linux holds a core that waits for work to be taken away by the host, and wakes
  the second thread on the core of the first: after a pause a network takes nearly
  twice as long for one picture (BUILD_NOTES.md). A choice for whole programs, so
  libraries and notebooks do not call it. Does nothing where there are not as many
  threads as cores, since other processes may have the rest.
  """
  tasks = pathlib.Path("/proc/self/task")
  if not tasks.is_dir() or not _is_virtual():
    return
  cores = os.sched_getaffinity(0)
  with contextlib.suppress(OSError):  # a thread has ended, or that is not allowed
    names = {int(task.name): (task / "comm").read_text() for task in tasks.iterdir()}
    threads = [thread for thread, name in names.items() if _THREADS_NAME in name]
    if len(threads) == len(cores):
      for thread, core in zip(sorted(threads), sorted(cores), strict=True):
        os.sched_setaffinity(thread, {core})


def _is_virtual() -> bool:
  """Whether Linux runs on a virtual machine, as the processor tells it."""
  told = pathlib.Path("/proc/cpuinfo").read_text()
  return re.search(r"^flags\s*:.*\bhypervisor\b", told, re.MULTILINE) is not None


def return_memory() -> None:
  """Gives the system the memory back that this process keeps and does not use.

  For the end of a part of long work: what one part left between its arrays, another
  part would leave elsewhere, and memory would grow by and by. Takes less than 0.1 s.
  """
  if platform.libc_ver()[0] == "glibc":
    ctypes.CDLL(None).malloc_trim(0)


def peak_memory_mb() -> float:
  """The most memory this process has had, in MB."""
  unit = 1024 if sys.platform == "darwin" else 1  # ru_maxrss is in KiB but on macOS
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit
