"""How fast JPEG files are decoded, and what that costs a network which needs them."""

import pathlib
import tempfile

import cv2
import numpy as np

from emojax import config, images
from emojax.bench.measure import Figure, Size, by_turns, draw_jpegs, figure
from emojax.extract import extractor


def bench_decode(size: Size) -> list[Figure]:
  """JPEG files to pixels beside OpenCV, the fastest decoder here, which checks nothing.

  Then files to features with the network of the predictor that comes with it, beside
  its features of pictures that are decoded already.
  """
  network = extractor.from_config(config.ExtractConfig(features=config.BEST_FEATURES))
  with tempfile.TemporaryDirectory() as temporary:
    paths = draw_jpegs(pathlib.Path(temporary), size.num_pictures)
    decoded = [images.load(path) for path in paths]

    def load_all() -> None:
      for path in paths:
        images.load(path)

    def decode_all() -> None:
      for path in paths:
        cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR_RGB)

    ours, fastest = by_turns((load_all, decode_all), size.repeats)
    end_to_end, alone = by_turns(
      [lambda: network.run(paths) and None, lambda: network.run(decoded) and None],
      size.repeats,
    )
  number = len(paths)
  return [
    figure(
      "decode JPEGs, one thread",
      "pictures/s",
      ours.of(number),
      "OpenCV, which passes damaged files",
      fastest.of(number),
      "0.9 or more",
    ),
    figure(
      "features of JPEGs, end to end",
      "pictures/s",
      end_to_end.of(number),
      "of pictures decoded already",
      alone.of(number),
      "0.9 or more",
    ),
  ]
