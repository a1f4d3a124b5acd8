"""`python -m emojax.extract`: a folder of pictures to feature files, without ratings.

In: a folder of pictures. Out: a folder with `rows.csv` (one row per picture: path,
status, reason), one `<feature>.npy` of shape (N, size) per feature in the same order,
NaN where the picture failed, and `features.json`, written last: what the numbers are.
Stopped at any moment and started again, it goes on from the cache to the same files.
"""

import pathlib
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.extract.folder import extract_folder, write
from emojax.utils import cli, errors, options, terminal

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  pass

_NAME = "emojax.extract"
_ABOUT = (
  "Computes features of every picture below a folder. Broken pictures get a row that "
  "says why; features already computed are taken from the cache."
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string("images_dir", "", "Folder of pictures; subfolders too.")
  flags.DEFINE_string("output", "", "Folder for results; made when absent.")
  options.define(config.ExtractConfig, _NAME)


def main(arguments: list[str]) -> int:
  """The program; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax import images
  from emojax.utils import runtime

  values = flags.FLAGS
  if not values.images_dir or not values.output:
    raise errors.UserError("--images_dir=FOLDER and --output=FOLDER are needed")
  folder = pathlib.Path(values.images_dir).expanduser()
  output = pathlib.Path(values.output).expanduser()
  settings = options.read(config.ExtractConfig())
  runtime.start(settings.cache_dir)
  extracted, described = extract_folder(folder, settings, progress=True, output=output)
  write(output, folder, extracted, described)
  number, failed = len(extracted.rows), len(extracted.failed)
  stats = extracted.stats
  terminal.say(
    f"{number} pictures, {stats['from_cache']:.0f} from the cache, "
    f"{stats['total_seconds']:.1f} s, {runtime.peak_memory_mb() / 1000:.1f} GB at "
    f"most; {len(described)} features in {output}"
  )
  left_out = images.passed_over([folder])
  if left_out:
    terminal.tell(f"{_NAME}: {left_out}")
  if failed:
    terminal.say(f"{failed} of {number} pictures failed: see {output / 'rows.csv'}")
    return 1
  return 0


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(config.ExtractConfig,),
    interrupted="stopped; the same command goes on from what is already computed",
    example="--images_dir=PICTURES --features=color,gist,lbp --output=FEATURES",
  )
