"""OASIS: 900 photographs with valence and arousal on 1..7.

Source: B. Kurdi, S. Lozano, M. R. Banaji, "Introducing the Open Affective Standardized
Image Set (OASIS)", Behavior Research Methods 49, 2017.

In: a folder with `images/` and either `OASIS_ratings.csv` or the published `OASIS.csv`,
which has bare carriage returns as line ends and a first column without a name; any part
of the 900 rows may be there. Out: a `Collection`.
"""

import pathlib
import re

from emojax.config import TARGETS
from emojax.datasets.va_emotion import collection, ratings
from emojax.utils import tables

SCALE = (1.0, 7.0)
TABLES = ("OASIS_ratings.csv", "OASIS.csv")  # the first one that is there is read
INSTRUCTIONS = (
  "va_emotion/oasis needs the OASIS pictures and ratings, which emojax does not hand "
  "out. Get them from their authors (www.benedekkurdi.com/#oasis), make a folder with "
  "images/ (the .jpg files) and OASIS.csv, and name it with --manual_dir."
)
_COLUMNS = {
  "theme": "theme",
  "valence": "valence_mean",
  "arousal": "arousal_mean",
  "valence_std": "valence_sd",
  "arousal_std": "arousal_sd",
  "valence_num_raters": "valence_n",
  "arousal_num_raters": "arousal_n",
}


def load(manual_dir: str, skip_missing: bool) -> collection.Collection:
  """The rated pictures of OASIS.

  A picture's keyword is its theme without the number ("Acorns 2" -> "Acorns").

  Args:
    manual_dir: the folder described above.
    skip_missing: leave rated pictures that are not there out.
  Returns:
    A `Collection` with ratings on 1..9.
  Raises:
    RatingsError: folder or table missing, or the table cannot be used as it is.
  """
  folder = pathlib.Path(manual_dir).expanduser()
  if not manual_dir or not folder.is_dir():
    came = f"there is no folder {folder}" if manual_dir else "it is not given"
    raise ratings.RatingsError(f"{INSTRUCTIONS} Now {came}.")
  published = [folder / name for name in TABLES if (folder / name).is_file()]
  images = folder / "images"
  if not published or not images.is_dir():
    raise ratings.RatingsError(
      f"expected images/ and one of {', '.join(TABLES)} in {folder}, got "
      f"{', '.join(sorted(path.name for path in folder.iterdir())) or 'nothing'}"
    )
  table = published[0]
  columns = [
    tables.Column(field, ((name,),), is_number=field != "theme")
    for field, name in _COLUMNS.items()
  ]
  # Columns that matter are ASCII; sources may name a photographer in Latin-1.
  content = tables.read(table, columns, fallback_encoding="latin-1")
  # Two published themes end in a blank that the files' names lack.
  themes = [line.cells["theme"] for line in content.lines]
  there = collection.files_of(images)
  resolved = there.resolve([theme and f"{theme}.jpg" for theme in themes])
  rated, scales = ratings.read_rated(
    content,
    dict.fromkeys(TARGETS, SCALE),
    resolved,
    keywords=[re.sub(r"\s*\d+$", "", theme) for theme in themes],
  )
  return collection.from_files(
    "oasis",
    scales,
    rated,
    table,
    images,
    there,
    skip_missing,
    settings={"rating_scale": [*SCALE]},
  )
