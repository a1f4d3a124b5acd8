"""A program that uses emojax passes a strict mypy."""

import helpers
import pytest
from mypy import api

_PROGRAM = """
import pathlib
from typing import assert_type

import numpy as np

import emojax
from emojax.predict.predictions import Predictions
from emojax.predict.predictor import Predictor


def rate(folder: pathlib.Path) -> dict[str, float]:
  predictor = emojax.load(weights_dir=folder, extra_features={"pulse": "pulse.csv"})
  assert_type(predictor, Predictor)
  predictions = predictor.predict([folder, "beach.jpg"], interval=0.8)
  assert_type(predictions, Predictions)
  assert_type(predictions.valence, np.ndarray)
  assert_type(predictions.low, dict[str, np.ndarray])
  names = [str(path) for path in predictions.paths]
  return dict(zip(names, predictions.mean["arousal"].tolist(), strict=True))


print(rate(pathlib.Path("pictures")), emojax.__version__)
"""

# Of an installed package nothing but its names counts; what only its code uses is left
# out, which takes most of the time.
_SETTINGS = """
[mypy]
follow_imports = silent
[mypy-cv2.*,flax.*,jax.*,jaxlib.*,jinja2.*,matplotlib.*,optax.*,orbax.*,pandas.*]
follow_imports = skip
[mypy-PIL.*,pyarrow.*,scipy.*,skimage.*,sklearn.*,tensorflow_datasets.*,tqdm.*]
follow_imports = skip
"""


@pytest.mark.slow
def test_a_strict_user_is_content(tmp_path, monkeypatch):
  program = tmp_path / "program.py"
  program.write_text(_PROGRAM)
  monkeypatch.setenv("MYPYPATH", str(helpers.ROOT))
  monkeypatch.chdir(tmp_path)
  (tmp_path / "mypy.ini").write_text(_SETTINGS)
  told, errors, status = api.run(["--strict", str(program)])
  assert status == 0, told + errors
