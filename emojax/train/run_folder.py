"""A run folder on disk: what lies where, who may train there, and whether it is whole.

In: a path, and settings as plain JSON. Out: a folder that a run may begin or go on in.
Training states and networks in it are written by `checkpoint`.
"""

import contextlib
import dataclasses
import json
import pathlib
import shlex
import shutil
from collections.abc import Iterator
from typing import Any

from emojax.features import descriptions
from emojax.utils import checksums, files, locks, records, signals

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
