"""Tables of published sets that are laid out as no other table is.

In: a table as its authors hand it out. Out: a `tables.Table` with the fields image,
valence and arousal, and perhaps spreads and numbers of raters.
"""

import pathlib
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.io

from emojax.config import TARGETS
from emojax.datasets.va_emotion import columns
from emojax.utils import table_files, tables


def by_place(*fields: str) -> Callable[[pathlib.Path], tables.Table]:
  """Reads text with blanks or tabs between cells below one line of names.

  Args:
    fields: of the first columns, in their order. There may be more columns, and a
      number may stand in brackets.
  """

  def read(path: pathlib.Path) -> tables.Table:
    try:
      text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
      raise tables.TableError(f"cannot read {path}: {error.strerror}") from error
    header, *rest = text.splitlines() or [""]
    lines = []
    for number, line in enumerate(rest, start=2):
      cells = line.split()
      if not cells:
        continue
      if len(cells) < len(fields):
        raise tables.TableError(
          f"{path}, line {number}: expected {', '.join(fields)}, got {line.strip()!r}"
        )
      plain = [cell.removeprefix("(").removesuffix(")") for cell in cells[1:]]
      lines.append(
        tables.Line(number, dict(zip(fields, [cells[0], *plain], strict=False)))
      )
    if not lines:
      raise tables.TableError(f"{path} has no ratings below its first line")
    own = {field: field for field in fields}
    return tables.Table(path, tuple(header.split()), own, (), lines, ())

  return read


def by_name(*image: str) -> Callable[[pathlib.Path], tables.Table]:
  """Reads a table with a header: valence and arousal under their usual names.

  Args:
    image: what the column of the pictures may be called, likeliest first.
  """
  wanted = [
    tables.Column("image", tuple((name,) for name in image)),
    *(columns.rating(target) for target in TARGETS),
    *(columns.spread(target) for target in TARGETS),
    *(columns.raters(target) for target in TARGETS),
  ]
  return lambda path: tables.read(path, wanted)


def by_repeated_name(
  image: str, mean: str, places: Mapping[str, int]
) -> Callable[[pathlib.Path], tables.Table]:
  """Reads a table with lines of titles above, where several columns are called alike.

  Args:
    image: what the column of the pictures is called.
    mean: what the columns of means are called.
    places: target -> which of these columns, from 0.
  """

  def read(path: pathlib.Path) -> tables.Table:
    rows = table_files.read(path, lambda header: 0, table_files.WINDOWS).rows
    start = next((i for i, (_, cells) in enumerate(rows) if image in cells), None)
    header = rows[start][1] if start is not None else []
    means = [place for place, cell in enumerate(header) if cell == mean]
    if start is None or len(means) <= max(places.values()):
      raise tables.TableError(
        f"{path}: expected a line with {image} and at least {max(places.values()) + 1} "
        f"columns called {mean}, got {len(means)}; is it the table as published?"
      )
    at = {"image": header.index(image)}
    at |= {target: means[place] for target, place in places.items()}
    lines = []
    for number, cells in rows[start + 1 :]:
      whole = [*cells, *[""] * (len(header) - len(cells))]
      if whole[at["image"]]:
        # Decimal commas: what a spreadsheet in German or Polish saves as CSV.
        line = {target: whole[at[target]].replace(",", ".") for target in places}
        lines.append(tables.Line(number, {"image": whole[at["image"]], **line}))
    if not lines:
      raise tables.TableError(f"{path} has no ratings below the line with {image}")
    own = {field: header[place] for field, place in at.items()}
    return tables.Table(path, tuple(header), own, (), lines, ())

  return read


def emotic(path: pathlib.Path) -> tables.Table:
  """Reads `Annotations.mat`: arrays train, val and test of pictures with people.

  A picture's rating is the mean over its people, a person's the mean over its raters.
  Pictures that nobody rated are left out.

  Raises:
    TableError: it cannot be read, or is no such file.
  """
  wanted = "expected the Annotations.mat of EMOTIC"
  try:
    content = scipy.io.loadmat(
      path, appendmat=False, squeeze_me=True, struct_as_record=False
    )
  # SciPy raises many kinds of errors for what is not a MATLAB file.
  except Exception as error:
    reason = " ".join(str(error).split())
    raise tables.TableError(f"{wanted}; {path} cannot be read: {reason}") from error
  parts = [part for part in ("train", "val", "test") if part in content]
  entries = [entry for part in parts for entry in np.atleast_1d(content[part])]
  try:
    ratings: dict[str, list[list[float]]] = {}
    for entry in entries:
      people = ratings.setdefault(f"{entry.folder}/{entry.filename}", [])
      people += map(_person, np.atleast_1d(entry.person))
  except (AttributeError, TypeError, ValueError) as error:
    raise tables.TableError(f"{wanted}; {path} has other parts: {error}") from error
  lines = []
  for number, (image, people) in enumerate(ratings.items(), start=1):
    rated = [person for person in people if person]
    if rated:
      means = [repr(statistics.fmean(of)) for of in zip(*rated, strict=True)]
      cells = dict(zip(TARGETS, means, strict=True))
      lines.append(tables.Line(number, {"image": image, **cells}))
  if not lines:
    raise tables.TableError(f"{wanted}; {path} has no ratings in train, val or test")
  fields = {field: field for field in ("image", *TARGETS)}
  return tables.Table(path, tuple(fields), fields, (), lines, ())


def _person(person: Any) -> list[float]:
  """The mean over raters of each target; empty where nobody rated this person."""
  raters = [
    [float(getattr(rater, target)) for target in TARGETS]
    for rater in np.atleast_1d(person.annotations_continuous)
  ]
  known = [rater for rater in raters if np.isfinite(rater).all()]
  return [statistics.fmean(of) for of in zip(*known, strict=True)]
