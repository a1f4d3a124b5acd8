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
from emojax.utils import scales as scale_lib

_MOST_LISTED = 500  # pictures that a page shows one by one


def gallery_page(predictions: Predictions, title: str, notes: Sequence[str]) -> str:
  """A page with the pictures in the valence-arousal plane and one by one.

  Args:
    predictions: whose pictures are read again from their paths.
    title: of the page.
    notes: what a reader must be told first.
  """
  scored = np.flatnonzero(predictions.is_scored).tolist()
  shown = {
    row: image for row in scored if (image := _image(predictions, row)) is not None
  }
  sections = []
  targets = list(predictions.mean)
  if all(target in targets for target in config.TARGETS) and shown:
    sections.append(_plane(predictions, list(shown), shown))
  sections.append(_words())
  order = sorted(shown, key=lambda row: -predictions.mean[targets[0]][row])
  prose = [
    f"From the highest {targets[0]} down. Behind each prediction stands the interval "
    "in which the mean rating of many people probably lies; distance 1 is that of a "
    "typical training picture."
  ]
  if len(shown) > _MOST_LISTED:
    prose.append(f"The first {_MOST_LISTED} of {len(shown)}.")
  listed = [shown[row] for row in order[:_MOST_LISTED]]
  sections.append(page.Section("All pictures", prose, gallery=listed))
  if not predictions.is_scored.all():
    sections.append(_failures(predictions))
  return page.render(title, notes, sections)


def region(
  valence: float,
  arousal: float,
  scales: gallery.Scales = (config.SCALE, config.SCALE),
) -> str:
  """The paper's search words for a quadrant of the plane, as an aid."""
  levels = [
    "high" if value > sum(scale) / 2 else "low"
    for value, scale in zip((valence, arousal), scales, strict=True)
  ]
  return ", ".join(paper.KEYWORDS[levels[0], levels[1]])


def _image(predictions: Predictions, row: int) -> page.Image | None:
  """One picture with its numbers; None where it can no longer be read."""
  path = predictions.paths[row]
  try:
    thumbnail = thumbnails.thumbnail(images.load(path)) if path else None
  except images.ImageError:
    return None
  if thumbnail is None:
    return None
  lines = [
    f"{t[0].upper()} {scale_lib.shown(values[row], predictions.scales[t])} "
    f"{_interval(predictions, t, row)}".rstrip()
    for t, values in predictions.mean.items()
  ]
  far = ", far: do not trust" if predictions.status[row] == "far" else ""
  lines.append(f"distance {predictions.distance[row]:.1f}{far}")
  name = path.name if path else ""
  alt = f"{name}: {', '.join(lines)}"
  return page.Image(thumbnail, alt, "\n".join([*lines, files.utf8(name)]))


def _interval(predictions: Predictions, target: str, row: int) -> str:
  """An interval as text; empty where the run has none."""
  low, high = predictions.low[target][row], predictions.high[target][row]
  if np.isnan(low):
    return ""
  ends = (scale_lib.shown(end, predictions.scales[target]) for end in (low, high))
  return f"({' to '.join(ends)})"


def _plane(
  predictions: Predictions, rows: Sequence[int], shown: dict[int, page.Image]
) -> page.Section:
  """The pictures at their predicted places."""
  valence, arousal = (predictions.mean[t][list(rows)] for t in config.TARGETS)
  scales = (predictions.scales["valence"], predictions.scales["arousal"])
  placed = [
    page.Image(
      shown[rows[place.row]].source,
      shown[rows[place.row]].alt,
      "\n".join(shown[rows[place.row]].caption.splitlines()[:2]),
      place.left,
      place.top,
    )
    for place in gallery.in_plane(valence, arousal, scales)
  ]
  left, right = gallery.bounds(valence, scales[0])
  low, high = gallery.bounds(arousal, scales[1])
  corners = [region(v, a, scales) for a in (high, low) for v in (left, right)]
  return page.Section(
    "The valence-arousal plane",
    [gallery.axes(valence, arousal, scales)],
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
    "paper searched for pictures, by quadrant; they part in the middle of the scale."
  )
  return page.Section("Words of the regions", [prose], [page.Table("Words", rows)])


def _failures(predictions: Predictions) -> page.Section:
  rows = [["file", "reason"]]
  rows += [
    [files.utf8(path or ""), reason]
    for path, reason, is_scored in zip(
      predictions.paths, predictions.reason, predictions.is_scored, strict=True
    )
    if not is_scored
  ]
  return page.Section("Not scored", tables=[page.Table("Files", rows)])
