"""A model card says what its run says, and words of users stay words."""

import huggingface_hub
import yaml

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
  dataset="va_emotion/folder",
  notes=(),
  ceiling=None,
  carried=(),
  scores=_SCORES,
  license=model_card.UNKNOWN_LICENSE,
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
  return model_card.markdown(identity, results, carried, license)


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


def test_the_hub_reads_its_results_and_licence():
  card = huggingface_hub.ModelCard(_card(license="cc-by-4.0"))
  data = card.data
  assert data.license == "cc-by-4.0" and data.library_name == "emojax"
  assert data.pipeline_tag == "other" and "image-regression" in data.tags
  assert data.model_name == "emojax best"
  read = {result.metric_type: result.metric_value for result in data.eval_results}
  assert read == {"mse": 1.25, "r_squared": 0.5, "pearsonr": 0.75, "ccc": 0.625}
  for result in data.eval_results:
    assert result.task_type == "image-regression" and "valence" in result.task_name
    assert result.dataset_name == "va_emotion/folder"
    assert result.dataset_type == "va_emotion"
  # Read and written again, it is the same.
  assert huggingface_hub.ModelCard(str(card)).data.to_dict() == data.to_dict()


def test_metadata_is_data_whatever_the_user_wrote():
  for dataset in (
    "va_emotion/a: [b\n---\n# c",
    "va_emotion/{{ 7 }}\u2028é'\"",
    "",
    "-",
  ):
    card = _card(dataset=dataset, license="a: b\n---", scores=_SCORES | {"r2": None})
    _, head, text = card.split("---\n", 2)
    metadata = yaml.safe_load(head)
    (entry,) = metadata["model-index"]
    (result,) = entry["results"]
    assert metadata["license"] == "a: b\n---"
    assert result["dataset"]["name"] == dataset
    assert [m["type"] for m in result["metrics"]] == ["mse", "pearsonr", "ccc"]
    assert text.startswith("\n# Valence of pictures")
