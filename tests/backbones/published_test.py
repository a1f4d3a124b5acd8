"""Published files, written by hand or by PyTorch; none of them may run anything."""

import os
import pickle
import struct
import sys

import helpers
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from torch_files import numbers, state_pickle, write_torch

from emojax.backbones import convert, weights
from emojax.backbones import published as archives
from emojax.backbones.tensor_files import ArchiveError

SMALL = {
  "layer.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
  "layer.bias": np.float32([0.5, -2]),
  "layer.count": np.asarray(7, np.int64),
}


def mxnet_bytes(arrays, version: int = 2) -> bytes:
  """A .params file by its format: versions 0 (no mark), 1 and 2 of its arrays."""
  parts = [struct.pack("<QQQ", 0x112, 0, len(arrays))]
  for array in arrays.values():
    if version:
      parts.append(struct.pack("<I", {1: 0xF993FAC8, 2: 0xF993FAC9}[version]))
    if version == 2:
      parts.append(struct.pack("<i", 0))
    axes, width = array.ndim, "q" if version else "I"
    parts.append(struct.pack(f"<I{axes}{width}", axes, *array.shape))
    parts.append(struct.pack("<iii", 1, 0, 0))
    parts.append(np.ascontiguousarray(array, "<f4").tobytes())
  parts.append(struct.pack("<Q", len(arrays)))
  parts += [struct.pack("<Q", len(name)) + name.encode() for name in arrays]
  return b"".join(parts)


def assert_same(tensors, expected):
  assert tensors.keys() == expected.keys()
  for name, tensor in expected.items():
    assert tensors[name].shape == tensor.shape
    assert np.array_equal(tensors[name], tensor), name


def test_zip_form_by_hand(tmp_path):
  assert_same(archives.read_torch(write_torch(tmp_path / "a.pth", SMALL)), SMALL)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_that_pytorch_writes(tmp_path, zipped):
  """Reference: `torch.save` itself, with a tensor that is a part of a larger one."""
  torch = pytest.importorskip("torch")
  whole = torch.arange(20.0).reshape(4, 5)
  state = {"whole": whole, "part": whole[1:3, ::2].t(), "count": torch.tensor(3)}
  state["half"] = torch.ones(3).half()
  state["parameter"] = torch.nn.Parameter(torch.ones(2, 2))
  path = tmp_path / "a.pth"
  torch.save(state, path, _use_new_zipfile_serialization=zipped)
  expected = {name: tensor.detach().numpy() for name, tensor in state.items()}
  assert_same(archives.read_torch(path), expected)


class Trap:
  def __init__(self, trace):
    self.trace = trace

  def __reduce__(self):
    return (os.mkdir, (str(self.trace),))


def test_malicious_pickles_run_nothing(tmp_path):
  trace = tmp_path / "executed"
  trap = pickle.dumps({"layer.weight": Trap(trace)}, protocol=2)
  pickle.loads(trap)  # the trap works
  trace.rmdir()
  zipped = write_torch(tmp_path / "zip.pth", SMALL, trap)
  legacy = tmp_path / "legacy.pth"
  head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001)]
  system = pickle.dumps({"little_endian": True}, 2)
  legacy.write_bytes(b"".join(head) + system + trap)
  early = tmp_path / "early.pth"  # in the place of the system's description
  early.write_bytes(b"".join(head) + trap)
  for path in (zipped, legacy, early):
    with pytest.raises(ArchiveError, match=r"asks for (posix|nt)\.mkdir, which no"):
      archives.read_torch(path)
  for name in (b"builtins\neval", b"torch\nload", b"torch._utils\n_rebuild_qtensor"):
    data = b"\x80\x02c" + name + b"\n(X\x01\x00\x00\x001tR."
    path = write_torch(tmp_path / "other.pth", SMALL, data)
    with pytest.raises(ArchiveError, match="it was not called"):
      archives.read_torch(path)
  assert not trace.exists()


def test_damaged_files_are_refused(tmp_path):
  path = write_torch(tmp_path / "a.pth", SMALL)
  whole = path.read_bytes()
  for length in (0, 3, 30, len(whole) // 2, len(whole) - 1):
    path.write_bytes(whole[:length])
    with pytest.raises(ArchiveError):
      archives.read_torch(path)
  path.write_bytes(b"<!DOCTYPE html><html>Sign in</html>")
  with pytest.raises(ArchiveError, match="looks like a web page"):
    archives.read_torch(path)
  with pytest.raises(ArchiveError, match="looks like a web page"):
    archives.read_mxnet(path)
  wrong = state_pickle(SMALL).replace(numbers((2, 3, 2, 2)), numbers((2, 3, 2, 9)))
  with pytest.raises(ArchiveError, match="a tensor does not fit its storage"):
    archives.read_torch(write_torch(path, SMALL, wrong))
  with pytest.raises(ArchiveError, match="no state dict"):
    archives.read_torch(write_torch(path, SMALL, pickle.dumps([1, 2], 2)))


@pytest.mark.parametrize("version", [0, 1, 2])
def test_mxnet_files(tmp_path, version):
  """By hand from the format; every shorter file is refused."""
  arrays = {"arg:a_weight": SMALL["layer.weight"], "aux:a_mean": SMALL["layer.bias"]}
  data = mxnet_bytes(arrays, version)
  path = tmp_path / "a.params"
  path.write_bytes(data)
  assert_same(archives.read_mxnet(path), arrays)
  for length in range(0, len(data), 7):
    path.write_bytes(data[:length])
    with pytest.raises(ArchiveError):
      archives.read_mxnet(path)
  huge = data.replace(struct.pack("<Q", 2), struct.pack("<Q", 2**62), 1)
  path.write_bytes(huge)
  with pytest.raises(ArchiveError):
    archives.read_mxnet(path)


def test_a_file_of_a_package_is_found_without_running_it(tmp_path, monkeypatch):
  package = tmp_path / "carrier_of_weights"
  (package / "models").mkdir(parents=True)
  (package / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
  path = package / "models" / "net.pth"
  path.touch()
  monkeypatch.syspath_prepend(tmp_path)
  assert archives.installed(package.name, "net.pth") == path
  assert archives.installed(package.name, "other.pth") is None
  assert archives.installed("no_package_of_this_name", "net.pth") is None
  assert package.name not in sys.modules


@pytest.mark.parametrize(
  "network",
  [
    "resnet18",
    "resnet50",
    "efficientnet_lite2",
    "squeezenet",
    *(
      pytest.param(n, marks=pytest.mark.slow) for n in ("alexnet", "vgg16", "resnet38")
    ),
  ],
)
def test_published_form_becomes_emojaxs(tmp_path, network):
  """There and back: `make_goldens` gives the published form, proven by the goldens."""
  goldens = helpers.script("make_goldens")
  flat = goldens["parameters"](network)
  published = goldens["published"](network, flat)
  path = tmp_path / convert.file_names(network)[-1]
  if network == "resnet38":
    path.write_bytes(mxnet_bytes(published))
  else:
    write_torch(path, published)
  del published
  assert convert.convert(network, tmp_path, tmp_path)
  path.unlink()
  loaded = weights.load(network, tmp_path)
  tensors = flatten_dict(loaded.params, sep="/")
  assert tensors.keys() == flat.keys()
  for name, tensor in flat.items():
    # Most come back as they were, and those are hundreds of megabytes.
    if not np.array_equal(tensors[name], tensor):
      np.testing.assert_allclose(tensors[name], tensor, rtol=1e-5, atol=1e-6)
  second = "building" if network == "resnet38" else "goldfish, Carassius auratus"
  assert loaded.class_names[1] == second
  assert "sha256 " in loaded.origin
  assert loaded.source == "own"


def test_another_networks_file_is_refused(tmp_path):
  write_torch(tmp_path / "vgg16-397923af.pth", SMALL)
  with pytest.raises(weights.WeightsError, match=r"it lacks 'features\.0\.weight'"):
    convert.convert("vgg16", tmp_path, tmp_path)
  assert not list(tmp_path.glob("*.safetensors"))
