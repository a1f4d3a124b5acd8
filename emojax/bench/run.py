"""One part of the bench in a process of its own, and the machine it ran on.

Not in `__main__`: a spawned process cannot find its function there.
"""

import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import re
import time
from typing import Any

from emojax import bench
from emojax.version import __version__


def run_part(
  name: str, size: bench.Size
) -> tuple[list[bench.Figure], dict[str, float]]:
  """One part, in this process: its figures, and the peak memory in MB."""
  import jax

  from emojax.utils import runtime

  runtime.start("")  # as the other programs do
  figures = bench.PARTS[name](size)
  memory = {"process": runtime.peak_memory_mb()}
  on_device = jax.local_devices()[0].memory_stats()
  if on_device and "peak_bytes_in_use" in on_device:
    memory["device"] = on_device["peak_bytes_in_use"] / 2**20
  return figures, memory


def machine() -> dict[str, Any]:
  """What the figures were measured on."""
  import jax

  return {
    "date": time.strftime("%Y-%m-%d"),
    "device": f"{jax.local_device_count()} x {jax.devices()[0].device_kind}",
    "cores": os.cpu_count(),
    "processor": _processor(),
    "platform": platform.platform(),
    "python": platform.python_version(),
    "emojax": __version__,
    **{
      name: importlib.metadata.version(name)
      for name in ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-image", "torch")
      if importlib.util.find_spec(name.replace("scikit-image", "skimage"))
    },
  }


def _processor() -> str:
  """The processor's name; empty where the system does not tell it.

  Virtual machines hide the model: "AMD EPYC" is several. Whether one has AVX-512, for
  which libraries have kernels of their own, is told to keep them apart.
  """
  told = pathlib.Path("/proc/cpuinfo")  # where Python's own answer is often empty
  if told.is_file():
    text = told.read_text()
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    if names:
      return names[0] + ", AVX-512" * bool(re.search(r"\bavx512f\b", text))
  return platform.processor()
