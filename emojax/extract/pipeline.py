"""One pass over some pictures: decoding on threads while the devices compute.

In: pictures, and the programs that compute features of a batch. Out: one row per
picture, with its values or the reason why it has none. A batch is handed to the devices
before the one before it is fetched; batches have one fixed shape, so each feature
compiles once; values already in the cache are not computed again, and those of a batch
are stored as soon as they are there.
"""

import collections
import concurrent.futures
import dataclasses
import hashlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from emojax import images
from emojax.extract.cache import FeatureCache, FeatureKey
from emojax.extract.devices import Programs
from emojax.features import FEATURES
from emojax.utils import runtime

ImageSource = images.Source

# Batches handed to the devices and not yet fetched. A CPU would work on two at once,
# each slower and with memory of its own.
_IN_FLIGHT_CPU, _IN_FLIGHT_ACCELERATOR = 1, 2
_TRIM_BATCHES = 4  # after so many, memory that is not used goes back


@dataclasses.dataclass(frozen=True)
class Row:
  """What became of one picture.

  Attributes:
    path: its file; None for a picture that came otherwise, see `images.contents`.
    status: "ok", "error", or that of a `NothingToSee`: "small", "blank", "transparent".
    reason: one line, empty when ok.
    digest: SHA-256 of the file's bytes; empty when it could not be read.
  """

  path: pathlib.Path | None
  status: str
  reason: str = ""
  digest: str = ""


@dataclasses.dataclass(frozen=True)
class Extracted:
  """Rows and values in the order of the pictures.

  Attributes:
    rows: one per picture.
    values: feature name -> (N, size) float32; NaN where the row's status is not "ok".
    stats: seconds of the run and of what its main thread did in them: `total_seconds`,
      `wait_seconds` (for decoded pictures), `compute_seconds`, `store_seconds`, and of
      each group of features computed together, such as `gist_seconds`; and
      images: `computed` for those that lacked a feature, `from_cache` for those that
      lacked none.
  """

  rows: list[Row]
  values: dict[str, np.ndarray]
  stats: dict[str, float]

  @property
  def failed(self) -> list[Row]:
    """The rows with an error."""
    return [row for row in self.rows if row.status != "ok"]


@dataclasses.dataclass(frozen=True)
class _Decoded:
  """A picture as it leaves the threads: what the cache had, and views for the rest."""

  row: Row
  cached: dict[str, np.ndarray]
  views: dict[images.View, np.ndarray]


@dataclasses.dataclass(frozen=True)
class _Group:
  """Features computed together: one picture view, one set of parameters."""

  view: images.View
  needs: str


# What a batch has in common: its features, and height and width of its pictures' view.
_Kind = tuple[tuple[str, ...], tuple[int, int]]


@dataclasses.dataclass
class _Queue:
  """Pictures waiting until a batch is full."""

  batch: int  # pictures of a full one, all devices together
  indices: list[int] = dataclasses.field(default_factory=list)
  views: list[np.ndarray] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class _Flight:
  """A batch that the devices are working on."""

  members: tuple[str, ...]  # its features
  indices: list[int]  # its pictures
  values: dict[str, jax.Array]  # feature -> (devices, B, size), perhaps not there yet


class Extraction:
  """One pass over some pictures: the result table and the half-full batches.

  Args:
    keys: of the features that are computed, by name.
    programs: what computes them.
    images: what they are computed of.
    cache: where values are looked up and stored; None computes everything.
    batch_size: pictures per device and step; 0: see `Programs.batch_for`.
    number: how many pictures there are in all, of which these may be a part; batches
      are made for so many.
    max_pixels: larger pictures are refused.
    check: gets every image as RGB and may refuse it with an `ImageError`; or None.
    say: gets what is going on, such as "compiling gist"; empty: nothing special.
    refused: pictures, by their place, that are not even read, and the reason.
  """

  def __init__(
    self,
    keys: Mapping[str, FeatureKey],
    programs: Programs,
    images: Sequence[ImageSource],
    cache: FeatureCache | None,
    batch_size: int,
    number: int,
    max_pixels: int,
    check: Callable[[np.ndarray], None] | None,
    say: Callable[[str], object],
    refused: Mapping[int, str],
  ):
    self.keys = keys
    self.programs = programs
    self.images = images
    self.cache = cache
    self.batch_size = batch_size
    self.number = number
    self.max_pixels = max_pixels
    self.check = check
    self.say = say
    self.refused = refused
    self.rows: list[Row] = []
    self.values = {
      name: np.full((len(images), key.size), np.nan, np.float32)
      for name, key in keys.items()
    }
    self.first_with: dict[str, int] = {}  # digest -> the row that is computed
    self.copies: list[tuple[int, int]] = []  # (row, the earlier row with its bytes)
    self.queues: dict[_Kind, _Queue] = {}
    self.flights: collections.deque[_Flight] = collections.deque()
    self.fetched = 0  # batches
    self.broken: dict[int, str] = {}  # row -> which feature was not finite
    self.seconds: dict[str, float] = collections.defaultdict(float)
    self.from_cache = 0
    self.started = time.perf_counter()

  def decode(self, index: int) -> _Decoded:
    """Reads and decodes one picture as far as needed; runs on the threads."""
    image = self.images[index]
    path = pathlib.Path(image) if isinstance(image, (str, os.PathLike)) else None
    if index in self.refused:
      return _Decoded(Row(path, "error", self.refused[index]), {}, {})
    try:
      data = images.contents(image, self.max_pixels)
      digest = _digest(data)
    except images.ImageError as error:
      return _Decoded(Row(path, error.status, str(error)), {}, {})
    cached: dict[str, np.ndarray] = {}
    if self.cache is not None:
      cached = self.cache.get_many([digest], self.keys.values())[digest]
    lacking = [name for name in self.keys if name not in cached]
    if not lacking and self.check is None:
      return _Decoded(Row(path, "ok", "", digest), cached, {})
    try:
      rgb = data if isinstance(data, np.ndarray) else images.load(data, self.max_pixels)
      if self.check is not None:
        self.check(rgb)
      wanted = dict.fromkeys(FEATURES[name].view for name in lacking)
      views = {view: images.view(rgb, view) for view in wanted}
    except images.ImageError as error:
      return _Decoded(Row(path, error.status, str(error), digest), {}, {})
    return _Decoded(Row(path, "ok", "", digest), cached, views)

  def take(self, index: int, decoded: _Decoded) -> None:
    """Enters a picture into the table, and into the batches of what it lacks."""
    self.rows.append(decoded.row)
    if decoded.row.status != "ok":
      return
    first = self.first_with.setdefault(decoded.row.digest, index)
    if first != index:
      self.copies.append((index, first))
      return
    for name, value in decoded.cached.items():
      self.values[name][index] = value
    lacking = [name for name in self.keys if name not in decoded.cached]
    self.from_cache += not lacking
    groups: dict[_Group, list[str]] = {}
    for name in lacking:
      feature = FEATURES[name]
      groups.setdefault(_Group(feature.view, feature.needs), []).append(name)
    for group, members in groups.items():
      view = decoded.views[group.view]
      kind = (tuple(members), view.shape[:2])
      queue = self._queue(kind)
      queue.indices.append(index)
      queue.views.append(view)
      if len(queue.indices) == queue.batch:
        self._start(kind)

  def finish(self) -> None:
    """Computes the batches that did not fill up, and copies rows of equal bytes."""
    for kind, queue in self.queues.items():
      if queue.indices:
        self._start(kind)
    while self.flights:
      self._fetch()
    for index, first in self.copies:
      for table in self.values.values():
        table[index] = table[first]
      if first in self.broken:
        self.broken[index] = self.broken[first]
    for index, reason in self.broken.items():
      self.rows[index] = dataclasses.replace(
        self.rows[index], status="error", reason=reason
      )
      for table in self.values.values():
        table[index] = np.nan

  def result(self) -> Extracted:
    """The finished table."""
    ran = [names for names, _ in self.queues if "+".join(names) in self.seconds]
    stats = {
      "total_seconds": time.perf_counter() - self.started,
      "wait_seconds": self.seconds["wait"],
      "compute_seconds": self.seconds["compute"],
      "store_seconds": self.seconds["store"],
      **{f"{'+'.join(names)}_seconds": self.seconds["+".join(names)] for names in ran},
      "computed": len(self.first_with) - self.from_cache,
      "from_cache": self.from_cache,
    }
    return Extracted(self.rows, self.values, stats)

  def _queue(self, kind: _Kind) -> _Queue:
    """The waiting pictures of some features; the batch size is settled once."""
    if kind not in self.queues:
      members, shape = kind
      started = time.perf_counter()
      self.say(f"compiling {members[0]}")
      size = self.batch_size
      size = size or self.programs.batch_for(members, self.number, shape)
      self.queues[kind] = _Queue(size * jax.local_device_count())
      self.seconds["compile"] += time.perf_counter() - started
      self.say("")
    return self.queues[kind]

  def _start(self, kind: _Kind) -> None:
    """Fetches batches handed to the devices earlier, and hands them the next."""
    on_cpu = jax.default_backend() == "cpu"
    limit = _IN_FLIGHT_CPU if on_cpu else _IN_FLIGHT_ACCELERATOR
    while len(self.flights) >= limit:
      self._fetch()
    members, _ = kind
    queue = self.queues[kind]
    self.queues[kind] = _Queue(queue.batch)
    # The last batch repeats its last picture: one shape, so one compilation.
    filling = [queue.views[-1]] * (queue.batch - len(queue.views))
    padded = np.stack(queue.views + filling)
    started = time.perf_counter()
    values = self.programs.start(members, padded)
    self._spent(members, started)
    self.flights.append(_Flight(members, queue.indices, values))

  def _spent(self, members: tuple[str, ...], started: float) -> None:
    """Adds to the seconds of some features what has gone by."""
    seconds = time.perf_counter() - started
    self.seconds["compute"] += seconds
    self.seconds["+".join(members)] += seconds

  def _fetch(self) -> None:
    """Waits for the batch that was started first, enters and stores its values."""
    flight = self.flights.popleft()
    self.fetched += 1
    if self.fetched % _TRIM_BATCHES == 0:
      runtime.return_memory()
    members, indices = flight.members, flight.indices
    started = time.perf_counter()
    values = {
      name: np.asarray(value).reshape(-1, value.shape[-1])
      for name, value in flight.values.items()
    }
    self._spent(members, started)
    stored = []
    for at, index in enumerate(indices):
      of_image = {name: values[name][at] for name in members}
      for name, value in of_image.items():
        if not np.isfinite(value).all():
          self.broken[index] = f"feature {name} gave a number that is not finite"
        self.values[name][index] = value
      if index not in self.broken:
        keys = {self.keys[name]: value for name, value in of_image.items()}
        stored.append((self.rows[index].digest, keys))
    if self.cache is not None:
      started = time.perf_counter()
      self.cache.put_many(stored)
      self.seconds["store"] += time.perf_counter() - started


def ordered(
  pool: concurrent.futures.Executor,
  decode: Any,
  number: int,
  ahead: int,
  run: Extraction,
) -> Iterator[tuple[int, _Decoded]]:
  """Decoded pictures in order, with at most `ahead` of them decoded in advance."""
  waiting: collections.deque[concurrent.futures.Future[_Decoded]] = collections.deque()
  submitted = 0
  for index in range(number):
    while submitted < min(number, index + ahead):
      waiting.append(pool.submit(decode, submitted))
      submitted += 1
    started = time.perf_counter()
    decoded = waiting.popleft().result()
    run.seconds["wait"] += time.perf_counter() - started
    yield index, decoded


def _digest(data: bytes | np.ndarray) -> str:
  """What the cache knows a picture by."""
  if isinstance(data, np.ndarray):
    head = f"rgb {data.dtype} {data.shape}".encode()
    return hashlib.sha256(head + data.tobytes()).hexdigest()
  return hashlib.sha256(data).hexdigest()
