"""Which configs `va_emotion` has, where a prepared one lies, and who may write there.

In: settings. Out: names, paths and a lock; of emojax it imports settings and the lock.
"""

import contextlib
import pathlib
import threading
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow_datasets as tfds

from emojax.config import DataConfig
from emojax.utils import files, locks

NAME = "va_emotion"
VERSION = "1.0.0"
CONFIGS = {
  "synthetic": "Pictures drawn by emojax, with a formula and simulated raters.",
  "oasis": "900 photographs rated by hundreds of people (Kurdi et al. 2017).",
  "cgna10766": "The paper's own 10,766 pictures (Kim et al. 2018, Figshare 5383105).",
  "naps": "1,356 photographs of the Nencki Affective Picture System (2014).",
  "gaped": "730 pictures of the Geneva Affective Picture Database (2011).",
  "smid": "2,941 photographs of the Socio-Moral Image Database (2018).",
  "emotion6": "1,980 photographs from Flickr (Peng et al. 2015).",
  "emotic": "23,571 photographs of people, rated for what these feel (2020).",
  "findingemo": "25,869 pictures of several people (Mertens et al. 2024).",
  "folder": "Your own pictures and ratings.",
}


_HELD: set[tuple[pathlib.Path, int]] = set()  # (dataset, thread)


class Place(NamedTuple):
  """Where a dataset is, or will be, prepared.

  Attributes:
    config: of `CONFIGS`.
    root: the folder that holds TFDS's datasets.
    path: the prepared version's own folder, such as `ROOT/va_emotion/oasis/1.0.0`.
  """

  config: str
  root: pathlib.Path
  path: pathlib.Path


def place(data: DataConfig) -> Place:
  """Where the dataset that settings name is prepared.

  Raises:
    ValueError: another dataset or config than there are.
  """
  name, _, config = data.dataset.partition("/")
  config = config or next(iter(CONFIGS))
  if name != NAME or config not in CONFIGS:
    names = ", ".join(f"{NAME}/{name}" for name in CONFIGS)
    raise ValueError(f"unknown dataset {data.dataset!r}; known: {names}")
  root = pathlib.Path(data.data_dir or tfds.core.constants.DATA_DIR).expanduser()
  return Place(config, root, root / NAME / config / VERSION)


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[bool]:
  """Holds the right to prepare one dataset; a process that dies gives it back.

  Args:
    path: of the prepared dataset.
  Yields:
    True; False on a disk that cannot be written, where nobody can prepare anything.
  """
  path = pathlib.Path(path)
  mine = (path, threading.get_ident())
  if mine in _HELD:  # prepare() holds it while the builder it made writes
    yield True
    return
  with contextlib.ExitStack() as stack:
    try:
      with files.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
      lock = path.parent / f".{path.name}.lock"
      stack.enter_context(locks.held(lock, f"another process that prepares {path}"))
    except OSError:
      if not path.is_dir():
        raise
      yield False
      return
    _HELD.add(mine)
    try:
      yield True
    finally:
      _HELD.discard(mine)
