"""Loads what features need: network weights and the colour-name table.

In: feature names and where their files are. Out: one `Source` per need, read once and
shared by the features that want it, and descriptions to store beside the values. This
is the impure part of computing features.
"""

import dataclasses
import difflib
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from emojax import images
from emojax.backbones import BACKBONES, weights
from emojax.features import FEATURES, color_names

COLOR_NAMES = "color_names"


@dataclasses.dataclass(frozen=True)
class Source:
  """What `Feature.make` wants and where it is from.

  Attributes:
    params: a network's parameters, the colour-name table, or None.
    digest: hex digest of params, part of a feature's identity; "" for None.
    label: short text for tables, such as "squeezenet trained 1a2b3c4d"; "" for None.
  """

  params: Any
  digest: str
  label: str


def load_sources(
  names: Iterable[str],
  weights_dir: pathlib.Path | None = None,
  weights: str = "trained",
  color_names: pathlib.Path | None = None,
  precision: str = "float32",
) -> dict[str, Source]:
  """Loads everything that some features need.

  Args:
    names: of `FEATURES`.
    weights_dir: folder of `<network>.safetensors` files; None: there is none.
    weights: "trained", "random" or "auto", see `backbones.weights.find`.
    color_names: the authors' `w2c.mat`; None: the built-in table.
    precision: what networks compute in: "float32", or "bfloat16", to which their
      parameters are then rounded; digest and label say so.
  Returns:
    need -> Source, with exactly the keys that the features' `needs` have.
  Raises:
    ValueError: unknown or repeated names, or none at all.
    WeightsError: weights that are missing or damaged (a ValueError too).
  """
  needs = {FEATURES[name].needs for name in check_names(names)}
  return {
    need: _rounded(_load(need, weights_dir, weights, color_names), need, precision)
    for need in sorted(needs)
  }


def check_names(names: Iterable[str]) -> list[str]:
  """The names as a list; ValueError unless each is a feature and none comes twice."""
  names = list(names)
  known = f"known: {', '.join(FEATURES)}"
  if not names:
    raise ValueError(f"no feature named; {known}")
  for name in names:
    if name not in FEATURES:
      near = difflib.get_close_matches(name, FEATURES, n=1)
      hint = f"did you mean {near[0]!r}? " if near else ""
      raise ValueError(f"unknown feature {name!r}; {hint}{known}")
    if names.count(name) > 1:
      raise ValueError(
        f"feature {name!r} is named {names.count(name)} times; once is enough"
      )
  return names


def describe(
  names: Iterable[str], sources: Mapping[str, Source]
) -> list[dict[str, str | int]]:
  """What made each feature, as JSON-able values to store beside the numbers."""
  return [
    {
      "name": name,
      "size": FEATURES[name].size,
      "version": FEATURES[name].version,
      "images_version": images.VERSION,
      "kind": FEATURES[name].kind,
      "needs": FEATURES[name].needs,
      "weights": sources[FEATURES[name].needs].label,
      "digest": sources[FEATURES[name].needs].digest,
    }
    for name in check_names(names)
  ]


def _rounded(source: Source, need: str, precision: str) -> Source:
  """A network's source in another precision; other sources as they are."""
  if need not in BACKBONES or precision == "float32":
    return source
  params = jax.tree.map(lambda x: x.astype(jnp.dtype(precision)), source.params)
  digest, label = f"{source.digest}-{precision}", f"{source.label} {precision}"
  return Source(params, digest, label)


def _load(
  need: str,
  weights_dir: pathlib.Path | None,
  choice: str,
  table_path: pathlib.Path | None,
) -> Source:
  """One need's source."""
  if need == "":
    return Source(params=None, digest="", label="")
  if need == COLOR_NAMES:
    table = color_names.load(table_path) if table_path else color_names.built_in()
    return Source(
      params=table.table, digest=table.digest, label=f"color names {table.source}"
    )
  if need in BACKBONES:
    found = weights.find(need, weights_dir, choice)
    return Source(params=found.params, digest=found.digest, label=found.label)
  raise ValueError(f"no feature source called {need!r}")
