"""How fast the features without a network are, beside well-kept libraries."""

import os
from collections.abc import Callable

import numpy as np

from emojax.bench.measure import Figure, Size, by_turns, draw_images, figure


def bench_lbp(size: Size) -> list[Figure]:
  """Local binary patterns beside scikit-image, on the same pictures."""
  import skimage.feature

  from emojax.features import lbp

  images = draw_images(32)
  grey = images[:, :, :, 0]

  def theirs() -> None:
    for image in grey[:4]:
      skimage.feature.local_binary_pattern(image, 8, 1, method="nri_uniform")

  goal = "10 times scikit-image or more"
  beside = ("scikit-image", theirs, 4)
  return [_beside("lbp", lbp.make(None), images, size.repeats, *beside, goal)]


def bench_gist(size: Size) -> list[Figure]:
  """GIST beside its definition in SciPy's FFTs, the filters already made."""
  import scipy.fft

  from emojax.features import gist

  images = draw_images(32)
  padded = np.random.default_rng(0).standard_normal((320, 320)).astype(np.float32)
  filters = np.random.default_rng(1).random((32, 320, 320), np.float32)
  threads = os.cpu_count() or 1

  def definition() -> None:
    spectrum = scipy.fft.fft2(padded)
    responses = scipy.fft.ifft2(spectrum * filters, workers=threads)
    np.abs(responses)[:, 32:-32, 32:-32].reshape(32, 4, 64, 4, 64).mean((2, 4))

  name = "SciPy FFTs of the filters alone"
  return [
    _beside(
      "gist512",
      gist.make_512(None),
      images,
      size.repeats,
      name,
      definition,
      goal="15 ms a picture or less on 2 cores",
    ),
    _beside(
      "gist",
      gist.make(None),
      images,
      size.repeats,
      name + " (32 filters, gist has 20)",
      definition,
    ),
  ]


def bench_color(size: Size) -> list[Figure]:
  """Colour numbers beside scikit-image's conversion to HSV, a part of the work."""
  import jax.numpy as jnp
  import skimage.color

  from emojax.features import color, color_names

  images = draw_images(32)
  table = jnp.asarray(color_names.built_in().table)

  def theirs() -> None:
    skimage.color.rgb2hsv(images[0])

  name = "scikit-image's RGB to HSV alone"
  return [_beside("color", color.make(table), images, size.repeats, name, theirs)]


def _beside(
  what: str,
  compute: Callable,
  images: np.ndarray,
  repeats: int,
  peer: str,
  theirs: Callable[[], None],
  their_images: int = 1,
  goal: str = "",
) -> Figure:
  """Milliseconds a picture of a jitted feature, and of a peer."""
  import jax

  on_device = jax.device_put(images)
  jitted = jax.jit(compute)
  ours, peers = by_turns((lambda: jitted(on_device), theirs), repeats)
  each, their_each = ours.of(len(images) / 1e3), peers.of(their_images / 1e3)
  return figure(what, "ms a picture", each, peer, their_each, goal)
