"""`python -m emojax.export RUN --output=run.zip`: a finished run as one file.

In: a run folder. Out: a ZIP archive that `python -m emojax.predict --checkpoint=` and
`emojax.load` open as they open the folder. It holds no pictures and no ratings. With
--weights_dir the weights of the feature networks travel with it, so that nothing else
is needed where it is used.
"""

import pathlib

from absl import flags

from emojax.utils import cli, errors, files, terminal

_NAME = "emojax.export"
_ABOUT = (
  "Writes a finished run as one archive to take elsewhere: its networks, settings and "
  "a model card, and no pictures or ratings."
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string("output", "", "The archive, .zip; an old one is replaced.")
  flags.DEFINE_string(
    "weights_dir",
    "",
    "Folder of the feature networks' weights; those that no package brings are then "
    "part of the archive. Empty: whoever opens it needs them too.",
  )
  flags.DEFINE_string(
    "license",
    "unknown",
    "The licence under which you give the run away, for its model card; by its "
    "identifier on the Hugging Face hub, such as cc-by-4.0.",
  )


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  if len(arguments) != 1 or not flags.FLAGS.output:
    raise errors.UserError("name one run folder, and the archive with --output=RUN.zip")
  output = pathlib.Path(flags.FLAGS.output).expanduser()
  files.check_writable(output)
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  from emojax.predict import packing, trained_run

  run = trained_run.read(pathlib.Path(arguments[0]))
  carried = {}
  if flags.FLAGS.weights_dir:
    folder = pathlib.Path(flags.FLAGS.weights_dir).expanduser()
    carried = packing.weights_used(run, folder)
  packing.write_archive(run, output, carried, license=flags.FLAGS.license)
  size = output.stat().st_size / 1e6
  names = ", ".join(sorted(carried)) or "no feature networks"
  terminal.say(f"{output}: {size:.1f} MB with {names}")


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    arguments="RUN",
    example="runs/mine --output=mine.zip --license=cc-by-4.0",
  )
