"""How far predictions lie from ratings. In: predicted, rated, (N,). Out: plain numbers.

Pure NumPy in float64: these numbers are printed and compared, so they should not
depend on the device that made the predictions.
"""

import dataclasses
import math

import numpy as np

from emojax.config import SCALE

_SCALE_WIDTH = SCALE[1] - SCALE[0]


@dataclasses.dataclass(frozen=True)
class Scores:
  """Agreement of predictions with ratings on one set of pictures.

  Attributes:
    num_images: how many pictures.
    mse: mean square error, in squared points of the ratings' scale.
    variance: population variance of the ratings; the mse of always saying their mean.
    r2: 1 - mse / variance; NaN where the ratings do not vary.
    pearson_r: linear correlation; NaN where either side does not vary.
    ccc: concordance correlation, Lin, Biometrics 45(1), 1989: correlation that also
      asks for equal mean and spread; NaN where neither side varies.
    accuracy_percent: mean of 100 * (1 - abs(error) / width of the scale), as under the
      pictures of the paper's figures 10 to 14, where the width is 8.
  """

  num_images: int
  mse: float
  variance: float
  r2: float
  pearson_r: float
  ccc: float
  accuracy_percent: float


def mean_square_error(predicted: np.ndarray, rated: np.ndarray) -> float:
  """Mean of the squared differences; both (N,), in points of the rating scale."""
  predicted, rated = _checked(predicted, rated)
  return float(np.mean(np.square(predicted - rated)))


def score(
  predicted: np.ndarray, rated: np.ndarray, scale_width: float = _SCALE_WIDTH
) -> Scores:
  """All scores of one target on one set of pictures.

  Args:
    predicted: (N,) finite predictions.
    rated: (N,) finite mean ratings, on the same scale.
    scale_width: points from its lowest to its highest rating.
  Returns:
    `Scores`.
  Raises:
    ValueError: the shapes differ, N is 0, or a value is not finite.
  """
  predicted, rated = _checked(predicted, rated)
  errors = np.abs(predicted - rated)
  return Scores(
    num_images=len(rated),
    variance=float(np.var(rated)),
    accuracy_percent=float(100 * np.mean(1 - errors / scale_width)),
    **{name: float(value) for name, value in along_rows(predicted, rated).items()},
  )


def along_rows(predicted: np.ndarray, rated: np.ndarray) -> dict[str, np.ndarray]:
  """The scores that have intervals, of every row of (..., N) float64, N images each.

  Returns:
    `mse`, `r2`, `pearson_r`, `ccc`: (...), NaN as in `Scores`.
  """
  x = predicted - predicted.mean(-1, keepdims=True)
  y = rated - rated.mean(-1, keepdims=True)
  mse = np.square(predicted - rated).mean(-1)
  variance, spread = np.square(y).mean(-1), np.square(x).mean(-1)
  covariance = (x * y).mean(-1)
  shift = np.square(predicted.mean(-1) - rated.mean(-1))
  # Below this the spread of a constant is rounding noise.
  floor = np.square(1e-12 * np.maximum(1.0, np.abs(rated).max(-1)))
  rated_vary, predicted_vary = variance > floor, spread > floor
  with np.errstate(divide="ignore", invalid="ignore"):
    r2 = 1 - mse / variance
    r = covariance / np.sqrt(variance * spread)
    ccc = 2 * covariance / (variance + spread + shift)
  return {
    "mse": mse,
    "r2": np.where(rated_vary, r2, np.nan),
    "pearson_r": np.where(rated_vary & predicted_vary, r, np.nan),
    "ccc": np.where(rated_vary | predicted_vary, ccc, np.nan),
  }


def noise_ceiling(
  rated: np.ndarray, rating_std: np.ndarray, num_raters: np.ndarray
) -> dict[str, float] | None:
  """What a perfect predictor of the underlying mean would score on these ratings.

  A picture's mean rating over n raters who spread by s carries an error variance of
  s^2 / n. That is the smallest mean square error that can be hoped for, and
  1 - error variance / rating variance is the largest R2, whose root is the largest r.

  Args:
    rated: (N,) mean ratings.
    rating_std: (N,) sample standard deviation over raters, NaN where unknown.
    num_raters: (N,) how many raters, below 1 or NaN where unknown.
  Returns:
    `mse`, `r2`, `pearson_r` and `num_images` (pictures with known spread and two or
    more raters), or None where no picture has both.
  Source: classical test theory: reliability is true variance over observed variance.
  """
  rated = np.asarray(rated, np.float64)
  rating_std = np.asarray(rating_std, np.float64)
  num_raters = np.asarray(num_raters, np.float64)
  # One rater's spread is not 0 but unknown, whatever a table says of it.
  has_both = np.isfinite(rating_std) & np.isfinite(num_raters) & (num_raters > 1)
  if not has_both.any():
    return None
  error = float(np.mean(np.square(rating_std[has_both]) / num_raters[has_both]))
  variance = float(np.var(rated[has_both]))
  reliability = max(0.0, 1 - error / variance) if variance > 0 else math.nan
  return {
    "mse": error,
    "r2": reliability,
    "pearson_r": math.sqrt(reliability) if reliability >= 0 else math.nan,
    "num_images": int(has_both.sum()),
  }


def _checked(predicted: np.ndarray, rated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  predicted = np.asarray(predicted, np.float64)
  rated = np.asarray(rated, np.float64)
  if predicted.shape != rated.shape or predicted.ndim != 1 or not len(rated):
    raise ValueError(
      "scores need two equally long lists of at least one number; got shapes "
      f"{predicted.shape} and {rated.shape}"
    )
  if not (np.isfinite(predicted).all() and np.isfinite(rated).all()):
    raise ValueError("scores need finite numbers; got NaN or infinity")
  return predicted, rated
