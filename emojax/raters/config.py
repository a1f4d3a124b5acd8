"""Settings of `python -m emojax.raters`, one class a command."""

import dataclasses

from emojax.config import setting


@dataclasses.dataclass(frozen=True)
class RatingPageConfig:
  """A page on which people rate pictures."""

  most: int = setting(
    200,
    "Pictures a worker rates at most. Where there are more, each worker gets a random "
    "choice, always the same for the same name.",
    least=1,
  )
  title: str = setting("How do these pictures make you feel?", "Heading of the page.")
  instructions: str = setting(
    "",
    "What a worker reads before the start; a blank line begins a new paragraph. Empty: "
    "emojax's own text on the two scales.",
  )
  warning: str = setting(
    "",
    "Content warning before the start. Empty: that pictures may be upsetting and one "
    "can stop at any time; none: no warning.",
  )
  closing: str = setting(
    "",
    "What a worker reads at the end. Empty: to hand in, or to send the file to whoever "
    "asked for it.",
  )
  post_url: str = setting(
    "",
    "Address to which a crowd platform wants its form posted, such as "
    "https://www.mturk.com/mturk/externalSubmit; empty: ratings are only downloaded.",
  )
  post_fields: tuple[str, ...] = setting(
    ("assignmentId", "hitId", "workerId"),
    "Parameters of the page's own address that the form post hands back.",
  )
  worker_parameter: str = setting(
    "workerId",
    "Parameter of the page's address that names the worker; without it the page asks.",
  )
  base_url: str = setting(
    "",
    "Address of the folder of pictures on a server. Pictures are then loaded from "
    "there one by one instead of being part of the page.",
  )
  side_px: int = setting(
    800,
    "Longest side of a picture in the page; larger ones are made smaller.",
    least=16,
    most=8192,
  )
  quality: int = setting(
    85, "JPEG quality of the pictures in the page, 1 to 95.", least=1, most=95
  )


@dataclasses.dataclass(frozen=True)
class RaterConfig:
  """How single ratings become a rating per picture.

  The number of raters, the limit per worker and the approval rate are the paper's; it
  flags nobody, so from where on emojax does is emojax's own choice.
  """

  rating_scale: tuple[float, ...] = setting(
    (),
    "Lowest and highest possible rating, such as 1,7; ratings stay on this scale. "
    "Empty: 1..9 for files of the rating page, and for others if the ratings leave no "
    "doubt of it; they are refused otherwise.",
    kind=float,
  )
  valence_scale: tuple[float, ...] = setting(
    (), "The scale of valence, where arousal has another.", kind=float
  )
  arousal_scale: tuple[float, ...] = setting(
    (), "The scale of arousal, where valence has another.", kind=float
  )
  min_raters: int = setting(
    5, "A picture with fewer raters is dropped; 5 in the paper.", least=1
  )
  max_per_worker: int = setting(
    200,
    "Only this many ratings of a worker count, the first ones; 0: all. 200 in the "
    "paper.",
    least=0,
  )
  min_approval: float = setting(
    95.0,
    "Ratings by a worker whose approval rate, in percent, is lower are dropped; those "
    "without one are kept. 95 in the paper.",
    least=0,
    most=100,
  )
  time_unit: str = setting(
    "auto",
    "Unit of the column seconds: s, ms, or auto: seconds, but a file whose times look "
    "like milliseconds is refused.",
    choices=("auto", "s", "ms"),
  )
  flag_min_ratings: int = setting(
    20,
    "Ratings from which on a worker is judged; with fewer nobody is flagged.",
    least=1,
  )
  straight_line_share: float = setting(
    0.8,
    "A worker is flagged who gave at least this share of the pictures one and the same "
    "pair of ratings.",
    least=0,
  )
  min_agreement: float = setting(
    0.1,
    "A worker is flagged whose ratings correlate less than this with the mean of the "
    "others' (mean of valence and arousal).",
    least=-1,
    most=1,
  )
  min_median_seconds: float = setting(
    2.0, "A worker is flagged whose median time per picture is shorter.", least=0
  )
  drop_flagged: bool = setting(
    False, "Drop ratings by flagged workers instead of only naming them."
  )
  skip_bad_rows: bool = setting(
    False, "Drop and record rows that cannot be used instead of stopping."
  )
  ignore_columns: tuple[str, ...] = setting(
    (), "Further columns that may stand in the table and are not used."
  )
  splits: int = setting(
    100, "Random halves of the raters in split-half reliability.", least=1
  )
  seed: int = setting(0, "Of those halves.", least=0)


@dataclasses.dataclass(frozen=True)
class CandidateConfig:
  """Which candidate pictures are emotional enough to be rated."""

  votes: int = setting(3, "Votes a picture needs; with fewer it is not kept.", least=1)
  min_yes: int = setting(
    0,
    "How many must call a picture emotional; 0: more than half of its votes. The paper "
    'says "more than two" of three, which is 3 by the letter.',
    least=0,
  )
  skip_bad_rows: bool = setting(
    False, "Drop and record rows that cannot be used instead of stopping."
  )
  ignore_columns: tuple[str, ...] = setting(
    (), "Further columns that may stand in the table and are not used."
  )
