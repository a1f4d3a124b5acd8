"""Extraction: the same values however it is run, one row per file whatever happens."""

import csv
import dataclasses
import io
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import helpers
import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
from PIL import Image

from emojax import config, images
from emojax.extract import (
  extractor,
  feature_table,
  inputs,
  pipeline,
  sqlite_cache,
  stream,
)
from emojax.extract import folder as extract_folder
from emojax.features import FEATURES
from emojax.features.params import load_sources
from emojax.utils import errors, files

NAMES = ("color", "lbp")


def _image(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
  """Noise over a slope, so that every picture's features differ."""
  generator = np.random.default_rng(seed)
  slope = np.linspace(0, 200, width)[None, :, None] * generator.random(3)
  noise = generator.integers(0, 50, (height, width, 3))
  return (slope + noise).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> pathlib.Path:
  """21 pictures (two full batches of 8 and a rest), two of them the same file."""
  root = tmp_path_factory.mktemp("pictures")
  (root / "sub").mkdir()
  for seed in range(20):
    name = f"sub/{seed:02d}.png" if seed % 5 == 0 else f"{seed:02d}.png"
    Image.fromarray(_image(seed)).save(root / name)
  (root / "copy.png").write_bytes((root / "07.png").read_bytes())
  return root


@pytest.fixture(scope="module")
def features() -> extractor.Extractor:
  return extractor.Extractor(NAMES, load_sources(NAMES))


@pytest.fixture(scope="module")
def whole(folder, features) -> pipeline.Extracted:
  """Everything in one go, without a cache."""
  return features.run(images.walk(folder), batch_size=4)


def _run(*flags: str, **environment) -> subprocess.CompletedProcess:
  return helpers.run("-m", "emojax.extract", "--features=lbp", *flags, **environment)


def test_rows_and_values_come_in_the_order_of_the_pictures(folder, features, whole):
  paths = images.walk(folder)
  assert [row.path for row in whole.rows] == paths
  assert {row.status for row in whole.rows} == {"ok"} and whole.failed == []
  for name in NAMES:
    assert whole.values[name].shape == (21, FEATURES[name].size)
    assert whole.values[name].dtype == np.float32
    assert np.isfinite(whole.values[name]).all()
  assert len(np.unique(whole.values["color"], axis=0)) == 20  # all but the copy differ
  assert [entry["name"] for entry in features.describe()] == list(NAMES)
  assert whole.stats["computed"] == 20 and whole.stats["from_cache"] == 0


@pytest.mark.slow
def test_a_picture_is_the_same_alone_and_in_any_batch(folder, features, whole):
  paths = images.walk(folder)
  for at in (0, 8, 20):
    alone = features.run([paths[at]], batch_size=1)
    for name in NAMES:
      np.testing.assert_allclose(
        alone.values[name][0], whole.values[name][at], rtol=0, atol=1e-5
      )
  backwards = features.run(paths[::-1], batch_size=3, workers=3)
  for name in NAMES:
    np.testing.assert_allclose(
      backwards.values[name][::-1], whole.values[name], rtol=0, atol=1e-5
    )


def test_values_are_those_of_the_feature_called_directly(folder, whole):
  whole_images = [images.load(path) for path in images.walk(folder)[:3]]
  for name in NAMES:
    feature = FEATURES[name]
    params = load_sources([name])[feature.needs].params
    views = np.stack([images.view(rgb, feature.view) for rgb in whole_images])
    direct = jax.jit(feature.make(params))(views)
    np.testing.assert_allclose(direct, whole.values[name][:3], rtol=0, atol=1e-5)


def test_pictures_of_several_shapes_are_batched_by_the_shape_of_their_view(monkeypatch):
  view = images.View("p", "proportional", short_px=0, side_px=45, interpolation="cubic")
  feature = dataclasses.replace(FEATURES["lbp"], view=view)
  monkeypatch.setitem(FEATURES, "lbp", feature)
  rng = np.random.default_rng(2)
  sizes = [(40, 50), (50, 40), (44, 44), (80, 100), (30, 60), (99, 80), (41, 50)]
  whole = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
  by_shape = extractor.Extractor(["lbp"], load_sources(["lbp"])).run(
    whole, batch_size=2
  )
  assert not by_shape.failed
  compute = jax.jit(feature.make(None))
  for row, rgb in enumerate(whole):
    direct = compute(images.view(rgb, view)[None])
    np.testing.assert_allclose(by_shape.values["lbp"][row], direct[0], atol=1e-6)


@pytest.mark.slow
def test_two_devices_share_the_work(folder, features, whole, tmp_path):
  assert jax.local_device_count() == 2  # tests/conftest.py
  script = (
    "import sys, pathlib, numpy as np\n"
    "from emojax import images\n"
    "from emojax.extract import extractor\n"
    "from emojax.features.params import load_sources\n"
    "import jax\n"
    "assert jax.local_device_count() == 1\n"
    "features = extractor.Extractor(('color', 'lbp'), load_sources(('color', 'lbp')))\n"
    "out = features.run(images.walk(pathlib.Path(sys.argv[1])), batch_size=4)\n"
    "np.savez(sys.argv[2], **out.values)\n"
  )
  target = tmp_path / "one.npz"
  environment = os.environ | {"XLA_FLAGS": helpers.xla_flags()}
  subprocess.run(
    [sys.executable, "-c", script, str(folder), str(target)],
    check=True,
    env=environment,
  )
  with np.load(target) as stored:
    for name in NAMES:
      np.testing.assert_allclose(stored[name], whole.values[name], rtol=0, atol=1e-5)


def test_files_bytes_and_arrays_give_the_same(folder, features, whole):
  paths = images.walk(folder)[:2]
  mixed = features.run([paths[0].read_bytes(), images.load(paths[1])], batch_size=4)
  assert [row.path for row in mixed.rows] == [None, None]
  for name in NAMES:
    np.testing.assert_allclose(
      mixed.values[name], whole.values[name][:2], rtol=0, atol=1e-5
    )


class _Counting(extractor.Extractor):
  """Counts the batches that are computed, by features."""

  def __init__(self, names):
    super().__init__(names, load_sources(names))
    self.batches: list[tuple[tuple[str, ...], int]] = []
    start = self.programs.start

    def counted(names, batch):
      self.batches.append((names, len(batch)))
      return start(names, batch)

    self.programs.start = counted


def test_only_what_is_lacking_is_computed(folder, whole, tmp_path):
  paths = images.walk(folder)
  with sqlite_cache.SqliteCache(tmp_path) as store:
    first = _Counting(("lbp",))
    first.run(paths[:10], store, batch_size=4)
    assert first.batches == [(("lbp",), 8)] * 2  # 10 pictures, one shape
    both = _Counting(NAMES)
    extracted = both.run(paths, store, batch_size=4)
    batches = sorted(names for names, _ in both.batches)
    # color for 20 different pictures, lbp for the 10 or 11 that the first run lacked.
    assert batches == [("color",)] * 3 + [("lbp",)] * 2
    assert {size for _, size in both.batches} == {8}
    again = _Counting(NAMES)
    cached = again.run(paths, store, batch_size=4)
    assert again.batches == [] and cached.stats["from_cache"] == 20
  for name in NAMES:
    np.testing.assert_array_equal(cached.values[name], extracted.values[name])
    np.testing.assert_allclose(cached.values[name], whole.values[name], atol=1e-5)


def test_equal_bytes_are_computed_once(folder, tmp_path):
  counting = _Counting(("lbp",))
  path = folder / "03.png"
  extracted = counting.run([path] * 17, batch_size=1)
  assert len(counting.batches) == 1 and len(extracted.rows) == 17
  assert (extracted.values["lbp"] == extracted.values["lbp"][0]).all()


def _rows(folder, features, extracted) -> tuple:
  """What `extract_folder.write` wants besides its folder."""
  of = feature_table.schema(features.describe(), features.class_names(), {}, {})
  names = inputs.of_folder(folder).names(range(len(extracted.rows)))
  return [feature_table.table(names, extracted, of)], of, len(names), str(folder)


BROKEN = {
  "empty.jpg": b"",
  "text.jpg": b"this is not a picture, whatever its name says",
}


def test_a_broken_picture_fails_alone(folder, features, whole, tmp_path):
  for name, content in BROKEN.items():
    (tmp_path / name).write_bytes(content)
  jpeg = io.BytesIO()
  Image.fromarray(_image(99, 200, 200)).save(jpeg, "JPEG")
  (tmp_path / "cut.jpg").write_bytes(jpeg.getvalue()[:4000])
  (tmp_path / "folder.jpg").mkdir()
  good = images.walk(folder)[:9]
  bad = [*images.walk(tmp_path), tmp_path / "folder.jpg", tmp_path / "gone.png"]
  mixed = [*good[:4], *bad, *good[4:]]
  extracted = features.run(mixed, batch_size=4)
  status = [row.status for row in extracted.rows]
  assert status == ["ok"] * 4 + ["error"] * 5 + ["ok"] * 5
  for row in extracted.failed:
    assert row.reason and "\n" not in row.reason
  ok = np.array(status) == "ok"
  for name in NAMES:
    np.testing.assert_allclose(
      extracted.values[name][ok], whole.values[name][:9], rtol=0, atol=1e-5
    )
    assert np.isnan(extracted.values[name][~ok]).all()


def test_a_picture_above_the_limit_is_refused(folder, features):
  extracted = features.run([folder / "01.png"], max_pixels=1999)
  assert "2,000 pixels" in extracted.rows[0].reason


def test_a_number_that_is_not_finite_is_an_error_of_its_picture(
  folder, monkeypatch, tmp_path
):
  broken = extractor.Extractor(("lbp",), load_sources(("lbp",)))
  start = broken.programs.start

  def spoilt(names, batch):
    values = dict(start(names, batch))
    values["lbp"] = values["lbp"].at[0, 1, 3].set(np.inf)  # first device, picture 1
    return values

  monkeypatch.setattr(broken.programs, "start", spoilt)
  paths = images.walk(folder)[:3]
  with sqlite_cache.SqliteCache(tmp_path) as store:
    extracted = broken.run([*paths, paths[1]], store, batch_size=2)
    digest = extracted.rows[1].digest
    assert store.get_many([digest], broken.keys.values()) == {digest: {}}
  assert [row.status for row in extracted.rows] == ["ok", "error", "ok", "error"]
  assert "lbp gave a number that is not finite" in extracted.rows[3].reason
  assert np.isnan(extracted.values["lbp"][[1, 3]]).all()


def test_pictures_are_decoded_only_a_few_batches_ahead():
  indices = []

  class Watched(list):
    def __getitem__(self, index):
      indices.append(index)
      return _image(index)

  most_ahead = done = 0
  features = extractor.Extractor(("lbp",), load_sources(("lbp",)))
  start = features.programs.start

  def slow(names, batch):
    nonlocal most_ahead, done
    time.sleep(0.005)  # the threads get as far ahead as they may
    most_ahead = max(most_ahead, len(indices) - done)
    done += len(batch)
    return start(names, batch)

  features.programs.start = slow
  features.run(Watched(range(100)), batch_size=2, workers=2)
  assert sorted(indices) == list(range(100))
  # A batch is 2 pictures on each of 2 devices; two batches are decoded in advance.
  assert 4 < most_ahead <= 3 * 4


# The program


@pytest.mark.slow
def test_the_program_writes_a_whole_folder(folder, whole, tmp_path):
  output = tmp_path / "out"
  flags = ["--features=color,lbp", f"--output={output}", "--cache_dir="]
  done = _run(f"--images_dir={folder}", *flags)
  assert done.returncode == 0, done.stderr
  assert sorted(path.name for path in output.iterdir()) == [
    "SHA256SUMS",
    "color.npy",
    "features.json",
    "lbp.npy",
    "rows.csv",
  ]
  with (output / "rows.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert [row["path"] for row in rows] == [
    path.relative_to(folder).as_posix() for path in images.walk(folder)
  ]
  assert {row["status"] for row in rows} == {"ok"}
  described = json.loads((output / "features.json").read_text())
  assert described["pictures"] == 21 and described["failed"] == 0
  assert [entry["name"] for entry in described["features"]] == list(NAMES)
  for name in NAMES:
    np.testing.assert_allclose(
      np.load(output / f"{name}.npy"), whole.values[name], rtol=0, atol=1e-5
    )


@pytest.mark.slow
def test_killed_and_started_again_gives_the_same_bytes(tmp_path):
  unreadable = tmp_path / "pictures"
  unreadable.mkdir()
  for seed in range(150):
    Image.fromarray(_image(seed, 300, 300)).save(unreadable / f"{seed:03d}.png")
  (unreadable / "bad.png").write_bytes(b"no picture")
  flags = [f"--images_dir={unreadable}", "--extract_batch=4"]
  once = _run(*flags, f"--output={tmp_path / 'once'}", f"--cache_dir={tmp_path / 'c1'}")
  assert once.returncode == 1 and once.stdout.splitlines()[-1].startswith(
    "1 of 151 pictures failed"
  )
  store = tmp_path / "c2" / sqlite_cache.FILE_NAME
  command = [sys.executable, "-m", "emojax.extract", "--features=lbp", *flags]
  command += [f"--output={tmp_path / 'twice'}", f"--cache_dir={store.parent}"]
  process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
  deadline = time.monotonic() + 60
  stored = 0
  while stored < 10 and process.poll() is None and time.monotonic() < deadline:
    time.sleep(0.02)
    if store.exists():
      stored = _stored(store)
  process.send_signal(signal.SIGKILL)
  process.wait()
  assert 10 <= _stored(store) < 150, "killed too early or too late to show anything"
  assert not (tmp_path / "twice").exists()
  again = helpers.run(*command[1:])
  assert again.returncode == 1 and " 0 from the cache" not in again.stdout
  for path in (tmp_path / "once").iterdir():
    assert path.read_bytes() == (tmp_path / "twice" / path.name).read_bytes(), path.name


def _stored(path: pathlib.Path) -> int:
  import sqlite3

  connection = sqlite3.connect(path, timeout=10)
  try:
    return connection.execute("SELECT COUNT(*) FROM feature_values").fetchone()[0]
  except sqlite3.OperationalError:  # the table is not there yet
    return 0
  finally:
    connection.close()


@pytest.mark.slow
def test_interrupting_says_that_it_goes_on(folder, tmp_path):
  command = [sys.executable, "-c", _SLOW, f"--images_dir={folder}"]
  command += [f"--output={tmp_path / 'out'}", "--features=lbp", "--cache_dir="]
  process = subprocess.Popen(
    command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
  )
  assert process.stdout is not None
  assert process.stdout.readline() == "computing\n"
  process.send_signal(signal.SIGINT)
  _, stderr = process.communicate(timeout=60)
  assert process.returncode == 130
  assert stderr.splitlines()[-1] == (
    "emojax.extract: stopped; the same command goes on from what is already computed"
  )
  assert "Traceback" not in stderr and not (tmp_path / "out").exists()


_SLOW = """
import signal, time
from emojax import config
from emojax.extract import __main__ as extract
from emojax.extract import devices
from emojax.utils import cli
# A background job of a shell starts with Ctrl-C ignored; a terminal's does not.
signal.signal(signal.SIGINT, signal.default_int_handler)
def start(self, names, batch):
  print("computing", flush=True)
  time.sleep(60)
devices.Programs.start = start
extract.define_flags()
cli.run(extract.main, "emojax.extract", "", (config.ExtractConfig,),
        interrupted="stopped; the same command goes on from what is already computed")
"""


@pytest.fixture
def places(folder, tmp_path) -> dict[str, pathlib.Path]:
  """Good and bad places by name."""
  for name in ("empty", "damaged"):
    (tmp_path / name).mkdir()
  (tmp_path / "file").write_bytes(b"no table, no folder")
  (tmp_path / "damaged" / sqlite_cache.FILE_NAME).write_bytes(b"no database" * 1000)
  return {"folder": folder, **{name: tmp_path / name for name in _PLACES}}


_PLACES = ("empty", "damaged", "file", "gone", "out")


@pytest.mark.parametrize(
  ("flags", "message"),
  [
    (
      ["--images_dir={gone}"],
      "expected a folder of pictures, but {gone} does not exis",
    ),
    (["--images_dir="], "--images_dir=FOLDER and --output=FOLDER are needed"),
    (["--images_dir=", "--merge=a", "--ray"], "--merge computes nothing: leave --ray"),
    (["--images_dir={folder}", "--ray_actors=2"], "--ray_actors is for --ray, which"),
    (["--images_dir={folder}", "--extract_batch=x"], "extract_batch"),
    (["--images_dir={folder}", "--weights=good"], "<default|trained|random|auto>"),
    (["--image_dir={folder}"], "unknown flag --image_dir; did you mean --images_dir?"),
    (["{folder}"], "unexpected '{folder}': settings are given as --name=value"),
    (["--images_dir={folder}", "--output={file}/out"], "{file} is not a folder"),
  ],
)
def test_mistakes_are_one_line_and_status_1(places, tmp_path, flags, message):
  flags = [flag.format(**places) for flag in flags]
  done = _run(f"--output={tmp_path / 'out'}", f"--cache_dir={tmp_path / 'c'}", *flags)
  assert done.returncode == 1 and done.stdout == ""
  (line,) = done.stderr.splitlines()
  assert line.startswith("emojax.extract: error: ")
  assert message.format(**places) in line
  assert not (tmp_path / "out").exists()


def test_every_file_below_a_folder_is_a_row_or_a_count(folder, tmp_path):
  place, output = tmp_path / "place", tmp_path / "out"
  (place / "sub").mkdir(parents=True)
  (place / "linked").symlink_to(folder / "sub")
  (place / "sub" / "loop").symlink_to(place)
  os.mkfifo(place / "pipe.jpg")
  (place / "layers.psd").write_bytes(b"8BPS")
  (place / ".hidden.jpg").write_bytes(b"")
  (place / "photo.JFIF").write_bytes((folder / "07.png").read_bytes())
  done = _run(f"--images_dir={place}", f"--output={output}", "--cache_dir=")
  assert done.returncode == 1  # because of the pipe
  rows = csv.DictReader(io.StringIO((output / "rows.csv").read_text()))
  status = {row["path"]: row["status"] for row in rows}
  assert status.pop("pipe.jpg") == "error" and status.pop("photo.JFIF") == "ok"
  assert len(status) > 1 and all(path.startswith("linked/") for path in status)
  (line,) = [line for line in done.stderr.splitlines() if "have no row" in line]
  assert "1 other files in the folders are no pictures by their endings" in line
  assert "1 other files in the folders are hidden" in line and "1 links lead" in line


@pytest.mark.parametrize(
  ("where", "settings", "message"),
  [
    ("gone", {}, "expected a folder of pictures, but {gone} does not exist"),
    ("file", {}, "expected a folder of pictures, but {file} is a file"),
    ("empty", {}, "no pictures in {empty}: expected files ending in .jpg"),
    ("folder", {"features": ("colour",)}, "did you mean 'color'"),
    ("folder", {"features": ()}, "no feature named"),
    ("folder", {"features": ("object_squeezenet",)}, "squeezenet"),
    ("folder", {"features": ("color",), "color_names": "{file}"}, "{file}"),
    ("folder", {"extract_batch": -1}, "--extract_batch should be 0 or more; got -1"),
    ("folder", {"workers": 0}, "--workers should be 1 or more; got 0"),
    ("folder", {"cache_dir": "{file}"}, "cannot make the cache folder {file}"),
    ("folder", {"cache_dir": "{damaged}"}, "not a database; delete the file"),
  ],
)
def test_every_mistake_is_told(places, where, settings, message):
  settings = {
    name: value.format(**places) if isinstance(value, str) else value
    for name, value in settings.items()
  }
  chosen = config.ExtractConfig(**{"features": ("lbp",), "cache_dir": "", **settings})
  with pytest.raises(ValueError, match=re.escape(message.format(**places))) as error:
    stream.extract(lambda: inputs.of_folder(places[where]), chosen, places["out"])
  assert not places["out"].exists()
  assert "\n" not in str(error.value)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_no_half_file(folder, features, whole, tmp_path):
  class Full(pathlib.PosixPath):
    """Files below it land on a disk without space."""

    def open(self, mode="r", *rest, **more):
      if "w" not in mode:
        return pathlib.PosixPath(self).open(mode, *rest, **more)
      pathlib.PosixPath(self).touch()
      return open("/dev/full", mode)

  with pytest.raises(OSError, match="No space left on device"):
    extract_folder.write(Full(tmp_path / "out"), *_rows(folder, features, whole))
  assert list((tmp_path / "out").iterdir()) == []


def test_help_imports_nothing_slow_and_shows_the_program_s_own_flags():
  done = _run("--help", PYTHONPROFILEIMPORTTIME=1)
  imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
  assert done.returncode == 0 and "emojax.config" in imported
  assert imported.isdisjoint({"jax", "flax", "scipy", "PIL", "cv2", "matplotlib"})
  for flag in ("--images_dir", "--output", "--features=pool_", "--cache_dir"):
    assert flag in done.stdout
  assert "alsologtostderr" not in done.stdout and "run_with_pdb" not in done.stdout
  assert _run("--version").stdout.startswith("emojax ")


@pytest.mark.slow
def test_nothing_of_tensorflow_is_imported(folder, tmp_path):
  script = (
    "import sys, pathlib\n"
    "import emojax\n"
    "from emojax import config\n"
    "from emojax.extract import inputs, stream\n"
    "from emojax.datasets.va_emotion import prepare\n"
    "settings = config.ExtractConfig(features=('lbp',), cache_dir='')\n"
    "find = lambda: inputs.of_folder(pathlib.Path(sys.argv[1]))\n"
    "stream.extract(find, settings, pathlib.Path(sys.argv[2], 'out'))\n"
    "data = config.DataConfig(num_synthetic=5, data_dir=sys.argv[2])\n"
    "prepare.prepare(data, settings)\n"
    "prepare.prepare(data, settings)\n"
    "bad = [m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'torch')]\n"
    "assert not bad, bad\n"
  )
  command = [sys.executable, "-c", script, str(folder), str(tmp_path)]
  done = subprocess.run(command, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr


def test_errors_can_show_where_they_arose():
  assert "Traceback" in _run("--traceback").stderr


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(
  names=st.lists(
    st.binary(min_size=1, max_size=12).filter(
      lambda raw: b"/" not in raw and b"\0" not in raw and raw.strip(b".")
    ),
    unique=True,
    max_size=5,
  )
)
def test_any_file_name_fits_into_the_table(names):
  paths = [f"/pictures/{os.fsdecode(raw)}" for raw in names]
  row = pipeline.Row(None, "error", 'no, "really"\nnot')
  extracted = pipeline.Extracted([row] * len(names), {}, {})
  found = inputs.Inputs(paths, "/pictures").names(range(len(paths)))
  table = feature_table.table(found, extracted, feature_table.schema([], {}, {}, {}))
  parsed = list(csv.reader(io.StringIO(extract_folder.rows_csv(table), newline="")))
  assert len(parsed) == len(names)
  for path, (written, status, reason) in zip(paths, parsed, strict=True):
    assert (status, reason) == ("error", 'no, "really"\nnot')
    name = path.removeprefix("/pictures/")
    expected = name.encode("utf-8", "backslashreplace").decode()
    assert files.unguarded(written) == expected


def test_results_of_other_features_do_not_stay_behind(
  folder, whole, features, tmp_path
):
  extract_folder.write(tmp_path, *_rows(folder, features, whole))
  (tmp_path / "mine.npy").write_bytes(b"the user's own")
  only = pipeline.Extracted(whole.rows, {"lbp": whole.values["lbp"]}, whole.stats)
  extract_folder.write(tmp_path, *_rows(folder, features.only(["lbp"]), only))
  assert sorted(path.name for path in tmp_path.iterdir()) == [
    "SHA256SUMS",
    "features.json",
    "lbp.npy",
    "mine.npy",
    "rows.csv",
  ]


def test_weights_by_default_are_the_trained_ones():
  settings = config.ExtractConfig(features=("object_squeezenet",))
  with pytest.raises(ValueError, match="squeezenet"):
    extractor.from_config(settings)
  assert issubclass(errors.UserError, ValueError)
