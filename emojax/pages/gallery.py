"""Which pictures a gallery shows, and what stands below them.

In: predictions and ratings. Out: rows, captions, keywords of the plane's sections.
Pure.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from emojax.config import SCALE
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

Scales = tuple[Scale, Scale]  # of valence and of arousal
_CELLS = 9  # of the plane along each axis: at most one picture each
_ROW = 8  # pictures of a row
_THIRD = 1 / 3  # of the pictures count as low, and as high


def in_plane(valence: np.ndarray, arousal: np.ndarray) -> list[int]:
  """Pictures that stand for all in the plane, as in Figure 10: rows, rising.

  The plane that they span is cut into cells, and each shows the one nearest to its
  middle.

  Args:
    valence, arousal: (N,) predictions.
  """
  best: dict[tuple[int, int], tuple[float, int]] = {}
  places = np.stack([_share(valence), _share(arousal)], axis=1)
  for row, place in enumerate(places):
    cell = np.minimum((place * _CELLS).astype(int), _CELLS - 1)
    distance = float(np.abs(place * _CELLS - cell - 0.5).max())
    key = (int(cell[0]), int(cell[1]))
    best[key] = min(best.get(key, (np.inf, -1)), (distance, row))
  return sorted(row for _, row in best.values())


def spread(values: np.ndarray, most: int) -> list[int]:
  """At most so many rows, evenly from the highest to the lowest value."""
  order = np.argsort(-values, kind="stable")
  ranks = np.linspace(0, len(order) - 1, min(most, len(order))).round().astype(int)
  return [int(row) for row in order[ranks]]


def along(rising: np.ndarray, other: np.ndarray, high: bool) -> list[int]:
  """Rows of low or high `other`, from the lowest to the highest `rising`.

  As in Figures 11 to 14: pictures of low arousal by valence and so on.

  Args:
    rising, other: (N,) predictions of the two targets.
    high: whether those of the highest third of `other` are wanted, else the lowest.
  """
  bound = np.quantile(other, 1 - _THIRD if high else _THIRD)
  rows = np.flatnonzero(other >= bound if high else other <= bound)
  return [int(row) for row in rows[spread(-rising[rows], 2 * _ROW)]]


def extremes(predicted: np.ndarray, rated: np.ndarray, worst: bool) -> list[int]:
  """Rows whose predictions are nearest to their ratings, or farthest."""
  order = np.argsort(np.abs(predicted - rated), kind="stable")
  return (order[::-1][:_ROW] if worst else order[:_ROW]).tolist()


def caption(
  predicted: Mapping[str, float],
  rated: Mapping[str, float],
  scales: Mapping[str, Scale] | None = None,
) -> str:
  """What was predicted and what people said, a line a target."""
  scales = scales or dict.fromkeys(predicted, SCALE)
  parts = []
  for target, value in predicted.items():
    texts = [scale_lib.shown(v, scales[target]) for v in (value, rated[target])]
    parts.append(f"{target} {texts[0]}, rated {texts[1]}")
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


def _share(values: np.ndarray) -> np.ndarray:
  """Where values lie between their lowest, 0, and their highest, 1."""
  low, high = float(values.min()), float(values.max())
  return (values - low) / ((high - low) or 1.0)
