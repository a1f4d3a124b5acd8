"""`python -m emojax.app`: drop pictures on a page, see their ratings.

In: nothing but settings. Out: a page on this machine, until Ctrl-C.

  python -m emojax.app
  python -m emojax.app --run=runs/best --port=8080
"""

import importlib.util

from emojax import config
from emojax.app.config import AppConfig
from emojax.utils import cli, errors, options

_NAME = "emojax.app"
_ABOUT = (
  "A page on this machine for what python -m emojax.predict does: drop pictures or a "
  "folder, see each in the valence-arousal plane with its interval, keep the table as "
  "CSV, compare two, and see which parts of a picture its prediction depends on. "
  "Pictures go nowhere else, and their copies are deleted when it stops. Needs the "
  'extra app: pip install "emojax[app]".'
)
_UNUSED = (
  "features",
  "extra_features",
  "weights",
  "word_features",
  "network_precision",
)  # the run says which, and no table knows the pictures' names


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  options.define(AppConfig, _NAME)
  options.define(config.ExtractConfig, _NAME, leave_out=_UNUSED)


def main(arguments: list[str]) -> None:
  """The program; see the module."""
  del arguments
  settings = options.read(AppConfig()), options.read(config.ExtractConfig())
  if importlib.util.find_spec("gradio") is None:
    raise errors.UserError('the app needs Gradio: pip install "emojax[app]"')
  from emojax.app import server  # JAX and Gradio take seconds to import

  server.serve(*settings)


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(AppConfig, config.ExtractConfig),
    example="--run=runs/best --port=8080",
  )
