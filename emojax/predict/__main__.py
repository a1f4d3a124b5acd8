"""`python -m emojax.predict IMAGE...`: ratings of any pictures.

In: pictures, or what holds them (folders, lists, tar files, addresses), and the
predictor that comes with emojax or a finished run (its folder, or an archive of
`python -m emojax.export`). Out: one row per picture with its predicted ratings, written
as they come, on standard output or in a file; a page that shows the pictures in the
valence-arousal plane.

  python -m emojax.predict PICTURES
  python -m emojax.predict --checkpoint=runs/best beach.jpg
  python -m emojax.predict --checkpoint=run.zip --output=predictions.csv \\
      --gallery=gallery.html PICTURES
"""

import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.evaluation import conformal
from emojax.utils import cli, errors, files, garbage, options, scales, terminal

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  from emojax.predict import predictions

_NAME = "emojax.predict"
_ABOUT = (
  "Predicts valence and arousal of pictures, on 1..9 or on the scale of your ratings, "
  "with a finished run's networks. Each picture gets one row: the predicted mean "
  "rating, the interval in which the mean of many people's ratings lies with a "
  "probability of 90 %, the standard deviation over the networks of the five folds, "
  "the distance from the training pictures (1 is typical), and a status: ok; far, "
  "unlike the training pictures; or not scored: error, small, blank, transparent, "
  "with the reason. The exit status is 1 when some were not scored. What names "
  f"pictures: {config.IMAGES_MEANING}."
)
_UNUSED = (
  "features",
  "weights",
  "word_features",
  "network_precision",
)  # the run says which
_MOST_TOLD = 5  # pictures that a gallery lacks
_KINDS = (".csv", ".json", ".parquet")
_START_BYTES = 8  # that tell a table of predictions


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string(
    "checkpoint",
    "",
    "A run folder, or an archive that python -m emojax.export made; empty: the "
    "predictor that comes with emojax, trained on 720 photographs of OASIS.",
  )
  flags.DEFINE_string(
    "output",
    "",
    "File for the rows, .csv, .json or .parquet; empty: CSV on standard output.",
  )
  flags.DEFINE_float(
    "interval",
    conformal.LEVEL,
    "How probably the mean rating lies between valence_low and valence_high, and "
    "likewise for arousal; a share between 0 and 1.",
  )
  flags.DEFINE_list(
    "output_scale",
    "",
    "Lowest and highest rating of the scale to predict on, such as 0,100; empty: that "
    "of the run, 1..9 unless its ratings had another.",
  )
  flags.DEFINE_boolean(
    "allow_simulated",
    False,
    "Score also with a run that was trained on simulated ratings or random weights; "
    "every row then says so.",
  )
  flags.DEFINE_string(
    "gallery", "", "HTML file that shows the pictures in the valence-arousal plane."
  )
  options.define(config.ExtractConfig, _NAME, leave_out=_UNUSED)


def main(arguments: list[str]) -> int:
  """The program; see the module."""
  flag_values = flags.FLAGS
  if not arguments:
    raise errors.UserError("name pictures or folders of pictures to predict")
  output, page, output_scale, _ = errors.all_of(
    lambda: _rows_file(flag_values.output),
    lambda: _output(flag_values.gallery, (".html", ".htm")),
    lambda: _scale(flag_values.output_scale),
    lambda: _check_share(flag_values.interval),
  )
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  with garbage.paused():
    from emojax.extract import extractor, inputs
    from emojax.features import external
    from emojax.predict import predictions, predictor
    from emojax.utils import runtime

  settings = options.read(config.ExtractConfig())
  runtime.start(settings.cache_dir)
  # What is wrong with the pictures' names is told beside what is wrong with the run.
  named, model = errors.all_of(
    lambda: inputs.of_texts(arguments),
    lambda: predictor.load(
      flag_values.checkpoint,
      settings.weights_dir,
      settings.color_names,
      settings.word_norms,
      external.paths(settings.extra_features, ()),
    ),
  )
  for note in model.run.results["notes"]:
    terminal.tell(f"{_NAME}: note: {note}")
  parts = model.predict_each(
    named.sources,
    extractor.ranges(range(len(named.sources))),
    settings=settings,
    progress=True,
    interval=flag_values.interval,
    allow_simulated=flag_values.allow_simulated,
    output_scale=output_scale,
  )
  tally = _Tally(is_kept=page is not None)
  _write(tally.counted(parts), output)
  if page is not None:
    from emojax.predict import page as predict_page  # drawing takes half a second

    title = f"Predicted by {pathlib.Path(flag_values.checkpoint).name or 'emojax'}"
    notes = model.run.results["notes"]
    text, hidden = predict_page.gallery_page(
      predictions.joined(tally.kept),
      title,
      notes,
      inputs.places(arguments),
      settings.max_pixels,
      flag_values.interval,
    )
    files.write(page, text)
    for line in hidden[:_MOST_TOLD]:
      terminal.tell(f"{_NAME}: not in the gallery: {line}")
    if hidden[_MOST_TOLD:]:
      more = len(hidden) - _MOST_TOLD
      terminal.tell(f"{_NAME}: nor are {more} more, as its end says")
  if named.left_out:
    terminal.tell(f"{_NAME}: {named.left_out}; name one to have it tried")
  return _report(tally, output, page)


def _scale(texts: list[str]) -> tuple[float, ...]:
  try:
    numbers = tuple(float(text) for text in texts if text.strip())
  except ValueError:
    raise errors.UserError(
      f"--output_scale is two numbers such as 1,9; got {','.join(texts)}"
    ) from None
  return numbers and scales.check(numbers, "output_scale")


def _check_share(interval: float) -> None:
  if not 0 < interval < 1:
    raise errors.UserError(f"--interval is a share between 0 and 1, got {interval:g}")


@dataclasses.dataclass
class _Tally:
  """What became of the pictures so far.

  Attributes:
    is_kept: whether a page is wanted, which needs all predictions at once.
    kept: those.
    number, failed, far: of pictures.
  """

  is_kept: bool
  kept: "list[predictions.Predictions]" = dataclasses.field(default_factory=list)
  number: int = 0
  failed: int = 0
  far: int = 0

  def counted(
    self, parts: "Iterable[predictions.Predictions]"
  ) -> "Iterator[predictions.Predictions]":
    """The same parts, which are counted as they pass."""
    for part in parts:
      self.number += len(part)
      self.failed += int((~part.is_scored).sum())
      self.far += part.status.count("far")
      self.kept += [part] * self.is_kept
      yield part


def _write(
  parts: "Iterator[predictions.Predictions]", output: pathlib.Path | None
) -> None:
  """Writes rows as they come."""
  from emojax.predict import formats

  if output is None:
    for text in formats.csv(parts):
      terminal.give(text)
    return
  with files.writing(output) as file:
    formats.write(file, parts, output.suffix.lower())


def _report(
  tally: _Tally,
  output: pathlib.Path | None,
  page: pathlib.Path | None,
) -> int:
  """Says on standard error what became of the pictures; returns the exit status."""
  for path, what in ((output, "ratings"), (page, "gallery")):
    if path:
      terminal.tell(f"{_NAME}: {what}: {path}")
  if tally.far:
    terminal.tell(
      f"{_NAME}: {tally.far} of {tally.number} pictures are unlike the training "
      "pictures (status far)",
    )
  if tally.failed:
    terminal.tell(
      f"{_NAME}: {tally.failed} of {tally.number} pictures were not scored: their rows "
      "say why",
    )
  return 1 if tally.failed else 0


def _rows_file(name: str) -> pathlib.Path | None:
  """The file for the rows; what is no table of predictions is not overwritten."""
  path = _output(name, _KINDS)
  if path and path.is_file() and path.suffix.lower() == ".csv":
    with path.open("rb") as file:
      start = file.read(_START_BYTES)
    if start and not start.startswith(b"path,"):
      raise errors.UserError(
        f"{name} is there and holds no predictions; choose another --output, or remove "
        "it"
      )
  return path


def _output(name: str, kinds: tuple[str, ...]) -> pathlib.Path | None:
  """A file to write, refused before the work and not after it."""
  if not name:
    return None
  path = pathlib.Path(name).expanduser()
  if path.suffix.lower() not in kinds:
    raise errors.UserError(f"{name} should end in {', '.join(kinds)}")
  if not path.absolute().parent.is_dir():
    raise errors.UserError(f"cannot write {name}: there is no folder {path.parent}")
  files.check_writable(path)
  return path


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(config.ExtractConfig,),
    arguments="PICTURES...",
    example="--output=predictions.csv --gallery=gallery.html PICTURES",
  )
