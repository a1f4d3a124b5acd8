"""The columns of `face` and `expression`, by hand and with random weights."""

import jax
import jax.numpy as jnp
import numpy as np

from emojax.features import face
from emojax.features.descriptions import describe, has_random_weights, weights_of
from emojax.features.params import load_sources


def test_columns_by_hand():
  """Two faces, 100 x 50 and 200 x 250 of 500 pixels; then none."""
  boxes = np.zeros((2, 4, 4), np.float32)
  boxes[0, 0], boxes[0, 1] = (0, 0, 100, 50), (250, 150, 450, 400)
  scores = np.zeros((2, 4), np.float32)
  scores[0, :2] = 0.99, 0.9
  columns = face.summary({"boxes": jnp.asarray(boxes), "scores": jnp.asarray(scores)})
  expected = [2, 1, 0.02 + 0.2, 0.2, 0.7 - 0.5, 0.55 - 0.5, 0.9]
  np.testing.assert_allclose(columns[0], expected, atol=1e-6)
  np.testing.assert_array_equal(columns[1], np.zeros(face.SIZE))


def test_no_face_has_no_expression():
  """Of a detector that never sees one."""
  source = load_sources(["expression"], weights="random")["mtcnn+fer"]
  flat = jnp.full((1, 73, 73, 3), 128, jnp.uint8)
  params = {**source.params, "mtcnn": _never_sure(source.params["mtcnn"])}
  values = jax.jit(face.make_expression(params))(flat)
  np.testing.assert_array_equal(values[0], [0, 0, 0, 0, 0, 0, 0, 1])


def _never_sure(params):
  """A detector whose P-Net says "no face" of every window."""
  bias = np.array([9, -9], np.float32)
  return {
    **params,
    "pnet": {**params["pnet"], "classes": {**params["pnet"]["classes"], "bias": bias}},
  }


def test_the_square_about_a_face():
  """By hand, in a picture whose red is its column and whose green is its row.

  A box of 44 x 20 becomes 44 x 44, with margins 64 x 64: one point a pixel.
  """
  columns, rows = np.meshgrid(np.arange(200), np.arange(200))
  image = np.stack([columns, rows, 0 * rows], axis=-1).astype(np.float32)
  box = np.array([50, 80, 94, 100], np.float32)
  cut = np.asarray(jax.jit(face.face_square)(image, box))
  assert cut.shape == (64, 64, 3)
  np.testing.assert_allclose(cut[0, :, 0], np.arange(40, 104), atol=1e-4)
  np.testing.assert_allclose(cut[:, 0, 1], np.arange(58, 122), atol=1e-4)


def test_what_lies_beyond_the_picture_is_grey():
  image = np.zeros((100, 100, 3), np.float32)
  box = np.array([0, 0, 44, 44], np.float32)
  cut = np.asarray(jax.jit(face.face_square)(image, box))
  assert (cut[:10] == 128).all() and (cut[10:, 10:] == 0).all()


def test_both_networks_of_an_expression_are_described():
  sources = load_sources(["face", "expression"], weights="random")
  described = describe(["face", "expression"], sources)
  networks = [used["network"] for used in weights_of(described)]
  assert networks == ["mtcnn", "mtcnn", "fer"]
  assert has_random_weights(described[1:])
  assert described[1]["label"].count("RANDOM") == 2
  assert "networks" not in described[0] and described[1]["weights"] is None
  rounded = load_sources(["expression"], weights="random", precision="bfloat16")
  assert rounded["mtcnn+fer"].digest != sources["mtcnn+fer"].digest
  assert all(n["precision"] == "bfloat16" for n in rounded["mtcnn+fer"].networks)
