"""Which pictures a gallery shows and where, and their thumbnails.

In: predictions, ratings, pictures. Out: `Shown` pictures with a caption and a place in
the valence-arousal plane. Choosing is pure; only `thumbnail` looks at pixels.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from emojax.config import SCALE
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

Scales = tuple[Scale, Scale]  # of valence and of arousal
_CELLS = 9  # of the plane along each axis: at most one picture each
_ROW = 8  # pictures of a row
_LEAST_SPAN = 1 / 4  # of a plane's axis, of the scale
_THIRD = 1 / 3  # of the pictures count as low, and as high


@dataclasses.dataclass(frozen=True)
class Shown:
  """A picture of a gallery.

  Attributes:
    row: its number among the run's pictures.
    left, top: its place in percent of the plane; 0 where there is no plane.
  """

  row: int
  left: float = 0.0
  top: float = 0.0


def in_plane(
  valence: np.ndarray, arousal: np.ndarray, scales: Scales = (SCALE, SCALE)
) -> list[Shown]:
  """Pictures at their predicted place (Figure 10), thinned so that few overlap.

  Args:
    valence, arousal: (N,) predictions.
    scales: of valence and of arousal.
  """
  best: dict[tuple[int, int], tuple[float, int]] = {}
  places = np.stack([_unit(valence, scales[0]), _unit(arousal, scales[1])], axis=1)
  for row, place in enumerate(places):
    cell = np.minimum((place * _CELLS).astype(int), _CELLS - 1)
    distance = float(np.abs(place * _CELLS - cell - 0.5).max())
    key = (int(cell[0]), int(cell[1]))
    best[key] = min(best.get(key, (np.inf, -1)), (distance, row))
  rows = sorted(row for _, row in best.values())
  return [
    Shown(row, 100 * float(places[row, 0]), 100 * (1 - float(places[row, 1])))
    for row in rows
  ]


def along(rising: np.ndarray, other: np.ndarray, high: bool) -> list[Shown]:
  """Pictures of low or high `other`, from the lowest to the highest `rising`.

  As in Figures 11 to 14: pictures of low arousal by valence and so on.

  Args:
    rising, other: (N,) predictions of the two targets.
    high: whether those of the highest third of `other` are wanted, else the lowest.
  """
  bound = np.quantile(other, 1 - _THIRD if high else _THIRD)
  rows = np.flatnonzero(other >= bound if high else other <= bound)
  rows = rows[np.argsort(rising[rows], kind="stable")]
  number = min(2 * _ROW, len(rows))
  picked = rows[np.linspace(0, len(rows) - 1, number).round().astype(int)]
  return [Shown(int(row)) for row in dict.fromkeys(picked)]


def extremes(predicted: np.ndarray, rated: np.ndarray, worst: bool) -> list[Shown]:
  """The pictures whose predictions are nearest to their ratings, or farthest."""
  order = np.argsort(np.abs(predicted - rated), kind="stable")
  rows = order[::-1][:_ROW] if worst else order[:_ROW]
  return [Shown(int(row)) for row in rows]


def caption(
  predicted: Mapping[str, float],
  rated: Mapping[str, float],
  scales: Mapping[str, Scale] | None = None,
) -> str:
  """Predicted / rated and accuracy, a line a target, as under the paper's pictures."""
  scales = scales or dict.fromkeys(predicted, SCALE)
  parts = []
  for target, value in predicted.items():
    error = abs(value - rated[target]) / scale_lib.width(scales[target])
    accuracy = 100 * (1 - error)
    letter = target[0].upper()
    both = "/".join(scale_lib.shown(v, scales[target]) for v in (value, rated[target]))
    parts.append(f"{letter} {both} {accuracy:.0f} %")
  return "\n".join(parts)


def sections(
  valence: np.ndarray,
  arousal: np.ndarray,
  keywords: Sequence[str],
  most: int = 4,
  scales: Scales = (SCALE, SCALE),
) -> list[list[str]]:
  """The most used keywords of each of the plane's 4 x 4 sections (Figure 7).

  Args:
    valence, arousal: (N,) ratings.
    keywords: N words, "" where unknown.
    most: words of a section.
    scales: of valence and of arousal.
  Returns:
    Rows from the highest arousal down, columns from the lowest valence up; "" where a
    section has no picture with a keyword. Counts stand behind words that come twice.
  """
  across, down = (
    np.digitize(values, cuts(scale)[1:-1])
    for values, scale in zip((valence, arousal), scales, strict=True)
  )
  table = []
  for row in (3, 2, 1, 0):
    cells = []
    for column in range(4):
      here = np.flatnonzero((down == row) & (across == column))
      words = [keywords[int(i)] for i in here if keywords[int(i)]]
      names, counts = np.unique(words, return_counts=True)
      order = np.argsort(-counts, kind="stable")[:most]
      cells.append(
        ", ".join(
          f"{names[i]} ({counts[i]})" if counts[i] > 1 else str(names[i]) for i in order
        )
      )
    table.append(cells)
  return table


def cuts(scale: Scale) -> list[float]:
  """The five ends of a scale's four sections: 1, 3, 5, 7 and 9."""
  return [float(end) for end in np.linspace(*scale, 5)]


def bounds(values: np.ndarray, scale: Scale = SCALE) -> tuple[float, float]:
  """What a plane's axis spans: the predictions, which are narrower than the scale.

  Never less than a quarter of the scale, so that small differences do not look large.
  """
  low, high = float(values.min()), float(values.max())
  least = _LEAST_SPAN * scale_lib.width(scale)
  middle, half = (low + high) / 2, max(high - low, least) / 2
  return middle - half, middle + half


def axes(
  valence: np.ndarray, arousal: np.ndarray, scales: Scales = (SCALE, SCALE)
) -> str:
  """A sentence on what `in_plane` shows."""
  (left, right), (low, high) = bounds(valence, scales[0]), bounds(arousal, scales[1])
  across = " to ".join(scale_lib.shown(end, scales[0]) for end in (left, right))
  upwards = " to ".join(scale_lib.shown(end, scales[1]) for end in (low, high))
  return (
    f"Valence rises to the right, from {across}, arousal upwards, from {upwards}; "
    "where many pictures lie, one stands for them."
  )


def _unit(values: np.ndarray, scale: Scale) -> np.ndarray:
  """Places along an axis, from 0 to 1."""
  low, high = bounds(values, scale)
  return (values - low) / (high - low)
