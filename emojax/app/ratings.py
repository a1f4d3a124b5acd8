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
from emojax.predict.predictions import Predictions
from emojax.predict.predictor import Predictor
from emojax.utils import files

_MOST_OPEN = 3  # runs that stay in memory


@dataclasses.dataclass(frozen=True)
class Rated:
  """What was predicted of the pictures that lie on the page.

  Attributes:
    run: the path of the run; empty: the one that comes with emojax.
    notes: what a reader must be told of the run.
    predictions: one row for each, whatever became of it, under its own name.
  """

  run: str
  notes: list[str]
  predictions: Predictions

  @property
  def csv(self) -> str:
    """The rows as `predict` writes them."""
    return "".join(formats.csv([self.predictions]))

  @property
  def choices(self) -> list[tuple[str, int]]:
    """Name and row of each picture with numbers."""
    rows = np.flatnonzero(self.predictions.is_scored).tolist()
    return [(files.utf8(self.predictions.names[row]), row) for row in rows]

  def only(self, rows: Sequence[int]) -> "Rated":
    """Some of the pictures, in the order of `rows`."""
    return dataclasses.replace(self, predictions=self.predictions.only(rows))


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
    rows = self._predict(run, [upload.path for upload in uploads])
    named = dataclasses.replace(rows, names=[upload.shown for upload in uploads])
    return Rated(run, list(self.opened(run).run.results["notes"]), named)

  def occlude(self, rated: Rated, row: int) -> occlusion.Occlusion:
    """Which parts of a picture its prediction depends on."""
    path = rated.predictions.paths[row] or pathlib.Path()
    image = images.load(path, self.settings.max_pixels)
    return occlusion.occlude(lambda some: self._predict(rated.run, some).mean, image)

  def _predict(
    self, run: str, sources: Sequence[pathlib.Path] | Sequence[np.ndarray]
  ) -> Predictions:
    # Each is one picture: `predict` would look into archives.
    (rows,) = self.opened(run).predict_each(
      sources,
      [range(len(sources))],
      settings=self.settings,
      allow_simulated=self._config.allow_simulated,
    )
    return rows
