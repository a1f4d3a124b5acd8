"""The rating page, used by people in a real browser."""

import datetime
import http.server
import json
import threading
import urllib.parse

import helpers
import numpy as np
import pytest
from raters import browsing, rating_help
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from emojax.utils import files

pytestmark = pytest.mark.slow  # a browser


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
  return rating_help.draw(tmp_path_factory.mktemp("odd"), rating_help.NAMES)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
  return rating_help.draw(tmp_path_factory.mktemp("plain"), rating_help.PLAIN)


@pytest.fixture(scope="module")
def pages(tmp_path_factory, odd, plain):
  """Pages as files, by name."""
  place = tmp_path_factory.mktemp("pages")
  return {
    "odd": rating_help.write(place, "odd page", odd),
    "four": rating_help.write(place, "four", plain, most=4),
  }


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory):
  yield from browsing.start(tmp_path_factory.mktemp("browser"))


@pytest.fixture
def rater(one_browser):
  """A person before an empty browser; no test may leave a complaint in its console."""
  one_browser.get_log("browser")
  yield browsing.Rater(one_browser)
  assert one_browser.get_log("browser") == []


@pytest.fixture
def scripted(one_browser):
  """Runs a script before the page's own, as long as the test lasts."""
  added = []

  def add(script):
    command = "Page.addScriptToEvaluateOnNewDocument"
    added.append(one_browser.execute_cdp_cmd(command, {"source": script}))

  yield add
  for script_id in added:
    one_browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script_id)


def test_all_pictures_by_mouse_and_the_file_they_are_handed_in(
  rater, pages, tmp_path, one_browser
):
  one_browser.execute_cdp_cmd(
    "Browser.setDownloadBehavior",
    {"behavior": "allow", "downloadPath": str(tmp_path)},
  )
  worker = '@Ζωή, "the   rater" '
  rater.enter(pages["odd"], worker)
  rater.ready(1)
  assert rater.find("no-previous").is_displayed()
  answers, source = [], ""
  for i in range(5):
    rater.ready(i + 1)
    if answers:
      image = rater.find("previous-picture")
      assert image.is_displayed() and image.get_property("src") == source
      values = [
        rater.find(f"previous-{scale}").text for scale in ("valence", "arousal")
      ]
      assert values == [str(i), str(10 - i)]
    assert rater.find("progress").get_property("value") == i
    source = rater.find("current").get_property("src")
    answers.append([rater.shown(), str(i + 1), str(9 - i)])
    rater.rate(i + 1, i + 1, 9 - i)
  rater.ended()
  assert "You rated 5 of 5 pictures" in rater.find("end-number").text
  assert not rater.find("confirm").is_displayed()
  rater.find("download").click()
  path = tmp_path / "ratings-_Ζωή_the_rater_.csv"
  rater.until(path.is_file)
  text = path.read_bytes().decode("utf-8")
  rows = rating_help.read(text)
  assert {row[0] for row in rows} == {'\'@Ζωή, "the rater"'}
  assert "'=1+1.png" in {row[1] for row in rows}
  assert [[files.unguarded(row[1]), *row[2:4]] for row in rows] == answers
  assert {name for name, *_ in answers} == set(rating_help.NAMES)
  assert all(0 < float(row[4]) < 60 for row in rows)
  times = [datetime.datetime.fromisoformat(row[5]) for row in rows]
  assert times == sorted(times) and times[0].tzinfo is not None
  assert text.count("\r") == 0 and rater.csv() == text
  # Answers stay until the rater says that they have arrived.
  rater.enter(pages["odd"])
  assert rater.csv() == text
  rater.find("forget").click()
  assert rater.find("gone").is_displayed()
  assert rater.js("return localStorage.length") == 0


def test_all_pictures_by_keyboard_alone(rater, pages):
  rater.browser.get(pages["four"])
  rater.press(Keys.TAB, "kay", Keys.ENTER)
  for i, (valence, arousal) in enumerate(((1, 9), (2, 8), (3, 7))):
    rater.ready(i + 1)
    rater.press(str(valence), str(arousal), Keys.ENTER)
  rater.ready(4)
  rater.press("5", "5", "6", "4")  # thought better of it
  rater.press(Keys.ARROW_RIGHT)  # native: the next step of the scale in focus
  rater.press(Keys.ENTER)
  rows = rating_help.read(rater.csv())
  assert [row[2:4] for row in rows] == [["1", "9"], ["2", "8"], ["3", "7"], ["6", "5"]]


def test_the_tab_key_reaches_both_scales_and_the_focus_is_seen(rater, pages):
  rater.enter(pages["four"], "tab")
  rater.ready(1)
  reached, outlines = [], set()
  for _ in range(5):
    rater.press(Keys.TAB)
    element = rater.browser.switch_to.active_element
    reached.append(element.get_attribute("name") or element.get_attribute("id"))
    outlines.add(
      rater.js(
        "return getComputedStyle(arguments[0].closest('label') ? "
        "arguments[0].nextElementSibling : arguments[0]).outlineWidth",
        element,
      )
    )
  assert reached[:4] == ["stop", "valence", "arousal", "next"]
  assert outlines == {"3px"}


def test_all_pictures_by_touch_on_a_narrow_telephone(rater, pages, one_browser):
  phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
  one_browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
  touch = {"enabled": True, "maxTouchPoints": 1}
  one_browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", touch)
  try:
    rater.browser.get(pages["four"])
    rater.find("worker").send_keys("thumb")
    rater.tap(rater.find("begin"))
    for number in range(1, 5):
      rater.ready(number)
      wide = "return document.documentElement.scrollWidth"
      assert rater.js(wide) == 360
      for scale in ("valence", "arousal"):
        steps = rater.browser.find_elements(By.CSS_SELECTOR, f"#{scale} input")
        for step in steps if number == 1 else steps[number : number + 1]:
          rater.tap(step)
          rater.until(step.is_selected)
      rater.tap(rater.find("next"))
    rows = rating_help.read(rater.csv())
    assert [row[2:4] for row in rows] == [
      ["9", "9"],
      ["3", "3"],
      ["4", "4"],
      ["5", "5"],
    ]
    rater.tap(rater.find("return"))
    rater.ready(4)
    rater.tap(rater.find("back"))
    rater.ready(3)
    rater.tap(rater.find("stop"))
    rater.ended()
    rater.tap(rater.find("download"))
  finally:
    one_browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    off = {"enabled": False}
    one_browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", off)


def test_a_reload_in_the_middle_loses_no_answer(rater, pages):
  rater.enter(pages["four"], "reloader")
  rater.rate(1, 2, 3)
  rater.rate(2, 4, 5)
  rater.ready(3)
  rater.pick("valence", 7)  # half an answer counts too
  name = rater.shown()
  rater.browser.refresh()
  assert rater.find("worker").get_property("value") == "reloader"
  assert "2 of 4 rated so far" in rater.find("resumed").text
  assert rater.find("begin").text == "Go on"
  rater.find("begin").click()
  rater.ready(3)
  assert rater.shown() == name
  checked = rater.browser.find_elements(By.CSS_SELECTOR, "input:checked")
  assert [choice.get_attribute("value") for choice in checked] == ["7"]
  assert rater.find("previous-arousal").text == "5"
  rater.pick("arousal", 8)
  rater.find("next").click()
  rater.rate(4, 9, 9)
  rows = rating_help.read(rater.csv())
  assert [row[2:4] for row in rows] == [["2", "3"], ["4", "5"], ["7", "8"], ["9", "9"]]


def _order(rater, page, worker):
  """The pictures as a worker is shown them."""
  rater.enter(page, worker)
  names = []
  for number in range(1, 5):
    rater.ready(number)
    names.append(rater.shown())
    rater.press("5", "5", Keys.ENTER)
  rater.ended()
  return names


def test_each_worker_has_an_own_order_of_an_own_choice_and_keeps_it(rater, pages):
  first = _order(rater, pages["four"], "one")
  assert len(set(first)) == 4 and set(first) <= set(rating_help.PLAIN)
  assert {frozenset(first)} != {frozenset(_order(rater, pages["four"], "two"))}
  rater.js("localStorage.clear()")
  assert _order(rater, pages["four"], "one") == first


def test_cells_are_guarded_as_in_every_table(rater, pages):
  rater.browser.get(pages["four"])
  folder = helpers.ROOT / "emojax" / "raters" / "rating_page"
  source = (folder / "page.js").read_text("utf-8")
  start, end = source.index("function guarded"), source.index("function csv")
  heads = ("", "'", "''", " ", "\t", "\0", "\ufeff", "\x1c", "a", "-5", "+.5e-3")
  tails = ("=1", "=a", "+1", "+a", "-1", "-a", "@a", "\uff1da", "\uff20a", "1", "a")
  cells = [head + tail for head in heads for tail in tails]
  script = f"{source[start:end]} return arguments[0].map(guarded)"
  assert rater.browser.execute_script(script, cells) == [
    files.guarded(cell) for cell in cells
  ]


def test_choices_are_even(rater, pages):
  """Of 30 pictures 4 each: 600 workers see every picture about 80 times.

  The counts are fixed by the names; their spread for an even draw is about 8.3
  (a binomial of 600 and 4/30), and a bad shuffle gives several times that.
  """
  rater.browser.get(pages["four"])
  source = (helpers.ROOT / "emojax" / "raters" / "rating_page" / "page.js").read_text(
    "utf-8"
  )
  start, end = source.index("function randomOf"), source.index("function isRated")
  counts = rater.js(
    'const data = JSON.parse(document.getElementById("data").textContent);'
    f"{source[start:end]}"
    """const counts = data.pictures.map(() => [0, 0]);
    for (let i = 0; i < 600; i++) {
      orderOf(`worker${i}`).forEach((index, at) => counts[index][at ? 0 : 1]++);
    }
    return counts;"""
  )
  counts = np.array(counts)
  assert counts.sum() == 2400 and 5 < counts.sum(axis=1).std() < 12
  assert 3 < counts[:, 1].std() < 7  # first of all: 20 each, spread 4.4


def test_back_corrects(rater, pages):
  rater.enter(pages["four"], "corrector")
  rater.rate(1, 2, 3)
  rater.ready(2)
  rater.find("back").click()
  rater.ready(1)
  assert not rater.find("back").is_enabled()
  rater.pick("valence", 8)
  rater.find("next").click()
  rater.ready(2)
  assert rater.find("previous-valence").text == "8"
  assert "valence 8, arousal 3" in rater.find("said").get_property("textContent")
  rater.find("stop").click()
  assert [row[2:4] for row in rating_help.read(rater.csv())] == [["8", "3"]]
  assert "1 of 4" in rater.find("end-number").text


def test_half_an_answer_does_not_go_on(rater, pages):
  rater.enter(pages["four"], "half")
  rater.ready(1)
  rater.find("next").click()
  assert "valence" in rater.find("problem").text
  rater.pick("valence", 4)
  rater.find("next").click()
  assert "arousal" in rater.find("problem").text
  rater.ready(1)
  rater.find("stop").click()
  rater.ended()
  assert not rater.find("download").is_enabled()


def test_without_a_name_nobody_starts(rater, pages):
  rater.enter(pages["four"], "   ")
  assert "Type your name" in rater.find("worker-problem").text
  assert not rater.find("rate").is_displayed()


def test_screen_readers_are_told_what_is_what(rater, pages, one_browser):
  rater.enter(pages["four"], "listener")
  rater.rate(1, 7, 2)
  rater.ready(2)
  tree = one_browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
  names = {}
  for node in tree:
    if not node["ignored"]:
      name = node.get("name", {}).get("value", "")
      names.setdefault(node["role"]["value"], []).append(name)
  assert len(names["radio"]) == 18 and len(set(names["radio"])) == 18
  assert names["radio"][0] == "valence 1, very unpleasant"
  assert names["radio"][17] == "arousal 9, very excited"
  assert names["group"] == [
    "Unpleasant or pleasant? valence",
    "Calm or excited? arousal",
  ]
  assert names["image"] == ["Picture 2, to be rated", "Previous picture"]
  assert names["heading"] == ["Picture 2 of 4"]
  assert names["progressbar"] == ["Pictures rated"]
  assert set(names["button"]) == {"Stop here", "Back", "Next"}
  assert names["complementary"] == ["Previous picture and your answers"]
  live = rater.find("said")
  assert live.get_attribute("aria-live") == "polite"
  assert "1 of 4 rated" in live.get_property("textContent")
  assert rater.js("return document.activeElement.id") == "place"
  assert rater.js("return document.documentElement.lang") == "en"


def test_only_the_time_before_ones_eyes_counts(rater, pages, scripted):
  scripted(
    """let now = 0, hidden = false;
    performance.now = () => now;
    Object.defineProperty(document, "hidden", { get: () => hidden });
    window.pass = (seconds) => { now += seconds * 1000; };
    window.hide = (value) => {
      hidden = value;
      document.dispatchEvent(new Event("visibilitychange"));
    };"""
  )
  rater.enter(pages["four"], "timed")
  rater.ready(1)
  rater.js("pass(3); hide(true); pass(100); hide(false); pass(2)")
  rater.pick("valence", 5)
  rater.js("pass(1.25)")
  rater.pick("arousal", 5)
  rater.js("pass(50)")  # answered, and not yet gone on
  rater.find("next").click()
  rater.rate(2, 5, 5)
  rater.ready(3)
  rater.find("stop").click()
  assert [row[4] for row in rating_help.read(rater.csv())] == ["6.25", "0"]


def test_a_browser_that_keeps_nothing_is_told_of(rater, pages, scripted):
  scripted(
    'Object.defineProperty(window, "localStorage", '
    '{ get() { throw new DOMException("no", "SecurityError"); } });'
  )
  rater.browser.get(pages["four"])
  assert "does not let the page keep" in rater.find("unkept").text
  rater.enter(pages["four"], "private")
  rater.rate(1, 2, 3)
  rater.ready(2)
  rater.find("stop").click()
  assert [row[2:4] for row in rating_help.read(rater.csv())] == [["2", "3"]]
  rater.js("window.onbeforeunload = (event) => event.stopImmediatePropagation()")
  rater.find("download").click()  # handed in: leaving is not asked about any more


def test_storage_that_fails_in_the_middle_is_told_of(rater, pages):
  rater.enter(pages["four"], "full")
  rater.ready(1)
  rater.js("Storage.prototype.setItem = () => { throw new Error('full'); }")
  rater.pick("valence", 2)
  assert "cannot be kept" in rater.find("unkept-now").text
  rater.pick("arousal", 2)
  rater.find("stop").click()
  rater.ended()
  rater.find("download").click()


def test_a_second_window_goes_along(rater, pages):
  rater.enter(pages["four"], "double")
  rater.rate(1, 2, 3)
  rater.ready(2)
  first = rater.browser.current_window_handle
  rater.browser.switch_to.new_window("window")
  try:
    rater.enter(pages["four"], "double")
    rater.rate(2, 4, 5)
    rater.ready(3)
  finally:
    rater.browser.close()
    rater.browser.switch_to.window(first)
  rater.ready(3)
  rater.find("stop").click()
  assert [row[2:4] for row in rating_help.read(rater.csv())] == [["2", "3"], ["4", "5"]]


def test_the_page_asks_the_network_for_nothing(rater, pages, one_browser):
  one_browser.get_log("performance")
  rater.enter(pages["odd"], "offline")
  for number in range(1, 6):
    rater.rate(number, 1, 1)
  rater.ended()
  addresses = []
  for entry in one_browser.get_log("performance"):
    message = json.loads(entry["message"])["message"]
    if message["method"] == "Network.requestWillBeSent":
      addresses.append(message["params"]["request"]["url"])
  assert addresses[0] == pages["odd"]
  assert {urllib.parse.urlsplit(address).scheme for address in addresses[1:]} == {
    "data"
  }


@pytest.fixture
def platform(plain):
  """A crowd platform on loopback that shows the page and takes its form post."""

  class Platform(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
      type(self).gets.append(self.path)
      content = self.pages.get(urllib.parse.urlsplit(self.path).path)
      self.send_response(200 if content else 404)
      self.send_header("Content-Type", "text/html; charset=utf-8")
      self.end_headers()
      self.wfile.write(content or b"")

    def do_POST(self):
      body = self.rfile.read(int(self.headers["Content-Length"])).decode()
      type(self).posted.append(urllib.parse.parse_qs(body, keep_blank_values=True))
      self.send_response(200)
      self.send_header("Content-Type", "text/html")
      self.end_headers()
      self.wfile.write(b'<link rel="icon" href="data:,"><p id="taken">taken</p>')

    def log_message(self, *args):
      del args

  Platform.posted, Platform.gets, Platform.pages = [], [], {}
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
  thread = threading.Thread(target=lambda: server.serve_forever(0.01))
  thread.start()
  Platform.address = f"http://127.0.0.1:{server.server_address[1]}"
  yield Platform
  server.shutdown()
  thread.join()
  server.server_close()


def test_a_crowd_platform_gets_its_form_post(rater, platform, tmp_path):
  names = ("a, b.png", 'quoted "Ω".png')
  folder = rating_help.draw(tmp_path / "pictures", names)
  page = rating_help.make(folder, post_url=f"{platform.address}/externalSubmit")
  platform.pages["/task"] = page.encode()
  task = f"{platform.address}/task?workerId=W%2B1&assignmentId=A1&hitId=H1&other=x"
  rater.browser.get(task)
  assert not rater.find("worker").is_displayed()
  assert rater.find("known-worker").text == "W+1"
  rater.find("begin").click()
  rater.rate(1, 3, 4)
  rater.rate(2, 5, 6)
  rater.ended()
  rater.find("hand-in").click()
  rater.until(lambda: rater.browser.find_elements(By.ID, "taken"))
  (posted,) = platform.posted
  assert set(posted) == {"assignmentId", "workerId", "hitId", "ratings"}
  assert posted["assignmentId"] == ["A1"] and posted["workerId"] == ["W+1"]
  rows = rating_help.read(posted["ratings"][0])
  assert [row[2:4] for row in rows] == [["3", "4"], ["5", "6"]]
  assert {row[1] for row in rows} == set(names) and rows[0][0] == "W+1"
  # Had the post failed, everything would still be there.
  rater.enter(task)
  rater.ended()
  assert (
    rater.find("confirm").is_displayed() and len(rating_help.read(rater.csv())) == 2
  )


def test_a_name_that_was_typed_is_posted_too(rater, platform, plain):
  page = rating_help.make(plain, post_url=f"{platform.address}/take", most=1)
  platform.pages["/task"] = page.encode()
  rater.enter(f"{platform.address}/task", "Ζωή")
  rater.rate(1, 3, 4)
  rater.ended()
  rater.find("hand-in").click()
  rater.until(lambda: rater.browser.find_elements(By.ID, "taken"))
  (posted,) = platform.posted
  assert set(posted) == {"workerId", "ratings"} and posted["workerId"] == ["Ζωή"]


def test_a_platform_s_preview_cannot_be_started(rater, platform, plain):
  page = rating_help.make(plain, post_url=f"{platform.address}/externalSubmit")
  platform.pages["/task"] = page.encode()
  rater.browser.get(f"{platform.address}/task?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE")
  assert rater.find("preview").is_displayed()
  assert not rater.find("begin").is_enabled()


def test_pictures_on_a_server_are_loaded_and_missing_ones_left_out(
  rater, platform, tmp_path, one_browser
):
  folder = rating_help.draw(tmp_path / "pictures", ("here Ω.png", "gone.png"))
  address = rating_help.write(
    tmp_path, "served", folder, base_url=f"{platform.address}/set"
  )
  here = "/set/here%20%CE%A9.png"
  platform.pages[here] = (folder / "here Ω.png").read_bytes()
  rater.enter(address, "server")
  for _ in range(2):
    rater.until(
      lambda: (
        rater.find("current").is_displayed() or rater.find("failed").is_displayed()
      )
    )
    if rater.find("failed").is_displayed():
      rater.find("leave-out").click()
    else:
      rater.pick("valence", 5)
      rater.pick("arousal", 5)
      rater.find("next").click()
  rows = rating_help.read(rater.csv())
  assert [row[1] for row in rows] == ["here Ω.png"]
  assert here in platform.gets and "/set/gone.png" in platform.gets
  complaints = one_browser.get_log("browser")  # the missing picture, and nothing else
  assert complaints and all("gone.png" in entry["message"] for entry in complaints)
