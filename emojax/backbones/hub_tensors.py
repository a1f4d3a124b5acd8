"""Tensors as models on the Hugging Face hub name them, to those of emojax's networks.

In: arrays by published name, PyTorch's layout. Out: arrays named and laid out as in
`Backbone.shapes`. What is linear is folded here, in float64: layer scales, the class
token and the patches' bias.
"""

import math
from collections.abc import Iterator

import numpy as np

from emojax.backbones import convnext, vit

Tensors = dict[str, np.ndarray]

_CUBIC = -0.75  # the free number of PyTorch's bicubic kernel


def clip(size: vit.Size, state: Tensors) -> Tensors:
  """CLIP's image tower, as `CLIPModel` of transformers names it; texts are left out."""
  ours: Tensors = {}
  tower = "vision_model"
  embeddings = f"{tower}.embeddings"
  positions = state[f"{embeddings}.position_embedding.weight"].astype(np.float64)
  positions[0] += state[f"{embeddings}.class_embedding"]
  ours["tokens/positions"] = positions
  ours["tokens/patches/kernel"] = _convolution(
    state[f"{embeddings}.patch_embedding.weight"]
  )
  # The first is misspelled as published.
  for name, theirs in (("enter_norm", "pre_layrnorm"), ("exit_norm", "post_layernorm")):
    ours |= _norm(state, f"{tower}.{theirs}", name)
  layers = {
    "attention/query": "self_attn.q_proj",
    "attention/key": "self_attn.k_proj",
    "attention/value": "self_attn.v_proj",
    "attention/residual": "self_attn.out_proj",
    "widen": "mlp.fc1",
    "residual": "mlp.fc2",
  }
  for number in range(size.blocks):
    block, theirs = f"block{number}", f"{tower}.encoder.layers.{number}"
    ours |= _norm(state, f"{theirs}.layer_norm1", f"{block}/attention_norm")
    ours |= _norm(state, f"{theirs}.layer_norm2", f"{block}/widen_norm")
    for layer, part in layers.items():
      ours |= _dense(state, f"{theirs}.{part}", f"{block}/{layer}")
  ours["embed/kernel"] = state["visual_projection.weight"].T
  return ours


def dinov2(size: vit.Size, grid: int, state: Tensors) -> Tensors:
  """DINOv2, as `Dinov2Model` of transformers names it on the hub.

  Args:
    size: of the network.
    grid: how many patches a side of the picture has; the published positions are
      interpolated to it.
    state: the published tensors.
  """
  ours: Tensors = {}
  first = "embeddings.patch_embeddings.projection"
  published = state["embeddings.position_embeddings"][0].astype(np.float64)
  token = published[:1] + state["embeddings.cls_token"][0]
  patches = resized(published[1:], grid) + state[f"{first}.bias"]
  ours["tokens/positions"] = np.concatenate([token, patches])
  ours["tokens/patches/kernel"] = _convolution(state[f"{first}.weight"])
  ours |= _norm(state, "layernorm", "exit_norm")
  layers = {
    "attention/query": ("attention.attention.query", ""),
    "attention/key": ("attention.attention.key", ""),
    "attention/value": ("attention.attention.value", ""),
    "attention/residual": ("attention.output.dense", "layer_scale1.lambda1"),
    "widen": ("mlp.fc1", ""),
    "residual": ("mlp.fc2", "layer_scale2.lambda1"),
  }
  for number in range(size.blocks):
    block, theirs = f"block{number}", f"encoder.layer.{number}"
    ours |= _norm(state, f"{theirs}.norm1", f"{block}/attention_norm")
    ours |= _norm(state, f"{theirs}.norm2", f"{block}/widen_norm")
    for layer, (part, scale) in layers.items():
      scale = scale and f"{theirs}.{scale}"
      ours |= _dense(state, f"{theirs}.{part}", f"{block}/{layer}", scale)
  return ours


def conv_next(size: convnext.Size, state: Tensors) -> Tensors:
  """ConvNeXt without its class layer, as timm or as transformers names it."""
  names = _timm_convnext if "stem.0.weight" in state else _transformers_convnext
  ours: Tensors = {}
  for layer, theirs, scale in names(size):
    kind = layer.rsplit("/", 1)[-1]
    if kind.endswith("norm"):
      ours |= _norm(state, theirs, layer)
    elif kind in ("widen", "residual"):
      ours |= _dense(state, theirs, layer, scale)
    else:
      kernel = _convolution(state[f"{theirs}.weight"])
      ours[f"{layer}/kernel"] = kernel[:, :, 0] if kind == "depthwise" else kernel
      ours[f"{layer}/bias"] = state[f"{theirs}.bias"]
  return ours


def resized(table: np.ndarray, side: int) -> np.ndarray:
  """A square grid of rows with another number of rows a side, bicubic.

  As PyTorch's `interpolate(mode="bicubic", align_corners=False)`: without averaging
  where the grid shrinks, edges repeated.

  Args:
    table: (n * n, D), row by row.
    side: m.
  Returns:
    (m * m, D) float64.
  """
  n = math.isqrt(len(table))
  if n == side:
    return table.astype(np.float64)
  matrix = _cubic_matrix(n, side)
  grid = table.reshape(n, n, -1).astype(np.float64)
  grid = np.einsum("ri,cj,ijd->rcd", matrix, matrix, grid, optimize=True)
  return grid.reshape(side * side, -1)


def _cubic_matrix(n: int, m: int) -> np.ndarray:
  """What each of n points gives to each of m between them, (m, n); rows sum to 1.

  Source: Keys, "Cubic Convolution Interpolation", IEEE TASSP 29(6), 1981.
  """
  matrix = np.zeros((m, n))
  for row in range(m):
    at = (row + 0.5) * n / m - 0.5
    first = math.floor(at) - 1
    for point in range(first, first + 4):
      distance = abs(at - point)
      if distance <= 1:
        share = ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance**2 + 1
      else:
        share = _CUBIC * (((distance - 5) * distance + 8) * distance - 4)
      matrix[row, min(max(point, 0), n - 1)] += share
  return matrix


def _timm_convnext(size: convnext.Size) -> Iterator[tuple[str, str, str]]:
  """Each layer's name here and in timm, and that of its layer scale, if it has one."""
  yield "stage0_shrink", "stem.0", ""
  yield "stage0_norm", "stem.1", ""
  for stage, blocks in enumerate(size.blocks):
    if stage:
      yield f"stage{stage}_norm", f"stages.{stage}.downsample.0", ""
      yield f"stage{stage}_shrink", f"stages.{stage}.downsample.1", ""
    for block in range(blocks):
      ours, theirs = f"stage{stage}_block{block}", f"stages.{stage}.blocks.{block}"
      yield f"{ours}/depthwise", f"{theirs}.conv_dw", ""
      yield f"{ours}/norm", f"{theirs}.norm", ""
      yield f"{ours}/widen", f"{theirs}.mlp.fc1", ""
      yield f"{ours}/residual", f"{theirs}.mlp.fc2", f"{theirs}.gamma"
  yield "exit_norm", "head.norm", ""


def _transformers_convnext(size: convnext.Size) -> Iterator[tuple[str, str, str]]:
  """The same in transformers."""
  yield "stage0_shrink", "convnext.embeddings.patch_embeddings", ""
  yield "stage0_norm", "convnext.embeddings.layernorm", ""
  for stage, blocks in enumerate(size.blocks):
    whole = f"convnext.encoder.stages.{stage}"
    if stage:
      yield f"stage{stage}_norm", f"{whole}.downsampling_layer.0", ""
      yield f"stage{stage}_shrink", f"{whole}.downsampling_layer.1", ""
    for block in range(blocks):
      ours, theirs = f"stage{stage}_block{block}", f"{whole}.layers.{block}"
      yield f"{ours}/depthwise", f"{theirs}.dwconv", ""
      yield f"{ours}/norm", f"{theirs}.layernorm", ""
      yield f"{ours}/widen", f"{theirs}.pwconv1", ""
      yield f"{ours}/residual", f"{theirs}.pwconv2", f"{theirs}.layer_scale_parameter"
  yield "exit_norm", "convnext.layernorm", ""


def _convolution(weight: np.ndarray) -> np.ndarray:
  """(out, in, h, w) to (h, w, in, out)."""
  return weight.transpose(2, 3, 1, 0)


def _norm(state: Tensors, theirs: str, ours: str) -> Tensors:
  return {
    f"{ours}/scale": state[f"{theirs}.weight"],
    f"{ours}/bias": state[f"{theirs}.bias"],
  }


def _dense(state: Tensors, theirs: str, ours: str, scale: str = "") -> Tensors:
  """A fully connected layer, (out, in) to (in, out), times a layer scale, if any."""
  kernel, bias = state[f"{theirs}.weight"].T, state[f"{theirs}.bias"]
  if scale:
    factor = state[scale].astype(np.float64)
    kernel, bias = kernel * factor, bias * factor
  return {f"{ours}/kernel": kernel, f"{ours}/bias": bias}
