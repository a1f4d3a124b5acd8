"""Features of one batch of pictures, as compiled programs on every local device.

In: feature names, what they need, a batch of uint8 views. Out: features, still on the
devices. What compiles and how many pictures go at once is settled here.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax.backbones import BACKBONES
from emojax.features import FEATURES, compute
from emojax.features.base import JOIN
from emojax.utils import garbage, runtime

# Batches that suit a device, where none is asked for. A CPU gains a few
# percent from 32, but a run that is killed loses what is in flight (BUILD_NOTES.md).
_BATCH_CPU, _BATCH_ACCELERATOR = 16, 256
# On a CPU, batches that pictures of views of several shapes make at least: each shape's
# last one is filled up, which made 64 pictures of ten photographs of four shapes. The
# network of such a view takes as long for a picture alone as for one of 16.
_FEWEST_BATCHES_OF_SHAPES = 16
# What a program may take of the memory besides its parameters.
_WORKSPACE_CPU_BYTES = 400 * 2**20
_WORKSPACE_SHARE = 0.5  # of an accelerator's memory


class Programs:
  """Computes batches of some features on the local devices.

  Args:
    params: need -> what features with that need want, see `Feature.make`.
  """

  def __init__(self, params: Mapping[str, Any]):
    self._params = dict(params)
    self._replicated: dict[str, Any] = {}  # need -> params with a leading device axis

  def start(self, names: tuple[str, ...], batch: np.ndarray) -> dict[str, jax.Array]:
    """Has the local devices compute features of one full batch; does not wait.

    Args:
      names: features that share a view and a need.
      batch: (devices * B, H, W, 3) uint8, the pictures in that view.
    Returns:
      name -> (devices, B, size) float32.
    """
    devices = jax.local_device_count()
    per_device = batch.reshape(devices, -1, *batch.shape[1:])
    params = self._on_devices(FEATURES[names[0]].needs)
    program = _program(names, params, per_device.shape)
    return program(params, per_device)

  def batch_for(
    self, names: tuple[str, ...], number: int, shape: tuple[int, int] | None = None
  ) -> int:
    """Pictures per device and step that suit this machine, where none is asked for.

    Starts from what suits the kind of device, or the smallest power of two that takes
    all pictures, and halves it until the compiled program's memory fits. Few pictures
    in a view of several shapes get smaller batches on a CPU.

    Args:
      names: features that share a view and a need.
      number: how many pictures there are.
      shape: height and width of the pictures in that view; None: those of its square.
    """
    feature = FEATURES[names[0]]
    on_cpu = jax.default_backend() == "cpu"
    networks = [n for n in feature.needs.split(JOIN) if n in BACKBONES]
    if on_cpu and any(BACKBONES[network].one_by_one for network in networks):
      return 1
    if on_cpu and feature.view.fit == "proportional":
      number = math.ceil(number / _FEWEST_BATCHES_OF_SHAPES)
    devices = jax.local_device_count()
    batch = min(usual_batch(), 2 ** math.ceil(math.log2(-(-number // devices))))
    budget = _WORKSPACE_CPU_BYTES
    if not on_cpu:
      stats = jax.local_devices()[0].memory_stats() or {}
      budget = int(_WORKSPACE_SHARE * stats.get("bytes_limit", np.inf))
    params = self._on_devices(feature.needs)
    shape = shape or (feature.view.side_px, feature.view.side_px)
    while batch > 1:
      program = _program(names, params, (devices, batch, *shape, 3))
      if program.memory_analysis().temp_size_in_bytes <= budget:
        break
      batch //= 2
    return batch

  def _on_devices(self, need: str) -> Any:
    """A need's parameters with a leading device axis, laid out once."""
    if need not in self._replicated:
      leaves, tree = jax.tree.flatten(self._params.pop(need))
      # Each array on this side is let go: VGG19 is 575 MB.
      placed = [_on_each(leaves.pop(0)) for _ in range(len(leaves))]
      self._replicated[need] = jax.tree.unflatten(tree, placed)
    return self._replicated[need]


def _on_each(array: Any) -> jax.Array:
  """An array with a leading device axis, as pmap wants it; compiles nothing."""
  devices = np.asarray(jax.local_devices())
  mesh = jax.sharding.Mesh(devices, ("devices",))
  sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("devices"))
  return jax.device_put(np.broadcast_to(array, (len(devices), *array.shape)), sharding)


_COMPILED: dict[Any, Any] = {}  # of the process: another extractor need not compile


def _program(names: tuple[str, ...], params: Any, shape: tuple[int, ...]) -> Any:
  """The compiled pmap of features that share a view and a need, for one batch shape."""
  types = tuple((x.shape, x.dtype) for x in jax.tree.leaves(params))
  key = (names, types, shape)
  if key not in _COMPILED:
    mapped = jax.pmap(functools.partial(compute, names))
    with garbage.paused():  # what a trace makes stays
      lowered = mapped.lower(params, jax.ShapeDtypeStruct(shape, jnp.uint8))
      _COMPILED[key] = lowered.compile(compiler_options=runtime.options())
  return _COMPILED[key]


def usual_batch(backend: str = "") -> int:
  """Pictures per device and step that suit a kind of device, memory allowing.

  Args:
    backend: as JAX calls it, such as "cpu"; empty: this process's.
  """
  backend = backend or jax.default_backend()
  return _BATCH_CPU if backend == "cpu" else _BATCH_ACCELERATOR
