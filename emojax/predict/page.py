"""Predictions as a page: the images in the valence-arousal plane and one by one.

In: `predictor.Predictions`, whose images are read again from their files. Out: HTML.
"""

from collections.abc import Sequence

import numpy as np

from emojax import config, images, paper
from emojax.images import thumbnails
from emojax.pages import gallery, page
from emojax.predict.predictor import Predictions
from emojax.utils import files

_MOST_LISTED = 500  # pictures that a page shows one by one


def gallery_page(found: Predictions, title: str, notes: Sequence[str]) -> str:
  """A page with the pictures in the valence-arousal plane and one by one.

  Args:
    found: predictions; pictures are read again from their paths.
    title: of the page.
    notes: what a reader must be told first.
  """
  scored = np.flatnonzero(found.is_scored).tolist()
  shown = {row: made for row in scored if (made := _image(found, row)) is not None}
  sections = []
  targets = list(found.mean)
  if len(targets) == 2 and shown:
    sections.append(_plane(found, list(shown), shown))
  sections.append(_words())
  order = sorted(shown, key=lambda row: -found.mean[targets[0]][row])[:_MOST_LISTED]
  prose = [
    f"From the highest {targets[0]} down. Behind each prediction stands the interval "
    "in which the mean rating of many people probably lies; distance 1 is that of a "
    "typical training picture."
  ]
  if len(shown) > _MOST_LISTED:
    prose.append(f"The first {_MOST_LISTED} of {len(shown)}.")
  listed = [shown[row] for row in order]
  sections.append(page.Section("All pictures", prose, gallery=listed))
  if not found.is_scored.all():
    sections.append(_failures(found))
  return page.render(title, notes, sections)


def region(valence: float, arousal: float) -> str:
  """The paper's search words for a quadrant of the plane, as an aid."""
  levels = [
    "high" if value > config.SCALE_MIDDLE else "low" for value in (valence, arousal)
  ]
  return ", ".join(paper.KEYWORDS[levels[0], levels[1]])


def _image(found: Predictions, row: int) -> page.Image | None:
  """One picture with its numbers; None where it can no longer be read."""
  path = found.paths[row]
  try:
    thumbnail = thumbnails.thumbnail(images.load(path)) if path else None
  except images.ImageError:
    return None
  if thumbnail is None:
    return None
  lines = [
    f"{target[0].upper()} {values[row]:.1f} {_interval(found, target, row)}".rstrip()
    for target, values in found.mean.items()
  ]
  far = ", far: do not trust" if found.status[row] == "far" else ""
  lines.append(f"distance {found.distance[row]:.1f}{far}")
  name = path.name if path else ""
  alt = f"{name}: {', '.join(lines)}"
  return page.Image(thumbnail, alt, "\n".join([*lines, files.utf8(name)]))


def _interval(found: Predictions, target: str, row: int) -> str:
  """An interval as text; empty where the run has none."""
  low, high = found.low[target][row], found.high[target][row]
  return f"({low:.1f} to {high:.1f})" if low == low else ""


def _plane(
  found: Predictions, rows: Sequence[int], shown: dict[int, page.Image]
) -> page.Section:
  """The pictures at their predicted places."""
  valence, arousal = (found.mean[t][list(rows)] for t in config.TARGETS)
  placed = [
    page.Image(
      shown[rows[one.row]].source,
      shown[rows[one.row]].alt,
      "\n".join(shown[rows[one.row]].caption.splitlines()[:2]),
      one.left,
      one.top,
    )
    for one in gallery.in_plane(valence, arousal)
  ]
  (left, right), (low, high) = gallery.bounds(valence), gallery.bounds(arousal)
  corners = [region(v, a) for a in (high, low) for v in (left, right)]
  return page.Section(
    "The valence-arousal plane",
    [gallery.axes(valence, arousal)],
    gallery=placed,
    is_plane=True,
    corners=corners,
  )


def _words() -> page.Section:
  """What the quadrants are called."""
  rows = [["arousal, valence", "low valence", "high valence"]]
  for arousal in ("high", "low"):
    words = [", ".join(paper.KEYWORDS[v, arousal]) for v in ("low", "high")]
    rows.append([f"{arousal} arousal", *words])
  prose = (
    "An aid to reading the numbers, not a prediction: the 22 words with which the "
    "paper searched for pictures, by quadrant (5 is the middle of the scale)."
  )
  return page.Section("Words of the regions", [prose], [page.Table("Words", rows)])


def _failures(found: Predictions) -> page.Section:
  rows = [["file", "reason"]]
  rows += [
    [files.utf8(path or ""), reason]
    for path, reason, is_scored in zip(
      found.paths, found.reason, found.is_scored, strict=True
    )
    if not is_scored
  ]
  return page.Section("Not scored", tables=[page.Table("Files", rows)])
