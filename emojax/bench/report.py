"""Reports of the bench as files, and what became slower from one to another.

In: figures and the machine they were measured on. Out: JSON; lines for people.
"""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from emojax.bench.measure import Figure
from emojax.utils import errors, files, records

_LEAST_NOISE = 0.05  # a share: what a few turns show of the noise is seldom all of it
_OLD_NOISE = 0.1  # of figures that were measured before their spread was
_REPORT = {
  "figures": [
    {
      "what": str,
      "value": float,
      "unit": str,
      "peer": str,
      "peer_value": float,
      "ratio": float,
      "goal?": str,
      "spread?": float,
      "note?": str,
    }
  ],
  "peak_memory_mb": {str: {str: float}},
  "machine": {"date": str, "device": str, "cores": int, "processor?": str},
}


@dataclasses.dataclass(frozen=True)
class Report:
  """What one run of the bench measured.

  Attributes:
    figures: see `Figure`.
    peak_memory_mb: part -> what used memory -> its peak.
    machine: what it ran on, with the date and the versions.
  """

  figures: Sequence[Figure]
  peak_memory_mb: Mapping[str, Mapping[str, int]]
  machine: Mapping[str, Any]

  @property
  def kind(self) -> str:
    """The kind of machine, such as "2 cores of AMD EPYC, 1 x cpu"."""
    of = self.machine
    processor = of.get("processor", "a processor without a name")
    return f"{of['cores']} cores of {processor}, {of['device']}"


def write(path: pathlib.Path, report: Report) -> None:
  """Writes a report as JSON, whole or not at all."""
  files.write(path, files.json_text(dataclasses.asdict(report)))


def read(path: pathlib.Path) -> Report:
  """A report that `write` wrote, or an earlier version of emojax.

  Raises:
    UserError: it cannot be read, or is something else.
  """
  try:
    content = files.read_json(path)
    records.check(content, _REPORT)
  except (OSError, ValueError) as error:
    raise errors.UserError(
      f"{path} is no report of emojax.bench: {errors.told(error)}; give a file that "
      "its --output wrote"
    ) from error
  known = [field.name for field in dataclasses.fields(Figure)]
  figures = [
    Figure(**{"spread": _OLD_NOISE} | {k: f[k] for k in known if k in f})
    for f in content["figures"]
  ]
  return Report(figures, content["peak_memory_mb"], content["machine"])


@dataclasses.dataclass(frozen=True)
class Change:
  """A figure of two reports.

  Attributes:
    name: what was measured, and beside what.
    old, new: its ratios.
    noise: by how much they may differ for no reason, as a share.
  """

  name: str
  old: float
  new: float
  noise: float

  @property
  def is_slower(self) -> bool:
    return self.new < self.old * (1 - self.noise)

  @property
  def line(self) -> str:
    return (
      f"{self.name}: {self.old:.2f} before, {self.new:.2f} now "
      f"({100 * (self.new / self.old - 1):+.0f} %, noise {100 * self.noise:.0f} %)"
    )


def changes(old: Report, new: Report) -> list[Change]:
  """The figures that both have, by their ratios to a peer or a limit.

  Ratios, because both sides of one are measured in the same minutes: another load, or
  another machine of the same kind, changes both.
  """
  before = {name(figure): figure for figure in old.figures}
  return [
    Change(
      name(figure),
      before[name(figure)].ratio,
      figure.ratio,
      max(before[name(figure)].spread + figure.spread, _LEAST_NOISE),
    )
    for figure in new.figures
    if name(figure) in before
  ]


def name(figure: Figure) -> str:
  """What tells a figure from the others of its report."""
  return f"{figure.what}, beside {figure.peer}"
