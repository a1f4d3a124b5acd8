"""emojax: how pleasant (valence) and how exciting (arousal) people find a picture.

Importing it makes TFDS know the dataset: `tfds.load("va_emotion")`. `emojax.load()`
opens the predictor that comes with it, `emojax.load(run)` a finished run:

  predictor = emojax.load()
  predictions = predictor.predict(["beach.jpg", "storm.jpg"])
  predictions.valence, predictions.low["valence"]  # arrays, 1..9

Names listed in `__all__` are stable; everything else may change with any version.
"""

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from emojax.utils import garbage, signals

signals.install_if_program()  # first of all: the rest takes half a second to import

import wrapt  # noqa: E402

from emojax.version import __version__  # noqa: E402

if TYPE_CHECKING:
  from emojax.predict.predictor import Predictor

__all__ = ["__version__", "load"]

# With TFDS, not before: it takes longer to import than a program's --help may.
wrapt.register_post_import_hook(
  lambda _: importlib.import_module("emojax.datasets.va_emotion"), "tensorflow_datasets"
)


def load(
  run: str | os.PathLike[str] = "",
  weights_dir: str | os.PathLike[str] = "",
  color_names: str | os.PathLike[str] = "",
  word_norms: str | os.PathLike[str] = "",
  extra_features: Mapping[str, str | os.PathLike[str]] | None = None,
) -> "Predictor":
  """Opens a predictor: the one that comes with emojax, or a finished run.

  Args:
    run: a run folder of `python -m emojax.train`, or an archive of
      `emojax.export`; empty: the predictor that comes with emojax, trained on 720
      photographs of OASIS.
    weights_dir: folder of the feature networks' weights; an archive may carry them.
    color_names: the authors' `w2c.mat` colour-name table, if the run used it.
    word_norms: the CSV file of word norms, if the run used it.
    extra_features: of a run with features from elsewhere, the table of each for the
      pictures to be predicted: name -> file.
  Returns:
    A `Predictor`; its `predict(images)` takes paths, folders, bytes or arrays and
    returns `Predictions` of plain arrays.
  Raises:
    ValueError: there is no such run, weights are missing, or features or weights differ
      from those it was trained with; the message names both.
  """
  # Here and not at the head: every program imports emojax, and --help need not wait for
  # JAX.
  with garbage.paused():
    from emojax.predict import predictor

    return predictor.load(run, weights_dir, color_names, word_norms, extra_features)
