"""A run that was damaged is refused in one line, or is the same."""

import json
import os
import random
import warnings
import zipfile

import helpers
import hypothesis
import numpy as np
import pytest
import safetensors.numpy
from attacks import runs
from hypothesis import strategies

from emojax.utils import checksums


@pytest.fixture(scope="module")
def whole():
  """A run folder and its archive, with what they hold."""
  return runs.wholes()


@pytest.fixture
def folder(tmp_path):
  return runs.run(tmp_path / "run")


@pytest.mark.slow
@hypothesis.settings(max_examples=60)
@hypothesis.given(seed=strategies.integers(0, 2**32))
def test_damage_is_told_or_changes_nothing(tmp_path_factory, seed):
  runs.attack(tmp_path_factory.mktemp("copy"), random.Random(seed))


def test_nothing_is_said_beside_the_line_that_refuses_a_run(folder):
  (folder / checksums.FILE_NAME).unlink()
  path = folder / "checkpoints" / "model" / "_METADATA"
  # Not the first array, so that Orbax has begun to read others.
  first, _, rest = path.read_text().partition("np.ndarray")
  path.write_text(first + "np.ndarray" + rest.replace("np.ndarray", "np.ndarrai"))
  with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert "_METADATA is missing or damaged" in runs.outcome(folder)
  assert not caught


@pytest.mark.parametrize(
  ("name", "change", "message"),
  [
    ("config.json", [], "should be an object"),
    ("config.json", {"identity": 5}, "identity should be an object"),
    ("config.json", {"identity": {"settings": {"ensemble": 10**9}}}, "1 to 1000"),
    ("config.json", {"identity": {"settings": {"ensemble": "2"}}}, "a whole number"),
    ("config.json", {"identity": {"settings": {"ensemble": True}}}, "a whole number"),
    ("config.json", {"identity": {"settings": {"dropout": None}}}, "a number"),
    ("config.json", {"identity": {"settings": {"hidden": [1] * 500}}}, "100 items"),
    ("config.json", {"identity": {"settings": {"hidden": [2**40]}}}, "at most 2147"),
    ("config.json", {"identity": {"settings": {"hidden": [2**31 - 1]}}}, "not fit"),
    ("config.json", {"identity": {"settings": {"seed": -1}}}, "seed should be 0 to"),
    ("config.json", {"identity": {"settings": {"transform": "x"}}}, "one of none"),
    ("config.json", {"identity": {"settings": {"target": [1]}}}, "should be text"),
    ("config.json", {"identity": {"settings": {"target": ["x"]}}}, "its results are"),
    ("config.json", {"identity": {"folds": [9]}}, "folds should be some of 1 to 5"),
    ("config.json", {"identity": {"folds": []}}, "folds should be one or more"),
    ("config.json", {"identity": {"folds": 3}}, "folds should be a list"),
    ("config.json", {"identity": {"features": [5]}}, "should be an object"),
    ("config.json", {"identity": {"features": [{}]}}, "weights is missing"),
    ("results.json", {"notes": "x"}, "notes should be a list"),
    ("results.json", {"targets": {"valence": {}}}, "train_mse is missing"),
    ("results.json", {"targets": {}}, "targets should not be empty"),
  ],
)
def test_settings_and_results_are_checked(folder, name, change, message):
  path = folder / name
  stored = json.loads(path.read_text())
  if isinstance(change, dict) and "identity" in change and change["identity"] != 5:
    for part, value in change["identity"].items():
      if isinstance(value, dict):
        stored["identity"][part] |= value
      else:
        stored["identity"][part] = value
  else:
    stored = stored | change if isinstance(change, dict) else change
  path.write_text(json.dumps(stored))
  helpers.seal(folder)
  outcome = runs.outcome(folder)
  assert message in outcome and "copy the run again" in outcome, outcome


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("config.json", "has no config.json"),
    ("results.json", "not finished, or was not copied whole"),
    ("familiarity.safetensors", "familiarity.safetensors is missing"),
    ("calibration.safetensors", "calibration.safetensors is missing"),
    ("checkpoints/model/_METADATA", "_METADATA is missing"),
    ("checkpoints/model/manifest.ocdbt", "manifest.ocdbt is missing"),
  ],
)
def test_a_run_that_was_not_copied_whole_is_told(folder, name, message):
  (folder / name).unlink()
  assert message in runs.outcome(folder)
  if name.startswith("checkpoints"):
    (folder / checksums.FILE_NAME).unlink()
    outcome = runs.outcome(folder)
    assert "checkpoints/model is damaged" in outcome and "train again" in outcome


@pytest.mark.parametrize("is_sealed", [True, False])
def test_four_bytes_of_the_networks_never_change_a_rating(whole, folder, is_sealed):
  """Without digests Orbax may read other numbers; with them none is used."""
  every = [path for path in (folder / "checkpoints").rglob("*") if path.is_file()]
  path = max(every, key=lambda path: path.stat().st_size)
  content = bytearray(path.read_bytes())
  content[len(content) // 2 : len(content) // 2 + 4] = b"\x7f\x7f\x7f\x7f"
  path.write_bytes(content)
  if is_sealed:
    assert f"{path} is damaged" in runs.outcome(folder)
  else:
    (folder / checksums.FILE_NAME).unlink()
    assert runs.outcome(folder) != whole[next(iter(whole))]


@pytest.mark.parametrize("name", ["held_out", "points", "spread"])
def test_a_reference_that_is_not_finite_is_refused(folder, name):
  path = folder / "familiarity.safetensors"
  parts = {k: v.copy() for k, v in safetensors.numpy.load(path.read_bytes()).items()}
  parts[name].flat[0] = np.nan
  path.write_bytes(safetensors.numpy.save(parts))
  helpers.seal(folder)
  assert f"reference/{name} has numbers that are not finite" in runs.outcome(folder)


def test_results_of_another_kind_are_not_taken_for_a_finished_run(folder):
  for text, message in (("[]", "not finished, or was not"), ("{}", "is missing")):
    (folder / "results.json").write_text(text)
    helpers.seal(folder)
    assert message in runs.outcome(folder)


def test_names_in_the_digests_do_not_lead_out_of_the_folder(folder):
  for name in ("../x", "/dev/zero"):
    (folder / checksums.FILE_NAME).write_text(f"{'0' * 64}  {name}\n")
    assert "SHA256SUMS is damaged" in runs.outcome(folder)


def test_what_is_no_file_is_not_read(folder):
  (folder / "config.json").unlink()
  os.mkfifo(folder / "config.json")
  assert "no regular file" in runs.outcome(folder)


def _zip(path, members, **changes):
  with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in members.items():
      archive.writestr(name, content)
    for entry in archive.infolist():
      for field, value in changes.items():
        setattr(entry, field, value)


def test_archives_are_bounded_before_they_are_unpacked(whole, tmp_path):
  archive, path = [*whole][1], tmp_path / "a.zip"
  with zipfile.ZipFile(archive) as file:
    members = {name: file.read(name) for name in file.namelist()}
  _zip(path, members | {"zeros": bytes(120_000_000)})
  assert "would unpack to 120 MB" in runs.outcome(path)
  _zip(path, members, flag_bits=1)
  assert "is encrypted" in runs.outcome(path)
  _zip(path, members, file_size=10)
  assert "damaged" in runs.outcome(path)
  _zip(path, {name: members[name] for name in members if "calib" not in name})
  assert "'calibration.safetensors' is missing" in runs.outcome(path)
  _zip(path, members | {"run.json": "[" * 100_000})
  assert "damaged" in runs.outcome(path)
  del members[checksums.FILE_NAME]  # as older ones are
  _zip(path, members)
  assert runs.outcome(path) == whole[archive]
