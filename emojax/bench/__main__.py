"""`python -m emojax.bench`: how fast emojax is, beside a peer or a limit.

Every figure stands beside something measured in the same run on the same machine. Each
part runs in a process of its own, so that its peak memory is its own.

  python -m emojax.bench
  python -m emojax.bench --only=lbp,gist --output=bench.json
  python -m emojax.bench --compare=bench.json
  python -m emojax.bench --history=benchmarks --output=speed
"""

import pathlib

from absl import flags

from emojax import bench
from emojax.bench import apart, history
from emojax.bench import report as report_lib
from emojax.bench.measure import Figure
from emojax.bench.run import machine, run_part
from emojax.pages import page
from emojax.utils import cli, errors, files, options, terminal

_NAME = "emojax.bench"
_ABOUT = (
  "Measures speed and memory: training at the paper's size, the hand-written features, "
  "the networks, and extraction from JPEG files, each beside a peer or a limit "
  "measured in the same run. Takes about ten minutes on two cores; close other "
  "programs first."
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_list("only", list(bench.PARTS), "Which parts to measure.")
  flags.DEFINE_string(
    "output", "", "Where to write the figures as JSON; with --history, a folder."
  )
  flags.DEFINE_string(
    "compare",
    "",
    "An earlier --output: name what has become slower since, by more than the noise of "
    "both, and end with exit status 1 if anything has.",
  )
  flags.DEFINE_string(
    "history",
    "",
    "A folder of earlier --outputs: draw their ratios over time instead of measuring, "
    "as a page in the folder --output.",
  )
  options.define(bench.Size, _NAME)


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  del arguments  # there are none
  size = options.read(bench.Size())
  for name in flags.FLAGS.only:
    if name not in bench.PARTS:
      raise errors.UserError(f"--only knows {', '.join(bench.PARTS)}; got {name!r}")
  output = pathlib.Path(flags.FLAGS.output).expanduser()
  if flags.FLAGS.history:
    _draw(pathlib.Path(flags.FLAGS.history).expanduser(), output)
    return
  if flags.FLAGS.output:
    files.check_writable(output)
  old = None
  if flags.FLAGS.compare:
    old = report_lib.read(pathlib.Path(flags.FLAGS.compare).expanduser())
  report = _measure(flags.FLAGS.only, size)
  if flags.FLAGS.output:
    report_lib.write(output, report)
  if old:
    _compare(old, report)


def _measure(parts: list[str], size: bench.Size) -> report_lib.Report:
  """Measures some parts, and prints each figure as soon as it is there."""
  figures: list[Figure] = []
  peaks = {}
  terminal.say("| what | emojax | beside | its figure | ratio | goal |")
  terminal.say("| --- | ---: | --- | ---: | ---: | --- |")
  for name in parts:
    measured, memory = apart.call(run_part, name, size)
    peaks[name] = {k: round(v) for k, v in memory.items()}
    figures += measured
    for f in measured:
      note = f" ({f.note})" if f.note else ""
      terminal.say(
        f"| {f.what}{note} | {f.value:.4g} {f.unit} | {f.peer} | {f.peer_value:.4g} "
        f"{f.unit} | {f.ratio:.2f} | {f.goal} |",
      )
  report = report_lib.Report(figures, peaks, apart.call(machine))
  terminal.say("\nPeak memory, MB: " + files.json_line(peaks)[:-1])
  terminal.say("Machine: " + files.json_line(report.machine)[:-1])
  return report


def _compare(old: report_lib.Report, new: report_lib.Report) -> None:
  """Says what has changed.

  Raises:
    UserError: something has become slower, or nothing can be compared.
  """
  changes = report_lib.changes(old, new)
  if not changes:
    raise errors.UserError(
      "--compare: no figure was measured both times; choose the same parts with --only"
    )
  if old.kind != new.kind:
    terminal.say(f"\nAnother kind of machine: {old.kind} before, {new.kind} now.")
  slower = [change for change in changes if change.is_slower]
  terminal.say(f"\nCompared: {len(changes)} figures, {len(slower)} slower.")
  for change in slower:
    terminal.say(f"Slower: {change.line}")
  if slower:
    raise errors.UserError(
      f"{len(slower)} of {len(changes)} figures are slower than before by more than "
      "the noise; close other programs and measure again, or see what has changed"
    )


def _draw(folder: pathlib.Path, output: pathlib.Path) -> None:
  """Draws the page of the reports in a folder.

  Raises:
    UserError: there is none, one is something else, or no output is named.
  """
  if not flags.FLAGS.output:
    raise errors.UserError("--history needs --output, a folder for the page")
  paths = sorted(folder.glob("*.json"))
  if not paths:
    raise errors.UserError(f"--history: {folder} has no .json file of emojax.bench")
  content = history.of_reports([report_lib.read(path) for path in paths])
  page.write(output, content)
  terminal.say(f"{output / 'index.html'}: {len(paths)} reports")


if __name__ == "__main__":
  define_flags()
  cli.run(
    main, _NAME, _ABOUT, settings=(bench.Size,), example="--only=predict --repeats=3"
  )
