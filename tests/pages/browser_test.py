"""Pages in a real browser: within the window, reachable by keyboard, without a fault.

The pages are made by the functions that programs call, of a few pictures; axe-core
looks for what people with a screen reader or without a mouse would stumble over.
"""

import accessibility
import numpy as np
import pytest
from PIL import Image
from raters import browsing, rating_help
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from emojax.config import TARGETS, DataConfig
from emojax.evaluation import results
from emojax.features import word_norms
from emojax.pages import figures, page
from emojax.predict import page as predict_page
from emojax.predict import predictions
from emojax.report import galleries
from emojax.report.dataset import copies, rated_set
from emojax.report.dataset import page as dataset_page
from emojax.words import correlation
from emojax.words import page as words_page

pytestmark = pytest.mark.slow  # a browser

_NUMBER = 24
_SCALES = dict.fromkeys(TARGETS, (1.0, 9.0))


def _image(row):
  return np.full((30, 40, 3), 9 * row, np.uint8)


def _run():
  """A run's galleries, beside a table that is wide and one that is long."""
  rng = np.random.default_rng(0)
  rated = {target: rng.uniform(2, 8, _NUMBER) for target in TARGETS}
  predicted = {target: 5 + (of - 5) / 2 for target, of in rated.items()}
  ends = {t: np.stack([of - 1, of + 1], axis=1) for t, of in predicted.items()}
  names = [f"image {row}.png" for row in range(_NUMBER)]
  read = results.Predictions(predicted, rated, names, [""] * _NUMBER, ends)
  sections, hidden = galleries.of_predictions(
    read, _SCALES, lambda name: _image(names.index(name)), "image\n"
  )
  assert not hidden
  drawn = figures.histograms(rated)
  wide = page.Table("Wide", [[f"column {i}" for i in range(30)], ["0.123"] * 30])
  values = [["file", "value"], *([f"n{i}", str(i * 7 % 40)] for i in range(40))]
  figure = page.drawn(drawn, "How often each rating comes")
  extra = page.Section(
    "Tables", ["x" * 200], [wide, page.Table("Long", values)], [figure]
  )
  return page.render("A run", ["A note"], [*sections, extra])


def _gallery(folder):
  """What the program shows of pictures, one of which is none."""
  paths = [folder / f"{row}.png" for row in range(_NUMBER)]
  values = {target: np.linspace(3, 6, _NUMBER) for target in TARGETS}
  made = predictions.Predictions(
    [*paths],
    values,
    {target: of - 1 for target, of in values.items()},
    {target: of + 1 for target, of in values.items()},
    values,
    np.ones(_NUMBER),
    ["ok"] * (_NUMBER - 1) + ["error"],
    [""] * (_NUMBER - 1) + ["no picture"],
    _SCALES,
  )
  return predict_page.gallery_page(made, "A gallery", [], [folder])[0]


def _words(folder):
  """Words and pictures of two small tables."""
  tags, norms = folder / "tags.csv", folder / "norms.csv"
  words = "sea fire baby war dog cat bird snake gun tree car food house king"
  lines = [
    f"{word},{1 + row / 3:.2f},{8 - row / 4:.2f}"
    for row, word in enumerate(words.split())
  ]
  tags.write_text("\n".join(["tag,valence,arousal", *lines, "none,5,5"]))
  lines = [
    f"{word},{2 + row / 5},{row % 7 + 1}" for row, word in enumerate(words.split())
  ]
  norms.write_text("\n".join(["word,valence,arousal", *lines]))
  images, table = correlation.read(tags, {}, (1, 9))
  read = word_norms.read(norms)
  rows = correlation.match_all(images, read, 4)
  source = words_page.Source(table, (1, 9), norms, read, 4)
  return _of(words_page.of_correlation(source, rows, correlation.by_level(rows)))


def _dataset():
  """A rated set that emojax draws, with copies among its pictures."""
  data = DataConfig(dataset="va_emotion/synthetic", num_synthetic=12)
  sets = rated_set.titled([rated_set.opened(data)])
  return _of(dataset_page.of_sets(sets, copies.find(sets)))


def _of(content):
  return page.render(content.title, content.notes, content.sections)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
  """Name -> address of every kind of page."""
  place = tmp_path_factory.mktemp("pages")
  folder = rating_help.draw(tmp_path_factory.mktemp("plain"), rating_help.PLAIN)
  images = tmp_path_factory.mktemp("images")
  for row in range(_NUMBER):
    Image.fromarray(_image(row)).save(images / f"{row}.png")
  contents = {
    "run": _run(),
    "gallery": _gallery(images),
    "words": _words(place),
    "dataset": _dataset(),
  }
  addresses = {"rating": rating_help.write(place, "rating", folder)}
  for name, text in contents.items():
    (place / f"{name}.html").write_text(text, "utf-8")
    addresses[name] = (place / f"{name}.html").as_uri()
  return addresses


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
  yield from browsing.start(tmp_path_factory.mktemp("browser"))


@pytest.fixture
def reader(chromium, pages, request):
  """Someone before a page, in a window as wide as asked; no complaint may come."""
  name, width = request.param
  metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
  chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
  chromium.get_log("browser")
  chromium.get(pages[name])
  yield browsing.Rater(chromium)
  assert chromium.get_log("browser") == []


def _at(*names, widths=(1200,)):
  return pytest.mark.parametrize(
    "reader",
    [(name, width) for name in names for width in widths],
    indirect=True,
    ids=lambda at: f"{at[0]}-{at[1]}",
  )


_EVERY = ("run", "gallery", "words", "dataset")


@_at(*_EVERY, widths=(400, 1200))
def test_nothing_is_wider_than_the_page(reader):
  """Tables scroll in their own boxes, and say so."""
  assert reader.js("return document.documentElement.scrollWidth <= innerWidth")
  beyond = reader.js(
    "return [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll')"
    "&& e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML)"
  )
  assert beyond == []
  told = reader.js(
    "return [...document.querySelectorAll('.scroll')].map(box =>"
    "[box.scrollWidth > box.clientWidth + 1, !box.previousElementSibling.hidden])"
  )
  assert told and all(is_wide == is_told for is_wide, is_told in told)


@_at(*_EVERY, "rating", widths=(400, 1200))
def test_axe_finds_no_serious_fault(reader):
  """Also with every picture uncovered."""
  if reader.browser.find_elements(By.ID, "pictures"):
    reader.press(Keys.TAB)
    reader.js("document.getElementById('pictures').click()")
  assert accessibility.serious_faults(reader.browser) == []


@_at("run", "gallery")
def test_pictures_are_covered_until_they_are_asked_for(reader):
  """By the keyboard, too; in the plane none is there before."""
  opacity = (
    "return [...document.querySelectorAll('.photo')]"
    ".map(e => getComputedStyle(e).opacity)"
  )
  assert set(reader.js(opacity)) == {"0"}
  assert reader.js("return document.querySelectorAll('.plane image').length") == 0
  reader.js("document.getElementById('pictures').focus()")
  reader.press(Keys.SPACE)
  assert set(reader.js(opacity)) == {"1"}
  boxes = reader.js(
    "return [...document.querySelectorAll('.plane image')].map(e =>"
    "['x', 'y', 'width'].map(name => Number(e.getAttribute(name))))"
  )
  assert len(boxes) > 3
  for i, (x, y, size) in enumerate(boxes):
    for other in boxes[i + 1 :]:
      assert abs(x - other[0]) >= size or abs(y - other[1]) >= size


@_at("gallery", widths=(400, 1200))
def test_the_keyboard_reaches_every_point(reader):
  """One of them by Tab; then all, with their names, numbers and intervals."""
  seen = set()
  for _ in range(40):
    reader.press(Keys.TAB)
    if reader.js("return document.activeElement.closest('.plane-point') !== null"):
      break
  reader.press(Keys.HOME)
  for _ in range(_NUMBER):
    name = reader.js("return document.activeElement.getAttribute('aria-label')")
    seen.add(name.partition(":")[0])
    shown = reader.js("return document.querySelector('.plane-preview').textContent")
    assert name.partition(":")[0] in shown and " to " in shown
    assert reader.js("return document.querySelector('.plane-interval').children.length")
    reader.press(Keys.PAGE_DOWN)
  assert seen == {f"{row}.png" for row in range(_NUMBER - 1)}  # one was not scored
  reader.press(Keys.ARROW_LEFT)
  assert reader.js("return document.activeElement.closest('.plane-point') !== null")
  reader.press(Keys.ESCAPE)
  assert (
    reader.js("return document.querySelector('.plane-interval').children.length") == 0
  )


@_at("gallery")
def test_the_plane_zooms_and_is_searched_and_sorted(reader):
  labels = (
    "return [...document.querySelectorAll('.plane-grid text')].map(e => e.textContent)"
  )
  assert set("123456789") == set(reader.js(labels))
  reader.browser.find_element(By.CSS_SELECTOR, "[data-zoom=fit]").click()
  assert "1" not in reader.js(labels) and len(reader.js(labels)) > 8
  reader.browser.find_element(By.CSS_SELECTOR, "[data-zoom=whole]").click()
  assert set("123456789") == set(reader.js(labels))
  reader.browser.find_element(By.CSS_SELECTOR, ".plane-filter").send_keys("1.png")
  shown = (
    "return [...document.querySelectorAll('.plane-point')]"
    ".filter(e => !e.style.display).length"
  )
  assert reader.js(shown) == 3  # 1, 11 and 21
  button = "//th[contains(., 'valence')]/button"
  reader.browser.find_element(By.XPATH, button).click()
  rows = (
    "return [...document.querySelectorAll('.plane tbody tr')].filter(e => !e.hidden)"
    ".map(e => e.querySelector('th').textContent)"
  )
  assert reader.js(rows) == ["1.png", "11.png", "21.png"]
  reader.browser.find_element(By.XPATH, button).click()
  assert reader.js(rows) == ["21.png", "11.png", "1.png"]


@_at("gallery", widths=(400, 1200))
def test_on_paper_the_plane_fills_its_box(reader):
  """Its width there is another than in the window, and known before it is drawn."""
  reader.js(
    "const drawing = document.querySelector('.plane-drawing');"
    "const last = () => Math.max(...[...drawing.querySelectorAll('.plane-grid line')]"
    ".map(line => line.x1.baseVal.value));"
    "addEventListener('beforeprint', () => { window.printed ="
    " [drawing.clientWidth, last()]; });"
  )
  reader.browser.print_page()
  width, last = reader.js("return window.printed")
  assert width == pytest.approx(last, abs=1)
  assert width == 28 * 16  # 28rem
  assert reader.js("return document.querySelector('.printed')") is None


@_at("run")
def test_without_scripts_all_is_there(reader, chromium, pages):
  """Dots with their names, and the table; a box uncovers the pictures."""
  chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
  try:
    chromium.get(pages["run"])
    titles = chromium.find_elements(By.CSS_SELECTOR, ".plane-point title")
    assert len(titles) == _NUMBER
    assert not chromium.find_element(By.CSS_SELECTOR, ".plane-tools").is_displayed()
    photo = chromium.find_element(By.CSS_SELECTOR, ".photo")
    assert photo.value_of_css_property("opacity") == "0"
    chromium.find_element(By.CSS_SELECTOR, "label[for=pictures]").click()
    assert photo.value_of_css_property("opacity") == "1"
  finally:
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
