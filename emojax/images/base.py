"""What readers of picture files share: their errors, and what they leave of a file."""

import abc
import dataclasses


class ImageError(ValueError):
  """A picture that cannot be read; the message is one line, without the file's name.

  Attributes:
    status: a word for tables: "error", or why there is nothing to see in it.
  """

  status = "error"


class MissingFile(ImageError):
  """There is no such file."""


class NothingToSee(ImageError):
  """An image that was read, but shows nothing: small, blank or transparent."""

  def __init__(self, status: str, reason: str):
    super().__init__(reason)
    self.status = status


class Elsewhere(abc.ABC):
  """A picture that lies inside of another file, or on another machine.

  Attributes:
    name: what tables call it.
    within: the path of the file on this machine that it lies in; else empty.
  """

  name: str
  within: str

  @abc.abstractmethod
  def fetch(self, limit: int) -> bytes | None:
    """Its bytes; None where they are more than `limit`. Called from any thread.

    Raises:
      ImageError: it cannot be read; says why.
    """


@dataclasses.dataclass(frozen=True)
class Frame:
  """Where the pixels of an animation's first picture belong.

  Attributes:
    canvas: width and height of the animation.
    box: left, top, right and bottom of the frame on it.
  """

  canvas: tuple[int, int]
  box: tuple[int, int, int, int]

  @property
  def is_whole(self) -> bool:
    """Whether the frame is all of the canvas."""
    return self.box == (0, 0, *self.canvas)


@dataclasses.dataclass(frozen=True)
class Essence:
  """What of a file decides about its pixels, without what stands beside them.

  Attributes:
    data: the file for its decoder.
    orientation: how to turn the decoded pixels, 1..8, see `exif`.
    profile: an ICC profile of its colours; None: sRGB, or the decoder knows.
    frame: where the pixels belong; None: they are all of the picture.
    quick: the file for a quicker decoder, see `jpeg.quick`; None: there is none.
  """

  data: bytes
  orientation: int = 1
  profile: bytes | None = None
  frame: Frame | None = None
  quick: bytes | None = None


def one_line(error: BaseException) -> str:
  """What an error says, on one line."""
  return " ".join(str(error).split()) or type(error).__name__
