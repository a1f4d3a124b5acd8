"""SqueezeNet against its published numbers, and the shared layers against XLA's own."""

import importlib.util
import pathlib

import flax.linen as nn
import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from emojax import images
from emojax.backbones import BACKBONES, convert, layers, squeezenet, weights
from emojax.features import FEATURES

VIEW = FEATURES["object_squeezenet"].view


@pytest.fixture(scope="module")
def trained(shared_data, tmp_path_factory):
  folder = tmp_path_factory.mktemp("weights")
  source = shared_data / "imagenet_squeezenet_v10"
  convert.convert("squeezenet", source, folder)
  return weights.load("squeezenet", folder)


@pytest.fixture(scope="module")
def run():
  apply = jax.jit(squeezenet.apply)
  return lambda params, batch: jax.tree.map(np.asarray, apply(params, batch))


def test_cat_from_file_to_probabilities(shared_data, trained, run):
  """Reference: the Caffe weights run in PyTorch on Pillow's bilinear resize."""
  folder = shared_data / "imagenet_squeezenet_v10"
  expected = np.load(folder / "reference_outputs.npz")["cat_jpg_prob"]
  image = images.view(images.load(folder / "cat.jpg"), VIEW)
  outputs = run(trained.params, image[None])
  np.testing.assert_allclose(outputs["probabilities"][0], expected, atol=1e-5, rtol=0)


def test_outputs_are_torchvisions():
  """Reference: torchvision 0.28.0 on torch 2.13.0, seeded random weights, float64.

  At 96 pixels the second pool has to round its size up.
  """
  errors = helpers.script("make_goldens")["compare"]("squeezenet")
  assert errors.keys() == {"logits", "pool"}
  assert max(errors.values()) < 1e-4


@pytest.mark.slow
def test_photographs_from_file_to_probabilities(shared_data, trained, run):
  """Reference: `squeezenet_prob` beside OASIS, made as the cat's."""
  reference = np.load(shared_data / "oasis" / "reference_features.npz")
  rows = range(0, 720, 90)
  names = reference["name"]
  folder = shared_data / "oasis" / "images"
  batch = [images.view(images.load(folder / names[row]), VIEW) for row in rows]
  outputs = run(trained.params, np.stack(batch))
  expected = reference["squeezenet_prob"][list(rows)]
  np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_class_names_are_in_output_order(shared_data, trained, run):
  """The pictures' own themes are the reference."""
  folder = shared_data / "oasis" / "images"
  names = ["Zebra 1", "Candle 1", "Volcano 3", "Tiger 2"]
  batch = [images.view(images.load(folder / f"{name}.jpg"), VIEW) for name in names]
  best = run(trained.params, np.stack(batch))["probabilities"].argmax(axis=1)
  for name, index in zip(names, best, strict=True):
    assert name.split()[0].lower() in trained.class_names[index]


@pytest.mark.slow
def test_outputs_and_their_relations(run):
  params = BACKBONES["squeezenet"].init(0)
  rng = np.random.default_rng(1)
  outputs = run(params, rng.integers(0, 256, (3, 227, 227, 3), dtype=np.uint8))
  shapes = {name: output.shape for name, output in outputs.items()}
  assert shapes == {"probabilities": (3, 1000), "logits": (3, 1000), "pool": (3, 512)}
  softmax = np.asarray(nn.softmax(outputs["logits"]))
  np.testing.assert_allclose(softmax, outputs["probabilities"], rtol=1e-6)
  assert outputs["pool"].min() >= 0  # behind a ReLU
  # Random weights must not decide every picture alike.
  assert outputs["logits"].std(axis=0).mean() > 1e-3


@pytest.mark.parametrize("length", [7, 8, 9, 13])
def test_max_pool_rounds_its_size_up(length):
  """Reference: the definition, window by window, windows cut off at the border."""
  rng = np.random.default_rng(length)
  x = -rng.random((2, length, length + 1, 3), dtype=np.float32)  # padding must not win
  y = np.asarray(jax.jit(layers.max_pool)(x))
  rows, columns = (-(-(n - 3) // 2) + 1 for n in x.shape[1:3])
  assert y.shape == (2, rows, columns, 3)
  for row in range(rows):
    for column in range(columns):
      window = x[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
      assert np.array_equal(y[:, row, column], window.max(axis=(1, 2)))


@pytest.mark.parametrize("length", [8, 9, 17])
@pytest.mark.parametrize(
  ("stride", "dilation", "size"),
  [(1, 1, 3), (2, 1, 3), (1, 2, 3), (1, 4, 3), (1, 1, 5), (2, 1, 5)],
)
def test_depthwise_is_the_grouped_convolution(length, stride, dilation, size):
  """Reference: XLA's own convolution with as many groups as channels."""
  channels = 6
  rng = np.random.default_rng(length)
  x, kernel, bias = (
    rng.standard_normal(shape).astype(np.float32)
    for shape in ((2, length, length + 2, channels), (size, size, channels), channels)
  )
  layer = layers.Depthwise(stride, dilation, size)
  y = jax.jit(layer.apply)({"params": {"kernel": kernel, "bias": bias}}, x)
  expected = lax.conv_general_dilated(
    x,
    kernel[:, :, None],
    (stride, stride),
    "SAME",
    rhs_dilation=(dilation, dilation),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    feature_group_count=channels,
    precision=layers.PRECISION,
  )
  expected = np.asarray(expected) + bias
  np.testing.assert_allclose(np.asarray(y), expected, atol=1e-5)


def test_pointwise_convolution_is_a_convolution():
  rng = np.random.default_rng(3)
  x = jnp.asarray(rng.standard_normal((2, 5, 4, 6)), jnp.float32)
  kernel = jnp.asarray(rng.standard_normal((1, 1, 6, 3)), jnp.float32)
  params = {"params": {"kernel": kernel, "bias": jnp.ones(3)}}
  by_product = layers.Conv(3).apply(params, x)
  by_convolution = layers.Conv(3, padding=((0, 0), (0, 0))).apply(params, x)
  np.testing.assert_allclose(by_product, by_convolution, atol=1e-5)


def test_module_needs_nothing_else_of_emojax():
  """Backbones are a room of their own: they import nothing of emojax but each other."""
  for name in ("squeezenet", "efficientnet_lite", "layers", "random_init", "weights"):
    spec = importlib.util.find_spec(f"emojax.backbones.{name}")
    text = pathlib.Path(spec.origin).read_text(encoding="utf-8")
    imports = [line for line in text.splitlines() if line.startswith("from emojax")]
    assert all(line.startswith("from emojax.backbones") for line in imports), name
