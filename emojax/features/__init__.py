"""Pictures to numbers: `FEATURES` lists every feature in column order.

In: a batch of uint8 RGB pictures in the feature's view, and what it `needs`. Out: (B,
size) float32, finite, the same whatever else is in the batch. `DERIVED` lists features
made of other features' values. `params` loads what they need.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import jax

from emojax import images
from emojax.backbones import (
  BACKBONES,
  alexnet,
  convnext,
  deeplab,
  efficientnet_lite,
  resnet,
  squeezenet,
  vgg,
  vit,
)
from emojax.features import (
  attributes,
  color,
  face,
  gist,
  lbp,
  objects,
  semantics,
  word_emotion,
)
from emojax.features.base import JOIN, Compute, Derived, Feature, Select

__all__ = ["DERIVED", "FEATURES", "Derived", "Feature", "compute"]

_PROPORTIONAL_PX = 360  # 320 x 400 for photographs of 4 : 5; see BUILD_NOTES.md

Values = dict[str, jax.Array]  # feature name -> (B, size) float32


def _view(backbone: str) -> images.View:
  """The picture a backbone sees, as a view of that name."""
  return images.View(name=backbone, **dataclasses.asdict(BACKBONES[backbone].view))


def _whole_view(backbone: str) -> images.View:
  """The whole picture, squashed to the square of a backbone that was shown cuts."""
  return dataclasses.replace(_view(backbone), name=f"{backbone}_whole", fit="squash")


def _proportional_view(backbone: str) -> images.View:
  """The whole picture, nearly in its proportions, as large as a square of 360 px."""
  return dataclasses.replace(
    _view(backbone),
    name=f"{backbone}_proportional",
    fit="proportional",
    side_px=_PROPORTIONAL_PX,
  )


def _of_network(
  backbone: str,
  select: Select,
  size: int,
  version: int,
  kind: Literal["probability", "value"] = "value",
  view: images.View | None = None,
) -> Feature:
  """A feature that one of the networks gives, of its own view if no other is named."""

  def make(params: Any) -> Compute:
    return lambda images: select(BACKBONES[backbone].apply(params, images))

  shown = view or _view(backbone)
  return Feature(size, version, shown, backbone, make, select, kind)


def _of_object_network(
  backbone: str, penultimate: Literal["fc7", "pool"], size: int
) -> dict[str, Feature]:
  """The class probabilities of an object network, and what its class layer looks at."""
  select = objects.fc7 if penultimate == "fc7" else objects.pool
  version = objects.VERSION
  return {
    f"object_{backbone}": _of_network(
      backbone, objects.probabilities, objects.SIZE, version, "probability"
    ),
    f"{penultimate}_{backbone}": _of_network(backbone, select, size, version),
  }


def _of_efficientnet_lite(version: int) -> dict[str, Feature]:
  """What the network says about the cut it was trained on, and about whole pictures.

  These squashed to its square, or nearly in their proportions.
  """
  backbone = f"efficientnet_lite{version}"
  pooled = {
    "pool": (objects.pool, efficientnet_lite.POOL_SIZE),
    "stage6": (objects.stage6, efficientnet_lite.stage_size(version, 6)),
    "stage5": (objects.stage5, efficientnet_lite.stage_size(version, 5)),
  }
  views = (_whole_view(backbone), _proportional_view(backbone))
  return {
    f"object_{backbone}": _of_network(
      backbone, objects.probabilities, objects.SIZE, objects.VERSION, "probability"
    ),
    **{
      f"{name}_{backbone}": _of_network(backbone, select, size, objects.VERSION)
      for name, (select, size) in pooled.items()
    },
    f"logits_{backbone}": _of_network(
      backbone, objects.logits, objects.SIZE, objects.VERSION
    ),
    **{
      f"{name}_{view.name}": _of_network(
        backbone, select, size, objects.VERSION, view=view
      )
      for view in views
      for name, (select, size) in pooled.items()
    },
  }


def _of_transformer(
  backbone: str, embed_size: int, pool_size: int
) -> dict[str, Feature]:
  """What a vision transformer says of the picture, and what it says so from."""
  return {
    f"embed_{backbone}": _of_network(
      backbone, objects.embed, embed_size, objects.VERSION
    ),
    f"pool_{backbone}": _of_network(backbone, objects.pool, pool_size, objects.VERSION),
  }


FEATURES: dict[str, Feature] = {  # order here is column order in the dataset
  "color": Feature(
    size=color.SIZE,
    version=color.VERSION,
    view=images.SQUASH,
    needs="color_names",
    make=color.make,
    alike=color.ALIKE,
  ),
  "gist": Feature(
    size=gist.SIZE,
    version=gist.VERSION,
    view=images.CROP,
    needs="",
    make=gist.make,
  ),
  "gist512": Feature(
    size=gist.SIZE_512,
    version=gist.VERSION,
    view=images.CROP,
    needs="",
    make=gist.make_512,
  ),
  "lbp": Feature(
    size=lbp.SIZE,
    version=lbp.VERSION,
    view=images.SQUASH,
    needs="",
    make=lbp.make,
    alike=lbp.ALIKE,
  ),
  "object_squeezenet": _of_network(
    "squeezenet",
    objects.probabilities,
    size=objects.SIZE,
    version=objects.VERSION,
    kind="probability",
  ),
  "logits_squeezenet": _of_network(
    "squeezenet", objects.logits, size=objects.SIZE, version=objects.VERSION
  ),
  "pool_squeezenet": _of_network(
    "squeezenet", objects.pool, size=squeezenet.POOL_SIZE, version=objects.VERSION
  ),
  "semantic_deeplab": _of_network(
    "deeplab",
    semantics.shares,
    size=semantics.SIZE,
    version=semantics.VERSION,
    kind="probability",
  ),
  "pool_deeplab": _of_network(
    "deeplab", semantics.pool, size=deeplab.POOL_SIZE, version=semantics.VERSION
  ),
  "spread_deeplab": _of_network(
    "deeplab", semantics.spread, size=deeplab.POOL_SIZE, version=semantics.VERSION
  ),
  **_of_object_network("alexnet", "fc7", alexnet.FC7_SIZE),
  **_of_object_network("vgg16", "fc7", vgg.FC7_SIZE),
  **_of_object_network("vgg19", "fc7", vgg.FC7_SIZE),
  **{
    name: feature
    for depth in resnet.BLOCKS
    for name, feature in _of_object_network(
      f"resnet{depth}", "pool", resnet.pool_size(depth)
    ).items()
  },
  "semantic_resnet38": _of_network(
    "resnet38",
    semantics.shares_of_all,
    size=semantics.SIZE,
    version=semantics.VERSION,
    kind="probability",
  ),
  **_of_efficientnet_lite(0),
  **_of_efficientnet_lite(1),
  **_of_efficientnet_lite(2),
  **_of_transformer("clip_vit_b32", vit.CLIP_B32.embed, vit.CLIP_B32.width),
  **_of_transformer("clip_vit_l14", vit.CLIP_L14.embed, vit.CLIP_L14.width),
  **_of_transformer("dinov2_vit_b14", vit.DINOV2_B14.width, vit.DINOV2_B14.width),
  "pool_convnext_large_22k": _of_network(
    "convnext_large_22k",
    objects.pool,
    size=convnext.LARGE.channels[-1],
    version=objects.VERSION,
  ),
  "face": _of_network(face.DETECTOR, face.summary, face.SIZE, face.VERSION),
  "expression": Feature(
    size=face.EXPRESSION_SIZE,
    version=face.VERSION,
    view=_view(face.DETECTOR),
    needs=JOIN.join((face.DETECTOR, face.CLASSIFIER)),
    make=face.make_expression,
    kind="probability",
  ),
}

DERIVED: dict[str, Derived] = {
  "attributes": Derived(
    version=attributes.VERSION, needs="attributes", make=attributes.make
  ),
  "word_emotion": Derived(
    version=word_emotion.VERSION, needs="word_norms", make=word_emotion.make
  ),
}


def compute(names: Sequence[str], params: Any, images: jax.Array) -> Values:
  """Several features of the same pictures at once; a network runs once for all of its.

  XLA merges what two features compute in common, but not loops, and networks have some.

  Args:
    names: features that share a view and a need.
    params: what they need; may be traced.
    images: (B, S, S, 3) uint8 RGB in their view.
  Returns:
    name -> (B, size) float32.
  """
  features = {name: FEATURES[name] for name in names}
  need = next(iter(features.values())).needs
  if need not in BACKBONES:
    return {name: feature.make(params)(images) for name, feature in features.items()}
  outputs = BACKBONES[need].apply(params, images)
  return {
    name: feature.select(outputs)
    for name, feature in features.items()
    if feature.select
  }
