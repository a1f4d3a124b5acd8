"""What of a TIFF file decides about its pixels.

In: the file. Out: the same file, whose only page is the main picture, with those tags
alone that its pixels depend on. A page that the file calls reduced in size or a mask
belongs to another one. Other tags can only harm: decoders refuse a picture for a
damaged date, print what they think of it, or turn it by an orientation in XMP.
"""

import ctypes
import dataclasses
import functools
import struct
from collections.abc import Iterator

import PIL._imaging

from emojax.images.base import Essence

_KIND, _OLD_KIND, _PAGES_BELOW = 254, 255, 330  # tags, TIFF 6.0 and its Supplement 1
_REDUCED_OR_MASK = 0b101  # bits of `_KIND`
_OLD_REDUCED = 2
_OFFSETS = {4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of numbers that name places
_MOST_PAGES = 1000
_BEYOND = (struct.error, OverflowError)  # of places behind the end, the second by far
_PIXEL_TAGS = frozenset(
  (
    *(256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281),
    *(284, 290, 291, 292, 293, 317, 320, 322, 323, 324, 325, 332, 333, 334, 336, 338),
    *(339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531),
    *(532, 34675, 50674),
  )
)


@dataclasses.dataclass(frozen=True)
class _Layout:
  """Byte order, and how wide numbers of entries and offsets are."""

  order: str
  number: str
  offset: str
  first_at: int  # where the offset of the first page stands
  value_at: int  # in an entry
  entry_bytes: int


_CLASSIC, _BIG = ("H", "I", 4, 8, 12), ("Q", "Q", 8, 12, 20)
_LAYOUTS = {
  b"II*\0": _Layout("<", *_CLASSIC),
  b"MM\0*": _Layout(">", *_CLASSIC),
  b"II+\0": _Layout("<", *_BIG),
  b"MM\0+": _Layout(">", *_BIG),
}


@dataclasses.dataclass(frozen=True)
class _Page:
  """A directory: where it starts, its entries by tag, where the next one is."""

  start: int
  entries: dict[int, bytes]
  next: int


@functools.cache
def silence() -> None:
  """Keeps libtiff from writing on standard error what it thinks of a file.

  For this process, through the libtiff that Pillow uses; where that is part of Pillow's
  own library and cannot be reached, it goes on writing.
  """
  library = ctypes.CDLL(PIL._imaging.__file__)
  for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
    if hasattr(library, name):
      getattr(library, name)(None)


def essence(data: bytes) -> Essence:
  """The file with its main page only; as it is where its directories are damaged."""
  silence()
  layout = _LAYOUTS[data[:4]]
  try:
    (first,) = struct.unpack_from(layout.order + layout.offset, data, layout.first_at)
    page = _main_page(data, layout, list(_chain(data, layout, first)))
  except _BEYOND:
    return Essence(data)
  entries = [entry for tag, entry in page.entries.items() if tag in _PIXEL_TAGS]
  directory = struct.pack(layout.order + layout.number, len(entries))
  directory += b"".join(entries) + struct.pack(layout.order + layout.offset, 0)
  changed = bytearray(data)
  changed[page.start : page.start + len(directory)] = directory
  struct.pack_into(layout.order + layout.offset, changed, layout.first_at, page.start)
  return Essence(bytes(changed))


def _main_page(data: bytes, layout: _Layout, pages: list[_Page]) -> _Page:
  """The first page that is neither reduced in size nor a mask; else the first."""
  for page in pages:
    if not _is_beside(layout, page):
      return page
  for page in pages:
    for start in _pages_below(data, layout, page):
      below = _page(data, layout, start)
      if not _is_beside(layout, below):
        return below
  return pages[0]


def _chain(data: bytes, layout: _Layout, start: int) -> Iterator[_Page]:
  """The pages from one on, until the end or a loop; struct.error if there is none."""
  starts: set[int] = set()
  if not start:
    raise struct.error("no page")
  while start and start not in starts and len(starts) < _MOST_PAGES:
    starts.add(start)
    try:
      page = _page(data, layout, start)
    except _BEYOND:
      if len(starts) == 1:
        raise
      return  # what follows a whole page may be damaged
    yield page
    start = page.next


def _page(data: bytes, layout: _Layout, start: int) -> _Page:
  """One directory; struct.error where the data end before it does."""
  (number,) = struct.unpack_from(layout.order + layout.number, data, start)
  at = start + struct.calcsize(layout.order + layout.number)
  end = at + number * layout.entry_bytes
  (next_start,) = struct.unpack_from(layout.order + layout.offset, data, end)
  entries: dict[int, bytes] = {}
  for entry_at in range(at, end, layout.entry_bytes):
    entry = data[entry_at : entry_at + layout.entry_bytes]
    (tag,) = struct.unpack_from(f"{layout.order}H", entry)
    entries.setdefault(tag, entry)
  return _Page(start, entries, next_start)


def _is_beside(layout: _Layout, page: _Page) -> bool:
  """Whether a page is a preview or a mask of another one."""
  kind = page.entries.get(_KIND)
  if kind is not None:
    return bool(_first_value(layout, kind) & _REDUCED_OR_MASK)
  old = page.entries.get(_OLD_KIND)
  return old is not None and _first_value(layout, old) == _OLD_REDUCED


def _first_value(layout: _Layout, entry: bytes) -> int:
  """The number in an entry that holds one of 16 or 32 bits."""
  (kind,) = struct.unpack_from(f"{layout.order}H", entry, 2)
  code = "H" if kind == 3 else "I"
  return int(struct.unpack_from(layout.order + code, entry, layout.value_at)[0])


def _pages_below(data: bytes, layout: _Layout, page: _Page) -> list[int]:
  """Where the pages that a page names as its own are."""
  entry = page.entries.get(_PAGES_BELOW)
  if entry is None:
    return []
  (kind,) = struct.unpack_from(f"{layout.order}H", entry, 2)
  (count,) = struct.unpack_from(layout.order + layout.offset, entry, 4)
  code = f"{layout.order}{min(count, _MOST_PAGES)}{_OFFSETS.get(kind, layout.offset)}"
  if struct.calcsize(code) <= layout.entry_bytes - layout.value_at:
    return list(struct.unpack_from(code, entry, layout.value_at))
  (at,) = struct.unpack_from(layout.order + layout.offset, entry, layout.value_at)
  return list(struct.unpack_from(code, data, at))
