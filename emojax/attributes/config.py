"""Settings of `python -m emojax.attributes`."""

import dataclasses

from emojax.config import setting


@dataclasses.dataclass(frozen=True)
class AttributeConfig:
  """How category-level attributes are learned, as Yu and others did in 2013."""

  num_attributes: int = setting(
    2000,
    "How many; the paper's are 2000. There can be some times as many as categories.",
    least=1,
  )
  proximity_weight: float = setting(
    0.5,
    "Lambda: how much less categories that look alike should differ, against all "
    "categories differing.",
    least=0,
  )
  neighbors: int = setting(
    10,
    "Categories look alike when each is among this many nearest of the other; doubled "
    "for every further round of as many attributes as categories.",
    least=1,
  )
  overlap_penalty: float = setting(
    0.0,
    "Beta: how much overlap with earlier attributes costs; 0: so much that none comes "
    "twice in a round.",
    least=0,
  )
