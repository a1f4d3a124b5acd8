"""The user's own pictures: a folder, and a CSV table of ratings.

In: `--images_dir`, `--ratings_csv` (columns image, valence, arousal, and optionally
valence_std, arousal_std, num_raters, keyword) and `--rating_scale`. Out: a
`Collection`.
"""

import pathlib
from collections.abc import Sequence

from emojax.config import TARGETS
from emojax.datasets.va_emotion import collection, ratings
from emojax.utils import csv_tables

NEEDED = ("image", *TARGETS)
_COLUMNS = {
  "valence": "valence",
  "arousal": "arousal",
  "valence_std": "valence_std",
  "arousal_std": "arousal_std",
  "valence_raters": "num_raters",
  "arousal_raters": "num_raters",
}


def load(
  images_dir: str, ratings_csv: str, rating_scale: Sequence[float], skip_missing: bool
) -> collection.Collection:
  """Rated pictures of a user.

  Args:
    images_dir: the folder of pictures.
    ratings_csv: the table; column `image` is a path below `images_dir`.
    rating_scale: lowest and highest possible rating.
    skip_missing: leave rated pictures that are not there out.
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
  table = pathlib.Path(ratings_csv).expanduser()
  rated = ratings.read_rated(
    table,
    csv_tables.read(table, NEEDED),
    (low, high),
    _COLUMNS,
    image_id=lambda line: ratings.image_id(line.cells["image"]),
    keyword=lambda line: line.cells.get("keyword", ""),
  )
  return collection.from_files(
    "folder",
    rated,
    table,
    pathlib.Path(images_dir).expanduser(),
    skip_missing,
    settings={"rating_scale": [low, high]},
  )
