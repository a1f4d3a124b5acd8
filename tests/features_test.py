"""The duties that every entry of FEATURES has, whatever it computes."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from emojax.backbones import BACKBONES
from emojax.features import FEATURES, compute
from emojax.features.sources import load_sources

_SLOW = {  # the first is heavy, the others share nearly all their code with a sibling
  "semantic_deeplab",
  "gist512",
  "logits_squeezenet",
  "pool_squeezenet",
  "pool_deeplab",
  "spread_deeplab",
} | {
  name
  for name, feature in FEATURES.items()
  if feature.needs.startswith(("alexnet", "vgg", "resnet"))
}
# One network of a family stands for it where a test is of JAX more than of the feature.
_SIBLINGS = (
  "vgg16",
  "vgg19",
  "resnet34",
  "resnet50",
  "resnet101",
  "resnet152",
  "resnet38",
)
# Smaller pictures than the view's, where those would take a minute on a CPU.
_SIDES_PX = {"resnet38": 97}
_CLOSE = 1e-5


def _each(names):
  marks = {name: [pytest.mark.slow] if name in _SLOW else [] for name in names}
  params = [pytest.param(name, marks=marks[name]) for name in names]
  return pytest.mark.parametrize("name", params)


every_feature = _each(FEATURES)
feature_of_each_family = _each(
  [name for name, feature in FEATURES.items() if feature.needs not in _SIBLINGS]
)


class OneSource(dict):
  """need -> Source, loaded when asked for; only the last, VGG's is half a gigabyte."""

  def __missing__(self, need):
    self.clear()
    name = next(name for name, feature in FEATURES.items() if feature.needs == need)
    return self.setdefault(need, load_sources([name], weights="random")[need])


@pytest.fixture(scope="module")
def sources():
  return OneSource()


def pictures(side: int, count: int = 3) -> np.ndarray:
  """Different pictures: noise, a flat one, a ramp with a square; (count, S, S, 3)."""
  rng = np.random.default_rng(7)
  batch = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
  batch[1] = (200, 30, 90)
  ramp = np.linspace(0, 255, side).astype(np.uint8)
  batch[2] = np.stack([ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None]] * 2)[
    [0, 1, 0]
  ].transpose(1, 2, 0)
  batch[2, side // 4 : side // 2, side // 4 : side // 2] = (250, 240, 10)
  return batch


def computation(name, sources):
  """A feature as a jitted function of params and pictures."""
  feature = FEATURES[name]
  params = jax.tree.map(jnp.asarray, sources[feature.needs].params)
  if feature.needs in BACKBONES:
    compute = program(feature.needs)
    return lambda images: np.asarray(compute(params, jnp.asarray(images))[name])
  compute = jax.jit(lambda params, images: feature.make(params)(images))
  return lambda images: np.asarray(compute(params, jnp.asarray(images)))


@functools.lru_cache(maxsize=1)  # the features of a network stand side by side
def program(network):
  """All features of a network, jitted as extraction has them."""
  names = [name for name, feature in FEATURES.items() if feature.needs == network]
  return jax.jit(functools.partial(compute, names))


@every_feature
def test_common_duties(name, sources):
  feature = FEATURES[name]
  images = pictures(_SIDES_PX.get(feature.needs, feature.view.side_px))
  before = images.copy()
  compute = computation(name, sources)
  values = compute(images)

  assert values.shape == (3, feature.size)
  assert values.dtype == np.float32
  assert np.isfinite(values).all()
  assert np.array_equal(images, before), "the input was changed"
  # Not to the bit: GIST's Fourier transforms split their work as threads come free.
  np.testing.assert_allclose(compute(images), values, atol=1e-6, rtol=1e-6)
  assert np.abs(values[0] - values[2]).max() > 1e-4, "blind to the picture"
  if feature.kind == "probability":
    assert values.min() >= 0
    assert (values.sum(axis=1) <= 1 + _CLOSE).all()

  order = [2, 0, 1]
  np.testing.assert_allclose(compute(images[order]), values[order], atol=_CLOSE, rtol=0)
  for row in (0, 2):
    alone = compute(images[row : row + 1])[0]
    np.testing.assert_allclose(alone, values[row], atol=_CLOSE, rtol=_CLOSE)


@feature_of_each_family
def test_two_devices_give_the_numbers_of_one(name, sources):
  feature = FEATURES[name]
  images = pictures(feature.view.side_px)[[0, 2]]
  expected = computation(name, sources)(images)
  spread = jax.pmap(
    lambda params, images: feature.make(params)(images),
    in_axes=(None, 0),
    devices=jax.devices()[:2],
  )
  values = spread(sources[feature.needs].params, images[:, None])
  assert len(values.sharding.device_set) == 2
  np.testing.assert_allclose(
    np.asarray(values)[:, 0], expected, atol=_CLOSE, rtol=_CLOSE
  )


@pytest.mark.parametrize("network", BACKBONES)
def test_features_of_one_backbone_run_it_once(network, monkeypatch):
  names = [name for name, feature in FEATURES.items() if feature.needs == network]
  backbone, runs = BACKBONES[network], []

  def counted(params, images):
    runs.append(network)
    return backbone.apply(params, images)

  changed = dataclasses.replace(backbone, apply=counted)
  monkeypatch.setitem(BACKBONES, network, changed)
  side = backbone.view.side_px
  images = jax.ShapeDtypeStruct((2, side, side, 3), jnp.uint8)
  params = unflatten_dict(
    {
      name: jax.ShapeDtypeStruct(shape, jnp.float32)
      for name, shape in backbone.shapes.items()
    },
    sep="/",
  )
  shapes = jax.eval_shape(functools.partial(compute, names), params, images)
  assert len(runs) == 1
  assert {name: shape.shape for name, shape in shapes.items()} == {
    name: (2, FEATURES[name].size) for name in names
  }


def test_entries_agree_with_their_backbones():
  for name, feature in FEATURES.items():
    if feature.needs in BACKBONES:
      view = BACKBONES[feature.needs].view
      assert feature.view.side_px == view.side_px, name
      assert feature.view.fit == view.fit, name
    else:
      assert feature.needs in ("", "color_names"), name
