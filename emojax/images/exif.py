"""The orientation that an EXIF block asks for.

In: the block, which is a little TIFF file. Out: 1..8, as EXIF 2.32 numbers them. Read
as Chromium reads it: damage elsewhere in the block does not matter.
"""

import struct

_ORIENTATION_TAG, _SHORT = 274, 3
_ENTRY_BYTES = 12
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(block: bytes) -> int:
  """The orientation of the block's first directory; 1 where it names none."""
  order = _ORDERS.get(block[:4])
  if order is None or len(block) < 8:
    return 1
  (start,) = struct.unpack_from(f"{order}I", block, 4)
  if start + 2 > len(block):
    return 1
  (number,) = struct.unpack_from(f"{order}H", block, start)
  entries = block[start + 2 : start + 2 + number * _ENTRY_BYTES]
  for at in range(0, len(entries) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
    tag, kind, count, value = struct.unpack_from(f"{order}HHIH", entries, at)
    if (tag, kind, count) == (_ORIENTATION_TAG, _SHORT, 1):
      return value if value in range(1, 9) else 1
  return 1
