"""Reports of the bench: what became slower, their history, and what is no report."""

import helpers
import pytest

from emojax.bench import history, report
from emojax.bench.measure import Figure, Timing, figure
from emojax.utils import errors

MACHINE = {"date": "2026-11-23", "device": "1 x cpu", "cores": 2, "processor": "A"}


def a_figure(what: str, ratio: float, spread: float = 0.02) -> Figure:
  """A figure beside a peer that takes a second."""
  return Figure(what, 1 / ratio, "s", "a peer", 1.0, ratio, "", spread)


def a_report(*figures: Figure, **machine) -> report.Report:
  return report.Report(figures, {"lbp": {"process": 100}}, MACHINE | machine)


def test_a_figure_is_of_medians_and_swings_as_both_sides_do():
  ours, peers = Timing((1.0, 9.0, 1.1, 1.0, 1.2)), Timing((2.2, 2.2, 2.2))
  made = figure("lbp", "s", ours, "a peer", peers)
  assert (made.value, made.peer_value) == (1.1, 2.2)
  assert made.ratio == pytest.approx(2)
  assert made.spread == pytest.approx(0.2 / 1.1)
  rate = figure("lbp", "pictures/s", ours.of(11), "a peer", peers.of(11))
  assert (rate.value, rate.peer_value) == pytest.approx((10, 5))
  assert rate.ratio == pytest.approx(2)


def test_slower_is_what_lost_more_than_the_noise_of_both():
  old = a_report(a_figure("gone", 1), a_figure("lbp", 2), a_figure("gist", 2, 0.2))
  new = a_report(a_figure("lbp", 1.8), a_figure("gist", 1.7), a_figure("new", 1))
  lbp, gist = report.changes(old, new)
  assert lbp.is_slower
  assert lbp.line == ("lbp, beside a peer: 2.00 before, 1.80 now (-10 %, noise 5 %)")
  assert not gist.is_slower
  assert not any(change.is_slower for change in report.changes(new, old))


def test_a_report_is_read_as_it_was_written(tmp_path):
  written = a_report(a_figure("lbp", 2), a_figure("gist", 0.5))
  report.write(tmp_path / "a.json", written)
  read = report.read(tmp_path / "a.json")
  assert list(read.figures) == list(written.figures)
  assert (read.peak_memory_mb, read.machine) == (written.peak_memory_mb, MACHINE)
  assert read.kind == "2 cores of A, 1 x cpu"


@pytest.mark.parametrize(
  ("content", "expected"),
  [
    ("{", "no report of emojax.bench: "),
    ("[]", "it should be an object"),
    ('{"figures": [{"what": 3}]}', "figures[0].what should be text, not 3"),
    ('{"figures": [], "peak_memory_mb": {}}', "machine is missing"),
    (None, "No such file"),
  ],
)
def test_what_is_no_report_is_told(tmp_path, content, expected):
  path = tmp_path / "a.json"
  if content is not None:
    path.write_text(content)
  with pytest.raises(errors.UserError) as raised:
    report.read(path)
  assert expected in str(raised.value)
  assert str(path) in str(raised.value)


def test_the_history_has_a_section_for_each_kind_of_machine():
  content = history.of_reports(
    [
      a_report(a_figure("lbp", 3), a_figure("gist", 1), date="2026-11-25"),
      a_report(a_figure("lbp", 2)),
      a_report(a_figure("lbp", 2), date="2026-11-24"),
      a_report(a_figure("lbp", 5), processor="B"),
    ]
  )
  first, second = content.sections
  assert [first.title, second.title] == [
    "2 cores of A, 1 x cpu",
    "2 cores of B, 1 x cpu",
  ]
  head, lbp, gist = first.tables[0].rows
  assert head[2:5] == ["2026-11-23", "2026-11-24", "2026-11-25"]
  assert lbp[:6] == ["lbp", "a peer", "2.00", "2.00", "3.00", "0.3333 s"]
  assert gist[:5] == ["gist", "a peer", "", "", "1.00"]


def test_the_program_draws_the_reports_of_a_folder(tmp_path):
  for day in (23, 24):
    one = a_report(a_figure("<lbp>", day), date=f"2026-11-{day}")
    report.write(tmp_path / f"{day}.json", one)
  output = tmp_path / "speed"
  done = helpers.run(
    "-m", "emojax.bench", f"--history={tmp_path}", f"--output={output}"
  )
  assert done.returncode == 0, done.stderr
  assert "2 reports" in done.stdout
  text = (output / "index.html").read_text()
  assert "&lt;lbp&gt;" in text
  assert "<lbp>" not in text
