"""The networks of a run dealt out to the processes that train it, and put together.

In: what a process knows of its own networks. Out: the same of all K, in every process.
Networks do not depend on each other, so processes meet only between calls to the
devices. Where there is one process, all networks are its own and nothing is sent.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from emojax.train import trainer
from emojax.utils import cluster


class Turn(NamedTuple):
  """What all processes know after a call to their devices."""

  reports: trainer.Report  # (E, K)
  epochs: int  # of the next call, at most
  is_due: bool  # states should be saved
  is_stopping: bool  # a process was told to stop


def own(number: int) -> np.ndarray:
  """Which of K networks this process trains; as many, at least one, in each process.

  Where they do not come out even, the last network is trained several times: places
  of equal shape need no further word, and no process would end sooner without.
  """
  size = -(-number // jax.process_count())
  first = jax.process_index() * size
  return np.minimum(np.arange(first, first + size), number - 1)


def of_all(tree: Any, number: int) -> Any:
  """What processes know of their own networks, put together: leading K axis."""
  if jax.process_count() == 1:
    return tree
  return jax.tree.map(lambda x: x[:number], cluster.gather(tree))


def shapes(tree: Any, number: int) -> Any:
  """Shapes that the arrays of this process's networks have for all K of them."""
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct((number, *x.shape[1:]), x.dtype), tree
  )


def from_first(tree: Any, like: Any) -> Any:
  """What process 0 has of all K networks, for this process's own.

  Args:
    tree: process 0's; that of others is not asked for.
    like: as `shapes` gives it.
  """
  if jax.process_count() == 1:
    return tree
  if not cluster.is_first():
    tree = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), like)
  picked = own(jax.tree.leaves(like)[0].shape[0])
  return jax.tree.map(lambda x: jax.device_put(x[picked]), cluster.from_first(tree))


def together(own_turn: Turn, last: trainer.Report, number: int) -> Turn:
  """Puts together what processes know after a call.

  Args:
    own_turn: what this one knows; process 0 says whether states are due.
    last: its networks' newest errors, which stay where they have stopped.
    number: K.
  """
  if jax.process_count() == 1:
    return own_turn
  ran = len(own_turn.reports.stopped)
  # Always of one shape, because each shape is compiled.
  rest = trainer.MAX_EPOCHS_PER_CALL - ran
  reports = [
    np.concatenate([errors, np.repeat(newest[None], rest, axis=0)]).T
    for errors, newest in zip(own_turn.reports, last, strict=True)
  ]
  said = np.array([[ran, own_turn.epochs, own_turn.is_due, own_turn.is_stopping]])
  *reports, said = cluster.gather([*reports, said.astype(np.int32)])
  ran = said[:, 0].max()
  return Turn(
    trainer.Report(*(errors[:number].T[:ran] for errors in reports)),
    int(said[:, 1].min()),
    bool(said[0, 2]),
    bool(said[:, 3].any()),
  )
