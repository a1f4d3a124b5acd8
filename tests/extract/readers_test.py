"""The lines in docs/how-to/features-table.md, run as they stand there."""

import importlib.metadata
import pathlib
import re

import helpers
import numpy as np
import pytest
from PIL import Image

from emojax import config
from emojax.extract import inputs, shards, stream

DOCUMENT = helpers.ROOT / "docs" / "how-to" / "features-table.md"
SETTINGS = config.ExtractConfig(("color",), cache_dir="", extract_batch=2)


def _snippets() -> dict[str, str]:
  """The first word before each block of Python -> the block."""
  text = DOCUMENT.read_text("utf-8")
  pattern = r"\n\n(\S[^\n]*)(?:\n\S[^\n]*)*\n\n```python\n(.*?)```"
  blocks = re.findall(pattern, text, re.S)
  return {head.split()[0].strip("`:"): code for head, code in blocks}


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> pathlib.Path:
  """`file` and `folder`, each with a `features.parquet` of four pictures, one bad."""
  root = tmp_path_factory.mktemp("tables")
  (root / "pictures").mkdir()
  for number in range(4):
    rgb = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(rgb).save(root / "pictures" / f"{number}.png")
  (root / "pictures" / "1.png").write_bytes(b"no picture")

  def find():
    return inputs.of_folder(root / "pictures")

  stream.extract(find, SETTINGS, root / "file" / "features.parquet")
  for part in (shards.Shard(1, 2), shards.Shard(2, 2)):
    stream.extract(find, SETTINGS, root / "folder" / "features.parquet", shard=part)
  stream.extract(find, SETTINGS, root / "arrays")
  return root


def _run(folder: pathlib.Path, monkeypatch, code: str) -> dict[str, object]:
  """What some lines leave behind."""
  monkeypatch.chdir(folder)
  values: dict[str, object] = {}
  exec(compile(code, str(DOCUMENT), "exec"), values)
  return values


@pytest.mark.parametrize(
  ("reader", "package", "form"),
  [
    ("pandas", "pandas", "file"),
    ("pandas", "pandas", "folder"),
    ("Polars", "polars", "file"),
    ("Polars", "polars", "folder"),
    ("datasets", "datasets", "file"),
    ("datasets", "datasets", "folder"),
    ("PyTorch", "torch", "file"),
    pytest.param("tf.data", "tensorflow-cpu", "file", marks=pytest.mark.slow),
  ],
)
def test_a_reader_s_lines_give_the_numbers(tables, monkeypatch, reader, package, form):
  try:  # not by an import: the tests' own folder is called datasets too
    importlib.metadata.distribution(package)
  except importlib.metadata.PackageNotFoundError:
    pytest.skip(f"{package} is not installed: the lines for {reader} are not tried")
  code = _snippets()[reader]
  assert len([line for line in code.splitlines() if line]) == 3
  if form == "folder" and reader != "pandas":  # as the page says
    code = code.replace("features.parquet", "features.parquet/*.parquet")
  color = _run(tables / form, monkeypatch, code)["color"]
  if reader == "tf.data":
    color = list(color.as_numpy_iterator())
  expected = np.load(tables / "arrays" / "color.npy")[[0, 2, 3]]
  np.testing.assert_array_equal(np.asarray(color), expected)


def test_pyarrow_reads_group_by_group(tables, monkeypatch):
  color = _run(tables / "file", monkeypatch, _snippets()["A"])["color"]
  np.testing.assert_array_equal(color, np.load(tables / "arrays" / "color.npy"))


def test_the_metadata_says_what_the_numbers_are(tables, monkeypatch):
  values = _run(tables / "file", monkeypatch, _snippets()["The"])
  (entry,) = values["made_of"]
  assert entry["name"] == "color" and entry["version"] and entry["digest"]
  assert values["classes"] == {}
