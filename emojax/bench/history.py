"""The page of what the bench measured over time: a section for each kind of machine.

In: reports. Out: a `Page` with every figure's ratio at every date.
"""

import collections
from collections.abc import Mapping, Sequence

from emojax.bench import report as report_lib
from emojax.bench.measure import Figure
from emojax.bench.report import Report
from emojax.pages import figures, page

_NOTES = (
  "A ratio is how many times as fast as the peer, or which share of the limit, that "
  "was measured in the same run; for memory, how many times the peak has room in its "
  "limit. Only ratios are compared over time: both sides of one feel a busy machine.",
)
_Run = Mapping[str, Figure]  # the figures of a date by their names


def of_reports(reports: Sequence[Report]) -> page.Page:
  """The page; at least one report. Of a figure measured twice a day the last counts."""
  kinds: dict[str, dict[str, dict[str, Figure]]] = collections.defaultdict(dict)
  for one in sorted(reports, key=lambda report: str(report.machine["date"])):
    run = kinds[one.kind].setdefault(one.machine["date"], {})
    run |= {report_lib.name(figure): figure for figure in one.figures}
  drawn = {}
  sections = []
  for number, (kind, runs) in enumerate(sorted(kinds.items()), 1):
    drawn[f"ratios-{number}"] = figures.over_time(_ratios(runs))
    image = page.drawn(drawn[f"ratios-{number}"], f"The ratios of the table, {kind}")
    table = page.Table(f"Ratios, {kind}", _rows(runs))
    sections.append(page.Section(kind, tables=[table], figures=[image]))
  return page.Page("Speed over time", _NOTES, sections, drawn)


def _names(runs: Mapping[str, _Run]) -> list[str]:
  """The names of all figures, in the order in which they first came."""
  return list(dict.fromkeys(name for run in runs.values() for name in run))


def _ratios(runs: Mapping[str, _Run]) -> dict[str, dict[str, float]]:
  """Name of a figure -> date -> ratio, where it was measured."""
  return {
    name: {date: run[name].ratio for date, run in runs.items() if name in run}
    for name in _names(runs)
  }


def _rows(runs: Mapping[str, _Run]) -> list[list[str]]:
  """The table: ratios by date, and the last figure itself."""
  lines = [["what", "beside", *runs, "last", "its peer's", "goal"]]
  for name, ratios in _ratios(runs).items():
    last = runs[max(ratios)][name]
    cells = [f"{ratios[date]:.2f}" if date in ratios else "" for date in runs]
    values = [f"{value:.4g} {last.unit}" for value in (last.value, last.peer_value)]
    lines.append([last.what, last.peer, *cells, *values, last.goal])
  return lines
