"""Pictures in the plane of two ratings: one component of galleries, reports and apps.

In: points with values, intervals and pictures. Out: what `plane.html` draws: a dot for
each picture on two named axes, and a table of the same. That is the whole of it where
scripts are off; `plane.js` adds thumbnails where there is room, a preview with its
intervals, zoom and the keyboard, and `page.js` lets the table be sorted and searched.
"""

import base64
import dataclasses
from collections.abc import Mapping, Sequence

from matplotlib import ticker

from emojax import paper
from emojax.config import TARGETS
from emojax.utils import files
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

# From which number of pictures on their dots have a smaller radius, in pixels.
_RADII = ((400, 3), (60, 4), (0, 6))
_MOST_TICKS = 9
_ENDS = {"valence": "unpleasant to pleasant", "arousal": "calm to exciting"}


@dataclasses.dataclass(frozen=True)
class Axis:
  """One of the plane's two axes.

  Attributes:
    name: the target.
    scale: lowest and highest rating.
  """

  name: str
  scale: Scale

  @property
  def title(self) -> str:
    """The target, and what its ends mean where that is known."""
    ends = _ENDS.get(self.name)
    return f"{self.name} ({ends})" if ends else self.name

  @property
  def ticks(self) -> list[tuple[str, float]]:
    """Text and place of each tick, in percent of the axis."""
    locator = ticker.MaxNLocator(_MOST_TICKS - 1, steps=[1, 2, 5, 10])
    low, high = self.scale
    values = [v for v in locator.tick_values(low, high) if low <= v <= high]
    return [(f"{value:g}", self.percent(value)) for value in values]

  def percent(self, value: float) -> float:
    """Where a rating stands; one outside of the scale at its end."""
    share = (value - self.scale[0]) / scale_lib.width(self.scale)
    return round(100 * min(max(share, 0.0), 1.0), 2)


@dataclasses.dataclass(frozen=True)
class Point:
  """A picture of a plane.

  Attributes:
    name: of its file.
    place: its two ratings, across and up.
    ends: of the intervals around them, a pair each; empty where there is none.
    facts: cells of the table's further columns.
    source: a small picture as a data address; empty where it is not shown.
  """

  name: str
  place: Sequence[float]
  ends: Sequence[Sequence[float]] = ((), ())
  facts: Sequence[str] = ()
  source: str = ""


@dataclasses.dataclass(frozen=True)
class Plane:
  """Everything of a plane.

  Attributes:
    across, up: its axes.
    points: in the order of the table.
    heads: names of the table's further columns.
    interval: what the intervals are called, such as "90 % interval".
    csv: text of the table that readers can keep; empty: there is none.
    csv_name: of its file.
  """

  across: Axis
  up: Axis
  points: Sequence[Point]
  heads: Sequence[str] = ()
  interval: str = "interval"
  csv: str = ""
  csv_name: str = "predictions.csv"

  @property
  def words(self) -> list[list[str]]:
    """The paper's search words of the upper left, upper right and lower quadrants.

    They part in the middle of the scales; none where the axes are not the paper's.
    """
    if (self.across.name, self.up.name) != TARGETS:
      return []
    places = [(v, a) for a in ("high", "low") for v in ("low", "high")]
    return [list(paper.KEYWORDS[place]) for place in places]

  @property
  def radius(self) -> int:
    """Of a dot, in pixels."""
    return next(radius for least, radius in _RADII if len(self.points) >= least)

  @property
  def has_pictures(self) -> bool:
    return any(point.source for point in self.points)

  @property
  def csv_address(self) -> str:
    """The CSV as a data address, so that the page needs no file beside it."""
    text = files.utf8(self.csv).encode()
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(text).decode()

  def cells(self, point: Point) -> list[str]:
    """A row of the table, without picture and name."""
    scales = (self.across.scale, self.up.scale)
    values = zip(point.place, point.ends, scales, strict=True)
    return [*(scale_lib.with_interval(*value) for value in values), *point.facts]

  def described(self, point: Point) -> str:
    """A picture in one line."""
    heads = (self.across.name, self.up.name, *self.heads)
    cells = zip(heads, self.cells(point), strict=True)
    parts = [f"{head} {cell}" for head, cell in cells if cell]
    return f"{point.name}: {', '.join(parts)}"


def of_targets(
  targets: Sequence[str], scales: Mapping[str, Scale]
) -> tuple[Axis, Axis] | None:
  """The axes of a plane of some targets: valence and arousal, or None without both."""
  if not all(target in targets for target in TARGETS):
    return None
  across, up = (Axis(target, scales[target]) for target in TARGETS)
  return across, up
