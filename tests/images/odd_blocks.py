"""What odd picture files have in common: pixels, a profile, orientations.

All have six blocks of 8 x 8 pixels in six colours, unless their oddity says otherwise.
"""

import io
import struct

import numpy as np
from PIL import Image, ImageCms

BLOCKS = np.array(
  [
    [(250, 20, 30), (20, 240, 40), (30, 40, 250)],
    [(240, 230, 20), (230, 30, 240), (64, 64, 64)],
  ],
  np.uint8,
)
RGB = BLOCKS.repeat(8, 0).repeat(8, 1)
HEIGHT, WIDTH = RGB.shape[:2]
INDICES = np.arange(6, dtype=np.uint8).reshape(2, 3).repeat(8, 0).repeat(8, 1)
PALETTE = BLOCKS.reshape(-1, 3).tobytes()
_DRAWS = np.random.default_rng(5)
ALPHA = _DRAWS.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)
DEEP = _DRAWS.integers(0, 65536, (HEIGHT, WIDTH, 4), dtype=np.uint16)
RGBA = np.concatenate([RGB, ALPHA], -1)

# Primaries of Display P3 (SMPTE EG 432-1) adapted to D50, as its ICC profile has them.
P3 = {
  b"rXYZ": (0.5151, 0.2412, -0.0011),
  b"gXYZ": (0.2920, 0.6922, 0.0419),
  b"bXYZ": (0.1571, 0.0666, 0.7841),
}


def p3_profile() -> bytes:
  """LittleCMS's sRGB profile with Display P3's primaries, and without its name."""
  srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
  content = bytearray(srgb.tobytes())
  for at in range(132, 132 + 12 * int.from_bytes(content[128:132]), 12):
    name = bytes(content[at : at + 4])
    start = int.from_bytes(content[at + 4 : at + 8])
    if name in P3:
      fixed = np.round(np.array(P3[name]) * 65536).astype(">i4").tobytes()
      content[start + 8 : start + 20] = fixed
  return bytes(content).replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))


def exif(orientation: int, kind: int = 3, count: int = 1, order: str = "<") -> bytes:
  """An EXIF block with an orientation only; kind 3 is a number of 16 bits."""
  mark = b"II*\0" if order == "<" else b"MM\0*"
  value = struct.pack(f"{order}{'H2x' if kind == 3 else 'I'}", orientation)
  entry = struct.pack(f"{order}HHI", 274, kind, count) + value
  return mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)


XMP = (
  b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
  b'22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
  b'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def encoded(kind: str, image: Image.Image | None = None, **settings) -> bytes:
  """The blocks, or another image, written by Pillow."""
  file = io.BytesIO()
  (image or Image.fromarray(RGB)).save(file, kind, **settings)
  return file.getvalue()
