"""What of a BMP file decides about its pixels, as Chromium reads it.

In: the file. Out: the same file, with the transparency that newer headers speak of
where Pillow would pass over it, and the profile that the newest may embed.
"""

import struct

from emojax.images import profiles
from emojax.images.base import Essence

_HEADER_AT = 14
_V4_BYTES, _V5_BYTES = 108, 124  # of headers
_BITS_AT, _COMPRESSION_AT, _MASKS_AT, _COLOURS_AT, _PROFILE_AT = 14, 16, 40, 56, 112
_PLAIN, _BY_MASKS = 0, 3  # compressions
_PLAIN_MASKS = struct.pack("<3I", 0xFF0000, 0xFF00, 0xFF)
_EMBEDDED = b"DEBM"  # "MBED", little-endian


def essence(data: bytes) -> Essence:
  """The file for its decoder."""
  header = data[_HEADER_AT : _HEADER_AT + _V5_BYTES]
  size = int.from_bytes(header[:4], "little")
  if size < _V4_BYTES or len(header) < size:
    return Essence(data)
  (bits,) = struct.unpack_from("<H", header, _BITS_AT)
  (compression,) = struct.unpack_from("<I", header, _COMPRESSION_AT)
  (alpha,) = struct.unpack_from("<I", header, _MASKS_AT + len(_PLAIN_MASKS))
  if (bits, compression) == (32, _PLAIN) and alpha:
    changed = bytearray(data)
    struct.pack_into("<I", changed, _HEADER_AT + _COMPRESSION_AT, _BY_MASKS)
    at = _HEADER_AT + _MASKS_AT
    changed[at : at + len(_PLAIN_MASKS)] = _PLAIN_MASKS
    data = bytes(changed)
  return Essence(data, profile=_profile(data, header) if size >= _V5_BYTES else None)


def _profile(data: bytes, header: bytes) -> bytes | None:
  """The profile that stands behind the pixels; None where there is none."""
  if header[_COLOURS_AT : _COLOURS_AT + 4] != _EMBEDDED:
    return None
  start, length = struct.unpack_from("<II", header, _PROFILE_AT)
  profile = data[_HEADER_AT + start : _HEADER_AT + start + length]
  return profile if profiles.is_profile(profile) else None
