"""Vision transformers: CLIP's image towers and DINOv2, which see a picture as patches.

In: (B, 224, 224, 3) uint8 RGB. Out: for each picture what the class token has become,
what CLIP compares with texts, and what DINOv2 says of the patches on average.

Sources: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; Radford et al.,
"Learning Transferable Visual Models From Natural Language Supervision" (CLIP), ICML
2021; Oquab et al., "DINOv2", TMLR 2024; as transformers 5.24 defines them. When weights
are converted, in float64, the class token and the patches' bias become part of the
positions, DINOv2's positions are interpolated to the grid of 224 pixels, and its layer
scales are folded into the layers before them; see `hub_tensors`.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from emojax.backbones import imagenet
from emojax.backbones.layers import PRECISION, Conv, Dense, LayerNorm, gelu, param

CLIP_SHORT_PX = 224  # the short side of the picture whose centre CLIP sees
DINOV2_SHORT_PX = 256
CLIP_MEAN_RGB = (0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255)
CLIP_SCALE_RGB = (0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255)
_CLIP_EPSILON = 1e-5
_DINOV2_EPSILON = 1e-6
_WIDENING = 4  # hidden units of a block per number of a token


class Size(NamedTuple):
  """How large a transformer is.

  Attributes:
    patch_px: side of a patch.
    width: numbers a token has.
    blocks: how many there are.
    heads: of each block's attention; `width` is a multiple.
    embed: numbers of CLIP's projected embedding; 0: there is none.
  """

  patch_px: int
  width: int
  blocks: int
  heads: int
  embed: int = 0


CLIP_B32 = Size(patch_px=32, width=768, blocks=12, heads=12, embed=512)
CLIP_L14 = Size(patch_px=14, width=1024, blocks=24, heads=16, embed=768)
DINOV2_B14 = Size(patch_px=14, width=768, blocks=12, heads=12)

Activation = Callable[[jax.Array], jax.Array]


def quick_gelu(x: jax.Array) -> jax.Array:
  """CLIP's approximation of `gelu` by a sigmoid."""
  return x * nn.sigmoid(1.702 * x)


class Attention(nn.Module):
  """To each token, of all tokens what its query finds in their keys: (B, N, D)."""

  heads: int

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    batch, tokens, width = x.shape
    apart = (batch, tokens, self.heads, width // self.heads)
    query, key, value = (
      Dense(width, name=name)(x).reshape(apart) for name in ("query", "key", "value")
    )
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key, precision=PRECISION)
    shares = nn.softmax(scores.astype(jnp.float32) * apart[-1] ** -0.5)
    shares = shares.astype(value.dtype)
    y = jnp.einsum("bhqk,bkhd->bqhd", shares, value, precision=PRECISION)
    return Dense(width, name="residual")(y.reshape(x.shape))


class Block(nn.Module):
  """Attention, then two layers for each token alone; each is added to its input."""

  heads: int
  activation: Activation
  epsilon: float

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    y = LayerNorm(self.epsilon, name="attention_norm")(x)
    x = x + Attention(self.heads, name="attention")(y).astype(x.dtype)
    y = LayerNorm(self.epsilon, name="widen_norm")(x)
    y = self.activation(Dense(_WIDENING * x.shape[-1], name="widen")(y))
    return x + Dense(x.shape[-1], name="residual")(y).astype(x.dtype)


class Patches(nn.Module):
  """Scaled pictures (B, S, S, 3) to tokens (B, 1 + patches, D), the class token first.

  The parameter `positions` (1 + patches, D) is added: where a patch is.
  """

  size: Size

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    side, width = self.size.patch_px, self.size.width
    x = Conv(width, side, side, padding="VALID", use_bias=False, name="patches")(x)
    x = x.astype(jnp.float32).reshape(len(x), -1, width)
    shape = (1 + x.shape[1], width)
    positions = param(self, "positions", shape)
    x = jnp.pad(x, ((0, 0), (1, 0), (0, 0)))
    return x + positions.astype(jnp.float32)[None]


class Clip(nn.Module):
  """A CLIP image tower of some size, from uint8 RGB pictures to its outputs."""

  size: Size

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB, S = 224 as trained.
    Returns:
      float32 arrays: "pool" (B, width), the class token behind the last normalisation;
      "embed" (B, embed), its projection to where CLIP's texts are, not normalised.
    """
    x = imagenet.scaled(images, CLIP_MEAN_RGB, CLIP_SCALE_RGB)
    x = Patches(self.size, name="tokens")(x)
    x = LayerNorm(_CLIP_EPSILON, name="enter_norm")(x)
    for number in range(self.size.blocks):
      name = f"block{number}"
      x = Block(self.size.heads, quick_gelu, _CLIP_EPSILON, name=name)(x)
    pool = LayerNorm(_CLIP_EPSILON, name="exit_norm")(x[:, 0])
    embed = Dense(self.size.embed, use_bias=False, name="embed")(pool)
    return {"pool": pool, "embed": embed.astype(jnp.float32)}


class Dinov2(nn.Module):
  """A DINOv2 network of some size, from uint8 RGB pictures to its outputs."""

  size: Size

  @nn.compact
  def __call__(self, images: jax.Array) -> dict[str, jax.Array]:
    """What the network says about each picture.

    Args:
      images: (B, S, S, 3) uint8 RGB; S = 224 here, trained on up to 518.
    Returns:
      float32 arrays, (B, width): "embed", the class token, and "pool", the average of
      the patches' tokens, both behind the last normalisation.
    """
    x = Patches(self.size, name="tokens")(imagenet.scaled(images))
    for number in range(self.size.blocks):
      name = f"block{number}"
      x = Block(self.size.heads, gelu, _DINOV2_EPSILON, name=name)(x)
    x = LayerNorm(_DINOV2_EPSILON, name="exit_norm")(x)
    return {"embed": x[:, 0], "pool": x[:, 1:].mean(axis=1)}
