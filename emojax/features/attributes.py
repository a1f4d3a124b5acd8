"""Category-level attributes: how much a picture has of what tells categories apart.

In: values of one other feature (class probabilities, or activations), and a fitted
model. Out: (N, L) float32, a number per attribute. The model file holds plain tensors
and one JSON text with everything needed to cite and check it; `emojax.attributes` makes
it.

Source: Yu, Cao, Feris, Smith and Chang, "Designing Category-Level Attributes for
Discriminative Visual Recognition", CVPR 2013; the paper's row "O".
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.numpy

from emojax.backbones import tensor_files, weights
from emojax.features.base import Derive

VERSION = 1
SIZE = 2000  # of the paper; a file may hold another number
FILE_NAME = "attributes.safetensors"
FORMAT = "emojax attributes 1"
_KEY = "emojax"
_HOW = (
  "make it with python -m emojax.attributes fit, and name its folder with --weights_dir"
)
_ROWS = 1024  # of a matrix product: bounds the float64 copies


@dataclasses.dataclass(frozen=True)
class AttributeModel:
  """A fitted set of attributes: attribute values are `base @ weight + bias`.

  Attributes:
    weight: (D, L) float32.
    bias: (L,) float32.
    matrix: (C, L) float32, the category-attribute matrix.
    base: the feature that is weighted, of D numbers.
    base_digest: of the weights that gave it when the model was fitted.
    base_label: the same for people.
    categories: C names.
    settings: how the matrix was learned, JSON-able.
    origin: what the categories are.
  """

  weight: np.ndarray
  bias: np.ndarray
  matrix: np.ndarray
  base: str
  base_digest: str
  base_label: str
  categories: tuple[str, ...]
  settings: Mapping[str, Any]
  origin: str

  @property
  def digest(self) -> str:
    """sha256 (hex) of all of it."""
    parts = [weights.digest(self._tensors()), self._header()]
    whole = json.dumps(parts, sort_keys=True, allow_nan=False)
    return hashlib.sha256(whole.encode()).hexdigest()

  @property
  def size(self) -> int:
    """L, how many attributes there are."""
    return len(self.bias)

  def _tensors(self) -> dict[str, np.ndarray]:
    return {"weight": self.weight, "bias": self.bias, "matrix": self.matrix}

  def _header(self) -> dict[str, Any]:
    return {
      "format": FORMAT,
      "base": self.base,
      "base_digest": self.base_digest,
      "base_label": self.base_label,
      "categories": list(self.categories),
      "settings": dict(self.settings),
      "origin": self.origin,
    }


def encode(model: AttributeModel) -> bytes:
  """A model as the bytes of its file; the same model gives the same bytes."""
  header = {**model._header(), "digest": model.digest}
  tensors = {k: np.ascontiguousarray(v) for k, v in sorted(model._tensors().items())}
  text = json.dumps(header, sort_keys=True, allow_nan=False)
  return safetensors.numpy.save(tensors, metadata={_KEY: text})


def read(weights_dir: pathlib.Path | None) -> AttributeModel:
  """The model in a weights folder.

  Raises:
    WeightsError: it is missing, damaged, or no such file; one line that says what to
      do.
  """
  if weights_dir is None:
    raise weights.WeightsError(f"no weights folder given for attributes: {_HOW}")
  path = pathlib.Path(weights_dir).expanduser() / FILE_NAME
  if not path.is_file():
    raise weights.WeightsError(f"no file {path}: {_HOW}")
  try:
    outlines, texts = tensor_files.outline_safetensors(path)
    header = json.loads(texts[_KEY])
    _check_outlines(outlines)
    tensors: dict[str, Any] = dict(tensor_files.read_safetensors(path))
    digest = header.pop("digest")
    if header.pop("format") != FORMAT:
      raise ValueError("another format")
    header["categories"] = tuple(header["categories"])
    model = AttributeModel(**tensors, **header)
    actual = model.digest
  except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
    raise weights.WeightsError(
      f"{path} is damaged or holds no attributes of emojax "
      f"({tensor_files.reason(error)}): {_HOW}"
    ) from error
  if actual != digest:
    raise weights.WeightsError(
      f"{path} is damaged: it was written with digest {digest}, its content has "
      f"{actual}; {_HOW}"
    )
  return model


def _check_outlines(outlines: Mapping[str, tensor_files.Outline]) -> None:
  """ValueError unless these are a model's arrays, which fit each other."""
  actual = [outlines.get(name, ()) for name in ("weight", "bias", "matrix")]
  expected = [3, 2, 3]
  if len(outlines) != 3 or [len(outline) for outline in actual] != expected:
    raise ValueError("other arrays than weight (D, L), bias (L,) and matrix (C, L)")
  if len({outline[-2:] for outline in actual}) > 1 or actual[0][-1] != "float32":
    raise ValueError("its arrays do not fit each other")


def make(params: AttributeModel) -> Derive:
  """The feature of a model: values of its base -> (N, L) float32."""
  weight = params.weight.astype(np.float64)

  def derive(values: Mapping[str, np.ndarray]) -> np.ndarray:
    base = values[params.base]
    out = np.empty((len(base), params.size), np.float32)
    for start in range(0, len(base), _ROWS):
      # In float64, so that rounding does not depend on how many rows there are.
      rows = base[start : start + _ROWS].astype(np.float64)
      out[start : start + _ROWS] = rows @ weight + params.bias
    return out

  return derive
