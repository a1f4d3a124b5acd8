"""A run folder on disk: its settings, its training state, its trained networks.

In: settings as plain JSON, and pytrees. Out: the same again, on any kind or number of
devices. Orbax writes the trees and makes each write whole or absent.
"""

import contextlib
import dataclasses
import json
import logging
import pathlib
import shlex
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from emojax.features import descriptions
from emojax.train import stored_arrays
from emojax.utils import checksums, files, locks, records, signals

# Orbax announces every file it touches; its warnings still come through.
logging.getLogger("absl").setLevel(logging.WARNING)

_STATE, _DIGEST = "default", "digest"  # of a saved state; Orbax's name for the first
_ADVICE = "Free some space, then repeat the command with this --workdir and --resume"
_IDENTITY = "identity"  # the part of config.json that a resumed run must share
# Settings that runs of older versions lack, with the value that these had in effect.
_OLDER_SETTINGS = {"principal_directions": 0}


class RunError(ValueError):
  """A run folder cannot be used; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
  """Where the files of one run stand."""

  path: pathlib.Path

  @property
  def config(self) -> pathlib.Path:
    return self.path / "config.json"

  @property
  def metrics(self) -> pathlib.Path:
    return self.path / "metrics.jsonl"

  @property
  def events(self) -> pathlib.Path:
    return self.path / "events"

  @property
  def predictions(self) -> pathlib.Path:
    return self.path / "predictions.csv"

  @property
  def results(self) -> pathlib.Path:
    return self.path / "results.json"

  @property
  def table(self) -> pathlib.Path:
    return self.path / "table.md"

  @property
  def states(self) -> pathlib.Path:
    return self.path / "checkpoints" / "state"

  @property
  def model(self) -> pathlib.Path:
    return self.path / "checkpoints" / "model"

  @property
  def familiarity(self) -> pathlib.Path:
    return self.path / "familiarity.safetensors"

  @property
  def calibration(self) -> pathlib.Path:
    return self.path / "calibration.safetensors"

  @property
  def is_finished(self) -> bool:
    """Whether the run ended and its results, written last, are there and whole."""
    try:
      return isinstance(files.read_json(self.results), dict)
    except (OSError, ValueError):
      return False


def begin(program: str, workdir: str, resume: bool) -> None:
  """What can be said of a run folder before any work.

  Args:
    program: what runs, as a signal's line names it.
    workdir: the folder, as `--workdir` would name it.
    resume: whether the command already says `--resume`.
  Raises:
    RunError: `open_run` would refuse the folder, or it cannot be written and holds no
      finished run.
  """
  more = "" if resume else f" with --workdir={shlex.quote(workdir)} --resume"
  signals.tell(program, f"stopped; the same command{more} goes on")
  folder = RunFolder(pathlib.Path(workdir).expanduser().absolute())
  check_workdir(folder.path, resume)
  if not folder.is_finished:
    try:
      files.check_writable(folder.config)
    except OSError as error:
      raise _unusable(folder, error) from error


def open_run(workdir: pathlib.Path, config: dict[str, Any], resume: bool) -> RunFolder:
  """Makes a run folder, or opens the one that is there.

  Args:
    workdir: the folder.
    config: JSON-able settings; `config["identity"]` holds all that decides the result.
    resume: whether an earlier run in this folder may be continued.
  Returns:
    The folder, with `config.json` in it.
  Raises:
    RunError: the folder holds a run and `resume` is false; it holds a run of other
      settings; it holds other files; it cannot be written.
  """
  folder = RunFolder(pathlib.Path(workdir).expanduser().absolute())
  try:
    check_workdir(folder.path, resume)
    folder.path.mkdir(parents=True, exist_ok=True)
    if not folder.config.exists():
      files.write(folder.config, files.json_text(config))
      return folder
  except OSError as error:
    raise _unusable(folder, error) from error
  there = read_config(folder)
  changes = _differences(there.get(_IDENTITY, {}), _plain(config[_IDENTITY]))
  if changes:
    raise RunError(
      f"{folder.path} holds a run of another configuration, so it cannot be resumed "
      f"with this one. Different: {'; '.join(changes)}. Repeat the earlier settings "
      "or choose another --workdir"
    )
  return folder


def check_workdir(workdir: pathlib.Path, resume: bool) -> None:
  """RunError where `open_run` would refuse a folder, whatever the run; makes none."""
  folder = RunFolder(pathlib.Path(workdir).expanduser().absolute())
  if folder.config.exists():
    if not resume:
      raise RunError(
        f"{folder.path} already holds a run: add --resume to continue or show it, or "
        "choose another --workdir"
      )
  elif locks.holds_files(folder.path):
    raise RunError(
      f"{folder.path} holds files that are no emojax run: choose another --workdir"
    )
  above = next(path for path in (folder.path, *folder.path.parents) if path.exists())
  if not above.is_dir():
    raise RunError(
      f"the run folder {folder.path} cannot be used: {above} is no folder; choose "
      "another --workdir"
    )


def _unusable(folder: RunFolder, error: OSError) -> RunError:
  return RunError(
    f"the run folder {folder.path} cannot be used: {error.strerror or error}. Free "
    "some space or choose another --workdir"
  )


def read_config(folder: RunFolder) -> dict[str, Any]:
  """The settings a run was started with, its features described as they are today.

  Raises:
    RunError: `config.json` is missing, or damaged.
  """
  try:
    config = files.read_json(folder.config)
    records.check(config, {f"{_IDENTITY}?": {}})
    identity = config.get(_IDENTITY, {})
    if "features" in identity:
      identity["features"] = descriptions.current(identity["features"])
    return config
  except FileNotFoundError:
    raise RunError(
      f"{folder.path} is no run folder: it has no config.json. Expected a folder that "
      "python -m emojax.train wrote"
    ) from None
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise RunError(
      f"{folder.config} is damaged and cannot be read ({error}): copy the run again "
      "from where it was made, or train again in another --workdir"
    ) from error


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


def drop_states(folder: RunFolder) -> None:
  """Removes the training states of a finished run: three times its networks' size.

  Also what a kill left of networks that were being written.
  """
  leftovers = folder.model.parent.glob(f"{folder.model.name}.*-tmp-*")
  for path in (folder.states, *leftovers):
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def one_run(workdir: pathlib.Path) -> Iterator[None]:
  """Holds the right to train in a folder; a finished run may lie where none can write.

  Raises:
    RunError: another process trains there, or the folder cannot be made.
  """
  folder = RunFolder(pathlib.Path(workdir).expanduser().absolute())
  with contextlib.ExitStack() as stack:
    try:
      stack.enter_context(locks.one_writer(folder.path, "--workdir", wait=False))
    except OSError as error:
      if not folder.is_finished:
        raise _unusable(folder, error) from error
    yield


def seal(folder: RunFolder, report: str) -> None:
  """Keeps digests of what a run wrote, see `checksums`, before its results are.

  Args:
    folder: the run's.
    report: the text that will be its `results.json`.
  """
  written = (
    *(folder.config, folder.metrics, folder.predictions, folder.table),
    *(folder.model, folder.familiarity, folder.calibration),
  )
  later = {folder.results.name: report}
  content = checksums.text(folder.path, written, later)
  files.write(folder.path / checksums.FILE_NAME, content)


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


def _plain(value: Any) -> Any:
  """A value as it comes back from JSON: tuples become lists."""
  return json.loads(files.json_line(value))


def _differences(there: Any, here: Any, name: str = "") -> list[str]:
  """What differs between two nested settings, one phrase each."""
  if isinstance(there, dict) and isinstance(here, dict):
    phrases = []
    for key in sorted(there.keys() | here.keys()):
      inner = f"{name}.{key}" if name else key
      old, new = (side.get(key, _OLDER_SETTINGS.get(key)) for side in (there, here))
      phrases += _differences(old, new, inner)
    return phrases
  if there == here:
    return []
  return [f"{name} is {_short(there)} there and {_short(here)} here"]


def _short(value: Any) -> str:
  text = files.json_line(value).rstrip()
  return text if len(text) <= 60 else text[:57] + "..."
