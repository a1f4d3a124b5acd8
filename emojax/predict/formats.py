"""Predictions as files people can open: CSV, JSON, Parquet.

In: `predictor.Predictions`. Out: text and bytes; nothing is written here.
"""

from typing import Any

import numpy as np

from emojax.predict.predictor import Predictions
from emojax.utils import files


def columns(predictions: Predictions) -> dict[str, list[Any]]:
  """Column name -> values, one per picture; None where there is no number."""
  table: dict[str, list[Any]] = {
    "path": [files.utf8(path or "") for path in predictions.paths]
  }
  for target, values in predictions.mean.items():
    table[target] = _numbers(values)
    table[f"{target}_low"] = _numbers(predictions.low[target])
    table[f"{target}_high"] = _numbers(predictions.high[target])
  for target, values in predictions.std.items():
    table[f"{target}_sd"] = _numbers(values)
  table["distance"] = _numbers(predictions.distance)
  return table | {
    "status": list(predictions.status),
    "reason": list(predictions.reason),
  }


def csv(predictions: Predictions) -> str:
  """The rows as CSV with a head; numbers with four decimals, empty where none."""
  table = columns(predictions)
  lines: list[list[object]] = [[*table]]
  for row in zip(*table.values(), strict=True):
    cells = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row]
    lines.append(["" if cell is None else cell for cell in cells])
  return files.csv_text(lines)


def content(predictions: Predictions, kind: str) -> str | bytes:
  """The rows as a file of a kind: ".csv", ".json" or ".parquet"."""
  if kind == ".csv":
    return csv(predictions)
  table = columns(predictions)
  if kind == ".json":
    rows = [
      dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)
    ]
    return files.json_text(rows, ensure_ascii=False)
  # Here and not at the head: it takes a while to import, and most ask for CSV.
  import pyarrow as pa
  import pyarrow.parquet

  texts = {"path", "status", "reason"}
  fields = [(name, pa.string() if name in texts else pa.float64()) for name in table]
  sink = pa.BufferOutputStream()
  pyarrow.parquet.write_table(pa.table(table, schema=pa.schema(fields)), sink)
  return sink.getvalue().to_pybytes()


def _numbers(values: np.ndarray) -> list[float | None]:
  return [None if np.isnan(value) else float(value) for value in values]
