"""Tensors of the hub's files: every one is read, and files become weights files."""

import dataclasses
import math

import helpers
import jax
import numpy as np
import pytest
import safetensors.numpy
from flax.traverse_util import flatten_dict
from torch_files import write_torch

from emojax.backbones import BACKBONES, convert, hub_tensors, tensor_files, weights

GOLDENS = helpers.script("make_hub_goldens")
FULL = [
  (network, name)
  for network, cases in GOLDENS["CASES"].items()
  for name in cases
  if name.startswith("full")
]
# In the published files and no part of what emojax takes from them.
UNUSED = {
  "dinov2_vit_b14": {"embeddings.mask_token"},
  "convnext_large_22k": {
    *("classifier.weight", "classifier.bias"),
    *("head.fc.weight", "head.fc.bias"),
  },
}


class Watched(dict):
  """Remembers which entries were read."""

  def __init__(self, *args):
    super().__init__(*args)
    self.names = set()

  def __getitem__(self, name):
    self.names.add(name)
    return super().__getitem__(name)


@pytest.mark.parametrize(("network", "name"), FULL)
def test_published_tensors_are_the_networks(network, name):
  """By name and shape, at full size; zeros take no memory, but behind a layer scale."""
  shapes = GOLDENS["published_shapes"](network, name)
  zero = np.zeros((), np.float32)
  state = Watched({key: np.broadcast_to(zero, shape) for key, shape in shapes.items()})
  tensors = GOLDENS["CASES"][network][name].rename(state)
  ours = {key: tensor.shape for key, tensor in tensors.items()}
  assert ours == BACKBONES[network].shapes
  assert state.keys() - state.names == UNUSED.get(network, set()) & state.keys()


@pytest.mark.parametrize(
  ("network", "parameters"),
  [
    ("clip_vit_b32", 87_849_216),
    ("clip_vit_l14", 303_966_208),
    ("dinov2_vit_b14", 86_580_480),
    ("convnext_large_22k", 229_799_953),
  ],
)
def test_published_sizes(network, parameters):
  """As transformers 5.24 counts them; CLIP's without the tower for texts."""
  shapes = GOLDENS["published_shapes"](network)
  assert sum(map(math.prod, shapes.values())) == parameters


def test_a_grid_is_resized_as_by_pytorch():
  """Reference: torch 2.13.0, interpolate(mode="bicubic", align_corners=False)."""
  table = np.square(np.arange(25.0))[:, None]
  expected = [
    *(4.524005486968423, 12.888888888888857, 27.47599451303152),
    *(105.33333333333331, 144.0, 188.88888888888894),
    *(361.69821673525377, 430.6666666666667, 505.8573388203021),
  ]
  np.testing.assert_allclose(hub_tensors.resized(table, 3)[:, 0], expected, rtol=1e-12)
  assert np.array_equal(hub_tensors.resized(table, 5), table)


@pytest.fixture(params=["clip_vit_b32", "dinov2_vit_b14", "convnext_large_22k"])
def tiny(request, monkeypatch, tmp_path):
  """A network in its tiny size in place of itself, and its published file."""
  network = request.param
  case = GOLDENS["CASES"][network]["tiny"]
  backbone = BACKBONES[network]
  view = dataclasses.replace(backbone.view, side_px=case.side_px)
  small = dataclasses.replace(
    backbone,
    module=case.module,
    apply=lambda params, images: case.module.apply({"params": params}, images),
    view=view,
  )
  monkeypatch.setitem(BACKBONES, network, small)
  converters = tuple(
    converter._replace(rename=case.rename) for converter in convert.CONVERTERS[network]
  )
  monkeypatch.setitem(convert.CONVERTERS, network, converters)
  tensors = GOLDENS["draw"](GOLDENS["published_shapes"](network, "tiny"))
  folder = tmp_path / f"models--owner--{converters[-1].model}" / "snapshots"
  folder.mkdir(parents=True)
  # As the files of CLIP have it, which hold more than the image tower.
  more = {"text_model.final_layer_norm.weight": np.zeros(3, np.float32)}
  path = folder / "model.safetensors"
  safetensors.numpy.save_file(tensors | more, path)
  return network, path


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_hubs_file_becomes_weights(tiny, tmp_path, name):
  network, path = tiny
  if name != path.name:
    tensors = safetensors.numpy.load_file(path)
    path.unlink()
    path = write_torch(path.with_name(name), tensors)
  (tmp_path / "other").mkdir()
  (tmp_path / "other" / path.name).write_bytes(b"of another model")
  line = convert.convert(network, tmp_path, tmp_path / "weights")
  assert line.endswith("own weights")
  loaded = weights.load(network, tmp_path / "weights")
  assert (loaded.source, loaded.class_names) == ("own", ())
  assert f"; {name}, sha256 " in loaded.origin
  side = BACKBONES[network].view.side_px
  outputs = jax.jit(BACKBONES[network].apply)(
    loaded.params, GOLDENS["draw_images"](side)
  )
  errors = GOLDENS["relative_errors"](network, "tiny", outputs)
  assert max(errors.values()) < 1e-4


def test_only_what_is_asked_for_is_read(tmp_path):
  tensors = {name: np.zeros(2, np.float32) for name in ("a.x", "ab.x", "b.x")}
  path = tmp_path / "model.safetensors"
  safetensors.numpy.save_file(tensors, path)
  assert tensor_files.read_safetensors(path, ("a.", "b.")).keys() == {"a.x", "b.x"}
  assert tensor_files.read_safetensors(path).keys() == tensors.keys()


def test_another_networks_file_is_refused(tiny, tmp_path):
  network, path = tiny
  tensors = safetensors.numpy.load_file(path)
  smaller = {name: tensor[..., :-1] for name, tensor in tensors.items()}
  safetensors.numpy.save_file(smaller, path)
  with pytest.raises(weights.WeightsError, match=r"shape or type|is not the published"):
    convert.convert(network, path, tmp_path)
  safetensors.numpy.save_file({"a": np.zeros(2, np.float32)}, path)
  with pytest.raises(weights.WeightsError, match=r"published model\.safetensors: it"):
    convert.convert(network, path, tmp_path)
  for data, message in (
    (b"<!DOCTYPE html>", "looks like a web page"),
    (b"\x80\x02}q\x00." * 9, "is no safetensors file or is cut short"),
  ):
    path.write_bytes(data)
    with pytest.raises(weights.WeightsError, match=message):
      convert.convert(network, path, tmp_path)
  path.unlink()
  with pytest.raises(weights.WeightsError, match="in a folder that is named"):
    convert.convert(network, tmp_path, tmp_path)
  assert not list(tmp_path.glob("*.safetensors"))


def test_random_parameters_are_of_the_networks_shapes(tiny):
  network, _ = tiny
  drawn = weights.random(network)
  flat = flatten_dict(drawn.params, sep="/")
  shapes = {name: tensor.shape for name, tensor in flat.items()}
  assert shapes == BACKBONES[network].shapes
  assert drawn.class_names == ()
