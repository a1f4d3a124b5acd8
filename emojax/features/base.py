"""What a feature is: its size, version, picture view, needs and computation."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import numpy as np

from emojax import images

Compute = Callable[
  [jax.Array], jax.Array
]  # (B, S, S, 3) uint8 RGB -> (B, size) float32
JOIN = "+"  # between the networks that a feature needs
Select = Callable[[dict[str, jax.Array]], jax.Array]
# Other features' (N, size) values by name -> (N, size) float32
Derive = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Feature:
  """One entry of `FEATURES`.

  Attributes:
    size: numbers per picture.
    version: raised whenever the same picture would give other numbers.
    view: the picture it looks at.
    needs: what `make` wants: "" nothing, "color_names" the colour-name table, otherwise
      the name of a backbone whose parameters it wants, or several joined by `JOIN`: its
      `make` then gets name -> parameters.
    make: needs' params (arrays, also traced ones; None for "") -> a pure function from
      (B, S, S, 3) uint8 RGB pictures to (B, size) float32.
    select: of a network's feature, the function that takes it out of the network's
      outputs, so that one run of the network serves all its features; else None.
    kind: "probability" for shares and probabilities, which models like better as square
      roots or logarithms; else "value".
    alike: earlier versions whose numbers differ so little that what was trained with
      them may predict with these; the feature's module says how little.
  """

  size: int
  version: int
  view: images.View
  needs: str
  make: Callable[[Any], Compute]
  select: Select | None = None
  kind: Literal["probability", "value"] = "value"
  alike: frozenset[int] = frozenset()


@dataclasses.dataclass(frozen=True)
class Derived:
  """One entry of `DERIVED`: a feature made of other features' values, not of pictures.

  Which features those are, and how many numbers come out, its source says.

  Attributes:
    version: raised whenever the same values would give other numbers.
    needs: which source it wants, see `params.load_sources`.
    make: its source's params -> a pure function of values, in NumPy: it costs next to
      nothing beside the networks that gave the values.
    kind, alike: as of `Feature`.
  """

  version: int
  needs: str
  make: Callable[[Any], Derive]
  kind: Literal["probability", "value"] = "value"
  alike: frozenset[int] = frozenset()
