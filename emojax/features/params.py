"""Loads what features need: network weights and the colour-name table.

In: feature names and where their files are. Out: one `Source` per need, read once and
shared by the features that want it. This is the impure part of computing features.
"""

import dataclasses
import difflib
import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from emojax.backbones import BACKBONES, trained
from emojax.backbones import weights as weights_lib
from emojax.features import (
  DERIVED,
  FEATURES,
  attributes,
  color_names,
  external,
  word_emotion,
  word_norms,
)
from emojax.features.base import JOIN
from emojax.utils import errors

COLOR_NAMES = "color_names"
ATTRIBUTES = DERIVED["attributes"].needs
WORD_NORMS = DERIVED["word_emotion"].needs


@dataclasses.dataclass(frozen=True)
class Source:
  """What `make` wants and where it is from.

  Attributes:
    params: a network's parameters, the colour-name table, what a derived feature wants,
      or None.
    digest: hex digest of params, part of a feature's identity; "" for None.
    label: short text for tables, such as "squeezenet trained 1a2b3c4d"; "" for None.
    weights: of a network: `network`, `source` ("trained", "own" or "random", see
      `backbones.weights.Weights`), `digest` and `precision`, JSON-able; else None.
    class_names: of a network's classes, in output order.
    bases: of a derived feature: which features it is made of.
    size: of a derived feature: how many numbers it has.
    networks: `weights` of each network, where a feature needs several; else empty.
  """

  params: Any
  digest: str
  label: str
  weights: dict[str, str] | None = None
  class_names: tuple[str, ...] = ()
  bases: tuple[str, ...] = ()
  size: int = 0
  networks: tuple[dict[str, str], ...] = ()


def load_sources(
  names: Sequence[str],
  weights_dir: pathlib.Path | None = None,
  weights: str = "trained",
  color_names: pathlib.Path | None = None,
  precision: str = "float32",
  word_norms: pathlib.Path | None = None,
  word_features: Sequence[str] = (),
  tables: Mapping[str, external.ExternalTable] | None = None,
) -> dict[str, Source]:
  """Loads everything that some features need.

  Args:
    names: of `FEATURES`, `DERIVED` and `tables`.
    weights_dir: folder of `<network>.safetensors` files and `attributes.safetensors`;
      None: there is none.
    weights: "trained", "random" or "auto", see `backbones.trained.find`.
    color_names: the authors' `w2c.mat`; None: the built-in table.
    precision: what networks compute in: "float32", or "bfloat16", to which their
      parameters are then rounded; digest and label say so.
    word_norms: a file of word norms, see `word_norms`.
    word_features: whose class names `word_emotion` looks up.
    tables: features from elsewhere, by name.
  Returns:
    need -> Source, with exactly the keys that the features' `needs` have, and those of
    the features they are made of.
  Raises:
    ValueError: unknown or repeated names, or none at all.
    WeightsError: weights that are missing or damaged, or attributes that were fitted to
      other weights (a ValueError too).
  """
  tables = tables or {}
  opened, needs = _opened(
    names, weights_dir, weights, color_names, word_norms, word_features, tables, ""
  )
  sources = {
    need: _joined_networks(
      {
        part: _rounded(_load(part, weights_dir, weights, color_names), precision)
        for part in need.split(JOIN)
      }
    )
    for need in needs
  }
  given = {
    table.need: Source(table, table.digest, table.label, size=table.size)
    for name, table in tables.items()
    if name in names
  }
  closed = {need: opening.close(sources) for need, opening in opened.items()}
  return sources | closed | given


def check_sources(
  names: Sequence[str],
  weights_dir: pathlib.Path | None = None,
  weights: str = "trained",
  color_names: pathlib.Path | None = None,
  word_norms: pathlib.Path | None = None,
  word_features: Sequence[str] = (),
  tables: Iterable[str] = (),
  advice: str = "",
) -> None:
  """Refuses what `load_sources` would, where that shows before a network is read.

  Args:
    names, weights_dir, weights, color_names, word_norms, word_features: see there.
    tables: names of features from elsewhere.
    advice: what else may be done where weights are missing.
  Raises:
    ValueError: see there; everything that is wrong is told at once.
  """
  _opened(
    names, weights_dir, weights, color_names, word_norms, word_features, tables, advice
  )


def _opened(
  names: Iterable[str],
  weights_dir: pathlib.Path | None,
  weights: str,
  table_path: pathlib.Path | None,
  norms_path: pathlib.Path | None,
  word_features: Sequence[str],
  tables: Iterable[str],
  advice: str,
) -> tuple[dict[str, "_Opened"], list[str]]:
  """What derived features need, read, and what the others need, not read yet."""
  wanted = check_names(names, tables)
  derived = list(dict.fromkeys(DERIVED[n].needs for n in wanted if n in DERIVED))

  def check(features: Iterable[str]) -> list[str]:
    needs = sorted({FEATURES[name].needs for name in features if name in FEATURES})
    parts = [part for need in needs for part in need.split(JOIN)]
    networks = [part for part in dict.fromkeys(parts) if part in BACKBONES]
    checks: list[Callable[[], Any]] = [
      lambda: trained.check_present(networks, weights_dir, weights, advice)
    ]
    if COLOR_NAMES in parts and table_path:
      checks.append(lambda: color_names.load(table_path))
    errors.all_of(*checks)
    return needs

  _, *openings = errors.all_of(
    lambda: check(wanted),
    *(
      functools.partial(_open, need, weights_dir, norms_path, word_features)
      for need in derived
    ),
  )
  bases = [base for opening in openings for base in opening.bases]
  return dict(zip(derived, openings, strict=True)), check([*wanted, *bases])


def check_names(names: Iterable[str], tables: Iterable[str] = ()) -> list[str]:
  """The names as a list; ValueError unless each is a feature and none comes twice.

  Args:
    names: of `FEATURES`, `DERIVED` and `tables`.
    tables: names of features from elsewhere.
  """
  names = list(names)
  every = [*FEATURES, *DERIVED, *tables]
  choices = f"known: {', '.join(every)}"
  if not names:
    raise ValueError(f"no feature named; {choices}")
  for name in names:
    if name not in every:
      near = difflib.get_close_matches(name, every, n=1)
      hint = f"did you mean {near[0]!r}? " if near else ""
      raise ValueError(f"unknown feature {name!r}; {hint}{choices}")
    if names.count(name) > 1:
      raise ValueError(
        f"feature {name!r} is named {names.count(name)} times; once is enough"
      )
  return names


def tables_of(sources: Mapping[str, Source]) -> dict[str, external.ExternalTable]:
  """The features from elsewhere among some sources, by name."""
  tables = [source.params for source in sources.values()]
  return {t.name: t for t in tables if isinstance(t, external.ExternalTable)}


def size_of(
  name: str, weights_dir: pathlib.Path | None, word_features: Sequence[str]
) -> int:
  """How many numbers a feature has, without loading any network.

  Raises:
    WeightsError: the attributes' file is missing or damaged.
  """
  if name in FEATURES:
    return FEATURES[name].size
  if DERIVED[name].needs == ATTRIBUTES:
    return attributes.read(weights_dir).size
  return word_emotion.SIZE * len(word_features)


@dataclasses.dataclass(frozen=True)
class _Opened:
  """A derived feature's file, read before the networks it builds on are known."""

  bases: tuple[str, ...]
  close: Callable[[Mapping[str, Source]], Source]


def _open(
  need: str,
  weights_dir: pathlib.Path | None,
  norms_path: pathlib.Path | None,
  word_features: Sequence[str],
) -> _Opened:
  """Reads what a derived feature needs besides other features."""
  if need == ATTRIBUTES:
    model = attributes.read(weights_dir)
    return _Opened((model.base,), functools.partial(_attributes_on, model))
  if norms_path is None:
    raise ValueError(
      "word_emotion needs norms of words: name a CSV file of them with --word_norms, "
      "with the columns word,valence,arousal,dominance or as Warriner's has them"
    )
  norms = word_norms.read(norms_path)
  bases = tuple(check_names(word_features))
  for name in bases:
    if name not in FEATURES or FEATURES[name].kind != "probability":
      raise ValueError(
        f"--word_features={name}: expected features that are probabilities or shares "
        "of classes with names, such as object_squeezenet"
      )
  return _Opened(bases, functools.partial(_word_tables, norms, bases))


def _attributes_on(
  model: attributes.AttributeModel, networks: Mapping[str, Source]
) -> Source:
  """The source of `attributes`; refuses other weights than it was fitted to."""
  base = networks[FEATURES[model.base].needs]
  if base.digest.partition("-")[0] != model.base_digest.partition("-")[0]:
    raise weights_lib.WeightsError(
      f"the attributes were fitted to {model.base_label} (digest "
      f"{model.base_digest[:16]}), here is {base.label} (digest {base.digest[:16]}): "
      "fit them again with python -m emojax.attributes fit"
    )
  digest = _joined(model.digest, base.digest)
  label = f"attributes {model.digest[:8]} of {base.label}"
  return Source(model, digest, label, bases=(model.base,), size=model.size)


def _word_tables(
  norms: word_norms.WordNorms, bases: tuple[str, ...], networks: Mapping[str, Source]
) -> Source:
  """The source of `word_emotion`: norms of the networks' class names."""
  tables = {}
  for name in bases:
    source = networks[FEATURES[name].needs]
    # A scene parser's "background" comes first and is no class of the feature.
    names = source.class_names[-FEATURES[name].size :]
    if source.weights and source.weights["source"] == "random":
      raise ValueError(
        f"word_emotion needs trained networks: the classes of {source.label} have no "
        "names; name the folder of trained weights with --weights_dir"
      )
    tables[name] = word_norms.of_class_names(names, norms).values
  sources = {FEATURES[name].needs: networks[FEATURES[name].needs] for name in bases}
  digest = _joined(norms.digest, *(source.digest for source in sources.values()))
  labels = ", ".join(source.label for source in sources.values())
  label = f"word norms {norms.digest[:8]} of {labels}"
  size = word_emotion.SIZE * len(bases)
  return Source(word_emotion.Tables(tables), digest, label, bases=bases, size=size)


def _joined(*digests: str) -> str:
  """One digest for several."""
  return hashlib.sha256("/".join(digests).encode()).hexdigest()


def _joined_networks(sources: Mapping[str, Source]) -> Source:
  """The source of several networks; that of one, or of anything else, as it is."""
  if len(sources) == 1:
    return next(iter(sources.values()))
  return Source(
    params={name: source.params for name, source in sources.items()},
    digest=_joined(*(source.digest for source in sources.values())),
    label=", ".join(source.label for source in sources.values()),
    networks=tuple(source.weights for source in sources.values() if source.weights),
  )


def _rounded(source: Source, precision: str) -> Source:
  """A network's source in another precision; other sources as they are."""
  if source.weights is None or precision == "float32":
    return source
  return dataclasses.replace(
    source,
    params=jax.tree.map(lambda x: x.astype(jnp.dtype(precision)), source.params),
    digest=f"{source.digest}-{precision}",
    label=f"{source.label} {precision}",
    weights={**source.weights, "precision": precision},
  )


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
    network = trained.find(need, weights_dir, choice)
    facts = {
      "network": need,
      "source": network.source,
      "digest": network.digest,
      "precision": "float32",
    }
    return Source(
      network.params, network.digest, network.label, facts, network.class_names
    )
  raise ValueError(f"no feature source called {need!r}")
