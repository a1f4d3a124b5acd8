"""Features from elsewhere, from a table of heart rates to ratings of new pictures."""

import json

import helpers
import numpy as np
import pytest
from PIL import Image

import emojax


def _run(program, *flags):
  return helpers.run("-m", f"emojax.{program}", *flags)


def _pulses(path, names, pulse):
  """A table as raters' signals come: heart rate and its variability per picture."""
  lines = ["image,heart_rate,variability"]
  lines += [
    f"{n},{60 + 20 * p:.3f},{40 - p:.3f}" for n, p in zip(names, pulse, strict=True)
  ]
  path.write_text("\n".join(lines))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """Forty grey pictures whose ratings stand in their raters' heart rates alone."""
  folder = tmp_path_factory.mktemp("pulse")
  (folder / "pictures").mkdir()
  rng = np.random.default_rng(0)
  pulse = rng.uniform(0, 1, 40)
  names = [f"{i:02}.png" for i in range(40)]
  for name in names:
    image = rng.integers(100, 156, (40, 48, 3)).astype(np.uint8)
    Image.fromarray(image).save(folder / "pictures" / name)
  rows = [
    f"{n},{1 + 8 * p:.3f},{9 - 8 * p:.3f}" for n, p in zip(names, pulse, strict=True)
  ]
  (folder / "ratings.csv").write_text("\n".join(["image,valence,arousal", *rows]))
  _pulses(folder / "pulse.csv", names, pulse)
  _pulses(folder / "new.csv", names[::-1], pulse)
  return folder


@pytest.fixture(scope="module")
def done(place):
  return _run(
    "train",
    "--dataset=va_emotion/folder",
    f"--images_dir={place / 'pictures'}",
    f"--ratings_csv={place / 'ratings.csv'}",
    f"--data_dir={place / 'tfds'}",
    "--features=lbp",
    f"--extra_features=pulse={place / 'pulse.csv'}",
    "--preset=best",
    "--hidden=8",
    "--ensemble=1",
    "--max_epochs=200",
    "--input_dropout=0",
    "--cache_dir=",
    f"--workdir={place / 'run'}",
  )


@pytest.mark.slow
def test_a_run_learns_from_them_and_says_where_they_are_from(place, done):
  assert done.returncode == 0, done.stderr
  config = json.loads((place / "run" / "config.json").read_text())
  (_, pulse) = config["identity"]["features"]
  assert (pulse["name"], pulse["size"], pulse["file"]) == ("pulse", 2, "pulse.csv")
  results = json.loads((place / "run" / "results.json").read_text())
  for target in ("valence", "arousal"):
    # The pictures are noise: what is learned is in the heart rates.
    assert results["targets"][target]["out_of_fold"]["pearson_r"] > 0.8


@pytest.mark.slow
def test_new_pictures_want_their_own_table(place, done):
  assert done.returncode == 0, done.stderr
  checkpoint = f"--checkpoint={place / 'run'}"
  refused = _run("predict", checkpoint, place / "pictures")
  assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1
  assert "name the same table of these pictures with --extra_features=pulse=FILE" in (
    refused.stderr
  )
  model = emojax.load(place / "run", extra_features={"pulse": place / "new.csv"})
  own = emojax.load(place / "run", extra_features={"pulse": place / "pulse.csv"})
  there, back = (m.predict(place / "pictures").mean["valence"] for m in (own, model))
  # The other table has the heart rates in the opposite order.
  assert np.corrcoef(there, back[::-1])[0, 1] > 0.8 > np.corrcoef(there, back)[0, 1]
  (place / "other.csv").write_text("image,a,b\n00.png,60,40\n")
  lacking = _run(
    "predict",
    checkpoint,
    f"--extra_features=pulse={place / 'other.csv'}",
    place / "pictures" / "00.png",
    place / "pictures" / "01.png",
  )
  assert lacking.returncode == 1 and len(lacking.stdout.splitlines()) == 3
  assert "other.csv has no row for this picture" in lacking.stdout
  (place / "narrow.csv").write_text("image,a\n00.png,60\n")
  with pytest.raises(ValueError, match="has 1 a picture"):
    emojax.load(place / "run", extra_features={"pulse": place / "narrow.csv"})
  with pytest.raises(ValueError, match="leave --extra_features=eeg out"):
    emojax.load(place / "run", extra_features={"eeg": place / "new.csv"})
