"""`python -m emojax.attributes fit`: learns category-level attributes, the row "O".

In: a folder of labelled pictures (one sub-folder a category), or, without any, an
object network, whose classes are then the categories. Out: `attributes.safetensors`,
which the feature `attributes` reads from `--weights_dir`; `attributes.csv` with a row
per attribute; and for a folder `images.csv` with a row per picture.

  python -m emojax.attributes fit --network=squeezenet --weights_dir=weights
  python -m emojax.attributes fit --images_dir=CATEGORIES --num_attributes=300 \\
      --weights_dir=weights
"""

import pathlib
import time
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.attributes.config import AttributeConfig
from emojax.attributes.fit import (
  Learned,
  _attributes_csv,
  _images_csv,
  of_classes,
  of_images,
)
from emojax.utils import cli, errors, files, locks, options, terminal

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  pass

_NAME = "emojax.attributes"
_ABOUT = (
  "Category-level attributes (Yu et al., CVPR 2013), the paper's source O: numbers "
  "that tell categories of pictures apart, learned from labelled pictures or from the "
  "classes of an object network."
)
_FIT = "Learns attributes and writes attributes.safetensors for --features=attributes."
_UNUSED = ("features", "color_names", "word_norms", "word_features")


def define_flags() -> None:
  """Defines the flags of `fit`."""
  flags.DEFINE_string(
    "images_dir", "", "Labelled pictures: a folder with a sub-folder per category."
  )
  flags.DEFINE_string(
    "network",
    "",
    "Instead of --images_dir: an object network, whose 1000 classes are categories.",
  )
  flags.DEFINE_string(
    "base",
    "pool_squeezenet",
    "For --images_dir: the feature that classifiers of attributes look at.",
  )
  flags.DEFINE_string(
    "output",
    "",
    "Folder for the files; empty: --weights_dir, where they are looked for.",
  )
  options.define(AttributeConfig, _NAME)
  options.define(config.ExtractConfig, _NAME, leave_out=_UNUSED)


def fit(arguments: list[str]) -> int:
  """The command `fit`; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.features import attributes as feature
  from emojax.utils import runtime

  flag_values = flags.FLAGS
  start = time.monotonic()
  if bool(flag_values.images_dir) == bool(flag_values.network):
    raise errors.UserError(
      "name either --images_dir, a folder with a sub-folder of pictures per category, "
      "or --network, an object network such as squeezenet"
    )
  place = flag_values.output or flag_values.weights_dir
  if not place:
    raise errors.UserError("--output=FOLDER or --weights_dir=FOLDER is needed")
  output = pathlib.Path(place).expanduser()
  files.check_writable(output / feature.FILE_NAME)
  settings = options.read(AttributeConfig())
  extract = options.read(config.ExtractConfig())
  runtime.start(extract.cache_dir)
  if flag_values.network:
    learned = of_classes(flag_values.network, settings, extract)
  else:
    folder = pathlib.Path(flag_values.images_dir).expanduser()
    learned = of_images(folder, flag_values.base, settings, extract, progress=True)
  with locks.one_writer(output):
    if learned.rows:
      files.write(output / "pictures.csv", _images_csv(learned))
    files.write(output / "attributes.csv", _attributes_csv(learned))
    files.write(output / feature.FILE_NAME, feature.encode(learned.model))
  return _tell(learned, output, time.monotonic() - start)


def _tell(learned: Learned, output: pathlib.Path, seconds: float) -> int:
  """Says what was learned; returns the exit status."""
  import numpy as np

  model = learned.model
  terminal.say(
    f"{model.size} attributes of {model.origin}, from {model.base}, {seconds:.1f} s"
  )
  if learned.accuracy is not None and np.isfinite(learned.accuracy).all():
    terminal.say(
      "classifiers tell pictures they have not seen rightly: "
      f"{100 * learned.accuracy.mean():.1f} % on average, from "
      f"{100 * learned.accuracy.min():.1f} to {100 * learned.accuracy.max():.1f} %"
    )
  terminal.say(f"attributes: {output}, digest {model.digest[:16]}")
  failed = sum(row.status != "ok" for _, row in learned.rows)
  if failed:
    terminal.say(
      f"{failed} of {len(learned.rows)} pictures could not be read and are left out: "
      f"see {output / 'pictures.csv'}"
    )
  return 1 if failed else 0


COMMANDS = {
  "fit": cli.Command(
    _FIT,
    define_flags,
    fit,
    (AttributeConfig, config.ExtractConfig),
    example="--network=squeezenet --weights_dir=weights",
  )
}

if __name__ == "__main__":
  cli.run_commands(COMMANDS, _NAME, _ABOUT)
