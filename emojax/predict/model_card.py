"""The model card of a run: what it is, how well it predicts, what it is not for.

In: a run's identity and results. Out: Markdown in the layout of Hugging Face's model
cards, filled from the run. Pure.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from emojax import paper
from emojax.backbones import BACKBONES
from emojax.features import descriptions, params
from emojax.features.base import JOIN
from emojax.pages import markdown as pages_markdown
from emojax.utils import files
from emojax.version import __version__

_TEMPLATES = jinja2.Environment(
  loader=jinja2.PackageLoader("emojax.predict", ""),
  trim_blocks=True,
  lstrip_blocks=True,
  keep_trailing_newline=True,
  undefined=jinja2.StrictUndefined,
)  # Markdown: nothing to escape but what `_plain` takes out


UNKNOWN_LICENSE = "unknown"  # the hub's word for it
# The hub has no task of its own for numbers about pictures: `image-classification`
# would promise classes. What the run does stands in the tags and in `model-index`.
_TASK = "image-regression"
# Key of a run's scores -> what the hub calls the metric.
_METRICS = {"mse": "mse", "r2": "r_squared", "pearson_r": "pearsonr", "ccc": "ccc"}


def markdown(
  identity: Mapping[str, Any],
  results: Mapping[str, Any],
  carried: Sequence[str],
  license: str = UNKNOWN_LICENSE,
) -> str:
  """The card.

  Args:
    identity: what decided the run, see `run.describe`.
    results: what it reached, see `results.to_json`.
    carried: networks whose weights travel with it.
    license: under which the run is given away, by its identifier on the hub.
  """
  rows = [
    ["target", "pictures", "MSE", "R2", "r", "CCC", "variance", "noise ceiling of r"]
  ]
  for target, result in results["targets"].items():
    s, ceiling = result["out_of_fold"], result["noise_ceiling"]
    numbers = [s["mse"], s["r2"], s["pearson_r"], s["ccc"], s["variance"]]
    limit = f"{files.number(ceiling['pearson_r']):.3f}" if ceiling else "unknown"
    texts = [f"{files.number(number):.3f}" for number in numbers]
    rows.append([target, str(s["num_images"]), *texts, limit])
  described = descriptions.with_bases(identity["features"])
  needed = {need for feature in described for need in feature["needs"].split(JOIN)}
  apart = {name for name, network in BACKBONES.items() if not network.distribution}
  needs = "" if carried or not needed & apart else "--weights_dir=WEIGHTS "
  needs += "--word_norms=NORMS.csv " if params.WORD_NORMS in needed else ""
  return _TEMPLATES.get_template("model_card.md").render(
    metadata=metadata(identity["dataset"], results, license),
    dataset=_plain(identity["dataset"]),
    preset=results["preset"],
    notes=[_plain(note) for note in results["notes"]],
    features=[
      f"{feature['name']} version {feature['version']} {feature['label']}".strip()
      for feature in identity["features"]
    ],
    settings=[f"{name}={value}" for name, value in identity["settings"].items()],
    folds=", ".join(f"g{fold}" for fold in identity["folds"]),
    fingerprint=identity["fingerprint"],
    num_images=results["num_images"],
    targets=list(results["targets"]),
    scores="\n".join(pages_markdown.aligned(rows)),
    carried=carried,
    needs=needs,
    made_by=f"emojax {results['emojax_version']}, {results['device']}",
    version=__version__,
    citation=paper.CITATION,
  )


def metadata(dataset: str, results: Mapping[str, Any], license: str) -> str:
  """What the hub reads of a card, as YAML; each value is JSON, which YAML holds.

  Args:
    dataset: what the run was trained on.
    results: what it reached, see `results.to_json`.
    license: under which the run is given away, by its identifier on the hub.
  """
  builder, _, config = dataset.partition("/")
  entries = {
    "license": license,
    "library_name": "emojax",
    "pipeline_tag": "other",
    "tags": [_TASK, "affective-computing", "image-emotion", *results["targets"]],
    "metrics": ["mse", "pearsonr"],
    "model-index": [
      {
        "name": f"emojax {results['preset']}",
        "results": [
          {
            "task": {"type": _TASK, "name": f"{target} of pictures, out of fold"},
            "dataset": {"type": builder, "name": dataset, "config": config},
            "metrics": _metrics(result["out_of_fold"]),
          }
          for target, result in results["targets"].items()
        ],
      }
    ],
  }
  lines = [f"{key}: {files.json_line(entry)}" for key, entry in entries.items()]
  return "".join(lines).removesuffix("\n")


def _metrics(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
  """A target's scores as the hub lists them, without those that are undefined."""
  numbers = {kind: files.number(scores[key]) for key, kind in _METRICS.items()}
  return [
    {"type": kind, "value": round(number, 4)}
    for kind, number in numbers.items()
    if math.isfinite(number)
  ]


def _plain(text: str) -> str:
  """One line without Markdown's own characters."""
  return " ".join("".join(c for c in text if c not in "<>`[]|").split())
