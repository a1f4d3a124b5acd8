"""Every setting of emojax, its default, its unit and what it means.

Frozen dataclasses: flags take their names, defaults and help from here (options.py),
functions take them as static arguments, and a run folder stores them as JSON. No other
default hides anywhere.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any


def setting(default: Any, meaning: str, choices: Sequence[str] = ()) -> Any:
  """A field of a settings class: its default, what it means, what it may be."""
  return dataclasses.field(
    default=default, metadata={"help": meaning, "choices": tuple(choices)}
  )


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
  """How pictures become features."""

  features: tuple[str, ...] = setting(
    ("color", "gist", "lbp", "object_squeezenet", "semantic_deeplab"),
    "Which features, in column order; these five are 59 + 320 + 59 + 1000 + 150 = "
    "1588 columns, the width of the paper's input.",
  )
  weights_dir: str = setting(
    "",
    "Folder of <network>.safetensors files, as scripts/convert_weights makes them, and "
    "of attributes.safetensors, as python -m emojax.attributes fit does.",
  )
  weights: str = setting(
    "default",
    "Weights of the networks: trained ones from --weights_dir, seeded random ones, or "
    "auto: trained where the file is there, else random. The default is trained, and "
    "auto on the synthetic set. Tables say which were used.",
    choices=("default", "trained", "random", "auto"),
  )
  color_names: str = setting(
    "", "The authors' w2c.mat colour-name table; empty: the built-in table."
  )
  word_norms: str = setting(
    "",
    "For word_emotion: a CSV file of words and their valence, arousal and dominance, "
    "such as Warriner's.",
  )
  word_features: tuple[str, ...] = setting(
    ("object_squeezenet", "semantic_deeplab"),
    "For word_emotion: the features whose class names are looked up.",
  )
  network_precision: str = setting(
    "float32",
    "What networks compute in. bfloat16 is several times as fast on a GPU, no faster "
    "on a CPU, and changes features by 1 to 10 % (root mean square).",
    choices=("float32", "bfloat16"),
  )
  extract_batch: int = setting(
    0, "Pictures per device and step; 0: as many as suit the device and the network."
  )
  workers: int = setting(2, "Threads that read, decode and resize pictures.")
  max_pixels: int = setting(
    100_000_000, "A picture with more pixels than this is refused before decoding."
  )
  cache_dir: str = setting(
    "~/.cache/emojax",
    "Folder that keeps features already computed, and compiled programs; empty: keep "
    "none.",
  )


@dataclasses.dataclass(frozen=True)
class DataConfig:
  """Which rated pictures."""

  dataset: str = setting(
    "va_emotion/synthetic",
    "va_emotion/synthetic: drawn by emojax, to show that it works; va_emotion/oasis: "
    "needs --manual_dir; va_emotion/cgna10766, the paper's: needs --download or "
    "--manual_dir; va_emotion/folder: your own, needs --images_dir and "
    "--ratings_csv.",
  )
  data_dir: str = setting(
    "", "Where prepared datasets live; empty: TFDS's own place, ~/tensorflow_datasets."
  )
  manual_dir: str = setting(
    "",
    "For oasis: the folder with images/ and OASIS_ratings.csv or OASIS.csv; for "
    "cgna10766: the folder with the files of Figshare article 5383105.",
  )
  download: bool = setting(
    False, "For cgna10766: fetch what is not there from Figshare (article 5383105)."
  )
  images_dir: str = setting("", "For folder: the folder of pictures.")
  ratings_csv: str = setting(
    "",
    "For folder: a CSV file with columns image, valence, arousal, and where you have "
    "them valence_std, arousal_std, num_raters, keyword.",
  )
  rating_scale: tuple[float, ...] = setting(
    (1.0, 9.0), "For folder: lowest and highest rating; mapped linearly to 1..9."
  )
  num_synthetic: int = setting(240, "For synthetic: how many pictures are drawn.")
  synthetic_seed: int = setting(0, "For synthetic: chooses the pictures and raters.")
  fold_seed: int = setting(0, "Chooses which of the five folds each picture is in.")
  skip_bad_pictures: bool = setting(
    False,
    "Build without rated pictures that are missing or cannot be read, and record them.",
  )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
  """One training run. The defaults are the preset `paper`: the paper's own settings."""

  target: tuple[str, ...] = setting(
    ("valence", "arousal"), "What is predicted, on the scale 1..9."
  )
  hidden: tuple[int, ...] = setting(
    (3000, 1000, 500), "Units of each hidden layer, from the input on."
  )
  shared_head: bool = setting(
    False, "One network with an output per target instead of one network per target."
  )
  learning_rate: float = setting(1e-4, "SGD step; multiplies the momentum buffer.")
  momentum: float = setting(0.9, "Share of the momentum buffer kept at each step.")
  nesterov: bool = setting(False, "Look-ahead form of momentum.")
  weight_decay: float = setting(
    0.0, "L2 penalty: this times each weight is added to its gradient."
  )
  batch_size: int = setting(
    1000, "Rows a step at most; the rows of a fold are cut into equal batches."
  )
  max_epochs: int = setting(1000, "Passes over the training rows at most.")
  patience: int = setting(
    30, "Epochs without a smaller error before a network stops training."
  )
  stop_on: str = setting(
    "validation",
    "Rows whose error decides when a network stops: a slice of its own training rows, "
    "all its training rows, or, for comparison only, the test fold.",
    choices=("validation", "train", "test"),
  )
  validation_share: float = setting(
    0.1, "Share of each fold's training rows that is kept out for stopping."
  )
  loss_reduction: str = setting(
    "mean",
    "Of the squared errors of a batch. A sum at the paper's step diverges on scaled "
    "inputs.",
    choices=("mean", "sum"),
  )
  train_share: float = setting(
    1.0,
    "Share of each fold's training pictures that is used; a learning curve varies it.",
  )
  scaling: str = setting(
    "zscore",
    "Of the inputs, fitted on a fold's training rows: zscore per column; block: the "
    "same divided by the root of the feature's width; none.",
    choices=("zscore", "block", "none"),
  )
  transform: str = setting(
    "none",
    "Of probabilities and shares, before scaling.",
    choices=("none", "sqrt", "log"),
  )
  dropout: float = setting(0.0, "Share of hidden units silenced at each training step.")
  input_dropout: float = setting(0.0, "Share of inputs silenced at each training step.")
  ensemble: int = setting(
    1, "Networks per fold and target, each from its own seed; predictions are averaged."
  )
  seed: int = setting(
    0, "Of weights, shuffling, dropout and the choice of validation rows."
  )
  precision: str = setting(
    "float32",
    "Of matrix products. On a CPU tf32 is float32.",
    choices=("float32", "tf32", "bfloat16"),
  )
  checkpoint_seconds: float = setting(
    120.0, "Time between checkpoints; a run that was killed goes on from the last one."
  )


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
  """Which feature sets and models an experiment compares."""

  objects: tuple[str, ...] = setting(
    (),
    "Object sources that are compared: networks, such as alexnet,vgg16,resnet50, and "
    "attributes; empty: those three for tables 2 and 3, vgg16 for table 4.",
  )
  low: tuple[str, ...] = setting(
    ("color", "gist", "lbp"), "The low-level features that stand beside them."
  )
  semantic: tuple[str, ...] = setting(
    ("semantic_deeplab",), "The scene features that stand beside them."
  )
  subsets: tuple[str, ...] = setting(
    (),
    "For table 3: further feature sets, such as color+gist,object_vgg16+lbp.",
  )
  shares: tuple[float, ...] = setting(
    (0.1, 0.2, 0.4, 0.7, 1.0),
    "For the learning curve: shares of each fold's training pictures.",
  )
  seeds: int = setting(1, "How often every network is trained, from --seed on.")
  quick: bool = setting(
    False,
    "A tenth of the units and at most 100 epochs: shows that it runs, not how well it "
    "predicts, and says so in every table.",
  )


@dataclasses.dataclass(frozen=True)
class RatingPageConfig:
  """A page on which people rate pictures."""

  most: int = setting(
    200,
    "Pictures a worker rates at most. Where there are more, each worker gets a random "
    "choice, always the same for the same name.",
  )
  title: str = setting("How do these pictures make you feel?", "Heading of the page.")
  instructions: str = setting(
    "",
    "What a worker reads before the start; a blank line begins a new paragraph. Empty: "
    "emojax's own text on the two scales.",
  )
  warning: str = setting(
    "",
    "Content warning before the start. Empty: that pictures may be upsetting and one "
    "can stop at any time; none: no warning.",
  )
  closing: str = setting(
    "",
    "What a worker reads at the end. Empty: to hand in, or to send the file to whoever "
    "asked for it.",
  )
  post_url: str = setting(
    "",
    "Address to which a crowd platform wants its form posted, such as "
    "https://www.mturk.com/mturk/externalSubmit; empty: ratings are only downloaded.",
  )
  post_fields: tuple[str, ...] = setting(
    ("assignmentId", "hitId", "workerId"),
    "Parameters of the page's own address that the form post hands back.",
  )
  worker_parameter: str = setting(
    "workerId",
    "Parameter of the page's address that names the worker; without it the page asks.",
  )
  base_url: str = setting(
    "",
    "Address of the folder of pictures on a server. Pictures are then loaded from "
    "there one by one instead of being part of the page.",
  )
  side_px: int = setting(
    800, "Longest side of a picture in the page; larger ones are made smaller."
  )
  quality: int = setting(85, "JPEG quality of the pictures in the page, 1 to 95.")


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
  """Networks fine-tuned on the pictures themselves, for table 4."""

  finetune: tuple[str, ...] = setting(
    (),
    "Networks whose last layer is replaced by one rating, each with its convolutions "
    "frozen and with everything trained; the paper has alexnet,vgg19.",
  )
  finetune_learning_rate: float = setting(0.5e-4, "SGD step; the paper's is 0.5e-4.")
  finetune_momentum: float = setting(0.9, "Share of the momentum buffer kept.")
  finetune_batch: int = setting(50, "Pictures a step; the paper's is 50.")
  finetune_epochs: int = setting(50, "Passes over the training pictures at most.")
  finetune_patience: int = setting(
    5, "Epochs without a smaller validation error before a network stops."
  )
  finetune_augment: bool = setting(
    False, "Random crops and mirror images while training; the paper has none."
  )


@dataclasses.dataclass(frozen=True)
class AttributeConfig:
  """How category-level attributes are learned, as Yu and others did in 2013."""

  num_attributes: int = setting(
    2000,
    "How many; the paper's are 2000. There can be some times as many as categories.",
  )
  proximity_weight: float = setting(
    0.5,
    "Lambda: how much less categories that look alike should differ, against all "
    "categories differing.",
  )
  neighbors: int = setting(
    10,
    "Categories look alike when each is among this many nearest of the other; doubled "
    "for every further round of as many attributes as categories.",
  )
  overlap_penalty: float = setting(
    0.0,
    "Beta: how much overlap with earlier attributes costs; 0: so much that none comes "
    "twice in a round.",
  )


@dataclasses.dataclass(frozen=True)
class WordsConfig:
  """Which tagged pictures are compared with which words."""

  tags: str = setting(
    "", "CSV file with a row for each picture: its tag, valence and arousal."
  )
  norms: str = setting(
    "",
    "CSV file of word norms on 1..9: Warriner's (Word, V.Mean.Sum, A.Mean.Sum, "
    "D.Mean.Sum), or word, valence, arousal and perhaps dominance.",
  )
  output: str = setting("runs/words", "Folder for the results.")
  tags_column: str = setting(
    "",
    "Column with the tags; empty: tag, keyword, descriptor or theme, the first there.",
  )
  valence_column: str = setting(
    "",
    "Column with the pictures' valence; empty: valence, valence_mean or "
    "lang_valence_mean, the first there.",
  )
  arousal_column: str = setting(
    "",
    "Column with the pictures' arousal; empty: arousal, arousal_mean or "
    "lang_arousal_mean, the first there.",
  )
  rating_scale: tuple[float, ...] = setting(
    (1.0, 9.0), "Lowest and highest rating of the pictures; mapped linearly to 1..9."
  )
  cut_at: int = setting(
    0,
    "If the tags' source cut them off at so many letters (8 in the published IAPS "
    "list): complete such tags where only one word begins so, and guess no noun in "
    "them. 0: it did not.",
  )


@dataclasses.dataclass(frozen=True)
class RaterConfig:
  """How single ratings become a rating per picture.

  The number of raters, the limit per worker and the approval rate are the paper's; it
  flags nobody, so from where on emojax does is emojax's own choice.
  """

  rating_scale: tuple[float, ...] = setting(
    (1.0, 9.0), "Lowest and highest rating; they stay on this scale."
  )
  min_raters: int = setting(
    5, "A picture with fewer raters is dropped; 5 in the paper."
  )
  max_per_worker: int = setting(
    200,
    "Only this many ratings of a worker count, the first ones; 0: all. 200 in the "
    "paper.",
  )
  min_approval: float = setting(
    95.0,
    "Ratings by a worker whose approval rate, in percent, is lower are dropped; those "
    "without one are kept. 95 in the paper.",
  )
  flag_min_ratings: int = setting(
    20, "Ratings from which on a worker is judged; with fewer nobody is flagged."
  )
  straight_line_share: float = setting(
    0.8,
    "A worker is flagged who gave at least this share of the pictures one and the same "
    "pair of ratings.",
  )
  min_agreement: float = setting(
    0.1,
    "A worker is flagged whose ratings correlate less than this with the mean of the "
    "others' (mean of valence and arousal).",
  )
  min_median_seconds: float = setting(
    2.0, "A worker is flagged whose median time per picture is shorter."
  )
  drop_flagged: bool = setting(
    False, "Drop ratings by flagged workers instead of only naming them."
  )
  skip_bad_rows: bool = setting(
    False, "Drop and record rows that cannot be used instead of stopping."
  )
  ignore_columns: tuple[str, ...] = setting(
    (), "Further columns that may stand in the table and are not used."
  )
  splits: int = setting(100, "Random halves of the raters in split-half reliability.")
  seed: int = setting(0, "Of those halves.")


@dataclasses.dataclass(frozen=True)
class CandidateConfig:
  """Which candidate pictures are emotional enough to be rated."""

  votes: int = setting(3, "Votes a picture needs; with fewer it is not kept.")
  min_yes: int = setting(
    0,
    "How many must call a picture emotional; 0: more than half of its votes. The paper "
    'says "more than two" of three, which is 3 by the letter.',
  )
  skip_bad_rows: bool = setting(
    False, "Drop and record rows that cannot be used instead of stopping."
  )
  ignore_columns: tuple[str, ...] = setting(
    (), "Further columns that may stand in the table and are not used."
  )


# What `emojax.experiments` can run: the paper's tables by number, and how scores grow
# with the number of training pictures.
TABLES = ("2", "3", "4", "learning")

# Named settings: (how to train, which features). `best` was chosen by cross-validation
# inside the training folds of OASIS; BUILD_NOTES.md has the search.
PRESETS = {
  "paper": (TrainConfig(), ExtractConfig.features),
  "best": (
    TrainConfig(
      hidden=(128, 64),
      shared_head=True,
      learning_rate=0.03,
      nesterov=True,
      max_epochs=600,
      stop_on="train",  # a fixed number of epochs on all training rows
      scaling="block",
      transform="sqrt",
      dropout=0.3,
      input_dropout=0.5,
      ensemble=10,
    ),
    ("logits_squeezenet", "pool_squeezenet", "pool_deeplab", "spread_deeplab"),
  ),
}
