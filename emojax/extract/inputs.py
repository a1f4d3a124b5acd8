"""Which pictures a program is to look at, as people name them, one by one and in order.

In: a folder. Out: `Inputs`: where each picture is read from, and what tables call it.
"""

import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from emojax import images
from emojax.utils import errors, files


class Inputs(NamedTuple):
  """Pictures in a fixed order.

  Attributes:
    sources: one for each picture. Files are texts, which take a fifth of the memory of
      paths: of a million pictures there are a million.
    root: the folder to which the names of files are relative; empty: they are as given.
    left_out: one sentence on what lies beside them and has no row; empty: nothing does.
  """

  sources: Sequence[images.Source]
  root: str = ""
  left_out: str = ""

  def names(self, rows: range) -> list[str]:
    """What tables call some of the pictures."""
    names = [images.name_of(self.sources[row]) for row in rows]
    if not self.root:
      return names
    return [pathlib.PurePath(n).relative_to(self.root).as_posix() for n in names]

  def digest(self) -> str:
    """A digest of all names in their order."""
    state = hashlib.sha256()
    for row in range(len(self.sources)):
      state.update(files.utf8(self.names(range(row, row + 1))[0]).encode() + b"\0")
    return state.hexdigest()


def of_folder(folder: pathlib.Path) -> Inputs:
  """Every picture below a folder, in the order of `images.walk`.

  Raises:
    ImageError: the folder is not there.
    UserError: it holds no pictures.
  """
  sources = [os.fspath(path) for path in images.walk(folder)]
  if not sources:
    expected = ", ".join(images.SUFFIXES)
    raise errors.UserError(
      f"no pictures in {folder}: expected files ending in {expected}"
    )
  return Inputs(sources, os.fspath(folder), images.passed_over([folder]))
