"""The scale of ratings: as settings say, else 1..9, or the possibilities.

In: settings, or ratings that came without a scale. Out: 1..9 where they leave no doubt,
else an error that names what they may be on and which setting says it.
"""

import math
from collections.abc import Mapping, Sequence

from emojax.config import SCALE, TARGETS
from emojax.utils.scales import Scale, check, text, width
from emojax.utils.tables import TableError

_USUAL: tuple[Scale, ...] = (
  (0, 1),
  (-1, 1),
  (1, 5),
  (0, 4),
  (-2, 2),
  (1, 6),
  (0, 5),
  (1, 7),
  (0, 6),
  (-3, 3),
  SCALE,
  (0, 8),
  (-4, 4),
  (1, 10),
  (0, 10),
  (-5, 5),
  (1, 100),
  (0, 100),
  (-50, 50),
  (-100, 100),
)
_RARE: tuple[Scale, ...] = ((1, 6), (0, 5))  # the next wider one is as likely
_NO_OTHER_ABOVE = 7.0  # ratings up to here may be on 1..7
_DOUBTFUL_UP_TO = 5.0  # up to here on 1..5, although other targets are on 1..9


def flag_of(target: str) -> str:
  """The setting that says the scale of one target."""
  return f"{target}_scale" if target in TARGETS else "further_scale"


def from_settings(settings: object, target: str) -> Scale | None:
  """The scale that settings say a target has; None where they say none.

  Args:
    settings: with `rating_scale`, and what `flag_of` calls the target's own.
    target: which.
  Raises:
    TableError: it is no scale.
  """
  for flag in (flag_of(target), "rating_scale"):
    if scale := getattr(settings, flag):
      return check(scale, flag)
  return None


def infer(ratings: Mapping[str, Sequence[float]]) -> Scale:
  """1..9, if ratings without a scale leave no doubt.

  They do where some lie above 7 and all on 1..9, and no target's stay below 5: on
  another scale they would look otherwise.

  Args:
    ratings: target -> its ratings, at least one.
  Raises:
    TableError: they may be on another scale; names the possibilities.
  """
  ends = {target: (min(values), max(values)) for target, values in ratings.items()}
  is_sure = any(high > _NO_OTHER_ABOVE for _, high in ends.values())
  doubtful = {
    target: (low, high)
    for target, (low, high) in ends.items()
    if low < SCALE[0] or high > SCALE[1] or high <= _DOUBTFUL_UP_TO or not is_sure
  }
  if not doubtful:
    return SCALE
  raise TableError(_doubt(doubtful, len(doubtful) == len(ends)))


def _doubt(ends: Mapping[str, Scale], are_all: bool) -> str:
  """What ratings may be on, and how to say it."""
  possible = {target: _possible(*scale) for target, scale in ends.items()}
  lows, highs = zip(*ends.values(), strict=True)
  common = _possible(min(lows), max(highs))
  # One scale for all, unless that of some target would do for no other.
  is_common = are_all and _width(common) <= max(map(_width, possible.values()))
  ranges = ", ".join(
    f"{target} runs from {low:g} to {high:g}" for target, (low, high) in ends.items()
  )
  if is_common:
    choices = {"rating_scale": common}
  else:
    choices = {flag_of(target): scales for target, scales in possible.items()}
  advice = "; ".join(
    " or ".join(f"--{flag}={text(scale, ',')}" for scale in scales)
    if scales
    else f"--{flag}=LOWEST,HIGHEST"
    for flag, scales in choices.items()
  )
  return f"the ratings do not say what their scale is: {ranges}. Say it with {advice}"


def _width(scales: Sequence[Scale]) -> float:
  """Of the nearest of some scales; none is infinitely far."""
  return width(scales[0]) if scales else math.inf


def _possible(low: float, high: float) -> list[Scale]:
  """The usual scales that ratings fit best, and 1..9 where they fit it."""
  fitting = [end for end in _USUAL if end[0] <= low and high <= end[1]]
  nearest = sorted(fitting, key=width)[:2]
  if SCALE in fitting and SCALE not in nearest:
    kept = 2 if nearest[0] in _RARE else 1
    nearest = [*nearest[:kept], SCALE]
  return nearest
