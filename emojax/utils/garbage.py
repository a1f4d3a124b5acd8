"""When Python looks for garbage: objects that nothing but each other refers to.

Importing JAX and tracing a network makes hundreds of thousands of objects that stay.
Python would look through them again and again while their number grows.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
  """Within it Python does not look for garbage; for what hardly leaves any."""
  was_enabled = gc.isenabled()
  gc.disable()
  try:
    yield
  finally:
    if was_enabled:
      gc.enable()


def spare_what_is_here() -> None:
  """Has Python never look through the objects that are here; a choice for programs."""
  gc.freeze()
