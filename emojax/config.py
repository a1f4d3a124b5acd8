"""Every setting of emojax, its default, its unit and what it means.

Frozen dataclasses: flags take their names, defaults and help from here (options.py),
functions take them as static arguments, and a run folder stores them as JSON. No other
default hides anywhere.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

TARGETS = ("valence", "arousal")  # the columns of a ratings table, in order
SCALE = (1.0, 9.0)  # lowest and highest rating; other scales are mapped to it
SCALE_MIDDLE = sum(SCALE) / 2  # above is high
# 59 + 320 + 59 + 1000 + 150 = 1588 columns, the width of the paper's input.
PAPER_FEATURES = ("color", "gist", "lbp", "object_squeezenet", "semantic_deeplab")
# Three layers of the network that is installed with emojax; 1840 columns.
BEST_FEATURES = (
  "pool_efficientnet_lite2_proportional",
  "stage6_efficientnet_lite2_proportional",
  "stage5_efficientnet_lite2_proportional",
)


# What help says of texts that name pictures; `extract.inputs` reads them.
IMAGES_MEANING = (
  "a file, a folder with its subfolders, a pattern such as 'scans/*.tif', a tar file "
  "(.tar), an address (https://, s3://, gs:// ...; of a file, a folder, a pattern or a "
  "tar file), @LIST for a text file with a file, tar file or address a line, or - for "
  "such a list on standard input"
)


def setting(
  default: Any,
  meaning: str,
  choices: Sequence[str] = (),
  *,
  kind: type = str,
  are_distinct: bool = False,
  least: float | None = None,
  above: float | None = None,
  most: float | None = None,
  below: float | None = None,
) -> Any:
  """A field of a settings class: its default, what it means, what it may be.

  Args:
    default: its value where none is given.
    meaning: what help says of it.
    choices: what it may be; of a tuple, what its items may be, each once.
    are_distinct: whether a tuple has at least one item, and each once.
    kind: of the items of a tuple, where its default has none to show it.
    least, above, most, below: what a number, or every number of a tuple, may be; least
      and most are themselves allowed. `utils.options.check` refuses the rest.
  """
  bounds = {"least": least, "above": above, "most": most, "below": below}
  limits = {bound: limit for bound, limit in bounds.items() if limit is not None}
  if isinstance(default, tuple) and default:
    kind = type(default[0])
  return dataclasses.field(
    default=default,
    metadata={
      "help": meaning,
      "choices": tuple(choices),
      "kind": kind,
      "are_distinct": are_distinct,
      "bounds": limits,
    },
  )


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
  """How pictures become features."""

  features: tuple[str, ...] = setting(
    BEST_FEATURES,
    f"Which features, in column order. The paper's are {','.join(PAPER_FEATURES)}.",
  )
  extra_features: tuple[str, ...] = setting(
    (),
    "Features computed elsewhere, NAME=FILE: .npy with a file of names beside it, "
    ".npz, CSV, Excel or Parquet, a row per picture. They come behind --features "
    "unless that names them.",
  )
  weights_dir: str = setting(
    "",
    "Folder of <network>.safetensors files to look in before installed packages and "
    "your own folder (see python -m emojax.weights), and of attributes.safetensors, as "
    "python -m emojax.attributes fit makes it.",
  )
  weights: str = setting(
    "default",
    "Weights of the networks: trained ones, seeded random ones, or "
    "auto: trained where they are found, else random. The default is trained, and "
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
    ("object_efficientnet_lite2",),
    "For word_emotion: the features whose class names are looked up.",
  )
  network_precision: str = setting(
    "float32",
    "What networks compute in. bfloat16 is several times as fast on a GPU, no faster "
    "on a CPU, and changes features by 1 to 10 % (root mean square).",
    choices=("float32", "bfloat16"),
  )
  extract_batch: int = setting(
    0,
    "Pictures per device and step; 0: as many as suit the device and the network.",
    least=0,
  )
  workers: int = setting(2, "Threads that read, decode and resize pictures.", least=1)
  max_pixels: int = setting(
    100_000_000, "A picture with more pixels than this is refused before decoding."
  )
  cache_dir: str = setting(
    "~/.cache/emojax",
    "Folder that keeps features already computed, and compiled programs; empty: keep "
    "none.",
  )
  cache_form: str = setting(
    "auto",
    "How --cache_dir keeps features: sqlite, one file, quickest, for processes of one "
    "machine only; files, a folder of files that never change, for a file system that "
    "several machines share (NFS, SMB, Lustre ...). auto: files where the file system "
    "is known to be such a one or the folder has them already, else sqlite.",
    choices=("auto", "sqlite", "files"),
  )

  @property
  def every_feature(self) -> tuple[str, ...]:
    """`features`, and behind them the extra ones that are not among them."""
    extra = (setting.partition("=")[0] for setting in self.extra_features)
    return tuple(dict.fromkeys([*self.features, *extra]))


@dataclasses.dataclass(frozen=True)
class DataConfig:
  """Which rated pictures."""

  dataset: str = setting(
    "va_emotion/synthetic",
    "va_emotion/synthetic: drawn by emojax, to show that it works; va_emotion/oasis: "
    "needs --manual_dir; va_emotion/cgna10766, the paper's: needs --download or "
    "--manual_dir; va_emotion/naps, gaped, smid, emotion6, emotic, findingemo: "
    "published sets, need --manual_dir; va_emotion/folder: your own, needs "
    "--images_dir and --ratings_csv.",
  )
  data_dir: str = setting(
    "", "Where prepared datasets live; empty: TFDS's own place, ~/tensorflow_datasets."
  )
  manual_dir: str = setting(
    "",
    "For oasis: the folder with images/ and OASIS_ratings.csv or OASIS.csv; for "
    "cgna10766: the folder with the files of Figshare article 5383105; for naps, "
    "gaped, smid, emotion6, emotic, findingemo: the set's folder.",
  )
  download: bool = setting(
    False, "For cgna10766: fetch what is not there from Figshare (article 5383105)."
  )
  images_dir: str = setting("", "For folder: the folder of pictures.")
  features_table: str = setting(
    "",
    "For folder: instead of --images_dir a table of features, as python -m "
    "emojax.extract --output=TABLE.parquet writes it; the pictures need not be there. "
    "--features then chooses among its columns.",
  )
  ratings_csv: str = setting(
    "",
    "For folder: a table (CSV in any usual form, or .xlsx) with columns image, "
    "valence, arousal, and where you have them valence_std, arousal_std, num_raters, "
    "keyword.",
  )
  image_column: str = setting(
    "",
    "For folder: what the table calls the column of the pictures' names; empty, here "
    "and below: image, or another usual name such as filename, Theme.",
  )
  valence_column: str = setting(
    "", "For folder: the column of valence; such as Valence_mean, valmn."
  )
  arousal_column: str = setting(
    "", "For folder: the column of arousal; such as Arousal_mean, aromn."
  )
  valence_std_column: str = setting(
    "", "For folder: the column of valence's standard deviation over raters."
  )
  arousal_std_column: str = setting(
    "", "For folder: the column of arousal's standard deviation over raters."
  )
  num_raters_column: str = setting("", "For folder: the column that counts raters.")
  keyword_column: str = setting(
    "", "For folder: the column with a word for what each picture shows."
  )
  rating_scale: tuple[float, ...] = setting(
    (),
    "For folder, smid, emotion6: lowest and highest possible rating, such as 1,7. "
    "Empty: they are taken to be on 1..9 if the ratings leave no doubt of it, and "
    "refused otherwise. Networks learn on 1..9, mapped linearly.",
    kind=float,
  )
  valence_scale: tuple[float, ...] = setting(
    (), "For folder: the scale of valence, where arousal has another.", kind=float
  )
  arousal_scale: tuple[float, ...] = setting(
    (), "For folder: the scale of arousal, where valence has another.", kind=float
  )
  output_scale: tuple[float, ...] = setting(
    (),
    "Lowest and highest rating of the scale that results are written on: predictions, "
    "errors, figures. Empty: the scale of your own table; 1..9, the paper's, for "
    "other sets.",
    kind=float,
  )
  further_targets: tuple[str, ...] = setting(
    (),
    "For folder: rated columns of the table besides valence and arousal, by name; "
    "those that --target names need not be named here.",
  )
  further_scale: tuple[float, ...] = setting(
    (), "For folder: the scale of --further_targets, where it is another.", kind=float
  )
  num_synthetic: int = setting(240, "For synthetic: how many pictures are drawn.")
  synthetic_seed: int = setting(0, "For synthetic: chooses the pictures and raters.")
  folds: str = setting(
    "auto",
    "How pictures are dealt into folds: random; grouped: near-duplicates, and rows "
    "with the same --group_column, stay in one fold, and low and high ratings are "
    "spread evenly; auto: grouped for folder, random for the others.",
    choices=("auto", "random", "grouped"),
  )
  group_column: str = setting(
    "",
    "For folder: a column, such as the scene or the photographer; rows with the same "
    "cell stay in one fold.",
  )
  fold_seed: int = setting(0, "Chooses which of the five folds each picture is in.")
  skip_bad_pictures: bool = setting(
    False,
    "Build without rated pictures that are missing or cannot be read, and record them.",
  )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
  """One training run. The defaults are the preset `paper`: the paper's own settings."""

  target: tuple[str, ...] = setting(
    TARGETS,
    "What is predicted: of valence and arousal those that the dataset rates, or its "
    "rated columns by name, such as beauty.",
    are_distinct=True,
  )
  hidden: tuple[int, ...] = setting(
    (3000, 1000, 500), "Units of each hidden layer, from the input on.", least=1
  )
  shared_head: bool = setting(
    False, "One network with an output per target instead of one network per target."
  )
  learning_rate: float = setting(
    1e-4, "SGD step; multiplies the momentum buffer.", above=0
  )
  momentum: float = setting(
    0.9, "Share of the momentum buffer kept at each step.", least=0, below=1
  )
  nesterov: bool = setting(False, "Look-ahead form of momentum.")
  weight_decay: float = setting(
    0.0, "L2 penalty: this times each weight is added to its gradient.", least=0
  )
  batch_size: int = setting(
    1000,
    "Rows a step at most; the rows of a fold are cut into equal batches.",
    least=1,
  )
  max_epochs: int = setting(1000, "Passes over the training rows at most.", least=1)
  patience: int = setting(
    30, "Epochs without a smaller error before a network stops training.", least=1
  )
  stop_on: str = setting(
    "validation",
    "Rows whose error decides when a network stops: a slice of its own training rows, "
    "all its training rows, or, for comparison only, the test fold.",
    choices=("validation", "train", "test"),
  )
  validation_share: float = setting(
    0.1,
    "Share of each fold's training rows that is kept out for stopping.",
    above=0,
    below=1,
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
    above=0,
    most=1,
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
  principal_directions: int = setting(
    0,
    "How many main directions of the scaled training rows the first layer looks along; "
    "what lies outside of them it does not see. 0: it looks at every input.",
    least=0,
  )
  dropout: float = setting(
    0.0, "Share of hidden units silenced at each training step.", least=0, below=1
  )
  input_dropout: float = setting(
    0.0, "Share of inputs silenced at each training step.", least=0, below=1
  )
  ensemble: int = setting(
    1,
    "Networks per fold and target, each from its own seed; predictions are averaged.",
    least=1,
    most=1000,
  )
  seed: int = setting(
    0,
    "Of weights, shuffling, dropout and the choice of validation rows.",
    least=0,
    most=2**32 - 1,
  )
  precision: str = setting(
    "float32",
    "Of matrix products. On a CPU tf32 is float32.",
    choices=("float32", "tf32", "bfloat16"),
  )
  checkpoint_seconds: float = setting(
    120.0,
    "Time between checkpoints; a run that was killed goes on from the last one.",
    least=0,
  )
  table_memory: str = setting(
    "auto",
    "Where the table of features lies while networks train: in the device's memory, or "
    "in the host's, from where it is read batch by batch, slower, so that it may be "
    "larger than the device's; auto: the device's where it fits.",
    choices=("auto", "device", "host"),
  )


def deciding(settings: TrainConfig) -> dict[str, Any]:
  """The settings that decide what a run finds; the others say how it gets there."""
  given = dataclasses.asdict(settings)
  return {n: x for n, x in given.items() if n not in _NOT_DECIDING}


_NOT_DECIDING = ("checkpoint_seconds", "table_memory")


@dataclasses.dataclass(frozen=True)
class ClusterConfig:
  """Several processes that train one run, on one machine or on several."""

  coordinator: str = setting(
    "",
    "HOST:PORT where processes meet: a free port of the machine of process 0, the same "
    "for all. Empty: as SLURM (srun) or Open MPI (mpirun) say.",
  )
  num_processes: int = setting(
    0,
    "How many processes train together, each its share of the networks; 0: as many as "
    "srun or mpirun started, otherwise 1; 1: this one trains by itself.",
    least=0,
    most=100_000,
  )
  process_id: int = setting(
    -1,
    "Which of them this is, from 0 on; -1: as srun or mpirun say. Process 0 writes the "
    "run folder and prints.",
    least=-1,
  )
  start_seconds: float = setting(
    60.0, "How long to wait for the other processes to start.", above=0, most=86_400
  )


# Named settings: (how to train, which features). `best` was chosen by cross-validation
# inside the training folds of OASIS; BUILD_NOTES.md has the search.
PRESETS = {
  "paper": (TrainConfig(), PAPER_FEATURES),
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
      principal_directions=256,
      dropout=0.3,
      input_dropout=0.5,
      ensemble=10,
    ),
    BEST_FEATURES,
  ),
}
