"""The user's own pictures: a folder, and a table of ratings.

In: `--images_dir` or `--features_table`, `--ratings_csv`, the scales of the ratings,
and what the table's columns are called where that is not usual. Out: a `Collection`.
"""

import dataclasses
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import (
  collection,
  columns,
  folding,
  ratings,
  scale_inference,
)
from emojax.extract import shards, stored
from emojax.features import DERIVED, FEATURES
from emojax.utils import names, tables
from emojax.utils import scales as scale_lib

# Fields whose column a setting of the same name with "_column" behind it may name.
FIELDS = (
  "image",
  *TARGETS,
  *(f"{target}_std" for target in TARGETS),
  "num_raters",
  "keyword",
)
_NO_NEAR_DUPLICATES = (
  "pictures are not looked at, so near-duplicates of one may be in several folds; name "
  "--group_column where a column says what belongs together"
)
_GROUP = tables.Column("group", flag="group_column")
_TARGET_NAME = re.compile(r"[^\W\d]\w*")  # it names fields, files and columns
_TAKEN = ("image", "image_id", "fold", "keyword", "num_raters")
_MOST_NAMED = 5  # columns in a message
_TAKEN_ENDS = ("_std", "_num_raters", "_rated", "_predicted")


def load(data: DataConfig) -> collection.Collection:
  """Rated pictures of a user.

  Args:
    data: folder, table, scales and columns. Of valence and arousal the table needs one,
      and of `further_targets` all.
  Returns:
    A `Collection` with ratings on 1..9.
  Raises:
    RatingsError: a setting is missing, or the table cannot be used as it is.
    ImageError: the folder is not there.
  """
  _check_given(data)
  table, targets = _read(data)
  scales = {target: scale_inference.from_settings(data, target) for target in targets}
  folder = pathlib.Path(data.images_dir).expanduser()
  features = shards.whole([_table_of(data)]) if data.features_table else None
  there = (
    names.Files(stored.image_ids(features)) if features else collection.files_of(folder)
  )
  resolved = there.resolve([line.cells["image"] for line in table.lines])
  keywords = [line.cells.get("keyword", "") for line in table.lines]
  rated, sure = ratings.read_rated(table, scales, resolved, keywords)
  rated = [
    dataclasses.replace(entry, group=_group(line.cells.get("group", "")))
    for entry, line in zip(rated, table.lines, strict=True)
  ]
  settings: dict[str, Any] = {
    "rating_scale": scale_lib.listed(sure),
    "assumed": _assumed(table, resolved, scales),
  }
  if features is None:
    return collection.from_files(
      "folder",
      sure,
      rated,
      table.path,
      folder,
      there,
      data.skip_bad_pictures,
      settings,
    )
  if folding.schemes(data, "folder") == [folding.RANDOM] and data.folds == "auto":
    settings["assumed"] += [_NO_NEAR_DUPLICATES]
  return collection.from_table(
    "folder",
    sure,
    rated,
    table.path,
    _table_of(data),
    stored.digest(features),
    there,
    data.skip_bad_pictures,
    settings,
  )


def _check_given(data: DataConfig) -> None:
  """Refuses settings of which one is lacking, or too much."""
  if bool(data.images_dir) == bool(data.features_table):
    came = "both are" if data.images_dir else "neither is"
    raise ratings.RatingsError(
      f"va_emotion/folder needs --images_dir or --features_table; {came} given"
    )
  if not data.ratings_csv:
    raise ratings.RatingsError(
      "va_emotion/folder needs a table of ratings; --ratings_csv is not given"
    )


def features_of(data: DataConfig, wanted: Sequence[str]) -> stored.StoredFeatures:
  """The features of `--features_table`.

  Args:
    data: names it.
    wanted: features, in order.
  Raises:
    UserError: there is no such table, or it lacks one of them.
  """
  path = _table_of(data)
  return stored.StoredFeatures(path, shards.whole([path]), wanted)


def _table_of(data: DataConfig) -> pathlib.Path:
  return pathlib.Path(data.features_table).expanduser()


def _group(cell: str) -> str:
  """The label of a group; what nobody knows is none."""
  return "" if tables.is_unknown(cell) else cell


def targets_of(data: DataConfig) -> tuple[str, ...]:
  """What the table of a user rates.

  Raises:
    RatingsError: it cannot be used as it is.
  """
  return _read(data)[1]


def _read(data: DataConfig) -> tuple[tables.Table, tuple[str, ...]]:
  """The table, and the targets that it rates."""
  further = tuple(target for target in data.further_targets if target not in TARGETS)
  _check_further(further)
  named = {field: getattr(data, f"{field}_column") for field in (*FIELDS, "group")}
  # A count of both targets that is named is not overruled by one of each.
  counted = (*TARGETS, *further) if not data.num_raters_column else ()
  wanted = [
    columns.image(),
    *(columns.rating(target, f"{target}_column", False) for target in TARGETS),
    *(columns.rating(target) for target in further),
    *(columns.spread(target, f"{target}_std_column") for target in TARGETS),
    *(columns.spread(target) for target in further),
    columns.raters(),
    *(columns.raters(target) for target in counted),
    columns.keyword(),
    *([_GROUP] if data.group_column else []),
  ]
  table = tables.read(pathlib.Path(data.ratings_csv).expanduser(), wanted, named)
  base = tuple(target for target in TARGETS if target in table.columns)
  lacking = [target for target in TARGETS if target not in base]
  # One that is only misspelt is not taken for one that is not there.
  if not (base or further) or any(tables.near(name, table.others) for name in lacking):
    needed = [column for column in wanted if column.field in ("image", *TARGETS)]
    raise tables.lacking(table.path, table.header, needed, lacking)
  return table, base + further


def _check_further(targets: Sequence[str]) -> None:
  taken = {*_TAKEN, *FEATURES, *DERIVED}
  for target in targets:
    is_taken = target in taken or target.endswith(_TAKEN_ENDS)
    if is_taken or not _TARGET_NAME.fullmatch(target):
      raise ratings.RatingsError(
        f"{target!r} cannot be the name of a target: expected letters, digits and "
        "underscores that mean nothing else here; rename the column"
      )


def _assumed(
  table: tables.Table,
  resolved: names.Resolved,
  scales: Mapping[str, scale_lib.Scale | None],
) -> list[str]:
  """One line on what was assumed to read the table so, if anything was."""
  phrases = [_lacking(name, table) for name in TARGETS if name not in table.columns]
  if unsaid := [target for target, scale in scales.items() if scale is None]:
    phrases.append(f"{' and '.join(unsaid)} taken to be on 1..9")
  if resolved.prefix:
    phrases.append(f"{resolved.prefix!r} cut from the names")
  if resolved.bare:
    phrases.append(f"suffixes added to {resolved.bare} names")
  line = table.assumption(*phrases)
  return [line] if line else []


def _lacking(target: str, table: tables.Table) -> str:
  """That a table does not rate a target, and what to do if it does."""
  others = [repr(name) for name in table.others if name][:_MOST_NAMED]
  if not others:
    return f"no {target}"
  return (
    f"no {target} (if a column such as {', '.join(others)} is that, say so with "
    f"--{target}_column)"
  )
