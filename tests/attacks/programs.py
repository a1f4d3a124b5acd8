"""Every program of emojax on data so small that each ends in seconds.

In: a folder. Out: what the programs read there, and their command lines.
"""

import dataclasses
import os
import pathlib

import helpers
import numpy as np
from attacks import runs
from flax.traverse_util import flatten_dict
from PIL import Image

from emojax.backbones import weights
from emojax.utils import files

_NUMBER = 15
_NORMS = [("sea", 7, 2), ("fire", 3, 8), ("baby", 8, 5), ("war", 1, 7), ("dog", 6, 4)]
_KEPT = "--cache_dir={out}/cache"
_RATED = (
  "--dataset=va_emotion/folder --images_dir={data}/pictures "
  f"--ratings_csv={{data}}/ratings.csv --data_dir={{out}}/tfds {_KEPT} "
  "--preset=paper --hidden=4 --max_epochs=8"
)
# What writes writes below {out}.
_COMMANDS = (  # the quick ones first
  "raters candidates {data}/votes.csv --output={out}/made",
  "raters aggregate {data}/single.csv --output={out}/made",
  "raters page --images_dir={data}/pictures --output={out}/page.html",
  "weights list",
  "weights convert squeezenet --source={data} --output={out}/made",
  "words correlate --tags={data}/tags.csv --norms={data}/norms.csv --output={out}/made",
  "report {data}/run --output={out}/report",
  f"extract --images_dir={{data}}/pictures --features=color,lbp {_KEPT} "
  "--output={out}/features",
  "attributes fit --network=squeezenet --weights=random --num_attributes=20 "
  "--output={out}/made",
  f"predict {{data}}/pictures --checkpoint={{data}}/run {_KEPT} "
  "--output={out}/ratings.csv --gallery={out}/page.html",
  "bench --only=lbp --num_pictures=2 --repeats=1 --output={out}/bench.json",
  f"train {_RATED} --features=lbp --workdir={{out}}/run",
  f"experiments {_RATED} --table=learning --shares=1.0 --target=valence --low=lbp "
  "--objects= --semantic= "
  "--workdir={out}/run",
)


@dataclasses.dataclass(frozen=True)
class Command:
  """One command line.

  Attributes:
    words: the program, such as "raters", and its words; `{out}` and `{data}` are the
      folder below which it writes, and the one where it reads.
    data: that one.
  """

  words: tuple[str, ...]
  data: pathlib.Path

  @property
  def program(self) -> str:
    """Such as "raters"."""
    return self.words[0]

  @property
  def writes(self) -> bool:
    """Whether it writes anything."""
    return any("{out}" in word for word in self.words)

  @property
  def is_repeatable(self) -> bool:
    """Whether it writes the same whenever it is run."""
    return self.writes and self.program != "bench"

  def arguments(self, out: pathlib.Path) -> list[str]:
    """The words behind the program, for one folder to write in."""
    return [word.format(out=out, data=self.data) for word in self.words[1:]]


def make(folder: pathlib.Path) -> list[Command]:
  """Writes what the programs read; returns the commands."""
  # They compile as tests do: more often than they compute.
  os.environ["XLA_FLAGS"] = helpers.xla_flags()
  _draw(folder / "pictures")
  ratings = [(f"{i:02}.png", 1 + i % 9, 9 - i % 8) for i in range(_NUMBER)]
  single = [
    (f"w{w}", f"{i:02}.png", 1 + (i * w + i) % 9, 1 + (i + w) % 9)
    for w in range(6)
    for i in range(_NUMBER)
  ]
  votes = [
    (f"w{w}", f"{i:02}.png", "yes" if i * w % 3 else "no")
    for w in range(12)
    for i in range(6)
  ]
  tables = {
    "ratings.csv": [("image", "valence", "arousal"), *ratings],
    "single.csv": [("worker", "image", "valence", "arousal"), *single],
    "votes.csv": [("worker", "image", "emotional"), *votes],
    "norms.csv": [("word", "valence", "arousal"), *_NORMS],
    "tags.csv": [("tag", "valence", "arousal"), *_NORMS],
  }
  for name, rows in tables.items():
    (folder / name).write_text(files.csv_text(rows))
  runs.run(folder / "run")
  _publish(folder / "squeezenet_v10.npz")
  return [Command(tuple(line.split()), folder) for line in _COMMANDS]


def _draw(folder: pathlib.Path) -> None:
  folder.mkdir()
  rng = np.random.default_rng(0)
  for i in range(_NUMBER):
    color, noise = rng.integers(0, 236, 3), rng.integers(0, 20, (40, 48, 3))
    Image.fromarray((color + noise).astype(np.uint8)).save(folder / f"{i:02}.png")


def _publish(path: pathlib.Path) -> None:
  """A network in the form of its published file, see `caffe_squeezenet`."""
  params = flatten_dict(weights.random("squeezenet").params, sep="/")
  renamed = {
    name.replace("/kernel", ".weight").replace("/bias", ".bias"): np.asarray(tensor)
    for name, tensor in params.items()
    if name.endswith(("/kernel", "/bias"))
  }
  np.savez(
    path,
    **{k: v.transpose(3, 2, 0, 1) if v.ndim == 4 else v for k, v in renamed.items()},
  )
