"""A collection of rated pictures to a dataset: finds the pictures, computes features.

In: settings. Out: a `Planned` dataset, which the builder writes: computed features are
in memory, those of a table are read when they are asked for.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax import images
from emojax.config import DataConfig, ExtractConfig
from emojax.datasets.va_emotion import (
  cgna,
  collection,
  folder,
  folding,
  oasis,
  published_sets,
  ratings,
  synthetic,
)
from emojax.datasets.va_emotion.dataset import Dataset, Planned
from emojax.datasets.va_emotion.storage import NAME, Place
from emojax.evaluation import folds
from emojax.extract import extractor, inputs, shards, stored, stream
from emojax.features import DERIVED, FEATURES, external
from emojax.utils import arrays, errors
from emojax.version import __version__

_LISTED = 5  # how many broken pictures an error lists before it only counts them


class ImageError(ValueError):
  """Rated pictures that cannot be read; the message lists them."""


def collect(place: Place, data: DataConfig) -> collection.Collection:
  """The rated pictures that some settings ask for.

  Raises:
    ValueError: a source that is not there or not in order; says what to do.
  """
  name = place.config
  if name == "synthetic":
    return synthetic.load(data.num_synthetic, data.synthetic_seed)
  if name == "oasis":
    return oasis.load(data.manual_dir, data.skip_bad_pictures)
  if name == "cgna10766":
    downloads = place.root / "downloads" / name
    return cgna.load(data.manual_dir, downloads, data.download)
  if name in published_sets.SETS:
    return published_sets.load(name, data)
  return folder.load(data)


def fingerprints(source: collection.Collection, data: DataConfig) -> dict[str, str]:
  """What a prepared dataset is known by: its pictures, ratings and folds.

  Returns:
    Fingerprint -> how the folds are dealt; the first is that of a new dataset.
  """
  own = source.fingerprint()
  ends = {folding.RANDOM: "-folds", folding.GROUPED: "-grouped"}
  schemes = folding.schemes(data, source.name)
  return {f"{own}{ends[scheme]}{data.fold_seed}": scheme for scheme in schemes}


Features = extractor.Extractor | stored.StoredFeatures


def make_extractor(place: Place, data: DataConfig, settings: ExtractConfig) -> Features:
  """What computes a dataset's features, or reads them; see `settings_for`.

  Raises:
    ValueError: see `check_features` and `extractor.from_config`.
  """
  if data.features_table:
    return folder.features_of(data, settings.every_feature)
  return extractor.from_config(settings_for(place, settings))


def extracted_by(
  engine: stream.Engine,
  table: pathlib.Path,
  source: collection.Collection,
  place: Place,
  data: DataConfig,
  settings: ExtractConfig,
) -> stored.StoredFeatures:
  """Has the features of a collection computed into a table, to be read from there.

  Args:
    engine: what computes.
    table: the `.parquet` file that is written; what is done is kept beside it.
    source: rated pictures.
    place, data, settings: see `make_extractor`.
  Raises:
    UserError: there is nothing to compute, or no files to compute it from.
    ValueError: see `stream.extract`.
  """
  if data.features_table or isinstance(source.images, synthetic.Drawings):
    have = "are in --features_table" if data.features_table else "are of drawn pictures"
    raise errors.UserError(
      f"Beam computes features of picture files, but those of {data.dataset} {have}: "
      "leave its runner and options out"
    )
  paths = [str(image) for image in source.images if isinstance(image, pathlib.Path)]
  settings = settings_for(place, settings)
  stream.extract(lambda: inputs.Inputs(paths), settings, table, engine=engine)
  ids = [entry.image_id for entry in source.rated]
  whole = shards.whole([table])
  return stored.StoredFeatures(table, whole, settings.every_feature, ids)


def check_features(place: Place, data: DataConfig, settings: ExtractConfig) -> None:
  """Refuses what `make_extractor` would, where that shows before a network is read.

  Raises:
    ValueError: features that cannot be had, or a table for another source than folder.
  """
  if not data.features_table:
    extractor.check(settings_for(place, settings))
    return
  if place.config != "folder":
    raise errors.UserError(
      f"--features_table is for --dataset={NAME}/folder; got {data.dataset}"
    )
  folding.check_without_images(data)
  folder.features_of(data, settings.every_feature)


def sizes_of(data: DataConfig, settings: ExtractConfig) -> dict[str, int]:
  """How many numbers each feature asked for has; see `make_extractor`."""
  if not data.features_table:
    return extractor.sizes_of(settings)
  features = folder.features_of(data, settings.every_feature)
  return {entry["name"]: entry["size"] for entry in features.describe()}


def settings_for(place: Place, settings: ExtractConfig) -> ExtractConfig:
  """How to extract; on the synthetic set weights are "auto" by default."""
  if settings.weights == "default" and place.config == "synthetic":
    return dataclasses.replace(settings, weights="auto")
  return settings


def is_current(entry: Mapping[str, Any]) -> bool:
  """Whether a stored feature is what this version of emojax would compute."""
  name = entry["name"]
  if external.is_external(entry):
    return True  # its digest says whether it is the table that is asked for
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
  extraction: Features,
  progress: bool,
  earlier: Dataset | None = None,
) -> Planned:
  """Computes a dataset, or looks up in a table what has been computed.

  Args:
    source: rated pictures.
    data: folds, and what to do about broken pictures.
    settings: how to extract.
    extraction: computes the features asked for.
    progress: show a bar.
    earlier: a build of the same pictures and ratings that lacks a feature asked for.
      Those that are still what they were are carried over, asked for or not.
  Returns:
    A dataset with the features asked for, and the carried ones behind them.
  Raises:
    ImageError: rated pictures cannot be read, and `skip_bad_pictures` is not set.
    ValueError: fewer pictures than folds, or a cache that does not work.
  """
  folds.assign(len(source.rated), data.fold_seed)  # too few: say so before computing
  described = {str(entry["name"]): entry for entry in extraction.describe()}
  carried: dict[str, np.ndarray | arrays.Rows] = {}
  if earlier is not None:
    for entry in earlier.metadata["features"]:
      name = entry["name"]
      if is_current(entry) and described.setdefault(name, entry) == entry:
        carried[name] = earlier.features[name]
  names = [entry.image_id for entry in source.rated]
  refused = {names[at]: why for at, why in extraction.lacking(names).items()}
  if refused and not data.skip_bad_pictures:
    raise _image_error(refused, len(names))
  lacking = extraction.only([name for name in extraction.names if name not in carried])
  extracted = lacking.run_as(settings, source.images, progress, names=names)
  broken = {
    entry.image_id: row.reason
    for entry, row in zip(source.rated, extracted.rows, strict=True)
    if row.status != "ok"
  }
  if broken and not data.skip_bad_pictures:
    raise _image_error(broken, len(source.rated))
  good = [entry for entry in source.rated if entry.image_id not in broken]
  if earlier is not None and earlier.image_ids != [entry.image_id for entry in good]:
    return build(source, data, settings, extraction, progress)
  ok = np.array([row.status == "ok" for row in extracted.rows])
  fingerprint, scheme = next(iter(fingerprints(source, data).items()))
  if earlier is not None:
    fingerprint = earlier.fingerprint
    scheme = earlier.metadata.get("folds", folding.RANDOM)
    dealt = folding.Dealt(earlier.fold, earlier.metadata.get("groups", []))
  else:
    sources = [source.images[row] for row in np.flatnonzero(ok).tolist()]
    hashes = functools.partial(folding.hashes_of, sources, settings, progress)
    dealt = folding.deal(good, scheme, data, None if data.features_table else hashes)
  values = {name: table[ok] for name, table in extracted.values.items()} | carried
  written = [name for name in described if name in values]
  rows = Dataset(
    image_ids=[entry.image_id for entry in good],
    features={},
    **rating_arrays(source.targets, good),
    fold=dealt.fold,
    keywords=[entry.keyword for entry in good],
    metadata={
      "source": source.name,
      "targets": list(source.targets),
      "scales": {target: list(scale) for target, scale in source.scales.items()},
      "fingerprint": fingerprint,
      "folds": scheme,
      "groups": dealt.groups,
      "features": [described[name] for name in written],
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
  return Planned(rows, {name: values[name] for name in written})


def rating_arrays(
  targets: Sequence[str], rated: Sequence[ratings.Rated]
) -> dict[str, np.ndarray]:
  """The ratings as the fields of `Dataset` that hold them, each (N, T)."""

  def table(part: str, dtype: type) -> np.ndarray:
    rows = [[getattr(entry.ratings[t], part) for t in targets] for entry in rated]
    return np.array(rows, dtype).reshape(-1, len(targets))

  return {
    "ratings": table("mean", np.float32),
    "ratings_std": table("std", np.float32),
    "num_raters": table("raters", np.int32),
  }


def _image_error(broken: Mapping[str, str], total: int) -> ImageError:
  some = [f"{name!r} ({reason})" for name, reason in list(broken.items())[:_LISTED]]
  more = f" and {len(broken) - _LISTED} more" if len(broken) > _LISTED else ""
  return ImageError(
    f"{len(broken)} of {total} rated pictures cannot be read: {', '.join(some)}{more}; "
    "mend them, or leave them out with --skip_bad_pictures (what is computed is kept)"
  )
