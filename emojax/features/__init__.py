"""Pictures to numbers: `FEATURES` lists every feature in column order.

In: a batch of uint8 RGB pictures in the feature's view, and what it `needs`. Out: (B,
size) float32, finite, the same whatever else is in the batch. `sources` loads what they
need.
"""

import dataclasses

from emojax import images
from emojax.backbones import BACKBONES
from emojax.features import color, gist, lbp, objects, semantics
from emojax.features.feature import Feature

__all__ = ["FEATURES", "Feature"]


def _view(backbone: str) -> images.View:
  """The picture a backbone sees, as a view of that name."""
  return images.View(name=backbone, **dataclasses.asdict(BACKBONES[backbone].view))


_SQUEEZENET = _view("squeezenet")

FEATURES: dict[str, Feature] = {  # order here is column order in the dataset
  "color": Feature(
    size=color.SIZE,
    version=color.VERSION,
    view=images.SQUASH,
    needs="color_names",
    make=color.make,
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
  ),
  "object_squeezenet": Feature(
    size=objects.SIZE,
    version=objects.VERSION,
    view=_SQUEEZENET,
    needs="squeezenet",
    make=objects.make,
    kind="probability",
  ),
  "logits_squeezenet": Feature(
    size=objects.LOGITS_SIZE,
    version=objects.VERSION,
    view=_SQUEEZENET,
    needs="squeezenet",
    make=objects.make_logits,
  ),
  "pool_squeezenet": Feature(
    size=objects.POOL_SIZE,
    version=objects.VERSION,
    view=_SQUEEZENET,
    needs="squeezenet",
    make=objects.make_pool,
  ),
  "semantic_deeplab": Feature(
    size=semantics.SIZE,
    version=semantics.VERSION,
    view=_view("deeplab"),
    needs="deeplab",
    make=semantics.make,
    kind="probability",
  ),
}
