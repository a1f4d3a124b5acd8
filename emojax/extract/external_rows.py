"""Rows of tables from elsewhere beside what was computed of the same pictures.

In: tables, and the pictures' names. Out: before anything is computed, the pictures that
a table lacks, with the reason; afterwards the tables' values in the pictures' order.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from emojax.extract.pipeline import Extracted
from emojax.features.external import ExternalTable


def lacking(
  tables: Mapping[str, ExternalTable], names: Sequence[str]
) -> dict[int, str]:
  """The pictures, by their place, that some table has no row of, and why that is.

  Args:
    tables: features from elsewhere, by name.
    names: of the pictures.
  Raises:
    ExternalError: a picture fits several rows of a table.
  """
  reasons: dict[int, list[str]] = {}
  for table in tables.values():
    for place in np.flatnonzero(table.rows_of(names) < 0).tolist():
      reasons.setdefault(place, []).append(
        f"{table.path.name} has no row for this picture; its first is of "
        f"{table.image_names[0]!r}"
      )
  return {place: " and ".join(reasons[place]) for place in sorted(reasons)}


def join(
  extracted: Extracted, tables: Mapping[str, ExternalTable], names: Sequence[str]
) -> tuple[Extracted, dict[str, np.ndarray]]:
  """Looks the pictures up in the tables.

  Args:
    extracted: N rows, none of them "ok" that is `lacking`.
    tables: features from elsewhere, by name.
    names: N names of the pictures.
  Returns:
    `extracted` and each table's values, (N, D) float32, NaN where a row's status is not
    "ok".
  """
  is_ok = np.array([row.status == "ok" for row in extracted.rows], bool)[:, None]
  values = {
    name: np.where(is_ok, table.values[table.rows_of(names)], np.float32("nan"))
    for name, table in tables.items()
  }
  blank = {
    n: np.where(is_ok, v, np.float32("nan")) for n, v in extracted.values.items()
  }
  return dataclasses.replace(extracted, values=blank), values
