"""Which of the eleven basic colour names each RGB colour bears.

In: the authors' `w2c.mat`, or nothing. Out: a `ColorNames` table with one label for
each of the 32 x 32 x 32 colours of 5 bits a channel. Without the authors' file emojax
uses a table drawn by its own rule, below; its name travels with the features.

The learned table is van de Weijer, Schmid, Verbeek & Larlus, "Learning Color Names for
Real-World Applications", IEEE Trans. Image Processing 18(7), 2009. It has no licence,
so emojax does not ship it.
"""

import dataclasses
import functools
import hashlib
import os

import numpy as np

NAMES = (  # columns of w2c
  "black",
  "blue",
  "brown",
  "grey",
  "green",
  "orange",
  "pink",
  "purple",
  "red",
  "white",
  "yellow",
)
LEVELS = 32  # of each channel: 5 bits
SIZE = LEVELS**3
BUILT_IN_VERSION = 1  # raise it whenever the rule gives another table


@dataclasses.dataclass(frozen=True, eq=False)
class ColorNames:
  """A colour's name by its place in the table.

  Attributes:
    table: (32768,) int32 positions in `NAMES`, at index floor(R/8) + 32 floor(G/8) +
      1024 floor(B/8) of an 8-bit colour, the row order of w2c.
    digest: sha256 of the table, hex.
    source: "w2c" and the digest's beginning, or "built-in" and the rule's version.
  """

  table: np.ndarray
  digest: str
  source: str


@functools.cache
def built_in() -> ColorNames:
  """The table of emojax's own rule; no part of it is computed from w2c.

  It names 87.9 % of the pixels of 720 OASIS photographs as w2c does. Its coarsest part
  is pale skin, which w2c calls pink and the rule brown.
  """
  level = np.arange(SIZE)
  five_bit = np.stack([level % 32, level // 32 % 32, level // 1024], -1)
  table = _rule(*_lightness_chroma_hue(five_bit * 8 + 4))  # the middle of each cell
  return _names(table, f"built-in {BUILT_IN_VERSION}")


def load(path: str | os.PathLike[str]) -> ColorNames:
  """The most probable name of each colour by the authors' `w2c.mat`.

  Args:
    path: a MATLAB file of version 5 with the variable `w2c`, 32768 x 11 probabilities.
  Raises:
    ValueError: the file cannot be read or does not hold such a table.
  """
  wanted = "expected the w2c.mat of van de Weijer et al. 2009"
  shape = (SIZE, len(NAMES))
  import scipy.io  # here and not at the head: only this table needs it

  try:
    with open(path, "rb") as file:
      # Looked at first: what a few packed bytes unpack to has no other bound.
      variables = {name: size for name, size, _ in scipy.io.whosmat(file)}
      content = {}
      if variables.get("w2c") == shape:
        content = scipy.io.loadmat(file, variable_names=["w2c"])
  except OSError as error:
    raise ValueError(f"{wanted}; {path} cannot be opened: {error.strerror}") from error
  except Exception as error:  # scipy raises many kinds for what is not a MATLAB file
    raise ValueError(f"{wanted}; {path} is not a MATLAB 5 file: {error}") from error
  if "w2c" not in variables:
    raise ValueError(f"{wanted}; {path} has no variable w2c")
  came = content.get("w2c")
  if came is None or came.dtype.kind != "f":
    kind = "" if came is None else f" {came.dtype}"
    raise ValueError(
      f"{wanted}, w2c of shape {shape}, floating-point; {path} has "
      f"{variables['w2c']}{kind}"
    )
  if not np.allclose(came.sum(1), 1, atol=1e-3):
    raise ValueError(f"{wanted}, rows that sum to 1; those of {path} do not")
  table = came.argmax(1).astype(np.int32)
  return _names(table, f"w2c {_digest(table)[:8]}")


def _digest(table: np.ndarray) -> str:
  return hashlib.sha256(table.astype("<i4").tobytes()).hexdigest()


def _names(table: np.ndarray, source: str) -> ColorNames:
  table.flags.writeable = False  # the built-in table is shared by all who ask
  return ColorNames(table=table, digest=_digest(table), source=source)


def _lightness_chroma_hue(
  rgb: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """CIELAB lightness 0..100, chroma, and hue in degrees 0..360 of (N, 3) sRGB 0..255.

  Source: IEC 61966-2-1 (sRGB, D65 white) and CIE 15.
  """
  share = rgb / 255
  linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
  xyz_of_rgb = np.array(
    [
      [0.4124564, 0.3575761, 0.1804375],
      [0.2126729, 0.7151522, 0.0721750],
      [0.0193339, 0.1191920, 0.9503041],
    ]
  )
  ratio = linear @ xyz_of_rgb.T / xyz_of_rgb.sum(1)
  root = np.where(
    ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29
  )
  lightness = 116 * root[:, 1] - 16
  a, b = 500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])
  return lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _rule(lightness: np.ndarray, chroma: np.ndarray, hue: np.ndarray) -> np.ndarray:
  """Names by round boundaries in CIELAB: the first line that fits gives the name.

  Without colour, lightness names black, grey and white. The cool half of the hue circle
  is green, blue and purple by hue alone. In the warm half lightness and chroma decide:
  a red made dark or dull is brown, made light is pink; orange and yellow likewise.
  """
  lines: tuple[tuple[np.ndarray, str], ...] = (
    ((lightness < 10) & (chroma < 20), "black"),
    ((lightness < 33) & (chroma < 10), "black"),
    ((lightness < 78) & (chroma < 10), "grey"),
    (chroma < 10, "white"),
    ((lightness >= 85) & (chroma < 12), "white"),
    # Hue 345..20 degrees: crimson.
    (((hue >= 345) | (hue < 20)) & (lightness >= 45), "pink"),
    (hue >= 345, "purple"),
    (hue < 20, "red"),
    # 20..45: red.
    ((hue >= 35) & (hue < 45) & (lightness >= 65) & (chroma >= 45), "orange"),
    ((hue < 45) & (lightness >= 65), "pink"),
    ((hue < 45) & (chroma >= 30), "red"),
    ((hue < 30) & (lightness >= 45), "pink"),
    (hue < 45, "brown"),
    # 45..75: orange.
    ((hue < 75) & (lightness < 42) & (chroma < 60), "brown"),
    ((hue < 75) & (chroma >= 40), "orange"),
    ((hue < 60) & (lightness >= 80), "pink"),
    (hue < 75, "brown"),
    # 75..110: yellow.
    ((hue < 95) & (chroma >= 35), "yellow"),
    ((hue < 95) & (lightness >= 80) & (chroma >= 15), "yellow"),
    (hue < 95, "brown"),
    ((hue < 110) & (lightness >= 70) & (chroma >= 20), "yellow"),
    ((hue < 110) & (lightness >= 50) & (chroma >= 40), "yellow"),
    ((hue < 102) & (lightness < 60), "brown"),
    # The cool half.
    (hue < 195, "green"),
    (hue < 300, "blue"),
    ((hue < 312) & (lightness < 40) & (chroma >= 60), "blue"),  # the screen's blue
  )
  fits = [line for line, _ in lines]
  labels = [NAMES.index(name) for _, name in lines]
  return np.select(fits, labels, default=NAMES.index("purple")).astype(np.int32)
