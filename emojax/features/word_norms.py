"""How pleasant, exciting and in control people find words, and the word of a phrase.

In: a table of word norms such as Warriner's, and phrases: tags of pictures, names of a
network's classes. Out: `WordNorms`; for a phrase the word of the norms that it stands
for, and how far one had to go from the phrase to find it.
"""

import dataclasses
import functools
import hashlib
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from emojax.config import SCALE, TARGETS
from emojax.utils import tables

RATED = (*TARGETS, "dominance")  # columns of `WordNorms.values`

# How a word was found, nearest first; `match` says what each means.
EXACT, LEMMA, HEAD_NOUN = "exact", "lemma", "head noun"
COMPOUND, COMPLETED = "compound", "completed"
LEVELS = (EXACT, LEMMA, HEAD_NOUN, COMPOUND, COMPLETED)
# Of class names: one that stays unknown is only left out, and of ImageNet's 58 apparent
# compounds some twenty are none ("whippet" is no pet, "scabbard" no bard).
_OF_CLASSES = (EXACT, LEMMA, HEAD_NOUN)

# Columns of the layouts that are read: word, and `RATED` as such or as Warriner's.
_WORD = tables.Column("word", is_needed=False)
_RATINGS = [
  tables.Column(name, ((), (f"{name[0]}.mean.sum",)), "", False, True, False)
  for name in RATED
]
_SHORT = 8  # hex digits of a digest in labels

# A tag is a noun, but the lemmatiser knows one lemma of a form and takes the verb's.
# These are the plurals among Warriner's nouns where that lemma is a word there as well.
_NOUN_OF = {"leaves": "leaf", "lives": "life", "skies": "sky"}
# Regular plurals that it misses or gives a lemma that no dictionary has.
_PLURALS = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""))
_PREPOSITIONS = frozenset(
  ("of", "in", "on", "at", "with", "without", "for", "from", "by", "to", "under")
)
_SHORTEST = 3  # letters of a form with a lemma, and of a part of a compound


class NormsError(ValueError):
  """Word norms that cannot be used as they are; the message says where and why."""


@dataclasses.dataclass(frozen=True, eq=False)
class WordNorms:
  """What people felt at words.

  Attributes:
    words: as the file spells them; a word may hold blanks ("alarm clock").
    values: (W, 3) float64 mean valence, arousal and dominance on 1..9; dominance is NaN
      in all rows where the file has none.
    digest: SHA-256 of the file, hexadecimal.
    label: short text for tables: the file's name and the head of the digest.
    assumed: a line on what was taken for granted to read the file; empty: nothing.
  """

  words: tuple[str, ...]
  values: np.ndarray
  digest: str
  label: str
  assumed: str = ""

  def row(self, text: str) -> int | None:
    """The row of a word: as it is spelled, or else whatever its case; None: unknown."""
    row = self._rows.get(text)
    return self._folded.get(text.casefold()) if row is None else row

  @functools.cached_property
  def _rows(self) -> dict[str, int]:
    return {word: row for row, word in enumerate(self.words)}

  @functools.cached_property
  def _folded(self) -> dict[str, int]:
    """Without case; of "aids" and "AIDS", which differ, the one in small letters."""
    rows: dict[str, int] = {}
    for row, word in enumerate(self.words):
      key = word.casefold()
      if key not in rows or word == key:
        rows[key] = row
    return rows


@dataclasses.dataclass(frozen=True)
class Match:
  """The word that a phrase stands for.

  Attributes:
    level: one of `LEVELS`.
    word: as the norms spell it.
    row: of `WordNorms.values`.
    part: the phrase, or that one of a class's names, which led to the word.
  """

  level: str
  word: str
  row: int
  part: str


@dataclasses.dataclass(frozen=True, eq=False)
class ClassNorms:
  """Norms of a network's classes.

  Attributes:
    values: (C, 3) float32 valence, arousal and dominance on 1..9; NaN in the rows of
      classes none of whose names is known.
    matches: of each class, None where none is known.
  """

  values: np.ndarray
  matches: tuple[Match | None, ...]


def read(path: pathlib.Path) -> WordNorms:
  """Reads word norms from a CSV file, in one of two layouts.

  Either the columns Word, V.Mean.Sum, A.Mean.Sum and D.Mean.Sum of Warriner, Kuperman
  and Brysbaert, "Norms of valence, arousal, and dominance for 13,915 English lemmas",
  Behavior Research Methods 45, 2013; or word, valence, arousal and perhaps dominance.
  Case does not matter, further columns do not either.

  Args:
    path: the file.
  Raises:
    NormsError: another layout, a word without letters or that stands twice, or a rating
      that is no number from 1 to 9.
    TableError: no such file, or no table, see `tables.read`; a ValueError too.
  """
  table = tables.read(path, [_WORD, *_RATINGS])
  columns = [name for name in RATED if name in table.columns]
  if not {"word", *TARGETS} <= set(table.columns):
    raise _no_norms(path, table.header)
  words, values, problems = [], [], []
  first_line: dict[str, int] = {}
  for line in table.lines:
    word = " ".join(line.cells["word"].split())
    if not word:
      problems.append(f"line {line.number}: expected a word, got an empty cell")
    elif first_line.setdefault(word, line.number) != line.number:
      problems.append(
        f"{word!r} stands twice, in lines {first_line[word]} and {line.number}"
      )
    cells = [line.cells[name] for name in columns]
    for name, cell in zip(columns, cells, strict=True):
      if not _is_rating(cell):
        problems.append(
          f"line {line.number}, column {table.columns[name]}: expected a number from 1 "
          f"to 9, got {cell!r}"
        )
    words.append(word)
    values.append(cells)
  if problems:
    raise NormsError(f"{path}: {tables.some(problems)}; mend the file")
  ratings = np.full((len(words), len(RATED)), np.nan)
  ratings[:, : len(columns)] = np.array(values, np.float64)
  digest = hashlib.sha256(path.read_bytes()).hexdigest()
  label = f"{path.name} {digest[:_SHORT]}"
  return WordNorms(tuple(words), ratings, digest, label, table.assumption())


def match(phrase: str, norms: WordNorms, cut_at: int = 0) -> Match | None:
  """The word of the norms that a tag or a class name stands for.

  The first of these that is a word of the norms:
  - exact: the phrase, whatever its case; `_` is a blank, a number at its end ("Dog 2")
    is not part of it.
  - lemma: its base form ("babies" is baby), the last word's where there are several, or
    the phrase without its hyphens ("pay-phone" is payphone, "alarm-clock" alarm clock).
  - head noun: of several words the last, or the one before a preposition ("pit bull" is
    bull, "roach on pizza" roach), or its base form.
  - compound: of words written as one the longest known end after a known beginning
    ("carcrash" is crash). It takes no dictionary of compounds, so it errs: "whippet".
  - completed: only of phrases as long as `cut_at`, for which the two before it are left
    out, as their end is missing: the only word that begins with it ("mutilati" is
    mutilation).

  Args:
    phrase: any text.
    norms: the words.
    cut_at: the length at which the phrase's source cut phrases off; 0: it did not.
  Returns:
    The match; None where there is none.
  """
  text = " ".join(phrase.replace("_", " ").split())
  text = re.sub(r"[\s-]*\d+$", "", text)
  row = norms.row(text) if text else None
  if row is not None:
    return Match(EXACT, norms.words[row], row, phrase)
  is_cut = cut_at > 0 and len(phrase.strip()) == cut_at
  for level, find in _FARTHER.items():
    if is_cut == (level == COMPLETED) or level == LEMMA:
      row = find(text, norms) if text else None
      if row is not None:
        return Match(level, norms.words[row], row, phrase)
  return None


def of_class_names(names: Sequence[str], norms: WordNorms) -> ClassNorms:
  """Valence, arousal and dominance of a network's classes.

  Args:
    names: of the classes, in output order; a name may hold several, separated by commas
      or semicolons: the nearest match counts, of equally near ones the first. Compounds
      are not taken apart.
    norms: the words, with dominance.
  Returns:
    `ClassNorms` with at least one known class.
  Raises:
    NormsError: the norms lack dominance, or no class is known.
  """
  if np.isnan(norms.values).any():
    raise NormsError(
      f"{norms.label} has no column dominance; classes need valence, arousal, dominance"
    )
  matches = tuple(_nearest(name, norms) for name in names)
  if not any(matches):
    raise NormsError(
      f"none of the {len(names)} class names is a word of {norms.label}: "
      f"{tables.some([repr(name) for name in names], ', ')}"
    )
  values = np.full((len(names), len(RATED)), np.nan, np.float32)
  for index, nearest in enumerate(matches):
    if nearest:
      values[index] = norms.values[nearest.row]
  return ClassNorms(values, matches)


def _nearest(name: str, norms: WordNorms) -> Match | None:
  """The nearest match of a class's names."""
  matches = [match(part.strip(), norms) for part in re.split(r"[,;]", name)]
  allowed = [m for m in matches if m and m.level in _OF_CLASSES]
  return min(allowed, key=lambda m: LEVELS.index(m.level), default=None)


def _no_norms(path: pathlib.Path, header: Sequence[str]) -> NormsError:
  """The error for a table of another layout."""
  came = ", ".join(name or "(no name)" for name in header[:8])
  more = f" and {len(header) - 8} more" if len(header) > 8 else ""
  return NormsError(
    f"{path} is no table of word norms: expected the columns Word, V.Mean.Sum, "
    "A.Mean.Sum, D.Mean.Sum, or word, valence, arousal and perhaps dominance; got "
    f"{came}{more}"
  )


def _is_rating(cell: str) -> bool:
  try:
    return SCALE[0] <= tables.number(cell) <= SCALE[1]
  except ValueError:
    return False


def _lemma_row(text: str, norms: WordNorms) -> int | None:
  """The row of a phrase without hyphens, or whose last word is in its base form."""
  *before, last = re.split(r"([\s-])", text)
  forms = [text, *("".join([*before, lemma]) for lemma in _lemmas(last))]
  for form in forms:
    for spelled in (form, form.replace("-", " "), form.replace("-", "")):
      row = norms.row(spelled)
      if row is not None:
        return row
  return None


def _head_row(text: str, norms: WordNorms) -> int | None:
  """The row of the head noun of several words."""
  words = _words(text)
  return _form_row(words[-1], norms) if words else None


def _compound_row(text: str, norms: WordNorms) -> int | None:
  """The row of the second part of a word, the head noun, that is two words in one."""
  word = (_words(text) or [""])[-1]
  for split in range(_SHORTEST, len(word) - _SHORTEST + 1):
    head = _form_row(word[split:], norms)
    if head is not None and _form_row(word[:split], norms) is not None:
      return head
  return None


def _words(text: str) -> list[str]:
  """The words of a phrase up to its head noun, in small letters."""
  # "AttackDog" is two words.
  spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
  words = [word for word in re.split(r"[\s-]+", spaced.casefold()) if word]
  ends = [i for i, word in enumerate(words) if i and word in _PREPOSITIONS]
  return words[: ends[0]] if ends else words


def _completed_row(text: str, norms: WordNorms) -> int | None:
  """The row of the only word that begins with the text."""
  start = text.casefold()
  words = {word.casefold() for word in norms.words if word.casefold().startswith(start)}
  return norms.row(words.pop()) if len(words) == 1 else None


def _form_row(word: str, norms: WordNorms) -> int | None:
  """The row of a single word or its base form."""
  for form in (word, *_lemmas(word)):
    row = norms.row(form)
    if row is not None:
      return row
  return None


def _lemmas(word: str) -> Iterator[str]:
  """Base forms that a word may have, the likeliest first; not all need be words."""
  folded = word.casefold()
  if folded in _NOUN_OF:
    yield _NOUN_OF[folded]
  if len(folded) < _SHORTEST:  # the lemma of "m" and of "ai", a sloth, is "be"
    return
  yield _lemmatiser()(folded, lang="en")
  for ending, singular in _PLURALS:
    if folded.endswith(ending) and not folded.endswith("ss"):
      yield folded.removesuffix(ending) + singular


@functools.cache
def _lemmatiser() -> Callable[..., str]:
  # Here and not at the head: only those who look for lemmas need its dictionary.
  import simplemma

  return simplemma.lemmatize


_FARTHER: dict[str, Callable[[str, WordNorms], int | None]] = {  # after exact, in order
  LEMMA: _lemma_row,
  HEAD_NOUN: _head_row,
  COMPOUND: _compound_row,
  COMPLETED: _completed_row,
}
