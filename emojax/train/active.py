"""The networks of a run that still train; those that have stopped cost nothing.

In: the states of all K networks, and the program that trains any number of them. Out:
the states after some epochs. Networks are spread over the local devices. How many train
together is one of a few sizes, because the program is compiled for each.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax.train import trainer

# Products (rows x parameters x networks) in an epoch from which on setting networks
# aside is worth compiling again: a third of a second on two cores.
LEAST_WORK = 10**10


def mesh_of(number: int) -> jax.sharding.Mesh | None:
  """The local devices that some networks are spread over; None where it is but one."""
  devices = jax.local_devices()[:number]
  return jax.sharding.Mesh(np.array(devices), "networks") if devices[1:] else None


class ActiveNetworks:
  """Trains those of some networks that have not stopped.

  Which train together follows from the states alone, not from when it is asked: a run
  that was killed and goes on does the same arithmetic.

  Args:
    run: of `trainer.make_program`, which had the same mesh.
    mesh: as `mesh_of` gives it.
    states: of all K networks; not to be used afterwards.
    keys, rows: with a leading K axis.
    tables, ratings: what all networks share.
  """

  _picked: np.ndarray  # (P,) the networks that train together
  _is_own: np.ndarray  # (P,) bool; others fill places on devices and count for nothing
  _states: trainer.State  # theirs
  _its: Sequence[Any]  # their keys and rows
  _aside: trainer.State | None  # of all K, true of those that do not train
  _last: trainer.Report  # of all K

  def __init__(
    self,
    run: Callable,
    mesh: jax.sharding.Mesh | None,
    states: trainer.State,
    keys: jax.Array,
    rows: trainer.Rows,
    tables: jax.Array,
    ratings: jax.Array,
  ):
    self._run = run
    self._mesh = mesh
    self._shared = self._on_devices((tables, ratings))
    self._of_network = (keys, rows)
    work = rows.train.shape[1] * sum(x.size for x in jax.tree.leaves(states.params))
    self._sizes = _sizes(len(keys), mesh.size if mesh else 1, work >= LEAST_WORK)
    self._settle(states)

  @property
  def states(self) -> trainer.State:
    """The states of all K networks, on one device; of use until `train` is called."""
    number = int(np.sum(self._is_own))
    own = _first(self._states, number) if number < len(self._is_own) else self._states
    if self._mesh:
      own = jax.device_put(own, self._mesh.devices[0])
    if self._aside is None:
      return own
    self._aside = _scatter(self._aside, own, self._picked[self._is_own])
    return self._aside

  @property
  def last(self) -> trainer.Report:
    """The newest errors of all K networks, (K,)."""
    return self._last

  def train(self, first: int, count: int) -> trainer.Report:
    """Trains epochs `first` .. `first + count - 1`, fewer where networks stop.

    Returns:
      The errors of each epoch, (E, K); E is 0 where every network has stopped.
    """
    leave = max((size for size in self._sizes if size < len(self._picked)), default=0)
    span = (jnp.int32(first), jnp.int32(count), jnp.int32(leave))
    self._states, reports, ran = self._run(
      self._states, *self._its, *self._shared, *span
    )
    of_all = []
    for last, new in zip(self._last, reports, strict=True):
      errors = np.repeat(last[None], int(ran), axis=0)
      errors[:, self._picked[self._is_own]] = np.asarray(new)[: int(ran), self._is_own]
      of_all.append(errors)
    report = trainer.Report(*of_all)
    if int(ran):
      self._last = trainer.Report(*(errors[-1] for errors in report))
      if np.sum(~report.stopped[-1]) <= leave:
        self._settle(self.states)
    return report

  def _settle(self, states: trainer.State) -> None:
    """Chooses which networks train on together.

    Stopped ones fill up to the size; where there are more places than networks, the
    first one is there once more, stopped.
    """
    last = trainer.Report(states.train_error, states.stop_error, states.stopped)
    self._last = trainer.Report(*map(np.asarray, last))
    stopped = self._last.stopped
    size = min(size for size in self._sizes if size >= np.sum(~stopped))
    order = np.sort(np.argsort(stopped, stable=True)[:size])
    surplus = size - len(order)
    self._picked = np.append(order, np.zeros(surplus, order.dtype))
    self._is_own = np.arange(size) < len(order)
    is_all = len(order) == len(stopped)
    self._aside = None if is_all else states
    picked = (states, *self._of_network)
    if surplus or not is_all:
      picked = _take(picked, self._picked)
    states, *self._its = self._on_devices(picked, "networks")
    if surplus:
      states = states._replace(stopped=states.stopped | ~self._is_own)
    self._states = states

  def _on_devices(self, tree: Any, *axis: str) -> Any:
    """Arrays on every device, or each with its part of the networks."""
    if not self._mesh:
      return tree
    spec = jax.sharding.PartitionSpec(*axis)
    return jax.device_put(tree, jax.sharding.NamedSharding(self._mesh, spec))


def _sizes(number: int, devices: int, is_worth_it: bool) -> list[int]:
  """How many networks may train together, the most first: multiples of the devices."""
  sizes = [-(-number // devices) * devices]
  while is_worth_it and sizes[-1] > devices:
    sizes.append(-(-sizes[-1] // (2 * devices)) * devices)
  return sizes


@jax.jit
def _take(tree, picked):
  return jax.tree.map(lambda x: x[picked], tree)


@functools.partial(jax.jit, static_argnums=1)
def _first(tree, number):
  return jax.tree.map(lambda x: x[:number], tree)


@functools.partial(jax.jit, donate_argnums=0)
def _scatter(whole, part, picked):
  return jax.tree.map(lambda x, new: x.at[picked].set(new), whole, part)
