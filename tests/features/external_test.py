"""Features from elsewhere: every kind of file, and what is wrong with one."""

import zipfile

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet
import pytest

from emojax.features import external
from emojax.utils import checksums

NAMES = ["b.jpg", "sub/a b.png", "c.jpg"]
VALUES = np.array([[1.5, -2.0], [0.0, 3.25], [7.0, 8.0]], np.float32)


def _as_npy(path, names=NAMES, values=VALUES):
  np.save(path, values)
  path.with_name("file_names.txt").write_text("\n".join(names) + "\n")


def _as_csv(path):
  lines = [f"{n},{a},{b}" for n, (a, b) in zip(NAMES, VALUES.tolist(), strict=True)]
  path.write_text("\n".join(["image,x,y", *lines]))


def _as_german_excel(path):
  lines = [f"{n};{a:g};{b:g}" for n, (a, b) in zip(NAMES, VALUES.tolist(), strict=True)]
  path.write_text(
    "\n".join(["Bild;x;y", *lines]).replace(".25", ",25").replace("1.5", "1,5")
  )


def _as_pandas(path):
  pandas.DataFrame({"path": NAMES, "x": VALUES[:, 0], "y": VALUES[:, 1]}).to_csv(path)


def _as_index(path):
  pandas.DataFrame(VALUES, index=NAMES).to_csv(path)


def _as_xlsx(path):
  pandas.DataFrame({"x": VALUES[:, 0], "file": NAMES, "y": VALUES[:, 1]}).to_excel(
    path, index=False
  )


def _as_parquet(path):
  pyarrow.parquet.write_table(
    pa.table({"image": NAMES, "x": VALUES[:, 0], "y": VALUES[:, 1]}), path
  )


def _as_lists(path):
  pyarrow.parquet.write_table(
    pa.table({"path": NAMES, "clip": [row.tolist() for row in VALUES]}), path
  )


@pytest.mark.parametrize(
  ("file", "write"),
  [
    ("features.npy", _as_npy),
    ("a.npz", lambda path: np.savez(path, files=np.array(NAMES), clip=VALUES)),
    ("a.csv", _as_csv),
    ("b.csv", _as_german_excel),
    ("c.csv", _as_pandas),
    ("d.csv", _as_index),
    ("a.xlsx", _as_xlsx),
    ("a.parquet", _as_parquet),
    ("b.parquet", _as_lists),
  ],
)
def test_every_kind_of_file_is_the_same_feature(tmp_path, file, write):
  _as_npy(tmp_path / "other.npy")
  expected = external.read("clip", tmp_path / "other.npy")
  write(tmp_path / file)
  table = external.read("clip", tmp_path / file)
  assert table.image_names == tuple(NAMES)
  np.testing.assert_array_equal(table.values, VALUES)
  assert table.digest == expected.digest and table.size == 2


def test_the_digest_is_of_names_and_values(tmp_path):
  digests = set()
  for names, values in (
    (NAMES, VALUES),
    (NAMES[::-1], VALUES),
    (NAMES, VALUES + 1),
  ):
    _as_npy(tmp_path / "features.npy", names, values)
    digests.add(external.read("clip", tmp_path / "features.npy").digest)
  assert len(digests) == 3


def _short_of_names(folder):
  _as_npy(folder / "a.npy", NAMES[:2])
  return folder / "a.npy"


def _nan(folder):
  values = VALUES.copy()
  values[1, 0] = np.nan
  _as_npy(folder / "a.npy", values=values)
  return folder / "a.npy"


def _objects(folder):
  np.save(folder / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
  (folder / "file_names.txt").write_text("a.jpg\n")
  return folder / "a.npy"


def _nameless(folder):
  np.save(folder / "a.npy", VALUES)
  return folder / "a.npy"


def _cut(folder):
  np.savez(folder / "whole.npz", names=np.array(NAMES), clip=VALUES)
  (folder / "a.npz").write_bytes((folder / "whole.npz").read_bytes()[:90])
  return folder / "a.npz"


def _packed(folder):
  zeros = np.zeros((3, 23_000_000), np.uint8)
  np.savez_compressed(folder / "a.npz", names=np.array(NAMES), clip=zeros)
  return folder / "a.npz"


def _ragged(folder):
  table = pa.table({"image": NAMES, "clip": [[1.0], [1.0, 2.0], [3.0]]})
  pyarrow.parquet.write_table(table, folder / "a.parquet")
  return folder / "a.parquet"


def _text(folder):
  (folder / "a.csv").write_text("image,x\na.jpg,1\nb.jpg,0_7\n")
  return folder / "a.csv"


def _two_texts(folder):
  table = pa.table({"left": NAMES, "right": NAMES, "x": VALUES[:, 0]})
  pyarrow.parquet.write_table(table, folder / "a.parquet")
  return folder / "a.parquet"


def _no_array(folder):
  np.savez(folder / "a.npz", names=np.array(NAMES), clip=VALUES)
  with zipfile.ZipFile(folder / "a.npz", "a") as archive:
    archive.writestr("note.npy", b"made by hand")
  return folder / "a.npz"


def _no_utf8(folder):
  np.savez(folder / "a.npz", names=np.array([b"a\xff", b"b", b"c"]), clip=VALUES)
  return folder / "a.npz"


def _parquet_of(**columns):
  def write(folder):
    pyarrow.parquet.write_table(pa.table(columns), folder / "a.parquet")
    return folder / "a.parquet"

  return write


@pytest.mark.parametrize(
  ("write", "message"),
  [
    (_no_array, "expected one array of names (text) and one of numbers"),
    (_no_utf8, "a.npz: 'utf-8' codec"),
    (_parquet_of(image=["a", None, "c"], x=[1, 2, 3]), "row 2 has no name"),
    (_parquet_of(image=NAMES, x=[["a"], ["b"], ["c"]]), "could not convert"),
    (_parquet_of(image=NAMES, x=[[[1.0]], [[2.0]], [[3.0]]]), "of shape (3, 1, 1)"),
    (_parquet_of(image=NAMES, x=[{"a": 1}] * 3), "cannot read"),
    (_short_of_names, "3 rows of numbers, but 2 names of pictures"),
    (_nan, "the number 1 of 'sub/a b.png' is missing or not finite"),
    (_objects, "without Python objects"),
    (_nameless, "does not say which row is which picture"),
    (_cut, "cannot read"),
    (_packed, "unpacks to 69,000,"),
    (_ragged, "have 2 different lengths"),
    (_text, "line 3, 'x': expected a number, got '0_7'"),
    (_two_texts, "which column names the pictures?"),
    (lambda folder: folder / "gone.npy", "no file"),
    (lambda folder: folder / "a.mat", "expected .npy, .npz, .parquet"),
  ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, write, message):
  path = write(tmp_path)
  with pytest.raises(external.ExternalError) as caught:
    external.read("clip", path)
  assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("settings", "message"),
  [
    (["clip"], "NAME=FILE"),
    (["=a.npy"], "NAME=FILE"),
    (["a b=a.npy"], "NAME=FILE"),
    (["lbp=a.npy"], "there is a feature lbp already"),
    (["clip=a.npy", "clip=b.npy"], "there is a feature clip already"),
  ],
)
def test_a_setting_that_is_none_is_told(settings, message):
  with pytest.raises(external.ExternalError, match=message):
    external.paths(settings, ["lbp"])


def test_a_table_of_emojax_extract_is_what_was_written(tmp_path):
  path = tmp_path / "clip.npy"
  _as_npy(path)
  (tmp_path / "features.json").write_text("{}")
  (tmp_path / "SHA256SUMS").write_text(checksums.text(tmp_path, [path]))
  whole = external.read("clip", path)
  np.save(path, VALUES + 1)
  with pytest.raises(ValueError, match=r"clip.npy is damaged.*Extract the features"):
    external.read("clip", path)
  (tmp_path / "SHA256SUMS").unlink()  # emojax 0.1 kept none
  assert external.read("clip", path).size == whole.size
