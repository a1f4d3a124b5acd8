"""Bytes changed at random: what a file is after a bad disk, or after bad intentions."""

import io
import random
import zipfile

_LENGTHS = (1, 4, 8, 50)


def mutated(data: bytes, draw: random.Random) -> bytes:
  """A file's bytes after one to four changes; some may cancel each other.

  A change flips a bit, cuts off the end, or takes a piece and leaves it out, doubles
  it, turns it round, or has zeros, ones or noise stand in its place.
  """
  changed = bytearray(data)
  for _ in range(draw.randint(1, 4)):
    start = draw.randrange(len(changed) + 1)
    end = min(len(changed), start + draw.choice(_LENGTHS))
    piece = bytes(changed[start:end])
    match draw.randrange(10):
      case 0:
        del changed[start:]
      case 1 | 2 | 3 if piece:
        changed[start] ^= 1 << draw.randrange(8)
      case _:
        noise = draw.randbytes(draw.choice(_LENGTHS))
        ones, zeros = b"\xff" * len(piece), bytes(len(piece))
        others = (b"", 2 * piece, piece[::-1], ones, zeros, noise)
        changed[start:end] = draw.choice(others)
  return bytes(changed)


def mutated_archive(data: bytes, draw: random.Random) -> bytes:
  """The same, and of a ZIP file every other time inside one of its members.

  A member's checksum would else tell of nearly every change, before its reader.
  """
  if not data.startswith(b"PK") or draw.randrange(2):
    return mutated(data, draw)
  with zipfile.ZipFile(io.BytesIO(data)) as archive:
    members = {entry: archive.read(entry) for entry in archive.infolist()}
  meant, file = draw.choice(list(members)), io.BytesIO()
  with zipfile.ZipFile(file, "w") as archive:
    for entry, content in members.items():
      changed = mutated(content, draw) if entry is meant else content
      archive.writestr(entry.filename, changed, entry.compress_type)
  return file.getvalue()
