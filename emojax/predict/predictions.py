"""What was predicted of some pictures, as plain arrays.

In: rows of several parts. Out: rows of all, or of some.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from emojax.utils.scales import Scale

# Scored; any other status stands for an image that is not.
OK, FAR, SIMULATED = "ok", "far", "simulated"


@dataclasses.dataclass(frozen=True)
class Predictions:
  """What was predicted, one entry per picture, in the order given.

  Attributes:
    paths: files; None for a picture that came otherwise.
    names: what tables call each: its path, its name inside of an archive, or its
      address; else empty. By default the paths.
    mean: target ("valence", "arousal") -> (N,) predicted rating on its scale; NaN where
      the picture could not be read.
    low, high: target -> (N,) ends of the interval in which the mean rating lies with
      the probability asked for; NaN where the run has none.
    std: target -> (N,) standard deviation over the networks of the folds: how far they
      disagree, which is far less than they may be off.
    distance: (N,) from the training pictures; 1 is as far as a typical one of them is
      from the others.
    status: "ok", "far" (scored, but unlike the training pictures), "simulated"
      (scored by a run that knows nothing of people), or not scored: "error", "small",
      "blank", "transparent".
    reason: one line, empty when ok.
    scales: target -> lowest and highest rating of the scale that `mean`, `low`, `high`
      and `std` are on.
  """

  paths: list[pathlib.Path | None]
  mean: dict[str, np.ndarray]
  low: dict[str, np.ndarray]
  high: dict[str, np.ndarray]
  std: dict[str, np.ndarray]
  distance: np.ndarray
  status: list[str]
  reason: list[str]
  scales: dict[str, Scale]
  names: list[str] = dataclasses.field(default_factory=list)

  def __post_init__(self):
    if not self.names:
      names = ["" if path is None else str(path) for path in self.paths]
      object.__setattr__(self, "names", names)

  def __len__(self) -> int:
    return len(self.paths)

  @property
  def is_scored(self) -> np.ndarray:
    """(N,) bool: whether there are numbers for an image."""
    return np.isin(self.status, (OK, FAR, SIMULATED))

  def only(self, rows: Sequence[int]) -> "Predictions":
    """Those of some of the images, in the order of `rows`."""
    chosen = list(rows)

    def of(numbers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
      return {target: values[chosen] for target, values in numbers.items()}

    return Predictions(
      paths=[self.paths[row] for row in chosen],
      mean=of(self.mean),
      low=of(self.low),
      high=of(self.high),
      std=of(self.std),
      distance=self.distance[chosen],
      status=[self.status[row] for row in chosen],
      reason=[self.reason[row] for row in chosen],
      scales=self.scales,
      names=[self.names[row] for row in chosen],
    )

  @property
  def valence(self) -> np.ndarray:
    """(N,) predicted valence; KeyError when the run did not learn it."""
    return self.mean["valence"]

  @property
  def arousal(self) -> np.ndarray:
    """(N,) predicted arousal; KeyError when the run did not learn it."""
    return self.mean["arousal"]


def joined(parts: Sequence[Predictions]) -> Predictions:
  """Predictions behind each other, one part or more of one run."""

  def of_targets(field: str) -> dict[str, np.ndarray]:
    tables = [getattr(part, field) for part in parts]
    return {t: np.concatenate([table[t] for table in tables]) for t in tables[0]}

  def listed(field: str) -> list:
    return [entry for part in parts for entry in getattr(part, field)]

  return Predictions(
    paths=listed("paths"),
    mean=of_targets("mean"),
    low=of_targets("low"),
    high=of_targets("high"),
    std=of_targets("std"),
    distance=np.concatenate([part.distance for part in parts]),
    status=listed("status"),
    reason=listed("reason"),
    scales=parts[0].scales,
    names=listed("names"),
  )
