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


@dataclasses.dataclass(frozen=True)
class TrainConfig:
  """One training run. The defaults are the preset `paper`: the paper's own settings."""

  preset: str = "paper"  # the named settings that the others were changed from
  target: tuple[str, ...] = ("valence", "arousal")  # what is predicted, 1..9
  hidden: tuple[int, ...] = (3000, 1000, 500)  # units of each hidden layer
  shared_head: bool = False  # one network with an output per target, not one each
  learning_rate: float = 1e-4  # SGD step, multiplies the momentum buffer
  momentum: float = 0.9  # share of the momentum buffer kept at each step
  nesterov: bool = False  # look-ahead form of momentum
  weight_decay: float = 0.0  # L2 penalty: added to the gradient times the weight
  batch_size: int = 1000  # rows a step; the whole fold where it has fewer
  max_epochs: int = 1000  # passes over the training rows, at most
  patience: int = 30  # epochs without a smaller error before a network stops
  stop_on: str = "validation"  # whose error stops: "validation", "train" or "test"
  validation_share: float = 0.1  # of each fold's training rows, cut out for stopping
  loss_reduction: str = "mean"  # over the rows of a batch: "mean" or "sum"
  scaling: str = "zscore"  # of the inputs, fitted on training rows: see model.SCALINGS
  transform: str = "none"  # of probabilities, before scaling: see model.TRANSFORMS
  dropout: float = 0.0  # share of hidden units silenced at each training step
  input_dropout: float = 0.0  # share of inputs silenced at each training step
  ensemble: int = 1  # networks per fold and target, from different seeds, averaged
  seed: int = 0  # of weights, shuffling, dropout and the validation slice
  precision: str = "float32"  # of matrix products: "float32", "tf32" or "bfloat16"
  checkpoint_every: int = 50  # epochs between checkpoints, each able to resume
