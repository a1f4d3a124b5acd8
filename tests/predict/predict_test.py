"""Prediction as its users run it: folders, archives, odd pictures, mistakes."""

import csv
import io
import json
import pathlib
import shutil
import tarfile
import zipfile

import helpers
import jax
import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

import emojax
from emojax import config
from emojax.backbones import convert
from emojax.evaluation import results
from emojax.extract import inputs
from emojax.features import color, descriptions, params
from emojax.predict import formats, packing, predictor, run_features, trained_run
from emojax.predict import predictions as predictions_lib
from emojax.train import run_folder
from emojax.utils import files


def _process(*command, devices=1):
  return helpers.run(*command, XLA_FLAGS=helpers.xla_flags(devices))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
  """Thirty small pictures whose colours are their ratings."""
  folder = tmp_path_factory.mktemp("pictures")
  rng = np.random.default_rng(0)
  lines = ["image,valence,arousal"]
  for i in range(30):
    color = rng.integers(0, 256, 3)
    noise = rng.integers(-20, 20, (48, 64, 3))
    image = np.clip(color + noise, 0, 255).astype(np.uint8)
    Image.fromarray(image).save(folder / f"{i:02}.png")
    lines.append(f"{i:02}.png,{1 + 8 * color[0] / 255:.3f},{1 + color[1] / 32:.3f}")
  (folder / "ratings.csv").write_text("\n".join(lines))
  return folder


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
  """A run of two pretend devices."""
  folder = tmp_path_factory.mktemp("runs")
  done = _process(
    "-m",
    "emojax.train",
    "--preset=paper",
    "--dataset=va_emotion/folder",
    f"--images_dir={images}",
    f"--ratings_csv={images / 'ratings.csv'}",
    "--folds=random",  # networks that take a compressed copy for nearly the same
    f"--data_dir={folder / 'tfds'}",
    "--features=color,lbp",
    "--hidden=8",
    "--ensemble=2",
    "--max_epochs=20",
    "--learning_rate=0.01",
    "--cache_dir=",
    f"--workdir={folder / 'run'}",
    devices=2,
  )
  assert done.returncode == 0, done.stderr
  return folder / "run"


@pytest.fixture(scope="module")
def opened(run):
  return emojax.load(run)


@pytest.fixture
def odd(images, tmp_path):
  """Pictures that other programs stumble over."""
  folder = tmp_path / "odd"
  (folder / "below").mkdir(parents=True)
  image = Image.open(images / "03.png").convert("RGB").resize((64, 48))
  image.save(folder / "whole.jpg")
  content = (folder / "whole.jpg").read_bytes()
  (folder / "cut.jpg").write_bytes(content[: len(content) // 2])
  (folder / "text.png").write_text("no picture\n")
  image.save(folder / "moving.gif", save_all=True, append_images=[image.rotate(9)])
  deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
  Image.fromarray(deep).save(folder / "deep.png")
  image.convert("CMYK").save(folder / "cmyk.jpg")
  turned = Image.Exif()
  turned[274] = 6
  image.rotate(90, expand=True).save(folder / "turned.jpg", exif=turned)
  image.save(folder / "below" / "θάλασσα.jpg")
  image.save(folder / "two\nlines.jpg")
  return folder


def test_each_fold_s_network_says_what_the_run_said(run, opened, images):
  read = results.read_predictions(run / "predictions.csv")
  with (run / "predictions.csv").open(newline="") as file:
    fold = [int(row["fold"]) - 1 for row in csv.DictReader(file)]
  extracted = opened._extractor.run([images / name for name in read.image_ids])
  table = np.concatenate([extracted.values["color"], extracted.values["lbp"]], axis=1)
  of_folds = opened._of_folds(table)
  for target in ("valence", "arousal"):
    ours = of_folds[target][fold, np.arange(30)]
    np.testing.assert_allclose(ours, read.predicted[target], atol=1e-4)


def test_a_picture_s_numbers_do_not_depend_on_its_company(opened, images):
  paths = sorted(images.glob("*.png"))
  together = opened.predict(paths)
  backwards = opened.predict(paths[::-1])
  np.testing.assert_array_equal(together.valence, backwards.valence[::-1])
  for i in (0, 13):
    alone = opened.predict(str(paths[i]))
    assert abs(alone.valence[0] - together.valence[i]) < 1e-5
    assert abs(alone.arousal[0] - together.arousal[i]) < 1e-5
    assert abs(alone.distance[0] - together.distance[i]) < 1e-5


def test_another_number_of_pictures_compiles_nothing(opened, images, caplog):
  paths = sorted(images.glob("*.png"))
  opened.predict(paths[:3])
  with jax.log_compiles():
    opened.predict(paths[3:7])  # as many to a batch
    assert "Compiling" not in caplog.text
    jax.jit(lambda x: x + 1)(0)  # which shows that it would be told
  assert "Compiling" in caplog.text


def test_another_scale_is_one_word_away(opened, run, images):
  """0..100 for 1..9: 12.5 points for one, the ends of the scale for its ends."""
  inner = opened.predict(images / "05.png")
  outer = opened.predict(images / "05.png", output_scale=(0, 100))
  assert inner.scales == {"valence": (1, 9), "arousal": (1, 9)}
  assert outer.scales == {"valence": (0, 100), "arousal": (0, 100)}
  for part in ("mean", "low", "high"):
    expected = 12.5 * (getattr(inner, part)["valence"] - 1)
    np.testing.assert_allclose(getattr(outer, part)["valence"], expected)
  np.testing.assert_allclose(outer.std["arousal"], 12.5 * inner.std["arousal"])
  with pytest.raises(ValueError, match=r"such as --output_scale=1,9; got 9,1"):
    opened.predict(images / "05.png", output_scale=(9, 1))
  done = _process("-m", "emojax.predict", "--output_scale=a,b", images / "05.png")
  assert done.returncode == 1 and "--output_scale is two numbers" in done.stderr


def test_files_bytes_and_arrays_are_the_same_picture(opened, images):
  path = images / "05.png"
  array = np.asarray(Image.open(path).convert("RGB"))
  predictions = opened.predict([path, path.read_bytes(), array])
  assert np.ptp(predictions.valence) < 1e-5 and len(predictions) == 3
  assert predictions.paths == [path, None, None]
  with pytest.raises(TypeError, match="got float"):
    opened.predict([0.5])


def test_a_bad_entry_is_a_row_beside_the_good_ones(opened, images, tmp_path):
  path, empty = images / "05.png", tmp_path / "empty"
  empty.mkdir()
  grey = np.asarray(Image.open(path).convert("L"))
  with path.open("rb") as file:
    entries = [
      *(str(path), file, io.BytesIO(path.read_bytes()), Image.open(path), grey),
      *(np.zeros((0, 0), np.uint8), grey / 255, b"", empty, tmp_path / "none.png"),
    ]
    predictions = opened.predict(entries)
    alone = opened.predict(file)
  assert predictions.status[:4] == ["ok"] * 4 and len(alone) == 1
  assert predictions.is_scored[4] and predictions.status[5:] == ["error"] * 5
  np.testing.assert_allclose(predictions.valence[:4], alone.valence[0], atol=1e-5)
  assert np.isfinite(predictions.valence[4])
  assert "got (0, 0) uint8" in predictions.reason[5]
  assert "got (48, 64) float64" in predictions.reason[6]
  assert "it is a folder without pictures" in predictions.reason[8]
  assert predictions.paths[8:] == [empty, tmp_path / "none.png"]


@pytest.mark.parametrize("wrong", [None, 7, object()])
def test_what_is_no_picture_is_named(opened, images, wrong):
  for entries in (wrong, [images / "05.png", wrong]):
    with pytest.raises(TypeError, match=f"got {type(wrong).__name__}"):
      opened.predict(entries)


@pytest.mark.slow
def test_two_devices_wrote_what_one_reads(run, opened, images):
  # This process has two pretend devices; the other one has a single one.
  target = images / "07.png"
  command = ("-m", "emojax.predict", f"--checkpoint={run}", "--cache_dir=", target)
  alone = _process(*command, devices=1)
  assert alone.returncode == 0, alone.stderr
  (row,) = csv.DictReader(io.StringIO(alone.stdout))
  here = opened.predict(target)
  assert abs(float(row["valence"]) - here.valence[0]) < 1e-4
  assert abs(float(row["arousal_sd"]) - here.std["arousal"][0]) < 1e-4


@pytest.mark.slow
def test_every_odd_file_has_a_row_and_a_place_on_the_page(run, odd, tmp_path):
  page = tmp_path / "page.html"
  command = ("-m", "emojax.predict", f"--checkpoint={run}", "--cache_dir=")
  done = _process(*command, f"--gallery={page}", odd)
  assert done.returncode == 1
  assert "2 of 9 pictures were not scored" in done.stderr
  rows = {row["path"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
  assert len(rows) == 9
  failed = {path for path, row in rows.items() if row["status"] == "error"}
  assert failed == {str(odd / "cut.jpg"), str(odd / "text.png")}
  assert all(rows[path]["reason"] and not rows[path]["valence"] for path in failed)
  assert str(odd / "two\nlines.jpg") in rows
  upright, turned = rows[str(odd / "whole.jpg")], rows[str(odd / "turned.jpg")]
  assert abs(float(upright["valence"]) - float(turned["valence"])) < 0.3
  text = page.read_text("utf-8")
  assert text.count('class="photo"') >= 7 and "θάλασσα.jpg" in text
  assert "Not scored" in text and "text.png" in text


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_rows_as_files(opened, images, odd, kind):
  predictions = opened.predict([images / "01.png", odd / "text.png"])
  content = formats.content(predictions, f".{kind}")
  if kind == "csv":
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    rows = [{k: v or None for k, v in row.items()} for row in rows]
  elif kind == "json":
    rows = json.loads(content)
  else:
    rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
  assert [row["status"] for row in rows] == [predictions.status[0], "error"]
  assert abs(float(rows[0]["valence"]) - predictions.valence[0]) < 1e-4
  assert rows[1]["valence"] is None and "PNG" in rows[1]["reason"]


def test_parts_are_the_whole_and_any_input_has_a_row(opened, images, odd, tmp_path):
  archive = tmp_path / "p.tar"
  with tarfile.open(archive, "w") as tar:
    tar.add(images / "02.png", "set/02.png")
    tar.add(odd / "text.png", "text.png")
  (tmp_path / "list.txt").write_text(f"{images}/01.png\n{tmp_path}/gone.png\n")
  texts = [f"@{tmp_path}/list.txt", str(archive), f"file://{images}/03.png"]
  sources = inputs.of_texts(texts).sources
  parts = list(opened.predict_each(sources, [range(2), range(2, 2), range(2, 5)]))
  assert list(map(len, parts)) == [2, 0, 3]
  joined = predictions_lib.joined(parts)
  assert joined.names == [
    f"{images}/01.png",
    f"{tmp_path}/gone.png",
    f"{archive}/set/02.png",
    f"{archive}/text.png",
    f"file://{images}/03.png",
  ]
  assert [status != "error" for status in joined.status] == [1, 0, 1, 0, 1]
  bad, good = odd / "text.png", [images / f"{n:02}.png" for n in (1, 2, 3)]
  whole = opened.predict([good[0], bad, good[1], bad, good[2]])
  np.testing.assert_array_equal(joined.valence, whole.valence)
  np.testing.assert_allclose(joined.distance, whole.distance, rtol=1e-12)
  for kind in (".csv", ".json"):
    streamed = io.BytesIO()
    formats.write(streamed, parts, kind)
    assert streamed.getvalue() == formats.content(joined, kind)
  text = formats.content(joined, ".json").decode()
  rows = json.loads(text)
  assert text == files.json_text(rows, ensure_ascii=False)
  streamed = io.BytesIO()
  formats.write(streamed, parts, ".parquet")
  table = pyarrow.parquet.read_table(streamed)
  assert table.to_pylist() == rows


@pytest.mark.slow
def test_an_archive_is_the_run(run, opened, images, tmp_path):
  archive = tmp_path / "run.zip"
  export = ("-m", "emojax.export", run, f"--output={archive}", "--license=cc0-1.0")
  done = _process(*export)
  assert done.returncode == 0, done.stderr
  first = archive.read_bytes()
  _process(*export)
  assert archive.read_bytes() == first
  travelled = emojax.load(archive)
  paths = sorted(images.glob("*.png"))[:4]
  theirs, ours = travelled.predict(paths), opened.predict(paths)
  np.testing.assert_array_equal(theirs.valence, ours.valence)
  np.testing.assert_array_equal(theirs.distance, ours.distance)
  with zipfile.ZipFile(archive) as file:
    names, card = file.namelist(), file.read("README.md").decode()
    everything = b"".join(file.read(name) for name in names)
  assert str(images).encode() not in everything and b"01.png" not in everything
  assert "Out of scope" in card and '\nlicense: "cc0-1.0"\n' in card
  assert "va_emotion/folder" in card
  scores = json.loads((run / "results.json").read_text())["targets"]
  assert f"{scores['valence']['out_of_fold']['pearson_r']:.3f}" in card


@pytest.fixture
def copy(run, tmp_path):
  return pathlib.Path(shutil.copytree(run, tmp_path / "copy"))


def _change_feature(copy, place=0, **changes):
  path = copy / "config.json"
  stored = json.loads(path.read_text())
  stored["identity"]["features"][place].update(changes)
  path.write_text(json.dumps(stored))
  helpers.seal(copy)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"version": 99}, f"version 99, this emojax has version {color.VERSION}"),
    ({"images_version": 77}, "picture reading 77, this emojax has"),
    ({"digest": "ab" * 32}, "digest abababab.*name the same file with --color_names"),
    ({"name": "colour"}, r"the feature colour, which this emojax lacks \(it has color"),
  ],
)
def test_other_features_than_the_run_s_are_refused(copy, changes, message):
  _change_feature(copy, **changes)
  with pytest.raises(run_folder.RunError, match=message):
    emojax.load(copy)


def test_a_run_with_earlier_versions_that_are_alike_opens(copy, opened, images):
  _change_feature(copy, place=1, version=1, images_version=2)  # lbp
  path = images / "05.png"
  earlier = emojax.load(copy).predict(path)
  np.testing.assert_array_equal(earlier.valence, opened.predict(path).valence)


def test_unfinished_damaged_and_missing_runs_are_told_apart(copy, tmp_path):
  (copy / "familiarity.safetensors").write_bytes(b"nonsense")
  with pytest.raises(run_folder.RunError, match="is damaged"):
    emojax.load(copy)
  (copy / "results.json").unlink()
  with pytest.raises(run_folder.RunError, match="is not finished"):
    emojax.load(copy)
  with pytest.raises(run_folder.RunError, match="does not exist"):
    emojax.load(tmp_path / "nowhere")
  (tmp_path / "a.zip").write_text("no archive")
  with pytest.raises(run_folder.RunError, match="is no archive"):
    emojax.load(tmp_path / "a.zip")


def _archive(run, path, change):
  """An archive of a run with some of its members changed."""
  packing.write_archive(trained_run.read(run), path, {})
  with zipfile.ZipFile(path) as file:
    members = {name: file.read(name) for name in file.namelist()}
  del members["SHA256SUMS"]  # of what they were
  change(members)
  with zipfile.ZipFile(path, "w") as file:
    for name, content in members.items():
      file.writestr(name, content)


def test_archives_that_do_not_fit_are_refused(run, tmp_path):
  def newer(members):
    manifest = json.loads(members["run.json"])
    members["run.json"] = json.dumps(manifest | {"format": 3}).encode()

  def wider(members):
    manifest = json.loads(members["run.json"])
    manifest["identity"]["settings"]["hidden"] = [9]
    members["run.json"] = json.dumps(manifest).encode()

  def unknown(members):
    manifest = json.loads(members["run.json"])
    manifest["identity"]["settings"]["warmth"] = 1
    members["run.json"] = json.dumps(manifest).encode()

  def cut(members):
    members["networks.safetensors"] = members["networks.safetensors"][:-5]

  for change, message in (
    (newer, "newer emojax"),
    (wider, "should have shape"),
    (unknown, "settings warmth"),
    (cut, "is damaged"),
    (lambda members: members.pop("run.json"), "is damaged"),
  ):
    _archive(run, tmp_path / "changed.zip", change)
    with pytest.raises(run_folder.RunError, match=message):
      emojax.load(tmp_path / "changed.zip")


@pytest.mark.slow
def test_a_run_of_emojax_0_1_0_predicts_the_same(images, tmp_path):
  command = (
    "-m",
    "emojax.train",
    "--preset=paper",
    "--num_synthetic=10",
    f"--data_dir={tmp_path / 'tfds'}",
    "--features=object_squeezenet,lbp",
    "--network_precision=bfloat16",
    "--hidden=4",
    "--max_epochs=2",
    f"--cache_dir={tmp_path / 'cache'}",
    f"--workdir={tmp_path / 'run'}",
  )
  done = _process(*command)
  assert done.returncode == 0, done.stderr
  ours = emojax.load(tmp_path / "run").predict(images / "01.png", allow_simulated=True)
  config_path = tmp_path / "run" / "config.json"
  stored = json.loads(config_path.read_text())
  old = helpers.in_the_form_of_0_1_0(stored["identity"]["features"])
  assert "RANDOM" in old[0]["weights"] and old[0]["digest"].endswith("-bfloat16")
  stored["identity"]["features"] = old
  config_path.write_text(json.dumps(stored))
  (tmp_path / "run" / "SHA256SUMS").unlink()  # there were none

  def older(members):
    manifest = json.loads(members["run.json"]) | {"format": 1}
    manifest["identity"]["features"] = old
    members["run.json"] = json.dumps(manifest).encode()

  _archive(tmp_path / "run", tmp_path / "run.zip", older)
  for path in (tmp_path / "run", tmp_path / "run.zip"):
    theirs = emojax.load(path).predict(images / "01.png", allow_simulated=True)
    np.testing.assert_array_equal(theirs.valence, ours.valence)
  (metadata,) = tmp_path.rglob("1.0.0/metadata.json")
  dataset = json.loads(metadata.read_text())
  del dataset["digest"]
  metadata.write_text(json.dumps(dataset | {"features": old}))
  again = _process(*command, "--resume")
  assert again.returncode == 0 and "reusing 10 rated pictures" in again.stdout


@pytest.mark.parametrize("factor", [1e24, np.nan, np.inf])
def test_numbers_that_cannot_be_are_error_rows(run, images, factor):
  opened = emojax.load(run)
  bias = opened._params["output"]["bias"]
  opened._params["output"]["bias"] = bias.at[:10].multiply(factor)  # valence only
  predictions = opened.predict(images / "05.png")
  assert predictions.status == ["error"] and np.isnan(predictions.valence[0])
  assert np.isnan(predictions.low["arousal"][0]) and not predictions.is_scored[0]
  assert "its predicted valence" in predictions.reason[0]


def test_a_prediction_may_leave_the_scale_by_its_interval_s_width():
  mean = {"valence": np.array([9.9, 10.1, 0.1, -0.1, 5.0, 16.9, 17.1, np.nan])}
  half = {"valence": np.array([0.5, 0.5, 0.5, 0.5, 0.5, np.inf, np.nan, np.inf])}
  doubted = [bool(doubt) for doubt in predictor._doubts(mean, half)]
  assert doubted == [False, True, False, True, False, False, True, True]


def test_far_pictures_are_scored_and_said_to_be_far(opened, monkeypatch):
  far = np.zeros((40, 40, 3), np.uint8)
  far[::2] = 255
  predictions = opened.predict([far])
  assert predictions.status == ["far"] and "do not trust it" in predictions.reason[0]
  assert np.isfinite(predictions.valence).all()


@pytest.mark.slow
def test_mistakes_are_one_line(run, tmp_path):
  (tmp_path / "empty").mkdir()
  ratings = tmp_path / "ratings.csv"
  ratings.write_text("image,valence\na.png,3\n")
  for arguments, message in (
    ([f"--output={ratings}", "x.png"], "is there and holds no predictions; choose"),
    ([], "name pictures or folders"),
    ([f"--checkpoint={run}", "--interval=90", "x.png"], "between 0 and 1, got 90"),
    ([f"--checkpoint={run}"], "name pictures or folders"),
    ([f"--checkpoint={run}", "--output=a.txt", "x.png"], "should end in .csv"),
    ([f"--checkpoint={run}", "--output=/no/where/a.csv", "x.png"], "no folder"),
    ([f"--checkpoint={run}", str(tmp_path / "empty")], "no pictures in"),
    ([f"--checkpoint={tmp_path}", "x.png"], "is no run folder"),
  ):
    done = _process("-m", "emojax.predict", "--cache_dir=", *arguments)
    assert done.returncode == 1 and message in done.stderr, (arguments, done.stderr)
    assert done.stderr.count("\n") == 1 and not done.stdout
  assert ratings.read_text() == "image,valence\na.png,3\n"


def test_random_networks_are_found_again(tmp_path):
  sources = params.load_sources(["object_squeezenet"], weights="random")
  (described,) = descriptions.describe(["object_squeezenet"], sources)
  again = run_features._source(described, None, None, None, tmp_path)
  assert again.digest == sources["squeezenet"].digest
  described["digest"] = "0" * 64
  with pytest.raises(run_folder.RunError, match="--weights_dir"):
    run_features._source(described, None, None, None, tmp_path)


@pytest.mark.slow
def test_weights_and_made_features_travel_in_the_archive(shared_data, images, tmp_path):
  weights = tmp_path / "weights"
  norms = shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"
  cache = f"--cache_dir={tmp_path / 'cache'}"
  convert.convert("squeezenet", shared_data, weights)
  few = ("--network=squeezenet", "--num_attributes=20", f"--weights_dir={weights}")
  assert _process("-m", "emojax.attributes", "fit", *few, cache).returncode == 0
  done = _process(
    "-m",
    "emojax.train",
    "--preset=paper",
    "--dataset=va_emotion/folder",
    f"--images_dir={images}",
    f"--ratings_csv={images / 'ratings.csv'}",
    f"--data_dir={tmp_path}",
    "--features=logits_squeezenet,attributes,word_emotion,lbp",
    "--word_features=object_squeezenet",
    f"--word_norms={norms}",
    "--hidden=4",
    "--max_epochs=2",
    f"--weights_dir={weights}",
    cache,
    f"--workdir={tmp_path / 'run'}",
  )
  assert done.returncode == 0, done.stderr
  run = trained_run.read(tmp_path / "run")
  assert run.columns.sizes == (1000, 20, 3, 59)
  carried = packing.weights_used(run, weights)
  assert sorted(carried) == ["attributes", "squeezenet"]
  packing.write_archive(run, tmp_path / "run.zip", carried)
  with pytest.raises(ValueError, match="no trained weights of squeezenet"):
    emojax.load(tmp_path / "run", word_norms=norms)
  with pytest.raises(ValueError, match="with --word_norms"):
    emojax.load(tmp_path / "run.zip")
  settings = config.ExtractConfig(cache_dir=str(tmp_path / "cache"))
  from_folder = emojax.load(tmp_path / "run", weights, word_norms=norms)
  ours = from_folder.predict(images, settings=settings)
  opened = emojax.load(tmp_path / "run.zip", word_norms=norms)
  predictions = opened.predict(images, settings=settings)
  np.testing.assert_array_equal(predictions.valence, ours.valence)
  assert np.isfinite(ours.valence).all()
  (tmp_path / "other.csv").write_text("word,valence,arousal,dominance\ncat,5,5,5\n")
  with pytest.raises(run_folder.RunError, match=r"was trained with word norms .* here"):
    emojax.load(tmp_path / "run.zip", word_norms=tmp_path / "other.csv")
