"""Predictions as files people can open: CSV, JSON, Parquet.

In: `predictions.Predictions`, part by part. Out: the pieces of a file, as they come.
"""

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np

from emojax.predict.predictions import Predictions
from emojax.utils import files


def columns(predictions: Predictions) -> dict[str, list[Any]]:
  """Column name -> values, one per picture; None where there is no number."""
  table: dict[str, list[Any]] = {
    "path": [files.utf8(name) for name in predictions.names]
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


def write(file: IO[bytes], parts: Iterable[Predictions], kind: str) -> None:
  """Writes rows as they come; memory holds a few parts.

  Args:
    file: open for writing.
    parts: predictions of one run, asked for one by one.
    kind: ".csv", ".json" or ".parquet".
  """
  if kind == ".parquet":
    _write_parquet(file, parts)
    return
  for piece in (csv if kind == ".csv" else _json)(parts):
    file.write(files.utf8(piece).encode())


def content(predictions: Predictions, kind: str) -> bytes:
  """The rows as a file of a kind, see `write`."""
  buffer = io.BytesIO()
  write(buffer, [predictions], kind)
  return buffer.getvalue()


def csv(parts: Iterable[Predictions]) -> Iterator[str]:
  """Rows as CSV with a head, piece by piece; four decimals, empty where no number."""
  is_first = True
  for part in parts:
    table = columns(part)
    lines: list[list[object]] = [[*table]] * is_first
    is_first = False
    for row in zip(*table.values(), strict=True):
      cells = [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row]
      lines.append(["" if cell is None else cell for cell in cells])
    yield files.csv_text(lines)


def _json(parts: Iterable[Predictions]) -> Iterator[str]:
  """Rows as a JSON list, as `files.json_text` has it, piece by piece."""
  start = "["
  for part in parts:
    table = columns(part)
    for row in zip(*table.values(), strict=True):
      text = files.json_text(dict(zip(table, row, strict=True)), ensure_ascii=False)
      yield f"{start}\n  " + text.rstrip("\n").replace("\n", "\n  ")
      start = ","
  yield "[]\n" if start == "[" else "\n]\n"


def _write_parquet(file: IO[bytes], parts: Iterable[Predictions]) -> None:
  # Here and not at the head: it takes a while to import, and most ask for CSV.
  import pyarrow as pa
  import pyarrow.parquet

  texts = {"path", "status", "reason"}
  with contextlib.ExitStack() as stack:
    writer = None
    for part in parts:
      table = columns(part)
      fields = [(n, pa.string() if n in texts else pa.float64()) for n in table]
      rows = pa.table(table, schema=pa.schema(fields))
      if writer is None:
        writer = stack.enter_context(pyarrow.parquet.ParquetWriter(file, rows.schema))
      writer.write_table(rows)


def _numbers(values: np.ndarray) -> list[float | None]:
  return [None if np.isnan(value) else float(value) for value in values]
