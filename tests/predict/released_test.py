"""The predictor that comes with emojax: real numbers for real photographs."""

import csv
import io
import json
import shutil

import helpers
import numpy as np
import pytest
from PIL import Image

import emojax
from emojax import images
from emojax.evaluation import conformal
from emojax.predict import model_card, packing, predictor, trained_run
from emojax.utils import runtime

_NEEDLESS = {
  *("fsspec", "jinja2", "matplotlib", "optax", "orbax.checkpoint", "pandas", "pyarrow"),
  *("scipy", "sklearn", "tensorflow_datasets", "emojax.train.trainer"),
}


@pytest.fixture(scope="module")
def released():
  options = runtime.options() | helpers.AS_USERS_HAVE
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(runtime, "options", lambda: options)
    yield emojax.load()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
  """Ten photographs that installed packages carry."""
  folder = tmp_path_factory.mktemp("photographs")
  done = helpers.run(helpers.ROOT / "scripts" / "sample_photographs", folder)
  assert done.returncode == 0, done.stderr
  return folder


def test_it_is_small_and_scores_what_its_card_says():
  assert predictor.RELEASED.stat().st_size <= 5_000_000
  run = trained_run.read(predictor.RELEASED)
  assert not run.simulated and not run.carried
  scores = {t: result["out_of_fold"] for t, result in run.results["targets"].items()}
  card = (predictor.RELEASED.parent / "README.md").read_text("utf-8")
  for target, score in scores.items():
    assert f"| {target} | {score['mse']:.2f} | {score['pearson_r']:.3f} |" in card
    row = f"{score['mse']:.3f} | {score['pearson_r']:.3f} | {score['variance']:.2f}"
    assert f"| {target} | {row} |" in (helpers.ROOT / "README.md").read_text("utf-8")
    row = f"{score['mse']:.3f} | {score['r2']:.3f} | {score['pearson_r']:.3f}"
    scores_page = helpers.ROOT / "docs" / "explanations" / "scores.md"
    assert f"| {target} | {row} |" in scores_page.read_text("utf-8")
  dataset = run.identity["dataset"]
  metadata = model_card.metadata(dataset, run.results, "apache-2.0")
  assert card.startswith(f"---\n{metadata}\n---\n")


def test_its_intervals_hold_out_of_fold_near_and_far():
  """Each fold's by the errors of the others; the calibration is in order of file name,
  and folds are dealt as for every set of that size."""
  from emojax.evaluation import folds

  run = trained_run.read(predictor.RELEASED)
  number = len(run.calibration.distance)
  inside, _ = conformal.coverage(run.calibration, folds.assign(number, 0), 0.9)
  thirds = np.array_split(np.argsort(run.calibration.distance), 3)
  for rows in (np.arange(number), thirds[0], thirds[2]):
    shares = inside[rows].mean(axis=0)
    assert ((shares >= 0.88) & (shares <= 0.92)).all(), shares


@pytest.mark.slow
def test_numbers_are_those_of_photographs(released, photographs):
  predictions = released.predict(photographs)
  assert predictions.is_scored.all() and len(predictions) == 10
  named = dict(zip((p.stem for p in predictions.paths), range(10), strict=True))
  assert predictions.valence[named["cat"]] > predictions.valence[named["page"]] + 1
  for target in ("valence", "arousal"):
    low, high = predictions.low[target], predictions.high[target]
    assert ((low < predictions.mean[target]) & (predictions.mean[target] < high)).all()
    assert (low >= 1).all() and (high <= 9).all()
  wider = released.predict(photographs, interval=0.95)
  assert (wider.low["valence"] <= predictions.low["valence"]).all()


@pytest.mark.slow
def test_its_predictions_are_near_ratings_it_was_trained_on(released, shared_data):
  """In-sample, so only that file, scaling and order of columns are right."""
  with (shared_data / "oasis" / "OASIS_ratings.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  folder = shared_data / "oasis" / "images"
  paths = [folder / f"{row['Theme'].strip()}.jpg" for row in rows]
  rated = [
    (path, 1 + (float(row["Valence_mean"]) - 1) * 8 / 6)
    for path, row in zip(paths, rows, strict=True)
    if path.exists()
  ][::24]
  predictions = released.predict([path for path, _ in rated])
  assert np.corrcoef(predictions.valence, [value for _, value in rated])[0, 1] > 0.9


def test_what_shows_nothing_has_a_status_and_no_numbers(released, tmp_path):
  Image.new("RGB", (31, 200), "red").save(tmp_path / "1small.png")
  Image.new("RGB", (64, 64), "red").save(tmp_path / "2blank.png")
  Image.new("RGBA", (64, 64), (9, 9, 9, 0)).save(tmp_path / "3clear.png")
  (tmp_path / "4text.png").write_text("no picture")
  predictions = released.predict(tmp_path)
  assert predictions.status == ["small", "blank", "transparent", "error"]
  assert np.isnan(predictions.valence).all() and all(predictions.reason)


@pytest.mark.slow
def test_one_command_from_any_folder(photographs, tmp_path):
  """And it imports and compiles little, which is what a start takes time for."""
  command = ("-m", "emojax.predict", "--cache_dir=", photographs / "coffee.png")
  told = {"python": ("-X", "importtime"), "JAX_LOG_COMPILES": 1}
  done = helpers.run(*command, cwd=tmp_path, **told)
  assert done.returncode == 0, done.stderr
  lines = done.stderr.splitlines()
  imported = {line.rpartition("|")[2].strip() for line in lines if "|" in line}
  assert {"jax", "emojax.train.networks"} <= imported and not imported & _NEEDLESS
  # That an option is known, the features, the ratings.
  assert sum("Compiling jit(" in line for line in lines) == 3
  (row,) = csv.DictReader(io.StringIO(done.stdout))
  assert row["status"] == "ok"
  assert float(row["valence_low"]) < float(row["valence"]) < float(row["valence_high"])


@pytest.mark.slow
def test_a_run_of_simulated_ratings_refuses_unless_told(tmp_path, photographs):
  copy = tmp_path / "simulated.zip"
  run = trained_run.read(predictor.RELEASED)
  identity = json.loads(json.dumps(run.identity)) | {"dataset": "va_emotion/synthetic"}
  changed = trained_run.TrainedRun(
    **{f: getattr(run, f) for f in run.__dataclass_fields__} | {"identity": identity}
  )
  packing.write_archive(changed, copy, {})
  opened = emojax.load(copy)
  with pytest.raises(predictor.SimulatedError, match="--allow_simulated"):
    opened.predict(photographs / "cat.png")
  predictions = opened.predict(photographs / "cat.png", allow_simulated=True)
  assert (
    predictions.status == ["simulated"] and "simulated ratings" in predictions.reason[0]
  )


@pytest.mark.slow
def test_it_exports_without_the_weights_that_a_package_brings(tmp_path):
  output = tmp_path / "run.zip"
  flags = (f"--output={output}", f"--weights_dir={tmp_path}")
  done = helpers.run("-m", "emojax.export", predictor.RELEASED, *flags)
  assert done.returncode == 0 and "no feature networks" in done.stdout, done.stderr
  assert not trained_run.read(output).carried


@pytest.mark.slow
def test_a_run_of_another_picture_reading_is_refused(tmp_path):
  run = trained_run.read(predictor.RELEASED)
  identity = json.loads(json.dumps(run.identity))
  identity["features"][0]["images_version"] = images.VERSION + 1
  changed = trained_run.TrainedRun(
    **{f: getattr(run, f) for f in run.__dataclass_fields__} | {"identity": identity}
  )
  copy = tmp_path / "newer.zip"
  packing.write_archive(changed, copy, {})
  with pytest.raises(ValueError, match="picture reading"):
    emojax.load(copy)
  shutil.copy(predictor.RELEASED, copy)
  content = bytearray(copy.read_bytes())
  content[len(content) // 2] ^= 1
  copy.write_bytes(content)
  with pytest.raises(ValueError, match="damaged"):
    emojax.load(copy)
