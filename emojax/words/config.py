"""Settings of `python -m emojax.words`."""

import dataclasses

from emojax.config import SCALE, setting


@dataclasses.dataclass(frozen=True)
class WordsConfig:
  """Which tagged pictures are compared with which words."""

  tags: str = setting(
    "", "Table with a row for each picture: its tag, valence and arousal."
  )
  norms: str = setting(
    "",
    "Table of word norms on 1..9: Warriner's (Word, V.Mean.Sum, A.Mean.Sum, "
    "D.Mean.Sum), or word, valence, arousal and perhaps dominance.",
  )
  output: str = setting("runs/words", "Folder for the results.")
  tags_column: str = setting(
    "",
    "Column with the tags; empty: tag, keyword, descriptor or theme, the first there.",
  )
  valence_column: str = setting(
    "",
    "Column with the pictures' valence; empty: valence, or another usual name such as "
    "valence_mean, valmn.",
  )
  arousal_column: str = setting(
    "",
    "Column with the pictures' arousal; empty: arousal, or another usual name such as "
    "arousal_mean, aromn.",
  )
  rating_scale: tuple[float, ...] = setting(
    SCALE, "Lowest and highest rating of the pictures; mapped linearly to 1..9."
  )
  cut_at: int = setting(
    0,
    "If the tags' source cut them off at so many letters (8 in the published IAPS "
    "list): complete such tags where only one word begins so, and guess no noun in "
    "them. 0: it did not.",
    least=0,
  )
