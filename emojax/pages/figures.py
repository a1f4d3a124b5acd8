"""Figures of a run: arrays in, matplotlib figures out.

Colours are Okabe and Ito's, which colour-blind readers tell apart. Nothing is written
here.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from emojax.config import SCALE
from emojax.utils import scales as scale_lib
from emojax.utils.scales import Scale

_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#595959"
_PURPLE = "#CC79A7"

# Inches of every figure, so that their letters are alike on a page and in a paper.
SIZE = (6.4, 4.2)
_FEWEST_INCHES = 2.4  # in height, of a figure that grows with its lines


def curves(lines: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
  """Training curves from `metrics.jsonl`: label of a target -> figure.

  Thin lines are folds, thick ones their mean; both axes as they are, errors on a
  logarithmic axis where they fall more than tenfold.
  """
  names = [name for name in lines[0] if name.endswith("_mse")]
  figures = {}
  for label in lines[0][names[0]]:
    figure, axes = _axes()
    highest, lowest = 0.0, np.inf
    for name, colour in zip(names, (_BLUE, _ORANGE), strict=False):
      epochs = [line["epoch"] for line in lines]
      errors = np.array([list(line[name][label].values()) for line in lines], float)
      axes.plot(epochs, errors, color=colour, linewidth=0.6, alpha=0.45)
      mean = errors.mean(axis=1)
      shown = name.removesuffix("_mse")
      axes.plot(epochs, mean, color=colour, linewidth=2, label=f"{shown}, mean")
      highest, lowest = max(highest, mean.max()), min(lowest, mean.min())
    if highest > 10 * lowest:
      axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="mean square error", title=label)
    axes.legend(frameon=False)
    figures[label] = figure
  return figures


def against(
  predicted: np.ndarray, rated: np.ndarray, target: str, scale: Scale = SCALE
) -> Figure:
  """Predicted against rated, with the line on which they are equal."""
  figure, axes = _axes()
  axes.plot(scale, scale, color=_GREY, linewidth=1, linestyle="--")
  axes.scatter(rated, predicted, s=9, color=_BLUE, alpha=0.45, linewidths=0)
  axes.set(xlabel=f"rated {target}", ylabel=f"predicted {target}")
  axes.set(xlim=scale, ylim=scale, aspect="equal", title=target)
  return figure


def residuals(
  predicted: np.ndarray, rated: np.ndarray, target: str, scale: Scale = SCALE
) -> Figure:
  """Errors against the rating, and how often each size of error comes."""
  figure = Figure(figsize=SIZE, layout="constrained")
  against_rating, counts = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
  errors = predicted - rated
  against_rating.axhline(0, color=_GREY, linewidth=1, linestyle="--")
  against_rating.scatter(rated, errors, s=9, color=_BLUE, alpha=0.45, linewidths=0)
  against_rating.set(
    xlabel=f"rated {target}", ylabel="predicted less rated", xlim=scale
  )
  counts.hist(errors, bins=24, orientation="horizontal", color=_BLUE)
  counts.set(xlabel="pictures")
  for axes in (against_rating, counts):
    _clean(axes)
  return figure


def histograms(
  rated: Mapping[str, np.ndarray], scale: Scale | Mapping[str, Scale] = SCALE
) -> Figure:
  """How often each rating comes, target by target, as in the paper's Figure 4.

  Args:
    rated: target -> (N,) ratings.
    scale: of all, or target -> its own.
  """
  scale_of = scale if isinstance(scale, Mapping) else dict.fromkeys(rated, scale)
  figure, panels = _panels(len(rated), sharey=True)
  for axes, (target, values), colour in zip(
    panels,
    rated.items(),
    itertools.cycle((_BLUE, _ORANGE)),
    strict=False,
  ):
    bins = np.linspace(*scale_of[target], 17)
    axes.hist(values, bins=bins, color=colour, edgecolor="white")
    axes.set(xlabel=f"rated {target}", ylabel="pictures", xlim=scale_of[target])
    _clean(axes)
  return figure


def plane(
  points: Mapping[str, tuple[np.ndarray, np.ndarray]],
  scale: Scale = SCALE,
  arousal_scale: Scale | None = None,
) -> Figure:
  """Pictures in the valence-arousal plane, as in the paper's Figure 6.

  Args:
    points: title -> valence and arousal, (N,) each; one panel a title.
    scale: lowest and highest rating.
    arousal_scale: of arousal, where that has another.
  """
  scales = scale, arousal_scale or scale
  figure, panels = _panels(len(points), sharex=True, sharey=True)
  for axes, (title, (valence, arousal)) in zip(
    panels,
    points.items(),
    strict=True,
  ):
    axes.scatter(valence, arousal, s=9, color=_GREEN, alpha=0.5, linewidths=0)
    _sections(axes, *scales)
    axes.set(xlabel="valence", ylabel="arousal", title=title)
    aspect = scale_lib.stretch(scales[1], scales[0])  # a square, whatever the scales
    axes.set(xlim=scales[0], ylim=scales[1], aspect=aspect)
    _clean(axes)
  return figure


def histograms_beside(
  sets: Mapping[str, Mapping[str, np.ndarray]], unit: str, bins: np.ndarray
) -> Figure:
  """Numbers of several sets over each other, a panel per target, as shares of a set.

  Args:
    sets: title -> target -> (N,) numbers, of as many pictures as have one.
    unit: what is counted along the axis, such as "rated".
    bins: edges.
  """
  targets = list(dict.fromkeys(t for of_target in sets.values() for t in of_target))
  figure, panels = _panels(len(targets), sharey=True)
  for axes, target in zip(panels, targets, strict=True):
    for (title, of_target), colour in zip(sets.items(), (_BLUE, _ORANGE), strict=False):
      values = of_target[target]
      if not len(values):
        continue
      weights = np.full(len(values), 100 / len(values))
      for style in (
        {"histtype": "stepfilled", "alpha": 0.25},
        {"histtype": "step", "linewidth": 1.6, "label": title},
      ):
        axes.hist(values, bins=bins, weights=weights, color=colour, **style)
    axes.xaxis.get_major_locator().set_params(integer=True)
    room = 0.02 * (bins[-1] - bins[0])  # for the outlines of the first and last bar
    axes.set(xlabel=f"{unit} {target}", xlim=(bins[0] - room, bins[-1] + room))
    _clean(axes)
  panels[0].set(ylabel="% of the pictures")
  if len(sets) > 1:
    figure.legend(
      *panels[0].get_legend_handles_labels(),
      loc="outside upper center",
      ncols=len(sets),
      frameon=False,
    )
  return figure


def planes_over(points: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
  """Sets over each other in one valence-arousal plane, as in the paper's Figure 6.

  Args:
    points: title -> valence and arousal, (N,) each. Larger sets lie below.
  """
  figure, axes = _axes()
  marks = dict(zip(points, ((_BLUE, "o", 11), (_ORANGE, "^", 13)), strict=False))
  for title in sorted(points, key=lambda title: -len(points[title][0])):
    colour, marker, size = marks[title]
    axes.scatter(
      *points[title],
      s=size,
      color=colour,
      marker=marker,
      alpha=0.5,
      linewidths=0,
      label=title,
    )
  _sections(axes, SCALE, SCALE)
  axes.set(xlabel="valence", ylabel="arousal", xlim=SCALE, ylim=SCALE, aspect="equal")
  if len(points) > 1:
    figure.legend(
      loc="outside upper center", ncols=len(points), frameon=False, markerscale=2
    )
  return figure


def forest(
  intervals: Mapping[str, tuple[float, float, float]], score: str, target: str
) -> Figure:
  """A score of several entries with their intervals, one line each.

  Args:
    intervals: entry -> value, low, high.
    score, target: for the axis.
  """
  figure, axes = _axes(max(_FEWEST_INCHES, 0.8 + 0.32 * len(intervals)))
  names = list(intervals)
  values = np.array([intervals[name] for name in names])
  places = np.arange(len(names))[::-1]
  reach = np.abs(values[:, 1:] - values[:, :1]).T
  axes.errorbar(
    values[:, 0], places, xerr=reach, fmt="o", color=_BLUE, ecolor=_GREY, capsize=3
  )
  axes.set_yticks(places, names)
  axes.set(xlabel=f"{score}, {target}, 95 % interval")
  axes.grid(axis="x", linewidth=0.4)
  return figure


def over_time(ratios: Mapping[str, Mapping[str, float]]) -> Figure:
  """Ratios of several dates, a line for each thing measured; darker is later.

  Args:
    ratios: what was measured -> date -> ratio, above 0; at least one of each.
  """
  figure, axes = _axes(max(_FEWEST_INCHES, 1.2 + 0.36 * len(ratios)))
  dates = sorted({date for by_date in ratios.values() for date in by_date})
  names = list(ratios)
  axes.axvline(1, color=_GREY, linewidth=1, linestyle="--")
  for i, date in enumerate(dates, 1):
    points = [
      (by_date[date], len(names) - place)
      for place, by_date in enumerate(ratios.values())
      if date in by_date
    ]
    shade = 1 - 0.8 * (len(dates) - i) / len(dates)
    axes.scatter(*zip(*points, strict=True), color=_BLUE, alpha=shade, label=date)
  for place, name in enumerate(names):  # above its line: names are long
    height = len(names) - place + 0.3
    where = axes.get_yaxis_transform()
    axes.text(0.01, height, name, transform=where, fontsize="x-small", in_layout=False)
  axes.set_xscale("log")
  axes.set(xlabel="ratio to the peer or limit", ylim=(0.5, len(names) + 1), yticks=[])
  axes.grid(axis="x", linewidth=0.4)
  figure.legend(loc="outside upper center", ncols=4, frameon=False)
  return figure


def growth(
  curves: Mapping[str, Sequence[tuple[int, Mapping[str, float]]]], target: str
) -> Figure:
  """A learning curve: r by the number of training pictures, with intervals.

  Args:
    curves: model -> (training pictures, {value, low, high}) in rising order.
    target: for the axis.
  """
  figure, axes = _axes()
  for (name, points), colour in zip(
    curves.items(), (_BLUE, _ORANGE, _GREEN, _GREY), strict=False
  ):
    numbers = [number for number, _ in points]
    low, value, high = (
      np.array([interval[key] for _, interval in points], float)
      for key in ("low", "value", "high")
    )
    axes.fill_between(numbers, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(numbers, value, color=colour, marker="o", markersize=4, label=name)
  axes.set(xlabel="training pictures of a fold", ylabel=f"r, {target}")
  axes.set_xscale("log")
  ticks = sorted({number for points in curves.values() for number, _ in points})
  axes.set_xticks(ticks, [str(number) for number in ticks])
  axes.minorticks_off()
  axes.grid(axis="y", linewidth=0.4)
  axes.legend(frameon=False)
  return figure


def words(
  panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
  titles: Mapping[str, str],
) -> Figure:
  """Ratings of pictures against those of their words, as in the paper's Figure 8.

  Args:
    panels: target -> kind of match -> word and picture ratings, (n,) each, 1..9.
    titles: target -> title of its panel.
  """
  figure, places = _panels(len(panels))
  for axes, (target, kinds) in zip(places, panels.items(), strict=True):
    # The commonest kind comes first and lies below.
    for (kind, (of_words, of_images)), colour, marker in zip(
      kinds.items(), (_BLUE, _ORANGE, _GREEN, _PURPLE, _GREY), "o^sDv", strict=False
    ):
      axes.scatter(
        of_words,
        of_images,
        s=13,
        marker=marker,
        color=colour,
        alpha=0.5,
        linewidths=0,
        label=kind,
      )
    x, y = (np.concatenate(parts) for parts in zip(*kinds.values(), strict=True))
    if np.ptp(x):
      slope, offset = np.polyfit(x, y, 1)
      ends = np.array([x.min(), x.max()])
      axes.plot(ends, offset + slope * ends, color=_GREY, linewidth=1.5)
    axes.set(xlabel=f"{target} of the word", ylabel=f"{target} of the picture")
    axes.set(xlim=SCALE, ylim=SCALE, aspect="equal", title=titles.get(target, target))
    _clean(axes)
  handles, labels = axes.get_legend_handles_labels()
  legend = figure.legend(
    handles, labels, loc="outside lower center", ncols=len(labels), frameon=False
  )
  for handle in legend.legend_handles:
    if handle is not None:
      handle.set_alpha(1)
  return figure


def heat(image: np.ndarray, values: np.ndarray, limit: float, label: str) -> Figure:
  """Values of each pixel as colours over an image, which is without its own.

  Args:
    image: (H, W, 3) uint8 RGB.
    values: (H, W); white is 0, and NaN is not coloured.
    limit: the value, above 0, at which colours end on either side.
    label: of the colours.
  """
  figure, axes = _axes()
  axes.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
  colours = axes.imshow(values, cmap="PuOr_r", vmin=-limit, vmax=limit, alpha=0.6)
  axes.set_axis_off()
  figure.colorbar(colours, ax=axes, label=label)
  return figure


def _axes(height: float = SIZE[1]) -> tuple[Figure, Any]:
  figure = Figure(figsize=(SIZE[0], height), layout="constrained")
  axes = figure.subplots()
  _clean(axes)
  return figure, axes


def _panels(
  number: int, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Any]]:
  """So many axes, two side by side; more than two rows make the figure higher."""
  columns = min(number, 2)
  rows = math.ceil(number / 2)
  height = SIZE[1] * max(1.0, rows / 2)
  figure = Figure(figsize=(SIZE[0], height), layout="constrained")
  panels = list(
    figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey).flat
  )
  for axes in panels[number:]:
    axes.set_visible(False)
  return figure, panels[:number]


def _sections(axes: Any, valence: Scale, arousal: Scale) -> None:
  """The lines between the paper's 4 x 4 sections of a plane."""
  for cut in np.linspace(*valence, 5)[1:-1]:
    axes.axvline(cut, color=_GREY, linewidth=0.5, alpha=0.6)
  for cut in np.linspace(*arousal, 5)[1:-1]:
    axes.axhline(cut, color=_GREY, linewidth=0.5, alpha=0.6)


def _clean(axes: Any) -> None:
  axes.spines[["top", "right"]].set_visible(False)
