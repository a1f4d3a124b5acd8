"""Mutated weights files: arrays, or one line, in little memory.

Also what else a weights file of a stranger may be, written by hand; see the tests of
`tensor_files`.
"""

import functools
import io
import json
import pathlib
import pickle
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable

import h5py
import numpy as np
import pyarrow
import safetensors.numpy
import traced
from attacks import mutations, outcomes
from torch_files import state_pickle, text, write_torch

from emojax.backbones import face_files, published, tensor_files

# What a file may unpack to, and a little; all but one of those here are below 300 kB.
MOST_MEMORY = tensor_files.MOST_UNPACKED + 20_000_000
ARRAYS = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4)}


def npz(arrays=ARRAYS, compressed: bool = False) -> bytes:
  file = io.BytesIO()
  (np.savez_compressed if compressed else np.savez)(file, **arrays)
  return file.getvalue()


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w", kind) as archive:
    for name, data in members.items():
      archive.writestr(name, data)
  return file.getvalue()


def npy_header(shape: str, descr: str = "'<f4'") -> bytes:
  head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
  return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def safe(header: dict | bytes, data: bytes = b"") -> bytes:
  head = header if isinstance(header, bytes) else json.dumps(header).encode()
  return struct.pack("<Q", len(head)) + head + data


def lz4(data: bytes) -> bytes:
  sink = pyarrow.BufferOutputStream()
  with pyarrow.CompressedOutputStream(sink, "lz4") as stream:
    stream.write(data)
  return sink.getvalue().to_pybytes()


def with_size(data: bytes, size: int) -> bytes:
  """A zip whose only member claims another size in both of its headers."""
  at, central = data.index(b"PK\x03\x04") + 22, data.index(b"PK\x01\x02") + 24
  claim = struct.pack("<I", size)
  return b"".join(
    (data[:at], claim, data[at + 4 : central], claim, data[central + 4 :])
  )


def encrypted(data: bytes) -> bytes:
  at, central = data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8
  flagged = bytearray(data)
  flagged[at] |= 1
  flagged[central] |= 1
  return bytes(flagged)


def damaged(data: bytes) -> bytes:
  at = data.index(b"a.npy") + 40
  return data[:at] + bytes(byte ^ 0x5A for byte in data[at : at + 20]) + data[at + 20 :]


def hdf5(layers: Callable[[h5py.File], object]) -> bytes:
  file = io.BytesIO()
  with h5py.File(file, "w") as archive:
    layers(archive)
  return file.getvalue()


PICKLES = {
  "claims 2 GB of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**31),
  "claims 2 GB of text": b"\x80\x04\x8d" + struct.pack("<Q", 2**31),
  "claims a frame": b"\x80\x04\x95" + struct.pack("<Q", 2**40),
  "remembers far away": b"\x80\x02Nr\xff\xff\xff\x7f.",
  "claims a bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**31),
  "is nested": b"\x80\x02" + b"(" * 20_000 + b"t" * 20_000 + b".",
  "doubles": b"\x80\x02(K\x01K\x02t" + b"q\x00h\x00\x86" * 60 + b"}h\x00K\x01s.",
  "copies dicts": b"\x80\x02ccollections\nOrderedDict\nq\x00]q\x01("
  + b"(K\x01K\x02t" * 2000
  + b"e0"
  + b"h\x00h\x01\x85R" * 2000
  + b".",
  "is long": b"\x80\x02" + text("a" * 10**5) * 11 + b".",
  "has a long number": b"\x80\x02I" + b"9" * 9000 + b"\n.",
}


_READERS: dict[str, Callable] = {
  ".pth": published.read_torch,
  ".npz": tensor_files.read_npz,
  ".safetensors": tensor_files.read_safetensors,
  ".params": published.read_mxnet,
  ".hdf5": face_files.read_fer,
  ".lz4": face_files.read_mtcnn,
}
NAMES = (
  *("zip.pth", "legacy.pth", "a.npz", "a.safetensors", "a.params"),
  *("emotion_model.hdf5", "onet.lz4"),
)


@functools.cache
def seeds() -> dict[str, bytes]:
  """A whole file of each of `NAMES`."""
  legacy = b"".join(
    (
      *(pickle.dumps(v, 2) for v in (0x1950A86A20F9469CFC6C, 1001)),
      pickle.dumps({"little_endian": True}, 2),
      state_pickle(ARRAYS),
      pickle.dumps(["0"], 2),
      struct.pack("<q", 12) + ARRAYS["a.weight"].tobytes(),
    )
  )
  array = ARRAYS["a.weight"]
  mxnet = struct.pack("<QQQIIIqqiii", 0x112, 0, 1, 0xF993FAC8, 2, 0, 3, 4, 1, 0, 0)
  with tempfile.TemporaryDirectory() as folder:
    torch = write_torch(pathlib.Path(folder) / "seed.pth", ARRAYS).read_bytes()
  return {
    "zip.pth": torch,
    "legacy.pth": legacy,
    "a.npz": npz(compressed=True),
    "a.safetensors": safetensors.numpy.save(ARRAYS, {"emojax": "{}"}),
    "a.params": mxnet + array.tobytes() + struct.pack("<QQ", 1, 1) + b"a",
    "emotion_model.hdf5": hdf5(
      lambda f: f.create_dataset("model_weights/a/b/kernel:0", data=array)
    ),
    "onet.lz4": lz4(pickle.dumps([1, 2])),
  }


def attack(folder: pathlib.Path, draw: random.Random) -> str:
  """Reads one mutated file, which is left in the folder; see `outcomes`."""
  return attack_one(folder, draw.choice(NAMES), draw)


def attack_one(folder: pathlib.Path, name: str, draw: random.Random) -> str:
  """The same, of one of `NAMES`."""
  data = mutations.mutated_archive(seeds()[name], draw)
  path = folder / name
  for other in ("pnet.lz4", "rnet.lz4", name) if name == "onet.lz4" else (name,):
    (folder / other).write_bytes(data)
  named = "net.lz4" if name == "onet.lz4" else name  # it may be any of the three
  with traced.memory() as peak:
    outcome, value = outcomes.attempt(lambda: _READERS[path.suffix](path), named)
    most = peak()
  assert most < MOST_MEMORY, f"{most / 1e6:,.0f} MB"
  if outcome == outcomes.VALUE:
    assert all(isinstance(tensor, np.ndarray) for tensor in value.values())
  return outcome
