"""Pictures to feature values: decoding on threads, features on every local device.

In: pictures (paths, file bytes or decoded arrays), feature names and what they need.
Out: one row per picture, with its values or the reason why it has none; `pipeline`
says how a pass over the pictures goes.
"""

import concurrent.futures
import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from emojax import images
from emojax import images as images_lib
from emojax.config import ExtractConfig
from emojax.extract import cache_forms, devices, external_rows
from emojax.extract.cache import FeatureCache, FeatureKey
from emojax.extract.pipeline import Extracted, Extraction, ImageSource, ordered
from emojax.features import DERIVED, FEATURES, descriptions, external
from emojax.features.params import (
  Source,
  check_names,
  check_sources,
  load_sources,
  size_of,
  tables_of,
)
from emojax.utils import errors, options, runtime
from emojax.utils import progress as progress_lib

_BATCHES = 32  # in a part of many pictures, see `ranges`


class Extractor:
  """Computes some features of any number of pictures.

  Args:
    names: of `features.FEATURES` and `DERIVED` and of features from elsewhere, in the
      order wanted.
    sources: from `features.params.load_sources(names, ...)`.
  Raises:
    ValueError: an unknown or repeated name.
  """

  def __init__(self, names: Sequence[str], sources: Mapping[str, Source]):
    self._described = descriptions.describe(names, sources)
    self.names = tuple(names)
    self._tables = {n: t for n, t in tables_of(sources).items() if n in names}
    self._derived = {
      name: DERIVED[name].make(sources[DERIVED[name].needs].params)
      for name in names
      if name in DERIVED
    }
    bases = [b for name in self._derived for b in sources[DERIVED[name].needs].bases]
    computed = [name for name in dict.fromkeys([*names, *bases]) if name in FEATURES]
    needs = {FEATURES[name].needs for name in computed}
    params = {need: sources[need].params for need in needs}
    self.programs = devices.Programs(params)
    # Without the networks' parameters, which live on the devices from now on.
    self._sources = {
      need: dataclasses.replace(source, params=None) if need in needs else source
      for need, source in sources.items()
    }
    self.keys = {
      name: FeatureKey(
        name=name,
        size=FEATURES[name].size,
        version=FEATURES[name].version,
        images_version=images.VERSION,
        digest=sources[FEATURES[name].needs].digest,
      )
      for name in computed
    }

  def describe(self) -> list[dict[str, Any]]:
    """What made each feature, JSON-able, to store beside the values."""
    return [dict(entry) for entry in self._described]

  def class_names(self) -> dict[str, tuple[str, ...]]:
    """Feature -> what each of its numbers is about, for outputs of trained networks."""
    named = {}
    for name in self.names:
      feature = FEATURES.get(name)
      source = self._sources[feature.needs] if feature else None
      if feature is None or source is None or not source.weights:
        continue
      # A scene parser's "background" comes first and may be left out; other layers have
      # other numbers of units. Random networks have classes without names.
      unnamed = len(source.class_names) - feature.size
      if unnamed in (0, 1) and source.weights["source"] != "random":
        named[name] = source.class_names[unnamed:]
    return named

  def only(self, names: Sequence[str]) -> "Extractor":
    """An extractor for some of this one's features, with what is loaded already."""
    part = Extractor(names, self._sources)
    part.programs = self.programs
    return part

  def run(
    self,
    images: Sequence[ImageSource],
    cache: FeatureCache | None = None,
    batch_size: int = 0,
    workers: int = 2,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    check: Callable[[np.ndarray], None] | None = None,
    names: Sequence[str] | None = None,
  ) -> Extracted:
    """Features of every picture; a broken one fails alone.

    A picture's values do not depend on the others, and two pictures with the same bytes
    are computed once. Besides the result, memory holds a few batches of pictures,
    whatever their number.

    Args:
      images: see `images.contents`. Items are asked for once, on the decoding threads,
        so a sequence may make them on demand.
      cache: where values are looked up and stored; None computes everything.
      batch_size: pictures per device and step; 0: see `Programs.batch_for`.
      workers: threads that read, decode and resize, 1 or more.
      max_pixels: larger pictures are refused.
      progress: show a bar with the time left.
      check: gets every image as RGB and may refuse it with an `ImageError`; with one,
        images are decoded even where the cache has all of their values.
      names: what tables from elsewhere may call the images; by default their paths.
    Returns:
      `Extracted`, in the order of `images`.
    Raises:
      CacheError: the cache cannot be read or written.
    """
    if names is None:
      names = [images_lib.name_of(image) for image in images]
    (extracted,) = self.run_each(
      [(images, names)],
      len(images),
      cache,
      batch_size,
      workers,
      max_pixels,
      progress,
      check,
    )
    return extracted

  def run_each(
    self,
    parts: Iterable[tuple[Sequence[ImageSource], Sequence[str]]],
    number: int,
    cache: FeatureCache | None = None,
    batch_size: int = 0,
    workers: int = 2,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    check: Callable[[np.ndarray], None] | None = None,
    total: int = 0,
    done: int = 0,
  ) -> Generator[Extracted, None, None]:
    """Features of every picture, part by part: memory holds one part's result.

    Args:
      parts: pictures and their names, asked for when the part before is done.
      number: of pictures in all, also those that others compute. Batches are made for
        so many, so that a part's values do not depend on how long it is.
      cache, batch_size, workers, max_pixels, progress, check: see `run`.
      total: for the bar, how many pictures the parts have together with those `done`;
        0: `number`.
      done: pictures that an earlier run has dealt with.
    Yields:
      What `run` returns, for each part. Equal bytes are computed once in a part.
    Raises:
      CacheError: the cache cannot be read or written.
    """
    ahead = 2 * (batch_size or devices.usual_batch()) * jax.local_device_count()
    with (
      concurrent.futures.ThreadPoolExecutor(workers, "decode") as pool,
      progress_lib.bar(total or number, "picture", progress, done=done) as bar,
    ):
      for sources, names in parts:
        run = Extraction(
          self.keys,
          self.programs,
          sources,
          cache,
          batch_size,
          number,
          max_pixels,
          check,
          bar.set_description,
          self.lacking(names),
        )
        try:
          for index, decoded in ordered(pool, run.decode, len(sources), ahead, run):
            run.take(index, decoded)
            bar.update()
          run.finish()
        except BaseException:
          pool.shutdown(wait=False, cancel_futures=True)
          raise
        yield self._with_derived(run.result(), names)
        runtime.return_memory()

  def _with_derived(self, extracted: Extracted, names: Sequence[str]) -> Extracted:
    """The same with features made of others and those from elsewhere, in order."""
    values = extracted.values
    whole = {**values, **{n: derive(values) for n, derive in self._derived.items()}}
    if self._tables:
      extracted, joined = external_rows.join(extracted, self._tables, names)
      whole |= joined
    return dataclasses.replace(extracted, values={n: whole[n] for n in self.names})

  def lacking(self, names: Sequence[str]) -> dict[int, str]:
    """The pictures that a table from elsewhere lacks, see `external_rows.lacking`."""
    return external_rows.lacking(self._tables, names)

  def run_as(
    self,
    settings: ExtractConfig,
    images: Sequence[ImageSource],
    progress: bool,
    check: Callable[[np.ndarray], None] | None = None,
    names: Sequence[str] | None = None,
  ) -> Extracted:
    """`run` with the cache, batch, threads and limits that some settings ask for.

    Raises:
      CacheError: see `run`.
      UserError: see `options.check`.
    """
    if names is None:
      names = [images_lib.name_of(image) for image in images]
    parts = self.run_each_as(settings, [(images, names)], len(images), progress, check)
    (extracted,) = parts
    return extracted

  def run_each_as(
    self,
    settings: ExtractConfig,
    parts: Iterable[tuple[Sequence[ImageSource], Sequence[str]]],
    number: int,
    progress: bool,
    check: Callable[[np.ndarray], None] | None = None,
    total: int = 0,
    done: int = 0,
  ) -> Generator[Extracted, None, None]:
    """`run_each` with the cache, batch, threads and limits of some settings.

    Raises:
      CacheError, UserError: see `run_as`.
    """
    options.check(settings)
    with open_cache(settings) as cache:
      yield from self.run_each(
        parts,
        number,
        cache,
        batch_size=settings.extract_batch,
        workers=settings.workers,
        max_pixels=settings.max_pixels,
        progress=progress,
        check=check,
        total=total,
        done=done,
      )


def from_config(settings: ExtractConfig) -> Extractor:
  """The extractor that some settings ask for.

  Args:
    settings: which features and from what. Weights by default are the trained ones.
  Returns:
    An `Extractor` with everything loaded.
  Raises:
    ValueError: an unknown or repeated feature, weights or a colour table that are
      missing or damaged.
  """
  check(settings)
  return Extractor(settings.every_feature, sources_of(settings))


def check(settings: ExtractConfig) -> None:
  """Refuses what `from_config` would, where that shows before a network is read.

  Raises:
    ValueError: see there; everything that is wrong is told at once.
  """
  paths = external.paths(settings.extra_features, [*FEATURES, *DERIVED])
  derived = any(name in DERIVED for name in settings.every_feature)
  errors.all_of(
    lambda: options.check(settings),
    lambda: external.check_present(paths),
    lambda: check_sources(
      settings.every_feature,
      _path(settings.weights_dir),
      _choice(settings),
      _path(settings.color_names),
      _path(settings.word_norms),
      settings.word_features,
      paths,
      # Derived features are of trained networks only.
      advice="" if derived else "; --weights=random tries things out",
    ),
  )


def _choice(settings: ExtractConfig) -> str:
  return "trained" if settings.weights == "default" else settings.weights


def sources_of(settings: ExtractConfig) -> dict[str, Source]:
  """What the features that some settings ask for need; see `from_config`."""
  return load_sources(
    settings.every_feature,
    _path(settings.weights_dir),
    _choice(settings),
    _path(settings.color_names),
    settings.network_precision,
    _path(settings.word_norms),
    settings.word_features,
    external_tables(settings),
  )


def external_tables(settings: ExtractConfig) -> dict[str, external.ExternalTable]:
  """The features from elsewhere that some settings name, read.

  Raises:
    ExternalError: see `external.paths` and `external.read`.
  """
  paths = external.paths(settings.extra_features, [*FEATURES, *DERIVED])
  return {name: external.read(name, path) for name, path in paths.items()}


def sizes_of(settings: ExtractConfig) -> dict[str, int]:
  """How many numbers each feature has that some settings ask for; see `from_config`."""
  tables = external_tables(settings)
  return {
    name: tables[name].size
    if name in tables
    else size_of(name, _path(settings.weights_dir), settings.word_features)
    for name in check_names(settings.every_feature, tables)
  }


def _path(name: str) -> pathlib.Path | None:
  """A path that a setting gives; None where it is empty."""
  return pathlib.Path(name).expanduser() if name else None


@contextlib.contextmanager
def open_cache(settings: ExtractConfig) -> Iterator[FeatureCache | None]:
  """The feature cache that some settings ask for; None when they ask for none."""
  if not settings.cache_dir:
    yield None
    return
  folder = pathlib.Path(settings.cache_dir)
  with cache_forms.opened(folder, settings.cache_form) as cache:
    yield cache


def ranges(rows: range, batch: int = 0) -> list[range]:
  """Some rows in parts that are long enough to keep the devices busy.

  What is lost where a part ends, because its last batches wait and are not full, is
  then some percent.

  Args:
    rows: all.
    batch: pictures that devices take at a time, all together; 0: those of this machine.
  """
  size = _BATCHES * (batch or devices.usual_batch() * jax.local_device_count())
  return [rows[start : start + size] for start in range(0, len(rows), size)]
