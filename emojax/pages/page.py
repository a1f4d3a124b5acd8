"""Sections to one HTML page that needs nothing else: no network, no other file.

In: titles, prose, tables, figures, galleries, planes. Out: HTML; every text from data
is escaped by the template. Figures and thumbnails are part of the page, and so are its
style and scripts, the only ones that its content security policy allows. Without
scripts all is there to be read; they search and sort tables and move the plane.
Pictures are covered until the reader asks for them.
"""

import base64
import dataclasses
import hashlib
import io
import pathlib
import re
import unicodedata
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import matplotlib
from matplotlib.figure import Figure

from emojax.pages import latex, lettering
from emojax.pages.plane import Plane
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

  @property
  def are_text(self) -> list[bool]:
    """Which columns stand on the left, as words do."""
    return latex.text_columns(self.rows)


@dataclasses.dataclass(frozen=True)
class Image:
  """A figure, or one picture of a gallery.

  Attributes:
    source: a data address.
    alt: what it shows, for those who cannot see it.
    caption: below it.
    missing: letters of a figure that no installed font has.
  """

  source: str
  alt: str
  caption: str = ""
  missing: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
  """One part of a page.

  Attributes:
    title: its heading.
    prose: paragraphs before the rest.
    figures, tables: in order, figures first.
    plane: pictures in a plane.
    gallery: pictures side by side; `is_pairs` gives them room for two.
  """

  title: str
  prose: Sequence[str] = ()
  tables: Sequence[Table] = ()
  figures: Sequence[Image] = ()
  gallery: Sequence[Image] = ()
  is_pairs: bool = False
  plane: Plane | None = None


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


def _without_way(value: Any) -> Any:
  """Text without the way up from a folder, ../../, which readers elsewhere lack."""
  if not isinstance(value, str) or isinstance(value, markupsafe.Markup):
    return value
  return _WAY.sub("", value) if "../" in value else value


_WAY = re.compile(r"""(?:[^\s,;:()"'/]+/)*(?<![^\s,;:()"'/])(?:\.\./)+""")
_TEMPLATES = jinja2.Environment(
  loader=jinja2.PackageLoader("emojax.pages", ""),
  autoescape=True,
  trim_blocks=True,
  undefined=jinja2.StrictUndefined,
  finalize=_without_way,
)
_FOLDER = pathlib.Path(__file__).parent
_LONGEST_NAME = 60  # letters of a table's file
# Figures of pages as PNG: drawing is most of a page's time, and files need it again.
_PNGS: weakref.WeakKeyDictionary[Figure, bytes] = weakref.WeakKeyDictionary()


def render(
  title: str,
  notes: Sequence[str],
  sections: Sequence[Section],
  is_part: bool = False,
) -> str:
  """The page.

  Args:
    title: of the page.
    notes: what a reader must be told first; letters that figures lack are added.
    sections: the rest.
    is_part: whether it is shown inside of another page, of pictures that its reader
      chose a moment ago: it has no heading and no contents list, whose links would
      lead to the other page, and its pictures are not covered.
  """
  planes = [section.plane for section in sections if section.plane]
  has_images = any(section.gallery for section in sections) or any(
    plane.has_pictures for plane in planes
  )
  parts = ("page", "plane") if planes else ("page",)
  figures = [figure for section in sections for figure in section.figures]
  missing = dict.fromkeys(letter for figure in figures for letter in figure.missing)
  if missing:
    example = next(iter(missing)).encode("unicode_escape").decode()
    notes = [
      *notes,
      f"No font on this machine has the letters {''.join(missing)}, which stand in the "
      f"figures as {example} and so on: install one that has them and repeat this.",
    ]
  style, script = (
    "".join((_FOLDER / f"{part}.{kind}").read_text("utf-8") for part in parts)
    for kind in ("css", "js")
  )
  return _TEMPLATES.get_template("page.html").render(
    title=title,
    notes=notes,
    sections=sections,
    has_images=has_images,
    is_part=is_part,
    policy=_policy(style, script),
    style=markupsafe.Markup(style),
    script=markupsafe.Markup(script),
  )


def _policy(style: str, script: str) -> str:
  """Nothing but the page's own style and scripts, and pictures that are part of it."""
  style_hash, script_hash = (
    f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    for text in (style, script)
  )
  return (
    f"default-src 'none'; img-src data:; style-src {style_hash}; script-src "
    f"{script_hash}; base-uri 'none'; form-action 'none'"
  )


def drawn(figure: Figure, alt: str, caption: str = "") -> Image:
  """A matplotlib figure as part of a page."""
  missing = lettering.as_written(figure)
  _PNGS[figure] = image(figure, "png")
  source = "data:image/png;base64," + base64.b64encode(_PNGS[figure]).decode()
  return Image(source, alt, caption, missing=missing)


def image(figure: Figure, kind: str) -> bytes:
  """A figure as a file, "png", "svg" or "pdf", its texts as they were written."""
  lettering.as_written(figure)
  file = io.BytesIO()
  # The same figure is the same file: the time would be in it, and random names.
  metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
  # 42 embeds letters as a font, so that a PDF's texts can be searched and edited.
  with matplotlib.rc_context({"svg.hashsalt": "emojax", "pdf.fonttype": 42}):
    figure.savefig(file, format=kind, dpi=140, metadata=metadata)
  # Laid out once: that takes a third of the time, and all its files look the same.
  figure.set_layout_engine("none")
  return file.getvalue()


def write(output: pathlib.Path, content: Page) -> None:
  """Writes `index.html`, figures and tables, each whole or not at all.

  Figures are PNG, SVG and PDF files, tables LaTeX ones, named by their captions.
  """
  output.mkdir(parents=True, exist_ok=True)
  for name, figure in content.figures.items():
    for kind in ("png", "svg", "pdf"):
      path = output / f"{name.replace('/', '-')}.{kind}"
      shown = _PNGS.get(figure) if kind == "png" else None
      files.write(path, shown or image(figure, kind))
  for name, table in _named(content.sections).items():
    text = latex.table(table.rows, table.caption)
    files.write(output / f"{name}.tex", files.utf8(text))
  text = render(content.title, content.notes, content.sections)
  files.write(output / "index.html", files.utf8(text))


def _named(sections: Sequence[Section]) -> dict[str, Table]:
  """The tables by names that are file names everywhere."""
  named: dict[str, Table] = {}
  for table in (table for section in sections for table in section.tables):
    plain = unicodedata.normalize("NFKD", table.caption).encode("ascii", "ignore")
    words = re.findall(r"[a-z0-9]+", plain.decode().lower())
    name = "-".join(words)[:_LONGEST_NAME].strip("-") or "table"
    same = sum(other == name or other.startswith(f"{name}-") for other in named)
    named[f"{name}-{same + 1}" if name in named else name] = table
  return named
