"""Picture files with something odd beside or among their pixels, written by hand.

Out: `shown()`, name -> bytes of files that browsers show and so must emojax; names
begin with the kind of file; `damaged()`, of files that browsers show in part, or in
another way, but that are refused here. See `odd_blocks` for what is in them.
"""

import struct

import numpy as np
from images import odd_pngs
from images.odd_blocks import (
  ALPHA,
  BLOCKS,
  HEIGHT,
  INDICES,
  PALETTE,
  RGB,
  RGBA,
  WIDTH,
  XMP,
  encoded,
  exif,
  p3_profile,
)
from images.odd_pngs import PLTE, chunk, deflated, png
from PIL import Image


def segment(code: int, content: bytes) -> bytes:
  """One segment of a JPEG."""
  return b"\xff" + bytes([code]) + struct.pack(">H", len(content) + 2) + content


def jpeg(*segments: bytes, at: int = 20) -> bytes:
  """The blocks as a JPEG with more segments, behind JFIF's own unless `at` is 2."""
  file = encoded("JPEG", quality=95, subsampling=0)
  return file[:at] + b"".join(segments) + file[at:]


def _with_exif(content: bytes) -> bytes:
  return segment(0xE1, b"Exif\0\0" + content)


def _jpeg_exif() -> dict[str, bytes]:
  """JPEGs with an orientation in EXIF or elsewhere, sound and damaged."""
  six, xmp = exif(6), segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
  many = six[:8] + struct.pack("<H", 200) + six[10:]
  blocks = {
    "EXIF": six,
    "EXIF of Motorola": exif(6, order=">"),
    "EXIF of 32 bits": exif(6, kind=4),
    "EXIF of 8 bits": exif(6, kind=1),
    "EXIF of two": exif(6, count=2),
    "EXIF of none": exif(6, count=0),
    "EXIF 9": exif(9),
    "EXIF no block": b"garbage garbage garbage",
    "EXIF without its end": six[:-4],
    "EXIF cut in the value": six[:-7],
    "EXIF cut in the entry": six[:15],
    "EXIF of 200 entries": many,
    "EXIF far away": six[:4] + struct.pack("<I", 10**8) + six[8:],
    "EXIF further on": six[:4] + struct.pack("<I", 20) + bytes(12) + six[8:],
  }
  whole = jpeg()
  return {
    **{name: jpeg(_with_exif(block)) for name, block in blocks.items()},
    "EXIF 1, then 6": jpeg(_with_exif(exif(1)), _with_exif(six)),
    "EXIF 6, then 1": jpeg(_with_exif(six), _with_exif(exif(1))),
    "EXIF no block, then 6": jpeg(_with_exif(b"garbage garbage"), _with_exif(six)),
    "EXIF in small letters": jpeg(segment(0xE1, b"exif\0\0" + six)),
    "EXIF with another pad": jpeg(segment(0xE1, b"Exif\0\1" + six)),
    "EXIF first": jpeg(_with_exif(six), at=2),
    "EXIF last": whole.replace(b"\xff\xda", _with_exif(six) + b"\xff\xda", 1),
    "XMP": jpeg(xmp),
    "XMP 6, EXIF 1": jpeg(xmp, _with_exif(exif(1))),
  }


def _jpeg_beside() -> dict[str, bytes]:
  """JPEGs with other odd segments, profiles and colours."""
  profile, whole = p3_profile(), jpeg()

  def part(turn: int, of: int, content: bytes) -> bytes:
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([turn, of]) + content)

  head, tail = profile[:300], profile[300:]
  cmyk = encoded("JPEG", Image.fromarray(RGB).convert("CMYK"), quality=95)
  adobe = cmyk.index(b"\xff\xee")
  behind = adobe + 2 + int.from_bytes(cmyk[adobe + 2 : adobe + 4])
  grey = Image.fromarray(RGB).convert("L")
  return {
    "plain": whole,
    "long comment": jpeg(*[segment(0xFE, b"x" * 60_000)] * 50),
    "broken Photoshop": jpeg(
      segment(0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0" + b"\xff" * 4)
    ),
    "broken preview list": jpeg(segment(0xE2, b"MPF\0garbage")),
    "short JFIF": whole[:2] + segment(0xE0, b"JFIF\0") + whole[20:],
    "no JFIF": whole[:2] + whole[20:],
    "short Adobe": jpeg(segment(0xEE, b"Adobe")),
    "Adobe 0": whole[:2] + segment(0xEE, b"Adobe\0\x64" + bytes(5)) + whole[20:],
    "RGB": encoded("JPEG", quality=95, subsampling=0, keep_rgb=True),
    "filled": whole[:2] + b"\xff" * 9999 + whole[2:],
    "filled before the scan": whole.replace(
      b"\xff\xda", b"\xff" * 9999 + b"\xff\xda", 1
    ),
    "junk between": jpeg(b"junk"),
    "segment of length 0": jpeg(b"\xff\xe5\0\0"),
    "profile": jpeg(part(1, 1, profile)),
    "profile in two": jpeg(part(1, 2, head), part(2, 2, tail)),
    "profile in two, turned": jpeg(part(2, 2, tail), part(1, 2, head)),
    "profile half missing": jpeg(part(1, 2, head)),
    "profile twice": jpeg(part(1, 1, profile), part(1, 1, profile)),
    "profile 0 of 0": jpeg(part(0, 0, profile)),
    "profile none": jpeg(part(1, 1, b"garbage" * 30)),
    "profile cut": jpeg(part(1, 1, profile[: len(profile) // 2])),
    "profile without number": jpeg(segment(0xE2, b"ICC_PROFILE\0")),
    "grey": encoded("JPEG", grey, quality=95),
    "grey with a profile of RGB": encoded(
      "JPEG", grey, quality=95, icc_profile=profile
    ),
    "CMYK": cmyk,
    "CMYK without Adobe": cmyk[:adobe] + cmyk[behind:],
    "YCCK": cmyk[: behind - 1] + b"\2" + cmyk[behind:],
    "progressive": encoded("JPEG", quality=95, subsampling=0, progressive=True),
  }


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
  """A WebP of chunks."""
  parts = (
    name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
    for name, content in chunks
  )
  body = b"WEBP" + b"".join(parts)
  return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp() -> dict[str, bytes]:
  """WebPs with odd chunks beside their pixels."""
  profile = p3_profile()

  def pixels(rgb: np.ndarray) -> bytes:
    file = encoded("WEBP", Image.fromarray(rgb), lossless=True)
    return file[20 : 20 + int.from_bytes(file[16:20], "little")]

  def three(number: int) -> bytes:
    return number.to_bytes(3, "little")

  size = three(WIDTH - 1) + three(HEIGHT - 1)
  shown = (b"VP8L", pixels(RGB))

  def webp(flags: int, *before, after=()) -> bytes:
    head = (b"VP8X", bytes([flags, 0, 0, 0]) + size)
    return riff(head, *before, shown, *after)

  small = pixels(RGB[:8, :8])
  place = three(4) + three(2) + three(7) + three(7) + three(100) + b"\0"
  frame = place + b"VP8L" + struct.pack("<I", len(small)) + small
  animation = riff(
    (b"VP8X", b"\x12\0\0\0" + size),
    (b"ANIM", b"\x10\x80\xf0\xff\0\0"),
    (b"ANMF", frame + b"\0" * (len(frame) & 1)),
  )
  plain = riff(shown)
  return {
    "plain": plain,
    "EXIF": webp(8, after=[(b"EXIF", exif(6))]),
    "EXIF with JPEG's head": webp(8, after=[(b"EXIF", b"Exif\0\0" + exif(6))]),
    "EXIF not announced": webp(0, after=[(b"EXIF", exif(6))]),
    "EXIF no block": webp(8, after=[(b"EXIF", b"garbage")]),
    "EXIF missing": webp(8),
    "XMP": webp(4, after=[(b"XMP ", XMP)]),
    "profile": webp(32, (b"ICCP", profile)),
    "profile not announced": webp(0, (b"ICCP", profile)),
    "profile none": webp(32, (b"ICCP", b"garbage")),
    "profile missing": webp(32),
    "unknown chunk": webp(0, (b"abcd", b"hi")),
    "tail": plain + b"tail",
    "small first frame": animation,
    "alpha": encoded("WEBP", Image.fromarray(RGBA), lossless=True, exact=True),
  }


def _lzw(indices: np.ndarray) -> bytes:
  """GIF's compression of indices 0..7, without compressing: codes stay 4 bits wide."""
  codes = []
  for place, index in enumerate(indices.ravel().tolist()):
    codes += [8, index] if place % 5 == 0 else [index]  # 8 begins anew, 9 ends
  bits = sum(code << 4 * place for place, code in enumerate([*codes, 9]))
  data = bits.to_bytes(len(codes) // 2 + 1, "little")
  parts = (data[at : at + 255] for at in range(0, len(data), 255))
  return b"\3" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


_GIF_PALETTE = PALETTE + bytes([1, 2, 3, 200, 201, 202])


def gif(
  canvas=(WIDTH, HEIGHT), corner=(0, 0), before=b"", background=0, tables="global",
  indices=INDICES, tail=b";", version=b"89a",
) -> bytes:  # fmt: skip
  """A GIF of one frame."""
  flags = 0xF2 if "global" in tables else 0x70
  local = _GIF_PALETTE[::-1] if "local" in tables else b""
  return b"".join(
    (
      b"GIF" + version + struct.pack("<HHBBB", *canvas, flags, background, 0),
      _GIF_PALETTE if "global" in tables else b"",
      before,
      b"," + struct.pack("<HHHHB", *corner, WIDTH, HEIGHT, 0x82 if local else 0),
      local + _lzw(indices) + tail,
    )
  )


def _gif() -> dict[str, bytes]:
  """GIFs whose frame is not their canvas, or with odd things beside it."""

  def clear(index: int) -> bytes:
    return b"!\xf9\4" + bytes([1, 0, 0, index, 0])

  large = {"canvas": (40, 30), "corner": (8, 6)}
  cut = b"," + struct.pack("<HHHHB", 0, 0, WIDTH, HEIGHT, 0) + b"\3\xff"
  return {
    "plain": gif(),
    "small frame": gif(**large),
    "small frame, other background": gif(**large, background=2),
    "small frame, one colour clear": gif(**large, before=clear(1)),
    "small frame of 1987": gif(**large, version=b"87a"),
    "large frame": gif(canvas=(20, 10)),
    "large frame further in": gif(canvas=(20, 10), corner=(6, 4)),
    "no canvas": gif(canvas=(0, 0)),
    "one colour clear": gif(before=clear(1)),
    "no such colour clear": gif(before=clear(77)),
    "local palette": gif(tables="local"),
    "both palettes": gif(tables="global local"),
    "no end": gif(tail=b""),
    "tail": gif() + b"tail",
    "comment": gif(before=b"!\xfe" + (b"\xff" + b"x" * 255) * 9000 + b"\0"),
    "unknown extension": gif(before=b"!\x77\3abc\0"),
    "broken application": gif(before=b"!\xff\3abc\0"),
    "second frame cut": gif(tail=cut),
  }


_MASKS = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def bmp(
  samples: np.ndarray, bits: int, compression: int = 0, header: int = 40,
  masks: bytes = b"", palette: bytes = b"", height: int = HEIGHT,
  profile: bytes = b"",
) -> bytes:  # fmt: skip
  """A BMP of samples in its own order, or of its compressed bytes."""
  rows = samples.tobytes()
  size = (len(rows), 2835, 2835, len(palette) // 4, 0)
  info = struct.pack("<IiiHHI", header, WIDTH, height, 1, bits, compression)
  info += struct.pack("<IiiII", *size) + masks
  info = bytearray(info if header == 40 else info.ljust(header, b"\0"))
  start = 14 + len(info) + len(palette)
  if profile:
    info[56:60] = b"DEBM"
    info[112:120] = struct.pack("<II", len(info) + len(rows), len(profile))
  length = start + len(rows) + len(profile)
  head = b"BM" + struct.pack("<IHHI", length, 0, 0, start)
  return head + bytes(info) + palette + rows + profile


def _bmp() -> dict[str, bytes]:
  """BMPs of all headers, with a fourth byte that is transparency or is none."""
  bgr = RGB[::-1, :, ::-1]
  bgra = np.concatenate([bgr, ALPHA], -1)
  empty = np.concatenate([bgr, 0 * ALPHA], -1)
  red, green, blue = (RGB[::-1, :, i].astype("<u2") for i in range(3))
  of_565 = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
  palette = b"".join(bytes([b, g, r, 0]) for r, g, b in BLOCKS.reshape(-1, 3))
  runs = b"".join(
    b"".join(bytes([8, row[x]]) for x in (0, 8, 16)) + b"\0\0"
    for row in INDICES[::-1].tolist()
  )
  return {
    "plain": bmp(bgr, 24),
    "top down": bmp(RGB[..., ::-1], 24, height=-HEIGHT),
    "wrong length": bmp(bgr, 24)[:2] + b"\1\0\0\0" + bmp(bgr, 24)[6:],
    "32 bits": bmp(bgra, 32),
    "32 bits, fourth byte 0": bmp(empty, 32),
    "masks": bmp(bgra, 32, 3, masks=_MASKS[:12]),
    "masks 3": bmp(bgra, 32, 3, 56, _MASKS),
    "masks 4": bmp(bgra, 32, 3, 108, _MASKS),
    "masks 4 without alpha": bmp(empty, 32, 3, 108, _MASKS[:12]),
    "masks 5": bmp(bgra, 32, 3, 124, _MASKS),
    "header 4 with alpha": bmp(bgra, 32, 0, 108, _MASKS),
    "16 bits": bmp(red >> 3 << 10 | green >> 3 << 5 | blue >> 3, 16),
    "16 bits with masks": bmp(
      of_565, 16, 3, masks=struct.pack("<3I", 0xF800, 0x7E0, 31)
    ),
    "palette": bmp(INDICES[::-1], 8, palette=palette),
    "runs": bmp(np.frombuffer(runs + b"\0\1", np.uint8), 8, 1, palette=palette),
    "profile": bmp(bgr, 24, 0, 124, profile=p3_profile()),
    "profile none": bmp(bgr, 24, 0, 124, profile=b"garbage" * 30),
  }


def _avif() -> dict[str, bytes]:
  """AVIFs; their transparency and animations Pillow and Chromium decode otherwise."""
  settings = {"quality": 100, "subsampling": "4:4:4", "speed": 9}
  turned = Image.Exif()
  turned[274] = 6
  return {
    "plain": encoded("AVIF", **settings),
    "turned": encoded("AVIF", exif=turned, **settings),
    "profile": encoded("AVIF", icc_profile=p3_profile(), **settings),
  }


def shown() -> dict[str, bytes]:
  """Files that browsers show whole."""
  kinds = {
    "png": odd_pngs.shown(),
    "jpeg": _jpeg_exif() | _jpeg_beside(),
    "webp": _webp(),
    "gif": _gif(),
    "bmp": _bmp(),
    "avif": _avif(),
  }
  return {
    f"{kind} {name}": file
    for kind, files in kinds.items()
    for name, file in files.items()
  }


def damaged() -> dict[str, tuple[bytes, str]]:
  """Files that are refused, and a part of the reason: their pixels are in doubt.

  Chromium shows what it can of some, and refuses others too.
  """
  no_check = deflated(RGB)[:-4] + bytes(4)
  wrong_key = chunk(b"tRNS", bytes([0, 128]), True)
  clear = b"!\xf9\4\1\0\0\0\0"
  empty = np.concatenate([RGB[::-1, :, ::-1], 0 * ALPHA], -1)
  return {
    "png wrong IHDR": (png(wrong=b"IHDR"), "bad header checksum"),
    "png wrong PLTE": (
      png(chunk(b"PLTE", PALETTE, True), samples=INDICES, colour=3),
      "bad header checksum",
    ),
    "png wrong tRNS": (
      png(PLTE, wrong_key, samples=INDICES, colour=3),
      "bad header checksum",
    ),
    "png unknown critical": (png(chunk(b"ABCD", b"hi")), "critical chunk 'ABCD'"),
    "png junk": (png(b"junk"), "not a readable PNG|damaged or cut short PNG"),
    "png wrong pixels": (png(packed=no_check), "damaged or cut short PNG"),
    "png clear": (png(samples=RGBA * np.uint8([1, 1, 1, 0]), colour=6), "transparent"),
    "gif clear": (gif(before=clear, indices=0 * INDICES), "transparent"),
    "gif clear in a corner": (
      gif(canvas=(40, 30), before=clear, indices=0 * INDICES),
      "transparent",
    ),
    "bmp clear": (bmp(empty, 32, 3, 108, _MASKS), "transparent"),
    "bmp cut": (bmp(RGB, 24)[:-300], "damaged or cut short BMP"),
    "jpeg segment too long": (jpeg(b"\xff\xe5\x7f\xff"), "holds no pixels"),
    "webp cut": (riff((b"VP8L", b"abc")), "not a readable WebP"),
  }
