"""Predictions as a page: the images in the valence-arousal plane and one by one.

In: `predictor.Predictions`, whose images are read again from their files. Out: HTML.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from emojax import config, images, paper
from emojax.images import thumbnails
from emojax.pages import gallery, page
from emojax.predict.predictor import Predictions
from emojax.utils import files
from emojax.utils import scales as scale_lib

_MOST_LISTED = 500  # pictures that a page shows one by one


def gallery_page(
  predictions: Predictions,
  title: str,
  notes: Sequence[str],
  named: Sequence[str | os.PathLike[str]],
  max_pixels: int = images.MAX_PIXELS,
) -> tuple[str, list[str]]:
  """A page with the pictures in the valence-arousal plane and one by one.

  Args:
    predictions: whose pictures are read again from their paths.
    title: of the page.
    notes: what a reader must be told first.
    named: files and folders that the user named; others are not shown, see
      `images.check_named`.
    max_pixels: as for the predictions.
  Returns:
    HTML, and a line for each scored picture that it does not show, saying why.
  """
  shown: dict[int, page.Image] = {}
  hidden: dict[int, str] = {}
  for row in np.flatnonzero(predictions.is_scored).tolist():
    try:
      shown[row] = _image(predictions, row, named, max_pixels)
    except images.ImageError as error:
      hidden[row] = str(error)
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
    failed = np.flatnonzero(~predictions.is_scored).tolist()
    reasons = {row: predictions.reason[row] for row in failed}
    sections.append(_reasons("Not scored", predictions, reasons))
  if hidden:
    sections.append(_reasons("Scored, but not shown", predictions, hidden))
    notes = [*notes, f"{len(hidden)} scored pictures are not shown; the end says why."]
  text = page.render(title, notes, sections)
  return text, [f"{_name(predictions, row)}: {hidden[row]}" for row in hidden]


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


def _image(
  predictions: Predictions,
  row: int,
  named: Sequence[str | os.PathLike[str]],
  max_pixels: int,
) -> page.Image:
  """One picture with its numbers; ImageError where it cannot be shown."""
  path = predictions.paths[row]
  if path is None:
    raise images.ImageError("it is no file that could be read again")
  images.check_named(path, named)
  thumbnail = thumbnails.thumbnail(images.load(path, max_pixels))
  lines = [
    f"{t[0].upper()} {scale_lib.shown(values[row], predictions.scales[t])} "
    f"{_interval(predictions, t, row)}".rstrip()
    for t, values in predictions.mean.items()
  ]
  far = ", far: do not trust" if predictions.status[row] == "far" else ""
  lines.append(f"distance {predictions.distance[row]:.1f}{far}")
  name = files.utf8(path.name)
  alt = f"{name}: {', '.join(lines)}"
  return page.Image(thumbnail, alt, "\n".join([*lines, name]))


def _name(predictions: Predictions, row: int) -> str:
  return files.utf8(predictions.names[row])


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


def _reasons(
  title: str, predictions: Predictions, reasons: Mapping[int, str]
) -> page.Section:
  """Why some rows are not what a reader expects."""
  rows = [["file", "reason"]]
  rows += [[_name(predictions, row), reason] for row, reason in reasons.items()]
  return page.Section(title, tables=[page.Table("Files", rows)])
