"""Mutated tables: read by every reader of tables, or refused with the file's name."""

import dataclasses
import functools
import io
import pathlib
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import openpyxl
import pyarrow
import pyarrow.parquet
from attacks import mutations, outcomes
from PIL import Image

from emojax import config
from emojax.datasets.va_emotion import folder as rated_folder
from emojax.evaluation import results
from emojax.features import external, word_norms
from emojax.raters import config as raters_config
from emojax.raters import ratings, votes
from emojax.words import correlation

_NUMBER = 12
_OWN = "commas.csv"
_RATED = "image,valence,arousal,valence_std,num_raters,keyword\n" + "".join(
  f"p{i}.png,{1 + i % 8}.5,{8 - i % 7},1.25,{20 + i},=d\u00f6g {i}\n"
  for i in range(_NUMBER)
)
_RATINGS = "worker,image,valence,arousal,seconds,approval\n" + "".join(
  f"w{i % 3},p{i // 3}.png,{1 + i % 9},{9 - i % 8},{3 + i},97\n" for i in range(24)
)
_VOTES = "worker,image,emotional\n" + "".join(
  f"w{i % 4},p{i // 4}.png,{'yes' if i % 3 else 'no'}\n" for i in range(24)
)
_NORMS = "word,valence,arousal\nsea,7,2\nfire,3,8\nbaby,8,5\nwar,1,7\ndog,6,4\n"
_TAGS = "tag,valence,arousal\nsea,8,3\nfire,4,7\nbabies,7,4\n,5,5\nfire,NA,\n"
_FEATURES = "image,a,b\n" + "".join(f"p{i}.png,{i}.5,-{i}e-3\n" for i in range(_NUMBER))
_PREDICTIONS = "image,fold,valence,valence_rated,keyword\n" + "".join(
  f"p{i}.png,{i % 5},{i}.25,{i}.5,=dog\n" for i in range(_NUMBER)
)


def _rated(path: pathlib.Path) -> Any:
  pictures = path.parent / "pictures"
  if not pictures.exists():
    pictures.mkdir()
    for i in range(_NUMBER):
      Image.new("RGB", (4, 4), (20 * i, 9, 9)).save(pictures / f"p{i}.png")
  return rated_folder.load(
    config.DataConfig(images_dir=str(pictures), ratings_csv=str(path))
  )


@functools.cache
def _forms(text: str) -> dict[str, bytes]:
  """A table in the usual forms: file name -> content."""
  rows = [line.split(",") for line in text.splitlines()]
  return {
    _OWN: text.encode(),
    "semicolons.csv": re.sub(r"(\d)\.(\d)", r"\1,\2", text.replace(",", ";")).encode(
      "cp1252"
    ),
    "tabs.csv": text.replace(",", "\t").encode("utf-16"),
    "utf-16-le.csv": text.encode("utf-16-le"),
    "table.xlsx": _book(rows),
  }


@functools.cache
def _binary_features() -> dict[str, bytes]:
  """Tables of features that are no text."""
  names = [f"p{i}.png" for i in range(_NUMBER)]
  values = np.arange(2.0 * _NUMBER).reshape(_NUMBER, 2)
  npz, parquet = io.BytesIO(), io.BytesIO()
  np.savez_compressed(npz, names=names, values=values)
  columns = {"image": names, "a": values[:, 0], "b": list(values)}
  pyarrow.parquet.write_table(pyarrow.table(columns), parquet)
  return {"table.npz": npz.getvalue(), "table.parquet": parquet.getvalue()}


def _book(rows: list[list[str]]) -> bytes:
  book, file = openpyxl.Workbook(), io.BytesIO()
  for row in rows:
    book.active.append([float(c) if c.isdigit() else c for c in row])
  book.save(file)
  return file.getvalue()


@dataclasses.dataclass(frozen=True)
class Reader:
  """One of emojax's readers of tables.

  Attributes:
    text: a whole table for it.
    read: the reader.
    is_own: whether it reads what emojax wrote, which has one form only.
    more: further forms: file name -> content.
  """

  text: str
  read: Callable[[pathlib.Path], Any]
  is_own: bool = False
  more: Callable[[], dict[str, bytes]] = dict

  def forms(self) -> dict[str, bytes]:
    """The table as people have it: file name -> content."""
    return (
      {_OWN: self.text.encode()} if self.is_own else _forms(self.text) | self.more()
    )


READERS = {
  "rated": Reader(_RATED, _rated),
  "ratings": Reader(_RATINGS, lambda p: ratings.read([p], raters_config.RaterConfig())),
  "votes": Reader(_VOTES, lambda p: votes.read([p], raters_config.CandidateConfig())),
  "norms": Reader(_NORMS, word_norms.read),
  "tags": Reader(_TAGS, lambda p: correlation.read(p, {}, (1, 9))),
  "predictions": Reader(_PREDICTIONS, results.read_predictions, is_own=True),
  "features": Reader(_FEATURES, lambda p: external.read("a", p), more=_binary_features),
}


def attack(folder: pathlib.Path, draw: random.Random) -> str:
  """Reads one mutated table, which is left in the folder; see `outcomes`."""
  reader = READERS[draw.choice(sorted(READERS))]
  forms = reader.forms()
  name = draw.choice(sorted(forms))
  path = folder / name
  path.write_bytes(mutations.mutated_archive(forms[name], draw))
  return outcomes.attempt(lambda: reader.read(path), name)[0]
