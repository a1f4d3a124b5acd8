"""What the app shows, without its server: names, limits, comparison, heat maps."""

import dataclasses
import pathlib

import helpers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from emojax import config
from emojax.app import ratings, uploads, views
from emojax.app.config import AppConfig
from emojax.predict import occlusion, predictions
from emojax.utils import errors


def _predictions(paths):
  """Rows of pictures, the last of which could not be read."""
  number = len(paths)
  values = {
    "valence": np.linspace(3, 7, number),
    "arousal": np.full(number, 5.0),
  }
  for of in values.values():
    of[-1] = np.nan
  return predictions.Predictions(
    paths=list(paths),
    mean=values,
    low={target: of - 1 for target, of in values.items()},
    high={target: of + 1 for target, of in values.items()},
    std=values,
    distance=np.ones(number),
    status=["ok"] * (number - 1) + ["error"],
    reason=[""] * (number - 1) + ["no picture"],
    scales=dict.fromkeys(values, (1.0, 9.0)),
  )


@pytest.fixture
def rated(tmp_path):
  """Four pictures in a folder, under names that their copies do not have."""
  paths = [tmp_path / f"copy{row}.png" for row in range(4)]
  for path in paths:
    Image.effect_noise((60, 40), 50).convert("RGB").save(path)
  names = [f"folder/{name}.png" for name in ("a", "b", "c<b>", "d")]
  rows = dataclasses.replace(_predictions(paths), names=names)
  return ratings.Rated("", ["A note"], rows)


@settings(max_examples=50)
@given(st.text(alphabet="./\\a\0 é", max_size=12))
def test_a_name_stays_below_what_was_dropped(name):
  shown = pathlib.Path(uploads.Upload(pathlib.Path("copy"), name).shown)
  assert not shown.is_absolute() and ".." not in shown.parts and str(shown) != "."


def test_names_keep_their_folders():
  for name, shown in (("a b (1).png", "a b (1).png"), ("x/./y//é.png", "x/y/é.png")):
    assert uploads.Upload(pathlib.Path("copy"), name).shown == shown


def test_more_pictures_than_allowed_are_refused():
  two = AppConfig(max_images=2)
  three = [uploads.Upload(pathlib.Path(name), name) for name in "abc"]
  uploads.check(three[:2], two)
  with pytest.raises(errors.UserError, match="3 pictures are more than the 2 that"):
    uploads.check(three, two)
  assert uploads.limits(two) == "at most 2, of 50 MB each"


def test_the_table_has_a_row_for_every_file_by_its_own_name(rated):
  lines = rated.csv.splitlines()
  head = "path,valence,valence_low,valence_high,arousal,arousal_low,arousal_high"
  assert lines[0] == head + ",valence_sd,arousal_sd,distance,status,reason"
  names = [line.partition(",")[0] for line in lines[1:]]
  assert names == [f"folder/{name}.png" for name in ("a", "b", "c<b>", "d")]
  assert lines[4].endswith(",error,no picture")
  assert [row for _, row in rated.choices] == [0, 1, 2]


def test_the_overview_shows_pictures_uncovered_and_says_what_is_not_rated(
  rated, tmp_path
):
  text = views.overview(rated, tmp_path, 10_000)
  assert "folder/c&lt;b&gt;.png" in text and "c<b>" not in text
  assert text.count('class="plane-point"') == 3 and "no picture" in text
  assert ' id="pictures" autocomplete="off" checked' in text and "A note" in text
  assert str(tmp_path) not in text and "<h1>" not in text
  assert views.summary(rated) == (
    "4 pictures: 3 rated by the predictor that comes with emojax; 1 not rated: the end "
    "of the page says why"
  )


def test_two_pictures_differ_by_more_or_less_than_their_margin(rated, tmp_path):
  """By hand: halves of 1 and 1 are a margin of 1.41."""
  near = views.comparison(rated.only([0, 1]), tmp_path, 10_000)
  far = views.comparison(rated.only([2, 0]), tmp_path, 10_000)
  assert "+1.33" in near and "± 1.41" in near and "likely" not in near
  assert "-2.67" in far and far.count("likely") == 1
  with pytest.raises(ValueError, match="pixels, more than"):
    views.comparison(rated.only([0, 1]), tmp_path, 100)


def test_a_heat_map_says_how_little_a_prediction_changes(rated):
  image = np.full((40, 60, 3), 90, np.uint8)
  fall = np.zeros((40, 60))
  fall[30:, 50:] = 0.05
  unrated = np.full((40, 60), np.nan)
  found = occlusion.Occlusion(
    image, {"valence": 3.0, "arousal": 5.0}, {"valence": fall, "arousal": unrated}
  )
  text = views.drivers(found, rated.only([0]))
  assert "by at most 0.05 points" in text and "2.00 points wide" in text
  assert "changes most, by -0.05, with its bottom right covered" in text
  assert "no part could be covered and rated" in text


def test_frames_and_lines_escape_what_they_hold():
  frame = views.framed('<p title="x">', 'a"b')
  assert (
    'srcdoc="&lt;p title=&quot;x&quot;&gt;"' in frame and 'title="a&quot;b"' in frame
  )
  assert "allow-same-origin" not in frame
  line = views.told("<b>\nover two lines", is_error=True)
  assert "&lt;b&gt; over two lines" in line and 'role="alert"' in line


def test_without_gradio_the_program_says_what_to_install(tmp_path):
  (tmp_path / "sitecustomize.py").write_text(
    "import importlib.util as u\nfind = u.find_spec\n"
    "u.find_spec = lambda name, *a: None if name == 'gradio' else find(name, *a)\n"
  )
  done = helpers.run(
    "-m", "emojax.app", PYTHONPATH=f"{tmp_path}:{helpers.ROOT}", cwd=tmp_path
  )
  assert done.returncode == 1 and "Traceback" not in done.stderr
  assert done.stderr == (
    'emojax.app: error: the app needs Gradio: pip install "emojax[app]"\n'
  )


def test_a_run_that_is_none_is_a_sentence():
  rater = ratings.Rater(AppConfig(), config.ExtractConfig(cache_dir=""))
  with pytest.raises(ValueError, match="nowhere does not exist: expected a run folder"):
    rater.opened("nowhere")
