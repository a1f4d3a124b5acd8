"""Which files below a folder are images, in one fixed order."""

import os
import pathlib

from emojax.images.decode import ImageError

SUFFIXES = (
  *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
  *(".heic", ".heif", ".avif"),  # of telephones
)


def walk(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
  """All pictures below a folder, known by their suffix, in one fixed order.

  Hidden files and folders (a leading dot) are left out, and linked folders are not
  followed. The order is that of the path's parts below `folder`, by code point, on
  every system.

  Args:
    folder: where to look, in all its subfolders.
  Returns:
    Paths that begin with `folder`; empty when there are no pictures.
  Raises:
    ImageError: `folder` is not a folder or cannot be listed.
  """
  return [path for path in _files_below(folder) if _is_named_image(path)]


def others(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
  """Files below a folder that `walk` leaves out because of their suffix; see there."""
  return [path for path in _files_below(folder) if not _is_named_image(path)]


def _is_named_image(path: pathlib.Path) -> bool:
  return path.name.lower().endswith(SUFFIXES)


def _files_below(folder: str | os.PathLike[str]) -> list[pathlib.Path]:
  """Every file below a folder that is not hidden, in the order of `walk`."""
  root = pathlib.Path(folder)
  if not root.is_dir():
    what = "is a file" if root.exists() else "does not exist"
    raise ImageError(f"expected a folder of pictures, but {root} {what}")

  def refuse(error: OSError):
    raise ImageError(f"cannot list the folder {error.filename}: {error.strerror}")

  paths: list[pathlib.Path] = []
  for parent, folders, files in os.walk(root, onerror=refuse):
    folders[:] = [name for name in folders if not name.startswith(".")]
    paths += [pathlib.Path(parent, name) for name in files if name[:1] != "."]
  return sorted(paths, key=lambda path: path.relative_to(root).parts)
