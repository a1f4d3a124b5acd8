"""The figures of the rating scales: nine of them, in an order that can be seen."""

import re
import xml.etree.ElementTree

import pytest

from emojax.raters.rating_page import manikins


def _points(path):
  numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
  return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.parametrize("draw", [manikins.valence, manikins.arousal])
def test_nine_different_figures_of_sound_svg(draw):
  figures = [draw(level) for level in manikins.LEVELS]
  assert len(set(figures)) == 9
  for figure in figures:
    xml.etree.ElementTree.fromstring(f"<svg>{figure}</svg>")


def test_the_mouth_bends_from_a_frown_to_a_smile():
  bows = []
  for level in manikins.LEVELS:
    (bow,) = re.findall(r"q7 (-?[\d.]+) 14 0", manikins.valence(level))
    bows.append(float(bow))
  assert bows == sorted(set(bows)) and bows[0] == -bows[-1] and bows[4] == 0


def test_hands_rise_with_every_level():
  hands = []
  for level in manikins.LEVELS:
    arms = re.findall(r'class="line arm" d="([^"]+)"', manikins.valence(level))
    assert len(arms) == 2
    hands.append(_points(arms[0])[1][1])
  assert hands == sorted(set(hands), reverse=True)  # SVG counts downwards


def test_the_burst_grows_from_nothing_and_stays_inside():
  sizes = []
  for level in manikins.LEVELS:
    paths = re.findall(r'class="burst" d="([^"]+)"', manikins.arousal(level))
    corners = _points(paths[0]) if paths else [(28.0, 28.0)]
    across = [x for x, _ in corners]
    assert min(across) >= 0 and max(across) <= manikins.SIDE
    assert min(y for _, y in corners) >= 0
    sizes.append(max(across) - min(across))
  assert sizes[0] == 0 and sizes == sorted(set(sizes))


def test_arousal_has_neither_smile_nor_frown():
  for level in manikins.LEVELS:
    figure = manikins.arousal(level)
    assert "q7 " not in figure and ('h6"' in figure or "ellipse" in figure)


@pytest.mark.parametrize("level", [0, 10, 2.5])
def test_other_levels_are_refused(level):
  with pytest.raises(ValueError, match="1 to 9"):
    manikins.valence(level)


def test_every_level_has_its_own_words():
  for words in (manikins.VALENCE_WORDS, manikins.AROUSAL_WORDS):
    assert len(set(words)) == 9
