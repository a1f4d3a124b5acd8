"""What made each feature, as JSON-able values to store beside the numbers.

In: feature names and their sources, or descriptions that were stored. Out: descriptions
as they are today, and what they say of networks.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from emojax import images
from emojax.backbones import BACKBONES
from emojax.features import DERIVED, FEATURES, Feature
from emojax.features.params import Source, check_names, tables_of
from emojax.utils import records

_MOST_COLUMNS = 1_000_000  # of one feature
_WEIGHTS = {"network": str, "source": str, "digest": str, "precision": str}
# What `describe` gives, see `utils.records`; the descriptions of tables have `file`.
_DESCRIPTION: dict[str, Any] = {
  "name": str,
  "size": int,
  "version": int,
  "images_version": int,
  "kind": str,
  "needs": str,
  "label": str,
  "weights": (None, _WEIGHTS),
  "digest": str,
  "file?": str,
  "networks?": [_WEIGHTS],
  "bases?": [{}],
}


def describe(
  names: Iterable[str], sources: Mapping[str, Source]
) -> list[dict[str, Any]]:
  """What made each feature, as JSON-able values to store beside the numbers.

  `weights` are those of the network that made it, None where none did; `digest` is of
  all parameters, precision included; `label` is for people. A derived feature's
  description holds those of the features it is made of, as `bases`.
  """
  described: list[dict[str, Any]] = []
  tables = tables_of(sources)
  for name in check_names(names, tables):
    if name in tables:
      described.append(tables[name].describe())
      continue
    feature = FEATURES.get(name) or DERIVED[name]
    source = sources[feature.needs]
    entry = {
      "name": name,
      "size": feature.size if isinstance(feature, Feature) else source.size,
      "version": feature.version,
      "images_version": images.VERSION,
      "kind": feature.kind,
      "needs": feature.needs,
      "label": source.label,
      "weights": source.weights,
      "digest": source.digest,
    }
    if source.networks:
      entry["networks"] = list(source.networks)
    if source.bases:
      entry["bases"] = describe(source.bases, sources)
    described.append(entry)
  return described


def with_bases(described: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
  """Descriptions of features, each behind those of the features it is made of."""
  entries: list[Mapping[str, Any]] = []
  for entry in described:
    entries += [*with_bases(entry.get("bases", ())), entry]
  return entries


def weights_of(described: Iterable[Mapping[str, Any]]) -> list[Mapping[str, str]]:
  """`weights` of each network behind some features, as `describe` gives them."""
  return [
    weights
    for entry in with_bases(described)
    for weights in (entry["weights"], *entry.get("networks", ()))
    if weights
  ]


def has_random_weights(described: Iterable[Mapping[str, Any]]) -> bool:
  """Whether some network behind some features is untrained."""
  return any(weights["source"] == "random" for weights in weights_of(described))


def current(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
  """Stored descriptions of features as `describe` makes them today.

  In emojax 0.1.0 `weights` was the label, and what the network's weights were stood in
  it and in the digest.

  Raises:
    ValueError: they are no descriptions of features; says what is wrong.
  """
  records.check(entries, [{}], "features")
  descriptions = []
  for entry in entries:
    description = dict(entry)
    if "label" not in entry:
      records.check(entry, {"weights": str, "needs": str, "digest": str}, "features")
      label, need = entry["weights"], entry["needs"]
      digest, _, precision = entry["digest"].partition("-")
      source = "own" if " own weights " in label else "trained"
      description |= {"label": label, "weights": None}
      if need in BACKBONES:
        description["weights"] = {
          "network": need,
          "source": "random" if " RANDOM " in label else source,
          "digest": digest,
          "precision": precision or "float32",
        }
    if "bases" in entry:
      description["bases"] = current(entry["bases"])
    descriptions.append(description)
  records.check(descriptions, [_DESCRIPTION], "features")
  for description in descriptions:
    if not 0 < description["size"] <= _MOST_COLUMNS:
      raise ValueError(
        f"features: {description['name']!r} should have 1 to {_MOST_COLUMNS} "
        f"numbers, not {description['size']}"
      )
  return descriptions
