"""How the words for what a network sees feel: expected valence, arousal, dominance.

In: class probabilities, or shares of a scene, and the norms of the classes' names, see
`word_norms.of_class_names`. Out: (B, 3) float32 on 1..9.
"""

import jax
import jax.numpy as jnp

SIZE = 3  # valence, arousal, dominance
VERSION = 1


def expected(probabilities: jax.Array, table: jax.Array) -> jax.Array:
  """Mean norms of the known classes, weighted by how probable each is.

  Probabilities are taken relative to those of all known classes. A picture whose known
  classes all have probability 0 gets their plain mean.

  Args:
    probabilities: (B, C) float32, none negative.
    table: (C, 3) float32 norms, NaN for unknown classes; in each column at least one
      class is known.
  Returns:
    (B, 3) float32, each within the known classes' lowest and highest norm.
  """
  known = jnp.isfinite(table)
  norms = jnp.where(known, table, 0)
  weights = probabilities[:, :, None] * known[None].astype(probabilities.dtype)
  # Sums and not matrix products, which accelerators round to fewer bits.
  mass = jnp.sum(weights, axis=1)
  total = jnp.sum(weights * norms[None], axis=1)
  plain = jnp.sum(norms, axis=0) / jnp.sum(known, axis=0).astype(norms.dtype)
  mean = jnp.where(mass > 0, total / jnp.where(mass > 0, mass, 1), plain[None])
  # Rounding may step over the ends, and does where the mass is next to nothing.
  lowest = jnp.min(jnp.where(known, table, jnp.inf), axis=0)
  highest = jnp.max(jnp.where(known, table, -jnp.inf), axis=0)
  return jnp.clip(mean, lowest[None], highest[None])
