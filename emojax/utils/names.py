"""Names of picture files as people write them, and the one normal form of each.

In: names from a table, and the files that are there. Out: the normal form, by which two
spellings are told to be one picture, and the file that each name means.
"""

import dataclasses
import difflib
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"[A-Za-z]:/")  # C:/ of Windows
_NEAR = 0.85  # how alike two names must be for a hint, as difflib's ratio


def normal(name: str) -> str:
  r"""The normal form of a picture's name.

  Slashes lean forward, none is doubled, `./` goes, letters are composed (NFC): the
  names `set1\p0.jpg`, `./set1//p0.jpg` and `set1/p0.jpg` are one picture. An address
  keeps its `//`. Case matters.

  Raises:
    ValueError: no name.
  """
  composed = unicodedata.normalize("NFC", name.strip())
  if not composed:
    raise ValueError("expected a picture's name, got nothing")
  scheme = _ADDRESS.match(composed)
  start = scheme[0] if scheme else ""
  path = composed[len(start) :].replace("\\", "/")
  root = "/" if path.startswith("/") and not scheme else ""
  parts = [part for part in path.split("/") if part not in ("", ".")]
  return start + root + "/".join(parts)


def image_id(name: str) -> str:
  """The normal form of a picture's path below its folder, or of its address.

  Raises:
    ValueError: no name, or a path that leads out of the folder.
  """
  path = normal(name)
  is_outside = path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/")
  if not path or is_outside:
    raise ValueError(f"expected a path below the folder of pictures, got {name!r}")
  return path


@dataclasses.dataclass(frozen=True)
class Resolved:
  """What the names of a table mean.

  Attributes:
    image_ids: of each name: the file's path below the folder; of one that is not there
      its normal form; "" where `problems` has the name.
    problems: place in the table -> what is wrong with that name.
    prefix: what stood before every name, and was left out: a folder or an address.
    bare: how many names lacked their file's suffix.
  """

  image_ids: list[str]
  problems: Mapping[int, str]
  prefix: str
  bare: int


@dataclasses.dataclass(frozen=True)
class _Reading:
  """A file that a name may mean, and what stood before it in the name."""

  files: list[str]
  prefix: str
  is_bare: bool


class Files:
  """The picture files of a folder, to be found by names that people wrote."""

  def __init__(self, paths: Iterable[str]):
    """Takes their paths below the folder, with forward slashes."""
    self.paths = frozenset(paths)
    self._by_name: dict[str, list[str]] = {}
    self._by_stem: dict[str, list[str]] = {}
    for path in sorted(self.paths):
      name = normal(path)
      self._by_name.setdefault(name, []).append(path)
      self._by_stem.setdefault(_stem(name), []).append(path)

  def resolve(self, names: Sequence[str]) -> Resolved:
    """Which files the names of a table mean.

    A name may lack its suffix ("Acorns 3" for "Acorns 3.jpg"), be composed otherwise
    than the file's, have backslashes, or stand behind a folder or an address, the same
    in all names that are found.
    """
    readings = [self._reading(name) for name in names]
    prefixes = {reading.prefix for reading in readings if reading}
    prefix = prefixes.pop() if len(prefixes) == 1 else ""
    image_ids, problems = [], {}
    bare = 0
    for place, (name, reading) in enumerate(zip(names, readings, strict=True)):
      try:
        if reading is None or reading.prefix != prefix:
          image_ids.append(image_id(normal(name).removeprefix(prefix)))
          continue
        first, *others = reading.files
        if others:
          raise ValueError(
            f"{name!r} may be {' or '.join(map(repr, reading.files))}: write it whole"
          )
        image_ids.append(first)
        bare += reading.is_bare
      except ValueError as error:
        image_ids.append("")
        problems[place] = str(error)
    return Resolved(image_ids, problems, prefix, bare)

  def hint(self, image: str) -> str:
    """The file that a name which is not there is most like; "" where none is."""
    loose = {normal(path).casefold(): path for path in sorted(self.paths)}
    name = image.casefold()
    for form in (lambda text: text, _stem, _last, lambda text: _stem(_last(text))):
      like = [path for key, path in loose.items() if form(key) == form(name)]
      if like:
        return _shown(image, like[0])
    near = difflib.get_close_matches(name, loose, n=1, cutoff=_NEAR)
    return _shown(image, loose[near[0]]) if near else ""

  def _reading(self, name: str) -> _Reading | None:
    """The reading of a name that leaves out least of its start; None: not there."""
    if name in self.paths:
      return _Reading([name], "", False)
    try:
      whole = normal(name)
    except ValueError:
      return None
    for prefix, rest in _tails(whole):
      for table, is_bare in ((self._by_name, False), (self._by_stem, True)):
        if files := table.get(rest):
          return _Reading(files, prefix, is_bare)
    return None


def _tails(name: str) -> Iterator[tuple[str, str]]:
  """A name, then without more and more of its first parts: (left out, the rest)."""
  yield "", name
  start = _ADDRESS.match(name)
  rest = name[start.end() :] if start else name
  parts = rest.split("/")
  for count in range(0 if start else 1, len(parts)):
    prefix = (start[0] if start else "") + "".join(f"{p}/" for p in parts[:count])
    tail = "/".join(parts[count:])
    yield prefix, tail
    if start:
      yield prefix, urllib.parse.unquote(re.split(r"[?#]", tail)[0])


def _last(name: str) -> str:
  return name.rpartition("/")[2]


def _stem(name: str) -> str:
  """A name without its suffix."""
  folder, slash, last = name.rpartition("/")
  stem = last.rpartition(".")[0]
  return f"{folder}{slash}{stem or last}"


def _shown(name: str, like: str) -> str:
  """A file's name for a hint; letter by letter where it looks like what was written."""

  def visible(text: str) -> str:
    letters = unicodedata.normalize("NFKC", text)
    return "".join(c for c in letters if unicodedata.category(c) != "Cf")

  return ascii(like) if visible(name) == visible(like) else repr(like)
