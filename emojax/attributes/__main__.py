"""`python -m emojax.attributes fit`: learns category-level attributes, the row "O".

In: a folder of labelled pictures (one sub-folder a category), or, without any, an
object network, whose classes are then the categories. Out: `attributes.safetensors`,
which the feature `attributes` reads from `--weights_dir`; `attributes.csv` with a row
per attribute; and for a folder `pictures.csv` with a row per picture.

  python -m emojax.attributes fit --network=squeezenet --weights_dir=weights
  python -m emojax.attributes fit --images_dir=CATEGORIES --num_attributes=300 \\
      --weights_dir=weights
"""

import dataclasses
import pathlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.utils import cli, files, options

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  import numpy as np

  from emojax.extract import pipeline
  from emojax.features import attributes as feature

_NAME = "emojax.attributes"
_ABOUT = (
  "Category-level attributes (Yu et al., CVPR 2013), the paper's source O: numbers "
  "that tell categories of pictures apart, learned from labelled pictures or from the "
  "classes of an object network."
)
_FIT = "Learns attributes and writes attributes.safetensors for --features=attributes."
_UNUSED = ("features", "color_names", "word_norms", "word_features")
_SHOWN = 5  # categories at each end of an attribute, in attributes.csv


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
  options.define(config.AttributeConfig, _NAME)
  options.define(config.ExtractConfig, _NAME, leave_out=_UNUSED)


def fit(arguments: list[str]) -> int:
  """The command `fit`; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.features import attributes as feature
  from emojax.utils import runtime

  asked = flags.FLAGS
  start = time.monotonic()
  if bool(asked.images_dir) == bool(asked.network):
    raise cli.UserError(
      "name either --images_dir, a folder with a sub-folder of pictures per category, "
      "or --network, an object network such as squeezenet"
    )
  place = asked.output or asked.weights_dir
  if not place:
    raise cli.UserError("--output=FOLDER or --weights_dir=FOLDER is needed")
  output = pathlib.Path(place).expanduser()
  settings = options.read(config.AttributeConfig())
  extract = options.read(config.ExtractConfig())
  runtime.keep_memory()
  runtime.keep(extract.cache_dir)
  if asked.network:
    learned = of_classes(asked.network, settings, extract)
  else:
    folder = pathlib.Path(asked.images_dir).expanduser()
    learned = of_pictures(folder, asked.base, settings, extract, progress=True)
  output.mkdir(parents=True, exist_ok=True)
  if learned.rows:
    files.write(output / "pictures.csv", _pictures_csv(learned))
  files.write(output / "attributes.csv", _attributes_csv(learned))
  files.write(output / feature.FILE_NAME, feature.encode(learned.model))
  return _tell(learned, output, time.monotonic() - start)


@dataclasses.dataclass(frozen=True)
class Learned:
  """Attributes and what they were learned from.

  Attributes:
    model: as it is kept.
    gains: (L,) what each adds to the objective.
    accuracy: (L,) of each one's classifier, see `learn.Classifiers`;
      None where there are no pictures.
    rows: what became of each picture, with its category.
  """

  model: "feature.AttributeModel"
  gains: "np.ndarray"
  accuracy: "np.ndarray | None"
  rows: Sequence[tuple[str, "pipeline.Row"]]


def of_classes(
  network: str, settings: config.AttributeConfig, extract: config.ExtractConfig
) -> Learned:
  """Attributes of the classes of an object network.

  A class's centroid is its row of the last layer, and a picture has of an attribute
  what its classes have, expected under the network's probabilities.

  Raises:
    ValueError: no object network, weights that are missing, more attributes than there
      can be.
  """
  import numpy as np

  from emojax.backbones import BACKBONES, weights
  from emojax.features import attributes as feature

  if network not in BACKBONES or not BACKBONES[network].class_layer:
    known = [name for name, one in BACKBONES.items() if one.class_layer]
    raise cli.UserError(
      f"--network={network} is no object network; known: {', '.join(known)}"
    )
  place = pathlib.Path(extract.weights_dir).expanduser()
  choice = "trained" if extract.weights == "default" else extract.weights
  found = weights.find(network, place if extract.weights_dir else None, choice)
  centroids = BACKBONES[network].class_rows(found.params).astype(np.float64)
  _check(settings, len(centroids))
  matrix, gains = _learn(centroids, settings)
  model = feature.AttributeModel(
    weight=matrix.astype(np.float32),
    bias=np.zeros(matrix.shape[1], np.float32),
    matrix=matrix.astype(np.float32),
    base=f"object_{network}",
    base_digest=found.digest,
    base_label=found.label,
    categories=found.class_names,
    settings=dataclasses.asdict(settings),
    origin=f"the classes of {found.label} ({found.origin})",
  )
  return Learned(model, gains, None, ())


def of_pictures(
  folder: pathlib.Path,
  base: str,
  settings: config.AttributeConfig,
  extract: config.ExtractConfig,
  progress: bool,
) -> Learned:
  """Attributes of categories of pictures.

  Args:
    folder: has a sub-folder per category; pictures may lie deeper in it.
    base: the feature whose centroids stand for categories, and which classifiers see.
    settings, extract: how to learn, how to extract.
    progress: show a bar.
  Raises:
    ValueError: fewer than two categories, one without a picture that can be read, or
      what `learn.learn` and the extractor refuse.
  """
  import numpy as np

  from emojax.attributes import learn
  from emojax.extract import extractor
  from emojax.features import FEATURES
  from emojax.features import attributes as feature

  if base not in FEATURES:
    raise cli.UserError(f"--base={base} is no feature; known: {', '.join(FEATURES)}")
  paths, category, names = _labelled(folder)
  _check(settings, len(names))
  made = extractor.from_config(dataclasses.replace(extract, features=(base,)))
  extracted = made.run_as(extract, paths, progress)
  is_read = np.array([row.status == "ok" for row in extracted.rows])
  for number, name in enumerate(names):
    if not is_read[category == number].any():
      first = next(
        row.reason
        for row, c in zip(extracted.rows, category, strict=True)
        if c == number
      )
      raise cli.UserError(
        f"no picture of category {name!r} can be read ({first}): mend them or take the "
        "folder away"
      )
  values, labels = extracted.values[base][is_read], category[is_read]
  centroids = np.stack(
    [values[labels == c].mean(axis=0, dtype=np.float64) for c in range(len(names))]
  )
  matrix, gains = _learn(centroids, settings)
  found = learn.classifiers(values, labels, matrix)
  (described,) = made.describe()
  model = feature.AttributeModel(
    weight=found.weight,
    bias=found.bias,
    matrix=matrix.astype(np.float32),
    base=base,
    base_digest=str(described["digest"]),
    base_label=str(described["weights"]) or base,
    categories=tuple(names),
    settings={**dataclasses.asdict(settings), "ridge_penalty": found.penalty},
    origin=f"{len(labels)} pictures in {len(names)} categories",
  )
  rows = [(names[c], row) for c, row in zip(category, extracted.rows, strict=True)]
  return Learned(model, gains, found.accuracy, rows)


def _check(settings: config.AttributeConfig, categories: int) -> None:
  """Complains before pictures are looked at, not after."""
  from emojax.attributes import learn

  for name in ("num_attributes", "neighbors"):
    if getattr(settings, name) < 1:
      raise cli.UserError(
        f"--{name} should be 1 or more; got {getattr(settings, name)}"
      )
  for name in ("proximity_weight", "overlap_penalty"):
    if getattr(settings, name) < 0:
      raise cli.UserError(f"--{name} should not be below 0")
  learn.check(categories, settings.num_attributes, settings.neighbors)


def _learn(
  centroids: "np.ndarray", settings: config.AttributeConfig
) -> tuple["np.ndarray", "np.ndarray"]:
  """`learn.learn` under some settings."""
  from emojax.attributes import learn

  return learn.learn(
    centroids,
    settings.num_attributes,
    settings.proximity_weight,
    settings.neighbors,
    settings.overlap_penalty,
  )


def _labelled(
  folder: pathlib.Path,
) -> tuple[list[pathlib.Path], "np.ndarray", list[str]]:
  """Pictures, the number of each one's category, and the categories' names.

  Raises:
    UserError: no folder, fewer than two categories, or an empty one.
  """
  import numpy as np

  from emojax import images

  if not folder.is_dir():
    raise cli.UserError(f"there is no folder {folder}")
  categories = sorted(
    path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."
  )
  if len(categories) < 2:
    raise cli.UserError(
      f"attributes tell categories apart: expected two or more sub-folders of pictures "
      f"in {folder}, found {len(categories)}"
    )
  paths: list[pathlib.Path] = []
  numbers: list[int] = []
  for number, category in enumerate(categories):
    inside = images.walk(category)
    if not inside:
      raise cli.UserError(
        f"category {category.name!r} has no pictures: expected files ending in "
        f"{', '.join(images.SUFFIXES)} in {category}; add some or take the folder away"
      )
    paths += inside
    numbers += [number] * len(inside)
  return paths, np.array(numbers), [category.name for category in categories]


def _attributes_csv(learned: Learned) -> str:
  """One row per attribute: what it adds, how well it is told, its ends."""
  import numpy as np

  model = learned.model
  lines = [files.csv_line("attribute", "objective", "accuracy", "most", "least")]
  for number in range(model.size):
    order = np.argsort(model.matrix[:, number], kind="stable")
    least, most = (
      "; ".join(model.categories[int(c)].partition(",")[0] for c in ends)
      for ends in (order[:_SHOWN], order[::-1][:_SHOWN])
    )
    accuracy = learned.accuracy
    told = "" if accuracy is None else f"{accuracy[number]:.4f}"
    gain = f"{learned.gains[number]:.4f}"
    lines.append(files.csv_line(number + 1, gain, told, most, least))
  return "".join(lines)


def _pictures_csv(learned: Learned) -> str:
  """One row per picture."""
  lines = [files.csv_line("path", "category", "status", "reason")]
  for category, row in learned.rows:
    lines.append(files.csv_line(row.path or "", category, row.status, row.reason))
  return "".join(lines)


def _tell(learned: Learned, output: pathlib.Path, seconds: float) -> int:
  """Says what was learned; returns the exit status."""
  import numpy as np

  model = learned.model
  print(
    f"{model.size} attributes of {model.origin}, from {model.base}, {seconds:.1f} s"
  )
  if learned.accuracy is not None and np.isfinite(learned.accuracy).all():
    print(
      "classifiers tell pictures they have not seen rightly: "
      f"{100 * learned.accuracy.mean():.1f} % on average, from "
      f"{100 * learned.accuracy.min():.1f} to {100 * learned.accuracy.max():.1f} %"
    )
  print(f"attributes: {output}, digest {model.digest[:16]}")
  failed = sum(row.status != "ok" for _, row in learned.rows)
  if failed:
    print(
      f"{failed} of {len(learned.rows)} pictures could not be read and are left out: "
      f"see {output / 'pictures.csv'}"
    )
  return 1 if failed else 0


COMMANDS = {
  "fit": cli.Command(
    _FIT, define_flags, fit, (config.AttributeConfig, config.ExtractConfig)
  )
}

if __name__ == "__main__":
  cli.run_commands(COMMANDS, _NAME, _ABOUT)
