"""What a scene is made of: the share of pixels of each of 150 ADE20K classes.

In: the outputs of a scene-parsing network, see `BACKBONES`. Out: (B, size) float32.
Features of the same network cost one run of it.
"""

import jax

from emojax.backbones import Outputs

SIZE = 150
VERSION = 1


def shares(outputs: Outputs) -> jax.Array:
  """(B, 150) shares of pixels in the order of ADE20K's class list (`Idx` 1 to 150).

  "Background/other" competes for every pixel and is then left out, so a row sums to 1
  less the background's share.
  """
  return outputs["shares"][:, 1:]


def shares_of_all(outputs: Outputs) -> jax.Array:
  """(B, 150) the same of a network that knows no background; a row sums to 1."""
  return outputs["shares"]


def pool(outputs: Outputs) -> jax.Array:
  """(B, channels) activations before the class layers, averaged over positions."""
  return outputs["pool"]


def spread(outputs: Outputs) -> jax.Array:
  """(B, channels) the same activations' standard deviation over positions."""
  return outputs["spread"]
