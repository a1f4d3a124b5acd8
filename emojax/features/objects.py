"""What objects a network sees: its class probabilities, logits and pooled activations.

In: a backbone's parameters, (B, S, S, 3) uint8 RGB pictures of that backbone's view.
Out: (B, size) float32. Features of the same backbone inside one jit cost one run of it:
XLA finds the common computation.
"""

from typing import Any

from emojax.backbones import BACKBONES, squeezenet
from emojax.features.feature import Compute

SIZE = squeezenet.CLASSES
LOGITS_SIZE = squeezenet.CLASSES
POOL_SIZE = squeezenet.POOL_SIZE
VERSION = 1


def make(params: Any, backbone: str = "squeezenet") -> Compute:
  """(B, 1000) class probabilities, each row summing to 1."""
  return _output(params, backbone, "probabilities")


def make_logits(params: Any, backbone: str = "squeezenet") -> Compute:
  """(B, 1000) class scores before the softmax."""
  return _output(params, backbone, "logits")


def make_pool(params: Any, backbone: str = "squeezenet") -> Compute:
  """(B, channels) activations before the class layer, averaged over positions."""
  return _output(params, backbone, "pool")


def _output(params: Any, backbone: str, name: str) -> Compute:
  apply = BACKBONES[backbone].apply
  return lambda images: apply(params, images)[name]
