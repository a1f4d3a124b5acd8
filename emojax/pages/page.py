"""Sections to one HTML page that needs nothing else: no network, no script.

In: titles, prose, tables, figures, galleries. Out: HTML; every text from data is
escaped by the template. Figures and thumbnails are part of the page.
"""

import base64
import dataclasses
import io
from collections.abc import Sequence

import jinja2
from matplotlib.figure import Figure


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
class Picture:
  """A figure, or one picture of a gallery.

  Attributes:
    source: a data address.
    alt: what it shows, for those who cannot see it.
    caption: below it.
    left, top: its place in a plane, percent.
  """

  source: str
  alt: str
  caption: str = ""
  left: float = 0.0
  top: float = 0.0


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
  figures: Sequence[Picture] = ()
  gallery: Sequence[Picture] = ()
  is_plane: bool = False
  is_pairs: bool = False
  corners: Sequence[str] = ()


def render(title: str, notes: Sequence[str], sections: Sequence[Section]) -> str:
  """The page.

  Args:
    title: of the page.
    notes: what a reader must be told first.
    sections: the rest.
  """
  environment = jinja2.Environment(autoescape=True, trim_blocks=True)
  has_pictures = any(section.gallery for section in sections)
  return environment.from_string(_TEMPLATE).render(
    title=title, notes=notes, sections=sections, has_pictures=has_pictures
  )


def drawn(figure: Figure, alt: str, caption: str = "") -> Picture:
  """A matplotlib figure as part of a page."""
  return Picture(
    "data:image/png;base64," + base64.b64encode(image(figure, "png")).decode(),
    alt,
    caption,
  )


def image(figure: Figure, kind: str) -> bytes:
  """A figure as a file: "png" or "svg"."""
  file = io.BytesIO()
  figure.savefig(file, format=kind, dpi=140)
  return file.getvalue()


def tables_of(markdown: str) -> list[list[list[str]]]:
  """The tables of a Markdown text as rows of cells, without their rules."""
  found: list[list[list[str]]] = []
  inside = False
  for line in markdown.splitlines():
    if not line.startswith("|"):
      inside = False
      continue
    if not inside:
      found.append([])
    inside = True
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if not all(set(cell) <= {"-", ":"} for cell in cells):
      found[-1].append(cells)
  return found


_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 68rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.2; }
.note { border-left: .3rem solid #d55e00; padding: .2rem .8rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .875rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child { text-align: left; }
table.words td, table.words th { text-align: left; vertical-align: top; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; }
figure.drawn img { max-width: 100%; width: auto; max-height: 26rem; }
figcaption { font-size: .8125rem; color: #404040; }
.gallery { display: flex; flex-wrap: wrap; gap: .5rem; }
.gallery figure { margin: 0; width: 7.6rem; }
.gallery img { max-width: 7rem; display: block; }
figcaption { white-space: pre-line; }
.pairs figure { width: 15rem; }
.pairs img { max-width: 14.5rem; }
.gallery figcaption { font-size: .75rem; overflow-wrap: anywhere; }
.plane { position: relative; aspect-ratio: 1; max-width: 56rem; margin: 4rem;
  border-left: 2px solid #595959; border-bottom: 2px solid #595959; }
.plane figure { position: absolute; margin: 0; width: 9%;
  transform: translate(-50%, -50%); }
.corner { position: absolute; z-index: 1; max-width: 45%; font-size: .8125rem;
  color: #404040; background: #fffc;
  padding: .3rem; }
.photo { outline: 1px solid #ccc; }
.plane img { width: 100%; display: block; }
.plane figcaption { font-size: .5625rem; line-height: 1.15; background: #fffd; }
.pictures:not(:checked) ~ main .photo { visibility: hidden; }
@media print { body { max-width: none; } section { break-inside: auto; }
  figure, table { break-inside: avoid; } .toggle { display: none; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for note in notes %}
<p class="note">{{ note }}</p>
{% endfor %}
{% if has_pictures %}
<input type="checkbox" id="pictures" class="pictures toggle" checked>
<label for="pictures" class="toggle">Show pictures (some may be disturbing)</label>
{% endif %}
<main>
{% for section in sections %}
<section>
<h2>{{ section.title }}</h2>
{% for paragraph in section.prose %}
<p>{{ paragraph }}</p>
{% endfor %}
{% for table in section.tables %}
<div class="scroll"><table{{ ' class="words"'|safe if table.is_words }}>
<caption>{{ table.caption }}</caption>
<thead><tr>
{% for cell in table.rows[0] %}<th scope="col">{{ cell }}</th>{% endfor %}
</tr></thead>
<tbody>
{% for row in table.rows[1:] %}
<tr>
<th scope="row">{{ row[0] }}</th>
{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
{% for figure in section.figures %}
<figure class="drawn"><img src="{{ figure.source }}" alt="{{ figure.alt }}">
<figcaption>{{ figure.caption }}</figcaption></figure>
{% endfor %}
{% if section.gallery %}
<div class="{{ 'plane' if section.is_plane else 'gallery' }}{{
' pairs' if section.is_pairs }}">
{% for corner in section.corners %}
<span class="corner" style="{{ 'right' if loop.index0 % 2 else 'left' }}: 0; {{
'bottom' if loop.index0 > 1 else 'top' }}: 0">{{ corner }}</span>
{% endfor %}
{% for one in section.gallery %}
<figure{% if section.is_plane %} style="left: {{ '%.1f' % one.left }}%; top: {{
'%.1f' % one.top }}%"{% endif %}>
<img class="photo" src="{{ one.source }}" alt="{{ one.alt }}">
<figcaption>{{ one.caption }}</figcaption></figure>
{% endfor %}
</div>
{% endif %}
</section>
{% endfor %}
</main>
</body>
</html>
"""
