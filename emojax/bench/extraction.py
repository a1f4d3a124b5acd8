"""How fast JPEG files become features, beside the decoder alone."""

import pathlib
import tempfile
from typing import Any

from emojax import config
from emojax.bench.measure import Figure, Size, best_seconds, draw_jpegs


def bench_extract(size: Size) -> list[Figure]:
  """JPEG files to the paper's 1588 columns, beside the decoder alone."""
  import concurrent.futures

  from emojax import images
  from emojax.extract import extractor

  with tempfile.TemporaryDirectory() as temporary:
    if size.images_dir:
      paths = images.walk(pathlib.Path(size.images_dir))[: size.num_pictures]
    else:
      paths = draw_jpegs(pathlib.Path(temporary), size.num_pictures)
    settings = config.ExtractConfig(weights="random")
    program = extractor.from_config(settings)

    def go() -> Any:
      return program.run(
        paths, None, batch_size=settings.extract_batch, workers=settings.workers
      )

    go()  # compiles
    stats = go().stats

    def decode(path: pathlib.Path) -> None:
      image = images.load(path)
      for view in (images.SQUASH, images.CROP):
        images.view(image, view)

    def decode_all() -> None:
      with concurrent.futures.ThreadPoolExecutor(settings.workers) as pool:
        list(pool.map(decode, paths))

    decoder = len(paths) / best_seconds(decode_all, 2)
  total = stats["total_seconds"]
  rate = len(paths) / total
  shares = ", ".join(
    f"{name.removesuffix('_seconds')} {100 * seconds / total:.0f} %"
    for name, seconds in stats.items()
    if name.endswith("_seconds") and name != "total_seconds"
  )
  return [
    Figure(
      f"extract {len(paths)} JPEGs ({shares})",
      rate,
      "pictures/s",
      "decoding and resizing alone",
      decoder,
      rate / decoder,
    )
  ]
