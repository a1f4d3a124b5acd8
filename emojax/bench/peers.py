"""The networks in PyTorch and ONNX Runtime, to measure emojax beside; needs both.

In: a network's name. Out: calls by memory layout and batch, from uint8 pictures to what
emojax takes from that network, and the numbers themselves, so that both are seen to
compute the same.
"""

import functools
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from emojax.backbones import (
  BACKBONES,
  deeplab,
  efficientnet_lite,
  resnet,
  resnet38,
  squeezenet,
  vgg,
  weights,
)
from emojax.bench.measure import draw_images

Calls = Mapping[tuple[str, int], Callable[[], Any]]  # by memory layout and batch


def has(name: str) -> bool:
  """Whether a network is written here in PyTorch too; those of the hub are not yet.

  Nor are those of faces, whose originals are TensorFlow's.
  """
  return not name.startswith(("clip_", "dinov2_", "convnext_", "mtcnn", "fer"))


def exports(name: str) -> bool:
  """Whether ONNX can express it; not where classes are counted in whole pictures."""
  return name not in ("deeplab", "resnet38")


def pytorch_calls(
  name: str, precision: str, batches: Sequence[int]
) -> tuple[Calls, np.ndarray]:
  """The network in both of PyTorch's memory layouts; its outputs of two pictures.

  Args:
    name: of `BACKBONES`; its seeded random parameters are used.
    precision: "float32" or "bfloat16".
    batches: pictures at once.
  """
  import torch

  device = "cuda" if torch.cuda.is_available() else "cpu"
  backbone = BACKBONES[name]
  side = backbone.view.side_px
  dtype = getattr(torch, precision)
  # Full float32 products, as emojax asks for.
  torch.backends.cudnn.allow_tf32 = False
  recipe = (backbone.recipe.mean, backbone.recipe.scale)
  mean, scale = (torch.tensor(v, device=device)[:, None, None] for v in recipe)

  @torch.inference_mode()
  def go(network: Callable[[Any], Any], layout: Any, images: Any) -> Any:
    x = images.to(torch.float32, memory_format=layout)
    out = network(((x - mean) / scale).to(dtype))
    if device == "cuda":
      torch.cuda.synchronize()
    return out

  calls = {}
  for layout in (torch.contiguous_format, torch.channels_last):
    params = _tensors(weights.random(name).params, layout, dtype, device)
    run = functools.partial(go, _network(name, params), layout)
    for batch in batches:
      drawn = torch.tensor(draw_images(batch, side), device=device)
      calls[str(layout), batch] = functools.partial(run, drawn.permute(0, 3, 1, 2))
  two = torch.tensor(draw_images(2, side), device=device)
  return calls, run(two.permute(0, 3, 1, 2)).float().cpu().numpy()


def onnx_calls(
  name: str, precision: str, batches: Sequence[int]
) -> tuple[Calls, np.ndarray]:
  """As `pytorch_calls`, of the same PyTorch network exported to ONNX Runtime, on a CPU.

  Raises:
    ValueError: another precision than float32.
  """
  import onnxruntime
  import torch

  if precision != "float32":
    raise ValueError(f"ONNX Runtime is measured in float32, got {precision}")
  backbone = BACKBONES[name]
  side = backbone.view.side_px
  params = _tensors(
    weights.random(name).params, torch.contiguous_format, torch.float32, "cpu"
  )
  recipe = (backbone.recipe.mean, backbone.recipe.scale)
  mean, scale = (torch.tensor(value)[:, None, None] for value in recipe)

  class Exported(torch.nn.Module):
    def forward(self, images: Any) -> Any:
      return _network(name, params)((images.to(torch.float32) - mean) / scale)

  def drawn(batch: int) -> np.ndarray:
    return np.ascontiguousarray(draw_images(batch, side).transpose(0, 3, 1, 2))

  program = io.BytesIO()
  torch.onnx.export(
    Exported(),
    (torch.tensor(drawn(2)),),
    program,
    input_names=["images"],
    dynamic_axes={"images": {0: "batch"}},
    dynamo=False,
  )
  session = onnxruntime.InferenceSession(
    program.getvalue(), providers=["CPUExecutionProvider"]
  )

  def go(images: np.ndarray) -> np.ndarray:
    return session.run(None, {"images": images})[0]

  calls = {("", batch): functools.partial(go, drawn(batch)) for batch in batches}
  return calls, go(drawn(2))


def _tensors(tree: Any, layout: Any, dtype: Any, device: str) -> Any:
  """emojax's parameters as PyTorch lays them out."""
  import torch

  if isinstance(tree, Mapping):
    return {k: _tensors(v, layout, dtype, device) for k, v in tree.items()}
  tensor = torch.tensor(np.asarray(tree), dtype=dtype, device=device)
  if tensor.ndim == 4:  # (k, k, in, out)
    tensor = tensor.permute(3, 2, 0, 1).contiguous(memory_format=layout)
  if tensor.ndim == 3:  # (k, k, channels), depthwise
    tensor = tensor.permute(2, 0, 1)[:, None].contiguous(memory_format=layout)
  return tensor


def _network(name: str, params: Any) -> Callable[[Any], Any]:
  """From scaled pictures (B, 3, S, S) to logits or class shares."""
  if name == "squeezenet":
    return functools.partial(_squeezenet, params)
  if name == "alexnet":
    return functools.partial(_alexnet, params)
  if name.startswith("vgg"):
    return functools.partial(_vgg, params, int(name[3:]))
  if name == "deeplab":
    return functools.partial(_deeplab, params)
  if name == "resnet38":
    return functools.partial(_resnet38, params)
  if name.startswith("efficientnet_lite"):
    return functools.partial(_efficientnet_lite, params, int(name[-1]))
  return functools.partial(_resnet, params, int(name[6:]))


def _conv(p, x, stride=1, padding=0, dilation=1, groups=1):
  from torch.nn import functional

  return functional.conv2d(
    x, p["kernel"], p.get("bias"), stride, padding, dilation, groups
  )


def _dense(p, x):
  from torch.nn import functional

  return functional.linear(x, p["kernel"][:, :, 0, 0], p["bias"])


def _flat(x):
  """Rows, columns, channels, as emojax flattens."""
  return x.permute(0, 2, 3, 1).flatten(1)


def _pool(x, size=3, stride=2, padding=0, ceil=False):
  from torch.nn import functional

  return functional.max_pool2d(x, size, stride, padding, ceil_mode=ceil)


def _alexnet(p, x):
  x = _pool(_conv(p["conv1"], x, 4, 2).relu_())
  x = _pool(_conv(p["conv2"], x, 1, 2).relu_())
  for layer in ("conv3", "conv4", "conv5"):
    x = _conv(p[layer], x, 1, 1).relu_()
  x = _flat(_pool(x))
  x = _dense(p["fc7"], _dense(p["fc6"], x).relu_()).relu_()
  return _dense(p["fc8"], x)


def _vgg(p, depth, x):
  for level, count in enumerate(vgg.CONVOLUTIONS[depth]):
    for number in range(count):
      x = _conv(p[f"conv{level + 1}_{number + 1}"], x, 1, 1).relu_()
    x = _pool(x, 2)
  x = _dense(p["fc7"], _dense(p["fc6"], _flat(x)).relu_()).relu_()
  return _dense(p["fc8"], x)


def _resnet(p, depth, x):
  x = _pool(_conv(p["stem"], x, 2, 3).relu_(), padding=1)
  for level, count in enumerate(resnet.BLOCKS[depth]):
    for number in range(count):
      block = p[f"level{level + 1}_block{number}"]
      stride = 2 if level and not number else 1
      if resnet.bottleneck(depth):
        y = _conv(block["narrow"], x).relu_()
        y = _conv(block["conv"], y, stride, 1).relu_()
        y = _conv(block["residual"], y)
      else:
        y = _conv(block["conv"], x, stride, 1).relu_()
        y = _conv(block["residual"], y, 1, 1)
      if "shortcut" in block:
        x = _conv(block["shortcut"], x, stride)
      x = (x + y).relu_()
  return _dense(p["classifier"], x.mean((2, 3)))


def _efficientnet_lite(p, version, x):
  x = _conv_same(p["stem"], x, 2).clamp_(0, 6)
  for number, stage in enumerate(efficientnet_lite.stages(version)):
    for name in (f"stage{number}_block{block}" for block in range(stage.repeats)):
      block, stride = p[name], stage.stride if name.endswith("block0") else 1
      y = _conv(block["expand"], x).clamp_(0, 6) if "expand" in block else x
      y = _conv_same(block["depthwise"], y, stride, y.shape[1]).clamp_(0, 6)
      y = _conv(block["project"], y)
      x = x + y if x.shape == y.shape else y
  return _dense(p["classifier"], _conv(p["head"], x).clamp_(0, 6).mean((2, 3)))


def _conv_same(p, x, stride, groups=1):
  """TensorFlow's padding: what is odd of it is below and right."""
  from torch.nn import functional

  # A plain number: ONNX divides towards zero.
  size, length = p["kernel"].shape[-1], int(x.shape[-1])
  if stride == 1:
    return _conv(p, x, 1, size // 2, 1, groups)
  total = max((-(-length // stride) - 1) * stride + size - length, 0)
  x = functional.pad(x, (total // 2, total - total // 2) * 2)
  return _conv(p, x, stride, 0, 1, groups)


def _squeezenet(p, x):
  import torch

  x = _pool(_conv(p["conv1"], x, 2).relu_(), ceil=True)
  for number in squeezenet.FIRES:
    fire = p[f"fire{number}"]
    x = _conv(fire["squeeze"], x).relu_()
    narrow, wide = _conv(fire["expand1x1"], x), _conv(fire["expand3x3"], x, 1, 1)
    x = torch.cat([narrow, wide], 1).relu_()
    if number in squeezenet.POOL_BEHIND:
      x = _pool(x, ceil=True)
  return _conv(p["conv_final"], x, 1, 1).relu_().mean((2, 3))


def _deeplab(p, x):
  import torch

  x = _conv(p["stem"], x, 2, 1).clamp_(0, 6)
  low_level = x
  for number, (hidden, _, stride, dilation) in enumerate(deeplab.BLOCKS):
    block = p[f"block{number}"]
    wide = _conv(block["expand"], x).clamp_(0, 6) if "expand" in block else x
    filtered = _conv(block["depthwise"], wide, stride, dilation, dilation, hidden)
    filtered = filtered.clamp_(0, 6)
    y = _conv(block["project"], filtered)
    x = x + y if stride == 1 and x.shape == y.shape else y
    if number == deeplab.LOW_LEVEL_BLOCK:
      low_level = filtered
  pooled = _conv(p["pooling"], x.mean((2, 3), keepdim=True)).relu_()
  local = _conv(p["local"], x).relu_()
  x = _conv(p["join"], torch.cat([pooled.expand_as(local), local], 1)).relu_()
  low_level = _conv(p["low_level"], low_level).relu_()
  x = torch.cat([_enlarged(x, low_level.shape[-1]), low_level], 1)
  for number in range(2):
    x = _conv(p[f"decoder{number}_depthwise"], x, 1, 1, 1, x.shape[1]).relu_()
    x = _conv(p[f"decoder{number}_pointwise"], x).relu_()
  return _shares(_conv(p["classifier"], x), deeplab.SIDE_PX)


def _resnet38(p, x):
  def norm(q, x):
    return x * q["scale"][:, None, None] + q["bias"][:, None, None]

  x = _conv(p["stem"], x, 1, 1)
  for number, level in resnet38.LEVELS.items():
    for name in resnet38.block_names(number):
      block, first = p[f"block{name}"], name.endswith("a")
      stride = level.stride if first else 1
      entered = y = norm(block["enter"], x).relu_()
      for i, size in enumerate(level.sizes):
        dilation = (
          1 if size == 1 else level.entry if first and not i else level.dilation
        )
        last = i == len(level.sizes) - 1
        layer = block["residual" if last else f"conv{i}"]
        step = 1 if i else stride
        y = _conv(layer, y, step, dilation if size > 1 else 0, dilation)
        y = y if last else y.relu_()
      x = (_conv(block["shortcut"], entered, stride) if first else x) + y
  x = norm(p["exit"], x).relu_()
  x = _conv(p["head"], x, 1, 12, 12).relu_()
  return _shares(_conv(p["classifier"], x, 1, 12, 12), resnet38.SIDE_PX)


def _enlarged(x, side):
  from torch.nn import functional

  return functional.interpolate(
    x, size=(side, side), mode="bilinear", align_corners=True
  )


def _shares(scores, side):
  """Share of pixels whose best class is each, picture by picture to save memory."""
  import torch

  shares = []
  for scores_of_image in scores.float().split(1):
    labels = _enlarged(scores_of_image, side).argmax(1).flatten()
    shares.append(torch.bincount(labels, minlength=scores.shape[1]) / labels.numel())
  return torch.stack(shares)
