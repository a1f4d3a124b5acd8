"""A folder that holds features as NumPy arrays.

In: rows, table by table. Out: `rows.csv`, one `<feature>.npy` each, `SHA256SUMS` of all
of them, and `features.json`, written last.
"""

import contextlib
import json
import pathlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from emojax.extract import feature_table
from emojax.utils import checksums, files, locks

DESCRIPTION = "features.json"


def write(
  output: pathlib.Path,
  tables: Iterable[pa.Table],
  of: pa.Schema,
  number: int,
  images_dir: str,
) -> int:
  """Writes the result files, each whole or not at all.

  `features.json` is taken away first and written last: a folder that has it is
  complete. Files of features that an earlier run left and this one does not have are
  removed.

  Args:
    output: the folder, made when absent.
    tables: rows, see `feature_table`; asked for one by one, so that memory holds one.
    of: their schema.
    number: how many rows there are in all.
    images_dir: the pictures' folder, to be recorded; empty: they are from several.
  Returns:
    How many pictures failed.
  Raises:
    OSError: the disk is full or may not be written.
  """
  with locks.one_writer(output):
    described = feature_table.described(of)
    description = output / DESCRIPTION
    arrays = {str(e["name"]): output / f"{e['name']}.npy" for e in described}
    for name in _features_there(description) - set(arrays):
      (output / f"{name}.npy").unlink(missing_ok=True)
    for name in (DESCRIPTION, checksums.FILE_NAME):
      (output / name).unlink(missing_ok=True)
    rows = output / "rows.csv"
    failed = _write_rows(rows, arrays, tables, of, number)
    summary = {
      "images_dir": files.utf8(images_dir),
      "pictures": number,
      "failed": failed,
      "features": described,
    }
    text = files.json_text(summary)
    written = [rows, *arrays.values()]
    sums = checksums.text(output, written, {DESCRIPTION: text})
    files.write(output / checksums.FILE_NAME, sums)
    files.write(description, text)
  return failed


def _write_rows(
  csv: pathlib.Path,
  arrays: dict[str, pathlib.Path],
  tables: Iterable[pa.Table],
  of: pa.Schema,
  number: int,
) -> int:
  """Writes the table of pictures and the arrays; returns how many pictures failed."""
  failed = 0
  with contextlib.ExitStack() as stack:
    csv_file = stack.enter_context(files.writing(csv))
    csv_file.write(files.csv_text([feature_table.TEXTS]).encode())
    array_files = {}
    for name, path in arrays.items():
      shape = (number, of.field(name).type.list_size)
      file = stack.enter_context(files.writing(path, 4 * shape[0] * shape[1]))
      # What `np.save` would write first.
      header = {"descr": "<f4", "fortran_order": False, "shape": shape}
      np.lib.format.write_array_header_1_0(file, header)
      array_files[name] = file
    for table in tables:
      csv_file.write(rows_csv(table).encode())
      failed += feature_table.failed(table)
      for name, file in array_files.items():
        file.write(feature_table.values(table[name]).astype("<f4").tobytes())
  return failed


def rows_csv(table: pa.Table) -> str:
  """Lines of CSV: path, status and reason of each row.

  Names with commas, quotes or line breaks are quoted.
  """
  columns = [table[name].to_pylist() for name in feature_table.TEXTS]
  return files.csv_text(zip(*columns, strict=True))


def _features_there(description: pathlib.Path) -> set[str]:
  """Features an earlier run wrote; none when there was none or it did not finish."""
  try:
    entries = json.loads(description.read_text())["features"]
    return {pathlib.PurePath(entry["name"]).name for entry in entries}
  except (OSError, ValueError, KeyError, TypeError):
    return set()
