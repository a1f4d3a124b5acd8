"""Arrays that Orbax stored, looked over before Orbax reads them.

In: the folder of a stored pytree, and what it should hold. Out: nothing, or an error:
Orbax finds out while it reads, leaves those reads hanging, and reports from threads.
"""

import math
import pathlib
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from emojax.utils import arrays

if TYPE_CHECKING:  # imported where it is used: it takes a quarter of a second
  import orbax.checkpoint as ocp

# The file that describes an array -> TensorStore's driver for it.
_DRIVERS = {".zarray": "zarr", "zarr.json": "zarr3"}


def target(tree: Any) -> Any:
  """Shapes and where they should live: here, whatever devices wrote them."""
  here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=here), tree
  )


def check(
  checkpointer: "ocp.StandardCheckpointer",
  path: pathlib.Path,
  expected: Any,
  is_whole: bool = False,
) -> None:
  """Refuses stored arrays of other names or shapes, or that cannot be read.

  Args:
    checkpointer: knows what should be stored.
    path: of the stored pytree.
    expected: as `target` gives it.
    is_whole: whether its files are known to be what was written; reading them all
      takes half as long again as Orbax does.
  Raises:
    ValueError: says which; TensorStore's errors are ValueError too.
  """
  if not is_whole:
    _read_all(path, sum(math.prod(x.shape) for x in jax.tree.leaves(expected)))
  metadata = checkpointer.metadata(path).item_metadata
  if metadata is None or not hasattr(metadata, "tree"):
    raise ValueError("it is no checkpoint, or its _METADATA is missing or damaged")
  there, here = (
    {name: list(x.shape) for name, x in _by_name(tree).items()}
    for tree in (metadata.tree, expected)
  )
  for name in sorted(there.keys() | here.keys()):
    if there.get(name) != here.get(name):
      raise ValueError(
        f"it does not fit config.json: {name} is {there.get(name)} there and "
        f"{here.get(name)} here"
      )


def digest(tree: Any) -> str:
  """Hex digest of a pytree of arrays."""
  return arrays.digest(jax.device_get(_by_name(tree)))


def _read_all(path: pathlib.Path, number: int) -> None:
  """Reads every array below a folder once; they hold `number` numbers together.

  Raises:
    ValueError: one cannot be read, or there are more numbers, or fewer.
  """
  import tensorstore as ts

  base = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{path}/"}}
  keys = [key.decode() for key in ts.KvStore.open(base).result().list().result()]
  for name, _, last in (key.rpartition("/") for key in keys):
    if last in _DRIVERS:
      stored = ts.open(
        {
          "driver": _DRIVERS[last],
          "kvstore": {**base, "path": f"{name}/"},
          "fill_missing_data_reads": False,
        }
      ).result()
      number -= math.prod(stored.shape)
      if number < 0:  # before it takes the memory
        raise ValueError(f"it does not fit config.json: {name} is larger")
      stored.read().result()
  if number:
    raise ValueError("it does not fit config.json: arrays are smaller, or missing")


def _by_name(tree: Any) -> dict[str, Any]:
  """A pytree's arrays, or their descriptions, by the path to each."""
  leaves, _ = jax.tree.flatten_with_path(tree, is_leaf=lambda x: hasattr(x, "shape"))
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): leaf
    for path, leaf in leaves
  }
