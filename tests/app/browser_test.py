"""The app in a real browser: one process of it, used as people would use it."""

import csv
import io
import json
import os
import socket
import subprocess
import sys

import accessibility
import helpers
import numpy as np
import pytest
from PIL import Image
from raters import browsing
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.slow  # a browser

_MOST = 200
_SECONDS = 300  # for what is computed; a loaded machine is no fault of the page
_CLEAN = ("ok", "far")


def _free_port():
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    return free.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
  """Of an app that predicts with what comes with emojax."""
  place = tmp_path_factory.mktemp("app")
  port = _free_port()
  command = [sys.executable, "-m", "emojax.app", f"--port={port}"]
  command += [f"--max_images={_MOST}", "--max_file_mb=1"]
  command += [f"--cache_dir={place / 'cache'}"]
  process = subprocess.Popen(
    command,
    cwd=place,
    env=os.environ
    | {
      "PYTHONPATH": str(helpers.ROOT),
      "TMPDIR": str(place),
      "XLA_FLAGS": "",
    },
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  line = process.stdout.readline()
  assert f"http://127.0.0.1:{port}" in line, process.communicate()
  yield f"http://127.0.0.1:{port}"
  process.terminate()
  _, told = process.communicate()
  assert told == "\nemojax.app: stopped; the copies of pictures are deleted\n"
  assert not list(place.glob("emojax-app-*"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
  """A folder of small pictures: plain ones, and some that are none."""
  folder = tmp_path_factory.mktemp("images")
  rng = np.random.default_rng(0)
  (folder / "sub").mkdir()
  for name in ("a.png", "b & ü (1).png", "sub/c.png"):
    pixels = rng.integers(0, 255, (4, 6, 3), np.uint8)
    Image.fromarray(pixels).resize((90, 60)).save(folder / name)
  Image.new("RGB", (8, 8)).save(folder / "small.png")
  Image.new("RGB", (60, 60), "red").save(folder / "blank.png")
  (folder / "text.txt").write_text("no picture")
  (folder / "large.bin").write_bytes(bytes((1 << 20) + 1))
  return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """Where the browser's profile and what it downloads lie."""
  return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def chromium(place):
  yield from browsing.start(place)


class _Visitor(browsing.Rater):
  """A person in front of the app."""

  def until(self, condition):
    return WebDriverWait(self.browser, _SECONDS, 0.05).until(lambda _: condition())

  def one(self, selector):
    return self.browser.find_element(By.CSS_SELECTOR, selector)

  def drop(self, *paths):
    """Drops files or folders, as from a file manager."""
    self.js("document.getElementById('emojax-files').scrollIntoView({block: 'center'})")
    box = self.js(
      "const box = document.getElementById('emojax-files').getBoundingClientRect();"
      "return [box.x + box.width / 2, box.y + box.height / 2]"
    )
    data = {"items": [], "files": [str(path) for path in paths]}
    for kind in ("dragEnter", "dragOver", "drop"):
      event = {"type": kind, "x": box[0], "y": box[1]}
      event["data"] = data | {"dragOperationsMask": 1}
      self.browser.execute_cdp_cmd("Input.dispatchDragEvent", event)

  def choose(self, *paths):
    """Chooses files in the dialog that a click opens."""
    names = "\n".join(map(str, paths))
    self.one("#emojax-files input[type=file]").send_keys(names)

  def told(self, text):
    """Waits for the line that says what became of the pictures."""
    self.until(lambda: text in self.line())
    return self.line()

  def line(self):
    return self.js(
      "return document.querySelector('.emojax-status, .emojax-alert')?.innerText || ''"
    )

  def inside(self, title, script):
    """What a script returns in the frame of a title, once it is drawn."""
    selector = f"iframe[title='{title}']"
    self.until(lambda: self.js(_FRAME_IS_SHOWN, selector))
    self.browser.switch_to.frame(self.one(selector))
    try:
      return self.js(script)
    finally:
      self.browser.switch_to.default_content()

  def tab(self, name):
    xpath = f"//button[@role='tab'][normalize-space()='{name}']"
    self.browser.find_element(By.XPATH, xpath).click()

  def click(self, text):
    xpath = f"//button[not(@role)][starts-with(normalize-space(), '{text}')]"
    buttons = self.browser.find_elements(By.XPATH, xpath)
    button = next(button for button in buttons if button.is_displayed())
    self.js(_LISTEN, button)

    def is_reached() -> bool:
      # A page that moves, or has not enabled it yet, takes the button from under the
      # click, and people click once more; never one that the button has heard of.
      if self.js(_AT_REST, button):
        button.click()
      return self.js("return 'heard' in arguments[0].dataset", button)

    self.until(is_reached)


_LISTEN = """const button = arguments[0];
delete button.dataset.heard;
button.addEventListener('click', () => button.dataset.heard = '', {once: true})"""
_AT_REST = """const button = arguments[0], before = button.dataset.place;
const now = `${button.getBoundingClientRect().y + scrollY}`;
if (before === now) delete button.dataset.place; else button.dataset.place = now;
return before === now"""
_FRAME_IS_SHOWN = """const frame = document.querySelector(arguments[0]);
return frame?.offsetWidth && frame.style.height && !frame.closest('.pending, .hide')"""
_PLANE, _COMPARISON = "Plane and table", "Comparison"
_PARTS = "Parts that the prediction depends on"
_ROWS = (
  "return [...document.querySelectorAll('tbody th')].map(e => e.textContent)"
  ".filter(name => /[.]/.test(name))"
)
_WIDER = (
  "return [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll') &&"
  "e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)"
  ".map(e => e.outerHTML.slice(0, 200))"
)


@pytest.fixture
def visitor(chromium, address, request):
  """Someone before the app in a new window of a width; no error may come."""
  width = getattr(request, "param", 1200)
  metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
  chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
  chromium.get_log("browser"), chromium.get_log("performance")
  chromium.get(address)
  visitor = _Visitor(chromium)
  visitor.until(lambda: visitor.js("return !!document.querySelector('#emojax-folder')"))
  visitor.until(lambda: visitor.one("#emojax-files input[type=file]"))
  yield visitor
  # Gradio itself warns; what the server refuses is an error of the network.
  log = chromium.get_log("browser")
  assert [entry for entry in log if entry["level"] == "SEVERE"] == []


def _downloaded(place, visitor):
  file = place / "downloads" / "predictions.csv"
  file.unlink(missing_ok=True)
  visitor.click("Download the table as CSV")
  visitor.until(lambda: file.exists() and file.stat().st_size)
  return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))


@pytest.mark.parametrize("visitor", [400, 1200], indirect=True)
def test_every_file_has_a_row_and_nothing_leaves_the_machine(visitor, images, place):
  """Also at the width of a telephone, where nothing is wider than the page."""
  names = ["a.png", "b & ü (1).png", "small.png", "blank.png", "text.txt"]
  visitor.choose(*(images / name for name in names))
  line = visitor.told("5 pictures")
  assert "2 rated by the predictor that comes with emojax" in line
  assert "3 not rated" in line
  assert sorted(visitor.inside(_PLANE, _ROWS)) == sorted(names)
  assert visitor.inside(_PLANE, "return document.images.length") >= 2
  for wider in (visitor.js(_WIDER), visitor.inside(_PLANE, _WIDER)):
    assert wider == []
  # Out of sight, a frame's observer sleeps.
  visitor.js("document.querySelector('iframe').scrollIntoView()")
  is_scrolled = "return document.documentElement.scrollHeight > innerHeight"
  visitor.until(lambda: not visitor.inside(_PLANE, is_scrolled))
  rows = _downloaded(place, visitor)
  assert [row["path"] for row in rows] == names
  assert [row["status"] in _CLEAN for row in rows] == [True] * 2 + [False] * 3
  assert [row["status"] for row in rows[2:]] == ["small", "blank", "error"]
  assert float(rows[0]["valence_low"]) <= float(rows[0]["valence"])
  sent = [
    message["params"]["request"]["url"]
    for entry in visitor.browser.get_log("performance")
    if (message := json.loads(entry["message"])["message"])["method"]
    == "Network.requestWillBeSent"
  ]
  assert sent and {url.partition(":")[0] for url in sent} <= {"http", "data", "blob"}
  own = visitor.js("return location.origin")
  assert all(url.startswith((own, "data:", "blob:")) for url in sent)


def test_what_is_no_picture_says_so(visitor, images):
  visitor.choose(images / "text.txt")
  assert "1 picture: 0 rated" in visitor.told("1 picture")
  assert "not a JPEG" in visitor.inside(_PLANE, "return document.body.innerText")
  visitor.choose(images / "large.bin")
  visitor.until(lambda: "maximum allowed size" in visitor.one("body").text)
  assert "large.bin" in visitor.one("body").text


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_folder_is_its_pictures(visitor, images, way):
  """Below it, by their places; others are counted."""
  if way == "dropped":
    visitor.drop(images)
  else:
    visitor.find("emojax-folder").send_keys(str(images))
  visitor.told("5 pictures: 3 rated")
  names = ["a.png", "b & ü (1).png", "blank.png", "small.png", "sub/c.png"]
  rows = visitor.inside(_PLANE, _ROWS)
  assert sorted(rows) == [f"{images.name}/{name}" for name in names]
  assert (
    "2 other files there are hidden, or no pictures"
    in visitor.find("emojax-others").text
  )


def test_another_run_is_refused_in_one_line(visitor, images, tmp_path):
  """And what was there stays."""
  visitor.choose(images / "a.png")
  visitor.told("1 picture: 1 rated")
  visitor.click("Another run")
  box = "#emojax-run :is(textarea, input)"
  visitor.until(
    lambda: visitor.js("return !!document.querySelector(arguments[0])", box)
  )
  field = visitor.one(box)
  visitor.until(field.is_displayed)
  for path, reason in (
    (tmp_path / "gone", f"{tmp_path / 'gone'} does not exist: expected a run folder"),
    (images / "text.txt", "is no archive of"),
  ):
    field.clear()
    field.send_keys(str(path))
    visitor.click("Use this run")
    line = visitor.told(reason)
    assert "\n" not in line and "Traceback" not in line
    assert visitor.one(".emojax-alert").get_attribute("role") == "alert"
    assert visitor.inside(_PLANE, _ROWS) == ["a.png"]


def test_two_are_compared_and_one_is_covered_part_by_part(visitor, images):
  visitor.tab("Compare")
  visitor.click("Compare")
  visitor.until(lambda: "drop pictures, then choose two" in visitor.one("body").text)
  visitor.choose(images / "a.png", images / "sub" / "c.png")
  visitor.told("2 pictures: 2 rated")
  visitor.click("Compare")
  text = visitor.inside(_COMPARISON, "return document.body.innerText")
  assert "How far the two differ" in text and "±" in text
  assert sorted(visitor.inside(_COMPARISON, _ROWS)) == ["a.png", "c.png"]
  visitor.tab("Parts")
  visitor.click("Cover it")
  text = visitor.inside(_PARTS, "return document.body.innerText")
  assert "not what people look at" in text
  drawn = "return document.querySelectorAll('.drawn img').length"
  assert visitor.inside(_PARTS, drawn) == 2


@pytest.mark.parametrize("visitor", [400], indirect=True)
def test_the_keyboard_reaches_everything(visitor, images):
  """With Tab alone, into the plane; arrow keys change the tab."""
  visitor.choose(images / "a.png")
  visitor.told("1 picture: 1 rated")
  visitor.inside(_PLANE, "return 0")
  seen = set()
  for _ in range(60):
    visitor.press(Keys.TAB)
    at = visitor.js(
      "const at = document.activeElement;"
      "return at.id || at.title || at.getAttribute('aria-label') || at.innerText"
    )
    seen.add(" ".join(at.split()))
    if at == _PLANE:
      visitor.browser.switch_to.frame(visitor.one("iframe"))
      is_point = "return !!document.activeElement.closest('.plane-point')"
      reached = visitor.js(is_point)
      visitor.browser.switch_to.default_content()
      if reached:
        break
  else:
    pytest.fail(f"Tab did not reach the plane, but {seen}")
  for wanted in ("emojax-folder", "Another run", "Plane", "Download the table as CSV"):
    assert any(wanted in name for name in seen), (wanted, seen)


@pytest.mark.parametrize("visitor", [400, 1200], indirect=True)
def test_axe_finds_no_serious_fault(visitor, images):
  """But for one of Gradio's own: a hidden field inside of its button to add files."""
  visitor.choose(images / "a.png")
  visitor.told("1 picture: 1 rated")
  visitor.inside(_PLANE, "return 0")
  what = "{exclude: ['#emojax-files .icon-button']}, {iframes: false}"
  assert accessibility.serious_faults(visitor.browser, what) == []


def test_two_hundred_pictures_and_no_more(visitor, tmp_path, place):
  rng = np.random.default_rng(1)
  paths = [tmp_path / f"{row:03}.png" for row in range(_MOST + 1)]
  for path in paths:
    pixels = rng.integers(0, 255, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).resize((64, 64)).save(path)
  visitor.drop(*paths[:_MOST])
  visitor.told(f"{_MOST} pictures: {_MOST} rated")
  assert len(visitor.inside(_PLANE, _ROWS)) == _MOST
  rows = _downloaded(place, visitor)
  assert [row["path"] for row in rows] == [path.name for path in paths[:_MOST]]
  visitor.choose(paths[_MOST])
  line = visitor.told("201 pictures are more than the 200 that this page takes at once")
  assert "--max_images" in line
