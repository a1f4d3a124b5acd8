"""The networks of a run that still train; those that have stopped cost nothing.

In: the states of all K networks, and the program that trains any number of them. Out:
the states after some epochs. Networks are spread over the local devices. How many train
together is one of a few sizes, because the program is compiled for each: on
accelerators all that still train, on a CPU as many as keep its cores busy, group after
group; where most work is done on what the networks of a fold all see, those of a fold.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax.train import feature_tables, networks, trainer
from emojax.train import rows as rows_lib

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


def folds_together(
  nets: Sequence[networks.Network], work: int, mesh: jax.sharding.Mesh | None
) -> np.ndarray | None:
  """Which networks had better train together, because they see the same.

  Args:
    nets: the networks, K.
    work: products in an epoch on what all networks of a fold see, before any weight.
    mesh: as `mesh_of` gives it.
  Returns:
    (K,) a number for each source, seed and fold; None: any may train together. That is
    so on accelerators, which gain more from many networks at once.
  """
  if mesh or not _cores() or work < LEAST_WORK_OF_ONE:
    return None
  seen = [(net.source, net.seed, net.fold) for net in nets]
  distinct = list(dict.fromkeys(seen))
  return np.array([distinct.index(s) for s in seen]) if seen[len(distinct) :] else None


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
    folds: as `folds_together` gives it.
  """

  def __init__(
    self,
    run: Callable,
    mesh: jax.sharding.Mesh | None,
    states: trainer.State,
    keys: rows_lib.Keys,
    rows: rows_lib.Rows,
    tables: jax.Array | feature_tables.HostTables,
    ratings: jax.Array,
    folds: np.ndarray | None = None,
  ):
    shared = _on_devices(mesh, (tables, ratings))
    number = len(states.stopped)
    work = rows.train.shape[1] * _weights_of(states)
    dealt = np.zeros(number, int) if folds is None else folds
    self._members = [np.flatnonzero(dealt == fold) for fold in np.unique(dealt)]
    self._pools = []
    for members in self._members:
      if folds is None:
        sizes = _sizes(number, mesh.size if mesh else 1, work, _cores())
      else:
        sizes = _sizes_of_fold(len(members))
      picked = (states, keys, rows)
      if not _is_in_order(members, number):
        picked = _take(picked, members)
      self._pools.append(_Pool(run, mesh, sizes, *picked, shared))

  @property
  def states(self) -> trainer.State:
    """The states of all K networks, on one device; of use until `train` is called."""
    if len(self._pools) == 1:
      return self._pools[0].states
    order = np.argsort(np.concatenate(self._members))
    return _joined([pool.states for pool in self._pools], order)

  @property
  def last(self) -> trainer.Report:
    """The newest errors of all K networks, (K,)."""
    return self._put_together([pool.last for pool in self._pools])

  def train(self, first: int, count: int) -> trainer.Report:
    """Trains epochs `first` .. `first + count - 1`, fewer where all networks stop.

    Returns:
      The errors of each epoch, (E, K); E is 0 where every network has stopped.
    """
    reports = [pool.train(first, count) for pool in self._pools]
    longest = max(len(report.stopped) for report in reports)
    return self._put_together(
      [
        _lengthened(report, pool.last, longest)
        for pool, report in zip(self._pools, reports, strict=True)
      ]
    )

  def _put_together(self, reports: Sequence[trainer.Report]) -> trainer.Report:
    """Reports of pools, the networks' axis last, as one of all K."""
    order = np.argsort(np.concatenate(self._members))
    joined = (np.concatenate(errors, axis=-1) for errors in zip(*reports, strict=True))
    return trainer.Report(*(errors[..., order] for errors in joined))


class _Pool:
  """Networks that are dealt into groups among themselves; a group trains together.

  Args:
    run, mesh: as of `ActiveNetworks`.
    sizes: how many may train together, the most first.
    states, keys, rows: with a leading axis, an entry for each network.
    shared: tables and ratings, on every device.
  """

  _order: np.ndarray  # (K,) the networks, those that train first
  _groups: list[np.ndarray]  # of them, (P,) each, that train together
  _states: list[trainer.State]  # a group's, (P,) each
  _its: list[Sequence[Any]]  # a group's keys and rows
  _last: trainer.Report  # of all its networks

  def __init__(
    self,
    run: Callable,
    mesh: jax.sharding.Mesh | None,
    sizes: list[int],
    states: trainer.State,
    keys: rows_lib.Keys,
    rows: rows_lib.Rows,
    shared: tuple[Any, jax.Array],
  ):
    self._run = run
    self._mesh = mesh
    self._sizes = sizes
    self._of_network = (keys, rows)
    self._shared = shared
    self._settle(states)

  @property
  def states(self) -> trainer.State:
    """As of `ActiveNetworks`."""
    parts = self._states
    if self._mesh:
      parts = jax.device_put(parts, self._mesh.devices[0])
    if len(parts) == 1 and _is_in_order(self._order, len(parts[0].stopped)):
      return parts[0]
    return _joined(parts, np.argsort(self._order))

  @property
  def last(self) -> trainer.Report:
    """As of `ActiveNetworks`."""
    return self._last

  def train(self, first: int, count: int) -> trainer.Report:
    """As of `ActiveNetworks`; groups are dealt again between epochs."""
    reports, done = [trainer.Report(*(x[None][:0] for x in self._last))], 0
    while done < count and not self._last.stopped.all():
      reports.append(self._train_groups(first + done, count - done))
      done += len(reports[-1].stopped)
    return trainer.Report(*map(np.concatenate, zip(*reports, strict=True)))

  def _train_groups(self, first: int, count: int) -> trainer.Report:
    """Trains until groups should be dealt again, which is then done."""
    size = len(self._states[0].stopped)
    leave = max((fewer for fewer in self._sizes if fewer < size), default=0)
    span = (np.int32(first), np.int32(count), np.int32(leave))
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
    longest = max(ran for _, ran, _ in reports)
    report = trainer.Report(*(np.repeat(x[None], longest, 0) for x in self._last))
    for group, _, new in reports:
      for errors, of_group in zip(report, new, strict=True):
        errors[:, group] = of_group[:longest, : len(group)]
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
      its_states, *its = _on_devices(self._mesh, picked, "networks")
      if surplus:
        is_surplus = np.arange(size) >= len(group)
        its_states = its_states._replace(stopped=its_states.stopped | is_surplus)
      self._groups.append(group)
      self._states.append(its_states)
      self._its.append(its)


def _lengthened(
  report: trainer.Report, last: trainer.Report, epochs: int
) -> trainer.Report:
  """Errors of so many epochs, (E, K): where all had stopped earlier, the last stay."""
  kept = np.minimum(np.arange(epochs), len(report.stopped))
  pairs = zip(report, last, strict=True)
  return trainer.Report(*(np.concatenate([e, x[None]])[kept] for e, x in pairs))


def _on_devices(mesh: jax.sharding.Mesh | None, tree: Any, *axis: str) -> Any:
  """Arrays on every device, or each with its part of the networks."""
  if not mesh:
    return tree
  spec = jax.sharding.PartitionSpec(*axis)
  return jax.device_put(tree, jax.sharding.NamedSharding(mesh, spec))


def _weights_of(states: trainer.State) -> int:
  """How many numbers all networks multiply a row with."""
  return sum(x.size for x in jax.tree.leaves((states.params, states.directions)))


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


def _sizes_of_fold(number: int) -> list[int]:
  """How many of a fold's networks may train together on a CPU, the most first.

  Args:
    number: of the fold's networks.
  """
  sizes = [max(number, _FEWEST_TOGETHER)]
  if number >= 2 * _FEWEST_TOGETHER:
    sizes.append(-(-number // 2))  # a third size would not pay for being compiled
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
