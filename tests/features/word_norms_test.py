"""Word norms: two layouts, every complaint, and the word that a phrase stands for."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from emojax.features import word_emotion, word_norms

_WORDS = (
  "face gun bull roach baby leaf leave wolf woman AIDS aids car crash mutilation "
  "alarm.clock payphone be fear fearful man shark white aim pit"
)


def _norms(words=_WORDS):
  names = tuple(word.replace(".", " ") for word in words.split())
  values = np.arange(3 * len(names)).reshape(-1, 3) % 9 + 1.0
  return word_norms.WordNorms(names, values, "0" * 64, "few words")


def _file(folder, text, name="norms.csv"):
  path = folder / name
  path.write_text(text, "utf-8")
  return path


@pytest.fixture(scope="module")
def warriner(shared_data):
  path = shared_data / "warriner2013" / "Ratings_Warriner_et_al.csv"
  if not path.is_file():
    pytest.fail(f"the test data has no {path}")
  return word_norms.read(path)


def test_warriner_is_read_as_published(warriner):
  """Rows read off the file: aardvark 6.26 2.41 4.27, AIDS 1.33 5 3.55."""
  assert len(warriner.words) == 13915
  row = warriner.words.index("aardvark")
  np.testing.assert_array_equal(warriner.values[row], [6.26, 2.41, 4.27])
  assert warriner.values[warriner.row("AIDS"), 0] == 1.33
  assert warriner.values[warriner.row("Aids"), 0] == 3.52  # aid's plural
  assert warriner.digest.startswith("78ac8107c78e")
  assert warriner.label == "Ratings_Warriner_et_al.csv 78ac8107"
  assert np.isfinite(warriner.values).all()


def test_a_simple_table_is_read_with_and_without_dominance(tmp_path):
  path = _file(tmp_path, "\ufeffWord, Arousal,valence,more\nsea,2,7.5,x\n\nfire,8,3,\n")
  norms = word_norms.read(path)
  assert norms.words == ("sea", "fire")
  np.testing.assert_array_equal(norms.values[:, :2], [[7.5, 2], [3, 8]])
  assert np.isnan(norms.values[:, 2]).all()
  assert norms.digest == hashlib.sha256(path.read_bytes()).hexdigest()
  path = _file(tmp_path, "word,valence,arousal,dominance\nsea,7,2,5\n")
  np.testing.assert_array_equal(word_norms.read(path).values, [[7, 2, 5]])


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("", "is empty"),
    ("word,valence,arousal\n", "no ratings below"),
    ("token,happy\nsea,3\n", "expected the columns Word, V.Mean.Sum.*got token, happy"),
    ("word,valence\nsea,3\n", "or word, valence, arousal.*got word, valence"),
    ("word,valence,arousal,valence\nsea,3,4,5\n", "2 columns called 'valence'"),
    ("word,valence,arousal\nsea,3,4\nsky,3,4\nsea,5,5\n", "'sea' .* lines 2 and 4"),
    ("word,valence,arousal\nsea,0.5,4\n", "line 2, column valence.*1 to 9, got '0.5'"),
    ("word,valence,arousal\nsea,3,9.01\n", "column arousal.*got '9.01'"),
    ("word,valence,arousal\nsea,three,4\n", "got 'three'"),
    ("word,valence,arousal\nsea,nan,4\n", "got 'nan'"),
    ("word,valence,arousal\nsea,,4\n", "got ''"),
    ("word,valence,arousal,dominance\nsea,3,4,\n", "column dominance.*got ''"),
    ("word,valence,arousal\n,3,4\n", "line 2: expected a word"),
    ("word,valence,arousal\na,0,0\nb,0,0\n", "and 1 more"),
  ],
)
def test_norms_that_are_none_are_one_clear_error(tmp_path, text, message):
  with pytest.raises(ValueError, match=message) as caught:
    word_norms.read(_file(tmp_path, text))
  assert "\n" not in str(caught.value) and "norms.csv" in str(caught.value)


def test_norms_that_are_not_there(tmp_path):
  with pytest.raises(ValueError, match=r"no file .*gone\.csv"):
    word_norms.read(tmp_path / "gone.csv")
  with pytest.raises(ValueError, match="cannot read"):
    word_norms.read(tmp_path)


@pytest.mark.parametrize(
  ("phrase", "level", "word"),
  [
    ("Aids", "exact", "aids"),
    ("face", "exact", "face"),
    ("  Face 12", "exact", "face"),
    ("alarm_clock", "exact", "alarm clock"),
    ("AIDS", "exact", "AIDS"),
    ("aids", "exact", "aids"),
    ("babies", "lemma", "baby"),
    ("Women 3", "lemma", "woman"),
    ("leaves", "lemma", "leaf"),  # the lemmatiser says leave
    ("wolves", "lemma", "wolf"),
    ("alarm clocks", "lemma", "alarm clock"),
    ("alarm-clock", "lemma", "alarm clock"),
    ("pay-phone", "lemma", "payphone"),
    ("mutilated face", "head noun", "face"),
    ("great white sharks", "head noun", "shark"),
    ("AttackBull", "head noun", "bull"),
    ("Roach on a pizza", "head noun", "roach"),
    ("man-eating shark", "head noun", "shark"),
    ("carcrash", "compound", "crash"),
    ("aimedgun", "compound", "gun"),
    ("burning carcrash", "compound", "crash"),
  ],
)
def test_a_phrase_has_a_word(phrase, level, word):
  match = word_norms.match(phrase, _norms())
  assert (match.level, match.word) == (level, word)
  assert _norms().words[match.row] == word and match.part == phrase


@pytest.mark.parametrize(
  "phrase", ["", " ", "7", "-", "zyx", "a m", "ai", "mutilati", "gunner x", "gun/a"]
)
def test_a_phrase_without_a_word(phrase):
  assert word_norms.match(phrase, _norms()) is None


def test_a_tag_that_was_cut_is_completed_and_not_taken_apart():
  norms = _norms()
  match = word_norms.match("Mutilati", norms, cut_at=8)
  assert (match.level, match.word) == ("completed", "mutilation")
  assert word_norms.match("mutilati", norms, cut_at=9) is None
  # Two words begin so; "gun" at the end may have gone on.
  assert word_norms.match("fea", norms, cut_at=3) is None
  assert word_norms.match("aimedgun", norms, cut_at=8) is None
  assert word_norms.match("aimed gun", norms, cut_at=9) is None
  assert word_norms.match("babies", norms, cut_at=6).level == "lemma"


@given(st.text(max_size=30), st.integers(0, 12))
def test_any_text_has_a_word_of_the_norms_or_none(phrase, cut_at):
  norms = _norms()
  match = word_norms.match(phrase, norms, cut_at)
  if match is not None:
    assert norms.words[match.row] == match.word
    assert match.level in word_norms.LEVELS


def test_levels_on_the_tags_of_iaps_are_as_counted(warriner, shared_data):
  """382 by counting lines of the file that are a word in any case."""
  path = shared_data / "iaps_ratings_libkuman2007" / "iaps_ratings.csv"
  tags = [line.split(",")[0] for line in path.read_text("utf-8").splitlines()[1:]]
  matches = [word_norms.match(tag, warriner) for tag in tags]
  exact = [match for match in matches if match and match.level == "exact"]
  folded = {word.casefold() for word in warriner.words}
  assert len(exact) == sum(tag.casefold() in folded for tag in tags) == 382
  assert sum(match is not None for match in matches) >= 480


def test_imagenet_s_classes_have_words(warriner, shared_data):
  path = shared_data / "imagenet_squeezenet_v10" / "imagenet_synset_words.txt"
  names = [line.partition(" ")[2] for line in path.read_text("utf-8").splitlines()]
  classes = word_norms.of_class_names(names, warriner)
  has_norm = np.isfinite(classes.values)
  assert classes.values.shape == (1000, 3) and classes.values.dtype == np.float32
  assert (has_norm.all(axis=1) == has_norm.any(axis=1)).all()
  assert has_norm[:, 0].sum() >= 790
  assert [match is not None for match in classes.matches] == has_norm[:, 0].tolist()
  words = {
    name: match.word
    for name, match in zip(names, classes.matches, strict=True)
    if match
  }
  assert words["goldfish, Carassius auratus"] == "goldfish"
  # The nearest name counts, not the first: "hammerhead" alone would be a head.
  assert words["whiptail, whiptail lizard"] == "lizard"
  assert words["black and gold garden spider, Argiope aurantia"] == "spider"
  assert "whippet" not in words  # no pet


def test_classes_take_the_nearest_name_and_unknown_ones_are_nan():
  names = ["zyx", "great roach, gun", "zyx; babies; bull", "face"]
  classes = word_norms.of_class_names(names, _norms())
  assert [match and match.word for match in classes.matches] == [
    None,
    "gun",
    "bull",
    "face",
  ]
  assert classes.matches[1].part == "gun"
  assert np.isnan(classes.values[0]).all()
  row = _norms().words.index("gun")
  np.testing.assert_array_equal(classes.values[1], _norms().values[row])


def test_classes_without_words_or_norms_without_dominance_are_errors(tmp_path):
  with pytest.raises(ValueError, match=r"none of the 2 class names.*'zyx', 'qq'"):
    word_norms.of_class_names(["zyx", "qq"], _norms())
  path = _file(tmp_path, "word,valence,arousal\nface,3,4\n")
  with pytest.raises(ValueError, match="no column dominance"):
    word_norms.of_class_names(["face"], word_norms.read(path))


def test_expected_norms_by_hand():
  """0.6 and 0.2 of the known classes are weights 0.75 and 0.25."""
  table = np.array([[2, 4, 6], [6, 8, 2], [np.nan] * 3], np.float32)
  shares = np.array([[0.6, 0.2, 0.2], [0, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32)
  expected = word_emotion.expected(shares, table)
  assert expected.dtype == np.float32 and expected.shape == (4, word_emotion.SIZE)
  plain = [4, 6, 4]
  np.testing.assert_allclose(expected, [[3, 5, 5], [6, 8, 2], plain, plain], rtol=1e-6)


def _with_unknown(table: np.ndarray, has_norm: list[bool]) -> np.ndarray:
  return np.where(np.array(has_norm)[:, None], table, np.float32("nan"))


_tables = st.builds(
  _with_unknown,
  arrays.arrays(np.float32, (6, 3), elements=st.floats(1, 9, width=32)),
  st.lists(st.booleans(), min_size=6, max_size=6).filter(any),
)
_shares = arrays.arrays(np.float32, (5, 6), elements=st.floats(0, 1, width=32))


@given(_shares, _tables)
def test_expected_norms_lie_between_the_lowest_and_the_highest(shares, table):
  expected = np.asarray(word_emotion.expected(shares, table))
  assert expected.dtype == np.float32 and np.isfinite(expected).all()
  assert (expected >= np.nanmin(table, axis=0)).all()
  assert (expected <= np.nanmax(table, axis=0)).all()


@given(_shares, _tables, st.permutations(range(5)))
def test_expected_norms_do_not_depend_on_the_batch(shares, table, order):
  compute = word_emotion.expected
  together = np.asarray(compute(shares, table))
  alone = np.concatenate([compute(shares[i : i + 1], table) for i in range(5)])
  # But for the last bit: products of other shapes add in another order.
  np.testing.assert_allclose(alone, together, rtol=1e-6)
  np.testing.assert_allclose(compute(shares[order], table), together[order], rtol=1e-6)


def test_expected_norms_without_training_follow_the_ratings_of_oasis(
  warriner, shared_data
):
  """SqueezeNet's stored probabilities; measured 0.330 and 0.245."""
  names = [
    line.partition(" ")[2]
    for line in (shared_data / "imagenet_squeezenet_v10" / "imagenet_synset_words.txt")
    .read_text("utf-8")
    .splitlines()
  ]
  table = word_norms.of_class_names(names, warriner).values
  with np.load(shared_data / "oasis" / "reference_features.npz") as stored:
    predictions = np.asarray(word_emotion.expected(stored["squeezenet_prob"], table))
    r = [
      np.corrcoef(predictions[:, column], stored[target])[0, 1]
      for column, target in enumerate(("valence", "arousal"))
    ]
  assert r[0] > 0.32 and r[1] > 0.24
