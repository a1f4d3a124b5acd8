"""`PYTHONPATH=.:tests python tests/images/chromium.py`: what Chromium draws.

Writes `tests/goldens/chromium.npz`: the pixels of each file of `odd_files.shown`, and
the version of the Chromium that drew them.
"""

import base64
import pathlib
import tempfile

import numpy as np
from images import odd_files
from raters import browsing
from selenium import webdriver

GOLDENS = pathlib.Path(__file__).parents[1] / "goldens" / "chromium.npz"
_DRAW = """
const [address, done] = arguments;
const image = new Image();
image.onload = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  done([canvas.height, canvas.width, Array.from(data)]);
};
image.onerror = () => done(null);
image.src = address;
"""


def draw(browser: webdriver.Chrome, kind: str, file: bytes) -> np.ndarray | None:
  """A file as a browser shows it on white, (H, W, 3) uint8; None: not at all."""
  address = f"data:image/{kind};base64,{base64.b64encode(file).decode()}"
  drawn = browser.execute_async_script(_DRAW, address)
  if drawn is None:
    return None
  height, width, samples = drawn
  return np.array(samples, np.uint8).reshape(height, width, 4)[..., :3]


def draw_all(browser: webdriver.Chrome) -> dict[str, np.ndarray]:
  """Every file that browsers show, by name."""
  browser.get("data:text/html,<title>pictures</title>")
  images = {}
  for name, file in odd_files.shown().items():
    drawn = draw(browser, name.split()[0], file)
    assert drawn is not None, f"Chromium does not show {name}"
    images[name] = drawn
  return images


def main() -> None:
  with tempfile.TemporaryDirectory() as folder:
    for browser in browsing.start(pathlib.Path(folder)):
      version = browser.capabilities["browserVersion"]
      np.savez_compressed(GOLDENS, version=version, **draw_all(browser))
      print(f"{GOLDENS}: Chromium {version}")


if __name__ == "__main__":
  main()
