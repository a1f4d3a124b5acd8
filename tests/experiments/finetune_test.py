"""Fine-tuned networks learn, keep what is frozen, go on after a kill, never peek."""

import copy
import dataclasses

import helpers
import jax
import numpy as np
import pytest
from PIL import Image

from emojax import images as images_lib
from emojax.backbones import BACKBONES, imagenet
from emojax.experiments import finetune
from emojax.experiments.config import FinetuneConfig
from emojax.train import run_folder
from emojax.utils import options

_NUMBER = 8
_STORED, _SIDE = 64, 56  # 256 and 224 where people tune
_TRAIN, _STOP, _TEST = np.arange(4), np.arange(4, 6), np.arange(6, 8)
_SETTINGS = FinetuneConfig(
  finetune_batch=2, finetune_epochs=3, finetune_learning_rate=1e-3
)

pytestmark = pytest.mark.slow  # networks are trained on pictures


@pytest.fixture(scope="module")
def params():
  return BACKBONES["resnet18"].init(0)


@pytest.fixture(scope="module", autouse=True)
def small_networks():
  """A ResNet takes pictures of any size: here those of a sixteenth of its own.

  Gradients of convolutions, not optimised, take longer to run than to be compiled.
  """
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(finetune.runtime, "options", lambda: helpers.AS_USERS_HAVE)
    patch.setattr(finetune, "_SIDE", _SIDE)
    patch.setattr(finetune, "_AT_ONCE", 4)
    yield


@pytest.fixture(scope="module")
def images():
  """Brighter pictures, to be rated higher."""
  rng = np.random.default_rng(0)
  level = np.linspace(40, 215, _NUMBER).astype(np.int64)
  noise = rng.integers(-40, 40, (_NUMBER, _STORED, _STORED, 3))
  return (level[:, None, None, None] + noise).astype(np.uint8)


_RATED = np.linspace(2, 8, _NUMBER).astype(np.float32)


_PROGRAMS = {}  # tests share what they compile


def _tune(params, images, rated=_RATED, mode="train", **changes):
  settings = dataclasses.replace(_SETTINGS, **changes.pop("settings", {}))
  errors = []
  key = (mode, settings.finetune_augment, images.tobytes()[::50021])
  if key not in _PROGRAMS:
    _PROGRAMS[key] = finetune.Program("resnet18", mode, params, images, settings)
  program = copy.copy(_PROGRAMS[key])
  program.settings = settings  # how many epochs is no part of what is compiled
  tuned = finetune.tune(
    program,
    rated,
    _TRAIN,
    _STOP,
    seed=0,
    tell=lambda epoch, train, stop: errors.append((epoch, train, stop)),
    **changes,
  )
  return tuned, errors


@pytest.fixture(scope="module")
def whole(params, images):
  return _tune(params, images)


def test_the_error_falls_and_the_best_epoch_is_reported(whole):
  tuned, errors = whole
  assert [epoch for epoch, _, _ in errors] == [1, 2, 3]
  assert errors[-1][1] < 0.9 * errors[0][1]
  stopping = [stop for _, _, stop in errors]
  assert tuned.best_error == pytest.approx(min(stopping))
  assert tuned.best_epoch == 1 + int(np.argmin(stopping))
  assert tuned.predicted.shape == (_NUMBER,) and np.isfinite(tuned.predicted).all()


def test_ratings_and_pictures_that_only_test_change_nothing(whole, params, images):
  rated, other = _RATED.copy(), images.copy()
  rated[_TEST] = rated[_TEST][::-1] + 3
  other[_TEST] = 255 - other[_TEST]
  first, _ = whole
  second, _ = _tune(params, other, rated)
  np.testing.assert_array_equal(first.predicted[_TRAIN], second.predicted[_TRAIN])
  assert first.best_error == second.best_error


def test_a_run_that_stopped_goes_on_to_the_same_end(whole, params, images, tmp_path):
  folder = run_folder.RunFolder(tmp_path)
  _tune(params, images, folder=folder, settings={"finetune_epochs": 1})
  rest, errors = _tune(params, images, folder=folder)
  assert [epoch for epoch, _, _ in errors] == [2, 3]
  np.testing.assert_allclose(rest.predicted, whole[0].predicted, atol=1e-5)


def test_frozen_convolutions_stay_and_training_equals_the_whole_network(params, images):
  program = finetune.Program("resnet18", "frozen", params, images, _SETTINGS)
  assert set(program.init(5.0, 0).params) == {"rating.kernel", "rating.bias"}
  cached, _ = _tune(params, images, mode="frozen")
  # With crops drawn, nothing is cached; drawn from a picture of the network's own size,
  # every crop is that picture, and mirroring is taken out here.
  edge = (_STORED - _SIDE) // 2
  middle = images[:, edge : edge + _SIDE, edge : edge + _SIDE]
  plain = finetune._augmented
  try:
    finetune._augmented = lambda key, images: images
    whole, _ = _tune(params, middle, mode="frozen", settings={"finetune_augment": True})
  finally:
    finetune._augmented = plain
  np.testing.assert_allclose(cached.predicted, whole.predicted, atol=1e-3)


def test_alexnet_s_fully_connected_layers_are_the_network_s(monkeypatch):
  monkeypatch.setattr(finetune, "_SIDE", imagenet.SIDE_PX)
  params = BACKBONES["alexnet"].init(0)
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)
  program = finetune.Program("alexnet", "frozen", params, images, _SETTINGS)
  state = program.init(5.0, 0)
  assert {"fc6.kernel", "fc7.bias"} < set(state.params)
  assert not any(name.startswith(("conv", "fc8")) for name in state.params)
  predictions = program.predict(state.params, np.arange(3))
  fc7 = BACKBONES["alexnet"].apply(params, images[:, 16:240, 16:240])["fc7"]
  head = np.asarray(state.params["rating.kernel"])
  expected = np.asarray(fc7) @ head + 5
  np.testing.assert_allclose(predictions, expected[:, 0], rtol=1e-4)


def test_crops_are_of_the_network_s_size_and_lie_inside():
  shape = (1, _STORED, _STORED, 3)
  image = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape)
  corners = set()
  for seed in range(6):
    crop = np.asarray(finetune._augmented(jax.random.key(seed), image))[0]
    assert crop.shape == (_SIDE, _SIDE, 3)
    if crop[0, 0, 0] > crop[0, 1, 0]:
      crop = crop[:, ::-1]
    row, column = divmod(int(crop[0, 0, 0]) // 3, _STORED)
    expected = image[0, row : row + _SIDE, column : column + _SIDE]
    np.testing.assert_array_equal(crop, expected)
    corners.add((row, column))
  assert len(corners) > 3


def test_pictures_are_decoded_once(tmp_path):
  paths = []
  for i in range(3):
    paths.append(tmp_path / f"{i}.png")
    Image.new("RGB", (300, 280), (i, 10 * i, 7)).save(paths[-1])
  store = tmp_path / "pictures.npy"
  first = np.array(finetune.decode(paths, store, workers=2))
  assert first.shape == (3, 256, 256, 3) and first[2, 0, 0].tolist() == [2, 20, 7]
  for path in paths:
    path.unlink()
  np.testing.assert_array_equal(finetune.decode(paths, store, workers=2), first)
  with pytest.raises(images_lib.ImageError):
    finetune.decode(paths, tmp_path / "other.npy", workers=2)


def test_settings_that_cannot_train_are_refused(monkeypatch):
  monkeypatch.setattr(finetune, "_SIDE", imagenet.SIDE_PX)
  for check, changes, message in (
    (finetune.check, {"finetune": ("squeezenet",)}, "--finetune knows alexnet"),
    (finetune.check, {"finetune": ("clip_vit_b32",)}, "--finetune knows alexnet"),
    (options.check, {"finetune_batch": 0}, "--finetune_batch should be 1 or more"),
    (options.check, {"finetune_momentum": 1.0}, "--finetune_momentum"),
  ):
    with pytest.raises(ValueError, match=message):
      check(dataclasses.replace(_SETTINGS, **changes))


def test_an_error_that_is_no_number_is_told(params, images):
  """As steps that are too long make it; by a rating, the program is the others'."""
  rated = _RATED.copy()
  rated[_TRAIN[0]] = np.nan
  with pytest.raises(ValueError, match="smaller --finetune_learning_rate"):
    _tune(params, images, rated)
