"""Rated pictures and their features side by side: what a prepared dataset holds.

In: the folder of a prepared dataset. Out: a `Dataset` in memory. `build` makes one from
a collection, and the builder writes it.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from emojax.config import SCALE, TARGETS
from emojax.datasets.va_emotion.storage import NAME
from emojax.evaluation import results
from emojax.features import descriptions
from emojax.utils import arrays, files, records

METADATA = "metadata.json"  # TFDS's name for a builder's own metadata
DIGEST = "digest"  # in it, of everything else
_METADATA = {
  "source": str,
  "fingerprint": str,
  "features": [{}],
  "num_pictures": int,
  "targets?": [str],
  "scales?": {str: [float]},
  "settings": {},
  "disclaimer": str,
  "unrated": int,
  f"{DIGEST}?": str,
}


@dataclasses.dataclass(frozen=True)
class Dataset:
  """A prepared dataset in memory, its rows sorted by picture id.

  Attributes:
    image_ids: N picture ids.
    features: feature name -> (N, size) float32.
    ratings: (N, T) float32, of each of `targets`, 1..9.
    ratings_std: (N, T) float32, spread over raters; NaN when unknown.
    num_raters: (N, T) int32; -1 when unknown.
    fold: (N,) int32, 0..4.
    keywords: N words, "" when unknown.
    metadata: JSON-able: `source` (the config), `targets` (what is rated), `scales`
      (target -> lowest and highest rating in the source), `fingerprint`, `features`
      (what made each, see `descriptions.describe`), `fold_seed`, `num_pictures`,
      `missing` and `broken` (pictures left out), `unrated`, `settings`, `disclaimer`.
  """

  image_ids: list[str]
  features: dict[str, np.ndarray]
  ratings: np.ndarray
  ratings_std: np.ndarray
  num_raters: np.ndarray
  fold: np.ndarray
  keywords: list[str]
  metadata: dict[str, Any]

  def ratings_of(self, target: str) -> results.Ratings:
    """What people gave on one of `targets`; ValueError on another."""
    self.check_targets([target])
    column = self.targets.index(target)
    return results.Ratings(
      self.ratings[:, column], self.ratings_std[:, column], self.num_raters[:, column]
    )

  def check_targets(self, targets: Sequence[str]) -> None:
    """Refuses targets that are not rated.

    Raises:
      ValueError: names what is rated.
    """
    if lacking := [target for target in targets if target not in self.targets]:
      raise ValueError(
        f"{self.name} has no ratings of {' and '.join(lacking)}: it rates "
        f"{', '.join(self.targets)}"
      )

  @property
  def targets(self) -> tuple[str, ...]:
    """What is rated, in the order of the columns of `ratings`."""
    return tuple(self.metadata.get("targets", TARGETS))

  @property
  def scales(self) -> dict[str, tuple[float, float]]:
    """Target -> lowest and highest possible rating in the source."""
    scales = self.metadata.get("scales", {})  # sets of emojax 0.1 do not say
    return {target: tuple(scales.get(target, SCALE)) for target in self.targets}

  @property
  def output_scales(self) -> dict[str, tuple[float, float]]:
    """Target -> the scale on which results are written.

    It is what the settings say; else the scale of the user's own table, and 1..9, the
    paper's, for sets with a name.
    """
    chosen = self.metadata.get("output_scale")
    if chosen:
      return dict.fromkeys(self.targets, tuple(chosen))
    own = self.metadata.get("source") == "folder"
    return self.scales if own else dict.fromkeys(self.targets, SCALE)

  @property
  def name(self) -> str:
    """The dataset's full name, such as "va_emotion/oasis"."""
    return f"{NAME}/{self.metadata['source']}"

  @property
  def fingerprint(self) -> str:
    """Changes with the pictures, the ratings and the folds, and only then."""
    return self.metadata["fingerprint"]

  @property
  def features_described(self) -> list[dict[str, Any]]:
    """What made each feature, in the order of `features`."""
    return self.metadata["features"]

  @property
  def disclaimer(self) -> str:
    """A sentence every report must repeat; empty for people's ratings."""
    return self.metadata["disclaimer"]

  @property
  def skipped(self) -> list[str]:
    """Rated pictures left out on request, because they were missing or broken."""
    return [*self.metadata["missing"], *self.metadata["broken"]]

  @property
  def notes(self) -> list[str]:
    """What a reader of any result from this dataset must be told, one line each."""
    notes = [self.disclaimer] if self.disclaimer else []
    untrained = {
      entry["label"]
      for entry in self.features_described
      if descriptions.has_random_weights([entry])
    }
    notes += [f"Features come from untrained weights: {w}." for w in sorted(untrained)]
    if self.skipped:
      number = len(self.skipped)
      notes.append(f"{number} rated pictures were missing or broken and are left out.")
    if self.metadata["unrated"]:
      notes.append(f"{self.metadata['unrated']} pictures in the folder have no rating.")
    return notes


class Planned(NamedTuple):
  """A dataset that is to be written; memory need not hold its features.

  Attributes:
    rows: everything but the features, of which it has none.
    features: feature name -> (N, size) float32.
  """

  rows: Dataset
  features: Mapping[str, np.ndarray | arrays.Rows]


def select(dataset: Dataset, names: Sequence[str]) -> Dataset:
  """The dataset with some of its features, in the order given."""
  described = {entry["name"]: entry for entry in dataset.metadata["features"]}
  metadata = {**dataset.metadata, "features": [described[name] for name in names]}
  features = {name: dataset.features[name] for name in names}
  return dataclasses.replace(dataset, features=features, metadata=metadata)


def rated_only(dataset: Dataset, targets: Sequence[str]) -> Dataset:
  """The dataset with the ratings of some targets, in the order given.

  Raises:
    ValueError: one is not rated.
  """
  dataset.check_targets(targets)
  columns = [dataset.targets.index(target) for target in targets]
  return dataclasses.replace(
    dataset,
    ratings=dataset.ratings[:, columns],
    ratings_std=dataset.ratings_std[:, columns],
    num_raters=dataset.num_raters[:, columns],
    metadata={**dataset.metadata, "targets": list(targets)},
  )


def digest(
  dataset: Dataset, features: Mapping[str, np.ndarray | arrays.Rows] | None = None
) -> str:
  """Hex digest of everything in a dataset, which is stored beside it.

  Args:
    dataset: the rows.
    features: their features; None: those in `dataset`.
  """
  texts = [dataset.metadata, dataset.image_ids, dataset.keywords]
  ordered = json.dumps(files.plain(texts), sort_keys=True, allow_nan=False)
  numbers: dict[str, np.ndarray | arrays.Rows] = {
    "ratings": np.asarray(dataset.ratings, np.float32),
    "ratings_std": np.asarray(dataset.ratings_std, np.float32),
    "num_raters": np.asarray(dataset.num_raters, np.int32),
    "fold": np.asarray(dataset.fold, np.int32),
    "texts": np.frombuffer(ordered.encode(), np.uint8),
  }
  features = dataset.features if features is None else features
  tables = {f"features/{name}": table for name, table in features.items()}
  return arrays.digest(numbers | tables)


def read(path: pathlib.Path) -> Dataset:
  """A prepared dataset, whole, without TensorFlow.

  Args:
    path: the folder of the prepared version, such as `.../va_emotion/oasis/1.0.0`.
  Returns:
    A `Dataset` with everything stored.
  Raises:
    ValueError: there is no such dataset, or it is damaged; says what to do.
  """
  try:
    metadata = files.read_json(path / METADATA)
    records.check(metadata, _METADATA)
    written = metadata.pop(DIGEST, None)  # sets of emojax 0.1 have none
    metadata["features"] = descriptions.current(metadata["features"])
    stored = tfds.builder_from_directory(path)
    rows: Sequence[dict[str, Any]] = list(stored.as_data_source("train"))
    if len(rows) != metadata["num_pictures"]:
      raise ValueError(f"{len(rows)} rows, expected {metadata['num_pictures']}")
    dataset = _in_memory(rows, metadata)
    if written is not None and written != digest(dataset):
      raise ValueError("its contents are not those that were written")
    return dataset
  # What a cut or altered file makes TFDS and array_record raise is not documented.
  except Exception as error:
    raise ValueError(
      f"cannot read the prepared dataset {path} ({' '.join(str(error).split())}); "
      "delete that folder, and it is built again"
    ) from error


def _in_memory(rows: Sequence[dict[str, Any]], metadata: dict[str, Any]) -> Dataset:
  def column(name: str, dtype: type) -> np.ndarray:
    return np.array([row[name] for row in rows], dtype)

  def table(pattern: str, dtype: type) -> np.ndarray:
    names = [pattern.format(target) for target in metadata.get("targets", TARGETS)]
    return np.stack([column(name, dtype) for name in names], axis=1)

  return Dataset(
    image_ids=[row["image_id"].decode() for row in rows],
    features={
      entry["name"]: column(entry["name"], np.float32) for entry in metadata["features"]
    },
    ratings=table("{}", np.float32),
    ratings_std=table("{}_std", np.float32),
    num_raters=table("{}_num_raters", np.int32),
    fold=column("fold", np.int32),
    keywords=[row["keyword"].decode() for row in rows],
    metadata=metadata,
  )
