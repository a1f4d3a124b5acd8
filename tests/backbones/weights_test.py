"""Weights files: written the same every time, refused whenever they are not right."""

import json
import os
import pathlib
import pickle

import numpy as np
import pytest
import safetensors.numpy
from flax.traverse_util import flatten_dict

from emojax.backbones import (
  BACKBONES,
  convert,
  random_init,
  squeezenet,
  tensor_files,
  weights,
)
from emojax.backbones.weights import WeightsError

NETWORK = "squeezenet"


@pytest.fixture(scope="module")
def tensors():
  return flatten_dict(weights.random(NETWORK).params, sep="/")


@pytest.fixture
def folder(tmp_path, tensors):
  """A folder with one good file: the network's own shapes, random numbers."""
  write(tmp_path, tensors)
  return tmp_path


def write(folder: pathlib.Path, tensors, network=NETWORK, **changes) -> pathlib.Path:
  path = weights.path_of(network, folder)
  values = {
    "class_names": tuple(f"thing {n}" for n in range(BACKBONES[network].class_count)),
    "licence": "CC0",
    "origin": "a test",
    **changes,
  }
  weights.save(path, network, tensors, **values)
  return path


def refusal(folder: pathlib.Path, network=NETWORK) -> str:
  """The message of the error that loading gives; always one line."""
  with pytest.raises(WeightsError) as caught:
    weights.load(network, folder)
  message = str(caught.value)
  assert "\n" not in message
  assert str(weights.path_of(network, folder)) in message
  return message


def test_saved_weights_come_back(folder, tensors):
  loaded = weights.load(NETWORK, folder)
  flat = flatten_dict(loaded.params, sep="/")
  assert set(flat) == set(tensors)
  assert all(np.array_equal(flat[name], tensors[name]) for name in tensors)
  assert loaded.digest == weights.digest(tensors)
  assert loaded.class_names[999] == "thing 999"
  assert (loaded.licence, loaded.origin) == ("CC0", "a test")
  # Good files that are not the published ones are taken, and called what they are.
  assert loaded.source == "own"
  assert loaded.label == f"squeezenet own weights {loaded.digest[:8]}"


def test_the_same_content_gives_the_same_bytes(tmp_path, tensors):
  backwards = dict(reversed(tensors.items()))
  for name in ("a", "b"):
    (tmp_path / name).mkdir()
  first = write(tmp_path / "a", tensors).read_bytes()
  assert write(tmp_path / "b", backwards).read_bytes() == first
  assert [path.name for path in (tmp_path / "a").iterdir()] == [
    "squeezenet.safetensors"
  ]


def test_digest_is_of_names_types_shapes_and_numbers():
  """Worked by hand with hashlib from the description of `digest`."""
  import hashlib

  expected = hashlib.sha256()
  expected.update(b'["a", "float32", [2]]\n' + b"\x00\x00\x80\x3f\x00\x00\x00\x40")
  expected.update(b'["b", "float32", [1, 1]]\n' + b"\x00\x00\x00\x00")
  tensors = {"b": np.zeros((1, 1), np.float32), "a": np.array([1, 2], ">f4")}
  assert weights.digest(tensors) == expected.hexdigest()
  changed = {"b": np.zeros((1, 1), np.float32), "a": np.array([1, 2.0000002], "f4")}
  assert weights.digest(changed) != expected.hexdigest()


def test_missing_file_says_how_to_get_it(tmp_path):
  message = refusal(tmp_path)
  assert "`python -m emojax.weights get squeezenet`" in message
  assert "`python -m emojax.weights convert squeezenet --source=FILE`" in message
  assert "--weights=random" not in message  # which not every program takes


@pytest.mark.parametrize("length", [0, 5, 1000, 3_000_000, -1])
def test_truncated_file(folder, length):
  path = weights.path_of(NETWORK, folder)
  path.write_bytes(path.read_bytes()[:length])
  assert "no safetensors file or is cut short" in refusal(folder)


def test_flipped_bit_in_the_numbers(folder):
  path = weights.path_of(NETWORK, folder)
  data = bytearray(path.read_bytes())
  digest = weights.load(NETWORK, folder).digest
  data[-1000] ^= 1
  path.write_bytes(data)
  message = refusal(folder)
  assert "is damaged" in message
  assert digest in message


def test_changed_class_name(folder):
  path = weights.path_of(NETWORK, folder)
  data = path.read_bytes()
  assert data.count(b"thing 500") == 1
  path.write_bytes(data.replace(b"thing 500", b"thing 5O0"))
  assert "is damaged" in refusal(folder)


def test_files_from_before_the_second_digest_are_read(folder, tensors):
  path = weights.path_of(NETWORK, folder)
  header = json.loads(tensor_files.outline_safetensors(path)[1]["emojax"])
  digest = weights.load(NETWORK, folder).digest
  header.pop("header_digest")
  texts = {"emojax": json.dumps(header)}
  path.write_bytes(safetensors.numpy.save(tensors, texts))
  assert weights.load(NETWORK, folder).digest == digest
  texts = {"emojax": json.dumps(header | {"header_digest": "0" * 64})}
  path.write_bytes(safetensors.numpy.save(tensors, texts))
  assert "is damaged" in refusal(folder)


def test_changed_licence(folder):
  path = weights.path_of(NETWORK, folder)
  path.write_bytes(path.read_bytes().replace(b"CC0", b"CC1"))
  assert "is damaged" in refusal(folder)


def test_page_instead_of_a_file(folder):
  page = b"<!DOCTYPE html><html><body>404 Not Found</body></html>" * 100
  weights.path_of(NETWORK, folder).write_bytes(page)
  assert "no safetensors file" in refusal(folder)


def test_pickle_is_refused_and_not_executed(folder, tmp_path):
  trace = tmp_path / "executed"

  class Trap:
    def __reduce__(self):
      return (os.mkdir, (str(trace),))

  data = pickle.dumps(Trap())
  pickle.loads(data)  # the trap works
  trace.rmdir()
  weights.path_of(NETWORK, folder).write_bytes(data)
  assert "no safetensors file" in refusal(folder)
  assert not trace.exists()


def test_folder_in_place_of_the_file(tmp_path):
  weights.path_of(NETWORK, tmp_path).mkdir()
  assert "no weights file" in refusal(tmp_path)


def test_tensors_of_another_program(folder, tensors):
  path = weights.path_of(NETWORK, folder)
  safetensors.numpy.save_file(tensors, path)
  assert "not a weights file of emojax" in refusal(folder)
  for text in ("[1, 2]", "no JSON", "{}", '{"format": "emojax weights 0"}'):
    safetensors.numpy.save_file(tensors, path, metadata={"emojax": text})
    assert "not a weights file of emojax" in refusal(folder)


def test_another_networks_weights(folder):
  other = weights.path_of("deeplab", folder)
  weights.path_of(NETWORK, folder).rename(other)
  message = refusal(folder, "deeplab")
  assert "holds weights of 'squeezenet', expected 'deeplab'" in message
  assert "missing block0/depthwise/bias, " in message
  assert "and 115 more" in message
  assert "extra conv1/bias, conv1/kernel" in message


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda t: t.pop("fire5/squeeze/bias"), "missing fire5/squeeze/bias"),
    (lambda t: t.update(more=np.zeros(3, np.float32)), "extra more"),
    (
      lambda t: t.update({"conv1/bias": np.zeros(95, np.float32)}),
      r"of another shape or type conv1/bias \(95, 'float32'\) instead of \(96, ",
    ),
    (
      lambda t: t.update({"conv1/bias": np.full(96, np.nan, np.float32)}),
      "not finite",
    ),
  ],
)
def test_tensors_that_do_not_fit_are_not_written(tmp_path, tensors, change, message):
  tensors = dict(tensors)
  change(tensors)
  with pytest.raises(WeightsError, match=message):
    write(tmp_path, tensors)
  assert not list(tmp_path.iterdir())


def test_class_names_must_be_as_many_as_classes(tmp_path, tensors):
  with pytest.raises(WeightsError, match="names 2 classes, squeezenet has 1000"):
    write(tmp_path, tensors, class_names=("cat", "dog"))


def test_file_made_for_another_scaling(folder, monkeypatch):
  backbone = BACKBONES[NETWORK]
  recipe = weights._recipe(backbone) | {"mean": [0.0, 0.0, 0.0]}
  monkeypatch.setattr(weights, "_recipe", lambda _: recipe)
  write(folder, flatten_dict(weights.random(NETWORK).params, sep="/"))
  monkeypatch.undo()
  assert "was made for pictures scaled by" in refusal(folder)


def test_file_carries_its_recipe(folder):
  with safetensors.safe_open(
    weights.path_of(NETWORK, folder), framework="numpy"
  ) as file:
    header = json.loads(file.metadata()["emojax"])
  assert header["recipe"] == {
    "fit": "crop",
    "short_px": 256,
    "side_px": 227,
    "interpolation": "linear",
    "mean": [123.0, 117.0, 104.0],
    "scale": [1.0, 1.0, 1.0],
    "order": "RGB",
  }
  assert header["network"] == NETWORK
  assert header["format"] == weights.FORMAT


@pytest.mark.parametrize(
  ("network", "expected"),
  [
    ("squeezenet", "712f6bf2f15198949b455c9b2f968e854314d3ac2b92907bd93508127bdf1553"),
    ("deeplab", "2ccff578348f2d04680ad7ae99927bcc9bb7336d7b149833b5d6b8640c093c21"),
  ],
)
def test_random_weights_are_these_everywhere(network, expected):
  """Recorded once on x86-64, Python 3.11, NumPy 2.4.6.

  Another digest means that features computed with random weights elsewhere differ:
  change it only together with `random_init.draw`, on purpose.
  """
  drawn = weights.random(network)
  assert drawn.digest == expected
  assert drawn.label == f"{network} RANDOM seed 0 {expected[:8]}"
  assert weights.random(network, 1).digest != expected
  assert len(drawn.class_names) == BACKBONES[network].class_count


def test_random_kernels_have_hes_variance():
  shapes = {"a/kernel": (3, 3, 64, 200), "b/kernel": (3, 3, 5000), "a/bias": (200,)}
  params = random_init.draw(shapes, 0)
  dense, depthwise = params["a"]["kernel"], params["b"]["kernel"]
  assert dense.dtype == depthwise.dtype == np.float32
  np.testing.assert_allclose(dense.var(), 2 / (9 * 64), rtol=0.02)
  np.testing.assert_allclose(depthwise.var(), 2 / 9, rtol=0.02)
  np.testing.assert_allclose(dense.sum(axis=(0, 1, 2)), 0, atol=1e-5)
  assert not params["a"]["bias"].any()


def test_published_weights_are_known_by_their_digest(shared_data, tmp_path):
  # The file of "fer" is in no package that tests install: see faces_test.py.
  networks = [n for n, backbone in BACKBONES.items() if backbone.digest and n != "fer"]
  assert set(networks) >= {"squeezenet", "deeplab"}
  for network in networks:
    convert.convert(network, convert.installed(network) or shared_data, tmp_path)
    loaded = weights.load(network, tmp_path)
    assert loaded.digest == BACKBONES[network].digest
    assert loaded.label == f"{network} trained {loaded.digest[:8]}"


def test_a_parameter_that_may_be_there(tmp_path, tensors):
  write(tmp_path, tensors | squeezenet.BORDERLESS)
  assert "borderless" in weights.load(NETWORK, tmp_path).params
  wrong = {"borderless": np.zeros(2, np.float32)}
  with pytest.raises(WeightsError, match=r"shape or type borderless \(2, 'float32'\)"):
    write(tmp_path, tensors | wrong)
