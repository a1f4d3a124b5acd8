"""Near-duplicate pictures as sections of a page.

In: `RatedSet`s and the copies found among their pictures. Out: sections with a table of
the pairs and the pictures side by side.
"""

from collections.abc import Sequence

import numpy as np

from emojax.images import ImageError, near_duplicates, thumbnails
from emojax.pages import page
from emojax.report.dataset.copies import Copies, Copy
from emojax.report.dataset.rated_set import NO_FOLD, RatedSet
from emojax.utils import files

_MOST_SHOWN = 40  # pairs of a section; near_duplicates.csv has all
_METHOD = (
  f"Two pictures are near when the whole of one and some crop of the other, or its "
  f"mirror image, differ in at most {near_duplicates.LIMIT_BITS} of "
  f"{near_duplicates.NUM_BITS} bits of a perceptual hash, the distance, and their "
  "thumbnails correlate. This finds copies that are resized, recompressed, mirrored, "
  "made grey or cropped by up to 5 % anywhere; larger crops, turned pictures and "
  "collages may be missed."
)


def of_sets(sets: Sequence[RatedSet], duplicates: Copies) -> list[page.Section]:
  """A section for each set whose pictures were read, and one for copies across two."""
  sections: list[page.Section] = []
  for number, rated_set in enumerate(sets):
    if rated_set.has_images:
      title = "Near duplicates" + (f" in {rated_set.title}" if len(sets) > 1 else "")
      prose = [
        *([_METHOD] if not sections else []),
        *_within(rated_set, number, duplicates),
      ]
      sections.append(_section(title, prose, sets, duplicates.within(number)))
  if len(sections) > 1:
    pairs = duplicates.across()
    prose = [
      f"{len(pairs)} pairs have a picture in either set."
      + (
        " A model trained on one set must not be tested on these pictures of the other."
        if pairs
        else ""
      )
    ]
    sections.append(_section("Near duplicates across the sets", prose, sets, pairs))
  return sections


def _within(rated_set: RatedSet, number: int, duplicates: Copies) -> list[str]:
  """What the copies in a set mean, and what to do."""
  pairs = duplicates.within(number)
  if not pairs:
    return ["No two pictures are near duplicates."]
  exposed = int(duplicates.is_exposed[number].sum())
  same = sum(pair.is_same_file for pair in pairs)
  prose = [
    f"Near pairs: {len(pairs)}, in groups: {duplicates.num_groups(number)}; the same "
    f"file byte by byte: {same}. Look at them: a pair may be two pictures of one "
    "scene, or drawings that happen to be alike."
  ]
  if (rated_set.dataset.fold == NO_FOLD).all():
    return prose
  if not exposed:
    return [
      *prose,
      "No group straddles folds, so no test picture has a copy in training.",
    ]
  share = 100 * exposed / len(rated_set.dataset.image_ids)
  return [
    *prose,
    f"{exposed} pictures ({share:.1f} %) have a copy in another fold: when they are "
    "tested, a model has seen their copy with its rating, and scores come out too "
    "good. Keep one picture of each group: take the others out of the ratings and "
    "prepare the set again. Copies inside one fold do no such harm, but count one "
    "picture twice.",
  ]


def _section(
  title: str, prose: Sequence[str], sets: Sequence[RatedSet], pairs: Sequence[Copy]
) -> page.Section:
  rows = [
    [
      "pictures",
      "distance",
      "same file",
      "folds",
      "straddle",
      *(f"{'in' if i else 'apart in'} {t}" for i, t in enumerate(sets[0].targets)),
    ]
  ]
  shown, hidden = [], []
  paragraphs = list(prose)
  if len(pairs) > _MOST_SHOWN:
    paragraphs.append(
      f"The first {_MOST_SHOWN} of {len(pairs)}; near_duplicates.csv has all."
    )
  for pair in pairs[:_MOST_SHOWN]:
    names = [files.utf8(name) for name in names_of(sets, pair)]
    apart = np.abs(np.subtract(*ratings_of(sets, pair)))
    places = " and ".join(
      f"g{fold + 1}" if fold != NO_FOLD else "none" for fold in folds_of(sets, pair)
    )
    straddles = "yes" if pair.straddles else "no"
    rows.append(
      [
        " and ".join(names),
        str(pair.distance),
        "yes" if pair.is_same_file else "no",
        places,
        straddles if pair.sets[0] == pair.sets[1] else "two sets",
        *(f"{value:.2f}" for value in apart),
      ]
    )
    try:
      first, second = (
        sets[s].image(r) for s, r in zip(pair.sets, pair.rows, strict=True)
      )
    except ImageError as error:
      hidden.append(str(error))
      continue
    source = thumbnails.side_by_side(first, second)
    alt = f"{names[0]} beside {names[1]}: distance {pair.distance}, folds {places}"
    caption = f"{names[0]} | {names[1]}\ndistance {pair.distance}, {places}"
    shown.append(page.Image(source, alt, caption))
  if hidden:
    paragraphs.append(f"Of {len(hidden)} no pictures are shown: {hidden[0]}.")
  tables = [page.Table("Pairs", rows)] if pairs else []
  return page.Section(title, paragraphs, tables, gallery=shown, is_pairs=True)


def names_of(sets: Sequence[RatedSet], pair: Copy) -> list[str]:
  """The ids of a pair's two pictures."""
  return [
    sets[s].dataset.image_ids[r] for s, r in zip(pair.sets, pair.rows, strict=True)
  ]


def ratings_of(sets: Sequence[RatedSet], pair: Copy) -> list[np.ndarray]:
  """What the T targets of a pair's two pictures are rated, (T,) each."""
  return [sets[s].dataset.ratings[r] for s, r in zip(pair.sets, pair.rows, strict=True)]


def folds_of(sets: Sequence[RatedSet], pair: Copy) -> list[int]:
  """The folds of a pair's two pictures, from 0; `NO_FOLD` where there are none."""
  return [
    int(sets[s].dataset.fold[r]) for s, r in zip(pair.sets, pair.rows, strict=True)
  ]
