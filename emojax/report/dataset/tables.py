"""What a report on rated sets leaves besides its page: tables, numbers, a summary.

In: `RatedSet`s, copies, notes. Out: file name -> text; nothing is written here.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from emojax.evaluation import folds
from emojax.images import near_duplicates
from emojax.report.dataset import (
  copies,
  copies_section,
  coverage,
)
from emojax.report.dataset import look as picture_check
from emojax.report.dataset.rated_set import NO_FOLD, LeftOut, RatedSet
from emojax.utils import files
from emojax.version import __version__


def contents(
  sets: Sequence[RatedSet], duplicates: copies.Copies, notes: Sequence[str]
) -> dict[str, str]:
  """`pictures.csv`, `near_duplicates.csv` and `results.json`, by name."""
  numbers = results(sets, duplicates, notes)
  text = files.json_text(numbers)
  return {
    "pictures.csv": images(sets, duplicates),
    "near_duplicates.csv": pairs(sets, duplicates),
    "results.json": text,
  }


def images(sets: Sequence[RatedSet], duplicates: copies.Copies) -> str:
  """A row of CSV for every rated picture, those left out at the end of their set.

  Ratings are on 1..9, folds 1..5, groups of near duplicates from 1; a cell is empty
  where something is not known or there is none.
  """
  targets = sets[0].targets
  spreads, raters = ([f"{t}_{end}" for t in targets] for end in ("std", "raters"))
  head = ["set", "image", "fold", *targets, *spreads, *raters, "keyword", "width"]
  rows: list[Sequence[Any]] = [[*head, "height", "status", "reason", "duplicate_group"]]
  for number, rated_set in enumerate(sets):
    data = rated_set.dataset
    for row, (name, look) in enumerate(
      zip(data.image_ids, rated_set.looks, strict=True)
    ):
      group = int(duplicates.group[number][row])
      cells = [
        rated_set.title,
        name,
        _fold(data.fold[row]),
        *map(_number, (*data.ratings[row], *data.ratings_std[row])),
        *(_count(value) for value in data.num_raters[row]),
        data.keywords[row],
        *_look(look),
        group + 1 if group >= 0 else "",
      ]
      rows.append(cells)
    rows += [_left_out(rated_set, entry) for entry in rated_set.left_out]
  return files.csv_text(rows)


def pairs(sets: Sequence[RatedSet], duplicates: copies.Copies) -> str:
  """A row of CSV for every near pair: those across folds first, then by distance."""
  apart_in = [f"{target}_apart" for target in sets[0].targets]
  names_and_hash = ["first_set", "first", "second_set", "second", "distance_bits"]
  of_folds = ["same_file", "first_fold", "second_fold", "straddles_folds"]
  rows: list[Sequence[Any]] = [[*names_and_hash, *of_folds, *apart_in]]
  for pair in duplicates.pairs:
    names = copies_section.names_of(sets, pair)
    apart = np.abs(np.subtract(*copies_section.ratings_of(sets, pair)))
    rows.append(
      (
        sets[pair.sets[0]].title,
        names[0],
        sets[pair.sets[1]].title,
        names[1],
        pair.distance,
        "yes" if pair.is_same_file else "no",
        *map(_fold, copies_section.folds_of(sets, pair)),
        "yes" if pair.straddles else "no",
        *map(_number, apart),
      )
    )
  return files.csv_text(rows)


def results(
  sets: Sequence[RatedSet], duplicates: copies.Copies, notes: Sequence[str]
) -> dict[str, Any]:
  """Every number of the page."""
  return {
    "notes": list(notes),
    "sets": [
      _set(rated_set, number, duplicates) for number, rated_set in enumerate(sets)
    ],
    "near_pairs_across_sets": len(duplicates.across()),
    "limits": {
      "near_bits": near_duplicates.LIMIT_BITS,
      "of_bits": near_duplicates.NUM_BITS,
      "tiny_px": picture_check.TINY_PX,
      "long_ratio": picture_check.LONG_RATIO,
    },
    "emojax_version": __version__,
  }


def in_short(sets: Sequence[RatedSet], duplicates: copies.Copies) -> list[str]:
  """What was found, a line a set, for the terminal."""
  lines = []
  for number, rated_set in enumerate(sets):
    status = Counter(look.status for look in rated_set.looks)
    status.update(entry.look.status for entry in rated_set.left_out)
    within = duplicates.within(number)
    counts = ", ".join(f"{status[name]} {name}" for name in picture_check.STATUSES)
    across = sum(pair.straddles for pair in within)
    near = (
      f"near-duplicate pairs: {len(within)}, across folds: {across}"
      if rated_set.has_images
      else "near duplicates could not be looked for"
    )
    lines.append(
      f"{rated_set.title}: {status.total()} rated pictures: {counts}; {near}"
    )
  if len(sets) > 1:
    lines.append(f"near-duplicate pairs between the sets: {len(duplicates.across())}")
  return lines


def _set(rated_set: RatedSet, number: int, duplicates: copies.Copies) -> dict[str, Any]:
  data = rated_set.dataset
  status = Counter(look.status for look in rated_set.looks)
  status.update(entry.look.status for entry in rated_set.left_out)
  within = duplicates.within(number)
  per_fold = [data.ratings[data.fold == fold] for fold in range(folds.NUM_FOLDS)]
  return {
    "title": rated_set.title,
    "origin": rated_set.origin,
    "fingerprint": data.fingerprint,
    "pictures": len(data.image_ids),
    "ratings": {
      target: dataclasses.asdict(coverage.spread(values))
      for target, values in zip(rated_set.targets, data.ratings.T, strict=True)
    },
    **(_of_plane(*rated_set.plane) if rated_set.plane else {}),
    "noise_ceiling": rated_set.noise_ceilings(),
    "folds": [
      {"pictures": len(rated), "mean": rated.mean(axis=0).tolist()}
      for rated in per_fold
      if len(rated)
    ],
    "status": {name: status[name] for name in picture_check.STATUSES},
    "unrated": data.metadata["unrated"],
    "near_duplicates": {
      "looked_for": rated_set.has_images,
      "pairs": len(within),
      "groups": duplicates.num_groups(number),
      "same_file_pairs": sum(pair.is_same_file for pair in within),
      "straddling_pairs": sum(pair.straddles for pair in within),
      "pictures_with_copy_in_another_fold": int(duplicates.is_exposed[number].sum()),
    },
  }


def _of_plane(valence: np.ndarray, arousal: np.ndarray) -> dict[str, Any]:
  covered = coverage.coverage(valence, arousal)
  return {
    "coverage": {**dataclasses.asdict(covered), "counts": covered.counts.tolist()},
    "arousal_by_valence": dataclasses.asdict(coverage.curve(valence, arousal)),
  }


def _left_out(rated_set: RatedSet, entry: LeftOut) -> Sequence[Any]:
  rated, targets = entry.rated, rated_set.targets
  cells: list[Any] = [""] * (3 * len(targets) + 1)
  if rated:
    of = [rated.ratings[target] for target in targets]
    numbers = (*(rating.mean for rating in of), *(rating.std for rating in of))
    counts = [rating.raters for rating in of]
    cells = [*map(_number, numbers), *map(_count, counts), rated.keyword]
  return rated_set.title, entry.image_id, "", *cells, *_look(entry.look), ""


def _look(look: picture_check.Look) -> tuple[Any, ...]:
  return look.width or "", look.height or "", look.status, look.reason


def _number(value: float) -> str:
  return f"{value:.4f}" if math.isfinite(value) else ""


def _fold(number: int) -> str:
  return str(number + 1) if number != NO_FOLD else ""


def _count(value: int) -> str:
  return str(value) if value >= 1 else ""
