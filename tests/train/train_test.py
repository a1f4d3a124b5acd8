"""`python -m emojax.train` as its users run it: real files, real processes."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from concurrent import futures

import helpers
import numpy as np
import pytest
from PIL import Image

from emojax.train import __main__ as train

_QUICK = ["--hidden=8", "--learning_rate=0.01", "--max_epochs=20"]


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
  """Thirty small rated pictures, and the flags that name them."""
  folder = tmp_path_factory.mktemp("rated")
  rng = np.random.default_rng(0)
  rows = []
  (folder / "pictures").mkdir()
  for i in range(30):
    color = rng.integers(0, 256, 3)
    noise = rng.integers(-20, 20, (24, 32, 3))
    image = np.clip(color + noise, 0, 255).astype(np.uint8)
    Image.fromarray(image).save(folder / "pictures" / f"{i:02}.png")
    valence = 1 + 8 * color[0] / 255
    rows.append((f"{i:02}.png", f"{valence:.3f}", f"{1 + 8 * color[1] / 255:.3f}"))
  with (folder / "ratings.csv").open("w", newline="") as file:
    csv.writer(file).writerows([("image", "valence", "arousal"), *rows])
  return [
    "--dataset=va_emotion/folder",
    f"--images_dir={folder / 'pictures'}",
    f"--ratings_csv={folder / 'ratings.csv'}",
    f"--data_dir={folder / 'tfds'}",
    f"--cache_dir={folder / 'cache'}",
    "--preset=paper",
    "--features=color,lbp",
  ]


def _environment():
  environment = os.environ | {"XLA_FLAGS": helpers.xla_flags()}
  return {**environment, "PYTHONPATH": str(helpers.ROOT)}


def _run(*arguments, python=()):
  return helpers.run(
    "-m",
    "emojax.train",
    *arguments,
    python=python,
    XLA_FLAGS=helpers.xla_flags(),
  )


def _predictions(folder):
  with (folder / "predictions.csv").open(newline="") as file:
    return {row["image"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def all_folds(rated, tmp_path_factory):
  """A finished run of all folds."""
  folder = tmp_path_factory.mktemp("run") / "all"
  done = _run(*rated, *_QUICK, f"--workdir={folder}")
  assert done.returncode == 0, done.stderr
  return folder, done


def test_run_folder_holds_what_it_promises(all_folds):
  folder, done = all_folds
  for name in ("config.json", "metrics.jsonl", "table.md", "results.json"):
    assert (folder / name).stat().st_size > 0, name
  assert list((folder / "events").iterdir())
  assert (folder / "checkpoints" / "model").is_dir()
  assert not (folder / "checkpoints" / "state").exists()  # needed no more
  assert (folder / "table.md").read_text() in done.stdout
  assert f"run folder: {folder}" in done.stdout
  lines = (folder / "metrics.jsonl").read_text().splitlines()
  assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 21))


def test_every_picture_is_predicted_once_and_out_of_fold(all_folds):
  rows = _predictions(all_folds[0])
  assert sorted(rows) == [f"{i:02}.png" for i in range(30)]
  assert all(np.isfinite(float(row["valence"])) for row in rows.values())
  folds = [row["fold"] for row in rows.values()]
  sizes = [folds.count(str(g)) for g in range(1, 6)]
  assert sum(sizes) == 30 and min(sizes) >= 5  # near six: groups and ratings decide


def test_results_say_where_everything_came_from(all_folds):
  results = json.loads((all_folds[0] / "results.json").read_text())
  assert [f["name"] for f in results["features"]] == ["color", "lbp"]
  assert results["features"][0]["digest"]
  assert results["settings"]["hidden"] == [8]
  assert results["num_images"] == 30
  assert set(results["targets"]) == {"valence", "arousal"}
  assert set(results["ridge"]) == {"valence", "arousal"}


@pytest.mark.slow
def test_one_fold_equals_that_fold_of_all(rated, all_folds, tmp_path):
  done = _run(*rated, *_QUICK, "--fold=3", f"--workdir={tmp_path / 'three'}")
  assert done.returncode == 0, done.stderr
  alone, together = _predictions(tmp_path / "three"), _predictions(all_folds[0])
  assert {row["fold"] for row in alone.values()} == {"3"}
  assert len(alone) == 6
  for name, row in alone.items():
    assert float(row["valence"]) == pytest.approx(
      float(together[name]["valence"]), abs=2e-4
    )


@pytest.mark.slow
def test_two_processes_train_the_same_run_and_one_of_them_speaks(
  rated, all_folds, tmp_path
):
  names = ("coordinator", "num_processes", "process_id")
  flags = [
    [f"--{name}={value}" for name, value in zip(names, place, strict=True)]
    for place in helpers.places(2)
  ]
  folder = tmp_path / "run"
  with futures.ThreadPoolExecutor() as pool:
    first, second = pool.map(
      lambda own: _run(*rated, *_QUICK, f"--workdir={folder}", *own), flags
    )
  assert first.returncode == second.returncode == 0, first.stderr + second.stderr
  assert second.stdout == second.stderr == ""
  assert "reusing 30 rated pictures" in first.stdout
  assert f"run folder: {folder}" in first.stdout
  alone, together = _predictions(all_folds[0]), _predictions(folder)
  assert alone.keys() == together.keys()
  # Not to the bit: XLA multiplies ten matrices at once otherwise than five.
  for name, row in alone.items():
    for target in ("valence", "arousal"):
      expected = float(row[target])
      assert float(together[name][target]) == pytest.approx(expected, abs=2e-4)
  files = [sorted(x.name for x in path.iterdir()) for path in (all_folds[0], folder)]
  assert files[0] == files[1]


@pytest.mark.slow
def test_resuming_a_finished_run_shows_it(rated, all_folds):
  folder, first = all_folds
  before = (folder / "results.json").stat().st_mtime_ns
  again = _run(*rated, *_QUICK, f"--workdir={folder}", "--resume")
  assert again.returncode == 0, again.stderr
  assert (folder / "table.md").read_text() in again.stdout
  assert (folder / "results.json").stat().st_mtime_ns == before
  assert first.returncode == 0


@pytest.mark.slow
def test_resuming_with_other_settings_is_refused(rated, all_folds):
  done = _run(*rated, *_QUICK, "--seed=5", f"--workdir={all_folds[0]}", "--resume")
  assert done.returncode == 1
  assert "settings.seed is 0 there and 5 here" in done.stderr
  assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_finished_run_is_not_overwritten(rated, all_folds):
  done = _run(*rated, *_QUICK, f"--workdir={all_folds[0]}")
  assert done.returncode == 1
  assert "already holds a run" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("directions", [0, 9])
def test_a_killed_run_goes_on_to_the_same_numbers(rated, tmp_path, directions):
  settings = [
    f"--principal_directions={directions}",
    "--hidden=16",
    "--learning_rate=0.001",
    "--max_epochs=300",
    "--patience=300",
    "--checkpoint_seconds=0",
  ]
  whole = _run(*rated, *settings, f"--workdir={tmp_path / 'whole'}")
  assert whole.returncode == 0, whole.stderr
  killed = tmp_path / "killed"
  process = subprocess.Popen(
    [sys.executable, "-m", "emojax.train", *rated, *settings, f"--workdir={killed}"],
    env=_environment(),
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  states = killed / "checkpoints" / "state"
  deadline = time.monotonic() + 60
  while time.monotonic() < deadline and process.poll() is None:
    if states.is_dir() and any(p.name.isdigit() for p in states.iterdir()):
      break
    time.sleep(0.01)
  assert process.poll() is None, "it ended before it could be killed"
  process.send_signal(signal.SIGKILL)
  process.wait()
  assert not (killed / "results.json").exists()
  resumed = _run(*rated, *settings, f"--workdir={killed}", "--resume")
  assert resumed.returncode == 0, resumed.stderr
  lines = (killed / "metrics.jsonl").read_text().splitlines()
  assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 301))
  expected, resumed = _predictions(tmp_path / "whole"), _predictions(killed)
  assert resumed == expected


@pytest.mark.slow
def test_training_never_imports_tensorflow(rated, tmp_path):
  program = (
    "import sys; sys.argv = ['train', *sys.argv[1:]]\n"
    "import runpy\n"
    "try: runpy.run_module('emojax.train', run_name='__main__')\n"
    "except SystemExit as end: assert not end.code, end.code\n"
    "assert 'jax' in sys.modules\n"
    "assert 'tensorflow' not in sys.modules\n"
  )
  settings = [*rated, *_QUICK, "--fold=1", f"--workdir={tmp_path / 'run'}"]
  done = subprocess.run(
    [sys.executable, "-c", program, *settings],
    capture_output=True,
    text=True,
    env=_environment(),
    check=False,
  )
  assert done.returncode == 0, done.stderr


def test_help_explains_every_flag_without_importing_jax():
  done = _run("--help", python=["-X", "importtime"])
  assert done.returncode == 0
  for flag in ("--fold", "--preset", "--hidden", "--images_dir", "--weights_dir"):
    assert flag in done.stdout
  imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
  assert "emojax.utils.options" in imported
  assert not imported & {"jax", "flax", "cv2", "tensorflow", "sklearn"}


def test_version():
  done = _run("--version")
  assert done.stdout.startswith("emojax ")


@pytest.mark.slow
def test_a_rated_column_of_any_name_is_a_target(rated, tmp_path):
  """A table of valence and beauty: all of it, then what --target names."""
  table = pathlib.Path(rated[2].partition("=")[2])
  with table.open(newline="") as file:
    rows = [
      (row["image"], row["valence"], row["arousal"]) for row in csv.DictReader(file)
    ]
  other = tmp_path / "beauty.csv"
  with other.open("w", newline="") as file:
    csv.writer(file).writerows([("image", "valence", "beauty"), *rows])
  small = [f"--ratings_csv={other}", f"--data_dir={tmp_path}", "--rating_scale=1,9"]
  small += ["--hidden=4", "--max_epochs=2"]
  arguments = [rated[0], rated[1], *rated[4:], *small]
  done = _run(*arguments, f"--workdir={tmp_path / 'valence'}")
  assert done.returncode == 0, done.stderr
  report = json.loads((tmp_path / "valence" / "results.json").read_text())
  assert list(report["targets"]) == ["valence"] and "no arousal" in done.stdout
  done = _run(*arguments, "--target=beauty", f"--workdir={tmp_path / 'beauty'}")
  assert done.returncode == 0, done.stderr
  report = json.loads((tmp_path / "beauty" / "results.json").read_text())
  assert list(report["ridge"]) == ["beauty"] and "ridge, same columns" in done.stdout
  predictions = _predictions(tmp_path / "beauty")
  assert float(predictions["00.png"]["beauty_rated"]) == pytest.approx(
    float(rows[0][2]), abs=1e-3
  )
  page = helpers.run("-m", "emojax.report", tmp_path / "beauty")
  assert page.returncode == 0, page.stderr
  image = f"{rated[1].partition('=')[2]}/00.png"
  scored = helpers.run(
    "-m", "emojax.predict", f"--checkpoint={tmp_path / 'beauty'}", image
  )
  assert scored.stdout.startswith("path,beauty,beauty_low,beauty_high,beauty_sd,dist")
  done = _run(*arguments, "--target=arousal", f"--workdir={tmp_path / 'arousal'}")
  assert done.returncode == 1
  assert "--target should be one or more of valence, each once" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["--fold=6"], "--fold is all, or some of 1, 2, 3, 4, 5; got '6'"),
    (["--fold=1,1"], "--fold is all"),
    (["--dataset=va_emotion/oassis"], "oasis"),
    (["--dataset=va_emotion/oasis", "--weights=random"], "--manual_dir"),
    (["--dataset=va_emotion/folder", "--weights=random"], "--images_dir"),
    (["--features=color,gits"], "did you mean 'gist'"),
    (["--preset=worst"], "--preset"),
    (["--hidden=many"], "--hidden"),
    (["--learning_rate=-1"], "--learning_rate should be above 0"),
    (["--learning_rat=1"], "learning_rate"),
    (["--target=joy"], "--target"),
    (["stray"], "stray"),
  ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path):
  done = _run(*arguments, f"--data_dir={tmp_path}", f"--workdir={tmp_path / 'run'}")
  assert done.returncode == 1, done.stdout
  assert message in done.stderr
  assert done.stderr.count("\n") == 1, done.stderr
  assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_weights_that_are_missing_are_named(rated, tmp_path):
  features = "--features=object_squeezenet"
  done = _run(*rated[:-1], features, f"--weights_dir={tmp_path}")
  assert done.returncode == 1
  assert f"no trained weights of squeezenet in {tmp_path}, " in done.stderr
  assert "python -m emojax.weights get squeezenet" in done.stderr
  assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.slow
def test_a_workdir_that_cannot_be_written(rated, tmp_path):
  (tmp_path / "file").write_text("in the way")
  done = _run(*rated, *_QUICK, f"--workdir={tmp_path / 'file' / 'run'}")
  assert done.returncode == 1
  assert "choose another --workdir" in done.stderr
  assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_divergence_is_one_line(rated, tmp_path):
  settings = [*_QUICK, "--learning_rate=1e9"]
  done = _run(*rated, *settings, f"--workdir={tmp_path / 'run'}")
  assert done.returncode == 1
  assert "smaller --learning_rate" in done.stderr
  assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
  ("text", "folds"), [("all", [0, 1, 2, 3, 4]), ("3", [2]), (" 5,1", [0, 4])]
)
def test_fold_flag(text, folds):
  assert train.fold_indices(text) == folds
