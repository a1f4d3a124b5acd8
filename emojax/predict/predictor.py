"""Ratings of any pictures by the networks of a finished run.

In: a run, then pictures as files, bytes or arrays. Out: for each its predicted ratings,
how far the networks of the five folds disagree, how far the picture lies from those
they were trained on, and a status. A picture's numbers do not depend on its company:
networks see rows in batches of one fixed shape.
"""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from emojax import images as images_lib
from emojax.config import SCALE, ExtractConfig
from emojax.evaluation import conformal, results
from emojax.extract import extractor, pipeline
from emojax.predict import run_features, trained_run
from emojax.predict.predictions import FAR, OK, SIMULATED, Predictions
from emojax.train import familiarity, model, networks
from emojax.utils import runtime
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

ImageSource = pipeline.ImageSource

_BATCH = 64  # rows a call


class SimulatedError(ValueError):
  """A run that knows nothing of people was asked to score real images."""


class Predictor:
  """Predicts ratings with the networks of a finished run; made by `load`.

  Attributes:
    run: the run.
    targets: what it predicts.
  """

  def __init__(self, run: trained_run.TrainedRun, features: extractor.Extractor):
    self.run = run
    self.targets = run.settings.target
    self._extractor = features
    self._networks = run.networks
    self._columns = run.columns
    self._program = _program(run)
    # Not `jnp.asarray`, which compiles a program for every shape.
    self._params, self._scaling = jax.device_put((run.params, run.scaling))

  def predict(
    self,
    images: ImageSource | Sequence[ImageSource],
    *,
    settings: ExtractConfig | None = None,
    progress: bool = False,
    interval: float = conformal.LEVEL,
    allow_simulated: bool = False,
    output_scale: Sequence[float] = (),
  ) -> Predictions:
    """Ratings of some pictures.

    Args:
      images: one or several, see `emojax.images.contents`: paths, open files, bytes,
        arrays, Pillow images. A path of a folder stands for every picture below it,
        sorted.
      settings: how to read and compute (`workers`, `extract_batch`, `max_pixels`,
        `cache_dir`); by default nothing is kept on disk.
      progress: whether to draw a bar on standard error.
      interval: how probably the mean rating of a picture lies inside its interval.
      allow_simulated: score also with a run that was trained on simulated ratings or
        random weights; every row then says so.
      output_scale: lowest and highest rating of the scale to predict on; empty: the one
        that the run's own predictions are on, 1..9 unless its ratings had another.
    Returns:
      `Predictions`, an entry for each; one that cannot be read has status "error".
    Raises:
      ValueError: `interval` is not between 0 and 1, or the scale is none.
      SimulatedError: the run knows nothing of people, and that is not allowed.
      ValueError: nothing but folders without pictures.
      TypeError: something that is no picture.
    """
    listed = expand(images)
    (predictions,) = self.predict_each(
      listed,
      [range(len(listed))],
      settings=settings,
      progress=progress,
      interval=interval,
      allow_simulated=allow_simulated,
      output_scale=output_scale,
    )
    return predictions

  def predict_each(
    self,
    images: Sequence[ImageSource],
    ranges: Sequence[range],
    *,
    settings: ExtractConfig | None = None,
    progress: bool = False,
    interval: float = conformal.LEVEL,
    allow_simulated: bool = False,
    output_scale: Sequence[float] = (),
  ) -> Generator[Predictions, None, None]:
    """Ratings of many pictures, part by part: memory holds those of one part.

    Args:
      images: one by one; a path of a folder is none.
      ranges: rows of each part, see `extractor.ranges`.
      settings, progress, interval, allow_simulated, output_scale: see `predict`.
    Yields:
      What `predict` returns, for each part.
    Raises:
      ValueError, SimulatedError, TypeError: see `predict`.
    """
    simulated = " and ".join(self.run.simulated)
    if simulated and not allow_simulated:
      raise SimulatedError(
        f"{self.run.path} says nothing about people: {simulated}. Use a run trained on "
        "people's ratings, or score all the same with --allow_simulated"
      )
    scales = results.scales_of(self.run.results)
    if output_scale:
      scales = dict.fromkeys(
        self.targets, scale_lib.check(output_scale, "output_scale")
      )
    if not 0 < interval < 1:
      raise ValueError(f"--interval is a share between 0 and 1, got {interval:g}")
    names = [images_lib.name_of(image) for image in images]
    parts = (
      ([images[row] for row in rows], [names[row] for row in rows]) for rows in ranges
    )
    each = self._extractor.run_each_as(
      settings or ExtractConfig(cache_dir=""),
      parts,
      len(images),
      progress,
      images_lib.check_visible,
    )
    with contextlib.closing(each):
      for rows, extracted in zip(ranges, each, strict=True):
        part = self._predicted(extracted, scales, interval, simulated)
        yield dataclasses.replace(part, names=[names[row] for row in rows])

  def _predicted(
    self,
    extracted: pipeline.Extracted,
    scales: dict[str, Scale],
    interval: float,
    simulated: str,
  ) -> Predictions:
    """The predictions of some pictures from their features."""
    number = len(extracted.rows)
    table = np.concatenate([extracted.values[n] for n in self._columns.names], axis=1)
    readable = np.array([row.status == "ok" for row in extracted.rows], bool)
    numbers = {
      part: {target: np.full(number, np.nan) for target in self.targets}
      for part in ("mean", "low", "high", "std")
    }
    distance = np.full(number, np.nan)
    doubted: dict[int, str] = {}  # row -> why its numbers cannot be, or ""
    if readable.any():
      distance[readable] = familiarity.distances(
        self.run.reference, table[readable], self._columns
      )
      scores, doubts = self._scores(table[readable], distance[readable], interval)
      doubted |= dict(zip(np.flatnonzero(readable).tolist(), doubts, strict=True))
      for part, of_targets in scores.items():
        for target, values in of_targets.items():
          numbers[part][target][readable] = _on_scale(part, values, scales[target])
    status, reason = self._statuses(extracted.rows, distance, simulated)
    for row, doubt in doubted.items():
      if doubt:
        status[row], reason[row] = "error", doubt
    return Predictions(
      paths=[row.path for row in extracted.rows],
      distance=distance,
      status=status,
      reason=reason,
      scales=scales,
      mean=numbers["mean"],
      low=numbers["low"],
      high=numbers["high"],
      std=numbers["std"],
    )

  def _scores(
    self, table: np.ndarray, distance: np.ndarray, interval: float
  ) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    """Fields of `Predictions` that hold ratings, on 1..9: name -> target -> (N,).

    And for each image why its numbers, which are NaN then, cannot be; empty otherwise.
    """
    of_folds = self._of_folds(table)
    half = np.full((len(table), len(self.targets)), np.nan)
    if self.run.calibration is not None:
      half = conformal.half_widths(self.run.calibration, distance, interval)
    mean = {target: values.mean(axis=0) for target, values in of_folds.items()}
    ends = dict(zip(self.targets, half.T, strict=True))
    doubts = _doubts(mean, ends)
    is_doubted = np.array([bool(doubt) for doubt in doubts])
    scores = {
      "mean": mean,
      "low": {t: np.maximum(mean[t] - ends[t], SCALE[0]) for t in self.targets},
      "high": {t: np.minimum(mean[t] + ends[t], SCALE[1]) for t in self.targets},
      "std": {target: values.std(axis=0) for target, values in of_folds.items()},
    }
    for of_targets in scores.values():
      for values in of_targets.values():
        values[is_doubted] = np.nan
    return scores, doubts

  def _statuses(
    self, rows: Sequence[pipeline.Row], distance: np.ndarray, simulated: str
  ) -> tuple[list[str], list[str]]:
    """What became of each picture, and why; `simulated` says why no number counts."""
    limit = self.run.reference.far
    status, reason = [], []
    for row, far in zip(rows, distance > limit, strict=True):
      word, text = row.status, row.reason
      if word == OK and simulated:
        word, text = SIMULATED, f"says nothing about people: {simulated}"
      elif far:
        word, text = FAR, _FAR_REASON.format(limit)
      status.append(word)
      reason.append(text)
    return status, reason

  def _of_folds(self, table: np.ndarray) -> dict[str, np.ndarray]:
    """What the networks of each fold say: target -> (folds, N), ensembles averaged."""
    batches = []
    for start in range(0, len(table), _BATCH):
      rows = table[start : start + _BATCH]
      full = np.concatenate([rows, np.repeat(rows[-1:], _BATCH - len(rows), axis=0)])
      out = self._program(self._params, self._scaling, full)
      batches.append(np.asarray(out, np.float64)[:, : len(rows)])
    every = np.concatenate(batches, axis=1)  # (K, N, T)
    every[~np.isfinite(every)] = np.nan  # which, unlike infinity, all else takes
    of_targets = {}
    for target in self.targets:
      of_fold: dict[int, list[np.ndarray]] = {}
      for k, net in enumerate(self._networks):
        if target in net.targets:
          output = every[k, :, net.targets.index(target)]
          of_fold.setdefault(net.fold, []).append(output)
      of_targets[target] = np.stack(
        [np.mean(group, axis=0) for group in of_fold.values()]
      )
    return of_targets


def _program(run: trained_run.TrainedRun) -> Callable[..., jax.Array]:
  """`program(params, scaling, rows) -> (K, N, T)`: what networks say of (N, D) rows.

  One program from features to ratings: each costs a start as much time as it has.
  """
  columns, nets, settings = run.columns, run.networks, run.settings
  predict = networks.make_predict(networks.make_forward(settings, len(nets[0].targets)))

  def program(params: Any, scaling: model.Scaling, rows: jax.Array) -> jax.Array:
    inputs = model.transform(rows, columns, settings.transform)
    return predict(params, scaling, jnp.zeros(len(nets), jnp.int32), inputs[None])

  return jax.jit(program, compiler_options=runtime.options())


def _doubts(
  mean: Mapping[str, np.ndarray], half: Mapping[str, np.ndarray]
) -> list[str]:
  """Why the predictions of an image cannot be, one entry per image; empty if they can.

  Args:
    mean: target -> (N,) predictions on 1..9.
    half: target -> (N,) half the width of their intervals; NaN where there is none.
  """
  doubts = [""] * len(next(iter(mean.values())))
  for target, values in mean.items():
    beyond = np.maximum(SCALE[0] - values, values - SCALE[1])
    # An interval wider than the scale, or none, allows as much as the scale is wide.
    allowed = np.fmin(2 * half[target], scale_lib.width(SCALE))
    for row in np.flatnonzero(~(beyond <= allowed)):
      doubts[row] = (
        f"its predicted {target}, {values[row]:.3g} on a scale of "
        f"{scale_lib.text(SCALE)}, cannot be: the run, or a feature of the image, is "
        "damaged"
      )
  return doubts


def _on_scale(part: str, values: np.ndarray, scale: Scale) -> np.ndarray:
  """Numbers of a part of `Predictions`, on 1..9, on another scale."""
  if part == "std":
    return values * scale_lib.stretch(SCALE, scale)
  return scale_lib.mapped(values, SCALE, scale)


_FAR_REASON = (
  "unlike the training pictures, 99 % of which lie within {:.2f}: do not trust it"
)


RELEASED = pathlib.Path(__file__).parent / "released" / "best.zip"


def load(
  run: str | os.PathLike[str] = "",
  weights_dir: str | os.PathLike[str] = "",
  color_names: str | os.PathLike[str] = "",
  word_norms: str | os.PathLike[str] = "",
  extra_features: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Predictor:
  """Opens a finished run for prediction.

  Args:
    run: a run folder of `python -m emojax.train`, or an archive of
      `emojax.export`; empty: the predictor that comes with emojax, see
      `released/README.md`.
    weights_dir: folder of the feature networks' weights, unless the archive carries
      them or the run needs none.
    color_names: the authors' `w2c.mat`, if the run used it.
    word_norms: the CSV file of word norms, if the run used it.
    extra_features: of a run with features from elsewhere, the table of each for the
      images to be predicted: name -> file.
  Returns:
    A `Predictor`.
  Raises:
    ValueError: there is no such run, weights are missing, or features or weights differ
      from those it was trained with; the message names both.
  """
  opened = trained_run.read(pathlib.Path(run or RELEASED))
  weights, colors, norms = (
    pathlib.Path(name).expanduser() if name else None
    for name in (weights_dir, color_names, word_norms)
  )
  sources = run_features.load(opened, weights, colors, norms, extra_features or {})
  names = [feature["name"] for feature in opened.identity["features"]]
  return Predictor(opened, extractor.Extractor(names, sources))


def expand(images: ImageSource | Sequence[ImageSource]) -> list[pipeline.ImageSource]:
  """Pictures one by one: folders become the pictures below them, in sorted order.

  A folder that cannot be listed, or is empty, stands for itself: reading it says why.

  Raises:
    ValueError: nothing but folders without pictures.
    TypeError: something that is no picture.
  """
  several: Iterable[object]
  if images_lib.is_image(images) or not isinstance(images, Iterable):
    several = [images]
  else:
    several = images
  listed: list[images_lib.Source] = []
  folders: list[pathlib.Path] = []  # without pictures
  for image in several:
    if isinstance(image, (str, os.PathLike)):
      path = pathlib.Path(image).expanduser()
      inside = _inside(path)
      folders += [path] * (inside == [])
      listed += inside or [path]
    elif images_lib.is_image(image):
      listed.append(image)
    else:
      raise TypeError(
        "a picture is a path, an open file, bytes, an array or a Pillow image; got "
        f"{type(image).__name__}"
      )
  if folders and len(folders) == len(listed):
    raise images_lib.ImageError(
      f"no pictures in {folders[0]}: expected files ending in "
      f"{', '.join(images_lib.SUFFIXES)}"
    )
  return listed


def _inside(path: pathlib.Path) -> list[pathlib.Path] | None:
  """The pictures in a folder; None for anything else, or where it cannot be listed."""
  try:
    return images_lib.walk(path) if os.path.isdir(path) else None
  except images_lib.ImageError:
    return None
