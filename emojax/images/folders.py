"""Which files below a folder are images, in one fixed order, and which are not.

Two rules hold in every program. Links are followed, wherever they lead: features and
ratings are numbers, and whoever put a link into the folder meant what it shows. Each
folder is listed once, however many links lead to it or back to itself. But a page is
passed on, and links and tables may be a stranger's: it shows only images that lie below
what the user named (`check_named`), and says which ones it does not show.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterable, Sequence

from emojax.images.base import ImageError

SUFFIXES = (
  *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
  *(".heic", ".heif", ".avif"),  # of telephones
  # Other names of the same kinds.
  *(".pjpeg", ".pjp", ".apng", ".dib", ".hif", ".heics", ".heifs", ".avifs"),
)


@dataclasses.dataclass(frozen=True)
class Listing:
  """What lies below a folder, each in the order of its path's parts, by code point.

  Attributes:
    images: files with the ending of one, and folders that cannot be listed: reading
      those says why.
    others: files with another ending.
    hidden: files with the ending of an image and a leading dot; what hidden folders
      hold is not looked at.
    repeats: links to folders that are listed under another name.
  """

  images: list[pathlib.Path]
  others: list[pathlib.Path]
  hidden: list[pathlib.Path]
  repeats: list[pathlib.Path]


def walk(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
  """All pictures below a folder, see `Listing.images`; ImageError as `listing`."""
  return listing(folder).images


def others(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
  """Files below a folder that `walk` leaves out because of their ending."""
  return listing(folder).others


def listing(folder: str | os.PathLike[str]) -> Listing:
  """What lies below a folder, in all its subfolders and in those that links name.

  Args:
    folder: where to look.
  Returns:
    Paths that begin with `folder`; empty lists when there is nothing.
  Raises:
    ImageError: `folder` is not a folder or cannot be listed.
  """
  root = pathlib.Path(folder)
  if not os.path.isdir(root):  # pathlib's raises for a name that is too long
    what = "is a file" if os.path.exists(root) else "does not exist"
    raise ImageError(f"expected a folder of pictures, but {root} {what}")
  result = Listing([], [], [], [])
  visited: set[tuple[int, int]] = set()
  # Links come last, so that a folder goes by its own name where it has one.
  folders, links = [root], list[pathlib.Path]()
  while folders or links:
    is_link = not folders
    place = folders.pop() if folders else links.pop()
    try:
      status = os.stat(place)
      entries = os.listdir(place)
    except OSError as error:
      if place == root:
        raise ImageError(f"cannot list the folder {root}: {error.strerror}") from error
      result.images.append(place)
      continue
    if (status.st_dev, status.st_ino) in visited:
      if is_link:
        result.repeats.append(place)
      continue
    visited.add((status.st_dev, status.st_ino))
    for path in (place / name for name in entries):
      if path.name.startswith("."):
        if _is_named_image(path) and not path.is_dir():
          result.hidden.append(path)
      elif not os.path.isdir(path):
        (result.images if _is_named_image(path) else result.others).append(path)
      else:
        (links if path.is_symlink() else folders).append(path)
    links.sort(key=functools.partial(_order, root), reverse=True)
  for paths in (result.images, result.others, result.hidden, result.repeats):
    paths.sort(key=functools.partial(_order, root))
  return result


def check_named(
  path: str | os.PathLike[str], named: Iterable[str | os.PathLike[str]]
) -> None:
  """Refuses an image for a page unless it lies below what the user named.

  Args:
    path: of the image; links and dots in it are resolved.
    named: folders and files that the user named, links to them too.
  Raises:
    ImageError: it lies elsewhere; says where.
  """
  try:
    place = pathlib.Path(os.path.realpath(path))
  except ValueError as error:  # a zero byte in the name
    raise ImageError(f"the file cannot be opened: {error}") from error
  if not any(place.is_relative_to(os.path.realpath(folder)) for folder in named):
    raise ImageError(
      f"it lies in {place.parent}, outside of what was named, so no page shows it; "
      "name that folder too, or copy the picture"
    )


def passed_over(folders: Iterable[str | os.PathLike[str]]) -> str:
  """What has no row although it lies in some folders, as one sentence; or nothing.

  Args:
    folders: others than folders that can be listed count for nothing.
  """
  listings = []
  for folder in folders:
    with contextlib.suppress(ImageError):
      listings.append(listing(folder))
  return left_out(listings)


def left_out(listings: Sequence[Listing]) -> str:
  """What has no row although it is in some listings, as `passed_over` says it."""
  endings = ", ".join(SUFFIXES)
  parts = []
  for name, what in (
    ("others", f"are no pictures by their endings ({endings})"),
    ("hidden", "are hidden pictures, with a leading dot"),
  ):
    number = sum(len(getattr(entry, name)) for entry in listings)
    if number:
      parts.append(f"{number} other files in the folders {what}")
  repeats = sum(len(entry.repeats) for entry in listings)
  if repeats:
    parts.append(f"{repeats} links lead to folders that are listed already")
  return "; ".join(parts) + " and have no row" * bool(parts)


def _order(root: pathlib.Path, path: pathlib.Path) -> tuple[str, ...]:
  return path.relative_to(root).parts


def _is_named_image(path: pathlib.Path) -> bool:
  return path.name.lower().endswith(SUFFIXES)
