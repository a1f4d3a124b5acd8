"""Which pictures a program is to look at, as people name them, one by one and in order.

In: folders, files, patterns, lists, tar files, addresses. Out: `Inputs`: where each
picture is read from, and what tables call it. One that is not there is one all the
same: reading it says why.
"""

import glob
import hashlib
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emojax import images
from emojax.images import elsewhere, folders
from emojax.utils import errors, files

LIST, STANDARD_INPUT = "@", "-"
_AT_ONCE = 10_000  # names


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

  def part(self, rows: range) -> "Inputs":
    """Some of the pictures."""
    return Inputs([self.sources[row] for row in rows], self.root)

  def names(self, rows: range | None = None) -> list[str]:
    """What tables call some of the pictures; None: all."""
    rows = range(len(self.sources)) if rows is None else rows
    names = [images.name_of(self.sources[row]) for row in rows]
    # `images.walk` begins each path with the folder, but for the one we are in.
    start = os.path.join(self.root, "") if self.root not in ("", ".") else ""
    return [name.removeprefix(start) for name in names]

  def digest(self) -> str:
    """A digest of all names in their order."""
    state = hashlib.sha256()
    every = range(len(self.sources))
    for start in every[::_AT_ONCE]:
      for name in self.names(every[start : start + _AT_ONCE]):
        state.update(files.utf8(name).encode() + b"\0")
    return state.hexdigest()


def of_folder(folder: pathlib.Path) -> Inputs:
  """Every picture below a folder, in the order of `images.walk`.

  Raises:
    ImageError: the folder is not there.
    UserError: it holds no pictures.
  """
  listing = folders.listing(folder)
  sources = [os.fspath(path) for path in listing.images]
  if not sources:
    expected = ", ".join(images.SUFFIXES)
    raise errors.UserError(
      f"no pictures in {folder}: expected files ending in {expected}"
    )
  return Inputs(sources, os.fspath(folder), folders.left_out([listing]))


def of_texts(texts: Sequence[str]) -> Inputs:
  """Every picture that some texts name, in their order; see `config.IMAGES_MEANING`.

  Raises:
    UserError: no pictures; a list or a pattern of nothing.
    ImageError: an address that nothing here opens; says what to install.
  """
  sources: list[images.Source] = []
  named: list[str] = []
  empty: list[str] = []
  others = 0
  for text in texts:
    if text == STANDARD_INPUT:
      parts = [_of_line(line) for line in _lines(sys.stdin.buffer.read())]
    elif text.startswith(LIST) and not os.path.lexists(text):
      parts = [_of_line(line) for line in _lines(_list(text.removeprefix(LIST)))]
    else:
      parts = [_of_text(text)]
      path = os.path.expanduser(text)
      named += [path]
      empty += [path] * (parts == [([path], 0)] and _is_empty_folder(path))
    for found, number in parts:
      sources += found
      others += number
  if named and sources == named and not any(map(os.path.lexists, named)):
    raise errors.UserError(f"there is no file or folder {named[0]}")
  if len(sources) == len(empty):
    expected = ", ".join(images.SUFFIXES)
    raise errors.UserError(
      f"no pictures in {(empty or texts)[0]}: expected files ending in {expected}"
    )
  return Inputs(sources, left_out=_left_out(named, others))


def places(texts: Sequence[str]) -> list[pathlib.Path]:
  """The files and folders of this machine that texts name by themselves."""
  return [
    pathlib.Path(text).expanduser()
    for text in texts
    if text != STANDARD_INPUT and not elsewhere.scheme_of(text)
  ]


def _is_empty_folder(path: str) -> bool:
  """Whether it is a folder that can be listed, and has no pictures."""
  try:
    return os.path.isdir(path) and not images.walk(path)
  except images.ImageError:
    return False


def _left_out(named: Sequence[str], others: int) -> str:
  """What lies beside the pictures."""
  sentences = [images.passed_over(named)]
  if others:
    sentences.append(f"{others} other files in tar files have no row")
  return "; ".join(filter(None, sentences))


_Found = tuple[Sequence[images.Source], int]  # pictures, and how many other files


def _of_line(line: str) -> _Found:
  """What a line of a list names."""
  if elsewhere.scheme_of(line):
    elsewhere.check_scheme(line)
  if line.lower().endswith(elsewhere.TAR):
    return elsewhere.members(line)
  return [elsewhere.at(line) if elsewhere.scheme_of(line) else line], 0


def _of_text(text: str) -> _Found:
  """What a text names that is no list."""
  if elsewhere.scheme_of(text):
    return _of_address(text)
  path = os.path.expanduser(text)
  if os.path.isdir(path):
    try:
      return [os.fspath(p) for p in images.walk(path)] or [path], 0
    except images.ImageError:
      return [path], 0  # reading it says why
  if not os.path.lexists(path) and glob.has_magic(path):
    matches = sorted(glob.glob(path, recursive=True))
    if not matches:
      raise errors.UserError(f"no file fits the pattern {text}")
    found = [_of_line(match) for match in matches if not os.path.isdir(match)]
    return [source for part, _ in found for source in part], sum(n for _, n in found)
  return _of_line(path)


def _of_address(address: str) -> _Found:
  """What an address names: a file, or where it may be more, a folder or a pattern."""
  elsewhere.check_scheme(address)
  end = address.rpartition("/")[2].lower()
  is_pattern = "*" in address
  if is_pattern or not end.endswith((*images.SUFFIXES, elsewhere.TAR)):
    try:
      inside = elsewhere.below(address)
    except images.ImageError as error:
      raise errors.UserError(f"cannot list {address}: {error}") from error
    if is_pattern and not inside:
      raise errors.UserError(f"no file fits the pattern {address}")
    if inside:
      return [elsewhere.at(name) for name in inside], 0
  return _of_line(address)


def _list(name: str) -> bytes:
  """The contents of a list.

  Raises:
    UserError: there is none.
  """
  try:
    return pathlib.Path(name).expanduser().read_bytes()
  except OSError as error:
    raise errors.UserError(
      f"cannot read the list {name} ({error.strerror}): expected a text file with one "
      "picture a line"
    ) from error


def _lines(content: bytes) -> Iterator[str]:
  """The entries of a list: lines, or what zero bytes part, as `find -print0` writes."""
  content = content.removeprefix(b"\xef\xbb\xbf")
  parts = content.split(b"\0") if b"\0" in content else content.splitlines()
  return (os.fsdecode(part) for part in parts if part.strip())
