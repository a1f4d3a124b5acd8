"""`python -m emojax.words`: do pictures feel like the words for them?

`correlate`. In: a CSV file of tagged and rated pictures, and word norms. Out: a folder
with `matches.csv` (one row for each row of the tags), `correlations.json`, `table.md`,
the paper's Figure 8 as PNG, SVG and PDF, and `index.html`, which needs no network.

`zero_shot`. In: rated pictures and word norms. Out: how the norms of what networks see
in a picture go with its ratings, in a table and, picture by picture, in a CSV file.

  python -m emojax.words correlate --tags=iaps_ratings.csv \\
      --norms=Ratings_Warriner_et_al.csv --output=runs/words
  python -m emojax.words zero_shot --dataset=va_emotion/oasis --manual_dir=OASIS \\
      --weights_dir=weights --word_norms=Ratings_Warriner_et_al.csv
"""

import pathlib
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.utils import cli, errors, files, locks, options, terminal
from emojax.version import __version__
from emojax.words.config import WordsConfig

if TYPE_CHECKING:  # heavy imports happen in the commands: --help answers at once
  from emojax.features import word_norms
  from emojax.utils import tables
  from emojax.words import correlation

_NAME = "emojax.words"
_ABOUT = (
  "What words and pictures have to do with each other: how the words for what a "
  "picture shows feel, against how the picture feels."
)


def define_correlate_flags() -> None:
  """Defines the flags of `correlate`."""
  options.define(WordsConfig, _NAME)


def main_correlate(arguments: list[str]) -> None:
  """The command `correlate`; see the module."""
  del arguments  # none are taken
  for line in correlate(options.read(WordsConfig())):
    terminal.say(line)


def correlate(settings: WordsConfig) -> list[str]:
  """Matches tags to words, correlates, and writes all that the module lists.

  Args:
    settings: the files and how they are read.
  Returns:
    What to print: the table of levels, what was left out, where the results are.
  Raises:
    ValueError: a file or setting that cannot be used, or too few known tags for a
      correlation; where the files are read, `matches.csv` says why.
  """
  from emojax.features import word_norms
  from emojax.words import correlation

  for name, meaning in (("tags", "tagged pictures"), ("norms", "word norms")):
    if not getattr(settings, name):
      raise errors.UserError(f"name the CSV file of {meaning} with --{name}")
  options.check(settings)
  tags, norms_path, output = (
    pathlib.Path(name).expanduser()
    for name in (settings.tags, settings.norms, settings.output)
  )
  files.check_writable(output / "matches.csv")
  named = {key: getattr(settings, flag) for key, flag in correlation.FLAGS.items()}
  images, tagged = correlation.read(tags, named, settings.rating_scale)
  norms = word_norms.read(norms_path)
  rows = correlation.match_all(images, norms, settings.cut_at)
  with locks.one_writer(output):
    return _write(settings, tagged, rows, norms, output)


def _write(
  settings: WordsConfig,
  tagged: "tables.Table",
  rows: "list[correlation.Row]",
  norms: "word_norms.WordNorms",
  output: pathlib.Path,
) -> list[str]:
  """Writes what was matched and how it correlates; see `correlate`."""
  from emojax.words import correlation

  # Before anything can be wrong with the correlation: it shows what was not matched.
  files.write(output / "matches.csv", correlation.csv(rows))
  levels = correlation.by_level(rows)
  try:
    correlation.check(levels, rows, norms.label)
  except correlation.WordsError as error:
    raise errors.UserError(f"{error}; see {output / 'matches.csv'}") from None

  # Here and not at the head: drawing takes a second to import.
  from emojax.pages import markdown, page
  from emojax.words import page as words_page

  scale, cut_at = settings.rating_scale, settings.cut_at
  norms_path = pathlib.Path(settings.norms).expanduser()
  source = words_page.Source(tagged, scale, norms_path, norms, cut_at)
  content = words_page.of_correlation(source, rows, levels)
  page.write(output, content)
  table = "\n".join(markdown.aligned(correlation.table(levels)))
  notes = "".join(f"- {line}\n" for line in content.notes)
  text = f"# {content.title}\n\n{table}\n\n{notes}"
  files.write(output / "table.md", text)
  report = {
    "emojax": __version__,
    "source": source.described(),
    "notes": content.notes,
    "rows": len(rows),
    "statuses": correlation.statuses(rows),
    "levels": correlation.json_able(levels),
  }
  files.write(output / "correlations.json", files.json_text(report))
  places = [f"rows: {output / 'matches.csv'}", f"page: {output / 'index.html'}"]
  return [table, *content.notes, *places]


def define_zero_shot_flags() -> None:
  """Defines the flags of `zero_shot`."""
  flags.DEFINE_string(
    "output", "", "CSV file for the scores of every picture; empty: none is written."
  )
  for settings in (config.DataConfig, config.ExtractConfig):
    options.define(settings, _NAME, leave_out=("features",))


def main_zero_shot(arguments: list[str]) -> None:
  """The command `zero_shot`; see the module."""
  del arguments  # none are taken
  from emojax.datasets.va_emotion import prepare
  from emojax.utils import runtime
  from emojax.words import zero_shot

  output = pathlib.Path(flags.FLAGS.output).expanduser()
  if flags.FLAGS.output and not output.absolute().parent.is_dir():
    raise errors.UserError(f"cannot write {output}: there is no folder {output.parent}")
  if flags.FLAGS.output:
    files.check_writable(output)
  extract = options.read(config.ExtractConfig(features=("word_emotion",)))
  runtime.start(extract.cache_dir)
  dataset = prepare.prepare(options.read(config.DataConfig()), extract, progress=True)
  scorers = zero_shot.scored(dataset)
  for note in dataset.notes:
    terminal.say(note)
  terminal.say("\n".join(zero_shot.table(scorers, len(dataset.image_ids))))
  terminal.say(
    "Brackets: 95 %, resampling the pictures. No rating was used to score a picture."
  )
  if flags.FLAGS.output:
    files.write(output, zero_shot.csv(scorers, dataset))
    terminal.say(f"scores: {output}")


COMMANDS = {
  "correlate": cli.Command(
    "Correlates pictures' ratings with those of the words for what they show, the "
    "paper's Figure 8: tags are matched to word norms as they stand, then by their "
    "base form, head noun, or as a compound, and each level is reported.",
    define_correlate_flags,
    main_correlate,
    settings=(WordsConfig,),
    example="--tags=iaps_ratings.csv --norms=Ratings_Warriner_et_al.csv",
  ),
  "zero_shot": cli.Command(
    "Scores rated pictures without learning from any rating: by the norms of the class "
    "names that networks see in them, expected under the networks' probabilities.",
    define_zero_shot_flags,
    main_zero_shot,
    settings=(config.DataConfig, config.ExtractConfig),
    example="--dataset=va_emotion/oasis --manual_dir=OASIS "
    "--word_norms=Ratings_Warriner_et_al.csv",
  ),
}


if __name__ == "__main__":
  cli.run_commands(COMMANDS, _NAME, _ABOUT)
