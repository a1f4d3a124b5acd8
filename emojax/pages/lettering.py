"""Letters of figures: what people call their things is drawn as they wrote it.

In: a figure. Out: the same figure, its texts in fonts that have their letters and none
of them read as a formula.
"""

import functools
import unicodedata
from collections.abc import Iterator

from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter

_NO_LETTER = 0xFDD0  # a code point that never will be one


def as_written(figure: Figure) -> str:
  """Makes every text of a figure text, in place.

  Dollar signs are no formulas. A letter that the figure's font lacks comes from another
  installed one; one that no font has stands as its code point, such as \\u4e2d. Numbers
  along an axis, which Matplotlib writes, stay as they are.

  Returns:
    The letters that no installed font has, each once.
  """
  missing: dict[str, None] = {}
  by_axis = {id(text) for axis in _axes(figure) for text in _own_texts(axis)}
  for axis in _axes(figure):
    if _has_names(axis):
      names = [text.get_text() for text in axis.get_ticklabels()]
      drawable = [_drawable(name, _letters_of(axis.label), missing) for name in names]
      if drawable != names:
        axis.set_ticks(axis.get_ticklocs(), drawable)
  for text in figure.findobj(Text):
    if not isinstance(text, Text) or id(text) in by_axis:
      continue
    text.set_parse_math(False)
    text.set_usetex(False)
    letters = _letters_of(text)
    text.set_text(_drawable(text.get_text(), letters, missing))
    if lacking := frozenset(text.get_text()) - letters - {"\n"}:
      families = [family for family, _ in _fonts_with(lacking)]
      text.set_fontfamily([*text.get_fontfamily(), *families])
  return "".join(missing)


def _axes(figure: Figure) -> Iterator[Axis]:
  for axes in figure.axes:
    yield axes.xaxis
    yield axes.yaxis


def _has_names(axis: Axis) -> bool:
  """Whether its ticks have names that were given to it."""
  return isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter)


def _own_texts(axis: Axis) -> list[Text]:
  """The numbers that an axis writes itself; powers of ten are formulas."""
  texts = [*axis.get_ticklabels(minor=True), axis.get_offset_text()]
  return texts if _has_names(axis) else [*texts, *axis.get_ticklabels()]


def _drawable(name: str, letters: frozenset[str], missing: dict[str, None]) -> str:
  """A text without letters that cannot be drawn; those are noted in `missing`."""
  # Tabs and the like are symbols in some fonts of formulas.
  name = "".join(
    " " if unicodedata.category(letter) == "Cc" and letter != "\n" else letter
    for letter in name
  )
  lacking = frozenset(name) - letters - {"\n"}
  lacking -= {letter for _, found in _fonts_with(lacking) for letter in found}
  parts = []
  for letter in name:
    if letter not in lacking:
      parts.append(letter)
    elif not _has_no_shape(letter):
      parts.append(letter.encode("unicode_escape").decode())
      if unicodedata.category(letter) != "Cs":  # a byte of a file's name, no letter
        missing[letter] = None
  return "".join(parts)


def _has_no_shape(letter: str) -> bool:
  """Whether a letter only changes how its neighbours look, as a joiner does."""
  name = unicodedata.name(letter, "")
  return unicodedata.category(letter) == "Cf" or name.startswith("VARIATION SELECTOR")


def _letters_of(text: Text) -> frozenset[str]:
  """What the font of a text can draw."""
  return _letters(font_manager.findfont(text.get_fontproperties()))


@functools.cache
def _letters(path: str) -> frozenset[str]:
  """What a font file can draw; nothing where Matplotlib cannot use it.

  Those are fonts of coloured bitmaps, and fonts of last resort, whose boxes stand for
  every code point and so for one that is no letter, too.
  """
  try:
    font = FT2Font(path)
    if not font.scalable or font.get_char_index(_NO_LETTER):
      return frozenset()
    return frozenset(map(chr, font.get_charmap()))
  except (OSError, RuntimeError):
    return frozenset()


@functools.cache
def _fonts_with(letters: frozenset[str]) -> tuple[tuple[str, frozenset[str]], ...]:
  """Families of installed fonts, and which of some letters each is for."""
  rest, fonts = set(letters), []
  known = {font.fname: font.name for font in font_manager.fontManager.ttflist}
  for path in sorted({*known, *font_manager.findSystemFonts()}) if rest else ():
    if found := _letters(path) & rest:
      if path not in known:  # installed since Matplotlib made its list
        font_manager.fontManager.addfont(path)
      fonts.append((FT2Font(path).family_name, found))
      rest -= found
  return tuple(fonts)
