"""What is wrong with picture files, and their hashes: one reading of each.

In: pictures as files or arrays. Out: a `Look` per picture, in order, whatever is wrong
with it.
"""

import concurrent.futures
import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence

import numpy as np

from emojax import images
from emojax.images import near_duplicates
from emojax.utils import progress

TINY_PX = 64  # below it a side is enlarged more than fourfold to the features' 256 px
LONG_RATIO = 4.0  # beyond it the crop view shows the middle only, see `images.view`
OK, TINY, LONG, PLAIN, BROKEN, MISSING = STATUSES = (
  "ok",
  "tiny",
  "long",
  "plain",
  "broken",
  "missing",
)


@dataclasses.dataclass(frozen=True)
class Look:
  """One picture as it was found.

  Attributes:
    status: "ok"; "tiny", a side below `TINY_PX`; "long", more than `LONG_RATIO` times
      as long as wide; "plain", nearly nothing in it; "broken", it cannot be read;
      "missing", there is no such file.
    reason: everything that is not in order, one line; empty for "ok".
    width, height: pixels; 0 where it was not read.
    digest: of the file's bytes, or of the pixels of a picture that is no file; empty
      where there is none.
    hashes: for the near-duplicate check; None where it was not read.
  """

  status: str
  reason: str = ""
  width: int = 0
  height: int = 0
  digest: str = ""
  hashes: near_duplicates.Hashes | None = None

  @property
  def is_readable(self) -> bool:
    """Whether there are pixels, good or odd."""
    return self.hashes is not None


def look_at(source: pathlib.Path | np.ndarray, max_pixels: int) -> Look:
  """One picture, read once.

  Args:
    source: its file, or (H, W, 3) uint8.
    max_pixels: a file with more is broken, as for features.
  """
  digest = ""
  try:
    if isinstance(source, pathlib.Path):
      data = images.read(source, max_pixels)
      digest = hashlib.sha256(data).hexdigest()
      rgb = images.load(data, max_pixels)
    else:
      rgb = source
      digest = hashlib.sha256(rgb.tobytes()).hexdigest()
  except images.MissingFile:
    return Look(MISSING, "there is no such file")
  except images.ImageError as error:
    return Look(BROKEN, str(error), digest=digest)
  height, width = rgb.shape[:2]
  hashes = near_duplicates.of_image(rgb)
  oddities = _oddities(width, height, bool(hashes.is_plain[0]))
  status = next(iter(oddities), OK)
  return Look(status, "; ".join(oddities.values()), width, height, digest, hashes)


def look_at_all(
  sources: Sequence[pathlib.Path | np.ndarray],
  max_pixels: int,
  workers: int,
  show: bool,
  about: str = "",
) -> list[Look]:
  """All pictures, read on threads.

  Args:
    sources: files or arrays; an array may be drawn when it is asked for.
    max_pixels: see `look_at`.
    workers: threads.
    show: a progress bar.
    about: stands before the bar.
  """
  with progress.bar(len(sources), "picture", show, about) as bar:

    def look_at_row(row: int) -> Look:
      look = look_at(sources[row], max_pixels)
      bar.update()
      return look

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
      return list(pool.map(look_at_row, range(len(sources))))


def _oddities(width: int, height: int, is_plain: bool) -> dict[str, str]:
  """Status -> reason, the most serious first."""
  reasons = {}
  short, long = sorted((width, height))
  if short < TINY_PX:
    reasons[TINY] = f"its short side has {short} pixels, fewer than {TINY_PX}"
  if long > LONG_RATIO * short:
    reasons[LONG] = f"it is {long / short:.1f} times as long as wide"
  if is_plain:
    reasons[PLAIN] = "there is nearly nothing in it"
  return reasons
