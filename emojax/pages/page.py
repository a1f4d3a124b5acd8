"""Sections to one HTML page that needs nothing else: no network, no script.

In: titles, prose, tables, figures, galleries. Out: HTML; every text from data is
escaped by the template. Figures and thumbnails are part of the page.
"""

import base64
import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence

import jinja2
import matplotlib
from matplotlib.figure import Figure

from emojax.pages import lettering
from emojax.utils import files


@dataclasses.dataclass(frozen=True)
class Table:
  """Rows of text; the first is the head, and first cells are row heads.

  Attributes:
    is_words: cells are words, not numbers, and stand on the left.
  """

  caption: str
  rows: Sequence[Sequence[str]]
  is_words: bool = False


@dataclasses.dataclass(frozen=True)
class Image:
  """A figure, or one picture of a gallery.

  Attributes:
    source: a data address.
    alt: what it shows, for those who cannot see it.
    caption: below it.
    left, top: its place in a plane, percent.
    missing: letters of a figure that no installed font has.
  """

  source: str
  alt: str
  caption: str = ""
  left: float = 0.0
  top: float = 0.0
  missing: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
  """One part of a page.

  Attributes:
    title: its heading.
    prose: paragraphs before the rest.
    tables, figures: in order.
    gallery: pictures side by side; `is_plane` puts them at their places instead, and
      `is_pairs` gives them room for two.
    corners: of a plane: what its upper left, upper right, lower left and lower right
      corner stand for.
  """

  title: str
  prose: Sequence[str] = ()
  tables: Sequence[Table] = ()
  figures: Sequence[Image] = ()
  gallery: Sequence[Image] = ()
  is_plane: bool = False
  is_pairs: bool = False
  corners: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Page:
  """A whole page.

  Attributes:
    title: its heading.
    notes: what a reader must be told first.
    sections: the rest.
    figures: file name -> the figures of the sections, to be kept as files too.
  """

  title: str
  notes: Sequence[str]
  sections: Sequence[Section]
  figures: Mapping[str, Figure]


_TEMPLATES = jinja2.Environment(
  loader=jinja2.PackageLoader("emojax.pages", ""), autoescape=True, trim_blocks=True
)


def render(title: str, notes: Sequence[str], sections: Sequence[Section]) -> str:
  """The page.

  Args:
    title: of the page.
    notes: what a reader must be told first; letters that figures lack are added.
    sections: the rest.
  """
  has_images = any(section.gallery for section in sections)
  figures = [figure for section in sections for figure in section.figures]
  missing = dict.fromkeys(letter for figure in figures for letter in figure.missing)
  if missing:
    example = next(iter(missing)).encode("unicode_escape").decode()
    notes = [
      *notes,
      f"No font on this machine has the letters {''.join(missing)}, which stand in the "
      f"figures as {example} and so on: install one that has them and repeat this.",
    ]
  return _TEMPLATES.get_template("page.html").render(
    title=title, notes=notes, sections=sections, has_images=has_images
  )


def drawn(figure: Figure, alt: str, caption: str = "") -> Image:
  """A matplotlib figure as part of a page."""
  missing = lettering.as_written(figure)
  source = "data:image/png;base64," + base64.b64encode(image(figure, "png")).decode()
  return Image(source, alt, caption, missing=missing)


def image(figure: Figure, kind: str) -> bytes:
  """A figure as a file, "png" or "svg", its texts as they were written."""
  lettering.as_written(figure)
  file = io.BytesIO()
  # The same figure is the same file: SVG would have the time in it, and random names.
  metadata = {"Date": None} if kind == "svg" else None
  with matplotlib.rc_context({"svg.hashsalt": "emojax"}):
    figure.savefig(file, format=kind, dpi=140, metadata=metadata)
  return file.getvalue()


def write(output: pathlib.Path, content: Page) -> None:
  """Writes `index.html` and each figure as PNG and SVG, each whole or not at all."""
  output.mkdir(parents=True, exist_ok=True)
  for name, figure in content.figures.items():
    for kind in ("png", "svg"):
      path = output / f"{name.replace('/', '-')}.{kind}"
      files.write(path, image(figure, kind))
  text = render(content.title, content.notes, content.sections)
  files.write(output / "index.html", files.utf8(text))
