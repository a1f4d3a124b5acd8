"""A model card says what its run says, and words of users stay words."""

from emojax.predict import model_card

_SCORES = {
  "num_images": 3,
  "mse": 1.25,
  "r2": 0.5,
  "pearson_r": 0.75,
  "ccc": 0.625,
  "variance": 2.5,
}
_FEATURES = [
  {"name": "color", "version": 1, "label": "", "needs": ""},
  {"name": "object_vgg16", "version": 2, "label": "own weights", "needs": "vgg16"},
]


def _card(
  dataset="va_emotion/folder", notes=(), ceiling=None, carried=(), scores=_SCORES
):
  identity = {
    "features": _FEATURES,
    "dataset": dataset,
    "settings": {"seed": 3},
    "folds": [1, 2],
    "fingerprint": "abc",
  }
  results = {
    "targets": {"valence": {"out_of_fold": scores, "noise_ceiling": ceiling}},
    "preset": "best",
    "notes": list(notes),
    "num_images": 3,
    "emojax_version": "0.1.0",
    "device": "1 x cpu",
  }
  return model_card.markdown(identity, results, carried)


def test_a_card_has_the_run_s_numbers_settings_and_features():
  card = _card(ceiling={"pearson_r": 0.9}, notes=["First note"])
  rows = [line.split("|") for line in card.splitlines() if line.startswith("|")]
  cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
  numbers = ["1.250", "0.500", "0.750", "0.625", "2.500"]
  assert cells[-1] == ["valence", "3", *numbers, "0.900"]
  assert "\n# Valence of pictures, trained on va_emotion/folder\n" in card
  assert "\n**First note**\n" in card and "- Settings: seed=3.\n" in card
  assert "folds g1, g2; emojax 0.1.0, 1 x cpu." in card
  assert "color version 1, object_vgg16 version 2 own weights." in card


def test_a_score_that_is_undefined_is_no_number():
  card = _card(ceiling={"pearson_r": None}, scores=_SCORES | {"r2": None})
  (row,) = (line for line in card.splitlines() if line.startswith("| valence"))
  cells = [cell.strip() for cell in row.split("|")]
  assert cells.count("nan") == 2


def test_weights_that_travel_need_no_flag():
  assert "THIS_FILE --weights_dir=WEIGHTS PICTURE" in _card()
  card = _card(carried=["vgg16"])
  assert "THIS_FILE PICTURE" in card and "licence in its header: vgg16.\n" in card


def test_a_name_of_the_user_is_neither_markup_nor_a_template():
  card = _card(dataset="va_emotion/{{ 7 * 7 }}<b>", notes=["{% for %} [x](y)"])
  assert "trained on va_emotion/{{ 7 * 7 }}b\n" in card
  assert "**{% for %} x(y)**" in card
