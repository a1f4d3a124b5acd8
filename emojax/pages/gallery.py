"""Which pictures a gallery shows and where, and their thumbnails.

In: predictions, ratings, pictures. Out: `Shown` pictures with a caption and a place in
the valence-arousal plane. Choosing is pure; only `thumbnail` looks at pixels.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

_CELLS = 9  # of the plane along each axis: at most one picture each
_ROW = 8  # pictures of a row
_LEAST_SPAN = 2.0  # of a plane's axis, points of the scale
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


def in_plane(valence: np.ndarray, arousal: np.ndarray) -> list[Shown]:
  """Pictures at their predicted place (Figure 10), thinned so that few overlap.

  Args:
    valence, arousal: (N,) predictions.
  """
  best: dict[tuple[int, int], tuple[float, int]] = {}
  places = np.stack([_unit(valence), _unit(arousal)], axis=1)
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


def caption(predicted: Mapping[str, float], rated: Mapping[str, float]) -> str:
  """Predicted / rated and accuracy, a line a target, as under the paper's pictures."""
  parts = []
  for target, value in predicted.items():
    accuracy = 100 * (1 - abs(value - rated[target]) / 8)
    letter = target[0].upper()
    parts.append(f"{letter} {value:.1f}/{rated[target]:.1f} {accuracy:.0f} %")
  return "\n".join(parts)


def sections(
  valence: np.ndarray, arousal: np.ndarray, keywords: Sequence[str], most: int = 4
) -> list[list[str]]:
  """The most used keywords of each of the plane's 4 x 4 sections (Figure 7).

  Args:
    valence, arousal: (N,) ratings.
    keywords: N words, "" where unknown.
    most: words of a section.
  Returns:
    Rows from the highest arousal down, columns from the lowest valence up; "" where a
    section has no picture with a keyword. Counts stand behind words that come twice.
  """
  cuts = (3, 5, 7)
  down, across = np.digitize(arousal, cuts), np.digitize(valence, cuts)
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


def bounds(values: np.ndarray) -> tuple[float, float]:
  """What a plane's axis spans: the predictions, which are narrower than the scale.

  Never less than two points, so that small differences do not look large.
  """
  low, high = float(values.min()), float(values.max())
  middle, half = (low + high) / 2, max(high - low, _LEAST_SPAN) / 2
  return middle - half, middle + half


def axes(valence: np.ndarray, arousal: np.ndarray) -> str:
  """A sentence on what `in_plane` shows."""
  (left, right), (low, high) = bounds(valence), bounds(arousal)
  return (
    f"Valence rises to the right, from {left:.1f} to {right:.1f}, arousal upwards, "
    f"from {low:.1f} to {high:.1f}; where many pictures lie, one stands for them."
  )


def _unit(values: np.ndarray) -> np.ndarray:
  """Places along an axis, from 0 to 1."""
  low, high = bounds(values)
  return (values - low) / (high - low)
