"""The TFDS builder `va_emotion`: writes and serves rated pictures and their features.

In: settings, or nothing for what is prepared already. Out: split `train`, stored as
array_record: written and read without TensorFlow (`tfds.data_source`), and with it as a
`tf.data.Dataset` of the same rows (`tfds.load`). Importing this module imports neither
JAX nor TensorFlow; they come in when a dataset is built or when TensorFlow's form is
asked for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow_datasets as tfds

from emojax.config import TARGETS, DataConfig, ExtractConfig
from emojax.datasets.va_emotion import storage

if TYPE_CHECKING:
  from emojax.datasets.va_emotion.dataset import Planned
  from emojax.extract import stream

_Example = tuple[int, dict[str, Any]]  # its key, and its fields

_ROW_ID = "tfds_id"  # as TFDS calls it
# Of features in a file; memory holds those of the file that is written.
_SHARD_BYTES = 128 << 20
_FORMAT = "array_record"  # parquet loses rows in TFDS 4.9; tfrecord needs TensorFlow


# Of a `GeneratorBasedBuilder` TFDS holds all rows to order them, and beyond a gigabyte
# needs TensorFlow for that.
class Builder(tfds.core.ShardBasedBuilder):
  """Rated pictures, as TFDS knows datasets.

  A prepared dataset serves the features it was prepared with. `features` and the other
  settings matter when it is not there yet; `prepare.prepare` also rebuilds.

  Args:
    data, extract: settings; the dataset's config comes from TFDS's `config`.
    planned: what to write, already computed.
    settings: single settings by their names in `DataConfig` and `ExtractConfig`, as in
      `tfds.load("va_emotion/folder", builder_kwargs={"images_dir": ...})`. Of several
      values there may be a text, with commas or semicolons.
    kwargs: TFDS's own: `data_dir`, `config`, `version`, `file_format`.
  Raises:
    TypeError: a setting that does not exist.
    ValueError: features that the prepared dataset does not have.
  """

  VERSION = tfds.core.Version(storage.VERSION)
  RELEASE_NOTES = {storage.VERSION: "First release."}  # noqa: RUF012 (TFDS's class attribute)
  BUILDER_CONFIGS = [  # noqa: RUF012
    tfds.core.BuilderConfig(name=name, description=description)
    for name, description in storage.CONFIGS.items()
  ]
  # Where checksums.tsv is; left to itself TFDS wants a package it does not install.
  code_path = pathlib.Path(__file__)
  MANUAL_DOWNLOAD_INSTRUCTIONS = (
    "va_emotion/oasis: a folder with images/ and OASIS.csv from its authors "
    "(www.benedekkurdi.com/#oasis). va_emotion/cgna10766: a folder with the files of "
    "Figshare article 5383105. va_emotion/naps, gaped, smid, emotion6, emotic, "
    "findingemo: the set as its authors hand it out; without the files, the error says "
    "which and where to ask."
  )

  def __init__(
    self,
    *,
    data: DataConfig | None = None,
    extract: ExtractConfig | None = None,
    planned: Planned | None = None,
    file_format: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    config: Any = None,
    version: Any = None,
    **settings: Any,
  ):
    self._features_asked = extract is not None or "features" in settings
    self._data_settings = _replace(data or DataConfig(), settings)
    self._extract_settings = _replace(extract or ExtractConfig(), settings)
    if settings:
      fields = (*dataclasses.fields(DataConfig), *dataclasses.fields(ExtractConfig))
      names = ", ".join(field.name for field in fields)
      raise TypeError(f"unknown settings {sorted(settings)}; known: {names}")
    self._planned = planned
    self._elsewhere: tuple[stream.Engine, pathlib.Path] | None = None
    super().__init__(
      file_format=file_format or _FORMAT,
      data_dir=data_dir,
      config=config,
      version=version,
    )
    # For pickling: what the base class does not know of.
    self._original_state.update(
      data=self._data_settings,
      extract=self._extract_settings if self._features_asked else None,
    )

  def _info(self) -> tfds.core.DatasetInfo:
    features = self._stored_features() or self._planned_features()
    info = self.dataset_info_from_configs(
      features=features,
      supervised_keys=_supervised_keys(features),
      homepage="https://arxiv.org/abs/1705.07543",
      metadata=tfds.core.MetadataDict(),
      disable_shuffling=True,  # rows stay sorted by image_id
    )
    # TFDS's own bucket has nothing of it, but looking there leaves a folder `tmp*tfds`
    # among the system's temporary ones.
    info.initialize_from_bucket = lambda: None
    return info

  def _stored_features(self) -> tfds.features.FeatureConnector | None:
    """The fields of the prepared dataset; None when there is none."""
    if not self._is_whole():
      return None
    stored = tfds.features.FeatureConnector.from_config(os.fspath(self.data_path))
    lacking = [n for n in self._extract_settings.every_feature if n not in stored]
    if self._features_asked and lacking:
      raise ValueError(
        f"the dataset prepared in {self.data_path} lacks {', '.join(lacking)}: add "
        "them with emojax.datasets.va_emotion.prepare, or leave `features` out"
      )
    return stored

  def _is_whole(self) -> bool:
    """Whether it is prepared. TFDS's `is_prepared` warns whenever it is not."""
    return (self.data_path / tfds.core.constants.DATASET_INFO_FILENAME).exists()

  def _planned_features(self) -> tfds.features.FeaturesDict:
    """The fields of a dataset to be built."""
    if self._planned is not None:
      sizes = {name: table.shape[1] for name, table in self._planned.features.items()}
    else:
      from emojax.datasets.va_emotion import build

      sizes = build.sizes_of(self._data_settings, self._extract_settings)
    number = tfds.features.Scalar(np.float32)
    count = tfds.features.Scalar(np.int32)
    targets = self._planned_targets()
    tensors = {
      name: tfds.features.Tensor(shape=(size,), dtype=np.float32)
      for name, size in sizes.items()
    }
    return tfds.features.FeaturesDict(
      {
        "image_id": tfds.features.Text(),
        **dict.fromkeys(targets, number),
        "fold": count,
        **{f"{target}_std": number for target in targets},
        "num_raters": count,
        **{f"{target}_num_raters": count for target in targets},
        "keyword": tfds.features.Text(),
        **tensors,
      }
    )

  def _planned_targets(self) -> tuple[str, ...]:
    """What is rated in a dataset to be built."""
    if self._planned is not None:
      return self._planned.rows.targets
    if self.builder_config.name == "folder" and self._data_settings.ratings_csv:
      from emojax.datasets.va_emotion import folder

      return folder.targets_of(self._data_settings)
    return TARGETS

  def download_and_prepare(self, **kwargs: Any) -> None:
    """As TFDS's, and safe when several processes prepare the same dataset at once.

    With a Beam runner or its options in `download_config`, a pipeline computes the
    features, into a file beside the dataset that is there until the dataset is.
    """
    with contextlib.ExitStack() as stack:
      stack.enter_context(storage.locked(self.data_path))
      config = kwargs.get("download_config")
      if config is not None and (config.beam_runner or config.beam_options):
        from emojax.extract import beam

        table = pathlib.Path(self.data_path)
        table = table.with_name(f".{table.name}.features.parquet")
        stack.callback(table.unlink, missing_ok=True)
        stack.callback(setattr, self, "_elsewhere", None)
        pipeline = beam.Pipeline(config.beam_runner, config.beam_options)
        self._elsewhere = (pipeline, table)
        # Writing is little beside that, and its digest is of every row: it stays here.
        kwargs["download_config"] = dataclasses.replace(
          config, beam_runner=None, beam_options=None
        )
      was_prepared = self._is_whole()
      super().download_and_prepare(**kwargs)
      if was_prepared and not self.info.splits:  # another process has just built it
        self.info.read_from_directory(self.data_path)

  def _shard_iterators_per_split(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Sequence[Callable[[], Iterator[_Example]]]]:
    from emojax.datasets.va_emotion import dataset as dataset_lib
    from emojax.extract import shards

    planned = self._planned or self._plan(dl_manager)
    dataset, features = planned
    self.info.metadata.update(dataset.metadata)
    self.info.metadata[dataset_lib.DIGEST] = dataset_lib.digest(dataset, features)
    number = len(dataset.image_ids)
    width = sum(table.shape[1] for table in features.values())
    count = min(-(-4 * width * number // _SHARD_BYTES), number) or 1
    parts = [shards.Shard(part, count).rows(number) for part in range(1, count + 1)]
    examples = functools.partial(self._generate_examples, planned)
    return {"train": [functools.partial(examples, rows) for rows in parts]}

  def _plan(self, dl_manager: tfds.download.DownloadManager) -> Planned:
    """What to write, as the settings say."""
    from emojax.datasets.va_emotion import build

    data = dataclasses.replace(
      self._data_settings, dataset=f"{storage.NAME}/{self.builder_config.name}"
    )
    if self.builder_config.name not in ("synthetic", "folder") and not (
      data.manual_dir or data.download
    ):
      data = dataclasses.replace(data, manual_dir=os.fspath(dl_manager.manual_dir))
    place = storage.place(data)
    settings = self._extract_settings
    if self._elsewhere is None:
      extraction: build.Features = build.make_extractor(place, data, settings)
      source = build.collect(place, data)
    else:
      source = build.collect(place, data)
      extraction = build.extracted_by(*self._elsewhere, source, place, data, settings)
    return build.build(source, data, settings, extraction, progress=True)

  def _generate_examples(self, planned: Planned, rows: range) -> Iterator[_Example]:
    """Some rows of a dataset, in order; memory holds their features and no others."""
    dataset = planned.rows
    features = {
      name: table[rows.start : rows.stop] for name, table in planned.features.items()
    }
    for row in rows:
      raters = dict(zip(dataset.targets, dataset.num_raters[row], strict=True))
      means = zip(dataset.targets, dataset.ratings[row], strict=True)
      stds = zip(dataset.targets, dataset.ratings_std[row], strict=True)
      yield (
        row,
        {
          "image_id": dataset.image_ids[row],
          **dict(means),
          "fold": dataset.fold[row],
          **{f"{target}_std": std for target, std in stds},
          # Sources may count raters per question; one number is the smaller count.
          "num_raters": min(raters.values()),
          **{f"{target}_num_raters": count for target, count in raters.items()},
          "keyword": dataset.keywords[row],
          **{name: table[row - rows.start] for name, table in features.items()},
        },
      )

  def _as_dataset(
    self, split, decoders=None, read_config=None, shuffle_files=False
  ) -> Any:
    """A `tf.data.Dataset` of a split; TFDS itself has none for array_record."""
    if self.info.file_format != tfds.core.FileFormat.ARRAY_RECORD:
      return super()._as_dataset(split, decoders, read_config, shuffle_files)
    import tensorflow as tf

    fields = self.info.features
    if isinstance(decoders, tfds.decode.PartialDecoding):
      fields = decoders.extract_features(fields)
    elif decoders:
      raise ValueError("va_emotion has no fields to decode: leave decoders out")
    rows = self.as_data_source(split)
    signature = fields.get_tensor_spec()
    ids: list[str] = []
    if read_config is not None and read_config.add_tfds_id:
      ids = _row_ids(self.info.splits[split].file_instructions)
      signature = {**signature, _ROW_ID: tf.TensorSpec((), tf.string)}

    def generate() -> Iterator[dict[str, Any]]:
      for number in range(len(rows)):
        row = {**rows[number], _ROW_ID: ids[number] if ids else ""}
        yield {name: row[name] for name in signature}

    examples = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return examples.apply(tf.data.experimental.assert_cardinality(len(rows)))


def _supervised_keys(fields: tfds.features.FeatureConnector) -> Any:
  """What `as_supervised` gives: features and ratings; of several ones by name."""
  targets = [name for name in fields if f"{name}_std" in fields]
  features = [name for name, shape in fields.shape.items() if len(shape) == 1]

  def structure(names: list[str]) -> Any:
    return names[0] if len(names) == 1 else {name: name for name in names}

  return structure(features), structure(targets)


def _row_ids(instructions: Any) -> list[str]:
  """Names of a split's rows as TFDS gives them: the file's, and the place in it."""
  return [
    f"{pathlib.PurePath(part.filename).name}__{part.skip + place}"
    for part in instructions
    for place in range(part.examples_in_shard if part.take == -1 else part.take)
  ]


def _replace(base: Any, settings: dict[str, Any]) -> Any:
  """`base` with the settings that it has, taken out of `settings`."""
  changed = {}
  for field in dataclasses.fields(base):
    if field.name in settings:
      value = settings.pop(field.name)
      if isinstance(field.default, tuple) and isinstance(value, str):
        kind = field.metadata["kind"]
        # TFDS itself parts settings in a dataset's name at commas.
        value = tuple(kind(item.strip()) for item in re.split("[,;]", value))
      changed[field.name] = value
  return dataclasses.replace(base, **changed)
