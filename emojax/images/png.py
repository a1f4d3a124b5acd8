"""What of a PNG file decides about its pixels.

In: the file. Out: the same picture without text, time, thumbnails and whatever else may
stand beside the pixels, damaged or not; its orientation; its colours' profile. Where
viewers disagree, this is what Chromium shows.
"""

import dataclasses
import struct
import zlib
from collections.abc import Iterator

from emojax.images import exif, profiles
from emojax.images.base import Essence, Frame, ImageError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_COLOURS = (0, 4)
_PALETTE_COLOUR, _PALETTE_BYTES = 3, 3 * 256
_TRANSPARENT_BYTES = {0: 2, 2: 6}  # of one grey or colour; palettes have up to 256
_MOST_PROFILE_BYTES = 1 << 24
_GAMMA_UNIT = 100_000
# Left, top, and the steps to the right and down of an interlaced picture's parts.
_PASSES = (
  *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
  *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_SRGB_GAMMA, _LIKE_SRGB = 1 / 2.2, 0.05  # a share; gammas this near are taken for sRGB


@dataclasses.dataclass(frozen=True)
class _Chunk:
  name: bytes
  content: bytes
  whole: bytes  # with length and checksum; shorter than it says where the file ends
  is_sound: bool


def essence(data: bytes) -> Essence:
  """The file with its critical chunks and its transparency only.

  Raises:
    ImageError: it has a critical chunk that nobody knows.
  """
  head, header = [_SIGNATURE], b""
  pixels: list[bytes] = []
  beside: dict[bytes, bytes] = {}  # the first sound chunk of each kind
  bits = colour = 0
  for chunk in _chunks(data):
    if pixels and chunk.name != b"IDAT":
      break  # what follows cannot matter, not even by being damaged
    if chunk.name == b"IDAT":
      pixels.append(chunk.whole)
    elif chunk.name == b"IHDR":
      header = chunk.content
      bits, colour = (*header[8:10], 0, 0)[:2]
      head.append(chunk.whole)
    elif chunk.name == b"PLTE":
      if colour == _PALETTE_COLOUR:
        head.append(_whole_palette(chunk))
        beside.pop(b"tRNS", None)  # one before the palette does not count
    elif chunk.name == b"tRNS":
      # Part of the picture, though the format calls it ancillary: a damaged one is left
      # for the decoder to refuse.
      if not chunk.is_sound:
        beside.setdefault(chunk.name, chunk.whole)
      elif _fits(chunk, colour):
        beside.setdefault(chunk.name, _scaled_key(chunk, colour, bits))
    elif chunk.name[:1].isupper():
      raise ImageError(
        f"not a readable PNG picture: it has a critical chunk {chunk.name.decode()!r}, "
        "which is not known"
      )
    elif chunk.is_sound:
      beside.setdefault(chunk.name, chunk.content)
  transparency, frame = beside.pop(b"tRNS", b""), None
  # Of an animation that begins with another picture than the file's own.
  if len(beside.get(b"acTL", b"")) == 8 and b"fcTL" not in beside:
    frame, first = _first_frame(data)
    if frame is not None:
      width, height = (frame.box[i + 2] - frame.box[i] for i in (0, 1))
      size = struct.pack(">II", width, height)
      head[1], pixels = _chunk(b"IHDR", size + header[8:]), first
  return Essence(
    b"".join([*head, transparency, *pixels, _chunk(b"IEND", b"")]),
    exif.orientation(beside.get(b"eXIf", b"")),
    _profile(beside, colour in _GREY_COLOURS),
    frame,
  )


def exact(data: bytes) -> bytes:
  """An essence with colours of 16 bits whose pixels are packed anew.

  OpenCV's libpng writes on standard error what it thinks of a checksum, or of more
  bytes than the picture has.

  Raises:
    zlib.error: the pixels are damaged.
  """
  header, *chunks = _chunks(data)
  width, height = struct.unpack_from(">II", header.content)
  size = 0
  for left, top, right, down in _PASSES if header.content[12] else ((0, 0, 1, 1),):
    across, rows = -(-(width - left) // right), -(-(height - top) // down)
    size += rows * (1 + 6 * across) if across > 0 else 0
  packed = b"".join(chunk.content for chunk in chunks if chunk.name == b"IDAT")
  pixels = zlib.compress(zlib.decompressobj().decompress(packed, size), 1)
  return _SIGNATURE + header.whole + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def bit_depth(data: bytes) -> int:
  """Bits of a sample, from the header."""
  return data[len(_SIGNATURE) + 16]


def _first_frame(data: bytes) -> tuple[Frame | None, list[bytes]]:
  """Where the first frame of an animation lies, and its pixels as IDAT chunks."""
  frame, width, height = None, 0, 0
  pixels: list[bytes] = []
  for chunk in _chunks(data):
    if chunk.name == b"IHDR" and len(chunk.content) == 13:
      width, height = struct.unpack_from(">II", chunk.content)
    elif chunk.name == b"fcTL":
      if pixels or len(chunk.content) != 26:
        break
      wide, high, left, top = struct.unpack_from(">4I", chunk.content, 4)
      frame = Frame((width, height), (left, top, left + wide, top + high))
    elif chunk.name == b"fdAT" and frame is not None:
      pixels.append(_chunk(b"IDAT", chunk.content[4:]))
  is_inside = frame and frame.box[2] <= width and frame.box[3] <= height
  return (frame, pixels) if pixels and is_inside else (None, [])


def _chunks(data: bytes) -> Iterator[_Chunk]:
  """The chunks up to the end, or to where the data are none."""
  at = len(_SIGNATURE)
  while at + 8 <= len(data):
    (length,) = struct.unpack_from(">I", data, at)
    name = data[at + 4 : at + 8]
    end = at + 12 + length
    content = data[at + 8 : end - 4]
    is_sound = end <= len(data) and data[end - 4 : end] == _check(name, content)
    is_named = name.isalpha()
    if name == b"IEND" or (not is_named and end > len(data)):
      return
    if is_named and (end <= len(data) or name == b"IDAT"):
      yield _Chunk(name, content, data[at:end], is_sound)
    at = end


def _check(name: bytes, content: bytes) -> bytes:
  return struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def _chunk(name: bytes, content: bytes) -> bytes:
  return struct.pack(">I", len(content)) + name + content + _check(name, content)


def _whole_palette(chunk: _Chunk) -> bytes:
  """The palette with 256 colours: pixels beyond its end show the last one."""
  if not chunk.is_sound or len(chunk.content) % 3 or not chunk.content:
    return chunk.whole
  missing = (_PALETTE_BYTES - len(chunk.content)) // 3
  return _chunk(chunk.name, chunk.content + chunk.content[-3:] * missing)


def _fits(chunk: _Chunk, colour: int) -> bool:
  """Whether a sound tRNS chunk says something about pictures of its colour type."""
  if colour == _PALETTE_COLOUR:
    return bool(chunk.content)
  return len(chunk.content) == _TRANSPARENT_BYTES.get(colour)


def _scaled_key(chunk: _Chunk, colour: int, bits: int) -> bytes:
  """The chunk with its grey as Pillow has it: of 2 and 4 bits scaled to 8."""
  if colour == 0 and bits in (2, 4):
    key = int.from_bytes(chunk.content) * 255 // (2**bits - 1)
    return _chunk(chunk.name, (key % 65536).to_bytes(2))
  return chunk.whole


def _profile(beside: dict[bytes, bytes], is_grey: bool) -> bytes | None:
  """The profile of the colours, by the best of the chunks that speak of them."""
  named = profiles.of_code_points(beside.get(b"cICP", b""), is_grey)
  if named is not None:
    return named
  embedded = _inflated(beside.get(b"iCCP", b""))
  if profiles.is_profile(embedded):
    return embedded
  if beside.get(b"sRGB", b"\xff") <= b"\3":
    return None
  return _of_gamma(beside.get(b"gAMA", b""), beside.get(b"cHRM", b""), is_grey)


def _inflated(content: bytes) -> bytes:
  """The profile in an iCCP chunk; empty where there is none or it is too large."""
  _, _, packed = content.partition(b"\0")
  if packed[:1] != b"\0":  # the one method of compression
    return b""
  machine = zlib.decompressobj()
  try:
    profile = machine.decompress(packed[1:], _MOST_PROFILE_BYTES)
  except zlib.error:
    return b""
  return profile if machine.eof else b""


def _of_gamma(gamma: bytes, chromaticities: bytes, is_grey: bool) -> bytes | None:
  """The profile that gAMA and cHRM stand for; None where that is sRGB."""
  if len(gamma) != 4 or gamma == bytes(4):
    return None
  exponent = struct.unpack(">I", gamma)[0] / _GAMMA_UNIT
  points = struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else ()
  if not points and abs(exponent / _SRGB_GAMMA - 1) <= _LIKE_SRGB:
    return None
  xy = tuple(point / _GAMMA_UNIT for point in points) or profiles.SRGB_XY
  return profiles.of_gamma(1 / exponent, xy, is_grey)
