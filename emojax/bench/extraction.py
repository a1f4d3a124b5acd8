"""How fast JPEG files become features, beside the decoder alone."""

import pathlib
import tempfile

from emojax import config
from emojax.bench.measure import Figure, Size, by_turns, draw_jpegs, figure


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

    stats: dict[str, float] = {}  # of the last turn

    def extract() -> None:
      batch = settings.extract_batch
      extraction = program.run(paths, None, batch_size=batch, workers=settings.workers)
      stats.update(extraction.stats)

    def decode(path: pathlib.Path) -> None:
      image = images.load(path)
      for view in (images.SQUASH, images.CROP):
        images.view(image, view)

    def decode_all() -> None:
      with concurrent.futures.ThreadPoolExecutor(settings.workers) as pool:
        list(pool.map(decode, paths))

    ours, decoder = by_turns((extract, decode_all), min(2, size.repeats))
  total = stats["total_seconds"]
  shares = ", ".join(
    f"{name.removesuffix('_seconds')} {100 * seconds / total:.0f} %"
    for name, seconds in stats.items()
    if name.endswith("_seconds") and name != "total_seconds"
  )
  return [
    figure(
      f"extract {len(paths)} JPEGs",
      "pictures/s",
      ours.of(len(paths)),
      "decoding and resizing alone",
      decoder.of(len(paths)),
      note=shares,
    )
  ]
