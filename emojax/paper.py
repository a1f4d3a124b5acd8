"""What the paper printed, to stand beside what emojax measures.

Source: the paper (`CITATION`), Tables II to IV; mean square errors on its own 10,766
pictures, so only a run on those pictures may be compared number by number.
"""

from typing import NamedTuple


class Errors(NamedTuple):
  """Mean square error of each of the five groups, and the printed average."""

  groups: tuple[float, float, float, float, float]
  average: float


# Keyed by target, then "training" or "test", then object source.
TABLE_2 = {
  "valence": {
    "training": {
      "alexnet": Errors((1.37, 1.37, 1.35, 1.37, 1.38), 1.37),
      "vgg16": Errors((1.31, 1.31, 1.30, 1.30, 1.33), 1.31),
      "resnet": Errors((1.29, 1.30, 1.28, 1.31, 1.30), 1.30),
      "attributes": Errors((1.47, 1.47, 1.46, 1.48, 1.48), 1.47),
    },
    "test": {
      "alexnet": Errors((1.72, 1.68, 1.67, 1.69, 1.61), 1.67),
      "vgg16": Errors((1.68, 1.66, 1.63, 1.63, 1.59), 1.64),
      "resnet": Errors((1.70, 1.66, 1.65, 1.62, 1.60), 1.65),
      "attributes": Errors((1.80, 1.81, 1.73, 1.73, 1.69), 1.75),
    },
  },
  "arousal": {
    "training": {
      "alexnet": Errors((1.22, 1.24, 1.20, 1.21, 1.23), 1.22),
      "vgg16": Errors((1.16, 1.21, 1.17, 1.16, 1.16), 1.17),
      "resnet": Errors((1.18, 1.22, 1.18, 1.18, 1.18), 1.19),
      "attributes": Errors((1.26, 1.30, 1.25, 1.27, 1.29), 1.27),
    },
    "test": {
      "alexnet": Errors((1.50, 1.52, 1.50, 1.48, 1.44), 1.49),
      "vgg16": Errors((1.48, 1.49, 1.46, 1.48, 1.44), 1.47),
      "resnet": Errors((1.49, 1.49, 1.47, 1.47, 1.45), 1.48),
      "attributes": Errors((1.56, 1.53, 1.54, 1.50, 1.48), 1.52),
    },
  },
}

# Test error, average over groups, keyed by target, then by feature group. Each group by
# itself went through a narrower network.
TABLE_3 = {
  "valence": {
    "low": 1.98,
    "alexnet": 1.93,
    "vgg16": 1.92,
    "resnet": 1.98,
    "semantic": 1.97,
    "all": 1.64,
  },
  "arousal": {
    "low": 1.66,
    "alexnet": 1.61,
    "vgg16": 1.62,
    "resnet": 1.68,
    "semantic": 1.64,
    "all": 1.47,
  },
}

# The same, keyed by model. For arousal the printed table has two values of linear
# regression, 2.65 and 2.03; the smaller one is here.
TABLE_4 = {
  "valence": {
    "alexnet-frozen": 2.76,
    "vgg19-frozen": 2.64,
    "alexnet-train": 2.64,
    "vgg19-train": 2.60,
    "linear": 2.42,
    "svr": 1.75,
    "network": 1.64,
  },
  "arousal": {
    "alexnet-frozen": 1.95,
    "vgg19-frozen": 1.91,
    "alexnet-train": 1.89,
    "vgg19-train": 1.87,
    "linear": 2.03,
    "svr": 1.54,
    "network": 1.47,
  },
}

# Hidden layers of the paper's networks, keyed by input width; the first two are for all
# features together, the others for one group alone (Table III).
HIDDEN = {
  1588: (3000, 1000, 500),
  2588: (3000, 1000, 500),  # with attributes in place of objects
  438: (900, 300, 150),
  1000: (2000, 700, 350),
  150: (300, 100, 50),
}

# The 22 words of Section III with how many of the paper's pictures each search gave, by
# the quadrant of the valence-arousal plane in which Russell's circumplex (Journal of
# Personality and Social Psychology 39, 1980) has them.
KEYWORDS = {
  ("high", "high"): {
    "aroused": 4,
    "astonished": 13,
    "excited": 734,
    "delighted": 28,
    "happy": 102,
    "glad": 315,
    "pleased": 42,
  },
  ("low", "high"): {
    "afraid": 113,
    "alarmed": 14,
    "angry": 217,
    "annoyed": 179,
    "distressed": 150,
    "frustrated": 77,
    "tense": 8,
  },
  ("low", "low"): {"depressed": 179, "gloomy": 793, "bored": 312, "tired": 942},
  ("high", "low"): {"at ease": 16, "content": 656, "satisfied": 33, "serene": 1917},
}

# The pictures of the paper, for the sentence on what may be compared.
NUM_IMAGES = 10_766
CITATION = (
  "Kim, Kim, Kim, Lee: Building Emotional Machines: Recognizing Image Emotions through "
  "Deep Neural Networks, IEEE Transactions on Multimedia 20(11), 2018; preprint 2017"
)


def hidden_for(width: int) -> tuple[int, ...]:
  """Hidden layers for an input width: the paper's where it had that width.

  Otherwise twice, two thirds and a third of the width, to the nearest 50, which is what
  the paper's narrower networks come to.
  """
  if width in HIDDEN:
    return HIDDEN[width]
  return tuple(max(50, 50 * round(width * share / 50)) for share in (2, 2 / 3, 1 / 3))


def object_source(features: tuple[str, ...]) -> str | None:
  """Which row of Table II a set of features stands for; None where the paper has none.

  Args:
    features: names as in `FEATURES`.
  Returns:
    A key of the inner dictionaries of `TABLE_2`.
  """
  sources = [name for name in features if name.startswith("object_")]
  if not sources and "attributes" in features:
    return "attributes"
  if len(sources) != 1:
    return None
  network = sources[0].removeprefix("object_")
  if network.startswith("resnet"):
    return "resnet"
  return network if network in ("alexnet", "vgg16") else None
