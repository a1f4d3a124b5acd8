"""Rating scales: ratings on one as ratings on another, linear in the scales' ends.

In: scales as two numbers, ratings. Out: the same on another scale. Inside emojax
everything is on `config.SCALE`, 1..9; people's tables and what people read need not be.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from emojax.config import SCALE
from emojax.utils.table_files import TableError

Scale = tuple[float, float]  # lowest and highest possible rating
Numbers = TypeVar("Numbers", float, np.ndarray)


def check(scale: Sequence[float], flag: str = "rating_scale") -> Scale:
  """The scale's two ends; TableError unless there are two, the lower one first."""
  if len(scale) != 2 or not scale[0] < scale[1] or not all(map(math.isfinite, scale)):
    raise TableError(
      "expected a rating scale of two numbers, the lowest and the highest rating, such "
      f"as --{flag}=1,9; got {','.join(f'{end:g}' for end in scale) or 'nothing'}"
    )
  return scale[0], scale[1]


def text(scale: Sequence[float], between: str = "..") -> str:
  """A scale in words: 1..9; as a flag has it with a comma between its ends."""
  return between.join(f"{end:g}" for end in scale)


def listed(scales: Mapping[str, Scale]) -> Any:
  """The scale of all targets as a list; where they differ, by target."""
  first, *others = scales.values()
  if all(scale == first for scale in others):
    return list(first)
  return {target: list(scale) for target, scale in scales.items()}


def as_flags(scales: Mapping[str, Scale]) -> str:
  """Valence's and arousal's scales as the command line says them."""
  all_of_them = listed(scales)
  if isinstance(all_of_them, list):
    return f"--rating_scale={text(all_of_them, ',')}"
  return " ".join(f"--{target}_scale={text(of, ',')}" for target, of in scales.items())


def is_inside(scale: Sequence[float]) -> bool:
  """Whether a scale is the one that is used inside emojax, and the paper's: 1..9."""
  return tuple(scale) == SCALE


def width(scale: Sequence[float]) -> float:
  """Points from its lowest to its highest rating."""
  return scale[1] - scale[0]


def shown(rating: float, scale: Sequence[float]) -> str:
  """A rating for people to read: a decimal, on a narrow scale such as 0..1 two."""
  return f"{rating:.{max(1, round(1 - math.log10(width(scale) / width(SCALE))))}f}"


def with_interval(rating: float, ends: Sequence[float], scale: Sequence[float]) -> str:
  """A rating and, where there is one, its interval, for people to read."""
  if not len(ends):
    return shown(rating, scale)
  low, high = (shown(end, scale) for end in ends)
  return f"{shown(rating, scale)} ({low} to {high})"


def mapped(
  rating: Numbers, scale: Sequence[float], to: Sequence[float] = SCALE
) -> Numbers:
  """Ratings on one scale as ones on another; the same numbers where it is the same."""
  if tuple(scale) == tuple(to):
    return rating
  return to[0] + (rating - scale[0]) * stretch(scale, to)


def stretch(scale: Sequence[float], to: Sequence[float] = SCALE) -> float:
  """Points of the other scale that a point of the one is: the factor of spreads."""
  return width(to) / width(scale)
