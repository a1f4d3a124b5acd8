"""A reader that does what none may, for the tests of `workers`."""

import os
import pathlib
import random
import sys
import time


def attack(folder: pathlib.Path, draw: random.Random) -> str:
  """Does one of five things, as a file beside the folder says."""
  del draw
  what = (folder.parent / "what").read_text()
  (folder / "input").write_text(what)
  match what:
    case "hang":
      time.sleep(60)
    case "die":
      os.abort()
    case "say":
      print("chatter", file=sys.stderr, flush=True)
    case "raise":
      raise KeyError("nobody expected this")
    case "eat":
      assert bytearray(b"x" * 10**8 * 3)
  return "value"
