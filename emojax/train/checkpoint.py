"""Training states and trained networks in a run folder.

In: pytrees. Out: the same again, on any kind or number of devices. Orbax writes the
trees and makes each write whole or absent.
"""

import contextlib
import logging
import pathlib
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from emojax.train import stored_arrays
from emojax.train.run_folder import RunError, RunFolder
from emojax.utils import checksums, signals

# Orbax announces every file it touches; its warnings still come through.
logging.getLogger("absl").setLevel(logging.WARNING)

_STATE, _DIGEST = "default", "digest"  # of a saved state; Orbax's name for the first
_ADVICE = "Free some space, then repeat the command with this --workdir and --resume"


class StateStore:
  """Training states of a run, the newest of which a killed run goes on from.

  Each carries a digest, because Orbax reads changed numbers without a word.

  Raises:
    RunError: what is there cannot be read; every method raises it.
  """

  def __init__(self, folder: RunFolder):
    import orbax.checkpoint as ocp  # here and not at the head: see `stored_arrays`

    # Not in the background: a state whose late write failed would still be listed.
    options = ocp.CheckpointManagerOptions(
      max_to_keep=1,
      create=False,  # Orbax would not where there are several processes
      enable_async_checkpointing=False,
      multiprocessing_options=_first_only(),
    )
    self._folder = folder
    self._orbax = ocp
    with _reading(folder.states, _START_AGAIN.format(folder.states)):
      folder.states.mkdir(parents=True, exist_ok=True)
      self._manager = ocp.CheckpointManager(
        folder.states, options=options, item_names=(_STATE, _DIGEST)
      )

  def save(self, epoch: int, state: Any) -> None:
    """Keeps the state after an epoch; older ones go once it is safe."""
    with _writing(self._folder, state):
      parts = {
        _STATE: self._orbax.args.StandardSave(state),
        _DIGEST: self._orbax.args.JsonSave({"sha256": stored_arrays.digest(state)}),
      }
      self._manager.save(epoch, args=self._orbax.args.Composite(**parts))

  def newest(self) -> int | None:
    """The last epoch whose state was written whole."""
    with _reading(self._folder.states, _START_AGAIN.format(self._folder.states)):
      return self._manager.latest_step()

  def restore(self, epoch: int, like: Any) -> Any:
    """A saved state on this machine's first device.

    Args:
      epoch: as `newest` gave it.
      like: a pytree of the same shapes.
    """
    path, target = self._folder.states / str(epoch), stored_arrays.target(like)
    with _reading(path, _START_AGAIN.format(self._folder.states)):
      with self._orbax.StandardCheckpointer(
        multiprocessing_options=_first_only()
      ) as checkpointer:
        stored_arrays.check(checkpointer, path / _STATE, target)
      parts: dict[str, Any] = {_STATE: self._orbax.args.StandardRestore(target)}
      if (path / _DIGEST).exists():  # emojax 0.1 kept none
        parts[_DIGEST] = self._orbax.args.JsonRestore()
      stored = self._manager.restore(epoch, args=self._orbax.args.Composite(**parts))
      state = stored[_STATE]
      if _DIGEST in parts and stored[_DIGEST] != {
        "sha256": stored_arrays.digest(state)
      }:
        raise ValueError("its numbers are not those that were written")
      return state

  def close(self) -> None:
    self._manager.close()


def _first_only() -> Any:
  """Has Orbax not wait for processes that keep nothing: process 0 writes by itself."""
  import orbax.checkpoint as ocp

  if jax.process_count() == 1:
    return ocp.options.MultiprocessingOptions()
  return ocp.options.MultiprocessingOptions(
    active_processes={0}, barrier_sync_key_prefix="emojax"
  )


def save_model(folder: RunFolder, params: Any, scaling: Any) -> None:
  """Keeps the trained networks and their input scaling, both with a leading K axis."""
  import orbax.checkpoint as ocp

  tree = {"params": params, "scaling": _fields(scaling)}
  checkpointer = ocp.StandardCheckpointer(multiprocessing_options=_first_only())
  with _writing(folder, tree), checkpointer:
    checkpointer.save(folder.model, tree, force=True)


def load_model(folder: RunFolder, params_like: Any, scaling_like: Any) -> Any:
  """The trained networks of a run, on this machine's first device.

  Args:
    folder: a finished run, whose `SHA256SUMS`, if any, were checked.
    params_like, scaling_like: pytrees of the shapes they were saved with; the scaling a
      named tuple.
  Returns:
    `(params, scaling)`.
  Raises:
    RunError: the run has no trained networks yet, or of other shapes.
  """
  import orbax.checkpoint as ocp

  if not folder.model.is_dir():
    raise RunError(
      f"{folder.path} has no trained networks yet: finish it with python -m "
      "emojax.train --resume and the settings it was started with"
    )
  target = stored_arrays.target(
    {"params": params_like, "scaling": _fields(scaling_like)}
  )
  advice = "copy the run again from where it was made, or train again"
  with _reading(folder.model, advice), ocp.StandardCheckpointer() as checkpointer:
    is_whole = (folder.path / checksums.FILE_NAME).exists()  # the caller checked it
    stored_arrays.check(checkpointer, folder.model, target, is_whole)
    tree = checkpointer.restore(folder.model, target)
  return tree["params"], type(scaling_like)(**tree["scaling"])


_START_AGAIN = (
  "copy the run again from where it was made, or delete {} and repeat the command with "
  "--resume: training then starts from the beginning"
)


@contextlib.contextmanager
def _reading(path: pathlib.Path, advice: str) -> Iterator[None]:
  """Says in one line that something stored is damaged, and what to do."""
  with _quiet_orbax():
    try:
      yield
    # What a cut or altered checkpoint makes Orbax and TensorStore raise is not
    # documented.
    except Exception as error:
      reason = " ".join(str(error).split())[:200] or type(error).__name__
      raise RunError(f"{path} is damaged ({reason}): {advice}") from error


@contextlib.contextmanager
def _quiet_orbax() -> Iterator[None]:
  """Orbax also logs the traceback of what it raises, and leaves reads hanging."""
  log = logging.getLogger("absl")
  level = log.level
  log.setLevel(logging.CRITICAL)
  try:
    with warnings.catch_warnings():
      warnings.filterwarnings("ignore", ".* was never awaited", RuntimeWarning)
      yield
  finally:
    log.setLevel(level)


def check_space(folder: RunFolder, tree: Any, times: int = 1) -> None:
  """Refuses to go on where a tree, or several of its size, do not fit on the disk.

  Raises:
    RunError: says what is needed and what is free.
  """
  size = sum(int(np.prod(x.shape)) * x.dtype.itemsize for x in jax.tree.leaves(tree))
  needed, free = times * size, shutil.disk_usage(folder.path).free
  if needed > free:
    raise RunError(
      f"{folder.path / 'checkpoints'} cannot be written: {needed / 1e6:,.3f} MB are "
      f"needed and {free / 1e6:,.3f} MB free. {_ADVICE}"
    )


@contextlib.contextmanager
def _writing(folder: RunFolder, tree: Any) -> Iterator[None]:
  """Says in one line that the disk is full or read-only.

  Asked beforehand, because Orbax on a full disk raises errors of many kinds and prints
  others from its threads; what it raises all the same is told in one line too.
  """
  check_space(folder, tree)
  try:
    with _quiet_orbax(), signals.whole():
      yield
  except (OSError, ValueError) as error:
    reason = "no space left" if "No space left" in str(error) else str(error)[:200]
    raise RunError(
      f"{folder.path / 'checkpoints'} cannot be written: {reason}. {_ADVICE}"
    ) from error


def _fields(named_tuple: Any) -> dict[str, Any]:
  return dict(named_tuple._asdict())
