"""Copies of pictures are found, other pictures are not, and pairs are those by hand."""

import subprocess
import sys

import helpers
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image, ImageOps

from emojax import images as images_lib
from emojax.images import near_duplicates

_SIZE = (200, 150)


def _drawn(seed):
  """A picture of smooth blotches with fine noise on them, (150, 200, 3) uint8."""
  rng = np.random.default_rng(seed)
  coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
  smooth = np.asarray(coarse.resize(_SIZE, Image.Resampling.BICUBIC), np.float64)
  return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def _jpeg(image, place, quality):
  path = place / "copy.jpg"
  image.save(path, quality=quality)
  return images_lib.load(path)


def _hashes(*images):
  return near_duplicates.stack([near_duplicates.of_image(image) for image in images])


def _listed(pairs):
  return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


_COPIES = {
  "smaller": lambda image: image.resize((120, 90)),
  "larger": lambda image: image.resize((300, 225)),
  "another shape": lambda image: image.resize((150, 150)),
  "mirrored": ImageOps.mirror,
  "grey": lambda image: image.convert("L").convert("RGB"),
  "upper left": lambda image: image.crop((0, 0, 190, 142)),
  "lower right": lambda image: image.crop((10, 8, 200, 150)),
  "centre": lambda image: image.crop((5, 4, 195, 146)),
  "one side": lambda image: image.crop((10, 0, 200, 150)),
  "together": lambda image: ImageOps.mirror(
    image.crop((10, 0, 200, 142)).resize((114, 85))
  ),
}


@pytest.mark.parametrize("kind", _COPIES)
@pytest.mark.parametrize("quality", [90, 30])
def test_an_altered_copy_is_found_and_other_pictures_are_not(kind, quality, tmp_path):
  originals = [_drawn(seed) for seed in range(8)]
  copy = _jpeg(_COPIES[kind](Image.fromarray(originals[3])), tmp_path, quality)
  pairs = near_duplicates.pairs(_hashes(*originals, copy))
  assert _listed(pairs) == [(3, 8)]
  assert 0 <= pairs.distance[0] <= near_duplicates.LIMIT_BITS


def test_the_copy_may_come_first():
  """A crop of the later picture is the whole of the earlier one."""
  original = _drawn(0)
  pairs = near_duplicates.pairs(_hashes(original[:142, :190], original))
  assert _listed(pairs) == [(0, 1)]


def test_the_same_picture_has_distance_0_and_is_no_pair_with_itself():
  pairs = near_duplicates.pairs(_hashes(_drawn(1), _drawn(1)))
  assert _listed(pairs) == [(0, 1)] and pairs.distance.tolist() == [0]


def test_plain_pictures_pair_with_those_of_their_colour_only():
  """Blank pages have no shapes to compare: white ones pair, a black one does not."""
  rng = np.random.default_rng(0)
  white = np.full((90, 120, 3), 255, np.uint8)
  grained = white - rng.integers(0, 3, white.shape, dtype=np.uint8)
  rising = np.linspace(0, 255, 120).astype(np.uint8)[None, :, None]
  gradient = np.broadcast_to(rising, (90, 120, 3))
  hashes = _hashes(white, np.zeros_like(white), grained, gradient, _drawn(0))
  assert hashes.is_plain.tolist() == [True, True, True, True, False]
  assert _listed(near_duplicates.pairs(hashes)) == [(0, 2)]
  mirrored = near_duplicates.pairs(_hashes(gradient, gradient[:, ::-1]))
  assert _listed(mirrored) == [(0, 1)]


def test_a_bright_corner_makes_no_copies():
  """A light in the corner of different pictures rules the signs, not what they show."""
  first, second = (np.asarray(_drawn(n), np.float64) * 0.3 for n in (0, 1))
  light = np.zeros_like(first)
  light[:12, :16] = 180
  first_lit, second_lit = (
    (image + light).astype(np.uint8) for image in (first, second)
  )
  hashes = _hashes(first_lit, second_lit)
  # As near as can be in signs.
  hashes = hashes._replace(words=hashes.words[[0, 0]])
  assert _listed(near_duplicates.pairs(hashes)) == []


def test_pictures_of_any_shape_have_hashes():
  for shape in ((1, 1, 3), (1, 400, 3), (400, 1, 3), (2, 3, 3)):
    hashes = near_duplicates.of_image(np.zeros(shape, np.uint8))
    assert hashes.words.shape == (1, 22, 4) and hashes.is_plain.all()
  with pytest.raises(ValueError, match="expected"):
    near_duplicates.of_image(np.zeros((4, 4), np.uint8))


def test_no_pictures_have_no_pairs():
  hashes = near_duplicates.stack([])
  pairs = near_duplicates.pairs(hashes)
  assert len(pairs.first) == 0
  assert near_duplicates.groups(pairs, 0).tolist() == []


@st.composite
def _random_hashes(draw):
  """Hashes around a few centres, so that distances lie on both sides of the limits."""
  seed = draw(st.integers(0, 2**32 - 1))
  number, views = draw(st.integers(1, 12)), draw(st.sampled_from([2, 4]))
  rng = np.random.default_rng(seed)
  centres = rng.random((3, 256)) < 0.5
  flips = rng.random((number, views, 256)) < rng.uniform(0, 0.35, (number, views, 1))
  bits = centres[rng.integers(0, 3, number)][:, None] ^ flips
  bits[..., 0] = False
  words = np.packbits(bits, axis=-1).view(np.uint64)
  plain = rng.random(number) < 0.2
  words[plain & (rng.random(number) < 0.5)] = 0  # the others are near some that are not
  colours = rng.choice([0, 2, 200], (number, 1, 1, 1))
  thumbnails = np.broadcast_to(colours, (number, 8, 8, 3)).astype(np.uint8)
  scenes = rng.integers(0, 256, (2, 1, 8, 8))
  noise = rng.normal(0, 1, (number, views // 2, 8, 8)) * rng.choice([5, 70, 90])
  greys = np.clip(scenes[rng.integers(0, 2, number)] + noise, 0, 255).astype(np.uint8)
  return near_duplicates.Hashes(words, plain, greys, thumbnails)


def _by_hand(hashes):
  """Pairs -> distance, bit by bit in Python; the rule of the docstring."""
  whole = hashes.words[:, 0]
  pairs = {}
  for i in range(len(whole)):
    for j in range(i + 1, len(whole)):
      if hashes.is_plain[i] != hashes.is_plain[j]:
        continue
      pixels = hashes.thumbnails[[i, j]].astype(int)
      alike = np.abs(pixels[0] - pixels[1]).mean() <= 3
      apart = []
      for cropped, whole_image in ((i, j), (j, i)):
        greys = [*hashes.greys[cropped], *hashes.greys[cropped][..., ::-1]]
        for crop, grey in zip(hashes.words[cropped], greys, strict=True):
          words = zip(crop.tolist(), whole[whole_image].tolist(), strict=True)
          bits = [(a ^ b).bit_count() for a, b in words]
          if not hashes.is_plain[cropped]:
            both = np.corrcoef(grey.ravel(), hashes.greys[whole_image, 0].ravel())
            alike = both[0, 1] >= 0.7
          if bits[0] <= 16 and sum(bits) <= 64 and alike:
            apart.append(sum(bits))
      if apart:
        pairs[i, j] = min(apart)
  return pairs


@hypothesis.given(_random_hashes())
def test_pairs_are_those_of_a_search_by_hand(hashes):
  pairs = near_duplicates.pairs(hashes)
  listed = dict(zip(_listed(pairs), pairs.distance.tolist(), strict=True))
  assert listed == _by_hand(hashes)
  assert (np.diff(pairs.distance) >= 0).all()
  with_one_worker = near_duplicates.pairs(hashes, workers=1)
  assert all(np.array_equal(a, b) for a, b in zip(with_one_worker, pairs, strict=True))


def _pairs(*listed):
  first, second = np.array(listed, np.int64).reshape(-1, 2).T
  return near_duplicates.Pairs(first, second, np.zeros(len(first), np.int64))


def test_groups_join_pairs_by_way_of_others_and_straddle_folds():
  """By hand: 1-4-5 in folds 0, 0, 2; 2-3 both in fold 1; 0 alone; 7 in no fold."""
  group = near_duplicates.groups(_pairs((4, 5), (2, 3), (1, 4), (6, 7)), 8)
  assert group.tolist() == [-1, 0, 1, 1, 0, 0, 2, 2]
  fold = np.array([0, 0, 1, 1, 0, 2, 3, -1])
  assert near_duplicates.straddling(group, fold).tolist() == [True, False, False]


@hypothesis.given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_groups_are_those_of_merging_one_by_one(links):
  links = [(min(link), max(link)) for link in links if link[0] != link[1]]
  label = list(range(10))
  for a, b in links:
    label = [label[a] if merged == label[b] else merged for merged in label]
  group = near_duplicates.groups(_pairs(*links), 10).tolist()
  for i in range(10):
    linked = any(i in link for link in links)
    assert (group[i] >= 0) == linked
    for j in range(i):
      if linked and group[j] >= 0:
        assert (group[i] == group[j]) == (label[i] == label[j])


def test_photographs_are_found_and_told_apart(shared_data, tmp_path):
  """60 photographs of OASIS, among them its one true pair, and a copy of each."""
  folder = shared_data / "oasis" / "images"
  pair = [folder / "Couple 2.jpg", folder / "Couple 9.jpg"]
  paths = (
    pair + [path for path in images_lib.walk(folder)[::12] if path not in pair][:58]
  )
  images = [images_lib.load(path) for path in paths]
  copies = []
  for number, image in enumerate(images):
    large = Image.fromarray(image)
    wide, high = large.size
    x, y = (number % 2) * wide // 20, (number // 2 % 2) * high // 20
    part = large.crop((x, y, x + wide * 19 // 20, y + high * 19 // 20))
    part = ImageOps.mirror(part.resize((285, 228))) if number % 3 else part
    copies.append(_jpeg(part, tmp_path, 30))
  pairs = _listed(near_duplicates.pairs(_hashes(*images, *copies)))
  own = {(i, i + 60) for i in range(60)}
  couple = {(a, b) for a in (0, 1, 60, 61) for b in (0, 1, 60, 61) if a < b}
  assert own <= set(pairs) <= own | couple
  assert (0, 1) in pairs


@pytest.mark.slow
def test_recall_is_measured_on_a_folder(tmp_path):
  for seed in range(3):
    Image.fromarray(_drawn(seed)).save(tmp_path / f"{seed}.png")
  (tmp_path / "broken.jpg").write_bytes(b"no picture")
  script = helpers.ROOT / "scripts" / "near_duplicate_recall"
  done = subprocess.run(
    [sys.executable, script, tmp_path], capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert "broken.jpg" in done.stderr and "3 pictures, 3 pairs" in done.stdout
  lines = {line.split("|")[1].strip(): line for line in done.stdout.splitlines()[3:20]}
  assert "| 3 | 3 | 100.0 % |" in lines["cropped 5 %, mirrored, 60 %, quality 30"]
  done = subprocess.run(
    [sys.executable, script, tmp_path / "gone"], capture_output=True, text=True
  )
  assert done.returncode == 1 and done.stderr.count("\n") == 1
  assert "does not exist" in done.stderr
