"""What objects a network sees: its class probabilities, logits and pooled activations.

In: the outputs of an object network, see `BACKBONES`. Out: (B, size) float32. Features
of the same network cost one run of it.
"""

import jax

from emojax.backbones import Outputs

SIZE = 1000  # ImageNet classes
VERSION = 1


def probabilities(outputs: Outputs) -> jax.Array:
  """(B, 1000) class probabilities, each row summing to 1."""
  return outputs["probabilities"]


def logits(outputs: Outputs) -> jax.Array:
  """(B, 1000) class scores before the softmax."""
  return outputs["logits"]


def pool(outputs: Outputs) -> jax.Array:
  """(B, channels) activations before the class layer, averaged over positions."""
  return outputs["pool"]


def embed(outputs: Outputs) -> jax.Array:
  """(B, size) what CLIP compares with texts; DINOv2's class token."""
  return outputs["embed"]


def stage6(outputs: Outputs) -> jax.Array:
  """(B, channels) activations of EfficientNet's last stage, averaged over positions."""
  return outputs["stage6"]


def stage5(outputs: Outputs) -> jax.Array:
  """(B, channels) the same of the last stage but one."""
  return outputs["stage5"]


def fc7(outputs: Outputs) -> jax.Array:
  """(B, 4096) the second fully connected layer behind its ReLU."""
  return outputs["fc7"]
