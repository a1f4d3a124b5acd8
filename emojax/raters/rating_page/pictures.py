"""Picture files as the rating page shows them.

In: a folder of pictures. Out: one `Row` per file with its status, and a `Image` for
each that a browser can show: upright, and no larger than asked, as part of the page; or
by its address on a server.
"""

import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

from emojax import images
from emojax.images.thumbnails import jpeg
from emojax.raters.config import RatingPageConfig
from emojax.utils import files, names, progress

_THREADS = 2
_HINTED = 5  # missing names for which a like one is looked for, which takes time
_NOT_SHOWN = ("TIFF", "HEIC")  # by browsers


@dataclasses.dataclass(frozen=True)
class Image:
  """A picture as the page has it.

  Attributes:
    name: what the CSV calls it: its path below the folder, with slashes.
    source: its address: a JPEG as a data address, or where it is loaded from.
    width, height: pixels.
    digest: of the file, hexadecimal.
  """

  name: str
  source: str
  width: int
  height: int
  digest: str


@dataclasses.dataclass(frozen=True)
class Row:
  """What became of a picture file: "ok", or "error" with the reason."""

  path: str
  status: str
  reason: str


def collect(
  folder: pathlib.Path,
  settings: RatingPageConfig,
  show: bool = False,
  only: Sequence[str] | None = None,
) -> Iterator[tuple[Row, Image | None]]:
  """Reads pictures below a folder.

  Args:
    folder: searched with its subfolders.
    settings: size, quality, and whether pictures are embedded or referred to.
    show: a progress bar on standard error.
    only: names of pictures below the folder, as `names.Files` takes them; None: every
      picture there.
  Yields:
    One row per file, in the order of `images.walk` or of `only`, and the picture where
    it can be shown.
  Raises:
    ImageError: there is no such folder.
  """
  paths = images.walk(folder)
  problems: dict[pathlib.Path, str] = {}
  if only is not None:
    paths, problems = _listed(folder, paths, only)
  with (
    concurrent.futures.ThreadPoolExecutor(_THREADS) as pool,
    progress.bar(len(paths), "picture", show) as bar,
  ):
    # A bounded number at a time: pictures wait in memory until they are taken.
    for start in range(0, len(paths), 16 * _THREADS):
      some = paths[start : start + 16 * _THREADS]
      read = pool.map(lambda path: _read(path, folder, settings, problems), some)
      for row, image in read:
        bar.update()
        yield row, image


def _listed(
  folder: pathlib.Path, paths: Sequence[pathlib.Path], only: Sequence[str]
) -> tuple[list[pathlib.Path], dict[pathlib.Path, str]]:
  """The files that listed names mean, each once, and what is wrong with some names."""
  there = names.Files(path.relative_to(folder).as_posix() for path in paths)
  resolved = there.resolve(only)
  listed: list[pathlib.Path] = []
  problems: dict[pathlib.Path, str] = {}
  for place, image_id in enumerate(resolved.image_ids):
    path = folder / (image_id or only[place])
    listed.append(path)
    if place in resolved.problems:
      problems[path] = resolved.problems[place]
    elif len(problems) < _HINTED and not os.path.exists(path):
      hint = there.hint(image_id)
      problems[path] = "there is no such file" + (f"; there is {hint}" if hint else "")
  return list(dict.fromkeys(listed)), problems


def _read(
  path: pathlib.Path,
  folder: pathlib.Path,
  settings: RatingPageConfig,
  problems: Mapping[pathlib.Path, str],
) -> tuple[Row, Image | None]:
  """One file as a row, and as a picture where it can be shown."""
  relative = path.relative_to(folder)
  name = files.utf8(relative.as_posix())
  try:
    if path in problems:
      raise images.ImageError(problems[path])
    if not settings.base_url:
      images.check_named(path, [folder])
    if settings.post_url and any(end in name for end in "\r\n"):
      raise images.ImageError(
        "its name has a line break, which a form post does not keep; rename it"
      )
    content = images.read(path)
    rgb = images.load(content)
    if settings.base_url and (hidden := images.kind(content)) in _NOT_SHOWN:
      raise images.ImageError(
        f"browsers do not show {hidden}; save it as PNG, or leave out --base_url"
      )
  except images.ImageError as error:
    return Row(name, "error", str(error)), None
  if settings.base_url:
    # The name as the server has it, whatever bytes it is made of.
    source = f"{settings.base_url.rstrip('/')}/" + urllib.parse.quote(
      os.fsencode(relative.as_posix())
    )
    height, width = rgb.shape[:2]
  else:
    source, width, height = jpeg(rgb, settings.side_px, settings.quality)
  digest = hashlib.sha256(content).hexdigest()
  return Row(name, "ok", ""), Image(name, source, width, height, digest)
