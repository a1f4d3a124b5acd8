"""The networks of a run that still train; those that have stopped cost nothing.

In: the states of all K networks, and the program that trains any number of them. Out:
the states after some epochs. Networks are spread over the local devices. How many train
together is one of a few sizes, because the program is compiled for each: on
accelerators all that still train, on a CPU as many as keep its cores busy, group after
group.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax.train import trainer

# Products (rows x weights x networks) in an epoch from which on setting networks aside
# is worth compiling again: a third of a second on two cores.
LEAST_WORK = 10**10
# Products of one network in an epoch from which on a CPU gains nothing from more
# networks together than it has cores: 2 ms on two of them (BUILD_NOTES.md).
LEAST_WORK_OF_ONE = 10**8
# A program of a single network is rounded otherwise, and is slower, than of several.
_FEWEST_TOGETHER = 2


def mesh_of(number: int) -> jax.sharding.Mesh | None:
  """The local devices that some networks are spread over; None where it is but one."""
  devices = jax.local_devices()[:number]
  return jax.sharding.Mesh(np.array(devices), "networks") if devices[1:] else None


class ActiveNetworks:
  """Trains those of some networks that have not stopped.

  A run that was killed and goes on does the same arithmetic: that of a network depends
  on how many train together, not on which, and how many follows from the states alone,
  not from when it is asked.

  Args:
    run: of `trainer.make_program`, which had the same mesh.
    mesh: as `mesh_of` gives it.
    states: of all K networks; not to be used afterwards.
    keys, rows: with a leading K axis.
    tables, ratings: what all networks share.
  """

  _order: np.ndarray  # (K,) the networks, those that train first
  _groups: list[np.ndarray]  # of them, (P,) each, that train together
  _states: list[trainer.State]  # a group's, (P,) each
  _its: list[Sequence[Any]]  # a group's keys and rows
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
    weights = jax.tree.leaves((states.params, states.directions))
    work = rows.train.shape[1] * sum(x.size for x in weights)
    self._sizes = _sizes(len(keys), mesh.size if mesh else 1, work, _cores())
    self._settle(states)

  @property
  def states(self) -> trainer.State:
    """The states of all K networks, on one device; of use until `train` is called."""
    parts = self._states
    if self._mesh:
      parts = jax.device_put(parts, self._mesh.devices[0])
    if len(parts) == 1 and _is_in_order(self._order, len(parts[0].stopped)):
      return parts[0]
    return _joined(parts, np.argsort(self._order))

  @property
  def last(self) -> trainer.Report:
    """The newest errors of all K networks, (K,)."""
    return self._last

  def train(self, first: int, count: int) -> trainer.Report:
    """Trains epochs `first` .. `first + count - 1`, fewer where networks stop.

    Returns:
      The errors of each epoch, (E, K); E is 0 where every network has stopped.
    """
    size = len(self._states[0].stopped)
    leave = max((fewer for fewer in self._sizes if fewer < size), default=0)
    span = (jnp.int32(first), jnp.int32(count), jnp.int32(leave))
    reports = []
    for i, group in enumerate(self._groups):
      if self._last.stopped[group].all():
        continue
      self._states[i], new, ran = self._run(
        self._states[i], *self._its[i], *self._shared, *span
      )
      # Where it ended early, its last errors stay.
      epochs = np.minimum(np.arange(count), int(ran) - 1)
      reports.append((group, int(ran), [np.asarray(x)[epochs] for x in new]))
    longest = max((ran for _, ran, _ in reports), default=0)
    report = trainer.Report(*(np.repeat(x[None], longest, 0) for x in self._last))
    for group, _, new in reports:
      for errors, of_group in zip(report, new, strict=True):
        errors[:, group] = of_group[:longest, : len(group)]
    if longest:
      self._last = trainer.Report(*(errors[-1] for errors in report))
      going = int(np.sum(~self._last.stopped))
      if 0 < self._places(going) < len(reports) * size:
        self._settle(self.states)
    return report

  def _size(self, going: int) -> int:
    """How many train together where `going` networks have not stopped."""
    return min((s for s in self._sizes if s >= going), default=self._sizes[0])

  def _places(self, going: int) -> int:
    return -(-going // self._size(going)) * self._size(going)

  def _settle(self, states: trainer.State) -> None:
    """Deals networks into groups; those that have stopped come last.

    Where there are more places than networks, the first one is there once more,
    stopped.
    """
    last = trainer.Report(states.train_error, states.stop_error, states.stopped)
    self._last = trainer.Report(*map(np.asarray, last))
    size = self._size(int(np.sum(~self._last.stopped)))
    self._order = np.argsort(self._last.stopped, stable=True)
    self._groups, self._states, self._its = [], [], []
    for start in range(0, len(self._order), size):
      group = self._order[start : start + size]
      picked = (states, *self._of_network)
      surplus = size - len(group)
      if not _is_in_order(group, len(self._order)) or surplus:
        picked = _take(picked, np.append(group, np.zeros(surplus, group.dtype)))
      its_states, *its = self._on_devices(picked, "networks")
      if surplus:
        is_surplus = np.arange(size) >= len(group)
        its_states = its_states._replace(stopped=its_states.stopped | is_surplus)
      self._groups.append(group)
      self._states.append(its_states)
      self._its.append(its)

  def _on_devices(self, tree: Any, *axis: str) -> Any:
    """Arrays on every device, or each with its part of the networks."""
    if not self._mesh:
      return tree
    spec = jax.sharding.PartitionSpec(*axis)
    return jax.device_put(tree, jax.sharding.NamedSharding(self._mesh, spec))


def _cores() -> int:
  """Of the CPU, where networks train on it; 0 where they train on accelerators."""
  return (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 0


def _sizes(number: int, devices: int, work: int, cores: int) -> list[int]:
  """How many networks may train together, the most first: multiples of the devices.

  Args:
    number: of networks.
    devices: that they are spread over.
    work: products in an epoch of all of them.
    cores: of a CPU; 0: they train on accelerators.
  """
  each = -(-number // devices)
  if cores and work >= LEAST_WORK_OF_ONE * number:
    return [min(each, max(_FEWEST_TOGETHER, -(-cores // devices))) * devices]
  sizes = [each * devices]
  while work >= LEAST_WORK and sizes[-1] > devices:
    sizes.append(-(-sizes[-1] // (2 * devices)) * devices)
  return sizes


def _is_in_order(networks: np.ndarray, number: int) -> bool:
  """Whether these are all networks in their order, so that none need be moved."""
  return np.array_equal(networks, np.arange(number))


@jax.jit
def _take(tree, picked):
  return jax.tree.map(lambda x: x[picked], tree)


@jax.jit
def _joined(parts, places):
  """Groups put together again, then what stands in some places of that."""
  return jax.tree.map(lambda *x: jnp.concatenate(x)[places], *parts)
