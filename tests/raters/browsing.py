"""A real browser for tests: Debian's Chromium, driven by its own chromedriver.

In: an empty folder. Out: a browser without a past or updates, whose downloads land in
that folder; `Rater` uses the rating page in it as a person would.
"""

import pathlib
import shutil
from collections.abc import Iterator

import helpers
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

_SECONDS = 20  # a loaded machine is no fault of the page
_POLL_SECONDS = 0.02
_QUIET = (
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--window-size=1200,900",
)


def start(place: pathlib.Path) -> Iterator[webdriver.Chrome]:
  """A browser whose profile and `downloads` folder lie in `place`."""
  chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
  if not chromium or not driver:
    helpers.lacking(
      "no browser: pages are tested in Chromium; on Debian and Ubuntu: "
      "apt-get install chromium chromium-driver"
    )
  downloads = place / "downloads"
  downloads.mkdir()
  options = webdriver.ChromeOptions()
  options.binary_location = chromium
  for argument in (*_QUIET, f"--user-data-dir={place / 'profile'}"):
    options.add_argument(argument)
  preferences = {"download.default_directory": str(downloads)}
  options.add_experimental_option("prefs", preferences)
  options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
  # With both paths given, selenium looks for nothing to download.
  browser = webdriver.Chrome(options=options, service=Service(driver))
  yield browser
  browser.quit()


class Rater:
  """A person in front of the rating page.

  Attributes:
    browser: what the page is in.
  """

  def __init__(self, browser: webdriver.Chrome):
    self.browser = browser

  def find(self, name):
    """The element with an id."""
    return self.browser.find_element(By.ID, name)

  def until(self, condition):
    """Waits until a function without arguments returns something true."""
    wait = WebDriverWait(self.browser, _SECONDS, _POLL_SECONDS)
    return wait.until(lambda _: condition())

  def js(self, script, *arguments):
    """What a script returns."""
    return self.browser.execute_script(script, *arguments)

  def enter(self, address, worker=None):
    """Opens a page and starts, under a name unless the address has one."""
    self.browser.get(address)
    if worker is not None:
      self.find("worker").clear()
      self.find("worker").send_keys(worker)
    self.find("begin").click()

  def ready(self, number):
    """Waits until picture `number`, from 1, can be rated."""
    self.until(
      lambda: (
        self.find("place").text.startswith(f"Picture {number} of ")
        and self.find("current").is_displayed()
      )
    )

  def pick(self, scale, value):
    """Clicks on a figure."""
    selector = f"input[name='{scale}'][value='{value}']"
    self.browser.find_element(By.CSS_SELECTOR, selector).click()

  def rate(self, number, valence, arousal):
    """Rates picture `number` with the mouse and goes on."""
    self.ready(number)
    self.pick("valence", valence)
    self.pick("arousal", arousal)
    self.find("next").click()

  def press(self, *keys):
    """Presses keys, on whatever has the focus."""
    ActionChains(self.browser).send_keys(*keys).perform()

  def tap(self, element):
    """Touches an element, which must be large enough for a thumb."""
    box = self.js(
      "arguments[0].scrollIntoView({block: 'nearest'});"
      "const box = arguments[0].getBoundingClientRect();"
      "return [box.x, box.y, box.width, box.height]",
      element,
    )
    x, y, width, height = box
    assert width >= 40 and height >= 40, (element.get_attribute("outerHTML"), box)
    point = [{"x": x + width / 2, "y": y + height / 2}]
    for kind, points in (("touchStart", point), ("touchEnd", [])):
      event = {"type": kind, "touchPoints": points}
      self.browser.execute_cdp_cmd("Input.dispatchTouchEvent", event)

  def ended(self):
    """Waits for the last view."""
    self.until(lambda: self.find("end").is_displayed())

  def csv(self):
    """The CSV that the page would hand in, as the last view has it."""
    self.ended()
    return self.find("text").get_property("value")

  def shown(self):
    """The name of the picture that is shown."""
    return self.js(
      """const data = JSON.parse(document.getElementById("data").textContent);
      const source = document.getElementById("current").src;
      return data.pictures.find((entry) => entry[1] === source)[0];"""
    )
