"""What an experiment compares: models on feature sets, table by table of the paper.

In: which table and which feature sets. Out: a list of entries, and how each trains.
Pure.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from emojax import config as config_lib
from emojax import paper
from emojax.experiments import config, finetune
from emojax.train import baselines

NETWORK = "network"  # the model of an entry that is a network on features
FINETUNE = "finetune"  # of one that is a network on pictures
OF_ONE_NETWORK = ("4", "learning")  # tables that take the first object network only
NO_OBJECTS = ("none",)  # what `--objects` says for tables of one network to have none
_QUICK_SHARE, _QUICK_EPOCHS = 0.1, 100


class Entry(NamedTuple):
  """One model on one feature set.

  Attributes:
    name: its own, fit for a file name.
    features: in column order; none where the model sees the pictures.
    model: `NETWORK`, of `baselines.BASELINES`, or `FINETUNE`.
    preset: of `config.PRESETS`, for a network.
    paper: the key of its number in the paper's table; empty: it has none.
    train_share: share of each fold's training pictures that it may see.
    network, mode: of a fine-tuned one: of `BACKBONES`, and of `finetune.MODES`.
  """

  name: str
  features: tuple[str, ...]
  model: str = NETWORK
  preset: str = "paper"
  paper: str = ""
  train_share: float = 1.0
  network: str = ""
  mode: str = ""

  @property
  def identity(self) -> dict[str, Any]:
    """What decides its result, as emojax 0.1.0 stored it; its name says the rest.

    "hidden", which no entry ever had, is among it: layers are those of the settings.
    """
    fields = self._asdict() | {"hidden": ()}
    del fields["network"], fields["mode"]
    return fields


def plan(
  table: str,
  selection: config.ExperimentConfig,
  preset: str,
  tuned: Sequence[str] = (),
  extra: Sequence[str] = (),
) -> list[Entry]:
  """The entries of one of the paper's tables, of the learning curve, or of rivals.

  Args:
    table: of `config.TABLES`.
    selection: feature sets.
    preset: how networks train; with "paper" each feature set gets the paper's layers
      for its width.
    tuned: networks that table 4 fine-tunes.
    extra: features from elsewhere, which tables 3 and 4 and the rivals also compare.
  Raises:
    ValueError: two entries of one name, or no features for a table's entries.
  """
  makers = {
    "2": _table_2,
    "3": _table_3,
    "4": _table_4,
    "learning": _learning,
    "rivals": _rivals,
  }
  entries = makers[table](selection, preset)
  if extra:
    entries += _with_extra(table, entries, extra, preset)
  if table == "4":
    entries += [
      Entry(name, (), model=FINETUNE, paper=name, network=network, mode=mode)
      for network in tuned
      for mode in finetune.MODES
      for name in [f"{network}-{mode}"]
    ]
  names = [entry.name for entry in entries]
  if len(set(names)) < len(names):
    raise ValueError(f"two feature sets are the same: {', '.join(names)}")
  return entries


def features_of(entries: Sequence[Entry]) -> tuple[str, ...]:
  """Every feature that some entry needs, once."""
  return tuple(dict.fromkeys(name for entry in entries for name in entry.features))


def takes_objects(table: str, preset: str) -> bool:
  """Whether a table has object networks that `--objects` may name."""
  return table in ("2", "3", "4") or (table == "learning" and preset != "best")


def _objects(selection: config.ExperimentConfig, default: tuple[str, ...]) -> list[str]:
  if selection.objects == NO_OBJECTS:
    tables = " and ".join(OF_ONE_NETWORK)
    raise ValueError(
      f"--objects=none is for tables {tables}; this one compares object sources: name "
      "some, or leave --objects out"
    )
  return list(selection.objects or default)


def _inputs(selection: config.ExperimentConfig) -> tuple[str, ...]:
  """The features of a table of one object network, or of none."""
  objects: tuple[str, ...] = ()
  if selection.objects != NO_OBJECTS:
    objects = (_source(_objects(selection, ("vgg16",))[0]),)
  features = (*selection.low, *objects, *selection.semantic)
  if not features:
    raise ValueError("no features: --low, --objects and --semantic are all empty")
  return features


def _source(name: str) -> str:
  """The feature of an object source: a network's probabilities, or attributes."""
  return name if name == "attributes" else f"object_{name}"


def _key(network: str) -> str:
  """How the paper's tables call an object network."""
  return "resnet" if network.startswith("resnet") else network


def _table_2(selection: config.ExperimentConfig, preset: str) -> list[Entry]:
  """All feature groups together, for each object network."""
  return [
    Entry(
      network,
      (*selection.low, _source(network), *selection.semantic),
      preset=preset,
      paper=_key(network),
    )
    for network in _objects(selection, ("alexnet", "vgg16", "resnet50"))
  ]


def _table_3(selection: config.ExperimentConfig, preset: str) -> list[Entry]:
  """Each feature group alone, all together, and all but one."""
  networks = _objects(selection, ("alexnet", "vgg16", "resnet50"))
  entries = [Entry("low", selection.low, preset=preset, paper="low")]
  entries += [
    Entry(_source(n), (_source(n),), preset=preset, paper=_key(n)) for n in networks
  ]
  entries.append(Entry("semantic", selection.semantic, preset=preset, paper="semantic"))
  entries += [
    Entry(
      f"all-{n}",
      (*selection.low, _source(n), *selection.semantic),
      preset=preset,
      paper="all",
    )
    for n in networks
  ]
  first = (_source(networks[0]),)
  entries.append(
    Entry(f"all-{networks[0]}-but-low", (*first, *selection.semantic), preset=preset)
  )
  entries.append(
    Entry(
      f"all-{networks[0]}-but-object",
      (*selection.low, *selection.semantic),
      preset=preset,
    )
  )
  for omitted in selection.low if len(selection.low) > 1 else ():
    rest = tuple(name for name in selection.low if name != omitted)
    features = (*rest, *first, *selection.semantic)
    entries.append(Entry(f"all-{networks[0]}-but-{omitted}", features, preset=preset))
  if selection.semantic:
    features = (*selection.low, *first)
    entries.append(Entry(f"all-{networks[0]}-but-semantic", features, preset=preset))
  for subset in selection.subsets:
    entries.append(Entry(subset, tuple(subset.split("+")), preset=preset))
  return [entry for entry in entries if entry.features]


def _table_4(selection: config.ExperimentConfig, preset: str) -> list[Entry]:
  """Classical regressions, the paper's network and the preset `best`.

  Also `best` on its own features, which are an object network's, where there is one.
  """
  features = _inputs(selection)
  printed = paper.TABLE_4["valence"]  # the same entries as those of arousal
  entries = [
    Entry(name, features, model=name, paper=name if name in printed else "")
    for name in baselines.BASELINES
  ]
  entries.append(Entry("network-paper", features, preset="paper", paper=NETWORK))
  entries.append(Entry("network-best", features, preset="best"))
  own = config_lib.PRESETS["best"][1]
  if own != features and selection.objects != NO_OBJECTS:
    entries.append(Entry("best-own-features", own, preset="best"))
    entries.append(Entry("svr-own-features", own, model="svr"))
    entries.append(Entry("ridge-own-features", own, model="ridge"))
  del preset
  return entries


def _learning(selection: config.ExperimentConfig, preset: str) -> list[Entry]:
  """A network, ridge and support vectors on ever more training pictures."""
  features = config_lib.PRESETS["best"][1]
  if selection.objects or preset != "best":
    features = _inputs(selection)
  return [
    Entry(f"{name}-{100 * share:g}", features, model, preset, train_share=share)
    for name, model in ((preset, NETWORK), ("ridge", "ridge"), ("svr", "svr"))
    # A quick one is to end within minutes: every other size.
    for share in (selection.shares[::2] if selection.quick else selection.shares)
  ]


def _rivals(selection: config.ExperimentConfig, preset: str) -> list[Entry]:
  """What people would use instead, on the inputs of `best`; nothing that is slow."""
  del selection, preset
  own = config_lib.PRESETS["best"][1]
  return [
    *(Entry(name, own, model=name) for name in ("mean", "ridge", "svr")),
    Entry("best", own, preset="best"),
  ]


def _with_extra(
  table: str, entries: Sequence[Entry], extra: Sequence[str], preset: str
) -> list[Entry]:
  """Further entries that see features from elsewhere, alone and beside the others."""
  extra = tuple(extra)
  joined = "-".join(extra)
  if table == "3":
    alone = [Entry(name, (name,), preset=preset) for name in extra]
    first = next(entry for entry in entries if entry.paper == "all")
    features = (*first.features, *extra)
    return [*alone, Entry(f"{first.name}-and-{joined}", features, preset=preset)]
  if table in ("4", "rivals"):
    own = config_lib.PRESETS["best"][1]
    return [
      Entry(f"ridge-{joined}", extra, model="ridge"),
      Entry(f"best-{joined}", extra, preset="best"),
      Entry(f"best-and-{joined}", (*own, *extra), preset="best"),
    ]
  return []


def settings_of(
  entry: Entry,
  width: int,
  selection: config.ExperimentConfig,
  override: Callable[[config_lib.TrainConfig], config_lib.TrainConfig],
) -> config_lib.TrainConfig:
  """How an entry's networks train.

  Args:
    entry: a network's.
    width: of its feature table.
    selection: whether quickly.
    override: puts in what was asked for by single flags.
  """
  settings = dataclasses.replace(
    config_lib.PRESETS[entry.preset][0], train_share=entry.train_share
  )
  if entry.preset == "paper":
    settings = dataclasses.replace(settings, hidden=paper.hidden_for(width))
  if selection.quick:
    hidden = tuple(max(4, round(units * _QUICK_SHARE)) for units in settings.hidden)
    epochs = min(settings.max_epochs, _QUICK_EPOCHS)
    settings = dataclasses.replace(settings, hidden=hidden, max_epochs=epochs)
  return override(settings)
