"""How much memory Python's objects take while a test does something."""

import contextlib
import tracemalloc
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def memory() -> Iterator[Callable[[], int]]:
  """Within it allocations are noted; what it gives says the most so far, in bytes.

  Noting slows down all that follows, so it ends with the block, however that ends.
  """
  tracemalloc.start()
  try:
    yield lambda: tracemalloc.get_traced_memory()[1]
  finally:
    tracemalloc.stop()
