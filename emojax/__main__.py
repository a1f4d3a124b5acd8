"""`python -m emojax`: lists the programs; `emojax train ...` runs one of them.

The installed command `emojax PROGRAM ...` is `python -m emojax.PROGRAM ...`.
"""

import difflib
import importlib.util
import runpy
import sys

from emojax.utils import cli, terminal
from emojax.version import __version__

PROGRAMS = {
  "train": "train and cross-validate on rated pictures",
  "predict": "ratings of any pictures, by what comes with emojax or by your run",
  "app": "ratings on a page in your browser: drop pictures, look, compare",
  "export": "a finished run as one file to take elsewhere, with a model card",
  "extract": "features of a folder of pictures",
  "experiments": "the paper's tables and learning curves on your pictures",
  "weights": "trained weights of feature networks: list, get, convert",
  "report": "a run, several runs, an experiment or a dataset as one page",
  "words": "do pictures feel like the words for them? scores without training",
  "attributes": "category-level attributes of labelled pictures or a network",
  "raters": "single ratings to rated pictures, and the page they are made on",
  "bench": "speed beside a peer or a limit measured in the same run",
}


def main() -> None:
  """Lists the programs, or runs the one named by the first argument."""
  program = sys.argv[1] if len(sys.argv) > 1 else "--help"
  if program == "--version":
    terminal.say(f"emojax {__version__}")
  elif program in ("--help", "-h", "help"):
    cli.say(_listing())
  elif program in PROGRAMS:
    name = f"emojax.{program}.__main__"
    spec = importlib.util.find_spec(name)
    # As `python -m` has it, so that flags and messages are the same.
    sys.argv[:2] = [spec.origin if spec and spec.origin else name]
    runpy.run_module(name, run_name="__main__")
  else:
    near = difflib.get_close_matches(program, PROGRAMS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    programs = ", ".join(PROGRAMS)
    terminal.tell(
      f"emojax: error: no program called {program!r}; {hint}known: {programs}"
    )
    sys.exit(1)


def _listing() -> str:
  """The programs, one line each."""
  width = max(map(len, PROGRAMS))
  lines = [f"emojax {__version__}: how pleasant and how exciting people find a picture"]
  lines += [
    "",
    "Usage: emojax PROGRAM [--help] ... or python -m emojax.PROGRAM ...",
    "",
  ]
  lines += [f"  {name:<{width}}  {about}" for name, about in PROGRAMS.items()]
  return "\n".join(lines)


if __name__ == "__main__":
  main()
