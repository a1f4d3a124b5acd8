"""PNG files with something odd beside or among their pixels, written by hand."""

import struct
import zlib

import numpy as np
from images.odd_blocks import (
  DEEP,
  INDICES,
  PALETTE,
  RGB,
  RGBA,
  XMP,
  exif,
  p3_profile,
)

LONG = bytes(1_600_000)  # more than Pillow unpacks of a text


def chunk(name: bytes, content: bytes, wrong: bool = False) -> bytes:
  """One chunk of a PNG, perhaps with a wrong checksum."""
  check = zlib.crc32(name + content) ^ wrong
  return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def png(
  *before: bytes,
  samples: np.ndarray = RGB,
  colour: int = 2,
  after: bytes = b"",
  end: bytes | None = None,
  wrong: bytes = b"",
  packed: bytes | None = None,
) -> bytes:
  """A PNG; colour 0 is grey, 2 RGB, 3 palette, 4 and 6 with alpha."""
  bits = 8 * samples.dtype.itemsize
  height, width = samples.shape[:2]
  head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
  return b"".join(
    (
      b"\x89PNG\r\n\x1a\n",
      chunk(b"IHDR", head, wrong == b"IHDR"),
      *before,
      chunk(b"IDAT", deflated(samples) if packed is None else packed, wrong == b"IDAT"),
      after,
      chunk(b"IEND", b"") if end is None else end,
    )
  )


def deflated(samples: np.ndarray) -> bytes:
  """Rows of a PNG."""
  big = samples.astype(samples.dtype.newbyteorder(">"))
  return zlib.compress(b"".join(b"\0" + row.tobytes() for row in big))


def number(name: bytes, *values: int) -> bytes:
  """A chunk of 32-bit numbers."""
  return chunk(name, struct.pack(f">{len(values)}I", *values))


def packed(name: bytes, head: bytes, content: bytes) -> bytes:
  """A chunk with something compressed behind its head."""
  return chunk(name, head + zlib.compress(content))


PLTE = chunk(b"PLTE", PALETTE)
_P3_XY = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
_SRGB_XY = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def _beside() -> dict[str, bytes]:
  """PNGs with odd things beside their pixels."""
  text = chunk(b"tEXt", b"Comment\0hi", True)
  long_text = packed(b"zTXt", b"Comment\0\0", LONG)
  many = b"".join(packed(b"zTXt", b"C\0\0", bytes(900_000)) for _ in range(90))
  raw_exif = b"Exif\0\0" + exif(6)
  as_text = b"\nexif\n%8d\n" % len(raw_exif) + raw_exif.hex().encode()
  return {
    "plain": png(),
    "long zTXt": png(long_text),
    "long zTXt behind": png(after=long_text),
    "many zTXt": png(many),
    "long iTXt": png(packed(b"iTXt", b"Comment\0\1\0\0\0", LONG)),
    "wrong tEXt": png(text),
    "wrong tEXt behind": png(after=text),
    "zTXt not deflate": png(chunk(b"zTXt", b"Comment\0\0nonsense")),
    "zTXt of another method": png(chunk(b"zTXt", b"Comment\0\7nonsense")),
    "empty iTXt": png(chunk(b"iTXt", b"")),
    "unknown wrong chunk": png(chunk(b"abCd", b"hi", True)),
    "chunk without a name": png(chunk(b"a1!d", b"hi")),
    "short pHYs": png(chunk(b"pHYs", b"\0\0")),
    "impossible sBIT": png(chunk(b"sBIT", bytes([9, 9, 9]))),
    "tail": png() + b"tail" * 9,
    "no IEND": png(end=b""),
    "wrong IEND": png(end=chunk(b"IEND", b"", True)),
    "cut behind the pixels": png(end=b"\0\0\xff\xfftEXtabc"),
    "pixels with a tail": png(
      packed=zlib.compress(zlib.decompress(deflated(RGB)) + bytes(5000))
    ),
    "EXIF": png(chunk(b"eXIf", exif(6))),
    "EXIF behind": png(after=chunk(b"eXIf", exif(6))),
    "EXIF wrong": png(chunk(b"eXIf", exif(6), True)),
    "EXIF with JPEG's head": png(chunk(b"eXIf", b"Exif\0\0" + exif(6))),
    "EXIF twice": png(chunk(b"eXIf", exif(6)), chunk(b"eXIf", exif(8))),
    "EXIF as text": png(packed(b"zTXt", b"Raw profile type exif\0\0", as_text)),
    "XMP": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    "broken acTL": png(chunk(b"acTL", b"\0")),
  }


def _colours() -> dict[str, bytes]:
  """PNGs whose colours are told by other chunks, or told wrong."""
  profile = p3_profile()
  p3 = packed(b"iCCP", b"p\0\0", profile)
  none = packed(b"iCCP", b"p\0\0", b"no profile")
  longer = (len(profile) + 2_000_000).to_bytes(4) + profile[4:] + bytes(2_000_000)
  srgb = chunk(b"sRGB", b"\0")
  linear, usual = number(b"gAMA", 100_000), number(b"gAMA", 45_455)
  return {
    "iCCP": png(p3),
    "iCCP before a palette": png(p3, PLTE, samples=INDICES, colour=3),
    "iCCP of RGB in grey": png(p3, samples=RGB[..., 0], colour=0),
    "iCCP with alpha": png(p3, samples=RGBA, colour=6),
    "iCCP wrong": png(chunk(b"iCCP", b"p\0\0" + zlib.compress(profile), True)),
    "iCCP none": png(none),
    "iCCP none, then one": png(none, p3),
    "iCCP not deflate": png(chunk(b"iCCP", b"p\0\0nonsense")),
    "iCCP of another method": png(chunk(b"iCCP", b"p\0\7nonsense")),
    "iCCP empty": png(chunk(b"iCCP", b"")),
    "iCCP long": png(packed(b"iCCP", b"p\0\0", longer)),
    "iCCP with a tail": png(packed(b"iCCP", b"p\0\0", profile + bytes(2_000_000))),
    "iCCP and sRGB": png(p3, srgb),
    "iCCP behind": png(after=p3),
    "iCCP and gAMA": png(linear, p3),
    "iCCP none and gAMA": png(none, linear),
    "gAMA linear": png(linear),
    "gAMA usual": png(usual),
    "gAMA nearly usual": png(number(b"gAMA", 47_000)),
    "gAMA of old Macs": png(number(b"gAMA", 55_556)),
    "gAMA wrong": png(chunk(b"gAMA", struct.pack(">I", 100_000), True)),
    "gAMA short": png(chunk(b"gAMA", b"\0")),
    "gAMA zero": png(number(b"gAMA", 0)),
    "gAMA twice": png(linear, number(b"gAMA", 55_556)),
    "gAMA behind": png(after=linear),
    "gAMA and sRGB": png(linear, srgb),
    "gAMA and impossible sRGB": png(linear, chunk(b"sRGB", b"\x09")),
    "gAMA in grey": png(linear, samples=RGB[..., 0], colour=0),
    "gAMA before a palette": png(linear, PLTE, samples=INDICES, colour=3),
    "gAMA with alpha": png(linear, samples=RGBA, colour=6),
    "gAMA and cHRM": png(usual, number(b"cHRM", *_SRGB_XY)),
    "gAMA and cHRM of P3": png(number(b"cHRM", *_P3_XY), usual),
    "gAMA and cHRM of nothing": png(usual, number(b"cHRM", *[0] * 8)),
    "cHRM of P3": png(number(b"cHRM", *_P3_XY)),
    "cICP of sRGB, iCCP": png(chunk(b"cICP", bytes([1, 13, 0, 1])), p3),
    "cICP of P3": png(chunk(b"cICP", bytes([12, 13, 0, 1]))),
    "cICP of P3, linear": png(chunk(b"cICP", bytes([12, 8, 0, 1]))),
    "cICP of Rec. 2020": png(chunk(b"cICP", bytes([9, 13, 0, 1]))),
    "cICP of P3 in grey": png(
      chunk(b"cICP", bytes([12, 8, 0, 1])), samples=RGB[..., 0], colour=0
    ),
    "gAMA and cHRM in grey": png(
      usual, number(b"cHRM", *_P3_XY), samples=RGB[..., 0], colour=0
    ),
    "cICP of television": png(chunk(b"cICP", bytes([12, 13, 0, 0]))),
  }


def _transparent() -> dict[str, bytes]:
  """PNGs with palettes, transparency and 16 bits."""
  of_palette = chunk(b"tRNS", bytes([0, 128]))
  deep = DEEP[..., :3].copy()
  deep[:8, :8], deep[8:, :8] = (511, 767, 1023), (511, 767, 1022)
  grey_key = chunk(b"tRNS", struct.pack(">H", 64))
  return {
    "palette tRNS": png(PLTE, of_palette, samples=INDICES, colour=3),
    "tRNS before PLTE": png(of_palette, PLTE, samples=INDICES, colour=3),
    "tRNS long": png(
      PLTE, chunk(b"tRNS", bytes([0, 128, *[255] * 4, 0])), samples=INDICES, colour=3
    ),
    "tRNS empty": png(PLTE, chunk(b"tRNS", b""), samples=INDICES, colour=3),
    "tRNS short in RGB": png(chunk(b"tRNS", b"\0\1")),
    "tRNS in RGB": png(chunk(b"tRNS", struct.pack(">3H", 64, 64, 64))),
    "tRNS in RGBA": png(grey_key, samples=RGBA, colour=6),
    "tRNS in grey": png(grey_key, samples=RGB[..., 0], colour=0),
    "palette too short": png(PLTE, samples=INDICES + 3, colour=3),
    "alpha": png(samples=RGBA, colour=6),
    "alpha with bKGD": png(chunk(b"bKGD", bytes([0, 9] * 3)), samples=RGBA, colour=6),
    "16 RGB": png(samples=DEEP[..., :3]),
    "16 RGBA": png(samples=DEEP, colour=6),
    "16 grey": png(samples=DEEP[..., 0], colour=0),
    "16 grey alpha": png(samples=DEEP[..., :2], colour=4),
    "16 RGB tRNS": png(
      chunk(b"tRNS", struct.pack(">3H", 511, 767, 1023)), samples=deep
    ),
    "16 grey tRNS": png(
      chunk(b"tRNS", struct.pack(">H", 511)), samples=deep[..., 0], colour=0
    ),
  }


def _animated() -> dict[str, bytes]:
  """Animated PNGs whose first frame is the file's own picture, or is not."""

  def control(turn: int, width: int, height: int, left: int, top: int) -> bytes:
    numbers = struct.pack(">5IHHBB", turn, width, height, left, top, 1, 10, 0, 0)
    return chunk(b"fcTL", numbers)

  def frame(turn: int, rgb: np.ndarray) -> bytes:
    return chunk(b"fdAT", struct.pack(">I", turn) + deflated(rgb))

  other, whole = 255 - RGB, (*RGB.shape[1::-1], 0, 0)
  one, two = number(b"acTL", 1, 0), number(b"acTL", 2, 0)
  small = control(0, 8, 8, 4, 4) + frame(1, other[4:12, 4:12])
  return {
    "first frame": png(
      two, control(0, *whole), after=control(1, *whole) + frame(2, other)
    ),
    "first frame behind": png(one, after=control(0, *whole) + frame(1, other)),
    "small first frame": png(one, after=small),
  }


def shown() -> dict[str, bytes]:
  """Files that browsers show whole."""
  return _beside() | _colours() | _transparent() | _animated()
