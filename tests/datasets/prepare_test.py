"""Preparing a dataset: reuse, rebuild, interruption, and two processes at once."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import build, storage
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import prepare as prepare_lib
from emojax.datasets.va_emotion import va_emotion_dataset_builder as builder_lib
from emojax.extract import devices
from emojax.train import run_folder

LBP = ExtractConfig(features=("lbp",), cache_dir="", extract_batch=4)
COLOR = dataclasses.replace(LBP, features=("color",))


@pytest.fixture
def data(tmp_path) -> DataConfig:
  """Six rated pictures of the user's own."""
  images = tmp_path / "pictures"
  images.mkdir()
  lines = ["image,valence,arousal"]
  for number in range(6):
    noise = np.random.default_rng(number).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(images / f"{number}.png")
    lines.append(f"{number}.png,{1 + number},{9 - number}")
  (tmp_path / "ratings.csv").write_text("\n".join(lines))
  return DataConfig(
    dataset="va_emotion/folder",
    images_dir=str(images),
    ratings_csv=str(tmp_path / "ratings.csv"),
    rating_scale=(1, 9),
    data_dir=str(tmp_path / "tfds"),
  )


@pytest.fixture
def lines() -> list[str]:
  return []


def _path(data: DataConfig) -> pathlib.Path:
  return storage.place(data).path


def test_it_is_built_once_and_then_reused(data, lines, monkeypatch):
  first = prepare_lib.prepare(data, LBP, say=lines.append)
  monkeypatch.delattr(devices.Programs, "start")  # nothing is computed again
  second = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[0].startswith("prepared 6 rated pictures with lbp in")
  assert lines[1].startswith("reusing 6 rated pictures with lbp in") and len(lines) == 2
  assert first.image_ids == second.image_ids == [f"{n}.png" for n in range(6)]
  np.testing.assert_array_equal(first.features["lbp"], second.features["lbp"])
  np.testing.assert_array_equal(first.ratings[:, 0], np.arange(1, 7))
  np.testing.assert_array_equal(first.ratings[:, 1], 9 - np.arange(6))
  assert first.ratings.dtype == np.float32 and first.fold.dtype == np.int32
  assert np.isnan(first.ratings_std).all() and (first.num_raters == -1).all()
  assert sorted(first.fold) == [0, 0, 1, 2, 3, 4] and first.keywords == [""] * 6
  assert first.name == "va_emotion/folder" and first.notes == []
  assert first.metadata == second.metadata


def test_another_feature_is_added_and_the_first_is_kept(data, lines, monkeypatch):
  lbp = prepare_lib.prepare(data, LBP, say=lines.append)
  computed = []
  original = devices.Programs.start

  def start(self, names, batch):
    computed.append(names)
    return original(self, names, batch)

  monkeypatch.setattr(devices.Programs, "start", start)
  color = prepare_lib.prepare(data, COLOR, say=lines.append)
  assert set(computed) == {("color",)}  # without a cache: lbp is carried over
  assert list(color.features) == ["color"]
  assert [entry["name"] for entry in color.features_described] == ["color"]
  computed.clear()
  both = dataclasses.replace(LBP, features=("lbp", "color"))
  again = prepare_lib.prepare(data, both, say=lines.append)
  assert computed == [] and lines[-1].startswith("reusing")
  assert list(again.features) == ["lbp", "color"]
  np.testing.assert_array_equal(again.features["lbp"], lbp.features["lbp"])
  np.testing.assert_array_equal(again.features["color"], color.features["color"])


def test_a_feature_of_another_version_is_computed_again(data, lines, monkeypatch):
  prepare_lib.prepare(data, LBP, say=lines.append)
  newer = dataclasses.replace(build.FEATURES["lbp"], version=99)
  monkeypatch.setitem(build.FEATURES, "lbp", newer)
  again = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("prepared")
  assert again.features_described[0]["version"] == 99


def test_what_changes_the_data_rebuilds_it(data, lines):
  first = prepare_lib.prepare(data, LBP, say=lines.append)
  table = pathlib.Path(data.ratings_csv)
  table.write_text(table.read_text().replace("0.png,1,9", "0.png,2,9"))
  rated = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("prepared") and rated.ratings[0, 0] == 2
  shutil.copy(f"{data.images_dir}/5.png", f"{data.images_dir}/0.png")
  drawn = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-2].startswith("prepared") and "2 pictures in 1 groups" in lines[-1]
  assert drawn.fold[0] == drawn.fold[5]
  assert (drawn.features["lbp"][0] != first.features["lbp"][0]).any()
  np.testing.assert_allclose(drawn.features["lbp"][0], drawn.features["lbp"][5])
  refolded = dataclasses.replace(data, fold_seed=3)
  other = prepare_lib.prepare(refolded, LBP, say=lines.append)
  assert lines[-2].startswith("prepared") and (other.fold != drawn.fold).any()
  fingerprints = {d.fingerprint for d in (first, rated, drawn, other)}
  assert len(fingerprints) == 4


def test_unrated_pictures_are_counted(data, lines):
  shutil.copy(f"{data.images_dir}/0.png", f"{data.images_dir}/extra.png")
  dataset = prepare_lib.prepare(data, LBP, say=lines.append)
  assert len(dataset.image_ids) == 6 and dataset.metadata["unrated"] == 1
  assert dataset.notes == ["1 pictures in the folder have no rating."]


def test_broken_pictures_are_an_error_or_left_out_on_request(data, lines):
  (pathlib.Path(data.images_dir) / "2.png").write_bytes(b"no picture")
  with pytest.raises(build.ImageError, match=r"1 of 6 .* '2.png' \(not a"):
    prepare_lib.prepare(data, LBP, say=lines.append)
  assert not _path(data).exists()
  lenient = dataclasses.replace(data, skip_bad_pictures=True)
  dataset = prepare_lib.prepare(lenient, LBP, say=lines.append)
  assert dataset.image_ids == ["0.png", "1.png", "3.png", "4.png", "5.png"]
  assert dataset.skipped == ["2.png"] and sorted(dataset.fold) == [0, 1, 2, 3, 4]
  assert dataset.ratings[2, 0] == 4  # the ratings moved up with their pictures
  assert "1 rated pictures were missing or broken" in dataset.notes[0]
  prepare_lib.prepare(lenient, LBP, say=lines.append)
  assert lines[-1].startswith("reusing")
  with pytest.raises(build.ImageError):  # what is prepared does not hide it
    prepare_lib.prepare(data, LBP, say=lines.append)


def test_a_missing_picture_can_be_left_out_too(data, lines):
  (pathlib.Path(data.images_dir) / "4.png").unlink()
  with pytest.raises(ValueError, match=r"1 of the 6 pictures rated in .* are not in"):
    prepare_lib.prepare(data, LBP, say=lines.append)
  lenient = dataclasses.replace(data, skip_bad_pictures=True)
  assert prepare_lib.prepare(lenient, LBP, say=lines.append).skipped == ["4.png"]


def test_fewer_pictures_than_folds(data, lines):
  table = pathlib.Path(data.ratings_csv)
  table.write_text("\n".join(table.read_text().splitlines()[:5]))
  with pytest.raises(ValueError, match="4 rated pictures cannot be dealt into 5 folds"):
    prepare_lib.prepare(data, LBP, say=lines.append)


def test_people_s_pictures_want_trained_weights(data, lines):
  networks = dataclasses.replace(LBP, features=("object_squeezenet",))
  with pytest.raises(ValueError, match="squeezenet"):
    prepare_lib.prepare(data, networks, say=lines.append)


@pytest.mark.slow
def test_the_synthetic_set_says_when_weights_are_random(tmp_path, lines):
  networks = dataclasses.replace(LBP, features=("object_squeezenet",))
  data = DataConfig(num_synthetic=5, data_dir=str(tmp_path))
  dataset = prepare_lib.prepare(data, networks, say=lines.append)
  assert dataset.features_described[0]["weights"]["source"] == "random"
  assert "nothing about people" in dataset.notes[0]
  assert "untrained weights: squeezenet RANDOM" in dataset.notes[1]


@pytest.mark.parametrize("damaged", ["record", "metadata", "info"])
def test_a_damaged_dataset_is_told_and_built_again(data, lines, damaged):
  prepare_lib.prepare(data, LBP, say=lines.append)
  name = {
    "record": "va_emotion-train.array_record-00000-of-00001",
    "metadata": "metadata.json",
    "info": "dataset_info.json",
  }[damaged]
  file = _path(data) / name
  file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
  with pytest.raises(ValueError, match=r"cannot read the prepared dataset .* delete"):
    dataset_lib.read(_path(data))
  whole = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("prepared") and len(whole.image_ids) == 6


def test_a_dataset_that_is_not_what_was_written_is_refused(data, lines):
  prepare_lib.prepare(data, LBP, say=lines.append)
  metadata = _path(data) / "metadata.json"
  stored = json.loads(metadata.read_text())
  metadata.write_text(json.dumps(stored | {"scales": {"valence": [0, 9]}}))
  with pytest.raises(ValueError, match=r"are not those that were written.*; delete"):
    dataset_lib.read(_path(data))
  metadata.write_text(json.dumps(stored | {"unrated": "x"}))
  with pytest.raises(ValueError, match="unrated should be a whole number, not 'x'"):
    dataset_lib.read(_path(data))
  del stored["digest"]  # emojax 0.1 kept none
  metadata.write_text(json.dumps(stored))
  assert len(dataset_lib.read(_path(data)).image_ids) == 6


def test_an_error_while_writing_leaves_the_old_dataset(data, lines, monkeypatch):
  before = prepare_lib.prepare(data, LBP, say=lines.append)

  def stop(self, planned, rows):
    yield from ()
    raise OSError(28, "No space left on device")

  with monkeypatch.context() as patch:
    patch.setattr(builder_lib.Builder, "_generate_examples", stop)
    with pytest.raises(OSError, match="No space left"):
      prepare_lib.prepare(data, COLOR, say=lines.append)
  assert sorted(path.name for path in _path(data).parent.iterdir()) == ["1.0.0"]
  after = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("reusing")
  np.testing.assert_array_equal(after.features["lbp"], before.features["lbp"])


_SLOW_WRITER = """
import dataclasses, sys, time
from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import prepare
from emojax.datasets.va_emotion.va_emotion_dataset_builder import Builder
original = Builder._generate_examples
def slow(self, planned, rows):
  for example in original(self, planned, rows):
    yield example
    print("writing", file=sys.stderr, flush=True)
    time.sleep(float(sys.argv[3]))
Builder._generate_examples = slow
data, settings = eval(sys.argv[1]), eval(sys.argv[2])
print(len(prepare.prepare(data, settings).image_ids))
"""


def _writer(data: DataConfig, settings: ExtractConfig, seconds: float):
  arguments = [repr(data), repr(settings), str(seconds)]
  return subprocess.Popen(
    [sys.executable, "-c", _SLOW_WRITER, *arguments],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


@pytest.mark.slow
def test_a_killed_build_is_never_taken_for_whole(data, lines):
  process = _writer(data, LBP, 30)
  assert process.stderr is not None
  while "writing" not in process.stderr.readline():
    assert process.poll() is None
  os.kill(process.pid, signal.SIGKILL)
  process.communicate()
  names = [path.name for path in _path(data).parent.iterdir()]
  assert "1.0.0" not in names and any(name.startswith("incomplete") for name in names)
  dataset = prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("prepared") and len(dataset.image_ids) == 6
  names = [path.name for path in _path(data).parent.iterdir()]
  assert sorted(names) == ["1.0.0"]


@pytest.mark.slow
def test_two_processes_prepare_one_dataset(data):
  processes = [_writer(data, LBP, 0.1) for _ in range(2)]
  outputs = [process.communicate(timeout=120) for process in processes]
  assert [process.returncode for process in processes] == [0, 0], outputs
  lines = [line for stdout, _ in outputs for line in stdout.splitlines()]
  assert sum(line.startswith("prepared 6") for line in lines) == 1, lines
  assert sum(line.startswith("reusing 6") for line in lines) == 1, lines


def test_a_disk_that_cannot_be_written_still_serves_what_it_has(
  data, lines, monkeypatch
):
  prepare_lib.prepare(data, LBP, say=lines.append)
  original = pathlib.Path.open

  def refuse(self, mode="r", *rest, **options):
    if "w" in mode or "a" in mode:
      raise OSError(30, "Read-only file system")
    return original(self, mode, *rest, **options)

  monkeypatch.setattr(pathlib.Path, "open", refuse)
  prepare_lib.prepare(data, LBP, say=lines.append)
  assert lines[-1].startswith("reusing")
  with pytest.raises(OSError, match="cannot be written: choose another --data_dir"):
    prepare_lib.prepare(data, COLOR, say=lines.append)


@pytest.fixture
def extra(data, tmp_path):
  """Writes a table of two numbers a picture; gives settings that name it."""

  def write(values: np.ndarray, names: list[str]) -> ExtractConfig:
    np.save(tmp_path / "pulse.npy", values)
    (tmp_path / "pulse.txt").write_text("\n".join(names))
    extra_features = (f"pulse={tmp_path / 'pulse.npy'}",)
    return dataclasses.replace(LBP, extra_features=extra_features)

  return write


def test_features_from_elsewhere_stand_beside_the_others(data, lines, extra):
  lbp = prepare_lib.prepare(data, LBP, say=lines.append)
  values = np.arange(12, dtype=np.float32).reshape(6, 2)
  # Another order, another folder, and no suffix.
  settings = extra(values[::-1], [f"C:\\set\\{n}" for n in reversed(range(6))])
  both = prepare_lib.prepare(data, settings, say=lines.append)
  assert list(both.features) == ["lbp", "pulse"] and lines[-1].startswith("prepared")
  np.testing.assert_array_equal(both.features["pulse"], values)
  np.testing.assert_array_equal(both.features["lbp"], lbp.features["lbp"])
  assert both.features_described[1]["file"] == "pulse.npy"
  prepare_lib.prepare(data, settings, say=lines.append)
  assert lines[-1].startswith("reusing")
  changed = extra(values[::-1] + 1, [f"{n}.png" for n in reversed(range(6))])
  alone = dataclasses.replace(changed, features=("pulse",))
  again = prepare_lib.prepare(data, alone, say=lines.append)
  assert lines[-1].startswith("prepared") and list(again.features) == ["pulse"]
  np.testing.assert_array_equal(again.features["pulse"], values + 1)


def test_what_a_table_lacks_is_told_before_a_picture_is_read(
  data, lines, extra, monkeypatch
):
  def read(*_):
    raise AssertionError("a picture was read")

  monkeypatch.setattr(images, "contents", read)
  settings = extra(np.ones((2, 2)), ["0.png", "6.png"])
  with pytest.raises(ValueError, match=r"5 of 6 rated .*'1.png' \(pulse.npy has no"):
    prepare_lib.prepare(data, settings, say=lines.append)


def test_all_mistakes_are_told_before_anything_is_computed(data, lines, tmp_path):
  wrong = dataclasses.replace(data, images_dir=str(tmp_path / "none"))
  settings = ExtractConfig(
    features=("lbp", "object_squeezenet", "color"),
    extra_features=(f"pulse={tmp_path / 'pulse.npy'}",),
    color_names=str(tmp_path / "w2c.mat"),
  )
  (tmp_path / "run").mkdir()
  (tmp_path / "run" / "config.json").write_text("{}")
  with pytest.raises(ValueError) as caught:
    prepare_lib.prepare(
      wrong,
      settings,
      say=lines.append,
      checks=[lambda: run_folder.check_workdir(tmp_path / "run", False)],
    )
  message = str(caught.value)
  for mistake in (
    f"{tmp_path / 'run'} already holds a run",
    f"no file {tmp_path / 'pulse.npy'}",
    "no trained weights of squeezenet",
    "--weights=random tries things out",
    "w2c.mat",
    f"{tmp_path / 'none'} does not exist",
  ):
    assert mistake in message, mistake
  assert "\n" not in message


def test_a_picture_without_a_row_is_an_error_or_left_out(data, lines, extra):
  settings = extra(np.ones((5, 2)), [f"{n}.png" for n in range(5)])
  with pytest.raises(ValueError, match=r"'5.png' \(pulse.npy has no row for this"):
    prepare_lib.prepare(data, settings, say=lines.append)
  skipping = dataclasses.replace(data, skip_bad_pictures=True)
  dataset = prepare_lib.prepare(skipping, settings, say=lines.append)
  assert dataset.image_ids == [f"{n}.png" for n in range(5)]
  assert dataset.metadata["broken"].keys() == {"5.png"}
  twice = extra(np.ones((7, 2)), [*(f"b/{n}.png" for n in range(6)), "a/1.png"])
  with pytest.raises(ValueError, match=r"'b/1.png' and 'a/1.png' both fit"):
    prepare_lib.prepare(data, twice, say=lines.append)
  # The whole name wins over an end of another.
  whole = extra(np.ones((7, 2)), [*(f"{n}.png" for n in range(6)), "a/1.png"])
  assert len(prepare_lib.prepare(data, whole, say=lines.append).image_ids) == 6


def test_rows_of_one_group_stay_in_one_fold(data, lines):
  table = pathlib.Path(data.ratings_csv)
  rows = table.read_text().splitlines()
  scenes = ["scene", "a", "b", "a", "", "NA", "NA"]
  pairs = zip(rows, scenes, strict=True)
  table.write_text("\n".join(f"{row},{scene}" for row, scene in pairs))
  grouped = dataclasses.replace(data, group_column="scene")
  dataset = prepare_lib.prepare(grouped, LBP, say=lines.append)
  assert dataset.fold[0] == dataset.fold[2] and set(dataset.fold) == set(range(5))
  assert dataset.metadata["groups"] == [["0.png", "2.png"]]
  assert lines[-1].startswith("2 pictures in 1 groups")
  # Another feature: folds and groups stay.
  again = prepare_lib.prepare(grouped, COLOR, say=lines.append)
  np.testing.assert_array_equal(again.fold, dataset.fold)
  assert again.metadata["groups"] == dataset.metadata["groups"]
  missing = dataclasses.replace(data, group_column="scen")
  with pytest.raises(ValueError, match="has no column 'scen'"):
    prepare_lib.prepare(missing, LBP, say=lines.append)


def test_what_was_dealt_at_random_keeps_its_folds(data, lines):
  at_random = dataclasses.replace(data, folds="random")
  first = prepare_lib.prepare(at_random, LBP, say=lines.append)
  second = prepare_lib.prepare(data, COLOR, say=lines.append)
  np.testing.assert_array_equal(second.fold, first.fold)
  assert second.fingerprint == first.fingerprint
  grouped = dataclasses.replace(data, folds="grouped")
  third = prepare_lib.prepare(grouped, LBP, say=lines.append)
  assert third.fingerprint != first.fingerprint and third.metadata["folds"] == "grouped"
