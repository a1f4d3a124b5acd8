"""`python -m emojax.raters COMMAND`: from single people's answers to rated pictures.

`candidates`, the paper's first step: votes on which pictures are emotional at all, in;
the pictures to be rated, out. `page`: pictures in; a web page on which people rate
them, out. `aggregate`, the second step: single ratings in; a rating per picture, as the
dataset `va_emotion/folder` reads it, and a report on raters and on everything dropped,
out.

  python -m emojax.raters candidates votes.csv --output=candidates
  python -m emojax.raters page --images_dir=PICTURES --output=rating.html
  python -m emojax.raters aggregate ratings.csv --output=rated
"""

import hashlib
import json
import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from emojax.raters import spellings
from emojax.raters.config import CandidateConfig, RaterConfig
from emojax.raters.rating_page import page as rating_page
from emojax.utils import cli, errors, files, locks, options, terminal
from emojax.version import __version__

if TYPE_CHECKING:  # heavy imports happen in the commands: --help answers at once
  from emojax.raters import summary

_NAME = "emojax.raters"
_ABOUT = (
  "Turns what single people say about pictures into rated pictures, by the rules with "
  "which the paper built its dataset."
)
_AGGREGATE = (
  "Single ratings (CSV with the columns worker, image, valence, arousal, and where you "
  "have them seconds, approval in percent, shown_at, keyword) to mean ratings that "
  "training reads, with agreement of the raters and everything dropped and why. "
  "Several files are taken together."
)
_CANDIDATES = (
  "Votes (CSV with the columns worker, image, emotional as yes or no, and where you "
  "have it keyword) to the pictures that most people call emotional."
)


def define_aggregate_flags() -> None:
  """Flags of `aggregate`; not on import, so that programs can be imported."""
  _define_output()
  options.define(RaterConfig, _NAME)


def define_candidates_flags() -> None:
  """Flags of `candidates`."""
  _define_output()
  options.define(CandidateConfig, _NAME)


def aggregate(arguments: list[str]) -> None:
  """Single ratings to rated pictures; see the module."""
  settings = options.read(RaterConfig())
  # Here and not at the head: these take a second to import, drawing another.
  from emojax.raters import ratings, rules

  paths, output = _places(arguments, "aggregate")
  table, bad = ratings.read(paths, settings)
  from emojax.raters import summary
  from emojax.utils import scales

  verdict = rules.apply(table, settings)
  images = rules.images(table, verdict)
  names = [str(path) for path in paths]
  aggregation = summary.Aggregation(names, table, bad, verdict, images, settings)
  with locks.one_writer(output):
    _write_aggregation(aggregation, _provenance("aggregate", paths), output)
  terminal.say(
    "train: python -m emojax.train --fold=all "
    "--dataset=va_emotion/folder --images_dir=PICTURES "
    f"--ratings_csv={shlex.quote(str(output / 'ratings.csv'))} "
    f"{scales.as_flags(table.scales)}"
  )


def _write_aggregation(
  aggregation: "summary.Aggregation", provenance: dict[str, Any], output: pathlib.Path
) -> None:
  """Writes and prints what was made of single ratings; `results.json` is whole last.

  Raises:
    UserError: no picture is left; what was dropped and why is written all the same.
  """
  from emojax.pages import page
  from emojax.raters import page as rater_page
  from emojax.raters import summary

  # What an earlier run left must not stand beside what this one finds.
  for name in ("ratings.csv", "table.md", "index.html"):
    (output / name).unlink(missing_ok=True)
  # First of all, so that the folder is known again as one that may be written over.
  files.write(output / "results.json", _json(provenance))
  files.write(output / "dropped.csv", summary.dropped_csv(aggregation))
  files.write(output / "workers.csv", summary.workers_csv(aggregation))
  files.write(output / "pictures.csv", summary.images_csv(aggregation))
  if not aggregation.verdict.images_kept.any():
    raise errors.UserError(_nothing_left(aggregation, output))
  coefficients = summary.agreement(aggregation, show_progress=True)
  text = summary.table_markdown(aggregation, coefficients)
  page.write(output, rater_page.of_ratings(aggregation, coefficients))
  files.write(output / "table.md", text)
  whole = summary.to_json(aggregation, coefficients, provenance)
  files.write(output / "ratings.csv", summary.ratings_csv(aggregation))
  files.write(output / "results.json", _json(whole))
  terminal.say(text)
  terminal.say(f"page: {output / 'index.html'}")


def candidates(arguments: list[str]) -> None:
  """Votes to candidate pictures; see the module."""
  settings = options.read(CandidateConfig())
  from emojax.raters import votes

  paths, output = _places(arguments, "candidates")
  tally = votes.count(votes.read(paths, settings), settings)
  provenance = _provenance("candidates", paths)
  text = votes.table_markdown(tally)
  with locks.one_writer(output):
    for name, content in (
      ("results.json", _json(provenance)),  # see `_write_aggregation`
      ("candidates.csv", votes.candidates_csv(tally)),
      ("keywords.csv", votes.keywords_csv(tally)),
      ("dropped.csv", votes.dropped_csv(tally)),
      ("kept.txt", votes.kept_text(tally)),
      ("table.md", text),
      ("results.json", _json(votes.to_json(tally, provenance))),
    ):
      files.write(output / name, content)
  terminal.say(text)
  terminal.say(f"kept pictures: {output / 'kept.txt'}")


def _define_output() -> None:
  flags.DEFINE_string("output", "", "Folder for the results; it is made.")


def _places(
  arguments: Sequence[str], command: str
) -> tuple[list[pathlib.Path], pathlib.Path]:
  """The files to read and the folder to write, which must hold nothing but ours."""
  if not arguments:
    raise errors.UserError("name at least one CSV file")
  if not flags.FLAGS.output:
    raise errors.UserError("--output=FOLDER is needed")
  output = pathlib.Path(flags.FLAGS.output).expanduser()
  if output.exists() and not output.is_dir():
    raise errors.UserError(f"--output should be a folder; {output} is a file")
  if locks.holds_files(output) and not _is_ours(output, command):
    raise errors.UserError(
      f"{output} holds files that `{command}` did not write: choose a new folder for "
      "--output"
    )
  files.check_writable(output / "results.json")
  return [pathlib.Path(name).expanduser() for name in arguments], output


def _is_ours(output: pathlib.Path, command: str) -> bool:
  try:
    report = json.loads((output / "results.json").read_text("utf-8"))
    return report["program"] == f"{_NAME} {command}"
  except (OSError, ValueError, KeyError, TypeError):
    return False


def _provenance(command: str, paths: Sequence[pathlib.Path]) -> dict[str, Any]:
  """What the results stand on: the program and the files with their digests."""
  digests = {}
  for path in paths:
    with path.open("rb") as file:
      digests[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
  return {"program": f"{_NAME} {command}", "version": __version__, "files": digests}


def _json(content: Mapping[str, Any]) -> str:
  return files.json_text(content, ensure_ascii=False)


def _nothing_left(aggregation: "summary.Aggregation", output: pathlib.Path) -> str:
  """Why no picture is left, in one line."""
  by_rule = ", ".join(f"{n} {rule}" for rule, n in aggregation.dropped().items() if n)
  most = int(aggregation.verdict.raters.max(initial=0))
  asides = [
    f"{line[0].lower()}{line[1:-1]}"
    for line in spellings.questions(aggregation.table.images, ())
  ]
  return (
    f"no picture has at least {aggregation.settings.min_raters} raters "
    f"(--min_raters): the most any of {len(aggregation.table.images)} has left is "
    f"{most}; ratings dropped: "
    + "; ".join([by_rule, f"{output / 'dropped.csv'} has each", *asides])
  )


COMMANDS = {
  "candidates": cli.Command(
    _CANDIDATES,
    define_candidates_flags,
    candidates,
    (CandidateConfig,),
    "VOTES.csv...",
    "votes.csv --output=candidates",
  ),
  "page": rating_page.COMMAND,
  "aggregate": cli.Command(
    _AGGREGATE,
    define_aggregate_flags,
    aggregate,
    (RaterConfig,),
    "RATINGS.csv...",
    "downloads/*.csv --output=rated",
  ),
}

if __name__ == "__main__":
  cli.run_commands(COMMANDS, _NAME, _ABOUT)
