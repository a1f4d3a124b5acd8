"""Feature tables (S, N, D) where training keeps them: in a device's memory or a host's.

In: tables as NumPy arrays. Out: what is indexed by a source and rows, inside a program
that runs on the device. A table in the host's memory may be larger than the device's:
the program asks the host for the rows of each batch.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from emojax.utils import errors, runtime

# Rows that go through the networks together where there may be very many.
ROWS_AT_ONCE = 4096
# What fitting directions to a table takes, in units of it: the table, a fold's training
# rows of it, those scaled, and those weighted; `jax.stages.Compiled.memory_analysis`
# gives 2.3 besides the table.
_COPIES = 4


class HostTables:
  """Tables in the host's memory that compiled programs index like an array.

  A leaf-less pytree: it goes into a program whole, by identity, and not as its numbers.

  Args:
    tables: (S, N, D) float32.
  """

  def __init__(self, tables: np.ndarray):
    self.tables = tables
    self._rows = tables.reshape(-1, tables.shape[-1])  # source after source

  def __getitem__(self, place: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Rows (b, D) of a source () and indices (b,); under `jax.vmap` (K, b, D)."""
    source, index = place
    row = source * self.tables.shape[1] + index
    shape = jax.ShapeDtypeStruct((*index.shape, self.tables.shape[-1]), jnp.float32)
    return jax.pure_callback(self._look_up, shape, row, vmap_method="broadcast_all")

  def _look_up(self, row: jax.Array) -> np.ndarray:
    return np.take(self._rows, np.asarray(row), axis=0)


jax.tree_util.register_pytree_node(
  HostTables, lambda tables: ((), tables), lambda tables, _: tables
)


def keep(tables: np.ndarray, memory: str) -> jax.Array | HostTables:
  """Tables where training will look for them.

  Args:
    tables: (S, N, D) float32.
    memory: device, host, or auto: the device's where they fit it.
  Raises:
    UserError: they stay with the host, where JAX was told to leave the CPU out.
  """
  # A CPU's devices give no limit: their memory is the host's.
  limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit", np.inf)
  if not stay_with_host(tables.nbytes, memory, limit):
    return jax.device_put(tables)
  if runtime.host_device() is None:
    raise errors.UserError(
      "the table of features stays in the host's memory, for which JAX needs the CPU "
      "beside the device: name both, such as JAX_PLATFORMS=cuda,cpu, or unset it"
    )
  return HostTables(tables)


def whole(tables: jax.Array | HostTables) -> jax.Array:
  """The tables as one array, of the device that has the memory for it."""
  if isinstance(tables, HostTables):
    return jax.device_put(tables.tables, runtime.host_device())
  return tables


def blocks(tables: jax.Array | HostTables) -> Iterator[jax.Array]:
  """The tables in pieces that fit the device: (S, n, D), their rows in order."""
  if not isinstance(tables, HostTables):
    yield tables
    return
  for start in range(0, tables.tables.shape[1], ROWS_AT_ONCE):
    yield jax.device_put(tables.tables[:, start : start + ROWS_AT_ONCE])


def stay_with_host(size: int, memory: str, limit: float) -> bool:
  """Whether tables of `size` bytes do, where a device has `limit` bytes of memory."""
  return memory == "host" or (memory == "auto" and _COPIES * size > limit)
