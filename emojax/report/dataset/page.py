"""One rated set, or two beside each other, as sections of a page.

In: `RatedSet`s and the copies found among their pictures. Out: title, notes, sections
and figures, see `report`.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emojax.config import SCALE
from emojax.evaluation import folds
from emojax.pages import figures, gallery, page
from emojax.report.dataset import copies, copies_section, coverage
from emojax.report.dataset import look as picture_check
from emojax.report.dataset.rated_set import NO_FOLD, RatedSet
from emojax.utils import files
from emojax.version import __version__

_MOST_LISTED = 100  # odd pictures in the table; pictures.csv has all
_MOST_SIZES = 3
_LEAST_GAIN = 0.02  # of explained variance, from which a bend is worth a sentence
_BINS = np.linspace(*SCALE, 17)  # of the paper's Figure 4
_RANGES = ("1 to 3", "3 to 5", "5 to 7", "7 to 9")
_Planes = Mapping[str, tuple[np.ndarray, np.ndarray]]  # title -> valence and arousal
_NO_IMAGES = (
  "The pictures of {} were not found, so copies and broken or odd pictures could not "
  "be looked for: name their folder with --manual_dir, or for va_emotion/folder with "
  "--images_dir."
)


def of_sets(sets: Sequence[RatedSet], duplicates: copies.Copies) -> page.Page:
  """Title, notes, sections and figures of one set or two.

  Args:
    sets: with different titles.
    duplicates: copies among their pictures.
  """
  notes = []
  for rated_set in sets:
    notes_of_set = [*rated_set.dataset.notes]
    if not rated_set.has_images:
      notes_of_set.append(_NO_IMAGES.format(rated_set.title))
    # Of two sets a reader must know which one is meant.
    notes += [
      f"{rated_set.title}: {note}" if len(sets) > 1 else note for note in notes_of_set
    ]
  planes = _planes(sets)
  drawn = _figures(sets, planes)
  sections = [
    page.Section(
      "Summary", [line for rated_set in sets for line in _summary(rated_set)]
    ),
    _ratings(sets, drawn),
    *([_plane(planes, drawn), _keywords(sets, planes)] if planes else []),
    _raters(sets, drawn),
    _folds(sets, duplicates),
    *copies_section.of_sets(sets, duplicates),
    _images(sets),
    page.Section("How it was made", _provenance(sets)),
  ]
  title = " and ".join(rated_set.title for rated_set in sets)
  return page.Page(title, notes, sections, drawn)


def _planes(sets: Sequence[RatedSet]) -> _Planes:
  """Those of the sets, which rate the same; none if not both valence and arousal."""
  return {s.title: s.plane for s in sets if s.plane}


def _figures(sets: Sequence[RatedSet], planes: _Planes) -> dict[str, Any]:
  rated = {
    rated_set.title: dict(
      zip(rated_set.targets, rated_set.dataset.ratings.T, strict=True)
    )
    for rated_set in sets
  }
  drawn: dict[str, Any] = {}
  if len(sets) == 1:
    drawn["ratings"] = figures.histograms(rated[sets[0].title])
  else:
    drawn["ratings"] = figures.histograms_beside(rated, "rated", _BINS)
  if planes:
    drawn["plane"] = figures.planes_over(planes)
  raters = {rated_set.title: rated_set.num_raters() for rated_set in sets}
  counts = [values for of in raters.values() for values in of.values() if len(values)]
  if counts:
    most = max(int(values.max()) for values in counts)
    least = min(int(values.min()) for values in counts)
    step = max(1, math.ceil((most - least + 1) / 30))
    bins = np.arange(least - 0.5, most + 0.5 + step, step)
    drawn["raters"] = figures.histograms_beside(raters, "raters of", bins)
  return drawn


def _summary(rated_set: RatedSet) -> list[str]:
  """What the set is like, in plain words."""
  ratings = rated_set.dataset.ratings
  sentences = [f"{rated_set.title}: {len(ratings)} rated pictures. {rated_set.origin}"]
  for target, values in zip(rated_set.targets, ratings.T, strict=True):
    spread = coverage.spread(values)
    sentences.append(
      f"{target.capitalize()}: mean {spread.mean:.2f} on 1..9, standard deviation "
      f"{spread.sd:.2f}; nine pictures in ten lie between {spread.low:.1f} and "
      f"{spread.high:.1f}."
    )
  return [*sentences, *(_spread_over(*rated_set.plane) if rated_set.plane else ())]


def _spread_over(valence: np.ndarray, arousal: np.ndarray) -> list[str]:
  """How the pictures lie in the plane."""
  covered = coverage.coverage(valence, arousal)
  biggest = max(covered.quadrants, key=lambda name: covered.quadrants[name])
  sentences = [
    f"{covered.occupied} of the plane's 4 x 4 sections have pictures, which are as "
    f"mixed as if they lay evenly in {covered.even_sections:.1f} of them; "
    f"{100 * covered.quadrants[biggest]:.0f} % have {biggest}."
  ]
  curve = coverage.curve(valence, arousal)
  if math.isfinite(curve.r):
    sentences.append(
      f"Arousal and valence correlate with {curve.r:.2f}. {_bend(curve)}"
    )
  return sentences


def _bend(curve: coverage.Curve) -> str:
  """Whether arousal is another at both ends of valence than in its middle."""
  explained = (
    f"a parabola explains {100 * curve.quadratic_r2:.0f} % of arousal and a line "
    f"{100 * curve.linear_r2:.0f} %"
  )
  inside = coverage.CUTS[0] <= curve.turn <= coverage.CUTS[-1]
  if curve.quadratic_r2 - curve.linear_r2 < _LEAST_GAIN or not inside:
    return f"They hardly bend: {explained}."
  shape = "higher" if curve.bend > 0 else "lower"
  return (
    f"They bend: {explained}, and arousal is {shape} at both ends of valence than at "
    f"{curve.turn:.1f}."
  )


def _ratings(sets: Sequence[RatedSet], drawn: dict[str, Any]) -> page.Section:
  """How the ratings are spread, with the paper's Figure 4."""
  head = ["set, target", "pictures", "mean", "sd", "lowest"]
  rows = [[*head, "5 %", "median", "95 %", "highest"]]
  for rated_set in sets:
    for target, values in zip(
      rated_set.targets, rated_set.dataset.ratings.T, strict=True
    ):
      s = coverage.spread(values)
      numbers = (s.mean, s.sd, s.lowest, s.low, s.median, s.high, s.highest)
      texts = [f"{value:.2f}" for value in numbers]
      rows.append([f"{rated_set.title}, {target}", str(len(values)), *texts])
  alt = "Histograms of the ratings: " + "; ".join(
    f"{r[0]} mean {r[2]}" for r in rows[1:]
  )
  caption = "How often each rating comes, in steps of half a point."
  return page.Section(
    "Ratings",
    tables=[page.Table("Ratings on 1..9", rows)],
    figures=[page.drawn(drawn["ratings"], alt, caption)],
  )


def _plane(planes: _Planes, drawn: dict[str, Any]) -> page.Section:
  """Spread over the plane, with the paper's Figure 6."""
  covered = {title: coverage.coverage(*plane) for title, plane in planes.items()}
  titles = list(covered)
  rows = [["", *titles]]
  rows.append(
    ["sections with pictures, of 16", *(str(c.occupied) for c in covered.values())]
  )
  rows.append(
    [
      "as mixed as so many even sections",
      *(f"{c.even_sections:.1f}" for c in covered.values()),
    ]
  )
  rows += [
    [name, *(f"{100 * c.quadrants[name]:.1f} %" for c in covered.values())]
    for name in covered[titles[0]].quadrants
  ]
  curves = [coverage.curve(*plane) for plane in planes.values()]
  bends = [["", *titles]]
  lines = {
    "correlation of valence and arousal": lambda c: (
      f"{c.r:.3f} [{c.low:.3f}, {c.high:.3f}]"
    ),
    "arousal explained by a line": lambda c: f"{100 * c.linear_r2:.1f} %",
    "arousal explained by a parabola": lambda c: f"{100 * c.quadratic_r2:.1f} %",
    "the parabola's factor of squared valence": lambda c: f"{c.bend:+.3f}",
    "valence at its end": lambda c: f"{c.turn:.2f}",
  }
  for name, text in lines.items():
    cells = [text(c) if math.isfinite(c.r) else "unknown" for c in curves]
    bends.append([name, *cells])
  prose = [
    "The plane is cut at 3, 5 and 7 into the paper's 4 x 4 sections, and at 5 into "
    "quadrants; a rating on a cut belongs above. The second line is e to the entropy "
    "of the sections' shares: 16 if all sections had the same number of pictures, 1 if "
    "one had them all.",
    "Most picture sets bend: very pleasant and very unpleasant pictures both excite, "
    "so a line misses what a parabola in valence shows. In brackets: 95 % interval, "
    "resampling the pictures.",
  ]
  alt = "Every picture at its valence and arousal. " + " ".join(
    f"{title}: {c.occupied} of 16 sections have pictures."
    for title, c in covered.items()
  )
  return page.Section(
    "The valence-arousal plane",
    prose,
    [page.Table("Coverage", rows), page.Table("Arousal by valence", bends)],
    [page.drawn(drawn["plane"], alt, "The pictures at their ratings.")],
  )


def _keywords(sets: Sequence[RatedSet], planes: _Planes) -> page.Section:
  """The most used keywords of each section, with the paper's Figure 7."""
  tables = []
  for rated_set in sets:
    valence, arousal = planes[rated_set.title]
    counts = coverage.coverage(valence, arousal).counts
    words = gallery.sections(valence, arousal, rated_set.dataset.keywords)
    rows = [["arousal, valence", *(f"valence {name}" for name in _RANGES)]]
    for number, name in enumerate(reversed(_RANGES)):
      cells = []
      for column in range(4):
        count = counts[3 - number, column]
        listed = files.utf8(words[number][column])
        cells.append(f"{count}: {listed}" if listed else str(count))
      rows.append([f"arousal {name}", *cells])
    tables.append(
      page.Table(f"{rated_set.title}: pictures and keywords", rows, is_words=True)
    )
  prose = [
    "Of each section: how many pictures, then the most used keywords; behind a word, "
    "how many of these pictures have it, where it is more than one."
  ]
  prose += [
    f"{rated_set.title} has no keywords."
    for rated_set in sets
    if not any(rated_set.dataset.keywords)
  ]
  return page.Section("Keywords", prose, tables)


def _raters(sets: Sequence[RatedSet], drawn: dict[str, Any]) -> page.Section:
  """How many rated each picture, and how far their mean can be trusted."""
  rows = [
    [
      "set, target",
      "raters, median",
      "fewest",
      "most",
      "their sd, mean",
      "reliability",
      "highest r",
      "lowest MSE",
    ]
  ]
  for rated_set in sets:
    for i, (target, ceiling) in enumerate(rated_set.noise_ceilings().items()):
      raters = rated_set.num_raters()[target]
      sds = rated_set.dataset.ratings_std[:, i]
      sds = sds[np.isfinite(sds)]
      cells = ["unknown"] * 7
      if len(raters):
        numbers = (np.median(raters), raters.min(), raters.max())
        cells[:3] = [f"{value:g}" for value in numbers]
      if len(sds):
        cells[3] = f"{sds.mean():.2f}"
      if ceiling:
        names = ("r2", "pearson_r", "mse")
        cells[4:] = [f"{ceiling[name]:.3f}" for name in names]
      rows.append([f"{rated_set.title}, {target}", *cells])
  prose = [
    "A mean over n raters who spread by s has an error variance of s squared over n, "
    "the lowest mean square error that any predictor can be expected to reach. "
    "Reliability is the share of the ratings' variance that is not such error; its "
    "root is the highest correlation."
  ]
  shown = []
  if "raters" in drawn:
    alt = "Histograms of the number of raters of a picture: " + "; ".join(
      f"{row[0]} median {row[1]}" for row in rows[1:]
    )
    shown = [page.drawn(drawn["raters"], alt, "How many people rated a picture.")]
  else:
    prose.append("Numbers of raters are not known.")
  return page.Section(
    "Raters and reliability", prose, [page.Table("Raters", rows)], shown
  )


def _folds(sets: Sequence[RatedSet], duplicates: copies.Copies) -> page.Section:
  """Whether the five folds are alike."""
  rows = [
    [
      "set, fold",
      "pictures",
      *(f"{target}, mean (sd)" for target in sets[0].targets),
      "with a copy elsewhere",
    ]
  ]
  prose = [
    "Folds as training uses them: in each, the models are tested on its pictures and "
    "trained on all others. The last column counts pictures that have a near copy in "
    "another fold."
  ]
  for number, rated_set in enumerate(sets):
    if (rated_set.dataset.fold == NO_FOLD).all():
      prose.append(
        f"{rated_set.title} has fewer than {folds.NUM_FOLDS} pictures and no folds."
      )
      continue
    for fold in range(folds.NUM_FOLDS):
      here = rated_set.dataset.fold == fold
      cells = []
      for values in rated_set.dataset.ratings[here].T:
        s = coverage.spread(values)
        cells.append(f"{s.mean:.2f} ({s.sd:.2f})")
      exposed = (
        int(duplicates.is_exposed[number][here].sum())
        if rated_set.has_images
        else "unknown"
      )
      rows.append(
        [f"{rated_set.title}, g{fold + 1}", str(here.sum()), *cells, str(exposed)]
      )
  return page.Section("Folds", prose, [page.Table("Folds", rows)])


def _images(sets: Sequence[RatedSet]) -> page.Section:
  """Broken, missing and odd pictures, and the usual sizes."""
  prose = [
    f"Tiny: a side below {picture_check.TINY_PX} pixels, which features enlarge more "
    f"than fourfold. Long: more than {picture_check.LONG_RATIO:g} times as long as "
    "wide, so that most networks see its middle only. Plain: nearly nothing in it. "
    "Broken and missing pictures cannot be trained on: mend them, or leave them out "
    "with --skip_bad_pictures."
  ]
  heads = [["set", "rated", *picture_check.STATUSES, "without a rating"]]
  listed = [["picture", "set", "status", "reason"]]
  for rated_set in sets:
    entries = [
      *zip(rated_set.dataset.image_ids, rated_set.looks, strict=True),
      *((entry.image_id, entry.look) for entry in rated_set.left_out),
    ]
    status = Counter(look.status for _, look in entries)
    unrated = str(rated_set.dataset.metadata["unrated"])
    counts = [str(status[name]) for name in picture_check.STATUSES]
    heads.append([rated_set.title, str(len(entries)), *counts, unrated])
    sizes = Counter((look.width, look.height) for look in rated_set.looks if look.width)
    if sizes:
      common = sizes.most_common(_MOST_SIZES)
      texts = [f"{w} x {h} ({number})" for (w, h), number in common]
      prose.append(
        f"{rated_set.title} has pictures of {len(sizes)} size{'s' * (len(sizes) > 1)}; "
        f"most often {', '.join(texts)}."
      )
    odd = [entry for entry in entries if entry[1].status != picture_check.OK]
    # A set whose pictures have moved is no list of mistakes; a note says so.
    for name, look in odd if rated_set.has_images else []:
      listed.append(
        [files.utf8(name), rated_set.title, look.status, files.utf8(look.reason)]
      )
  tables = [page.Table("Pictures", heads)]
  if len(listed) > 1 + _MOST_LISTED:
    prose.append(
      f"The first {_MOST_LISTED} of {len(listed) - 1} odd ones; pictures.csv has all."
    )
  if len(listed) > 1:
    shown = listed[: 1 + _MOST_LISTED]
    tables.append(page.Table("What is not in order", shown, is_words=True))
  return page.Section("Broken and odd pictures", prose, tables)


def _provenance(sets: Sequence[RatedSet]) -> list[str]:
  return [
    f"emojax {__version__}. Ratings, folds and pictures: "
    + "; ".join(
      f"{rated_set.title}, fingerprint {rated_set.dataset.fingerprint}"
      for rated_set in sets
    )
    + ".",
    "pictures.csv has a row for every picture, near_duplicates.csv one for every pair, "
    "results.json every number of this page.",
  ]
