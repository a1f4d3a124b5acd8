"""How fast each network is: beside the matrix peak, and the same in PyTorch."""

import contextlib
import functools
import importlib.util
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from emojax.bench import apart, peers
from emojax.bench.measure import (
  Figure,
  Size,
  Timing,
  draw_images,
  figure,
  matrix_peak,
  seconds,
  turns,
)

_BATCHES_CPU, _BATCHES_ACCELERATOR = (1, 8, 32), (1, 32, 128, 256)
# Pictures a second on an H200 in bfloat16, from device memory.
_GOALS = {("resnet50", "bfloat16"): 12_000, ("vgg16", "bfloat16"): 5_700}
_PYTORCH, _ONNX_RUNTIME = "PyTorch", "ONNX Runtime"
_PEERS = {_PYTORCH: peers.pytorch_calls, _ONNX_RUNTIME: peers.onnx_calls}
_SETTLE_SECONDS = 0.5
_AGREE = 1e-3  # of the largest output


def bench_networks(size: Size) -> list[Figure]:
  """Each network at batch 1 and at its best batch.

  Raises:
    ValueError: an unknown network or precision.
  """
  import jax

  figures = []
  on_cpu = jax.default_backend() == "cpu"
  for precision in size.precisions:
    if precision not in ("float32", "bfloat16"):
      raise ValueError(f"--precisions are float32, bfloat16; got {precision!r}")
    peak = matrix_peak(size.repeats, precision)
    for name in named(size.networks):
      ours, theirs = _times(
        name, precision, size.repeats, _peers(name, on_cpu, precision)
      )
      goal = "" if on_cpu else _goal(name, precision)
      figures += _figures(name, precision, ours, theirs, peak, goal)
  return figures


def _peers(name: str, on_cpu: bool, precision: str) -> list[str]:
  """Which of `_PEERS` are installed, have the network and compute in that precision."""
  if not peers.has(name) or not importlib.util.find_spec("torch"):
    return []
  onnx = all(importlib.util.find_spec(module) for module in ("onnx", "onnxruntime"))
  if onnx and peers.exports(name) and on_cpu and precision == "float32":
    return [_PYTORCH, _ONNX_RUNTIME]
  return [_PYTORCH]


def named(names: tuple[str, ...]) -> list[str]:
  """The networks asked for; `all` stands for all.

  Raises:
    ValueError: an unknown one.
  """
  from emojax.backbones import BACKBONES

  if names == ("all",):
    return list(BACKBONES)
  for name in names:
    if name not in BACKBONES:
      raise ValueError(f"--networks knows all, {', '.join(BACKBONES)}; got {name!r}")
  return list(names)


def _goal(name: str, precision: str) -> str:
  least = _GOALS.get((name, precision))
  return f"{least:,} pictures/s or more on an H200" if least else ""


def _batches(name: str) -> tuple[int, ...]:
  import jax

  from emojax.backbones import BACKBONES

  if jax.default_backend() != "cpu":
    return _BATCHES_ACCELERATOR
  return _BATCHES_CPU[:1] if BACKBONES[name].one_by_one else _BATCHES_CPU


def _times(
  name: str, precision: str, repeats: int, peer_names: list[str]
) -> tuple[dict[int, Timing], dict[str, dict[int, Timing]]]:
  """Seconds a picture by batch, of emojax and each peer, all measured by turns.

  Each peer is in a process of its own, without emojax's settings; of its memory layouts
  the faster one counts.

  Raises:
    RuntimeError: a peer computes something else.
  """
  batches = _batches(name)
  calls, outputs = _calls(name, precision, batches)
  clocks: dict[tuple[str, str, int], Callable[[], float]] = {
    ("", "", batch): functools.partial(seconds, call) for batch, call in calls.items()
  }
  with contextlib.ExitStack() as stack:
    for peer in peer_names:
      others = stack.enter_context(apart.Calls(_PEERS[peer], name, precision, batches))
      _check_same(f"{peer}'s {name}", others.value, outputs, precision)
      clocks |= {
        (peer, *place): functools.partial(others.seconds, place)
        for place in others.names
      }
    settled = [functools.partial(_settled, clock) for clock in clocks.values()]
    measured = turns(settled, repeats)
  best: dict[str, dict[int, Timing]] = {peer: {} for peer in ("", *peer_names)}
  for (peer, _, batch), timing in zip(clocks, measured, strict=True):
    known = [best[peer][batch]] if batch in best[peer] else []
    both = [*known, timing.of(batch)]
    best[peer][batch] = min(both, key=lambda timing: timing.median)
  return best.pop(""), best


def _settled(clock: Callable[[], float]) -> float:
  """The shortest of several calls within half a second, or of two.

  After a pause two cores of a virtual machine may be one core of its host for a while,
  and threads of others wait by spinning.
  """
  end = time.monotonic() + _SETTLE_SECONDS
  clock()
  shortest = clock()
  while time.monotonic() < end:
    shortest = min(shortest, clock())
  return shortest


def _calls(
  name: str, precision: str, batches: tuple[int, ...]
) -> tuple[Mapping[int, Callable[[], Any]], np.ndarray]:
  """emojax's network by batch, and the features of two pictures."""
  import jax
  import jax.numpy as jnp

  from emojax.backbones import BACKBONES, weights
  from emojax.utils import runtime

  backbone = BACKBONES[name]
  rounded = functools.partial(jnp.asarray, dtype=jnp.dtype(precision))
  params = jax.tree.map(rounded, weights.random(name).params)
  program = jax.jit(backbone.apply, compiler_options=runtime.options())
  drawn = functools.partial(draw_images, side=backbone.view.side_px)
  calls = {
    batch: functools.partial(program, params, jax.device_put(drawn(batch)))
    for batch in batches
  }
  two = program(params, drawn(2))
  output = next(name for name in ("logits", "shares", "pool", "boxes") if name in two)
  return calls, np.asarray(two[output])


def _check_same(
  whose: str, outputs: np.ndarray, expected: np.ndarray, precision: str
) -> None:
  """A peer that computes something else is none."""
  allowed = _AGREE if precision == "float32" else 1.0
  error = np.abs(outputs - expected).max() / np.abs(expected).max()
  if not error < allowed:
    raise RuntimeError(f"{whose} differs by {error:.1e}: it is no peer")


def _operations(name: str) -> float:
  """Floating-point operations of one picture, as XLA counts them."""
  import jax
  import jax.numpy as jnp

  from emojax.backbones import BACKBONES

  backbone = BACKBONES[name]
  side = backbone.view.side_px
  # One picture: of a loop over pictures XLA counts one pass.
  image = jax.ShapeDtypeStruct((1, side, side, 3), jnp.uint8)
  params = jax.eval_shape(backbone.module.init, jax.random.key(0), image)["params"]
  counted: Any = jax.jit(backbone.apply).lower(params, image).cost_analysis()
  return counted["flops"]


def _figures(
  name: str,
  precision: str,
  ours: dict[int, Timing],
  theirs: dict[str, dict[int, Timing]],
  peak: Timing,
  goal: str,
) -> list[Figure]:
  """The lines of one network."""
  limit = peak.of(1 / _operations(name))
  best = _fastest(ours)
  title = name if precision == "float32" else f"{name} {precision}"
  one, many = f"{title}, one picture at a time", f"{title}, best batch"
  unit, noted = "pictures/s", f"batches of {best}"
  figures = [
    figure(one, unit, ours[1], "the matrix peak", limit),
    figure(many, unit, ours[best], "the matrix peak", limit, goal, noted),
  ]
  for peer, times in theirs.items():
    other = _fastest(times)
    beside = f"{peer}, same network"
    wanted = f"{peer}'s speed or more" if peer == _PYTORCH else ""
    both = f"{noted}, {peer}'s of {other}"
    figures += [
      figure(one, unit, ours[1], beside, times[1], wanted),
      figure(many, unit, ours[best], beside, times[other], wanted, both),
    ]
  return figures


def _fastest(times: dict[int, Timing]) -> int:
  """The batch whose pictures take the shortest time each."""
  return min(times, key=lambda batch: times[batch].median)
