"""The model card of a run: what it is, how well it predicts, what it is not for.

In: a run's identity and results. Out: Markdown in the layout of Hugging Face's model
cards, filled from the run. Pure.
"""

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


def markdown(
  identity: Mapping[str, Any], results: Mapping[str, Any], carried: Sequence[str]
) -> str:
  """The card.

  Args:
    identity: what decided the run, see `run.describe`.
    results: what it reached, see `results.to_json`.
    carried: networks whose weights travel with it.
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


def _plain(text: str) -> str:
  """One line without Markdown's own characters."""
  return " ".join("".join(c for c in text if c not in "<>`[]|").split())
