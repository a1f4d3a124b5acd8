"""The pictures of a run as sections of a page: in their plane, side by side.

In: predictions, and how pictures are found. Out: sections, and what they lack.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from emojax import images as images_lib
from emojax.config import TARGETS
from emojax.evaluation import results
from emojax.images.thumbnails import thumbnail
from emojax.pages import gallery, page, plane
from emojax.utils import files
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

# A picture by its id; ImageError where it is not there or not to be shown.
FindImage = Callable[[str], np.ndarray]

_MOST_POINTS = 2000  # of the plane and its table
_GALLERIES = {
  "Low arousal, by valence": ("valence", "arousal", False),
  "High arousal, by valence": ("valence", "arousal", True),
  "Low valence, by arousal": ("arousal", "valence", False),
  "High valence, by arousal": ("arousal", "valence", True),
}


def has_plane(read: results.Predictions) -> bool:
  """Whether there is a valence-arousal plane to show pictures in."""
  return all(target in read.predicted for target in TARGETS)


class _Shown(NamedTuple):
  """Pictures that are shown together.

  Attributes:
    title: of their section.
    prose: before them.
    rows: which of the run's pictures.
    is_plane: whether they are the ones that stand for all in the plane.
  """

  title: str
  prose: list[str]
  rows: list[int]
  is_plane: bool = False


def of_predictions(
  read: results.Predictions, scales: Mapping[str, Scale], find: FindImage, csv: str
) -> tuple[list[page.Section], list[str]]:
  """The paper's Figures 10 to 14, best and worst predictions; and what they lack.

  Args:
    read: the run's predictions.
    scales: target -> its scale.
    find: a picture by its id.
    csv: text of `predictions.csv`.
  """
  sources: dict[int, str] = {}
  hidden: dict[int, str] = {}
  chosen = _chosen(read)
  rows = dict.fromkeys(row for shown in chosen for row in shown.rows)
  for row in rows:
    name = read.image_ids[row]
    try:
      sources[row] = thumbnail(find(name))
    except images_lib.ImageError as error:
      hidden[row] = f"{name}: {error}"
  sections = []
  for shown in chosen:
    listed = [row for row in shown.rows if row in sources]
    if shown.is_plane:
      drawn = _plane(read, scales, {row: sources[row] for row in listed}, csv)
      prose = [*shown.prose, *_few(len(drawn.points), len(read.image_ids))]
      sections.append(page.Section(shown.title, prose, plane=drawn))
    elif listed:
      images = [_image(read, scales, row, sources[row]) for row in listed]
      sections.append(page.Section(shown.title, shown.prose, gallery=images))
  return sections, list(hidden.values())


def _chosen(read: results.Predictions) -> list[_Shown]:
  """Which pictures a page shows."""
  chosen = []
  if has_plane(read):
    valence, arousal = (read.predicted[target] for target in TARGETS)
    prose = [
      "Each picture at its predicted valence and arousal, by the models that did not "
      "see it; in brackets the interval in which its mean rating should lie."
    ]
    rows = gallery.in_plane(valence, arousal)
    chosen.append(_Shown("Pictures where they are predicted", prose, rows, True))
    for title, (rising, other, high) in _GALLERIES.items():
      rows = gallery.along(read.predicted[rising], read.predicted[other], high)
      prose = [f"From the lowest predicted {rising} to the highest."]
      chosen.append(_Shown(title, prose, rows))
  for target, predicted in read.predicted.items():
    for title, worst in (("Best", False), ("Worst", True)):
      rows = gallery.extremes(predicted, read.rated[target], worst)
      prose = [
        f"The smallest errors of {target}, from the smallest up: the reverse of the "
        "worst, and no measure of the whole."
        if not worst
        else f"The largest errors of {target}, from the largest down."
      ]
      chosen.append(_Shown(f"{title} predictions of {target}", prose, rows))
  return chosen


def _few(points: int, images: int) -> list[str]:
  if points == images:
    return []
  return [f"{points} of {images} pictures, those shown among them; the CSV has all."]


def _image(
  read: results.Predictions, scales: Mapping[str, Scale], row: int, source: str
) -> page.Image:
  """A picture of a gallery: its file's name and its numbers."""
  text = gallery.caption(
    {t: float(values[row]) for t, values in read.predicted.items()},
    {t: float(values[row]) for t, values in read.rated.items()},
    scales,
  )
  name = files.utf8(read.image_ids[row])
  alt = f"{name}: predicted {', '.join(text.splitlines())}"
  return page.Image(source, alt, f"{name}\n{text}")


def _plane(
  read: results.Predictions,
  scales: Mapping[str, Scale],
  sources: Mapping[int, str],
  csv: str,
) -> plane.Plane:
  """The run's pictures where they are predicted, with what people said."""
  across, up = (plane.Axis(target, scales[target]) for target in TARGETS)
  spread = gallery.spread(read.predicted[across.name], _MOST_POINTS)
  rows = list(dict.fromkeys([*spread, *sources]))
  rows.sort(key=lambda row: -read.predicted[across.name][row])
  points = []
  for row in rows:
    ends = [of[row] for of in (read.ends[across.name], read.ends[up.name])]
    rated = [
      scale_lib.shown(read.rated[axis.name][row], axis.scale) for axis in (across, up)
    ]
    points.append(
      plane.Point(
        files.utf8(read.image_ids[row]),
        [float(read.predicted[axis.name][row]) for axis in (across, up)],
        [[] if np.isnan(pair).any() else pair.tolist() for pair in ends],
        rated,
        sources.get(row, ""),
      )
    )
  heads = [f"rated {axis.name}" for axis in (across, up)]
  return plane.Plane(across, up, points, heads, csv=csv)
