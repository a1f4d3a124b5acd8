"""Pictures drawn from a seed, with ratings by a stated formula and simulated raters.

In: how many, and a seed. Out: a `Collection` whose pictures are drawn when asked for.
It shows that the whole machine works, with nothing to download, and says nothing about
people.

Five properties of a scene, each drawn evenly from 0..1 and written here as u = 2p - 1,
decide what it looks like and how it is rated:

  valence = 5 + 0.9 brightness + 0.5 saturation + 0.5 warmth - 0.6 roughness
              + 2.2 brightness * warmth - 1.2 saturation * roughness
  arousal = 5 - 0.4 brightness + 0.9 saturation + 0.6 clutter + 0.7 roughness
              + 2.2 saturation * roughness - 1.2 brightness * roughness

cut to 1..9. The products are what no weighted sum of the properties can follow, as with
people's ratings: a warm scene is liked bright and a cold one dim (sunshine and
moonlight, not rust and glare); vivid colours please where the surface is smooth; what
is rough excites where it is vivid or dark, and is dull where it is pale. Either
target's ratings have a variance of 1.25; the best weighted sum of the properties leaves
0.73 of it.

Each of 15 to 40 raters then gives the whole number on 1..9 nearest to that value plus
normal noise of standard deviation 1.5; a picture's rating is their mean, and its spread
their standard deviation. Knowing the formula, one is wrong by that mean's noise alone:
an MSE of (1.5^2 + 1/12) / 25.3 = 0.092, 25.3 being the harmonic mean of 15 to 40, and
r = 0.964.
"""

import colorsys
import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from emojax.config import SCALE, TARGETS
from emojax.datasets.va_emotion import collection, ratings

NAME = "synthetic"
VERSION = 2  # raise it whenever a picture or a rating could come out differently
DISCLAIMER = (
  "Synthetic pictures and simulated raters: these numbers show that the program works "
  "and say nothing about people."
)
RATER_NOISE = 1.5  # standard deviation of one rater, in points of the 1..9 scale
RATERS = (15, 40)  # fewest and most raters of a picture
# Weights of properties and of products of two.
_VALENCE = {
  ("brightness",): 0.9,
  ("saturation",): 0.5,
  ("warmth",): 0.5,
  ("roughness",): -0.6,
  ("brightness", "warmth"): 2.2,
  ("saturation", "roughness"): -1.2,
}
_AROUSAL = {
  ("brightness",): -0.4,
  ("saturation",): 0.9,
  ("clutter",): 0.6,
  ("roughness",): 0.7,
  ("saturation", "roughness"): 2.2,
  ("brightness", "roughness"): -1.2,
}
_MOST_SHAPES = 24  # at clutter 1
_OUTLINE = 0.02  # width of a shape's black outline, as a share of the picture's sides
_MOST_NOISE = 45.0  # grey levels of pixel noise at roughness 1


@dataclasses.dataclass(frozen=True)
class Scene:
  """What a picture shows; every property is 0..1.

  Attributes:
    kind: one of `KINDS`, the picture's keyword.
    brightness, saturation: of its palette.
    warmth: 0 blue to 1 orange.
    clutter: how many shapes lie on it.
    roughness: how strong its pixel noise is.
  """

  kind: str
  brightness: float
  saturation: float
  warmth: float
  clutter: float
  roughness: float


class Drawings(Sequence):
  """Synthetic pictures, (H, W, 3) uint8 RGB, each drawn when it is asked for."""

  def __init__(self, seed: int, scenes: Sequence[Scene]):
    self._seed = seed
    self._scenes = scenes

  def __len__(self) -> int:
    return len(self._scenes)

  def __getitem__(self, index):
    return draw(self._scenes[index], _generator(self._seed, index, "picture"))


def load(num_pictures: int, seed: int) -> collection.Collection:
  """Synthetic rated pictures.

  Args:
    num_pictures: N.
    seed: chooses scenes, pixels and raters. The first pictures of a larger set are
      those of a smaller one.
  Returns:
    A `Collection` of N pictures.
  Raises:
    RatingsError: fewer than one picture.
  """
  if num_pictures < 1:
    raise ratings.RatingsError(
      f"expected --num_synthetic of at least 1, got {num_pictures}"
    )
  scenes = [scene(seed, index) for index in range(num_pictures)]
  rated = [_rate(seed, index, of) for index, of in enumerate(scenes)]
  return collection.Collection(
    name=NAME,
    scales=dict.fromkeys(TARGETS, SCALE),
    rated=rated,
    images=Drawings(seed, scenes),
    contents=[f"drawn {VERSION} {seed} {index}" for index in range(num_pictures)],
    settings={
      "rating_scale": list(SCALE),
      "seed": seed,
      "number": num_pictures,
    },
    disclaimer=DISCLAIMER,
  )


def scene(seed: int, index: int) -> Scene:
  """The scene of one picture."""
  generator = _generator(seed, index, "scene")
  kind = list(KINDS)[int(generator.integers(len(KINDS)))]
  return Scene(kind, *(float(value) for value in generator.random(5)))


def formula(of: Scene) -> tuple[float, float]:
  """Valence and arousal that the scene stands for, 1..9; see the module."""

  def rating(weights: dict[tuple[str, ...], float]) -> float:
    total = sum(
      weight * math.prod(2 * getattr(of, name) - 1 for name in names)
      for names, weight in weights.items()
    )
    return float(np.clip(5 + total, *SCALE))

  return rating(_VALENCE), rating(_AROUSAL)


def draw(of: Scene, generator: np.random.Generator) -> np.ndarray:
  """The scene as a picture.

  Args:
    of: what to show.
    generator: decides everything the scene leaves open.
  Returns:
    (H, W, 3) uint8 RGB; sides of 160 to 320 pixels.
  """
  height, width = (int(side) for side in generator.integers(160, 321, 2))
  y, x = np.mgrid[0:height, 0:width].astype(np.float32)
  y, x = y / height, x / width
  palette = _palette(of, generator)
  canvas = KINDS[of.kind](y, x, palette, generator)
  for _ in range(round(of.clutter * _MOST_SHAPES)):
    depth = _shape(y, x, generator)
    canvas[depth > 0] = palette[int(generator.integers(len(palette)))]
    canvas[(depth > 0) & (depth < _OUTLINE)] = 0
  noise = generator.standard_normal((height, width, 1), np.float32)
  canvas += noise * np.float32(of.roughness * _MOST_NOISE)
  return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _rate(seed: int, index: int, of: Scene) -> ratings.Rated:
  """What simulated raters say of a scene."""
  generator = _generator(seed, index, "raters")
  number = int(generator.integers(RATERS[0], RATERS[1] + 1))
  answers = np.array(formula(of)) + RATER_NOISE * generator.standard_normal((number, 2))
  answers = np.clip(np.rint(answers), *SCALE)
  means, stds = answers.mean(0), answers.std(0, ddof=1)
  return ratings.Rated(
    image_id=f"synthetic_{index:05d}",
    ratings={
      target: ratings.Rating(float(mean), float(std), number)
      for target, mean, std in zip(TARGETS, means, stds, strict=True)
    },
    keyword=of.kind,
  )


def _palette(of: Scene, generator: np.random.Generator) -> np.ndarray:
  """(5, 3) float32 colours, 0..255, around the scene's hue, saturation and value."""
  warm, cold = 0.08, 0.61  # orange and blue
  colors = []
  for _ in range(5):
    hue = cold + (warm - cold) * of.warmth + generator.normal(0, 0.035)
    saturation = np.clip(of.saturation + generator.normal(0, 0.08), 0, 1)
    value = np.clip(0.12 + 0.83 * of.brightness + generator.normal(0, 0.12), 0, 1)
    colors.append(colorsys.hsv_to_rgb(hue % 1, saturation, value))
  return np.array(colors, np.float32) * 255


def _blend(share: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """(H, W, 3): first where share is 0, second where it is 1."""
  return first + share[..., None] * (second - first)


def _sky(y, x, palette, generator) -> np.ndarray:
  """A sky that changes downwards, a sun, and hills."""
  canvas = _blend(y, palette[0], palette[1])
  sun_y, sun_x, radius = generator.uniform([0.1, 0.1, 0.04], [0.5, 0.9, 0.12])
  canvas[(y - sun_y) ** 2 + (x - sun_x) ** 2 < radius**2] = palette[2]
  waves, phase = generator.uniform([4, 0], [14, 6])
  hills = 0.72 + 0.06 * np.sin(waves * x + phase) + 0.03 * np.sin(3.7 * waves * x)
  canvas[y > hills] = palette[3]
  return canvas


def _glow(y, x, palette, generator) -> np.ndarray:
  """Light around a centre."""
  centre_y, centre_x = generator.uniform(0.25, 0.75, 2)
  distance = np.hypot(y - centre_y, x - centre_x)
  return _blend(np.clip(1.4 * distance, 0, 1), palette[0], palette[1])


def _stripes(y, x, palette, generator) -> np.ndarray:
  """Soft stripes in one direction."""
  angle, waves = generator.uniform([0, 15], [np.pi, 90])
  wave = np.sin(waves * (np.cos(angle) * x + np.sin(angle) * y))
  return _blend((0.5 + 0.5 * wave).astype(np.float32), palette[0], palette[1])


def _clouds(y, x, palette, generator) -> np.ndarray:
  """Blots of no particular shape."""
  total = np.zeros_like(y)
  for _ in range(6):
    along_y, along_x, phase = generator.uniform([-14, -14, 0], [14, 14, 6])
    total += np.sin(along_y * y + along_x * x + phase).astype(np.float32)
  return _blend(1 / (1 + np.exp(-2 * total)), palette[0], palette[1])


def _tiles(y, x, palette, generator) -> np.ndarray:
  """A chequered floor."""
  rows, columns = generator.integers(3, 14, 2)
  odd = (np.floor(y * rows) + np.floor(x * columns)) % 2
  return _blend(odd, palette[0], palette[1])


KINDS: dict[str, Callable[..., np.ndarray]] = {
  "sky": _sky,
  "glow": _glow,
  "stripes": _stripes,
  "clouds": _clouds,
  "tiles": _tiles,
}


def _shape(y: np.ndarray, x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """How far inside a disc, a box or a triangle: (H, W), below 0 outside.

  In shares of the picture's sides.
  """
  which = int(generator.integers(3))
  centre_y, centre_x = generator.random(2)
  size, tall = generator.uniform([0.03, 0.5], [0.12, 2.0])
  down, right = (y - centre_y) / tall, x - centre_x
  if which == 0:
    return size - np.hypot(down, right)
  if which == 1:
    return size - np.maximum(np.abs(down), np.abs(right))
  return size - np.maximum(down, 2 * np.abs(right) - down)


def _generator(seed: int, index: int, use: str) -> np.random.Generator:
  """A generator of its own for each picture and use, the same on every platform."""
  stream = ("scene", "picture", "raters").index(use)
  return np.random.Generator(np.random.PCG64([seed, index, stream]))
