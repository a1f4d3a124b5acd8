"""Rows of tables from elsewhere beside what was computed of the same pictures.

In: what was extracted, tables, and the pictures' names. Out: the tables' values in the
pictures' order; a picture that a table lacks becomes a row with the reason.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from emojax.extract.pipeline import Extracted
from emojax.features.external import ExternalTable


def join(
  extracted: Extracted,
  tables: Mapping[str, ExternalTable],
  names: Sequence[str] | None,
) -> tuple[Extracted, dict[str, np.ndarray]]:
  """Looks the pictures up in the tables.

  Args:
    extracted: N rows.
    tables: features from elsewhere, by name.
    names: N names of the pictures; None: their paths.
  Returns:
    `extracted` with an "error" for each picture that a table lacks, and each table's
    values, (N, D) float32, NaN where a row's status is not "ok".
  Raises:
    ExternalError: a picture fits several rows of a table.
  """
  if names is None:
    names = [str(row.path) if row.path else "" for row in extracted.rows]
  places = {name: table.rows_of(names) for name, table in tables.items()}
  rows = list(extracted.rows)
  for i, row in enumerate(rows):
    lacking = [tables[name] for name in tables if places[name][i] < 0]
    if row.status == "ok" and lacking:
      reason = " and ".join(
        f"{table.path.name} has no row for this picture; its first is of "
        f"{table.image_names[0]!r}"
        for table in lacking
      )
      rows[i] = dataclasses.replace(row, status="error", reason=reason)
  is_ok = np.array([row.status == "ok" for row in rows], bool)[:, None]
  values = {
    name: np.where(is_ok, table.values[places[name]], np.float32("nan"))
    for name, table in tables.items()
  }
  blank = {
    n: np.where(is_ok, v, np.float32("nan")) for n, v in extracted.values.items()
  }
  return dataclasses.replace(extracted, rows=rows, values=blank), values
