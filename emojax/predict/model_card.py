"""The model card of a run: what it is, how well it predicts, what it is not for.

In: a run's identity and results. Out: Markdown in the layout of Hugging Face's model
cards, filled from the run. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from emojax import paper
from emojax.backbones import BACKBONES
from emojax.features import params
from emojax.features.base import JOIN
from emojax.pages import markdown as pages_markdown
from emojax.version import __version__


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
    limit = f"{ceiling['pearson_r']:.3f}" if ceiling else "unknown"
    texts = [f"{number:.3f}" for number in numbers]
    rows.append([target, str(s["num_images"]), *texts, limit])
  described = params.with_bases(identity["features"])
  needed = {need for feature in described for need in feature["needs"].split(JOIN)}
  apart = {name for name, network in BACKBONES.items() if not network.distribution}
  needs = "" if carried or not needed & apart else "--weights_dir=WEIGHTS "
  needs += "--word_norms=NORMS.csv " if params.WORD_NORMS in needed else ""
  environment = jinja2.Environment(
    trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
  )  # Markdown: nothing to escape but what `_plain` takes out
  return environment.from_string(_TEMPLATE).render(
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


_TEMPLATE = """---
library_name: emojax
tags:
- affective-computing
- valence
- arousal
- image-emotion
pipeline_tag: image-classification
metrics:
- mse
- pearsonr
---

# {{ targets | join(" and ") | capitalize }} of pictures, trained on {{ dataset }}

{% for note in notes %}
**{{ note }}**

{% endfor %}
Predicts how pleasant (valence) and how exciting (arousal) people find a picture, on a
scale from 1 to 9, as the average over raters.

## Uses

Research on pictures: describing and choosing stimuli, comparing sets of pictures,
teaching. With emojax installed:

```
python -m emojax.predict --checkpoint=THIS_FILE {{ needs }}PICTURE...
```

### Out of scope

- Judging people: what somebody feels, is, or should be allowed to do. The numbers are
  averages over the raters of the training pictures and say nothing of a person.
- Clinical or diagnostic decisions.
- Deciding by itself what may be shown to whom.

## Bias, risks and limitations

The ratings are those of particular people at a particular time; other groups rate
differently. Pictures unlike the training pictures are marked `far` and their numbers
should not be trusted. Faces, symbols and texts whose meaning rests on knowledge are
rated by their looks alone.

Content warning: sets of emotional pictures hold violent and sexual ones.

## Training

- Data: {{ dataset }}, {{ num_images }} rated pictures, fingerprint `{{ fingerprint }}`.
- Preset `{{ preset }}`, folds {{ folds }}; {{ made_by }}.
- Features: {{ features | join(", ") }}.
- Settings: {{ settings | join(", ") }}.
{% if carried %}
- Weights that travel with it, each with its licence in its header: {{
  carried | join(", ") }}.
{% endif %}

## Evaluation

Every picture was predicted by networks that had not seen it. MSE in squared points of
the scale; the variance of the ratings is the MSE of always saying their mean. The noise
ceiling is the correlation that no predictor can be expected to exceed, because raters
disagree.

{{ scores }}

## Citation

{{ citation }}; emojax {{ version }}.
"""
