"""Attributes of an object network's classes, or of a folder of labelled pictures.

In: settings and where classes or pictures are. Out: a `Learned`, and the tables that
show it. `learn` has the mathematics.
"""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emojax import config
from emojax.attributes.config import AttributeConfig
from emojax.utils import errors, files, options

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  import numpy as np

  from emojax.extract import pipeline
  from emojax.features import attributes as feature


_SHOWN = 5  # categories at each end of an attribute, in attributes.csv


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
  network: str,
  settings: AttributeConfig,
  extract: config.ExtractConfig,
) -> Learned:
  """Attributes of the classes of an object network.

  A class's centroid is its row of the last layer, and a picture has of an attribute
  what its classes have, expected under the network's probabilities.

  Raises:
    ValueError: no object network, weights that are missing, more attributes than there
      can be.
  """
  import numpy as np

  from emojax.backbones import BACKBONES, trained
  from emojax.features import attributes as feature

  if network not in BACKBONES or not BACKBONES[network].class_layer:
    names = [name for name, backbone in BACKBONES.items() if backbone.class_layer]
    raise errors.UserError(
      f"--network={network} is no object network; known: {', '.join(names)}"
    )
  place = pathlib.Path(extract.weights_dir).expanduser()
  choice = "trained" if extract.weights == "default" else extract.weights
  source = trained.find(network, place if extract.weights_dir else None, choice)
  centroids = BACKBONES[network].class_rows(source.params).astype(np.float64)
  _check(settings, len(centroids))
  matrix, gains = _learn(centroids, settings)
  model = feature.AttributeModel(
    weight=matrix.astype(np.float32),
    bias=np.zeros(matrix.shape[1], np.float32),
    matrix=matrix.astype(np.float32),
    base=f"object_{network}",
    base_digest=source.digest,
    base_label=source.label,
    categories=source.class_names,
    settings=dataclasses.asdict(settings),
    origin=f"the classes of {source.label} ({source.origin})",
  )
  return Learned(model, gains, None, ())


def of_images(
  folder: pathlib.Path,
  base: str,
  settings: AttributeConfig,
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
    raise errors.UserError(f"--base={base} is no feature; known: {', '.join(FEATURES)}")
  extract = dataclasses.replace(extract, features=(base,))
  (paths, category, names), _ = errors.all_of(
    lambda: _labelled(folder), lambda: extractor.check(extract)
  )
  _check(settings, len(names))
  feature_extractor = extractor.from_config(extract)
  extracted = feature_extractor.run_as(extract, paths, progress)
  is_read = np.array([row.status == "ok" for row in extracted.rows])
  for number, name in enumerate(names):
    if not is_read[category == number].any():
      first = next(
        row.reason
        for row, c in zip(extracted.rows, category, strict=True)
        if c == number
      )
      raise errors.UserError(
        f"no picture of category {name!r} can be read ({first}): mend them or take the "
        "folder away"
      )
  values, labels = extracted.values[base][is_read], category[is_read]
  centroids = np.stack(
    [values[labels == c].mean(axis=0, dtype=np.float64) for c in range(len(names))]
  )
  matrix, gains = _learn(centroids, settings)
  classifiers = learn.classifiers(values, labels, matrix)
  (described,) = feature_extractor.describe()
  model = feature.AttributeModel(
    weight=classifiers.weight,
    bias=classifiers.bias,
    matrix=matrix.astype(np.float32),
    base=base,
    base_digest=str(described["digest"]),
    base_label=str(described["label"]) or base,
    categories=tuple(names),
    settings={**dataclasses.asdict(settings), "ridge_penalty": classifiers.penalty},
    origin=f"{len(labels)} pictures in {len(names)} categories",
  )
  rows = [(names[c], row) for c, row in zip(category, extracted.rows, strict=True)]
  return Learned(model, gains, classifiers.accuracy, rows)


def _check(settings: AttributeConfig, categories: int) -> None:
  """Complains before pictures are looked at, not after."""
  from emojax.attributes import learn

  options.check(settings)
  learn.check(categories, settings.num_attributes, settings.neighbors)


def _learn(
  centroids: "np.ndarray", settings: AttributeConfig
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
    raise errors.UserError(f"there is no folder {folder}")
  categories = sorted(
    path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."
  )
  if len(categories) < 2:
    raise errors.UserError(
      f"attributes tell categories apart: expected two or more sub-folders of pictures "
      f"in {folder}, found {len(categories)}"
    )
  paths: list[pathlib.Path] = []
  numbers: list[int] = []
  for number, category in enumerate(categories):
    inside = images.walk(category)
    if not inside:
      raise errors.UserError(
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
  rows: list[tuple[object, ...]] = [
    ("attribute", "objective", "accuracy", "most", "least")
  ]
  for number in range(model.size):
    order = np.argsort(model.matrix[:, number], kind="stable")
    least, most = (
      "; ".join(model.categories[int(c)].partition(",")[0] for c in ends)
      for ends in (order[:_SHOWN], order[::-1][:_SHOWN])
    )
    accuracy = learned.accuracy
    share = "" if accuracy is None else f"{accuracy[number]:.4f}"
    gain = f"{learned.gains[number]:.4f}"
    rows.append((number + 1, gain, share, most, least))
  return files.csv_text(rows)


def _images_csv(learned: Learned) -> str:
  """One row per picture."""
  lines = [("path", "category", "status", "reason")]
  for category, row in learned.rows:
    lines.append((str(row.path or ""), category, row.status, row.reason))
  return files.csv_text(lines)
