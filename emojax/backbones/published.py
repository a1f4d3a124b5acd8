"""Reads the files in which networks are published, without running anything in them.

In: a `.pth` or `.bin` file of PyTorch (both its forms), a `.safetensors` file, a
`.params` file of MXNet or a `.tflite` file of TensorFlow. Out: names and arrays.
PyTorch's files hold a pickle, which may name any function to be called; here three
names of PyTorch's and `OrderedDict` stand for harmless ones of emojax's own, and a file
that asks for anything else is refused. None of those programs is needed, only the small
package `tflite` for the last kind.
"""

import importlib.util
import io
import math
import pathlib
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np

from emojax.backbones import tensor_files
from emojax.backbones.tensor_files import (
  MOST_AXES,
  ArchiveError,
  Tensors,
  check_size,
  guarded,
  looks_like,
  member,
  take,
)

TORCH_ZIP = b"PK\x03\x04"
TORCH_LEGACY = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
_TORCH_PROTOCOL = 1001
MXNET = struct.pack("<Q", 0x112)
_MOST_SHOWN = 4  # times that a number may be in tensors; some share theirs
_MOST_OPERATIONS = 10_000
_TFLITE = b"TFL3"  # behind the first four bytes

_TORCH_TYPES = {
  "FloatStorage": "<f4",
  "DoubleStorage": "<f8",
  "HalfStorage": "<f2",
  "LongStorage": "<i8",
  "IntStorage": "<i4",
}
_MXNET_TYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8"}
_MXNET_DENSE = {0xF993FAC8: 1, 0xF993FAC9: 2, 0xF993FACA: 3}  # mark -> version
_TFLITE_TYPES = {0: "<f4", 1: "<f2", 9: "i1"}
_TFLITE_PARTS = {  # operation -> what its second and further inputs are
  "CONV_2D": ("weight", "bias"),
  "DEPTHWISE_CONV_2D": ("weight", "bias"),
  "MUL": ("const1",),
  "ADD": ("const1",),
}


class _Storage(NamedTuple):
  """A run of numbers elsewhere in the file."""

  dtype: str
  key: str
  size: int


class _View(NamedTuple):
  """A tensor: part of a storage, not yet read."""

  storage: _Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def read_torch(path: pathlib.Path) -> Tensors:
  """The tensors of a state dict that `torch.save` wrote, in its zip or its older form.

  Raises:
    ArchiveError: the file is damaged, is no such file, or its pickle asks for anything
      but tensors in a dict.
    OSError: it cannot be read.
  """
  with path.open("rb") as file:
    start = file.read(max(len(TORCH_ZIP), len(TORCH_LEGACY)))
    file.seek(0)
    if start.startswith(TORCH_ZIP):
      read: Callable[[IO[bytes]], Tensors] = _read_torch_zip
    elif start.startswith(TORCH_LEGACY):
      read = _read_torch_legacy
    else:
      raise ArchiveError(f"{path} is no file of torch.save{looks_like(start)}")
    return guarded(path, read, file)


def read_mxnet(path: pathlib.Path) -> Tensors:
  """The arrays of an MXNet `.params` file; names keep their "arg:" or "aux:".

  Raises:
    ArchiveError: the file is damaged, is no such file, or holds sparse arrays.
    OSError: it cannot be read.
  """
  return tensor_files.read_marked(path, MXNET, ".params file of MXNet", _read_mxnet)


def read_tflite(path: pathlib.Path) -> Tensors:
  """The constants of a TFLite graph, by the operations in their order.

  Quantised ones are turned back into numbers, as float64, which holds them exactly.
  Needs the package `tflite`.

  Returns:
    `NNN_OPERATION_weight` and `_bias` of convolutions, `_const1` of products and sums
    with a constant; NNN counts the operations, but for those that only dequantise.
  Raises:
    ArchiveError: the file is damaged or no such file, or the package is missing.
    OSError: it cannot be read.
  """
  with path.open("rb") as file:
    start = file.read(8)
    if start[4:] != _TFLITE:
      raise ArchiveError(f"{path} is no TFLite file{looks_like(start)}")
    if importlib.util.find_spec("tflite") is None:
      raise ArchiveError(
        f"{path} needs the package tflite: install it with `pip install tflite`"
      )
    return guarded(path, _read_tflite, file)


def installed(package: str, file_name: str) -> pathlib.Path | None:
  """A file that an installed package carries; None where package or file are missing.

  The package is found, not imported, so nothing of it is run.

  Args:
    package: its import name, without dots.
    file_name: of a file at any depth in it.
  """
  spec = importlib.util.find_spec(package)
  folders = (spec.submodule_search_locations if spec else None) or []
  paths = (path for folder in folders for path in pathlib.Path(folder).rglob(file_name))
  return min(paths, default=None)


class _Unpickler(tensor_files.Unpickler):
  """Builds dicts of `_View`s, and nothing else."""

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) == ("collections", "OrderedDict"):
      return self.new_dict
    if module == "torch._utils" and name in _REBUILDERS:
      return _REBUILDERS[name]
    if module == "torch" and name in _TORCH_TYPES:
      return _TORCH_TYPES[name]
    return super().find_class(module, name)

  def persistent_load(self, pid: Any) -> _Storage:
    if not isinstance(pid, tuple) or not 5 <= len(pid) <= 6 or any(pid[5:]):
      raise ArchiveError("holds a storage of a kind that weights files do not have")
    kind, dtype, key, _, count = pid[:5]
    is_known = kind == "storage" and dtype in _TORCH_TYPES.values()
    if not (is_known and isinstance(key, str) and isinstance(count, int)):
      raise ArchiveError("holds a storage of a kind that weights files do not have")
    return _Storage(dtype, key, count)


def _rebuild_tensor(
  storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any
) -> _View:
  """Stands for PyTorch's function of that name; what follows concerns training."""
  del rest
  if not isinstance(storage, _Storage):
    raise ArchiveError("holds a tensor without a storage")
  if not len(shape) == len(strides) <= MOST_AXES:
    raise ArchiveError(f"is damaged: a tensor has {len(shape)} axes")
  sizes = (*shape, *strides, offset)
  if not all(isinstance(size, int) for size in sizes) or min(sizes) < 0:
    raise ArchiveError("is damaged: a tensor has a shape that is none")
  if offset + math.prod(shape) > storage.size:  # strides of 0 show numbers repeatedly
    raise ArchiveError("is damaged: a tensor does not fit its storage")
  return _View(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(data: Any, *rest: Any) -> Any:
  """Stands for PyTorch's function of that name: a parameter is its tensor here."""
  del rest
  return data


_REBUILDERS = {
  "_rebuild_tensor": _rebuild_tensor,
  "_rebuild_tensor_v2": _rebuild_tensor,
  "_rebuild_parameter": _rebuild_parameter,
}


def _read_torch_zip(file: IO[bytes]) -> Tensors:
  with zipfile.ZipFile(file) as archive:
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
      raise ArchiveError(f"holds {len(pickles)} entries data.pkl, expected one")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
      raise ArchiveError("is a compressed zip, which torch.save does not write")
    folder = pickles[0].removesuffix("data.pkl")
    order = folder + "byteorder"
    if order in archive.namelist() and member(archive, order) != b"little":
      raise ArchiveError("was written on a big-endian machine")
    state = _Unpickler(io.BytesIO(member(archive, pickles[0]))).load()

    def numbers(storage: _Storage) -> np.ndarray:
      size = storage.size * np.dtype(storage.dtype).itemsize
      data = member(archive, f"{folder}data/{storage.key}", size)
      return np.frombuffer(data, storage.dtype)

    return _tensors(state, numbers)


def _read_torch_legacy(file: IO[bytes]) -> Tensors:
  """Magic number, version, system, state dict, storage keys; then the storages."""
  _, protocol, system = (_Unpickler(file).load() for _ in range(3))
  if protocol != _TORCH_PROTOCOL or not system.get("little_endian", False):
    raise ArchiveError(f"has another form than {_TORCH_PROTOCOL}")
  state = _Unpickler(file).load()
  keys = _Unpickler(file).load()
  if not all(isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
    raise ArchiveError("is damaged: its storages have no names")
  dtypes = {view.storage.key: view.storage.dtype for view in _views(state).values()}
  storages = {}
  for key in keys:
    (count,) = struct.unpack("<q", take(file, 8))
    dtype = np.dtype(dtypes[key])
    storages[key] = np.frombuffer(take(file, count * dtype.itemsize), dtype)
  return _tensors(state, lambda storage: storages[storage.key])


def _views(state: Any) -> dict[str, _View]:
  """The state dict's tensors, after a look at whether it is one."""
  if not isinstance(state, dict) or not all(
    isinstance(name, str) and isinstance(view, _View) for name, view in state.items()
  ):
    raise ArchiveError("is no state dict: names and tensors were expected in it")
  return state


def _tensors(state: Any, numbers: Callable[[_Storage], np.ndarray]) -> Tensors:
  """Reads the storages and cuts the tensors out of them."""
  tensors, storages = {}, {}
  views = _views(state)
  largest = {view.storage.key: view.storage.size for view in views.values()}
  shown = sum(math.prod(view.shape) for view in views.values())
  if shown > _MOST_SHOWN * sum(largest.values()):
    raise ArchiveError("is damaged: its tensors show the same numbers again and again")
  for name, (storage, offset, shape, strides) in views.items():
    if storage.key not in storages:
      storages[storage.key] = numbers(storage)
    whole = storages[storage.key]
    last = offset + sum(
      (length - 1) * stride for length, stride in zip(shape, strides, strict=True)
    )
    if whole.size != storage.size or last >= max(whole.size, 1):
      raise ArchiveError(f"is damaged: {name} does not fit its storage")
    tensors[name] = np.lib.stride_tricks.as_strided(
      whole[offset:],
      shape,
      [stride * whole.itemsize for stride in strides],
      writeable=False,
    )
  return tensors


def _read_mxnet(file: IO[bytes]) -> Tensors:
  """After the mark: a reserved number, the arrays, then their names."""
  _, count = struct.unpack("<QQ", take(file, 16))
  arrays = [_read_mxnet_array(file) for _ in range(count)]
  (names,) = struct.unpack("<Q", take(file, 8))
  if names != count:
    raise ArchiveError(f"names {names} arrays and holds {count}")
  tensors = {}
  for array in arrays:
    (length,) = struct.unpack("<Q", take(file, 8))
    tensors[take(file, length).decode("utf-8")] = array
  return tensors


def _read_mxnet_array(file: IO[bytes]) -> np.ndarray:
  """One dense array in any of the four layouts that MXNet has used."""
  (mark,) = struct.unpack("<I", take(file, 4))
  version = _MXNET_DENSE.get(mark, 0)
  if version >= 2:
    (kind,) = struct.unpack("<i", take(file, 4))
    if kind != 0:
      raise ArchiveError("holds a sparse array, which weights files do not have")
  # The oldest layout has no mark: its first number is how many axes there are.
  axes = struct.unpack("<I", take(file, 4))[0] if version else mark
  if not 1 <= axes <= MOST_AXES:
    raise ArchiveError(f"is damaged: an array has {axes} axes")
  width = "q" if version else "I"
  shape = struct.unpack(f"<{axes}{width}", take(file, axes * struct.calcsize(width)))
  _, _, kind = struct.unpack("<iii", take(file, 12))  # device, its number, type
  if kind not in _MXNET_TYPES or min(shape) < 0:
    raise ArchiveError(f"is damaged: an array has type {kind} and shape {shape}")
  dtype = np.dtype(_MXNET_TYPES[kind])
  data = take(file, math.prod(shape) * dtype.itemsize)
  return np.frombuffer(data, dtype).reshape(shape)


def _read_tflite(file: IO[bytes]) -> Tensors:
  """By the generated readers of TFLite's schema; the file is one flat buffer."""
  import tflite

  file.seek(0)
  model = tflite.Model.GetRootAsModel(file.read(), 0)
  graph = model.Subgraphs(0)
  kinds = {code: name for name, code in vars(tflite.BuiltinOperator).items()}
  dequantised = {}  # number of the result -> that of the constant it is made of
  tensors: Tensors = {}
  count, room = 0, tensor_files.MOST_UNPACKED
  if graph.OperatorsLength() > _MOST_OPERATIONS:
    raise ArchiveError(f"is damaged: it has {graph.OperatorsLength():,} operations")
  for position in range(graph.OperatorsLength()):
    operation = graph.Operators(position)
    kind = kinds[model.OperatorCodes(operation.OpcodeIndex()).BuiltinCode()]
    inputs = operation.InputsAsNumpy().tolist()
    if kind == "DEQUANTIZE":
      dequantised[operation.Outputs(0)] = inputs[0]
      continue
    for slot, part in enumerate(_TFLITE_PARTS.get(kind, ()), start=1):
      constant = graph.Tensors(dequantised.get(inputs[slot], inputs[slot]))
      buffer = model.Buffers(constant.Buffer())
      if buffer.DataLength():
        room -= 8 * buffer.DataLength()  # as float64
        if room < 0:
          raise ArchiveError("is damaged: its constants are too many")
        name = f"{count:03}_{kind}_{part}"
        tensors[name] = _dequantised(constant, buffer.DataAsNumpy().tobytes())
    count += 1
  return tensors


def _dequantised(constant: Any, data: bytes) -> np.ndarray:
  """A constant; where quantised, (number - zero point) * scale, by channel."""
  shape = tuple(constant.ShapeAsNumpy().tolist())
  if constant.Type() not in _TFLITE_TYPES:
    raise ArchiveError(f"holds constants of a type {constant.Type()} not known here")
  dtype = np.dtype(_TFLITE_TYPES[constant.Type()])
  check_size("a constant", shape, dtype.itemsize, len(data))
  values = np.frombuffer(data, dtype).reshape(shape)
  quantisation = constant.Quantization()
  if quantisation is None or not quantisation.ScaleLength():
    return values
  along = [1] * len(shape)
  along[quantisation.QuantizedDimension()] = -1
  parts = quantisation.ScaleAsNumpy(), quantisation.ZeroPointAsNumpy()
  channels = shape[quantisation.QuantizedDimension()]
  if any(part.shape not in ((1,), (channels,)) for part in parts):
    raise ArchiveError("is damaged: a constant has other scales than channels")
  scale, zero_point = (part.reshape(along) for part in parts)
  return (values - zero_point) * scale.astype(np.float64)
