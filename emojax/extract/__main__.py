"""`python -m emojax.extract`: a folder of pictures to feature files, without ratings.

In: a folder of pictures. Out: a folder with `rows.csv` (one row per picture: path,
status, reason), one `<feature>.npy` of shape (N, size) per feature in the same order,
NaN where the picture failed, and `features.json`, written last: what the numbers are.
Stopped at any moment and started again, it goes on from the cache to the same files.
"""

import io
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from emojax import config
from emojax.utils import cli, files, options

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  from emojax.extract import pipeline

_NAME = "emojax.extract"
_ABOUT = (
  "Computes features of every picture below a folder. Broken pictures get a row that "
  "says why; features already computed are taken from the cache."
)
_DESCRIPTION = "features.json"


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string("images_dir", "", "Folder of pictures; subfolders too.")
  flags.DEFINE_string("output", "", "Folder for results; made when absent.")
  options.define(config.ExtractConfig, _NAME)


def main(arguments: list[str]) -> int:
  """The program; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.utils import runtime

  asked = flags.FLAGS
  if not asked.images_dir or not asked.output:
    raise cli.UserError("--images_dir=FOLDER and --output=FOLDER are needed")
  folder = pathlib.Path(asked.images_dir).expanduser()
  output = pathlib.Path(asked.output).expanduser()
  _check_writable(output)
  settings = options.read(config.ExtractConfig())
  runtime.keep_memory()
  runtime.keep(settings.cache_dir)
  extracted, described = extract_folder(folder, settings, progress=True)
  write(output, folder, extracted, described)
  number, failed = len(extracted.rows), len(extracted.failed)
  stats = extracted.stats
  print(
    f"{number} pictures, {stats['from_cache']:.0f} from the cache, "
    f"{stats['total_seconds']:.1f} s, {runtime.peak_memory_mb() / 1000:.1f} GB at "
    f"most; {len(described)} features in {output}"
  )
  if failed:
    print(f"{failed} of {number} pictures failed: see {output / 'rows.csv'}")
    return 1
  return 0


def extract_folder(
  folder: pathlib.Path, settings: config.ExtractConfig, progress: bool
) -> tuple["pipeline.Extracted", list[dict[str, Any]]]:
  """Features of every picture below a folder.

  Args:
    folder: searched with its subfolders; see `images.walk`.
    settings: which features, from what, and how.
    progress: show a bar.
  Returns:
    What was extracted, in the order of `images.walk`, and what the features are.
  Raises:
    ValueError: a folder that is missing or without pictures, an unknown feature,
      missing weights, a cache that does not work; each says what to do.
  """
  from emojax import images
  from emojax.extract import extractor

  paths = images.walk(folder)
  if not paths:
    raise cli.UserError(
      f"no pictures in {folder}: expected files ending in {', '.join(images.SUFFIXES)}"
    )
  made = extractor.from_config(settings)
  return made.run_as(settings, paths, progress), made.describe()


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
  import numpy as np

  output.mkdir(parents=True, exist_ok=True)
  description = output / _DESCRIPTION
  for name in _features_there(description) - set(extracted.values):
    (output / f"{name}.npy").unlink(missing_ok=True)
  description.unlink(missing_ok=True)
  files.write(output / "rows.csv", rows_csv(extracted.rows, folder))
  for name, values in extracted.values.items():
    buffer = io.BytesIO()
    np.save(buffer, values)
    files.write(output / f"{name}.npy", buffer.getbuffer())
  summary = {
    "images_dir": files.utf8(folder.resolve()),
    "pictures": len(extracted.rows),
    "failed": len(extracted.failed),
    "features": described,
  }
  files.write(description, (json.dumps(summary, indent=2) + "\n").encode())


def rows_csv(rows: list["pipeline.Row"], folder: pathlib.Path) -> bytes:
  """The table of pictures as UTF-8 CSV: path relative to the folder, status, reason.

  Names with commas, quotes or line breaks are quoted; bytes of a name that are not
  UTF-8 stand as \\udcXX.
  """
  lines = [files.csv_line("path", "status", "reason")]
  for row in rows:
    path = row.path.relative_to(folder).as_posix() if row.path else ""
    lines.append(files.csv_line(path, row.status, row.reason))
  return "".join(lines).encode()


def _check_writable(output: pathlib.Path) -> None:
  """Complains before hours of work, not after them."""
  there = output
  while not there.exists() and there != there.parent:
    there = there.parent
  if not there.is_dir() or not os.access(there, os.W_OK):
    what = "may not be written to" if there.is_dir() else "is not a folder"
    raise cli.UserError(f"cannot write to --output={output}: {there} {what}")


def _features_there(description: pathlib.Path) -> set[str]:
  """Features an earlier run wrote; none when there was none or it did not finish."""
  try:
    entries = json.loads(description.read_text())["features"]
    return {pathlib.PurePath(entry["name"]).name for entry in entries}
  except (OSError, ValueError, KeyError, TypeError):
    return set()


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(config.ExtractConfig,),
    interrupted="stopped; the same command goes on from what is already computed",
  )
