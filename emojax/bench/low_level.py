"""How fast the features without a network are, beside well-kept libraries."""

import os
from collections.abc import Callable

import numpy as np

from emojax.bench.measure import Figure, Size, best_seconds, draw_images


def bench_lbp(size: Size) -> list[Figure]:
  """Local binary patterns beside scikit-image, on the same pictures."""
  import skimage.feature

  from emojax.features import lbp

  images = draw_images(32)
  ours = _ms_a_image(lbp.make(None), images, size.repeats)
  grey = images[:, :, :, 0]

  def theirs() -> None:
    for image in grey[:4]:
      skimage.feature.local_binary_pattern(image, 8, 1, method="nri_uniform")

  peer = best_seconds(theirs, size.repeats) / 4 * 1e3
  return [_speed("lbp", ours, "scikit-image", peer, "10 times scikit-image or more")]


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

  peer = best_seconds(definition, size.repeats) * 1e3
  name = "SciPy FFTs of the filters alone"
  return [
    _speed(
      "gist512",
      _ms_a_image(gist.make_512(None), images, size.repeats),
      name,
      peer,
      "15 ms a picture or less on 2 cores",
    ),
    _speed(
      "gist",
      _ms_a_image(gist.make(None), images, size.repeats),
      name + " (32 filters, gist has 20)",
      peer,
    ),
  ]


def bench_color(size: Size) -> list[Figure]:
  """Colour numbers beside scikit-image's conversion to HSV, a part of the work."""
  import jax.numpy as jnp
  import skimage.color

  from emojax.features import color, color_names

  images = draw_images(32)
  table = jnp.asarray(color_names.built_in().table)
  ours = _ms_a_image(color.make(table), images, size.repeats)
  peer = best_seconds(lambda: skimage.color.rgb2hsv(images[0]), size.repeats) * 1e3
  return [_speed("color", ours, "scikit-image's RGB to HSV alone", peer)]


def _speed(what: str, ours: float, peer: str, theirs: float, goal: str = "") -> Figure:
  return Figure(what, ours, "ms a picture", peer, theirs, theirs / ours, goal)


def _ms_a_image(compute: Callable, images: np.ndarray, repeats: int) -> float:
  """Milliseconds a picture of a jitted feature, the pictures on the device."""
  import jax

  on_device = jax.device_put(images)
  jitted = jax.jit(compute)
  seconds = best_seconds(lambda: jitted(on_device), repeats)
  return seconds / len(images) * 1e3
