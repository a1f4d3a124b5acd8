"""What a report on rated sets leaves besides its page: tables and all its numbers.

In: `RatedSet`s, copies, notes. Out: file name -> text; nothing is written here.
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from emojax.config import TARGETS
from emojax.evaluation import folds
from emojax.report.dataset import (
  copies,
  copies_section,
  coverage,
  near_duplicates,
  page,
)
from emojax.report.dataset import look as picture_check
from emojax.report.dataset.rated_set import NO_FOLD, LeftOut, RatedSet
from emojax.utils import files
from emojax.version import __version__

IMAGE_COLUMNS = (
  "set",
  "image",
  "fold",
  "valence",
  "arousal",
  "valence_std",
  "arousal_std",
  "valence_raters",
  "arousal_raters",
  "keyword",
  "width",
  "height",
  "status",
  "reason",
  "duplicate_group",
)
PAIR_COLUMNS = (
  "first_set",
  "first",
  "second_set",
  "second",
  "distance_bits",
  "same_file",
  "first_fold",
  "second_fold",
  "straddles_folds",
  "valence_apart",
  "arousal_apart",
)


def contents(
  sets: Sequence[RatedSet], found: copies.Copies, notes: Sequence[str]
) -> dict[str, str]:
  """`images.csv`, `near_duplicates.csv` and `results.json`, by name."""
  numbers = results(sets, found, notes)
  text = json.dumps(files.plain(numbers), indent=2, allow_nan=False) + "\n"
  return {
    "pictures.csv": images(sets, found),
    "near_duplicates.csv": pairs(sets, found),
    "results.json": text,
  }


def images(sets: Sequence[RatedSet], found: copies.Copies) -> str:
  """A row of CSV for every rated picture, those left out at the end of their set.

  Ratings are on 1..9, folds 1..5, groups of near duplicates from 1; a cell is empty
  where something is not known or there is none.
  """
  rows: list[Sequence[Any]] = [IMAGE_COLUMNS]
  for number, one in enumerate(sets):
    data = one.dataset
    for row, (name, look) in enumerate(zip(data.image_ids, one.looks, strict=True)):
      fold, group = int(data.fold[row]), int(found.group[number][row])
      cells = [
        one.title,
        name,
        fold + 1 if fold != NO_FOLD else "",
        *map(_number, (*data.ratings[row], *data.ratings_std[row])),
        *(_count(value) for value in data.num_raters[row]),
        data.keywords[row],
        *_look(look),
        group + 1 if group >= 0 else "",
      ]
      rows.append(cells)
    rows += [_left_out(one, entry) for entry in one.left_out]
  return files.csv_text(rows)


def pairs(sets: Sequence[RatedSet], found: copies.Copies) -> str:
  """A row of CSV for every near pair: those across folds first, then by distance."""
  rows: list[Sequence[Any]] = [PAIR_COLUMNS]
  for pair in found.pairs:
    names = copies_section.names_of(sets, pair)
    places = [fold.strip("gnoe") for fold in copies_section.folds_of(sets, pair)]
    apart = np.abs(np.subtract(*copies_section.ratings_of(sets, pair)))
    rows.append(
      (
        sets[pair.sets[0]].title,
        names[0],
        sets[pair.sets[1]].title,
        names[1],
        pair.distance,
        "yes" if pair.is_same_file else "no",
        *places,
        "yes" if pair.straddles else "no",
        *map(_number, apart),
      )
    )
  return files.csv_text(rows)


def results(
  sets: Sequence[RatedSet], found: copies.Copies, notes: Sequence[str]
) -> dict[str, Any]:
  """Every number of the page."""
  return {
    "notes": list(notes),
    "sets": [_set(one, number, found) for number, one in enumerate(sets)],
    "near_pairs_across_sets": len(found.across()),
    "limits": {
      "near_bits": near_duplicates.LIMIT_BITS,
      "of_bits": near_duplicates.NUM_BITS,
      "tiny_px": picture_check.TINY_PX,
      "long_ratio": picture_check.LONG_RATIO,
    },
    "emojax_version": __version__,
  }


def _set(one: RatedSet, number: int, found: copies.Copies) -> dict[str, Any]:
  data = one.dataset
  covered = coverage.coverage(*data.ratings.T)
  status = Counter(look.status for look in one.looks)
  status.update(entry.look.status for entry in one.left_out)
  within = found.within(number)
  per_fold = [data.ratings[data.fold == fold] for fold in range(folds.NUM_FOLDS)]
  return {
    "title": one.title,
    "origin": one.origin,
    "fingerprint": data.fingerprint,
    "pictures": len(data.image_ids),
    "ratings": {
      target: dataclasses.asdict(coverage.spread(values))
      for target, values in zip(TARGETS, data.ratings.T, strict=True)
    },
    "coverage": {
      **dataclasses.asdict(covered),
      "counts": covered.counts.tolist(),
    },
    "arousal_by_valence": dataclasses.asdict(coverage.curve(*data.ratings.T)),
    "noise_ceiling": page.reliability(one),
    "folds": [
      {"pictures": len(rated), "mean": rated.mean(axis=0).tolist()}
      for rated in per_fold
      if len(rated)
    ],
    "status": {name: status[name] for name in picture_check.STATUSES},
    "unrated": data.metadata["unrated"],
    "near_duplicates": {
      "looked_for": one.has_images,
      "pairs": len(within),
      "groups": found.num_groups(number),
      "same_file_pairs": sum(pair.is_same_file for pair in within),
      "straddling_pairs": sum(pair.straddles for pair in within),
      "pictures_with_copy_in_another_fold": int(found.is_exposed[number].sum()),
    },
  }


def _left_out(one: RatedSet, entry: LeftOut) -> Sequence[Any]:
  rated = entry.rated
  cells: list[Any] = [""] * 7
  if rated:
    of = [rated.ratings[target] for target in TARGETS]
    numbers = (*(rating.mean for rating in of), *(rating.std for rating in of))
    counts = [rating.raters for rating in of]
    cells = [*map(_number, numbers), *map(_count, counts), rated.keyword]
  return one.title, entry.image_id, "", *cells, *_look(entry.look), ""


def _look(look: picture_check.Look) -> tuple[Any, ...]:
  return look.width or "", look.height or "", look.status, look.reason


def _number(value: float) -> str:
  return f"{value:.4f}" if math.isfinite(value) else ""


def _count(value: int) -> str:
  return str(value) if value >= 1 else ""
