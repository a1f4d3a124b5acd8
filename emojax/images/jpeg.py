"""What of a JPEG file decides about its pixels.

In: the file. Out: the same picture without comments, previews and whatever else may
stand beside the pixels, damaged or not; its orientation; its colours' profile. Where
viewers disagree, this is what Chromium shows.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import simplejpeg

from emojax.images import exif, profiles
from emojax.images.base import Essence, ImageError

_START = b"\xff\xd8"
_SEQUENTIAL = (0xC0, 0xC1)  # frame types whose single scan is the whole picture
_USUAL = (*_SEQUENTIAL, 0xC2)  # and progressive ones; with Huffman's code, all of them
_FRAMES = tuple(code for code in range(0xC0, 0xD0) if code not in (0xC4, 0xC8, 0xCC))
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_BESIDE = range(0xE0, 0xF0)  # segments of applications
_READ_AHEAD = 16  # bytes; libjpeg-turbo fills a buffer of 8
# Any number of 0xff may stand before a marker; matching the last one alone takes a file
# of nothing else in one go.
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_AFTER_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # not data, not a restart
_JFIF, _JFIF_BYTES = (0xE0, b"JFIF\0"), 14  # of both, what libjpeg asks for
_ADOBE, _ADOBE_BYTES = (0xEE, b"Adobe"), 12
_EXIF = (0xE1, b"Exif\0")  # and one byte more, whichever
_PROFILE = (0xE2, b"ICC_PROFILE\0")  # then its number and how many there are
# A progressive picture is worked through once a scan. Ten are usual; a small file may
# hold ten thousand. 30 of the largest pictures, or more of smaller ones.
_MOST_SCANNED_PIXELS = 3_000_000_000


class _Segment(NamedTuple):
  code: int
  content: bytes
  end: int  # in the file


def essence(data: bytes) -> Essence:
  """The file as its decoder should get it.

  Decoders fill up with grey what an early end mark cuts off; without the mark they miss
  the data. So a sequential picture is handed on with its end mark replaced by a few
  zeros, which the decoder reads ahead and which are too few to stand for a visible
  part. A tail of zeros, as broken downloads leave it, is valid data and can only be
  told by there being no end mark. Progressive pictures pass as they are.

  Raises:
    ImageError: it has no pixels, they run into a tail of zeros, or so many scans that
      decoding would take minutes.
  """
  head = [_START]
  exif_block: bytes | None = None
  profile_parts: list[bytes] = []
  frame = pixels = 0
  usual = False
  for segment in _segments(data):
    code, content = segment.code, segment.content
    if code == _SCAN:
      break
    if code == _EXIF[0] and content.startswith(_EXIF[1]):
      exif_block = content[6:] if exif_block is None else exif_block
    elif code == _PROFILE[0] and content.startswith(_PROFILE[1]):
      profile_parts.append(content[len(_PROFILE[1]) :])
    if code in _FRAMES and len(content) > 5:
      frame = code
      pixels = int.from_bytes(content[1:3]) * int.from_bytes(content[3:5])
      usual = code in _USUAL and content[0] == 8 and content[5] == 3
    if _matters(code, content):
      head += [b"\xff", bytes([code]), (len(content) + 2).to_bytes(2), content]
  else:
    raise ImageError("not a readable JPEG picture: it holds no pixels")
  scans = data[segment.end - len(segment.content) - 4 :]
  return Essence(
    b"".join([*head, _sealed(scans, frame, pixels)]),
    exif.orientation(exif_block or b""),
    _joined(profile_parts),
    quick=b"".join([*head, scans]) if usual else None,
  )


def quick(essence: Essence, max_pixels: int) -> np.ndarray | None:
  """The pixels of a usual photograph by TurboJPEG, where nothing in it is in doubt.

  Both decoders are libjpeg-turbo, so the pixels are those that Pillow has, and what
  libjpeg only warns of is left to Pillow, which judges it. TurboJPEG writes the rows
  where they are wanted: it takes two thirds of the time.

  Returns:
    (H, W, 3) uint8, not turned; None where Pillow must judge, as it must of what has
    more than `max_pixels`.
  """
  if essence.quick is None:
    return None
  try:
    height, width, *_ = simplejpeg.decode_jpeg_header(essence.quick)
    if width * height > max_pixels:
      return None
    return simplejpeg.decode_jpeg(essence.quick, "RGB", strict=True)
  except ValueError:
    return None


def _segments(data: bytes) -> Iterator[_Segment]:
  """The segments up to the first scan's header, which is the last."""
  at, code = len(_START), 0
  while code != _SCAN:
    marker = _MARKER.search(data, at)
    if marker is None or marker.end() + 2 > len(data):
      return
    code = marker[1][0]
    start = marker.end() + 2
    end = max(start - 2 + int.from_bytes(data[start - 2 : start]), start)
    if end > len(data):
      return
    yield _Segment(code, data[start:end], end)
    at = end


def _matters(code: int, content: bytes) -> bool:
  """Whether a segment in front of the pixels decides about them."""
  if code not in _BESIDE:
    return code != _COMMENT
  for (marker, start), length in ((_JFIF, _JFIF_BYTES), (_ADOBE, _ADOBE_BYTES)):
    if code == marker and content.startswith(start):
      return len(content) >= length
  return False


def _sealed(scans: bytes, frame: int, pixels: int) -> bytes:
  """The scans, from the header of the first, as `essence` says."""
  number = 1
  marker = _AFTER_SCAN.search(scans, 2 + int.from_bytes(scans[2:4]))
  if marker is None and scans.endswith(bytes(_READ_AHEAD)):
    raise ImageError("damaged or cut short JPEG: its end is filled with zeros")
  first = marker
  while marker is not None and marker[1][0] != _END:
    number += marker[1][0] == _SCAN
    if number * pixels > _MOST_SCANNED_PIXELS:
      raise ImageError(
        f"its {pixels:,} pixels are drawn in more than {number - 1:,} scans, which "
        "would take minutes; save the picture again"
      )
    length = int.from_bytes(scans[marker.end() : marker.end() + 2])
    marker = _AFTER_SCAN.search(scans, marker.end() + length)
  if first is not None and first[1][0] == _END and frame in _SEQUENTIAL:
    return scans[: first.start()].rstrip(b"\xff") + bytes(_READ_AHEAD)
  return scans


def _joined(parts: list[bytes]) -> bytes | None:
  """The profile whose numbered parts these are; None where one is missing."""
  if not parts or any(len(part) < 2 for part in parts):
    return None
  by_number: dict[int, bytes] = {}
  for part in parts:
    by_number.setdefault(part[0], part[2:])
  if sorted(by_number) != list(range(1, parts[0][1] + 1)):
    return None
  profile = b"".join(by_number[number] for number in sorted(by_number))
  return profile if profiles.is_profile(profile) else None
