"""Arrays of published convolutional networks, renamed and laid out as ours are.

In: the arrays of a published file. Out: arrays named and laid out as in
`Backbone.shapes`, batch norms folded into the convolutions before them, in float64.
"""

from collections.abc import Iterator

import numpy as np

from emojax.backbones import (
  deeplab,
  efficientnet_lite,
  imagenet,
  resnet,
  resnet38,
  squeezenet,
  vgg,
)

Tensors = dict[str, np.ndarray]

# Added to the variances of batch norms.
_TORCHVISION_EPSILON = 1e-5
_RESNET38_EPSILON = 1.001e-5
_EFFICIENTNET_EPSILON = 1e-3


def torchvision_plain(network: str, state: Tensors) -> Tensors:
  """AlexNet and VGG: numbered layers, (out, in, h, w) to (h, w, in, out).

  The first dense layer sees its grid channels first there and last here.
  """
  if network == "alexnet":
    names = dict(zip((0, 3, 6, 8, 10), (f"conv{n}" for n in range(1, 6)), strict=True))
    classifier, grid = (1, 4, 6), 6
  else:
    names, classifier, grid = (
      _vgg_layers(int(network.removeprefix("vgg"))),
      (0, 3, 6),
      7,
    )
  tensors = {}
  for number, name in names.items():
    tensors[f"{name}/kernel"] = state[f"features.{number}.weight"].transpose(2, 3, 1, 0)
    tensors[f"{name}/bias"] = state[f"features.{number}.bias"]
  for number, name in zip(classifier, ("fc6", "fc7", "fc8"), strict=True):
    kernel = state[f"classifier.{number}.weight"]
    if name == "fc6":
      kernel = kernel.reshape(len(kernel), -1, grid, grid).transpose(0, 2, 3, 1)
      kernel = kernel.reshape(len(kernel), -1)
    tensors[f"{name}/kernel"] = kernel.T[None, None]
    tensors[f"{name}/bias"] = state[f"classifier.{number}.bias"]
  return tensors


def _vgg_layers(depth: int) -> dict[int, str]:
  """torchvision numbers convolutions, ReLUs and pools in one row."""
  layers, number = {}, 0
  for level, count in enumerate(vgg.CONVOLUTIONS[depth], start=1):
    for convolution in range(1, count + 1):
      layers[number] = f"conv{level}_{convolution}"
      number += 2
    number += 1
  return layers


def torchvision_resnet(depth: int, state: Tensors) -> Tensors:
  """ResNets: each batch norm is folded into the convolution before it."""
  layers = {"conv1": ("bn1", "stem")}
  last = 3 if resnet.bottleneck(depth) else 2
  for level, count in enumerate(resnet.BLOCKS[depth], start=1):
    for block in range(count):
      theirs, ours = f"layer{level}.{block}", f"level{level}_block{block}"
      for number in range(1, last + 1):
        name = "residual" if number == last else "conv"
        if last == 3 and number == 1:
          name = "narrow"
        layers[f"{theirs}.conv{number}"] = (f"{theirs}.bn{number}", f"{ours}/{name}")
      if f"{theirs}.downsample.0.weight" in state:
        shortcut = f"{theirs}.downsample"
        layers[f"{shortcut}.0"] = (f"{shortcut}.1", f"{ours}/shortcut")
  tensors: Tensors = {}
  for convolution, (norm, name) in layers.items():
    kernel, bias = _folded(state, convolution, norm, _TORCHVISION_EPSILON)
    tensors[f"{name}/kernel"], tensors[f"{name}/bias"] = kernel, bias
  tensors["classifier/kernel"] = state["fc.weight"].T[None, None]
  tensors["classifier/bias"] = state["fc.bias"]
  return tensors


def efficientnet_lite_pytorch(version: int, state: Tensors) -> Tensors:
  """EfficientNet-Lite: each batch norm is folded into the convolution before it.

  A depthwise (channel, 1, h, w) becomes (h, w, channel).
  """
  tensors: Tensors = {}
  for convolution, norm, name in efficientnet_lite_layers(version):
    kernel, bias = _folded(state, convolution, norm, _EFFICIENTNET_EPSILON)
    depthwise = name.endswith("/depthwise")
    tensors[f"{name}/kernel"] = kernel[:, :, 0] if depthwise else kernel
    tensors[f"{name}/bias"] = bias
  tensors["classifier/kernel"] = state["_fc.weight"].T[None, None]
  tensors["classifier/bias"] = state["_fc.bias"]
  return tensors


def efficientnet_lite_layers(version: int) -> Iterator[tuple[str, str, str]]:
  """The published names of each convolution and its batch norm, and emojax's name."""
  yield "_conv_stem", "_bn0", "stem"
  stages = efficientnet_lite.stages(version)
  blocks = [
    (f"stage{number}_block{block}", stage)
    for number, stage in enumerate(stages)
    for block in range(stage.repeats)
  ]
  for number, (ours, stage) in enumerate(blocks):
    theirs = f"_blocks.{number}"
    if stage.expansion > 1:
      yield f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}/expand"
    yield f"{theirs}._depthwise_conv", f"{theirs}._bn1", f"{ours}/depthwise"
    yield f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}/project"
  yield "_conv_head", "_bn1", "head"


def ademxapp_resnet38(arrays: Tensors) -> Tensors:
  """ResNet-38: a batch norm between two convolutions is folded into the first."""

  def kernel(name: str) -> np.ndarray:
    return arrays[f"arg:{name}_weight"].transpose(2, 3, 1, 0)

  def norm(name: str) -> tuple[np.ndarray, np.ndarray]:
    return _scale_and_bias(
      arrays[f"arg:{name}_gamma"],
      arrays[f"arg:{name}_beta"],
      arrays[f"aux:{name}_moving_mean"],
      arrays[f"aux:{name}_moving_var"],
      _RESNET38_EPSILON,
    )

  tensors: Tensors = {"stem/kernel": kernel("conv1a")}
  for number, level in resnet38.LEVELS.items():
    branches = ["branch2a", *(f"branch2b{n}" for n in range(1, len(level.channels)))]
    for block in resnet38.block_names(number):
      enter = f"block{block}/enter"
      tensors[f"{enter}/scale"], tensors[f"{enter}/bias"] = norm(f"bn{block}_branch2a")
      for position, branch in enumerate(branches[:-1]):
        scale, bias = norm(f"bn{block}_{branches[position + 1]}")
        name = f"block{block}/conv{position}"
        tensors[f"{name}/kernel"] = kernel(f"res{block}_{branch}") * scale
        tensors[f"{name}/bias"] = bias
      tensors[f"block{block}/residual/kernel"] = kernel(f"res{block}_{branches[-1]}")
      if block.endswith("a"):
        tensors[f"block{block}/shortcut/kernel"] = kernel(f"res{block}_branch1")
  tensors["exit/scale"], tensors["exit/bias"] = norm("bn7")
  for name, theirs in (("head", "conv6a"), ("classifier", "linear150")):
    tensors[f"{name}/kernel"] = kernel(theirs)
    tensors[f"{name}/bias"] = arrays[f"arg:{theirs}_bias"]
  return tensors


def _folded(
  state: Tensors, convolution: str, norm: str, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
  """A convolution of PyTorch's with its batch norm: kernel (h, w, in, out) and bias."""
  scale, bias = _scale_and_bias(
    state[f"{norm}.weight"],
    state[f"{norm}.bias"],
    state[f"{norm}.running_mean"],
    state[f"{norm}.running_var"],
    epsilon,
  )
  return state[f"{convolution}.weight"].transpose(2, 3, 1, 0) * scale, bias


def _scale_and_bias(
  gamma: np.ndarray,
  beta: np.ndarray,
  mean: np.ndarray,
  variance: np.ndarray,
  epsilon: float,
) -> tuple[np.ndarray, np.ndarray]:
  """A batch norm as a factor and a term, both float64."""
  scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
  return scale, beta - mean * scale


def torchvision_squeezenet(state: Tensors) -> Tensors:
  """SqueezeNet: numbered layers, (out, in, h, w) to (h, w, in, out).

  torchvision's first layer sees (value - mean) / scale, here it sees the value less
  Caffe's mean. It has no padding, so other kernels and biases make up for that exactly.
  """
  layers = {"conv1": "features.0", "conv_final": "classifier.1"}
  for number, at in zip(squeezenet.FIRES, (3, 4, 5, 7, 8, 9, 10, 12), strict=True):
    for part in ("squeeze", "expand1x1", "expand3x3"):
      layers[f"fire{number}/{part}"] = f"features.{at}.{part}"
  tensors: Tensors = {}
  for name, theirs in layers.items():
    tensors[f"{name}/kernel"] = state[f"{theirs}.weight"].transpose(2, 3, 1, 0)
    tensors[f"{name}/bias"] = state[f"{theirs}.bias"]
  kernel = tensors["conv1/kernel"] / np.reshape(imagenet.SCALE_RGB, (3, 1))
  lower = np.subtract(squeezenet.MEAN_RGB, imagenet.MEAN_RGB)
  tensors["conv1/kernel"] = kernel
  tensors["conv1/bias"] = tensors["conv1/bias"] + lower @ kernel.sum(axis=(0, 1))
  return tensors | squeezenet.BORDERLESS


def caffe_squeezenet(archive: Tensors) -> Tensors:
  """Caffe's (out, in, h, w) to (h, w, in, out); the first layer's BGR to RGB."""
  layers = {"conv1x1_1": "squeeze", "conv1x1_2": "expand1x1", "conv3x3_2": "expand3x3"}
  kinds = {"weight": "kernel", "bias": "bias"}
  tensors = {}
  for name, tensor in archive.items():
    path, kind = name.rsplit(".", 1)
    path = "/".join(layers.get(part, part) for part in path.split("/"))
    if kind == "weight":
      tensor = tensor.transpose(2, 3, 1, 0)
      if path == "conv1":
        tensor = tensor[:, :, ::-1]
    tensors[f"{path}/{kinds[kind]}"] = tensor
  return tensors


def deeplab_mobilenet(archive: Tensors) -> Tensors:
  """TFLite's numbered operations to named layers, batch norms folded in.

  (out, h, w, in) becomes (h, w, in, out), a depthwise (1, h, w, channel) becomes
  (h, w, channel). Ten depthwise layers are followed by a batch norm, which is one
  product and one sum.
  """
  operations: dict[tuple[int, str], Tensors] = {}
  for name, tensor in archive.items():  # such as 003_CONV_2D_weight
    number, rest = name.split("_", 1)
    kind, part = rest.rsplit("_", 1)
    operations.setdefault((int(number), kind), {})[part] = tensor.astype(np.float64)
  names = _deeplab_layers()
  tensors: Tensors = {}
  layer = ""
  for (_, kind), parts in sorted(operations.items()):
    if kind == "MUL":
      tensors[f"{layer}/kernel"] *= parts["const1"]
      tensors[f"{layer}/bias"] *= parts["const1"]
    elif kind == "ADD":
      tensors[f"{layer}/bias"] += parts["const1"]
    else:
      layer = next(names, "more layers than expected")
      kernel = parts["weight"]
      depthwise = kind == "DEPTHWISE_CONV_2D"
      tensors[f"{layer}/kernel"] = (
        kernel[0] if depthwise else kernel.transpose(1, 2, 3, 0)
      )
      tensors[f"{layer}/bias"] = parts["bias"]
  return tensors


def _deeplab_layers() -> Iterator[str]:
  """DeepLab's layers in the order in which the published graph runs them."""
  yield "stem"
  for number in range(len(deeplab.BLOCKS)):
    if number:
      yield f"block{number}/expand"
    yield f"block{number}/depthwise"
    yield f"block{number}/project"
  yield from ("pooling", "local", "join", "low_level")
  for number in range(2):
    yield from (f"decoder{number}_depthwise", f"decoder{number}_pointwise")
  yield "classifier"
