"""What the outputs of the networks mean: ImageNet's and ADE20K's class names.

In: two lists that come with emojax. Out: names in output order.

Sources: `imagenet_classes.txt` is Caffe's `synset_words.txt` of ILSVRC 2012, WordNet's
identifier and words of each class; `ade20k_classes.txt` is the first name of each class
in `objectInfo150.csv` of CSAILVision/sceneparsing.
"""

import pathlib

BACKGROUND = "background/other"  # before ADE20K's classes, where a network has it


def imagenet() -> tuple[str, ...]:
  """The 1000 classes of ImageNet, such as "tench, Tinca tinca"."""
  return tuple(line.split(" ", 1)[1] for line in _lines("imagenet_classes.txt"))


def ade20k() -> tuple[str, ...]:
  """The 150 classes of ADE20K, from "wall" to "flag"."""
  return tuple(_lines("ade20k_classes.txt"))


def ade20k_and_background() -> tuple[str, ...]:
  """The same behind the background's: 151."""
  return (BACKGROUND, *ade20k())


def _lines(name: str) -> list[str]:
  return pathlib.Path(__file__).with_name(name).read_text("utf-8").splitlines()
