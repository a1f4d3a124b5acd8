"""A rated set as it is now: its ratings, folds and pictures, without any features.

In: `DataConfig`. Out: a `RatedSet`, from what was prepared for training or,
where flags name the pictures and ratings, from those themselves.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from emojax import images
from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import (
  build,
  collection,
  folding,
  ratings,
  storage,
  synthetic,
)
from emojax.datasets.va_emotion import dataset as dataset_lib
from emojax.datasets.va_emotion import targets as target_names
from emojax.evaluation import metrics
from emojax.images import near_duplicates
from emojax.report.dataset import look as picture_check
from emojax.utils import errors
from emojax.utils import scales as scale_lib

NO_FOLD = -1


@dataclasses.dataclass(frozen=True)
class LeftOut:
  """A picture that is not among the set's rows.

  Attributes:
    image_id: its id.
    look: "missing" or "broken", with the reason.
    rated: its ratings, where they are known.
  """

  image_id: str
  look: picture_check.Look
  rated: ratings.Rated | None = None


@dataclasses.dataclass(frozen=True)
class RatedSet:
  """A rated set and how its pictures were found.

  Attributes:
    title: what pages call it, such as "va_emotion/oasis".
    origin: where it is from, a sentence.
    dataset: ratings, folds (`NO_FOLD` throughout where there are fewer pictures than
      folds), keywords and metadata of N pictures; its features may be absent.
    sources: N files or arrays.
    looks: N, what was found of them.
    left_out: rated pictures that are not among the N.
    named: folders that the user named, see `images.check_named`.
  """

  title: str
  origin: str
  dataset: dataset_lib.Dataset
  sources: Sequence[pathlib.Path | np.ndarray]
  looks: Sequence[picture_check.Look]
  left_out: Sequence[LeftOut]
  named: Sequence[pathlib.Path] = ()

  @property
  def targets(self) -> tuple[str, ...]:
    """What is rated, in the order of the columns of the dataset's ratings."""
    return self.dataset.targets

  @property
  def plane(self) -> tuple[np.ndarray, np.ndarray] | None:
    """Valence and arousal, (N,) each; None where not both are rated."""
    if not set(TARGETS) <= set(self.targets):
      return None
    valence, arousal = (self.dataset.ratings_of(target).mean for target in TARGETS)
    return valence, arousal

  @property
  def has_images(self) -> bool:
    """Whether any picture could be read."""
    return any(look.is_readable for look in self.looks)

  def hashes(self) -> tuple[np.ndarray, near_duplicates.Hashes]:
    """Rows of the pictures that could be read, and their hashes."""
    hashed = [(i, look.hashes) for i, look in enumerate(self.looks) if look.hashes]
    rows = np.array([i for i, _ in hashed], int)
    return rows, near_duplicates.stack([hashes for _, hashes in hashed])

  def num_raters(self) -> dict[str, np.ndarray]:
    """Target -> how many rated, of the pictures of which it is known."""
    columns = zip(self.targets, self.dataset.num_raters.T, strict=True)
    return {target: values[values >= 1] for target, values in columns}

  def noise_ceilings(self) -> dict[str, dict[str, float] | None]:
    """Target -> `metrics.noise_ceiling`."""
    data = self.dataset
    columns = zip(data.ratings.T, data.ratings_std.T, data.num_raters.T, strict=True)
    ceilings = (metrics.noise_ceiling(*of_target) for of_target in columns)
    return dict(zip(self.targets, ceilings, strict=True))

  def image(self, row: int) -> np.ndarray:
    """The pixels of a picture for a page, read again.

    Raises:
      ImageError: it has gone, or is not to be shown.
    """
    source = self.sources[row]
    if isinstance(source, np.ndarray):
      return source
    images.check_named(source, self.named)
    return images.load(source, self.dataset.metadata["max_pixels"])


def opened(data: DataConfig, show: bool = False) -> RatedSet:
  """A rated set, every picture of it looked at.

  Where `data` names pictures and ratings (`manual_dir`, `ratings_csv`, `download`, or
  other synthetic pictures than the default), they are read as they are now, and folds
  are dealt as training would deal them with --skip_bad_pictures. Otherwise it is what
  was prepared in `data_dir`, and its pictures are where they were then, or for
  va_emotion/folder in `images_dir`.

  Args:
    data: which set.
    show: progress bars.
  Raises:
    ValueError: there is no such dataset, it is neither prepared nor named, or its
      source is not in order.
  """
  place = storage.place(data)
  if not _is_named(data, place.config) and place.path.is_dir():
    return _prepared(data, place.path, show)
  source = _collected(data, place)
  if not source.rated:
    raise errors.UserError(
      f"none of the {len(source.missing)} rated pictures is in "
      f"{source.settings.get('folder', 'its folder')}"
    )
  looks = picture_check.look_at_all(
    source.images, images.MAX_PIXELS, _workers(), show, data.dataset
  )
  good = [row for row, look in enumerate(looks) if look.is_readable]
  broken = [
    LeftOut(entry.image_id, look, entry)
    for entry, look in zip(source.rated, looks, strict=True)
    if not look.is_readable
  ]
  if not good:
    raise errors.UserError(
      f"none of the {len(looks)} rated pictures of {data.dataset} can be read, the "
      f"first because {looks[0].reason}"
    )
  missing = picture_check.Look(picture_check.MISSING, "there is no such file")
  parts = [look.hashes for look in looks if look.hashes is not None]
  hashes = near_duplicates.stack(parts)
  return RatedSet(
    title=f"{storage.NAME}/{place.config}",
    origin=_origin(source),
    dataset=_without_features(source, data, good, broken, hashes),
    sources=[source.images[row] for row in good],
    looks=[looks[row] for row in good],
    left_out=[*broken, *(LeftOut(name, missing) for name in source.missing)],
    named=_named(data) or [place.root],  # what is downloaded lies there
  )


def titled(sets: Sequence[RatedSet]) -> list[RatedSet]:
  """The sets with titles that tell them apart."""
  titles = [rated_set.title for rated_set in sets]
  if len(set(titles)) == len(titles):
    return list(sets)
  folders = [
    pathlib.Path(rated_set.dataset.metadata["settings"].get("folder", "")).name
    for rated_set in sets
  ]
  if len(set(folders)) < len(folders):
    folders = [str(number) for number in range(1, len(sets) + 1)]
  return [
    dataclasses.replace(rated_set, title=f"{rated_set.title} ({name})")
    for rated_set, name in zip(sets, folders, strict=True)
  ]


def comparable(
  sets: Sequence[RatedSet], targets: Sequence[str] | None = None
) -> list[RatedSet]:
  """The sets with the ratings of the same targets, in the same order.

  Args:
    sets: at least one, with different titles.
    targets: which; None: all that every set rates, in the first one's order.
  Raises:
    UserError: there are none that all sets rate, or a set lacks one that is named.
  """
  if targets is None:
    first, *others = (rated_set.targets for rated_set in sets)
    targets = [t for t in first if all(t in rated for rated in others)]
    if not targets:
      rated = "; ".join(f"{s.title} rates {', '.join(s.targets)}" for s in sets)
      raise errors.UserError(
        f"expected sets that rate something in common, but {rated}: report on each by "
        "itself"
      )
  for rated_set in sets:
    target_names.check(targets, rated_set.targets)
  return [_rated_only(rated_set, targets) for rated_set in sets]


def _rated_only(rated_set: RatedSet, targets: Sequence[str]) -> RatedSet:
  others = [target for target in rated_set.targets if target not in targets]
  left_out = f" Its ratings of {' and '.join(others)} are left out." if others else ""
  return dataclasses.replace(
    rated_set,
    origin=rated_set.origin + left_out,
    dataset=dataset_lib.rated_only(rated_set.dataset, targets),
  )


def _is_named(data: DataConfig, config: str) -> bool:
  """Whether settings name the pictures and ratings themselves."""
  if config == synthetic.NAME:
    default = DataConfig()
    return (data.num_synthetic, data.synthetic_seed) != (
      default.num_synthetic,
      default.synthetic_seed,
    )
  if config == "folder":
    return bool(data.ratings_csv)
  return bool(data.manual_dir or data.download)


def _collected(data: DataConfig, place: storage.Place) -> collection.Collection:
  try:
    return build.collect(place, dataclasses.replace(data, skip_bad_pictures=True))
  except ValueError as error:
    if _is_named(data, place.config):
      raise
    raise errors.UserError(
      f"{data.dataset} is not prepared in {place.path}: {error}"
    ) from error


def _prepared(data: DataConfig, path: pathlib.Path, show: bool) -> RatedSet:
  """What was prepared, and its pictures where they are now."""
  dataset = dataset_lib.read(path)
  metadata = dataset.metadata
  if metadata["source"] == "folder":
    dataset.check_targets(data.further_targets)
  if data.fold_seed not in (DataConfig.fold_seed, metadata["fold_seed"]):
    raise errors.UserError(
      f"the dataset prepared in {path} has --fold_seed={metadata['fold_seed']}, not "
      f"{data.fold_seed}: leave it out, or name pictures and ratings as for training"
    )
  places = metadata["settings"]
  sources: Sequence[pathlib.Path | np.ndarray]
  if metadata["source"] == synthetic.NAME:
    drawn = synthetic.load(places["number"], places["seed"])
    sources = drawn.images
    where = "Its pictures are drawn anew."
  else:
    # With two sets, the flag may mean the other one.
    moved = data.images_dir if metadata["source"] == "folder" else ""
    if not moved and "folder" not in places:
      raise errors.UserError(
        f"the dataset prepared in {path} is made of a table of features: name the "
        "pictures' folder with --images_dir"
      )
    folder = pathlib.Path(moved or places["folder"]).expanduser()
    sources = [folder / name for name in dataset.image_ids]
    where = f"Its pictures are looked for in {folder}."
  looks = picture_check.look_at_all(
    sources, metadata["max_pixels"], _workers(), show, data.dataset
  )
  missing = picture_check.Look(picture_check.MISSING, "missing when it was prepared")
  return RatedSet(
    title=dataset.name,
    origin=f"Prepared in {path}. {where}",
    dataset=dataset,
    sources=sources,
    looks=looks,
    left_out=[
      *(LeftOut(name, missing) for name in metadata["missing"]),
      *(
        LeftOut(name, picture_check.Look(picture_check.BROKEN, reason))
        for name, reason in metadata["broken"].items()
      ),
    ],
    named=_named(data),
  )


def _named(data: DataConfig) -> list[pathlib.Path]:
  """Folders of pictures that settings name."""
  names = (data.images_dir, data.manual_dir)
  return [pathlib.Path(name).expanduser() for name in names if name]


def _without_features(
  source: collection.Collection,
  data: DataConfig,
  good: Sequence[int],
  broken: Sequence[LeftOut],
  hashes: near_duplicates.Hashes,
) -> dataset_lib.Dataset:
  """The readable pictures of a source as a dataset that has no features."""
  rated = [source.rated[row] for row in good]
  fingerprint, scheme = next(iter(build.fingerprints(source, data).items()))
  try:
    fold, groups = folding.deal(rated, scheme, data, lambda: hashes)
  except ValueError:  # too few pictures, or groups of them
    fold, groups = np.full(len(rated), NO_FOLD, np.int32), []
  return dataset_lib.Dataset(
    image_ids=[entry.image_id for entry in rated],
    features={},
    **build.rating_arrays(source.targets, rated),
    fold=fold,
    keywords=[entry.keyword for entry in rated],
    metadata={
      "source": source.name,
      "targets": list(source.targets),
      "scales": {target: list(scale) for target, scale in source.scales.items()},
      "fingerprint": fingerprint,
      "folds": scheme,
      "groups": groups,
      "features": [],
      "fold_seed": data.fold_seed,
      "num_pictures": len(rated),
      "missing": list(source.missing),
      "broken": {entry.image_id: entry.look.reason for entry in broken},
      "max_pixels": images.MAX_PIXELS,
      "unrated": source.unrated,
      "settings": source.settings,
      "disclaimer": source.disclaimer,
    },
  )


def _origin(source: collection.Collection) -> str:
  folder = source.settings.get("folder")
  where = f"pictures are in {folder}" if folder else "pictures are drawn by emojax"
  sentences = [f"Read from its source, not from a prepared dataset; its {where}."]
  sentences += [f"{line}." for line in source.settings.get("assumed", ())]
  scales = {
    target: scale
    for target, scale in source.scales.items()
    if not scale_lib.is_inside(scale)
  }
  if scales:
    shown = ", ".join(f"{t} from {scale_lib.text(s)}" for t, s in scales.items())
    sentences.append(f"Drawn out to 1..9 here: {shown}.")
  return " ".join(sentences)


def _workers() -> int:
  """Threads that read pictures: decoding lets others run."""
  return min(os.cpu_count() or 1, 8)
