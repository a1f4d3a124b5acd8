"""Files in the form of `torch.save`, written without PyTorch."""

import pathlib
import struct
import zipfile

import numpy as np


def text(value: str) -> bytes:
  return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(values) -> bytes:
  return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def state_pickle(tensors) -> bytes:
  """The pickle of a state dict, opcode by opcode as PyTorch's format has it."""
  out = b"\x80\x02ccollections\nOrderedDict\n)R("
  for index, (name, tensor) in enumerate(tensors.items()):
    kind = b"LongStorage" if tensor.dtype == np.int64 else b"FloatStorage"
    strides = [stride // tensor.itemsize for stride in tensor.strides]
    out += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
    out += text("storage") + b"ctorch\n" + kind + b"\n" + text(str(index))
    out += text("cpu") + b"J" + struct.pack("<i", tensor.size) + b"tQK\x00"
    out += numbers(tensor.shape) + numbers(strides)
    out += b"\x89ccollections\nOrderedDict\n)RtR"
  return out + b"u."


def write_torch(path: pathlib.Path, tensors, data: bytes | None = None) -> pathlib.Path:
  """A file in the form of `torch.save`; `data` replaces its pickle."""
  tensors = {
    name: np.ascontiguousarray(t).reshape(t.shape) for name, t in tensors.items()
  }
  with zipfile.ZipFile(path, "w") as archive:
    archive.writestr(
      "archive/data.pkl", state_pickle(tensors) if data is None else data
    )
    archive.writestr("archive/byteorder", "little")
    for index, tensor in enumerate(tensors.values()):
      archive.writestr(f"archive/data/{index}", tensor.tobytes())
  return path
