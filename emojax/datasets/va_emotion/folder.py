"""The user's own pictures: a folder, and a table of ratings.

In: `--images_dir`, `--ratings_csv`, `--rating_scale` and what the table's columns are
called, where that is not usual. Out: a `Collection`.
"""

import pathlib
from collections.abc import Mapping, Sequence

from emojax.config import TARGETS, DataConfig
from emojax.datasets.va_emotion import collection, columns, ratings
from emojax.utils import names, tables

# Fields whose column a setting of the same name with "_column" behind it may name.
FIELDS = (
  "image",
  *TARGETS,
  *(f"{target}_std" for target in TARGETS),
  "num_raters",
  "keyword",
)


def named_columns(data: DataConfig) -> dict[str, str]:
  """Field -> the column that settings name for it; "" where they name none."""
  return {field: getattr(data, f"{field}_column") for field in FIELDS}


def load(
  images_dir: str,
  ratings_csv: str,
  rating_scale: Sequence[float],
  skip_missing: bool,
  named: Mapping[str, str] | None = None,
) -> collection.Collection:
  """Rated pictures of a user.

  Args:
    images_dir: the folder of pictures.
    ratings_csv: the table; its names are those of pictures below `images_dir`.
    rating_scale: lowest and highest possible rating.
    skip_missing: leave rated pictures that are not there out.
    named: see `named_columns`.
  Returns:
    A `Collection` with ratings on 1..9.
  Raises:
    RatingsError: a setting is missing, or the table cannot be used as it is.
    ImageError: the folder is not there.
  """
  for flag, value in (("images_dir", images_dir), ("ratings_csv", ratings_csv)):
    if not value:
      raise ratings.RatingsError(
        f"va_emotion/folder needs --images_dir and --ratings_csv; --{flag} is not given"
      )
  low, high = ratings.check_scale(rating_scale)
  named = named or {}
  path = pathlib.Path(ratings_csv).expanduser()
  table = tables.read(path, _columns(bool(named.get("num_raters"))), named)
  folder = pathlib.Path(images_dir).expanduser()
  there = collection.files_of(folder)
  resolved = there.resolve([line.cells["image"] for line in table.lines])
  rated = ratings.read_rated(
    table,
    (low, high),
    _fields(table),
    resolved.image_ids,
    resolved.problems,
    keywords=[line.cells.get("keyword", "") for line in table.lines],
  )
  return collection.from_files(
    "folder",
    rated,
    table.path,
    folder,
    there,
    skip_missing,
    settings={"rating_scale": [low, high], "assumed": _assumed(table, resolved)},
  )


def _columns(raters_are_named: bool) -> list[tables.Column]:
  """What is looked for; counts per target only where no column is named for both."""
  per_target = [columns.raters(target) for target in TARGETS]
  return [
    columns.image(),
    *(columns.rating(target) for target in TARGETS),
    *(columns.spread(target) for target in TARGETS),
    columns.raters(),
    *([] if raters_are_named else per_target),
    columns.keyword(),
  ]


def _fields(table: tables.Table) -> dict[str, str]:
  """Field of `Rated` -> field of the table, of those that it has."""
  fields = {target: target for target in TARGETS}
  for target in TARGETS:
    fields[f"{target}_std"] = f"{target}_std"
    own = f"{target}_num_raters"
    fields[f"{target}_raters"] = own if own in table.columns else "num_raters"
  return {field: source for field, source in fields.items() if source in table.columns}


def _assumed(table: tables.Table, resolved: names.Resolved) -> list[str]:
  """One line on what was assumed to read the table so, if anything was."""
  phrases = []
  if resolved.prefix:
    phrases.append(f"{resolved.prefix!r} cut from the names")
  if resolved.bare:
    phrases.append(f"suffixes added to {resolved.bare} names")
  line = table.assumption(*phrases)
  return [line] if line else []
