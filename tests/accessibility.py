"""What axe-core finds wrong with a page that a browser shows."""

import importlib.metadata
from typing import Any

from selenium.webdriver.remote.webdriver import WebDriver


def serious_faults(browser: WebDriver, what: str = "document") -> list[Any]:
  """The serious and critical faults: name, help and elements of each.

  Args:
    browser: on the page.
    what: arguments of `axe.run`: what to look at, and how.
  """
  (path,) = [
    entry
    for entry in importlib.metadata.files("axe-playwright-python") or ()
    if entry.name == "axe.min.js"
  ]
  browser.execute_script(path.read_text("utf-8"))
  return browser.execute_async_script(
    f"axe.run({what}).then(results => arguments[0](results.violations"
    ".filter(fault => ['serious', 'critical'].includes(fault.impact))"
    ".map(fault => [fault.id, fault.help, fault.nodes.map(node => node.html)])))"
  )
