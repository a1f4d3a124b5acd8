"""Text of figures is drawn as people wrote it, whatever they wrote."""

import io
import re
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager, ticker
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from emojax.pages import figures, lettering, page

_ODD = (
  r"x $\foo$ y",
  "$a_b$ of $c^2$",
  "5 $ and 6 $",
  r"\$ \alpha {} %",
  r"$\frac{",
  "a <b> & 'c'",
)
_NUMBERS = np.linspace(2, 8, 9)


def _drawings(name):
  """Every kind of figure that somebody's words get into, with these words."""
  line = {"epoch": 1, "train_mse": {name: {"g1": 1.0}}}
  line["validation_mse"] = line["train_mse"]
  both = {name: (_NUMBERS, _NUMBERS), "another": (_NUMBERS, _NUMBERS)}
  of_target = {"another": {name: _NUMBERS}, name: {name: _NUMBERS}}
  point = (3, {"low": 0.1, "value": 0.2, "high": 0.3})
  return {
    "curves": figures.curves([line])[name],
    "against": figures.against(_NUMBERS, _NUMBERS, name),
    "residuals": figures.residuals(_NUMBERS, _NUMBERS, name),
    "histograms": figures.histograms({name: _NUMBERS}),
    "plane": figures.plane({name: (_NUMBERS, _NUMBERS)}),
    "beside": figures.histograms_beside(of_target, "rated", np.arange(10)),
    "planes": figures.planes_over(both),
    "forest": figures.forest({name: (0.5, 0.4, 0.6)}, "r", "valence"),
    "growth": figures.growth({name: [point]}, "valence"),
    "words": figures.words({name: {"kind": (_NUMBERS, _NUMBERS)}}, {}),
  }


def _without_numbers(name):
  """Those figures, without what Matplotlib writes along their axes.

  Numbers are two thirds of the time that a drawing takes, and no name is in them.
  """
  drawings = _drawings(name)
  for figure in drawings.values():
    for axes in figure.axes:
      for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), ticker.ScalarFormatter):
          axis.set_major_locator(ticker.NullLocator())
          axis.set_minor_locator(ticker.NullLocator())
  return drawings


def _texts(figure):
  """What a figure says, read from its SVG."""
  with matplotlib.rc_context({"svg.fonttype": "none"}):
    svg = page.image(figure, "svg").decode()
  texts = re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)
  plain = (re.sub(r"<[^>]*>", "", text) for text in texts)
  entities = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
  return [re.sub("&(lt|gt|amp);", lambda m: entities[m[0]], t) for t in plain]


@pytest.mark.slow
@pytest.mark.parametrize("name", _ODD)
def test_a_name_is_no_formula_in_any_figure(name):
  for kind, figure in _without_numbers(name).items():
    assert any(name in text for text in _texts(figure)), kind
    assert page.image(figure, "png").startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_name_stands_beside_the_numbers_of_every_figure():
  name = "$a_b$ of 写真"
  for kind, figure in _drawings(name).items():
    texts = _texts(figure)
    assert any("$a_b$ of " in text for text in texts), kind
    assert any(re.fullmatch(r"[\u22120-9.]+", text) for text in texts), kind
    assert page.image(figure, "png").startswith(b"\x89PNG")


def test_powers_along_an_axis_are_still_formulas():
  lines = [
    {"epoch": n, "train_mse": {"$a$": {"g1": 10.0**-n}}, "validation_mse": {}}
    for n in range(4)
  ]
  for line in lines:
    line["validation_mse"] = line["train_mse"]
  figure = figures.curves(lines)["$a$"]
  assert not any("mathdefault" in text for text in _texts(figure))
  assert figure.axes[0].yaxis.get_ticklabels()[0].get_parse_math()
  assert not figure.axes[0].title.get_parse_math()


def _fonts(monkeypatch, *names):
  """Makes these of Matplotlib's own fonts the only ones that are installed."""
  entries = [f for f in font_manager.fontManager.ttflist if f.name in names]
  monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
  monkeypatch.setattr(font_manager, "findSystemFonts", list)
  lettering._fonts_with.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize(
  ("name", "drawn"),
  [
    ("写真 $a$", r"\u5199\u771f $a$"),
    ("तस्वीर", r"\u0924\u0938\u094d\u0935\u0940\u0930"),
    ("a\tb\x00", "a b "),
    ("\U0001f9ff", r"\U0001f9ff"),
    ("\U0001f9ff\ufe0f\u200d\u206f", r"\U0001f9ff"),
    ("caf\udce9", r"caf\udce9"),
    ("e\u0301 Ωμέγα Жук", "e\u0301 Ωμέγα Жук"),
  ],
)
def test_letters_that_no_font_has_stand_as_code_points(name, drawn, monkeypatch):
  _fonts(monkeypatch, "DejaVu Sans", "Last Resort High-Efficiency", "cmr10")
  with warnings.catch_warnings():
    warnings.simplefilter("error")
    for kind, figure in _without_numbers(name).items():
      assert any(drawn in text for text in _texts(figure)), kind
      page.image(figure, "png")


def test_a_letter_of_another_font_is_drawn_in_it(monkeypatch):
  has = {
    name: set(FT2Font(font_manager.findfont(name)).get_charmap())
    for name in ("DejaVu Sans", "STIXGeneral")
  }
  letter = chr(min(c for c in has["STIXGeneral"] - has["DejaVu Sans"] if c > 0x100))
  _fonts(monkeypatch, "DejaVu Sans", "STIXGeneral")
  figure = Figure()
  figure.text(0.5, 0.5, f"a{letter}")
  assert lettering.as_written(figure) == ""
  (text,) = figure.findobj(Text)
  assert text.get_text() == f"a{letter}" and "STIXGeneral" in text.get_fontfamily()
  figure.savefig(io.BytesIO())  # a missing letter would be a warning


def test_a_page_names_the_letters_that_its_figures_lack(monkeypatch):
  _fonts(monkeypatch, "DejaVu Sans")
  figure = figures.forest({"写真\udce9": (0.5, 0.4, 0.6)}, "r", "valence")
  image = page.drawn(figure, "r of 写真\udce9")
  assert image.missing == "写真"
  again = page.drawn(figures.forest({"写": (0.5, 0.4, 0.6)}, "r", "valence"), "r of 写")
  text = page.render("a", ["Note"], [page.Section("b", figures=[image, again])])
  assert r"the letters 写真, which stand in the figures as \u5199 and so on" in text
  assert text.index("Note") < text.index("No font on this machine")
  plain = page.drawn(figures.forest({"a": (0.5, 0.4, 0.6)}, "r", "valence"), "r of a")
  assert "No font" not in page.render("a", [], [page.Section("b", figures=[plain])])
