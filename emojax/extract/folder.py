"""Features of every image below a folder, and the files that hold them.

In: a folder. Out: `rows.csv`, one `<feature>.npy` each, `SHA256SUMS` of all of
them, and `features.json`, written last.
"""

import io
import json
import pathlib
from typing import TYPE_CHECKING, Any

from emojax import config
from emojax.utils import checksums, errors, files, locks

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  from emojax.extract import pipeline


DESCRIPTION = "features.json"
_FLOAT_BYTES = 4


def extract_folder(
  folder: pathlib.Path,
  settings: config.ExtractConfig,
  progress: bool,
  output: pathlib.Path | None = None,
) -> tuple["pipeline.Extracted", list[dict[str, Any]]]:
  """Features of every picture below a folder.

  Args:
    folder: searched with its subfolders; see `images.walk`.
    settings: which features, from what, and how.
    progress: show a bar.
    output: where the features are to be written; that they fit there is seen to first.
  Returns:
    What was extracted, in the order of `images.walk`, and what the features are.
  Raises:
    ValueError: a folder that is missing or without pictures, an unknown feature,
      missing weights, a cache that does not work; each says what to do.
    OSError: the features do not fit on the disk.
  """
  from emojax import images
  from emojax.extract import extractor

  def find_images() -> list[pathlib.Path]:
    paths = images.walk(folder)
    if not paths:
      expected = ", ".join(images.SUFFIXES)
      raise errors.UserError(
        f"no pictures in {folder}: expected files ending in {expected}"
      )
    return paths

  def check_output() -> None:
    if output is not None:
      files.check_writable(output / DESCRIPTION)

  checks = (check_output, lambda: extractor.check(settings), find_images)
  *_, paths = errors.all_of(*checks)
  features = extractor.from_config(settings)
  if output is not None:
    width = sum(int(entry["size"]) for entry in features.describe())
    files.check_writable(output / DESCRIPTION, _FLOAT_BYTES * width * len(paths))
  return features.run_as(settings, paths, progress), features.describe()


def write(
  output: pathlib.Path,
  folder: pathlib.Path,
  extracted: "pipeline.Extracted",
  described: list[dict[str, Any]],
) -> None:
  """Writes the result files, each whole or not at all.

  `features.json` is taken away first and written last: a folder that has it is
  complete. Files of features that an earlier run left and this one does not have are
  removed.

  Args:
    output: the folder, made when absent.
    folder: the pictures' folder, to which paths are relative.
    extracted: rows and values.
    described: what the features are.
  Raises:
    OSError: the disk is full or may not be written.
  """
  with locks.one_writer(output):
    _write(output, folder, extracted, described)


def _write(
  output: pathlib.Path,
  folder: pathlib.Path,
  extracted: "pipeline.Extracted",
  described: list[dict[str, Any]],
) -> None:
  import numpy as np

  description = output / DESCRIPTION
  for name in _features_there(description) - set(extracted.values):
    (output / f"{name}.npy").unlink(missing_ok=True)
  for name in (DESCRIPTION, checksums.FILE_NAME):
    (output / name).unlink(missing_ok=True)
  written = [output / "rows.csv"]
  files.write(written[0], rows_csv(extracted.rows, folder))
  for name, values in extracted.values.items():
    buffer = io.BytesIO()
    np.save(buffer, values)
    written.append(output / f"{name}.npy")
    files.write(written[-1], buffer.getbuffer())
  summary = {
    "images_dir": files.utf8(folder.resolve()),
    "pictures": len(extracted.rows),
    "failed": len(extracted.failed),
    "features": described,
  }
  text = files.json_text(summary)
  sums = checksums.text(output, written, {DESCRIPTION: text})
  files.write(output / checksums.FILE_NAME, sums)
  files.write(description, text)


def rows_csv(rows: list["pipeline.Row"], folder: pathlib.Path) -> bytes:
  """The table of pictures as UTF-8 CSV: path relative to the folder, status, reason.

  Names with commas, quotes or line breaks are quoted; bytes of a name that are not
  UTF-8 stand as \\udcXX.
  """
  lines = [("path", "status", "reason")]
  for row in rows:
    path = row.path.relative_to(folder).as_posix() if row.path else ""
    lines.append((path, row.status, row.reason))
  return files.csv_text(lines).encode()


def _features_there(description: pathlib.Path) -> set[str]:
  """Features an earlier run wrote; none when there was none or it did not finish."""
  try:
    entries = json.loads(description.read_text())["features"]
    return {pathlib.PurePath(entry["name"]).name for entry in entries}
  except (OSError, ValueError, KeyError, TypeError):
    return set()
