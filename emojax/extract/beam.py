"""The same extraction as an Apache Beam pipeline, for whatever runs those.

In: a runner, its options, and parts of the pictures. Out: the parts, kept beside the
output by the processes that computed them, because a pipeline hands nothing back. So
each of them sees pictures and output under the names that the program gives them.
"""

import functools
import hashlib
import importlib.util
import os
import pathlib
import pickle
import platform
import threading
from collections.abc import Generator
from typing import Any

from emojax.config import ExtractConfig
from emojax.extract import extractor, parts, stream, worker
from emojax.utils import checksums, errors, files

_ONE_AT_A_TIME = threading.Lock()  # runners call from several threads of a process
_INPUTS, _MISTAKE = "inputs", "mistake"  # endings of files beside the parts


class Pipeline(stream.Engine):
  """Computes as a Beam pipeline; a part is one element.

  Args:
    runner: Beam's, or its name; None: what the options say, or Beam's own choice.
    options: Beam's `PipelineOptions`; None: the usual ones.
  Raises:
    UserError: Beam is not installed.
  """

  def __init__(self, runner: Any = None, options: Any = None):
    if importlib.util.find_spec("apache_beam") is None:
      raise errors.UserError('a Beam runner needs Beam: pip install "emojax[beam]"')
    self._runner = runner
    self._options = options

  def compute(
    self, extraction: extractor.Extractor, work: stream.Work
  ) -> Generator[stream.Computed, None, None]:
    """Every part; what caches had is not counted.

    Raises:
      UserError: what one of the processes says, and its machine.
    """
    import apache_beam as beam

    del extraction  # each process has its own
    if not work.parts:
      return
    assert work.kept is not None
    folder = work.kept.folder.absolute()
    with files.explained(folder):
      folder.mkdir(exist_ok=True)
    for mistake in folder.glob(f"*.{_MISTAKE}"):
      mistake.unlink()
    elements = []
    for part, inputs in work.parts.items():
      # In files, because runners limit the size of what a pipeline is described with.
      content = pickle.dumps(inputs)
      files.write(_beside(folder, part, _INPUTS), content)
      digest = hashlib.sha256(content).hexdigest()
      elements.append((part, work.made_of[part], digest))
    compute = functools.partial(
      _compute,
      settings=work.settings,
      of=work.of.serialize().to_pybytes(),
      number=work.number,
      program_folder=os.getcwd(),
      kept=work.kept,
      folder=folder,
    )
    try:
      with beam.Pipeline(runner=self._runner, options=self._options) as pipeline:
        _ = (
          pipeline
          | "Parts" >> beam.Create(elements)
          | "Spread" >> beam.Reshuffle()
          | "Extract" >> beam.Map(compute)
        )
    finally:
      _worker.cache_clear()  # of a runner that computes in this process
    for mistake in sorted(folder.glob(f"*.{_MISTAKE}")):
      raise errors.UserError(files.read_text(mistake))
    for part in work.parts:
      yield stream.Computed(part, None, 0)


def _compute(
  element: tuple[int, str, str],
  settings: ExtractConfig,
  of: bytes,
  number: int,
  program_folder: str,
  kept: parts.Parts,
  folder: pathlib.Path,
) -> None:
  """Computes a part where Beam sends it, and keeps it.

  A user's mistake is left beside the parts as a text: Beam would try again, and wrap it
  into its own reports.

  Args:
    element: the part's number, what it is made of, and the digest of its inputs.
    settings, of, number: see `worker.Worker`.
    program_folder: where the program was started.
    kept: where the part goes.
    folder: the same place, absolute.
  """
  part, made_of, digest = element
  with _ONE_AT_A_TIME:
    try:
      worker.enter(program_folder)
      inputs = _beside(folder, part, _INPUTS).read_bytes()
      if hashlib.sha256(inputs).hexdigest() != digest:
        raise checksums.DamageError(f"{folder} was altered: start again")
      rows, _ = _worker(settings, of, number).compute(part, inputs)
      kept.keep(part, rows, made_of)
    except (ValueError, OSError) as error:
      text = f"on {platform.node()}: {errors.told(error)}"
      files.write(_beside(folder, part, _MISTAKE), text)


@functools.lru_cache(maxsize=1)
def _worker(settings: ExtractConfig, of: bytes, number: int) -> worker.Worker:
  """A process's own, for all parts of a pipeline."""
  return worker.Worker(settings, of, number)


def _beside(folder: pathlib.Path, part: int, ending: str) -> pathlib.Path:
  return folder / f"{part:08d}.{ending}"
