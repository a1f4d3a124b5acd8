"""What a process on another machine does: the networks loaded once, part after part.

In: settings, where the program was started, and parts of the pictures, pickled by it.
Out: their tables, made with what a single process computes with; or an error that names
what this machine has otherwise.
"""

import os
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from emojax.config import ExtractConfig
from emojax.extract import extractor, feature_table, stream
from emojax.utils import errors


class Worker:
  """Computes parts.

  Args:
    settings: how to extract.
    of: the schema of the tables, as Arrow writes it.
    number: of pictures in all.
  Raises:
    UserError: this machine would compute something else than the program's own.
    ValueError: see `extractor.from_config`.
  """

  def __init__(self, settings: ExtractConfig, of: bytes, number: int):
    self._work = stream.Work(settings, pa.ipc.read_schema(pa.py_buffer(of)), {}, number)
    self._extraction = extractor.from_config(settings)
    _check_alike(self._extraction.describe(), self._work.of)

  def compute(self, part: int, inputs: bytes) -> tuple[pa.Table, int]:
    """The table of a part, and how many of its pictures the cache had.

    Args:
      part: its number.
      inputs: its pictures, pickled.
    Raises:
      CacheError: the cache does not work.
    """
    work = self._work._replace(parts={part: pickle.loads(inputs)})
    (computed,) = stream.tables(self._extraction, work)
    assert computed.rows is not None
    return computed.rows, computed.from_cache


def enter(folder: str) -> None:
  """Makes names of files mean what they mean where the program was started.

  Raises:
    UserError: this machine has no such folder.
  """
  try:
    os.chdir(folder)
  except OSError as error:
    raise errors.UserError(
      f"no folder {folder} ({error.strerror}): start emojax in a folder that every "
      "machine of the cluster has under the same name, as it has the pictures"
    ) from error


def _check_alike(described: Sequence[Mapping[str, Any]], of: pa.Schema) -> None:
  """Refuses to compute with other weights or versions than the program's own."""
  expected = feature_table.described(of)
  for here, there in zip(described, expected, strict=True):
    if here != there:
      raise errors.UserError(
        f"{here['name']} would be made otherwise ({_made(here)}) than where the "
        f"program was started ({_made(there)}): install the same emojax and weights "
        "everywhere"
      )


def _made(described: Mapping[str, Any]) -> str:
  text = f"version {described['version']} {described['label']}"
  return f"{text} {described['digest'][:16]}".strip()
