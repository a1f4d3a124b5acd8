"""Which pictures are copies of each other: resized, recompressed, mirrored or cropped.

In: pictures, (H, W, 3) uint8. Out: hashes, pairs of pictures whose hashes are near, and
groups of such pairs. Nothing is read from disk.

A hash is the signs of the 255 lowest coefficients, without the mean, of the cosine
transform of a grey 64 x 64 picture, as in Zauner, "Implementation and Benchmarking of
Perceptual Image Hash Functions", 2010, with 16 x 16 coefficients in place of 8 x 8. A
crop changes most of them, so a picture has a hash of each of eleven crops of itself,
and of their mirror images; two pictures are near when the whole of one is near any crop
of the other. Signs alone are alike where one bright thing in a corner rules a picture,
so thumbnails of what is near must correlate too.
"""

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import scipy.fft
import scipy.sparse

from emojax.images import views

# Of OASIS's 258,840 pairs the nearest two that show different things are 72 bits apart,
# and there are about 5.5 times fewer for every 4 bits less; copies of its pictures that
# are cropped by 5 % anywhere, and shrunk and compressed, stay within 60.
LIMIT_BITS = 64
NUM_BITS = 255
_COARSE_LIMIT_BITS = 16  # of the lowest 8 x 8 coefficients; copies stay within 15
_LOWEST = 16  # coefficients along each axis
_SIDE_PX = 64  # of what is transformed
_WHOLE = views.View("hash", "squash", 320, 320, "area")  # 5 % of it are 16 whole pixels
_CROPS = (0.95, 0.9)  # of both sides, from each corner and from the centre
# Rounding to 8 bits alone makes coefficients of about 0.3.
_NOISE = 1.0
_LEAST_DECIDED = 128  # coefficients above the noise; photographs of OASIS have over 200
_THUMBNAIL_PX = 8
# Copies that are cropped by 5 % anywhere stay above 0.77, those whose crop is one of
# the eleven above 0.99. Of twelve false pairs, silhouettes with a bright corner, found
# by signs alone among 10,766 crops of photographs, two are left.
_LEAST_CORRELATION = 0.7
_PLAIN_LIMIT = 3.0  # grey levels by which thumbnails of plain pictures may differ


class Hashes(NamedTuple):
  """Hashes of N pictures.

  Attributes:
    words: (N, V, 4) uint64, the 255 bits of every crop and mirrored crop, lowest
      coefficients first; `words[:, 0]` is the whole picture. 0 for plain pictures.
    is_plain: (N,) whether so little is in the picture that its coefficients are mostly
      noise, such as a blank page; such pictures are compared by `thumbnails`.
    greys: (N, V / 2, 8, 8) uint8, every crop in grey.
    thumbnails: (N, 8, 8, 3) uint8, the whole picture in colour.
  """

  words: np.ndarray
  is_plain: np.ndarray
  greys: np.ndarray
  thumbnails: np.ndarray


class Pairs(NamedTuple):
  """P pairs of near pictures, the nearest first.

  Attributes:
    first, second: (P,) int64 row numbers, first < second.
    distance: (P,) int64, bits of 255 in which the nearest crop differs.
  """

  first: np.ndarray
  second: np.ndarray
  distance: np.ndarray


def _boxes() -> list[tuple[slice, slice]]:
  """Rows and columns of every crop of the squashed picture; the whole one first."""
  side = _WHOLE.side_px
  corners_and_sizes = [(0, 0, side)]
  for share in _CROPS:
    size = round(share * side)
    gap = side - size
    corners = [(y, x, size) for y in (0, gap) for x in (0, gap)]
    corners_and_sizes += [*corners, (gap // 2, gap // 2, size)]
  return [(slice(y, y + size), slice(x, x + size)) for y, x, size in corners_and_sizes]


_BOXES = _boxes()
_COSINES = scipy.fft.dct(np.eye(_SIDE_PX), norm="ortho", axis=0)[:_LOWEST].astype("f4")
_MIRROR = np.where(np.arange(_LOWEST) % 2, -1, 1).astype("f4")  # odd cosines turn sign
# Lowest first, so that the first of four words is the lowest 8 x 8.
_ORDER = np.argsort(np.maximum(*np.indices((_LOWEST, _LOWEST))).ravel(), kind="stable")


def of_image(rgb: np.ndarray) -> Hashes:
  """The hashes of one picture, N = 1.

  Args:
    rgb: (H, W, 3) uint8.
  Raises:
    ValueError: `rgb` is something else.
  """
  whole = views.view(rgb, _WHOLE)
  grey = cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY)
  size = (_SIDE_PX, _SIDE_PX)
  small = np.stack(
    [cv2.resize(grey[box], size, interpolation=cv2.INTER_AREA) for box in _BOXES]
  )
  coefficients = _COSINES @ small.astype(np.float32) @ _COSINES.T
  coefficients = np.concatenate([coefficients, coefficients * _MIRROR]).reshape(
    -1, _LOWEST**2
  )[:, _ORDER]
  coefficients[:, 0] = 0  # the mean says how bright it is, not what it shows
  is_plain = bool((np.abs(coefficients[0]) > _NOISE).sum() < _LEAST_DECIDED)
  bits = (coefficients > _NOISE) & (not is_plain)
  words = np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64)
  thumbnail = cv2.resize(
    whole, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA
  )
  step = _SIDE_PX // _THUMBNAIL_PX
  blocks = small.reshape(-1, _THUMBNAIL_PX, step, _THUMBNAIL_PX, step)
  greys = blocks.mean(axis=(2, 4)).round().astype(np.uint8)
  return Hashes(words[None], np.array([is_plain]), greys[None], thumbnail[None])


def stack(parts: Sequence[Hashes]) -> Hashes:
  """Hashes of several pictures or sets as one, in order; of none: N = 0."""
  if not parts:
    return Hashes(*(column[:0] for column in of_image(np.zeros((1, 1, 3), np.uint8))))
  return Hashes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def pairs(
  hashes: Hashes, workers: int = 2, tick: Callable[[], object] | None = None
) -> Pairs:
  """All pairs of near pictures.

  Two pictures are near when some crop of one, or its mirror image, differs from the
  whole other in at most `LIMIT_BITS` of the 255 bits and in at most 16 of the lowest
  64, and their grey thumbnails correlate with at least 0.7. For two plain pictures the
  thumbnails must instead be alike, mirrored or not; a plain one is never near another.

  Args:
    hashes: of N pictures.
    workers: threads.
    tick: called after each of the N pictures.
  """
  number = len(hashes.words)
  first_words = np.ascontiguousarray(hashes.words[:, 0, 0])
  profiles = _profiles(hashes.greys[:, 0])

  def near(row: int) -> np.ndarray:
    """(3, p): `row` and those whose whole is near a crop of it, and the distance."""
    crops = hashes.words[row]
    coarse = np.bitwise_count(crops[:, :1] ^ first_words)
    crop, other = np.divmod(np.flatnonzero(coarse <= _COARSE_LIMIT_BITS), number)
    bits = np.bitwise_count(crops[crop] ^ hashes.words[other, 0]).sum(axis=1)
    may_be = (bits <= LIMIT_BITS) & (hashes.is_plain[other] == hashes.is_plain[row])
    candidates = np.flatnonzero(may_be & (other != row))
    crop, other, bits = crop[candidates], other[candidates], bits[candidates]
    if hashes.is_plain[row]:
      alike = _look_alike(hashes.thumbnails[row], hashes.thumbnails[other])
    else:
      greys = hashes.greys[row]
      mine = _profiles(np.concatenate([greys, greys[..., ::-1]]))
      alike = (mine[crop] * profiles[other]).sum(axis=1) >= _LEAST_CORRELATION
    best = np.full(number, NUM_BITS + 1)
    np.minimum.at(best, other[alike], bits[alike])
    neighbours = np.flatnonzero(best <= LIMIT_BITS)
    if tick:
      tick()
    rows = np.full(len(neighbours), row)
    return np.stack(
      [
        np.minimum(rows, neighbours),
        np.maximum(rows, neighbours),
        best[neighbours].astype(rows.dtype),
      ]
    )

  with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    parts = list(pool.map(near, range(number)))
  if not parts:
    return Pairs(*(np.zeros(0, np.int64) for _ in Pairs._fields))
  # Nearly all pairs were found from both sides; the smaller distance counts.
  first, second, distance = np.concatenate(parts, axis=1)
  order = np.lexsort((distance, second, first))
  key = first[order] * number + second[order]
  nearest = order[np.flatnonzero(np.diff(key, prepend=-1))]
  nearest = nearest[np.lexsort((second[nearest], first[nearest], distance[nearest]))]
  return Pairs(first[nearest], second[nearest], distance[nearest])


def groups(near_pairs: Pairs, number: int) -> np.ndarray:
  """Pictures that are near each other, directly or by way of others, as groups.

  Args:
    near_pairs: pairs among N pictures.
    number: N.
  Returns:
    (N,) int64, the number of each picture's group, from 0 in the order of their first
    pictures; -1 for pictures near no other.
  """
  links = np.ones(len(near_pairs.first), bool)
  graph = scipy.sparse.coo_array(
    (links, (near_pairs.first, near_pairs.second)), (number, number)
  )
  _, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
  of_image = np.full(number, -1)
  rows = np.unique(np.concatenate([near_pairs.first, near_pairs.second]))
  if len(rows):
    _, at, inverse = np.unique(label[rows], return_index=True, return_inverse=True)
    of_image[rows] = np.argsort(np.argsort(at))[inverse]
  return of_image


def straddling(group: np.ndarray, fold: np.ndarray) -> np.ndarray:
  """Whether each group has pictures in more than one fold.

  Such a group lets a model be tested on a picture whose copy it was trained on.

  Args:
    group: (N,) from `groups`.
    fold: (N,) fold of each picture, below 0 where it is in none.
  Returns:
    (G,) bool.
  """
  number = int(group.max(initial=-1)) + 1
  straddles = np.zeros(number, bool)
  for label in range(number):
    here = fold[group == label]
    straddles[label] = len(np.unique(here[here >= 0])) > 1
  return straddles


def _profiles(greys: np.ndarray) -> np.ndarray:
  """(n, 8, 8) as (n, 64) whose products are correlations."""
  flat = greys.reshape(len(greys), _THUMBNAIL_PX**2).astype(np.float32)
  flat -= flat.mean(axis=1, keepdims=True)
  return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _look_alike(thumbnail: np.ndarray, others: np.ndarray) -> np.ndarray:
  """Whether each of (n, 8, 8, 3) `others` differs little from a thumbnail or mirror."""
  wide = others.astype(np.int16)
  apart = [
    np.abs(wide - turned.astype(np.int16)).mean(axis=(1, 2, 3))
    for turned in (thumbnail, thumbnail[:, ::-1])
  ]
  return np.minimum(*apart) <= _PLAIN_LIMIT
