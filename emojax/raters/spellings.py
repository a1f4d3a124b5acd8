"""Names that look like two spellings of one thing, so that somebody can be asked.

In: different names of pictures or of workers, in normal form. Out: pairs of them.
Nothing is merged on such grounds: `1.jpg` may well be another picture than `a/1.jpg`.
"""

import pathlib
import re
import urllib.parse
from collections.abc import Callable, Hashable, Iterable, Sequence

Pair = tuple[str, str]


def images(ids: Iterable[str]) -> list[Pair]:
  """Pictures that differ in case, in a folder or address before the name, or in %20.

  Also one without a suffix and one with it. At most one pair for each name.
  """
  parts = {name: _parts(name) for name in ids}
  whole = {part: name for name, part in parts.items()}
  pairs = _equal(parts, parts.__getitem__)
  for name, part in parts.items():
    tails = [part[i:] for i in range(len(part))]
    tails += [(*tail[:-1], pathlib.PurePosixPath(tail[-1]).stem) for tail in tails]
    others = [whole[tail] for tail in tails if tail in whole and tail != part]
    if others:
      pairs.append((others[0], name))
  return pairs


def workers(ids: Iterable[str]) -> list[Pair]:
  """Workers that differ in case, blanks or marks, or as 7 does from 7.0."""

  def key(name: str) -> str:
    whole = re.sub(r"(?<=\d)\.0+$", "", name.casefold())
    # Between figures a mark counts: 1-1 is not 11.
    parts = re.sub(r"(?<=\d)[\W_]+(?=\d)", "/", whole)
    return re.sub(r"[^\w/]|_", "", parts) or name

  return _equal(ids, key)


def questions(image_ids: Sequence[str], worker_ids: Sequence[str]) -> list[str]:
  """A line on pictures and one on workers, where there are such pairs."""
  lines = (
    _question(images(image_ids), "pictures"),
    _question(workers(worker_ids), "workers"),
  )
  return [line for line in lines if line]


def _question(pairs: Sequence[Pair], what: str) -> str:
  """A line on the pairs; empty: there are none."""
  if not pairs:
    return ""
  first, second = pairs[0]
  number = f"{len(pairs)} pairs of {what}" if len(pairs) > 1 else f"A pair of {what}"
  return (
    f"{number} may be two spellings of one and are counted apart, such as "
    f"{first!r} and {second!r}."
  )


def _equal(ids: Iterable[str], key: Callable[[str], Hashable]) -> list[Pair]:
  """Each name with the first that has the same key."""
  first: dict[Hashable, str] = {}
  pairs = [(first.setdefault(key(name), name), name) for name in ids]
  return [(a, b) for a, b in pairs if a != b]


def _parts(name: str) -> tuple[str, ...]:
  """A path or address without case and escapes, part by part."""
  path = urllib.parse.unquote(name.partition("://")[2] or name)
  return tuple(path.casefold().split("/"))
