"""Which batch suits a network, and what precision does to its features."""

import jax
import numpy as np
import pytest

from emojax.extract import devices, extractor
from emojax.features.params import load_sources


def _programs(*names, **settings):
  sources = load_sources(names, weights="random", **settings)
  return devices.Programs({need: source.params for need, source in sources.items()})


def test_a_batch_is_no_larger_than_the_pictures_need():
  programs = _programs("lbp")
  assert programs.batch_for(("lbp",), 1) == 1
  assert programs.batch_for(("lbp",), 2) == 1  # two pretend devices
  assert programs.batch_for(("lbp",), 11) == 8
  assert programs.batch_for(("lbp",), 10_000) == devices.usual_batch() == 16


def test_few_pictures_of_several_shapes_fill_small_batches():
  names = ("pool_efficientnet_lite2_proportional",)
  programs = _programs(*names)
  assert programs.batch_for(names, 32, (9, 9)) == 1  # two pretend devices
  assert programs.batch_for(names, 60, (9, 9)) == 2
  assert programs.batch_for(names, 10_000, (9, 9)) == devices.usual_batch()


@pytest.mark.slow
def test_a_batch_is_halved_until_its_memory_fits(monkeypatch):
  programs = _programs("object_squeezenet")
  names = ("object_squeezenet",)
  most = programs.batch_for(names, 16)
  side = 227
  params = programs._on_devices("squeezenet")
  used = devices._program(names, params, (2, 4, side, side, 3))
  limit = used.memory_analysis().temp_size_in_bytes
  monkeypatch.setattr(devices, "_WORKSPACE_CPU_BYTES", limit)
  assert programs.batch_for(names, 16) == 4 < most


def test_networks_that_take_pictures_one_by_one_get_batches_of_one():
  assert _programs("semantic_deeplab").batch_for(("semantic_deeplab",), 100) == 1


def test_batches_are_handed_over_before_they_are_done():
  programs = _programs("lbp")
  images = np.zeros((4, 256, 256, 3), np.uint8)
  values = programs.start(("lbp",), images)["lbp"]
  assert isinstance(values, jax.Array) and values.shape == (2, 2, 59)


@pytest.fixture(scope="module")
def both_precisions():
  names = ("object_squeezenet", "pool_squeezenet")
  images = [
    np.random.default_rng(i).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for i in range(4)
  ]
  runs = {}
  for precision in ("float32", "bfloat16"):
    sources = load_sources(names, weights="random", precision=precision)
    networks = extractor.Extractor(names, sources)
    runs[precision] = (networks, networks.run(images).values)
  return runs


def test_bfloat16_changes_features_a_little(both_precisions):
  exact, rounded = both_precisions["float32"][1], both_precisions["bfloat16"][1]
  for name, values in exact.items():
    error = np.abs(rounded[name] - values).max() / np.abs(values).max()
    assert 1e-6 < error < 0.15, (name, error)
    assert rounded[name].dtype == np.float32
  sums = rounded["object_squeezenet"].sum(axis=1)
  np.testing.assert_allclose(sums, 1, atol=1e-5)


def test_bfloat16_features_are_not_taken_for_float32_ones(both_precisions):
  exact, rounded = (both_precisions[p][0] for p in ("float32", "bfloat16"))
  for name, key in exact.keys.items():
    assert key.text != rounded.keys[name].text
  described = rounded.describe()[0]
  assert described["weights"]["precision"] == "bfloat16"
  assert "bfloat16" in described["label"]
