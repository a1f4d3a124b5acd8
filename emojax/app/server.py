"""Serves the page until the program is stopped, and deletes what was dropped on it.

In: settings. Out: a line with the address.
"""

import contextlib
import os
import tempfile
import time
from typing import NoReturn

from emojax.app import interface, ratings
from emojax.app.config import AppConfig
from emojax.config import ExtractConfig
from emojax.utils import errors, runtime, signals, terminal

_LOOK_SECONDS = 0.2
_STOPPED = "stopped; the copies of pictures are deleted"


def serve(
  config: AppConfig | None = None, settings: ExtractConfig | None = None
) -> NoReturn:
  """Opens the first run, then serves until a signal comes.

  A Space of the Hugging Face hub is this function with the host 0.0.0.0.

  Raises:
    ValueError: the run cannot be opened.
    OSError: the address or the port cannot be had.
  """
  config, settings = config or AppConfig(), settings or ExtractConfig()
  signals.install()  # also where no program of emojax called this
  signals.tell("emojax.app", _STOPPED)
  runtime.start(settings.cache_dir)
  rater = ratings.Rater(config, settings)
  rater.opened(config.run)
  with tempfile.TemporaryDirectory(
    prefix="emojax-app-", ignore_cleanup_errors=True
  ) as folder:
    os.environ["GRADIO_TEMP_DIR"] = folder  # read where parts of the page are made
    demo = interface.build(config, rater, folder)
    try:
      _, address, _ = demo.launch(
        server_name=config.host,
        server_port=config.port or None,
        max_file_size=config.max_file_mb << 20,
        prevent_thread_lock=True,
        quiet=True,
        **interface.LOOK,
      )
    except OSError as error:  # Gradio's message names settings of its own
      raise errors.UserError(
        f"cannot serve at {config.host}:{config.port}: the port is in use, or the "
        "address is not this machine's; choose another --port or --host"
      ) from error
    terminal.say(f"emojax.app: open {address} in a browser; Ctrl-C ends it")
    # Closing Gradio's server takes longer than a signal waits; it ends with the
    # process, and what matters is that the folder goes.
    signals.begin_loop(demo)
    with contextlib.suppress(signals.Stopped):
      while True:
        signals.check()
        time.sleep(_LOOK_SECONDS)
  signals.leave(1)
