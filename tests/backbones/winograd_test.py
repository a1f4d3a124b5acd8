"""The fast 3x3 convolution equals the direct one, and its gradients do."""

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies
from jax import lax

from emojax.backbones import layers, winograd


def _direct(x, kernel):
  return lax.conv_general_dilated(
    x,
    kernel,
    (1, 1),
    "SAME",
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    precision=lax.Precision.HIGHEST,
  )


def _drawn(seed, *shape):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.slow
@hypothesis.settings(max_examples=8)
@hypothesis.given(
  height=strategies.integers(1, 9),
  width=strategies.integers(1, 9),
  channels=strategies.integers(1, 5),
  out=strategies.integers(1, 5),
  seed=strategies.integers(0, 99),
)
def test_it_is_the_same_convolution(height, width, channels, out, seed):
  x = _drawn(seed, 2, height, width, channels)
  kernel = _drawn(seed + 1, 3, 3, channels, out)
  found, wanted = winograd.convolve(x, kernel), _direct(x, kernel)
  np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-5)


def test_many_channels_round_no_worse_than_float32():
  x, kernel = _drawn(0, 1, 12, 12, 256), _drawn(1, 3, 3, 256, 32)
  wide = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
  exact = sum(
    wide[:, i : i + 12, j : j + 12] @ kernel[i, j].astype(np.float64)
    for i in range(3)
    for j in range(3)
  )
  error = np.abs(winograd.convolve(x, kernel) - exact).max() / np.abs(exact).max()
  assert error < 2e-6


@pytest.mark.slow
def test_a_layer_takes_the_way_that_pays_and_gives_direct_gradients():
  layer = layers.Conv(128, size=3)
  x = _drawn(0, 2, 36, 36, 128)
  params = {"kernel": _drawn(1, 3, 3, 128, 128) / 30, "bias": np.zeros(128, "f")}
  assert winograd.pays(jnp.asarray(x), jnp.asarray(params["kernel"]))
  text = jax.jit(layer.apply).lower({"params": params}, x).as_text()
  assert "stablehlo.convolution" not in text  # products only

  def loss(params, x):
    return jnp.sum(jnp.sin(layer.apply({"params": params}, x)))

  def wanted(params, x):
    return jnp.sum(
      jnp.sin(_direct(x, params["kernel"]) + params["bias"][None, None, None])
    )

  found = jax.grad(loss, (0, 1))(params, x)
  expected = jax.grad(wanted, (0, 1))(params, x)
  for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
    np.testing.assert_allclose(one, other, atol=2e-4 * np.abs(other).max())


def test_few_positions_or_channels_or_bfloat16_are_convolved_directly():
  x, kernel = jnp.zeros((2, 36, 36, 128)), jnp.zeros((3, 3, 128, 128))
  assert winograd.pays(x, kernel)
  assert not winograd.pays(x[:1], kernel)
  assert not winograd.pays(x[..., :64], kernel[:, :, :64])
  assert not winograd.pays(x, kernel[..., :64])
  assert not winograd.pays(x.astype(jnp.bfloat16), kernel)
