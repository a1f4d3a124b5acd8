"""Every setting of emojax, its default, its unit and what it means.

Frozen dataclasses: flags read their defaults here, functions take them as static
arguments, and a run folder stores them as JSON. Nothing else holds a default.
"""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
  """How pictures become features."""

  features: tuple[str, ...] = (  # the paper's input: 438 + 1000 + 150 = 1588 columns
    "color",
    "gist",
    "lbp",
    "object_squeezenet",
    "semantic_deeplab",
  )
  weights_dir: str = ""  # folder of <network>.safetensors files; empty: none at hand
  weights: str = "trained"  # "trained", "random" (seeded), or "auto": trained if there
  color_names: str = ""  # the authors' w2c.mat; empty: the built-in table
  batch_size: int = 8  # pictures per device and step
  workers: int = 2  # threads that read, decode and resize pictures
  max_pixels: int = 100_000_000  # a picture with more is refused before decoding
  cache_dir: str = str(pathlib.Path("~/.cache/emojax"))  # features already computed
