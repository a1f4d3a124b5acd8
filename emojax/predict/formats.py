"""Predictions as files people can open: CSV, JSON, Parquet.

In: `predictor.Predictions`. Out: text and bytes; nothing is written here.
"""

import json
from typing import Any

import numpy as np

from emojax.predict.predictor import Predictions
from emojax.utils import files


def columns(found: Predictions) -> dict[str, list[Any]]:
  """Column name -> values, one per picture; None where there is no number."""
  made: dict[str, list[Any]] = {
    "path": [files.utf8(path or "") for path in found.paths]
  }
  for target, values in found.mean.items():
    made[target] = _numbers(values)
    made[f"{target}_low"] = _numbers(found.low[target])
    made[f"{target}_high"] = _numbers(found.high[target])
  for target, values in found.std.items():
    made[f"{target}_sd"] = _numbers(values)
  made["distance"] = _numbers(found.distance)
  return made | {"status": list(found.status), "reason": list(found.reason)}


def csv(found: Predictions) -> str:
  """The rows as CSV with a head; numbers with four decimals, empty where none."""
  made = columns(found)
  lines: list[list[object]] = [[*made]]
  for row in zip(*made.values(), strict=True):
    cells = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row]
    lines.append(["" if cell is None else cell for cell in cells])
  return files.csv_text(lines)


def content(found: Predictions, kind: str) -> str | bytes:
  """The rows as a file of a kind: ".csv", ".json" or ".parquet"."""
  if kind == ".csv":
    return csv(found)
  made = columns(found)
  if kind == ".json":
    rows = [
      dict(zip(made, row, strict=True)) for row in zip(*made.values(), strict=True)
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
  # Here and not at the head: it takes a while to import, and most ask for CSV.
  import pyarrow as pa
  import pyarrow.parquet

  texts = {"path", "status", "reason"}
  fields = [(name, pa.string() if name in texts else pa.float64()) for name in made]
  sink = pa.BufferOutputStream()
  pyarrow.parquet.write_table(pa.table(made, schema=pa.schema(fields)), sink)
  return sink.getvalue().to_pybytes()


def _numbers(values: np.ndarray) -> list[float | None]:
  return [None if np.isnan(value) else float(value) for value in values]
