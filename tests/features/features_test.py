"""The duties that every entry of FEATURES has, whatever it computes."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import unflatten_dict

from emojax.backbones import BACKBONES, Backbone
from emojax.features import FEATURES, compute
from emojax.features.base import JOIN
from emojax.features.params import load_sources

# Features that one computation gives: a network's of all its views, or one by itself.
_TOGETHER: dict[str, list[str]] = {}
for _name, _feature in FEATURES.items():
  _key = _feature.needs if _feature.needs in BACKBONES else _name
  _TOGETHER.setdefault(_key, []).append(_name)
# The first is heavy, the others share nearly all their code with a sibling.
_SLOW = {"deeplab", "gist512", "mtcnn", "expression"} | {
  key
  for key in _TOGETHER
  if key.startswith(
    ("alexnet", "vgg", "resnet", "efficientnet_lite", "clip", "dinov2", "convnext")
  )
  and key != "efficientnet_lite2"
}
# 1.2 GB of parameters; but for its size it is clip_vit_b32.
_TOO_LARGE = {"clip_vit_l14"}
# Smaller pictures than the view's, where those take long on a CPU and any will do.
# All views of a network are asked at the size of its own, by one compiled program.
_SIDES_PX = {
  "deeplab": 129,
  "resnet38": 33,
  "mtcnn": 49,
  "expression": 49,
  "convnext_large_22k": 64,
  **{f"resnet{depth}": 96 for depth in (18, 34, 50, 101, 152)},
  **{f"efficientnet_lite{version}": 128 for version in (0, 1, 2)},
}
_CLOSE = 1e-5
# By itself a picture's sums are in another order; AlexNet's first dense layer has 9216
# terms a sum, and one of 8192 numbers was 1.08e-5 away where there is AVX-512.
_CLOSE_ALONE = {"alexnet": 2e-5}
_SAME = 1e-6
# Without, a batch of the first is further than `_CLOSE` from its pictures one by one,
# and the others take longer to run than it takes to compile them so.
_EMITTED = {
  key: {"xla_cpu_use_fusion_emitters": True}
  for key in _TOGETHER
  if key.startswith(("efficientnet_lite", "clip", "dinov2", "convnext"))
}


# The tests of one network follow each other, so that its weights are drawn once and
# its programs compiled once.
every_computation = pytest.mark.parametrize(
  "key",
  [
    pytest.param(key, marks=[pytest.mark.slow] if key in _SLOW else [])
    for key in _TOGETHER
    if key not in _TOO_LARGE
  ],
  scope="module",
)


class OneSource(dict):
  """need -> Source, loaded when asked for; only the last, VGG's is half a gigabyte."""

  def __missing__(self, need):
    self.clear()
    name = next(name for name, feature in FEATURES.items() if feature.needs == need)
    source = load_sources([name], weights="random")[need]
    if need.startswith("mtcnn"):
      source = dataclasses.replace(source, params=sure_of_faces(source.params))
    return self.setdefault(need, source)


def sure_of_faces(params):
  """A detector of random weights that takes many windows for faces, not none."""
  detector = params.get("mtcnn", params)
  bias = np.array([-2, 2], np.float32)
  sure = {
    network: layers | {"classes": layers["classes"] | {"bias": bias}}
    for network, layers in detector.items()
  }
  return params | {"mtcnn": sure} if "mtcnn" in params else sure


@pytest.fixture(scope="module")
def sources():
  return OneSource()


def drawn(side: int, count: int = 3) -> np.ndarray:
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


@dataclasses.dataclass(frozen=True)
class Computation:
  """Features that are computed together, of three pictures.

  Attributes:
    features: by name, as in `FEATURES`.
    program: from pictures to name -> values.
    images: the pictures, (3, S, S, 3).
    values: what the program gives for them.
    network_runs: how often the program asks the network that all of them need; 0 where
      there is none.
    alone: name -> (2, 1, size): the first and the last picture, each by itself on a
      device of its own.
  """

  features: dict
  program: Callable
  images: np.ndarray
  values: dict
  network_runs: int
  alone: dict


def counting(network: str, runs: list) -> Backbone:
  """A network that notes each time it is asked, which is when it is traced."""
  backbone = BACKBONES[network]

  def apply(params, images):
    runs.append(network)
    return backbone.apply(params, images)

  return dataclasses.replace(backbone, apply=apply)


@pytest.fixture(scope="module")
def computation(key, sources):
  names = _TOGETHER[key]
  feature = FEATURES[names[0]]
  params = jax.device_put(sources[feature.needs].params)
  together = functools.partial(compute, names)
  options = _EMITTED.get(key)
  jitted = jax.jit(together, compiler_options=options)

  def program(images):
    arrays = jitted(params, jnp.asarray(images))
    return {name: np.asarray(values) for name, values in arrays.items()}

  images = drawn(_SIDES_PX.get(key, feature.view.side_px))
  before = images.copy()
  runs = []
  with pytest.MonkeyPatch.context() as patch:
    if feature.needs in BACKBONES:
      patch.setitem(BACKBONES, feature.needs, counting(feature.needs, runs))
    values = program(images)
  assert np.array_equal(images, before), "the input was changed"
  apart = images[[0, 2], None]
  spread = jax.pmap(together, in_axes=(None, 0), devices=jax.devices()[:2])
  alone = spread.lower(params, apart).compile(options)(params, apart)
  features = {name: FEATURES[name] for name in names}
  return Computation(features, program, images, values, len(runs), alone)


@every_computation
def test_common_duties(computation):
  images, values = computation.images, computation.values
  # A second time, and at other places of the batch.
  order = [2, 0, 1]
  turned = computation.program(images[order])
  for name, feature in computation.features.items():
    of_feature = values[name]
    assert of_feature.shape == (3, feature.size), name
    assert of_feature.dtype == np.float32, name
    assert np.isfinite(of_feature).all(), name
    assert np.abs(of_feature[0] - of_feature[2]).max() > 1e-4, (
      f"{name} is blind to the picture"
    )
    if feature.kind == "probability":
      assert of_feature.min() >= 0, name
      assert (of_feature.sum(axis=1) <= 1 + _CLOSE).all(), name
    # Not to the bit: GIST's Fourier transforms split their work as threads come free.
    again = turned[name][np.argsort(order)]
    np.testing.assert_allclose(again, of_feature, atol=_SAME, rtol=_SAME)
    np.testing.assert_allclose(again, of_feature, atol=_CLOSE, rtol=0)


@every_computation
def test_a_picture_alone_on_one_of_two_devices_has_the_same_numbers(key, computation):
  for name, values in computation.alone.items():
    assert len(values.sharding.device_set) == 2
    np.testing.assert_allclose(
      np.asarray(values)[:, 0],
      computation.values[name][[0, 2]],
      atol=_CLOSE_ALONE.get(key, _CLOSE),
      rtol=_CLOSE,
    )


@every_computation
def test_features_of_one_network_run_it_once(computation):
  needs = {feature.needs for feature in computation.features.values()}
  assert computation.network_runs == len(needs & BACKBONES.keys())


@pytest.mark.parametrize("network", sorted(_TOO_LARGE))
def test_what_is_too_large_to_run_is_traced(network, monkeypatch):
  names, backbone, runs = _TOGETHER[network], BACKBONES[network], []
  monkeypatch.setitem(BACKBONES, network, counting(network, runs))
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
      kind = feature.view.name.removeprefix(feature.needs)
      expected = {
        "": (view.fit, view.side_px),
        "_whole": ("squash", view.side_px),
        "_proportional": ("proportional", 360),
      }
      assert (feature.view.fit, feature.view.side_px) == expected[kind], name
    else:
      networks = feature.needs.split(JOIN)
      assert feature.needs in ("", "color_names") or set(networks) <= BACKBONES.keys()
