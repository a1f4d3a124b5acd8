"""Rated pictures and their features side by side: what a prepared dataset holds.

In: settings. Out: a `Dataset` in memory, made from a collection by computing features.
Nothing is written here: the builder writes datasets, and `prepare` reads them back.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import (
  cgna,
  collection,
  folder,
  oasis,
  ratings,
  synthetic,
)
from emojax.datasets.va_emotion.va_emotion_dataset_builder import (
  NAME,
  config_name,
  prepared_path,
)
from emojax.evaluation import folds
from emojax.extract import extractor
from emojax.features import DERIVED, FEATURES
from emojax.version import __version__

_LISTED = 5  # how many broken pictures an error lists before it only counts them


class PictureError(ValueError):
  """Rated pictures that cannot be read; the message lists them."""


@dataclasses.dataclass(frozen=True)
class Dataset:
  """A prepared dataset in memory, its rows sorted by picture id.

  Attributes:
    image_ids: N picture ids.
    features: feature name -> (N, size) float32.
    ratings: (N, 2) float32, valence and arousal, 1..9.
    ratings_std: (N, 2) float32, spread over raters; NaN when unknown.
    num_raters: (N, 2) int32; -1 when unknown.
    fold: (N,) int32, 0..4.
    keywords: N words, "" when unknown.
    metadata: JSON-able: `source` (the config), `fingerprint`, `features` (what made
      each, with `weights` and `digest`), `fold_seed`, `num_pictures`, `missing` and
      `broken` (pictures left out), `unrated`, `settings`, `disclaimer`.
  """

  image_ids: list[str]
  features: dict[str, np.ndarray]
  ratings: np.ndarray
  ratings_std: np.ndarray
  num_raters: np.ndarray
  fold: np.ndarray
  keywords: list[str]
  metadata: dict[str, Any]

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
    labels = sorted({entry["weights"] for entry in self.features_described})
    notes += [
      f"Features come from untrained weights: {label}."
      for label in labels
      if "RANDOM" in label
    ]
    if self.skipped:
      number = len(self.skipped)
      notes.append(f"{number} rated pictures were missing or broken and are left out.")
    if self.metadata["unrated"]:
      notes.append(f"{self.metadata['unrated']} pictures in the folder have no rating.")
    return notes


def collect(data: DataConfig) -> collection.Collection:
  """The rated pictures that some settings ask for.

  Raises:
    ValueError: an unknown dataset, or a source that is not there or not in order; each
      says what to do.
  """
  name = config_name(data.dataset)
  if name == "synthetic":
    return synthetic.load(data.num_synthetic, data.synthetic_seed)
  if name == "oasis":
    return oasis.load(data.manual_dir, data.skip_bad_pictures)
  if name == "cgna10766":
    root = prepared_path(data.data_dir, name).parents[2]
    return cgna.load(data.manual_dir, root / "downloads" / name, data.download)
  return folder.load(
    data.images_dir, data.ratings_csv, data.rating_scale, data.skip_bad_pictures
  )


def fingerprint(source: collection.Collection, data: DataConfig) -> str:
  """What a prepared dataset is known by: its pictures, ratings and folds."""
  return f"{source.fingerprint()}-folds{data.fold_seed}"


def make_extractor(data: DataConfig, settings: ExtractConfig) -> extractor.Extractor:
  """The extractor for a dataset; on the synthetic set weights are "auto" by default."""
  if settings.weights == "default" and config_name(data.dataset) == "synthetic":
    settings = dataclasses.replace(settings, weights="auto")
  return extractor.from_config(settings)


def is_current(entry: Mapping[str, Any]) -> bool:
  """Whether a stored feature is what this version of emojax would compute."""
  name = entry["name"]
  if name in DERIVED:
    return DERIVED[name].version == entry["version"] and all(
      is_current(base) for base in entry["bases"]
    )
  feature = FEATURES.get(name)
  return feature is not None and (
    (feature.size, feature.version, images.VERSION)
    == (entry["size"], entry["version"], entry["images_version"])
  )


def build(
  source: collection.Collection,
  data: DataConfig,
  settings: ExtractConfig,
  made: extractor.Extractor,
  progress: bool,
  known: Dataset | None = None,
) -> Dataset:
  """Computes a dataset.

  Args:
    source: rated pictures.
    data: folds, and what to do about broken pictures.
    settings: how to extract.
    made: computes the features asked for.
    progress: show a bar.
    known: an earlier build of the same pictures and ratings that lacks a feature asked
      for. Those that are still what they were are carried over, asked for or not.
  Returns:
    A `Dataset` with the features asked for, and the carried ones behind them.
  Raises:
    PictureError: rated pictures cannot be read, and `skip_bad_pictures` is not set.
    ValueError: fewer pictures than folds, or a cache that does not work.
  """
  folds.assign(len(source.rated), data.fold_seed)  # too few: say so before computing
  described = {str(entry["name"]): entry for entry in made.describe()}
  carried: dict[str, np.ndarray] = {}
  if known is not None:
    for entry in known.metadata["features"]:
      name = entry["name"]
      if is_current(entry) and described.setdefault(name, entry) == entry:
        carried[name] = known.features[name]
  lacking = made.only([name for name in made.names if name not in carried])
  extracted = lacking.run_as(settings, source.pictures, progress)
  broken = {
    entry.image_id: row.reason
    for entry, row in zip(source.rated, extracted.rows, strict=True)
    if row.status != "ok"
  }
  if broken and not data.skip_bad_pictures:
    raise _picture_error(broken, len(source.rated))
  good = [entry for entry in source.rated if entry.image_id not in broken]
  if known is not None and known.image_ids != [entry.image_id for entry in good]:
    return build(source, data, settings, made, progress)
  ok = np.array([row.status == "ok" for row in extracted.rows])
  values = {name: table[ok] for name, table in extracted.values.items()} | carried
  names = [name for name in described if name in values]
  return Dataset(
    image_ids=[entry.image_id for entry in good],
    features={name: values[name] for name in names},
    ratings=_pairs(good, "valence", "arousal", np.float32),
    ratings_std=_pairs(good, "valence_std", "arousal_std", np.float32),
    num_raters=_pairs(good, "valence_raters", "arousal_raters", np.int32),
    fold=folds.assign(len(good), data.fold_seed),
    keywords=[entry.keyword for entry in good],
    metadata={
      "source": source.name,
      "fingerprint": fingerprint(source, data),
      "features": [described[name] for name in names],
      "fold_seed": data.fold_seed,
      "num_pictures": len(good),
      "missing": list(source.missing),
      "broken": broken,
      "max_pixels": settings.max_pixels,
      "unrated": source.unrated,
      "settings": source.settings,
      "disclaimer": source.disclaimer,
      "emojax": __version__,
    },
  )


def select(dataset: Dataset, names: Sequence[str]) -> Dataset:
  """The dataset with some of its features, in the order given."""
  described = {entry["name"]: entry for entry in dataset.metadata["features"]}
  metadata = {**dataset.metadata, "features": [described[name] for name in names]}
  features = {name: dataset.features[name] for name in names}
  return dataclasses.replace(dataset, features=features, metadata=metadata)


def _pairs(
  rated: Sequence[ratings.Rated], first: str, second: str, dtype: type
) -> np.ndarray:
  """(N, 2): two fields of every picture."""
  pairs = [(getattr(entry, first), getattr(entry, second)) for entry in rated]
  return np.array(pairs, dtype).reshape(-1, 2)


def _picture_error(broken: Mapping[str, str], total: int) -> PictureError:
  some = [f"{name!r} ({reason})" for name, reason in list(broken.items())[:_LISTED]]
  more = f" and {len(broken) - _LISTED} more" if len(broken) > _LISTED else ""
  return PictureError(
    f"{len(broken)} of {total} rated pictures cannot be read: {', '.join(some)}{more}; "
    "mend them, or leave them out with --skip_bad_pictures (what is computed is kept)"
  )
