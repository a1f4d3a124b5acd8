"""Figures about raters: arrays in, matplotlib figures out. Nothing is written here."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from emojax.pages.figures import SIZE

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#595959"  # as in `figures`


def raters_per_image(raters: np.ndarray, least: int) -> Figure:
  """How many pictures have how many raters.

  Args:
    raters: (P,) int.
    least: pictures with fewer are dropped, and drawn in another colour and hatched.
  """
  figure = Figure(figsize=SIZE, layout="constrained")
  axes = figure.subplots()
  edges = np.arange(raters.max() + 2) - 0.5
  if len(edges) > 61:  # bars of one rater each would be too thin to see
    edges = np.linspace(-0.5, raters.max() + 0.5, 41)
  few = raters < least
  axes.hist(raters[~few], edges.tolist(), color=_BLUE, edgecolor="white", label="kept")
  if few.any():
    axes.hist(
      raters[few],
      edges.tolist(),
      color=_ORANGE,
      edgecolor="white",
      hatch="//",
      label="dropped",
    )
  axes.axvline(least - 0.5, color=_GREY, linewidth=1, linestyle="--")
  axes.set(xlabel="raters of a picture", ylabel="pictures")
  _whole(axes.xaxis)
  _whole(axes.yaxis)
  if few.any():
    axes.legend(frameon=False)
  _clean(axes)
  return figure


def agreement(
  valence: np.ndarray, arousal: np.ndarray, is_flagged: np.ndarray, least: float
) -> Figure:
  """Each worker's correlation with the others.

  Args:
    valence, arousal: (W,) correlations; workers with NaN are not drawn.
    is_flagged: (W,) bool.
    least: mean correlation below which a worker disagrees.
  """
  figure = Figure(figsize=SIZE, layout="constrained")
  axes = figure.subplots()
  is_defined = np.isfinite(valence) & np.isfinite(arousal)
  for which, colour, marker, size, label in (
    (is_defined & ~is_flagged, _BLUE, "o", 14, "not flagged"),
    (is_defined & is_flagged, _ORANGE, "X", 42, "flagged"),
  ):
    if which.any():
      axes.scatter(
        valence[which],
        arousal[which],
        s=size,
        color=colour,
        marker=marker,
        alpha=0.7,
        linewidths=0,
        label=label,
      )
  ends = np.array([-1.0, 1.0])
  axes.plot(
    ends,
    2 * least - ends,
    color=_GREY,
    linewidth=1,
    linestyle="--",
    label=f"mean of both {least:g}",
  )
  ticks = (-1, -0.5, 0, 0.5, 1)
  axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
  axes.set(xticks=ticks, yticks=ticks)
  axes.set(xlabel="r with the others, valence", ylabel="r with the others, arousal")
  axes.grid(linewidth=0.4)
  axes.legend(frameon=False, loc="lower left")
  _clean(axes)
  return figure


def answers(
  rated: Mapping[str, np.ndarray], scales: Mapping[str, tuple[float, float]]
) -> Figure:
  """How often each answer comes, over all ratings that count; a panel a target."""
  figure = Figure(figsize=SIZE, layout="constrained")
  are_whole = all(np.all(values == np.round(values)) for values in rated.values())
  for axes, (target, values), colour in zip(
    figure.subplots(1, 2, sharey=True), rated.items(), (_BLUE, _ORANGE), strict=True
  ):
    low, high = scales[target]
    if are_whole and high - low <= 20:
      edges = np.arange(low - 0.5, high + 1)
    else:
      edges = np.linspace(low, high, 17)
    axes.hist(values, edges.tolist(), color=colour, edgecolor="white")
    axes.set(xlabel=f"{target}, single answers", ylabel="ratings")
    _whole(axes.xaxis)
    _clean(axes)
  return figure


def seconds(median: np.ndarray, least: float) -> Figure:
  """Median time of each worker; (W,), NaN where not known."""
  figure = Figure(figsize=SIZE, layout="constrained")
  axes = figure.subplots()
  medians = median[np.isfinite(median)]
  # One worker who went to lunch would flatten all the others.
  top = max(float(np.quantile(medians, 0.95)) * 2, least * 2, 1e-3)
  axes.hist(np.minimum(medians, top), np.linspace(0, top, 31).tolist(), color=_BLUE)
  axes.axvline(least, color=_GREY, linewidth=1, linestyle="--")
  longer = " (the last bar: and longer)" if (medians > top).any() else ""
  axes.set(xlabel=f"median seconds a picture{longer}", ylabel="workers")
  _whole(axes.yaxis)
  _clean(axes)
  return figure


def _whole(axis: Any) -> None:
  """Marks whole numbers only."""
  axis.get_major_locator().set_params(integer=True)


def _clean(axes: Any) -> None:
  axes.spines[["top", "right"]].set_visible(False)
