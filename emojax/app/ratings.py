"""Runs and what they predict, as the page asks for it.

In: the path of a run and files that were dropped. Out: predictions under the files' own
names, occlusions, and users' mistakes as errors of one line.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from emojax import images
from emojax.app.config import AppConfig
from emojax.app.uploads import Upload
from emojax.config import ExtractConfig
from emojax.predict import formats, occlusion, predictor
from emojax.predict.predictor import Predictions, Predictor
from emojax.utils import files

_MOST_OPEN = 3  # runs that stay in memory


@dataclasses.dataclass(frozen=True)
class Rated:
  """What was predicted of the pictures that lie on the page.

  Attributes:
    run: the path of the run; empty: the one that comes with emojax.
    notes: what a reader must be told of the run.
    names: what each picture is called.
    predictions: one row for each, whatever became of it.
  """

  run: str
  notes: list[str]
  names: list[pathlib.Path]
  predictions: Predictions

  @property
  def csv(self) -> str:
    """The rows as `predict` writes them."""
    return formats.csv(dataclasses.replace(self.predictions, paths=[*self.names]))

  @property
  def choices(self) -> list[tuple[str, int]]:
    """Name and row of each picture with numbers."""
    rows = np.flatnonzero(self.predictions.is_scored).tolist()
    return [(files.utf8(self.names[row]), row) for row in rows]

  def only(self, rows: Sequence[int]) -> "Rated":
    """Some of the pictures, in the order of `rows`."""
    names = [self.names[row] for row in rows]
    predictions = self.predictions.only(rows)
    return dataclasses.replace(self, names=names, predictions=predictions)


class Rater:
  """Predicts with runs that it opens when they are first asked for.

  Args:
    config: whether a run that knows nothing of people may rate.
    settings: how to read and compute.
  """

  def __init__(self, config: AppConfig, settings: ExtractConfig):
    self._config, self.settings = config, settings
    self.opened = functools.lru_cache(maxsize=_MOST_OPEN)(self._open)

  def _open(self, run: str) -> Predictor:
    settings = self.settings
    return predictor.load(
      run, settings.weights_dir, settings.color_names, settings.word_norms
    )

  def rate(self, run: str, uploads: Sequence[Upload]) -> Rated:
    """A row for each file, see `Predictor.predict`."""
    names = [upload.shown for upload in uploads]
    predictions = self._predict(run, [upload.path for upload in uploads])
    notes = list(self.opened(run).run.results["notes"])
    return Rated(run, notes, names, predictions)

  def occlude(self, rated: Rated, row: int) -> occlusion.Occlusion:
    """Which parts of a picture its prediction depends on."""
    path = rated.predictions.paths[row] or pathlib.Path()
    image = images.load(path, self.settings.max_pixels)
    return occlusion.occlude(lambda some: self._predict(rated.run, some).mean, image)

  def _predict(
    self, run: str, sources: Sequence[pathlib.Path] | Sequence[np.ndarray]
  ) -> Predictions:
    return self.opened(run).predict(
      sources,
      settings=self.settings,
      allow_simulated=self._config.allow_simulated,
    )
