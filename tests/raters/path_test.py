"""The whole way: pictures, a page, people, their files, ratings, a trained run."""

import csv

import helpers
import numpy as np
import pytest
from PIL import Image
from raters import browsing

_WORKERS = ("Ada", "Bo, Jr.", "Γιώργος", "Di", "Eve")
_IMAGES = 6


def _program(*command, cwd):
  return helpers.run("-m", *command, cwd=cwd)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
  yield from browsing.start(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
  """Flat pictures of a size that its colour says: the redder, the better."""
  folder = tmp_path_factory.mktemp("pictures")
  for i in range(_IMAGES):
    color = (20 * i + 15, 128, 240 - 20 * i)
    Image.fromarray(np.full((30, 40, 3), color, np.uint8)).save(folder / f"{i:02}.png")
  return folder


def _feels(worker: int, name: str) -> tuple[int, int]:
  """What a worker feels at a picture: all agree but for a little."""
  number = int(name.partition(".")[0])
  return 1 + round(8 * number / (_IMAGES - 1)), 1 + (number + worker // 2) % 9


@pytest.mark.slow
def test_from_pictures_to_a_run(browser, images, tmp_path):
  page = _program(
    "emojax.raters",
    "page",
    f"--images_dir={images}",
    f"--output={tmp_path / 'rating.html'}",
    cwd=tmp_path,
  )
  assert page.returncode == 0, page.stderr
  handed_in = []
  for number, worker in enumerate(_WORKERS):
    rater = browsing.Rater(browser)
    rater.enter((tmp_path / "rating.html").as_uri(), worker)
    for at in range(1, _IMAGES + 1):
      rater.ready(at)
      rater.rate(at, *_feels(number, rater.shown()))
    path = tmp_path / f"ratings-{number}.csv"
    path.write_text(rater.csv(), encoding="utf-8", newline="")
    handed_in.append(path)
  done = _program(
    "emojax.raters", "aggregate", *handed_in, "--output=rated", cwd=tmp_path
  )
  assert done.returncode == 0, done.stderr
  assert "train: python -m emojax.train --fold=all --dataset=va_emotion" in done.stdout
  with (tmp_path / "rated" / "ratings.csv").open(newline="") as file:
    rated = {row["image"]: row for row in csv.DictReader(file)}
  assert len(rated) == _IMAGES
  for name, row in rated.items():
    clicked = np.array([_feels(number, name) for number in range(len(_WORKERS))])
    assert float(row["valence"]) == pytest.approx(clicked[:, 0].mean(), abs=1e-3)
    assert float(row["arousal"]) == pytest.approx(clicked[:, 1].mean(), abs=1e-3)
    spread = clicked[:, 1].std(ddof=1)
    assert float(row["arousal_std"]) == pytest.approx(spread, abs=1e-3)
    assert int(row["num_raters"]) == len(_WORKERS)
  trained = _program(
    "emojax.train",
    "--fold=all",
    "--dataset=va_emotion/folder",
    f"--images_dir={images}",
    "--ratings_csv=rated/ratings.csv",
    "--rating_scale=1,9",
    "--features=color",
    "--hidden=4",
    "--max_epochs=3",
    "--data_dir=tfds",
    "--cache_dir=",
    "--workdir=run",
    cwd=tmp_path,
  )
  assert trained.returncode == 0, trained.stderr
  with (tmp_path / "run" / "predictions.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
  assert sorted(row["image"] for row in rows) == sorted(rated)
  for row in rows:
    expected = float(rated[row["image"]]["valence"])
    assert float(row["valence_rated"]) == pytest.approx(expected, abs=1e-3)
