"""`python -m emojax.bench`: how fast emojax is, beside a peer or a limit.

Every figure stands beside something measured in the same run on the same machine. Each
part runs in a process of its own, so that its peak memory is its own.

  python -m emojax.bench
  python -m emojax.bench --only=lbp,gist --output=bench.json
"""

import dataclasses
import pathlib
from typing import Any

from absl import flags

from emojax import bench
from emojax.bench import apart
from emojax.bench.run import machine, run_part
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
  flags.DEFINE_string("output", "", "Where to write the figures as JSON.")
  options.define(bench.Size, _NAME)


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  del arguments  # there are none
  size = options.read(bench.Size())
  for name in flags.FLAGS.only:
    if name not in bench.PARTS:
      raise errors.UserError(f"--only knows {', '.join(bench.PARTS)}; got {name!r}")
  output = pathlib.Path(flags.FLAGS.output).expanduser()
  if flags.FLAGS.output:
    files.check_writable(output)
  report: dict[str, Any] = {"figures": [], "peak_memory_mb": {}}
  terminal.say("| what | emojax | beside | its figure | ratio | goal |")
  terminal.say("| --- | ---: | --- | ---: | ---: | --- |")
  for name in flags.FLAGS.only:
    figures, memory = apart.call(run_part, name, size)
    report["peak_memory_mb"][name] = {k: round(v) for k, v in memory.items()}
    for f in figures:
      report["figures"].append(dataclasses.asdict(f))
      terminal.say(
        f"| {f.what} | {f.value:.4g} {f.unit} | {f.peer} | {f.peer_value:.4g} "
        f"{f.unit} | {f.ratio:.2f} | {f.goal} |",
      )
  report["machine"] = apart.call(machine)
  terminal.say("\nPeak memory, MB: " + files.json_line(report["peak_memory_mb"])[:-1])
  terminal.say("Machine: " + files.json_line(report["machine"])[:-1])
  if flags.FLAGS.output:
    text = files.json_text(report)
    files.write(output, text)


if __name__ == "__main__":
  define_flags()
  cli.run(
    main, _NAME, _ABOUT, settings=(bench.Size,), example="--only=predict --repeats=3"
  )
