"""Pictures by lists, patterns, tar files and addresses: a row each, whatever comes."""

import gzip
import io
import os
import pathlib
import re
import sys
import tarfile

import fsspec
import numpy as np
import pytest
from PIL import Image

from emojax import config, images
from emojax.extract import inputs, stream
from emojax.images import elsewhere


def _png(seed: int) -> bytes:
  rgb = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
  buffer = io.BytesIO()
  Image.fromarray(rgb).save(buffer, "PNG")
  return buffer.getvalue()


PNG = [_png(seed) for seed in range(3)]


def _tar(path: pathlib.Path, members: dict[str, bytes]) -> pathlib.Path:
  with tarfile.open(path, "w") as tar:
    for name, content in members.items():
      entry = tarfile.TarInfo(name)
      entry.size = len(content)
      tar.addfile(entry, io.BytesIO(content))
  return path


def _read(given: inputs.Inputs) -> dict[str, bytes | str]:
  """Name -> contents, or why there are none."""
  found: dict[str, bytes | str] = {}
  names = given.names(range(len(given.sources)))
  for name, source in zip(names, given.sources, strict=True):
    try:
      found[name] = images.read(source, 1000)
    except images.ImageError as error:
      found[name] = str(error)
      assert "\n" not in found[name]
  assert len(found) == len(names)
  return found


def test_lists_have_a_row_a_line(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  odd = os.fsdecode(b"\xff \xc3\xa4.png")
  for name in ("a.png", " b .png", odd):
    (tmp_path / name).write_bytes(PNG[0])
  lines = [b"a.png", b"", b" b .png", b"gone.png", b".", b"\xff \xc3\xa4.png"]
  (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(lines))
  found = _read(inputs.of_texts(["@list.txt"]))
  assert list(found) == ["a.png", " b .png", "gone.png", ".", odd]
  assert {found[name] for name in ("a.png", " b .png", odd)} == {PNG[0]}
  assert "No such file" in found["gone.png"] and "it is a folder" in found["."]
  (tmp_path / "@file.png").write_bytes(PNG[1])  # a file whose name looks like a list
  assert _read(inputs.of_texts(["@file.png"])) == {"@file.png": PNG[1]}


def test_standard_input_may_part_names_by_zero_bytes(monkeypatch):
  stdin = io.TextIOWrapper(io.BytesIO(b"a.png\0new\nline.png\0"))
  monkeypatch.setattr(sys, "stdin", stdin)
  assert inputs.of_texts(["-"]).sources == ["a.png", "new\nline.png"]


def test_folders_and_patterns_stand_for_what_is_in_them(tmp_path):
  (tmp_path / "sub").mkdir()
  for name in ("b.png", "a.png", "sub/c.png", "sub/d.txt", "[1].png"):
    (tmp_path / name).write_bytes(PNG[0])
  given = inputs.of_texts([f"{tmp_path}/[ab].png", str(tmp_path / "sub")])
  names = [
    pathlib.Path(name).relative_to(tmp_path).as_posix() for name in given.sources
  ]
  assert names == ["a.png", "b.png", "sub/c.png"]
  assert given.left_out.startswith("1 other files in the folders")
  given = inputs.of_texts([f"{tmp_path}/**/*.png", f"{tmp_path}/[1].png"])
  assert len(given.sources) == 5 and given.sources[-1].endswith("[1].png")


def test_a_tar_file_is_read_member_by_member(tmp_path):
  long = f"{'long' * 60}.png"
  path = _tar(
    tmp_path / "p.tar",
    {
      "0.png": PNG[0],
      "0.json": b"{}",
      "./d/1.JPG": PNG[1],
      long: PNG[2],
      "bad.png": b"",
      "large.png": bytes(images.sources._BESIDE_BYTES + 9000),
    },
  )
  given = inputs.of_texts([str(path)])
  found = _read(given)
  assert list(found) == [
    f"{path}/{n}" for n in ("0.png", "d/1.JPG", long, "bad.png", "large.png")
  ]
  assert list(found.values())[:4] == [*PNG, b""]
  assert "too many for a picture of 1,000 pixels" in found[f"{path}/large.png"]
  assert given.left_out == "1 other files in tar files have no row"


def test_what_is_wrong_with_a_tar_file_is_a_row(tmp_path):
  whole = _tar(tmp_path / "p.tar", {f"{n}.png": PNG[n] for n in range(3)}).read_bytes()
  start = 512 + -(-len(PNG[0]) // 512) * 512  # of the second member's head
  cases = {
    "cut.tar": (whole[: start + 600], 1, "1.png", "after 88 of "),
    "head.tar": (
      whole[:start] + b"\xff" * 512 + whole[start + 512 :],
      1,
      "",
      "cannot be read behind .*0.png: ",
    ),
    "text.tar": (b"no archive" * 100, 0, "", "cannot be opened"),
    "zipped.tar": (gzip.compress(whole), 0, "", "cannot be opened"),
  }
  for name, (content, good, bad, reason) in cases.items():
    path = tmp_path / name
    path.write_bytes(content)
    found = _read(inputs.of_texts([str(path), str(tmp_path / "p.tar")]))
    assert list(found.values())[:good] == PNG[:good], name
    failed = {n: text for n, text in found.items() if isinstance(text, str)}
    assert next(iter(failed)) == (f"{path}/{bad}" if bad else str(path)), name
    assert re.search(reason, next(iter(failed.values()))), failed
  os.mkfifo(tmp_path / "pipe.tar")
  found = _read(inputs.of_texts([str(tmp_path / "pipe.tar"), str(tmp_path / "no.tar")]))
  assert "no regular file" in found[str(tmp_path / "pipe.tar")]
  assert "No such file" in found[str(tmp_path / "no.tar")]


@pytest.fixture
def memory():
  """A file system at memory://, as those of clouds are used."""
  system = fsspec.filesystem("memory")
  with system.open("/b/s/1.png", "wb") as file:
    file.write(PNG[1])
  with system.open("/b/0.png", "wb") as file:
    file.write(PNG[0])
  with system.open("/b/large.txt", "wb") as file:
    file.write(bytes(images.sources._BESIDE_BYTES + 9000))
  yield system
  system.store.clear()


def test_addresses_are_files_folders_patterns_and_archives(memory, tmp_path):
  tar = _tar(tmp_path / "p.tar", {"x.png": PNG[2], "y.txt": b""})
  with memory.open("/t/p.tar", "wb") as file:
    file.write(tar.read_bytes())
  for text, expected in {
    "memory://b": {"memory://b/0.png": PNG[0], "memory://b/s/1.png": PNG[1]},
    "memory://b/*.png": {"memory://b/0.png": PNG[0]},
    "memory://t/p.tar": {"memory://t/p.tar/x.png": PNG[2]},
  }.items():
    found = _read(inputs.of_texts([text]))
    simple = {name.replace(":///", "://"): value for name, value in found.items()}
    assert simple == expected
  found = _read(inputs.of_texts(["memory://b/large.txt", "memory://b/gone.png"]))
  large, gone = found.values()
  assert "too many for a picture" in large and "cannot be opened" in gone


def test_addresses_of_this_machine_are_read_as_files(tmp_path):
  (tmp_path / "a b.png").write_bytes(PNG[0])
  os.mkfifo(tmp_path / "pipe.png")
  address = f"file://{tmp_path}"
  found = _read(inputs.of_texts([f"{address}/a b.png", f"{address}/pipe.png"]))
  assert found[f"{address}/a b.png"] == PNG[0]
  assert "not a regular file" in found[f"{address}/pipe.png"]
  folder = _read(inputs.of_texts([address]))
  assert len(folder) == 2


def test_the_web_is_read_and_says_what_it_has_not(host, tmp_path):
  host.files = {"/files/a.png": PNG[0]}
  (tmp_path / "list.txt").write_text(
    f"{host.address}/a.png\n{host.address}/gone.png\nhttp://127.0.0.1:9/x.png\n"
  )
  found, gone, refused = _read(inputs.of_texts([f"@{tmp_path}/list.txt"])).values()
  assert found == PNG[0]
  assert "cannot be opened" in gone and "cannot be opened" in refused


@pytest.mark.parametrize(
  ("texts", "message"),
  [
    (["nothing://x/a.png"], "nothing installed opens nothing:// addresses; expected"),
    (["s3://x/a.png"], "cannot open s3:// addresses: Install s3fs"),
    (["@{here}/list"], "cannot open s3:// addresses: Install s3fs"),
    (["@{here}/gone"], "cannot read the list {here}/gone"),
    (["@{here}/blank"], "no pictures in @{here}/blank"),
    (["{here}/*.png"], "no file fits the pattern {here}/*.png"),
    (["memory://x/*.png"], "no file fits the pattern memory://x/*.png"),
    (["{here}/empty"], "no pictures in {here}/empty: expected files ending in"),
    (["{here}/gone", "{here}/b.png"], "there is no file or folder {here}/gone"),
  ],
)
def test_mistakes_are_told(tmp_path, texts, message):
  (tmp_path / "empty").mkdir()
  (tmp_path / "list").write_text("a.png\ns3://x/a.png\n")
  (tmp_path / "blank").write_text("\n \n")
  texts = [text.format(here=tmp_path) for text in texts]
  with pytest.raises(ValueError) as error:
    inputs.of_texts(texts)
  assert message.format(here=tmp_path) in str(error.value)
  assert "\n" not in str(error.value)


def test_scheme_of_tells_addresses_from_paths():
  assert elsewhere.scheme_of("S3://b/a.png") == "s3"
  assert elsewhere.scheme_of("C:/a.png") == elsewhere.scheme_of("a/b://c") == ""


def test_rows_of_many_kinds_of_inputs_stand_in_one_table(tmp_path, memory):
  tar = _tar(tmp_path / "p.tar", {"x.png": PNG[2], "broken.png": b"no"})
  (tmp_path / "list.txt").write_text(f"{tmp_path}/gone.png\n{tar}\nmemory://b/0.png\n")
  settings = config.ExtractConfig(("lbp",), cache_dir="", extract_batch=1)
  done = stream.extract(
    lambda: inputs.of_texts([f"@{tmp_path}/list.txt"]), settings, tmp_path / "out"
  )
  assert done.number == 4 and done.failed == 2
  lines = (tmp_path / "out" / "rows.csv").read_text().splitlines()
  assert [line.split(",")[:2] for line in lines[1:]] == [
    [f"{tmp_path}/gone.png", "error"],
    [f"{tar}/x.png", "ok"],
    [f"{tar}/broken.png", "error"],
    ["memory://b/0.png", "ok"],
  ]
