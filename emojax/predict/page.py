"""Predictions as a page: the images in the valence-arousal plane, and as a table.

In: `predictions.Predictions`, whose images are read again from their files. Out: HTML.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from emojax import images, paper
from emojax.evaluation import conformal
from emojax.images import thumbnails
from emojax.pages import gallery, page, plane
from emojax.predict import formats
from emojax.predict.predictions import FAR, Predictions
from emojax.utils import files
from emojax.utils import scales as scale_lib

_MOST_SHOWN = 500  # images whose pictures are part of a page
_MOST_POINTS = 3000  # images of a plane and its table

Named = Sequence[str | os.PathLike[str]]


def gallery_page(
  predictions: Predictions,
  title: str,
  notes: Sequence[str],
  named: Named,
  max_pixels: int = images.MAX_PIXELS,
  interval: float = conformal.LEVEL,
) -> tuple[str, list[str]]:
  """A page with the pictures in the valence-arousal plane and in a table.

  Where the run does not predict both, the pictures stand side by side.

  Args:
    predictions: whose pictures are read again from their paths.
    title: of the page.
    notes: what a reader must be told first.
    named: files and folders that the user named; others are not shown, see
      `images.check_named`.
    max_pixels: as for the predictions.
    interval: the probability of the predictions' intervals.
  Returns:
    HTML, and a line for each scored picture that it does not show, saying why.
  """
  names = [_name(predictions, row, named) for row in range(len(predictions.paths))]
  parts, hidden = sections(predictions, named, names, max_pixels, interval)
  if hidden:
    notes = [*notes, f"{len(hidden)} scored pictures are not shown; the end says why."]
  lines = [f"{files.utf8(predictions.paths[r] or '')}: {hidden[r]}" for r in hidden]
  return page.render(title, notes, parts), lines


def sections(
  predictions: Predictions,
  named: Named,
  names: Sequence[str],
  max_pixels: int = images.MAX_PIXELS,
  interval: float = conformal.LEVEL,
) -> tuple[list[page.Section], dict[int, str]]:
  """What `gallery_page` shows, as parts of a page.

  Args:
    predictions, named, max_pixels, interval: as there.
    names: what each picture is called.
  Returns:
    The sections; and of each scored picture that they do not show, row -> why.
  """
  scored = np.flatnonzero(predictions.is_scored)
  targets = list(predictions.mean)
  main = predictions.mean[targets[0]][scored]
  rows = scored[gallery.spread(main, _MOST_POINTS)].tolist()
  shown: dict[int, str] = {}
  hidden: dict[int, str] = {}
  for at in sorted(gallery.spread(main, _MOST_SHOWN)):
    row = int(scored[at])
    try:
      shown[row] = _thumbnail(predictions, row, named, max_pixels)
    except images.ImageError as error:
      hidden[row] = str(error)
  prose = _prose(targets[0], len(rows), len(scored), interval)
  axes = plane.of_targets(targets, predictions.scales)
  if axes and rows:
    drawn = plane.Plane(
      *axes,
      [_point(predictions, row, axes, names, shown) for row in rows],
      _heads(predictions, axes),
      f"{100 * interval:g} % interval",
      "".join(formats.csv([dataclasses.replace(predictions, names=[*names])])),
    )
    parts = [page.Section("The valence-arousal plane", prose, plane=drawn), _words()]
  else:
    order = [row for row in rows if row in shown]
    listed = [_image(predictions, row, names, shown[row]) for row in order]
    parts = [page.Section("All pictures", prose, gallery=listed)]
  if not predictions.is_scored.all():
    failed = np.flatnonzero(~predictions.is_scored).tolist()
    reasons = {row: predictions.reason[row] for row in failed}
    parts.append(_reasons("Not scored", names, reasons))
  if hidden:
    parts.append(_reasons("Scored, but not shown", names, hidden))
  return parts, hidden


def _prose(first: str, points: int, scored: int, interval: float) -> list[str]:
  """What the numbers mean, and which pictures are there."""
  prose = [
    f"From the highest {first} down. In brackets stands the {100 * interval:g} % "
    "interval, in which the mean rating of many people probably lies; distance 1 is "
    "that of a typical training picture."
  ]
  if points < scored:
    prose.append(
      f"{points} of {scored} pictures, evenly from the highest to the lowest {first}; "
      "the CSV has all."
    )
  if scored > _MOST_SHOWN:
    prose.append(
      f"{_MOST_SHOWN} of them, chosen likewise, are shown; the others are dots."
    )
  return prose


def _thumbnail(
  predictions: Predictions, row: int, named: Named, max_pixels: int
) -> str:
  """A small picture; ImageError where it cannot be shown."""
  path = predictions.paths[row]
  if path is None:
    raise images.ImageError("it is no file that could be read again")
  images.check_named(path, named)
  return thumbnails.thumbnail(images.load(path, max_pixels))


def _name(predictions: Predictions, row: int, named: Named) -> str:
  """A file's place below what the user named, which says nothing of the machine."""
  path = predictions.paths[row]
  if path is None:
    return predictions.names[row]
  for folder in map(pathlib.Path, named):
    if path != folder and path.is_relative_to(folder):
      return str(path.relative_to(folder))
  return path.name


def _point(
  predictions: Predictions,
  row: int,
  axes: Sequence[plane.Axis],
  names: Sequence[str],
  shown: Mapping[int, str],
) -> plane.Point:
  values = [float(predictions.mean[axis.name][row]) for axis in axes]
  ends = [_ends(predictions, axis.name, row) for axis in axes]
  others = [
    _text(predictions, target, row)
    for target in predictions.mean
    if target not in [axis.name for axis in axes]
  ]
  facts = [*others, *_trust(predictions, row)[: 1 + _has_far(predictions)]]
  name = files.utf8(names[row])
  return plane.Point(name, values, ends, facts, shown.get(row, ""))


def _heads(predictions: Predictions, axes: Sequence[plane.Axis]) -> list[str]:
  """Of the cells that `_point` has besides those of the axes."""
  drawn = [axis.name for axis in axes]
  others = [target for target in predictions.mean if target not in drawn]
  return [*others, "distance", *["note"] * _has_far(predictions)]


def _has_far(predictions: Predictions) -> bool:
  """Whether there is something to note of any image."""
  return FAR in predictions.status


def _image(
  predictions: Predictions,
  row: int,
  names: Sequence[str],
  source: str,
) -> page.Image:
  """One picture with its numbers."""
  name = files.utf8(names[row])
  lines = [f"{target} {_text(predictions, target, row)}" for target in predictions.mean]
  distance, note = _trust(predictions, row)
  lines += [f"distance {distance}", *filter(None, [note])]
  return page.Image(source, f"{name}: {', '.join(lines)}", "\n".join([name, *lines]))


def _trust(predictions: Predictions, row: int) -> tuple[str, str]:
  """Distance from the training pictures, and what that means."""
  note = "far: do not trust" if predictions.status[row] == FAR else ""
  return f"{predictions.distance[row]:.1f}", note


def _ends(predictions: Predictions, target: str, row: int) -> list[float]:
  """Of an interval; none where the run has none."""
  ends = [float(of[target][row]) for of in (predictions.low, predictions.high)]
  return [] if np.isnan(ends[0]) else ends


def _text(predictions: Predictions, target: str, row: int) -> str:
  """A prediction and its interval as text."""
  return scale_lib.with_interval(
    predictions.mean[target][row],
    _ends(predictions, target, row),
    predictions.scales[target],
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
  return page.Section(
    "Words of the regions", [prose], [page.Table("Words", rows, is_words=True)]
  )


def _reasons(
  title: str, names: Sequence[str], reasons: Mapping[int, str]
) -> page.Section:
  """Why some rows are not what a reader expects."""
  rows = [["file", "reason"]]
  rows += [[files.utf8(names[row]), reason] for row, reason in reasons.items()]
  return page.Section(title, tables=[page.Table("Files", rows, is_words=True)])
