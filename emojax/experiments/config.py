"""Settings of `python -m emojax.experiments`, and which tables there are."""

import dataclasses

from emojax.config import setting


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
  """Which feature sets and models an experiment compares."""

  objects: tuple[str, ...] = setting(
    (),
    "Object sources that are compared: networks, such as alexnet,vgg16,resnet50, and "
    "attributes; empty: the networks whose weights are at hand, in the order of "
    "python -m emojax.weights list; the first of them for table 4 and learning. none, "
    "for these two: low-level and scene features alone.",
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
    above=0,
    most=1,
  )
  seeds: int = setting(
    1, "How often every network is trained, from --seed on.", least=1
  )
  quick: bool = setting(
    False,
    "A tenth of the units and at most 100 epochs: shows that it runs, not how well it "
    "predicts, and says so in every table.",
  )


@dataclasses.dataclass(frozen=True)
class FinetuneConfig:
  """Networks fine-tuned on the pictures themselves, for table 4."""

  finetune: tuple[str, ...] = setting(
    (),
    "Networks whose last layer is replaced by one rating, each with its convolutions "
    "frozen and with everything trained; the paper has alexnet,vgg19.",
  )
  finetune_learning_rate: float = setting(
    0.5e-4, "SGD step; the paper's is 0.5e-4.", above=0
  )
  finetune_momentum: float = setting(
    0.9, "Share of the momentum buffer kept.", least=0, below=1
  )
  finetune_batch: int = setting(50, "Pictures a step; the paper's is 50.", least=1)
  finetune_epochs: int = setting(
    50, "Passes over the training pictures at most.", least=1
  )
  finetune_patience: int = setting(
    5, "Epochs without a smaller validation error before a network stops.", least=1
  )
  finetune_augment: bool = setting(
    False, "Random crops and mirror images while training; the paper has none."
  )


# What `emojax.experiments` can run: the paper's tables by number, and how scores grow
# with the number of training pictures.
TABLES = ("2", "3", "4", "learning", "rivals")
