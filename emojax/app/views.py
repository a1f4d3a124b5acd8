"""What the app shows of predictions: documents made of `emojax.pages`, in frames.

In: predictions, names and an occlusion. Out: HTML. A document in a frame is a page as
`predict --gallery` writes it, without a heading and with its pictures uncovered; it can
load nothing from elsewhere.
"""

import html
import math
import pathlib

import numpy as np

from emojax import images
from emojax.app.ratings import Rated
from emojax.images import thumbnails
from emojax.pages import figures, page
from emojax.predict import page as predict_page
from emojax.predict.occlusion import Occlusion
from emojax.predict.predictions import FAR, Predictions
from emojax.utils import files
from emojax.utils import scales as scale_lib

_SIDE_PX, _QUALITY = 480, 85  # of two pictures that are compared
# Of a scale, where colours end at the least: smaller falls look as small as they are.
_LEAST_SHARE = 1 / 40


def framed(document: str, title: str) -> str:
  """A document as part of another, which it cannot touch."""
  return (
    f'<iframe class="emojax-page" title="{html.escape(title)}" '
    f'sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(document)}">'
    "</iframe>"
  )


def told(text: str, is_error: bool = False) -> str:
  """One line for people, read aloud where a screen is read."""
  kind = "alert" if is_error else "status"
  line = html.escape(files.utf8(" ".join(text.split())))
  return f'<p class="emojax-{kind}" role="{kind}">{line}</p>'


def summary(rated: Rated) -> str:
  """How many pictures there are, what became of them, and what rated them."""
  predictions = rated.predictions
  number, scored = len(predictions), int(predictions.is_scored.sum())
  run = rated.run or "the predictor that comes with emojax"
  parts = [f"{number} picture{'s' * (number != 1)}: {scored} rated by {run}"]
  if far := predictions.status.count(FAR):
    parts.append(f"{far} of them unlike the training pictures: do not trust those")
  if scored < number:
    parts.append(f"{number - scored} not rated: the end of the page says why")
  return "; ".join(parts)


def overview(rated: Rated, folder: pathlib.Path, max_pixels: int) -> str:
  """The plane, the table, and what was not rated; see `predict.page.sections`.

  Args:
    rated: files below `folder`.
    folder: the only one whose pictures are shown.
    max_pixels: as for the predictions.
  """
  sections = _sections(rated, folder, max_pixels)
  return page.render("Plane and table", rated.notes, sections, is_part=True)


def comparison(rated: Rated, folder: pathlib.Path, max_pixels: int) -> str:
  """Two pictures side by side, how far they differ, and both in the plane.

  Args:
    rated: the two.
    folder, max_pixels: see `overview`.
  """
  predictions, sides = rated.predictions, []
  for path, name in zip(predictions.paths, predictions.names, strict=True):
    rgb = images.load(path or "", max_pixels)
    text = files.utf8(name)
    sides.append(page.Image(thumbnails.jpeg(rgb, _SIDE_PX, _QUALITY)[0], text, text))
  differences = [_differences(predictions)]
  both = page.Section(
    "Side by side", _MARGIN, differences, gallery=sides, is_pairs=True
  )
  sections = [both, *_sections(rated, folder, max_pixels)]
  return page.render("Comparison", [], sections, is_part=True)


def _sections(
  rated: Rated, folder: pathlib.Path, max_pixels: int
) -> list[page.Section]:
  rows = rated.predictions
  return predict_page.sections(rows, [folder], rows.names, max_pixels)[0]


_MARGIN = (
  "The margin is what both intervals allow together, were their errors independent: "
  "the root of the sum of their squared halves. Where it is wider than the difference, "
  "people may well order the two the other way round.",
)


def _differences(predictions: Predictions) -> page.Table:
  """Both predictions of each target, their difference and its margin."""
  rows = [["", "first", "second", "difference", "margin", "order"]]
  for target, values in predictions.mean.items():
    first, second = map(float, values)
    low, high = predictions.low[target], predictions.high[target]
    margin = math.hypot(*((high - low) / 2).tolist())
    difference = second - first
    cells = [scale_lib.with_interval(v, [], predictions.scales[target]) for v in values]
    if not math.isfinite(difference):
      verdict = "one was not rated"
    elif not math.isfinite(margin):
      verdict = "the run has no intervals"
    else:
      verdict = "likely" if abs(difference) > margin else "open"
    numbers = [_signed(difference), f"± {margin:.2f}" if math.isfinite(margin) else ""]
    rows.append([target, *cells, *numbers, verdict])
  return page.Table("How far the two differ", rows)


def drivers(occlusion: Occlusion, rated: Rated) -> str:
  """Heat maps of a picture, one for each target.

  Args:
    occlusion: of the picture.
    rated: it alone.
  """
  predictions, name = rated.predictions, files.utf8(rated.predictions.names[0])
  drawn = []
  for target, fall in occlusion.fall.items():
    largest = float(np.nanmax(np.abs(fall), initial=0.0))
    limit = max(largest, _LEAST_SHARE * scale_lib.width(predictions.scales[target]))
    label = f"fall of {target} where covered, in points"
    figure = figures.heat(occlusion.image, fall, limit, label)
    low, high = predictions.low[target][0], predictions.high[target][0]
    text = (
      f"{target.capitalize()} {occlusion.whole[target]:.2f}: it changes by at most "
      f"{largest:.2f} points where a patch is covered"
    )
    if math.isfinite(high - low):
      text += f"; its interval is {high - low:.2f} points wide"
    drawn.append(page.drawn(figure, f"{name}: {_where(fall)}", text))
  photo = thumbnails.jpeg(occlusion.image, _SIDE_PX, _QUALITY)[0]
  picture = page.Image(photo, name, name)
  section = page.Section(
    "Parts that the prediction depends on", _MEANING, figures=drawn, gallery=[picture]
  )
  return page.render("Parts", [], [section], is_part=True)


_MEANING = (
  "A grey patch, a quarter of each side long, was laid over the picture at 7 by 7 "
  "places, and what was left was rated again. Orange: the prediction falls when this "
  "part is covered, so the part raises it. Violet: it rises, so the part lowers it.",
  "It shows what these networks use, not what people look at or why they feel "
  "something. A grey patch is itself something to see; parts that matter only together "
  "do not show; and changes far smaller than the interval may be chance. Each map has "
  "its own scale of colours.",
)


def _where(fall: np.ndarray) -> str:
  """Where covering a picture changes most, in words."""
  if not np.isfinite(fall).any():
    return "no part could be covered and rated"
  row, column = np.unravel_index(np.nanargmax(np.abs(fall)), fall.shape)
  rows, columns = ("top", "middle", "bottom"), ("left", "centre", "right")
  height, width = fall.shape
  place = f"{rows[3 * int(row) // height]} {columns[3 * int(column) // width]}"
  change = _signed(-float(fall[row, column]))
  return f"the prediction changes most, by {change}, with its {place} covered"


def _signed(value: float) -> str:
  return f"{value:+.2f}" if math.isfinite(value) else ""
