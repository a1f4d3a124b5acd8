"""Mutated pictures: decoded to the same pixels whenever it is tried, or refused."""

import functools
import io
import pathlib
import random

import numpy as np
import pillow_heif
from attacks import mutations, outcomes
from images import odd_files
from images.odd_blocks import encoded
from PIL import Image

from emojax import images

_SIDE = 96
_MARKS = (b"\0\0\0\x18", b"\0\x10", b"\x18\0", b"\0\x18")  # sizes of the blocks
_MANY = 40  # one in so many claims to be large


@functools.cache
def seeds() -> dict[str, bytes]:
  """Pictures of all kinds, most of them odd in some way."""
  noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
  photograph = Image.fromarray(noise)
  kinds = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")
  deep = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
  return {
    **odd_files.shown(),
    **{name: data for name, (data, _) in odd_files.damaged().items()},
    **{kind: encoded(kind, photograph) for kind in kinds},
    "HEIC": _heic(photograph),
    "progressive": encoded("JPEG", photograph, progressive=True),
    "16 bits": encoded("PNG", deep),
    **{
      f"TIFF {way}": encoded("TIFF", photograph, compression=way)
      for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    },
    "TIFF fax": encoded("TIFF", photograph.convert("1"), compression="group4"),
  }


def _heic(image: Image.Image) -> bytes:
  file = io.BytesIO()
  pillow_heif.from_pillow(image).save(file)
  return file.getvalue()


def attack(folder: pathlib.Path, draw: random.Random) -> str:
  """Decodes one mutated picture, which is left in the folder; see `outcomes`."""
  name = draw.choice(sorted(seeds()))
  data = mutations.mutated(seeds()[name], draw)
  if draw.randrange(_MANY) == 0:
    data = _enlarged(data, draw)
  path = folder / "picture"
  path.write_bytes(data)
  outcome, value = outcomes.attempt(lambda: images.load(path), "")
  if outcome == outcomes.VALUE:
    assert value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] == 3
    # Other pixels the second time would be what lay in memory.
    assert value.size > 3 * 10**6 or np.array_equal(value, images.load(data))
  return outcome


def _enlarged(data: bytes, draw: random.Random) -> bytes:
  """A picture whose header claims some thousand pixels a side."""
  start = data[:200]
  for mark in _MARKS:
    side = draw.choice((900, 9_000, 10_000, 65_535)).to_bytes(4)[4 - len(mark) :]
    start = start.replace(mark, side, 2)
  return start + data[200:]
