"""The paper's tables as commands: one program for many networks, resumable, honest."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import helpers
import numpy as np
import pytest

from emojax import paper
from emojax.config import PRESETS, DataConfig, ExtractConfig
from emojax.evaluation import results
from emojax.experiments import __main__ as program
from emojax.experiments import entries
from emojax.experiments.config import ExperimentConfig, FinetuneConfig
from emojax.report import experiment

_SMALL = [
  "--num_synthetic=30",
  "--max_epochs=4",
  "--hidden=6",
  "--objects=squeezenet,resnet18",
  "--semantic=",
  "--low=color,lbp",
]


def _command(folder, *more):
  command = [sys.executable, "-m", "emojax.experiments", *_SMALL, *more]
  command += [f"--data_dir={folder.parent / 'tfds'}"]
  return [*command, f"--cache_dir={folder.parent / 'cache'}", f"--workdir={folder}"]


def _run(folder, *more):
  return helpers.run(*_command(folder, *more)[1:])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  return tmp_path_factory.mktemp("experiments")


@pytest.fixture(scope="module")
def table_2(place):
  done = _run(place / "table2", "--table=2", "--seeds=2")
  assert done.returncode == 0, done.stderr
  return place / "table2", done.stdout


def test_the_plan_of_table_2_is_the_paper_s():
  planned = entries.plan("2", ExperimentConfig(), "paper")
  assert [entry.paper for entry in planned] == ["alexnet", "vgg16", "resnet"]
  features = ("color", "gist", "lbp", "object_vgg16", "semantic_deeplab")
  assert planned[1].features == features


def test_the_plan_of_table_3_has_each_group_alone_and_left_out():
  selection = ExperimentConfig(subsets=("color+gist",))
  by_name = {e.name: e.features for e in entries.plan("3", selection, "paper")}
  assert by_name["semantic"] == ("semantic_deeplab",)
  assert by_name["all-alexnet-but-gist"] == (
    "color",
    "lbp",
    "object_alexnet",
    "semantic_deeplab",
  )
  assert by_name["color+gist"] == ("color", "gist")
  assert len(by_name) == 1 + 3 + 1 + 3 + 2 + 3 + 1 + 1


def test_features_from_elsewhere_stand_alone_and_beside_the_others():
  three = entries.plan("3", ExperimentConfig(), "paper", extra=["clip"])
  by_name = {entry.name: entry.features for entry in three}
  assert by_name["clip"] == ("clip",)
  assert by_name["all-alexnet-and-clip"] == (*by_name["all-alexnet"], "clip")
  four = {e.name: e for e in entries.plan("4", ExperimentConfig(), "paper", (), ["a"])}
  own = PRESETS["best"][1]
  assert four["best-and-a"].features == (*own, "a") and four["best-and-a"].paper == ""
  assert four["ridge-a"].features == four["best-a"].features == ("a",)


@pytest.mark.slow
def test_rivals_are_compared_with_best_on_its_own_inputs(place):
  values = np.random.default_rng(0).normal(size=(6, 3))
  folder = place / "four" / "rivals"  # the pictures and features of table 4
  folder.parent.mkdir(exist_ok=True)
  np.save(folder.parent / "mood.npy", values)
  names = [f"synthetic_{i:05}" for i in range(6)]
  (folder.parent / "mood.txt").write_text("\n".join(names))
  extra = f"--extra_features=mood={folder.parent / 'mood.npy'}"
  done = _run(folder, "--table=rivals", extra, "--ensemble=1", "--num_synthetic=6")
  assert done.returncode == 0, done.stderr
  report = json.loads((folder / "results.json").read_text())
  names = [entry["entry"]["name"] for entry in report["entries"]]
  assert names[:4] == ["mean", "ridge", "svr", "best"]
  assert names[4:] == ["ridge-mood", "best-mood", "best-and-mood"]
  assert done.stdout.splitlines()[-1].startswith("experiment folder")
  assert "# Rivals: what else predicts" in done.stdout
  assert "the paper's" not in done.stdout.lower()


def test_a_fine_tuned_entry_says_its_network_and_how():
  planned = entries.plan("4", ExperimentConfig(), "paper", ("resnet18",))
  frozen, train = planned[-2:]
  assert (frozen.name, frozen.network, frozen.mode) == (
    "resnet18-frozen",
    "resnet18",
    "frozen",
  )
  assert train.mode == "train" and not planned[0].network
  # Of the regressions, the paper has two.
  assert [entry.paper for entry in planned[:4]] == ["", "linear", "", "svr"]
  assert train.identity["hidden"] == ()
  # Experiments of emojax 0.1.0 go on with these.
  assert set(train.identity) == {
    "name",
    "features",
    "model",
    "preset",
    "hidden",
    "paper",
    "train_share",
  }


def test_layers_are_the_paper_s_for_its_widths():
  assert paper.hidden_for(1588) == (3000, 1000, 500)
  assert paper.hidden_for(438) == (900, 300, 150)
  assert paper.hidden_for(590) == (1200, 400, 200)
  assert paper.hidden_for(3) == (50, 50, 50)


def test_equal_feature_sets_are_refused():
  selection = ExperimentConfig(objects=("vgg16", "vgg16"))
  with pytest.raises(ValueError, match="two feature sets are the same"):
    entries.plan("2", selection, "paper")


def test_tables_of_one_object_network_do_without_any():
  selection = ExperimentConfig(objects=("none",), low=("color", "lbp"), semantic=())
  for table in ("4", "learning"):
    planned = entries.plan(table, selection, "best")
    assert entries.features_of(planned) == ("color", "lbp")  # no `best` on its own ones
  with pytest.raises(ValueError, match="--low, --objects and --semantic are all empty"):
    entries.plan("4", ExperimentConfig(objects=("none",), low=(), semantic=()), "paper")
  for table in ("2", "3"):
    with pytest.raises(ValueError, match="none is for tables 4 and learning"):
      entries.plan(table, selection, "paper")


def test_weights_of_the_synthetic_set_may_be_random_by_whatever_name_it_goes(tmp_path):
  extract = ExtractConfig(weights_dir=str(tmp_path))
  tuned = FinetuneConfig(finetune=("resnet18",))
  for name in ("va_emotion", "va_emotion/synthetic"):
    tuning = program._tuning(tuned, DataConfig(dataset=name), extract, [])
    assert tuning.weights("resnet18").source == "random"
  with pytest.raises(ValueError, match="resnet18"):
    program._tuning(tuned, DataConfig(dataset="va_emotion/folder"), extract, [])


@pytest.mark.slow
def test_table_2_is_one_program_with_the_paper_s_numbers_beside_it(table_2):
  folder, printed = table_2
  assert printed.count("as one program\n") == 1
  assert "training squeezenet, resnet18 as one program" in printed
  assert "Synthetic pictures" in printed and "RANDOM" in printed
  assert (folder / "table.md").read_text() in printed
  rows = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text())))
  assert len(rows) == 2 * 2 * 2 * 2 * 5  # sources, seeds, targets, parts, groups
  lines = [line for line in printed.splitlines() if "the paper's" in line]
  assert any("1.70 | 1.66 | 1.65 | 1.62 | 1.60 | 1.65" in line for line in lines)


@pytest.mark.slow
def test_every_entry_is_a_run_of_its_own(table_2):
  folder, _ = table_2
  names = sorted(path.name for path in (folder / "runs").iterdir())
  expected = [f"{n}{s}" for n in ("resnet18", "squeezenet") for s in ("", "-seed1")]
  assert names == sorted(expected)
  for name in names:
    read = results.read_predictions(folder / "runs" / name / "predictions.csv")
    assert len(read.predicted["valence"]) == 30 and set(read.rated) == {
      "valence",
      "arousal",
    }


@pytest.mark.slow
def test_a_source_of_the_table_is_what_the_training_program_makes_of_it(table_2):
  folder, _ = table_2
  alone = folder.parent / "alone"
  command = ["-m", "emojax.train", "--preset=paper"]
  command += ["--num_synthetic=30", "--max_epochs=4", "--hidden=6", "--seed=1"]
  command += ["--features=color,lbp,object_squeezenet", f"--workdir={alone}"]
  command += [f"--data_dir={folder.parent / 'tfds'}"]
  command += [f"--cache_dir={folder.parent / 'cache'}"]
  done = helpers.run(*command)
  assert done.returncode == 0, done.stderr
  ours = results.read_predictions(
    folder / "runs" / "squeezenet-seed1" / "predictions.csv"
  ).predicted
  theirs = results.read_predictions(alone / "predictions.csv").predicted
  for target in ours:
    np.testing.assert_allclose(ours[target], theirs[target], atol=2e-3)


@pytest.mark.slow
def test_a_killed_experiment_ends_with_the_same_tables(table_2, place):
  folder, _ = table_2
  killed = place / "killed"
  arguments = ("--table=2", "--seeds=2", "--checkpoint_seconds=0")
  process = subprocess.Popen(
    _command(killed, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
  )
  states = killed / "training" / "squeezenet" / "checkpoints" / "state"
  deadline = time.monotonic() + 60
  while not list(states.glob("[0-9]*")) and time.monotonic() < deadline:
    assert process.poll() is None
    time.sleep(0.01)
  process.send_signal(signal.SIGKILL)
  process.wait()
  assert not (killed / "results.json").exists()
  refused = _run(killed, *arguments)
  assert refused.returncode == 1 and "--resume" in refused.stderr
  done = _run(killed, *arguments, "--resume")
  assert done.returncode == 0, done.stderr
  assert (killed / "table.csv").read_text() == (folder / "table.csv").read_text()


@pytest.mark.slow
def test_table_4_compares_baselines_and_networks_on_the_same_images(place):
  tuning = ("--finetune=resnet18", "--finetune_epochs=1", "--target=valence")
  few = ("--objects=squeezenet", "--ensemble=2", "--num_synthetic=6")
  folder = place / "four" / "table4"  # with a dataset of its own
  done = _run(folder, "--table=4", *few, *tuning)
  assert done.returncode == 0, done.stderr
  report = json.loads((folder / "results.json").read_text())
  names = [entry["entry"]["name"] for entry in report["entries"]]
  assert names[:4] == ["mean", "linear", "ridge", "svr"]
  assert {"best-own-features", "resnet18-frozen", "resnet18-train"} < set(names)
  assert "resnet18-train was tuned from untrained weights" in done.stdout
  pairs = {(pair["first"], pair["second"]) for pair in report["differences"]}
  assert ("svr", "best-own-features") in pairs
  mean = report["entries"][0]
  scores = mean["runs"][0]["targets"]["valence"]["out_of_fold"]
  assert scores["mse"] >= scores["variance"]  # it cannot be better than the mean
  interval = mean["intervals"]["valence"]["mse"]
  assert interval["low"] < interval["value"] < interval["high"]
  shown = _run(folder, "--table=4", *few, "--resume")
  assert shown.returncode == 1 and "another configuration" in shown.stderr


def test_a_quick_learning_curve_has_every_other_size():
  selection = ExperimentConfig(quick=True, objects=("squeezenet",))
  planned = entries.plan("learning", selection, "paper")
  assert [entry.train_share for entry in planned if entry.model == "svr"] == [
    0.1,
    0.4,
    1.0,
  ]


@pytest.mark.slow
def test_a_learning_curve_gives_each_model_ever_more_pictures(place):
  more = ("--table=learning", "--shares=0.4,1", "--target=valence", "--preset=best")
  done = _run(place / "learning", *more, "--objects=squeezenet", "--ensemble=1")
  assert done.returncode == 0, done.stderr
  report = json.loads((place / "learning" / "results.json").read_text())
  names = [entry["entry"]["name"] for entry in report["entries"]]
  assert names == [f"{m}-{s}" for m in ("best", "ridge", "svr") for s in (40, 100)]
  curves = results.learning_curves(report["entries"], "valence")
  assert [number for number, _ in curves["svr"]] == [10, 24]
  page = experiment.of_experiment(place / "learning", report)
  assert "growth-valence" in page.figures


@pytest.mark.slow
def test_mistakes_are_one_line(tmp_path):
  for flags, message in (
    (["--table=5"], "2|3|4|learning"),
    (["--seeds=0"], "--seeds should be 1 or more"),
    (["--objects=vgg17"], "did you mean 'object_vgg1"),
    (["--patience=0"], "--patience should be 1 or more"),
  ):
    done = _run(tmp_path / "new", *flags)
    assert done.returncode == 1 and message in done.stderr, (flags, done.stderr)
    assert done.stderr.count("\n") == 1
  assert os.listdir(tmp_path) in ([], ["tfds"])
