"""The blocks that networks share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from emojax.backbones import layers


def test_a_parameter_of_another_shape_is_refused():
  x = jnp.ones((1, 4, 4, 3))
  params = layers.Conv(5).init(jax.random.key(0), x)["params"]
  assert jax.tree.map(jnp.shape, params) == {"kernel": (1, 1, 3, 5), "bias": (5,)}
  params["kernel"] = np.ones((1, 1, 5, 3), np.float32)
  with pytest.raises(ValueError, match=r"kernel has shape \(1, 1, 5, 3\), expected"):
    layers.Conv(5, name="stem").apply({"params": params}, x)
