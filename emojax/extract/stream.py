"""Features of any number of pictures, written as they are computed.

In: inputs, settings and where the results go. Out: files there. Memory holds one part
of the pictures at a time; a part that is done is kept beside the output until all are,
so that a process that is killed loses at most the part it was at, and of that nothing
that the cache has.
"""

import collections
import contextlib
import pathlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from emojax import images
from emojax.config import ExtractConfig
from emojax.extract import extractor, feature_table, folder, parts, shards
from emojax.extract.inputs import Inputs
from emojax.utils import errors, files, locks

_FLOAT_BYTES = 4


class Summary(NamedTuple):
  """What became of the pictures.

  Attributes:
    output: the file or folder that was written.
    number: of pictures.
    failed: how many have a status other than "ok".
    kept: how many an earlier process had done.
    from_cache: of the rest those whose values were all in the cache.
    features: names.
    left_out: what lies beside the pictures and has no row, see `Inputs`.
  """

  output: pathlib.Path
  number: int
  failed: int
  kept: int
  from_cache: int
  features: tuple[str, ...]
  left_out: str


def extract(
  find: Callable[[], Inputs],
  settings: ExtractConfig,
  output: pathlib.Path,
  progress: bool = False,
  shard: shards.Shard | None = None,
) -> Summary:
  """Computes features and writes them; see the module.

  Args:
    find: gives the pictures; what is wrong with them is told beside what else is.
    settings: which features, from what, and how.
    output: a folder, see `folder.write`, or a `.parquet` file, see `feature_table`; of
      a shard the `.parquet` folder of all.
    progress: show a bar.
    shard: which part of the pictures; None: all.
  Raises:
    ValueError: no pictures, an unknown feature, missing weights, a cache that does not
      work; each says what to do.
    OSError: the results do not fit on the disk, or may not be written.
  """
  output = _output(output, shard)
  to_table = output.suffix.lower() == feature_table.SUFFIX
  probe = output if to_table else output / folder.DESCRIPTION
  checks = (
    lambda: files.check_writable(probe),
    lambda: extractor.check(settings),
    find,
  )
  *_, inputs = errors.all_of(*checks)
  extraction = extractor.from_config(settings)
  of = _schema(extraction, inputs, settings)
  rows = range(len(inputs.sources))
  if shard is not None:
    rows, of = shard.rows(len(rows)), shard.marked(of)
  width = sum(of.field(name).type.list_size for name in extraction.names)
  # Once as parts and once as the result.
  files.check_writable(probe, 2 * _FLOAT_BYTES * width * len(rows))
  with files.explained(output):
    output.parent.mkdir(parents=True, exist_ok=True)
  lock = output.with_name(f".{output.name}.lock")
  with locks.held(lock, f"another process that writes {output}"):
    done = parts.Parts(output, of)
    ranges = extractor.ranges(rows)
    kept, from_cache = _compute(
      extraction, settings, inputs, ranges, done, of, progress
    )
    tables = done.read(len(ranges))
    if to_table:
      failed = feature_table.write(output, tables, of)
    else:
      failed = folder.write(output, tables, of, len(rows), inputs.root)
    done.remove()
  names = extraction.names
  return Summary(output, len(rows), failed, kept, from_cache, names, inputs.left_out)


def _output(output: pathlib.Path, shard: shards.Shard | None) -> pathlib.Path:
  """The file or folder to write.

  Raises:
    UserError: of a shard something else than a table is asked for.
  """
  if shard is None:
    return output
  if output.suffix.lower() != feature_table.SUFFIX:
    raise errors.UserError(
      f"--shard={shard} writes one Parquet file of a folder of {shard.count}: "
      f"--output={output} should end in {feature_table.SUFFIX}"
    )
  return shard.file(output)


def _schema(
  extraction: extractor.Extractor, inputs: Inputs, settings: ExtractConfig
) -> pa.Schema:
  return feature_table.schema(
    extraction.describe(),
    extraction.class_names(),
    {"number": len(inputs.sources), "digest": inputs.digest()},
    {"max_pixels": settings.max_pixels},
  )


def tables(
  extraction: extractor.Extractor,
  settings: ExtractConfig,
  of: pa.Schema,
  inputs: Inputs,
  ranges: Iterable[range],
  progress: bool = False,
  total: int = 0,
  done: int = 0,
) -> Generator[tuple[pa.Table, int], None, None]:
  """Rows of some parts of the pictures: what every engine computes with.

  The values of a picture depend on the settings and on how many pictures there are in
  all, not on the part it is in or on who computes it.

  Args:
    extraction: computes the features.
    settings: how to extract.
    of: the schema of the tables.
    inputs: all pictures.
    ranges: rows of each part; asked for when the part before is done.
    progress: show a bar.
    total: for the bar, how many pictures the parts have together with those `done`.
    done: pictures that need not be computed.
  Yields:
    A part's table, and how many of its pictures the cache had.
  """
  waiting: collections.deque[range] = collections.deque()

  def sources_and_names() -> Iterator[tuple[list[images.Source], list[str]]]:
    for rows in ranges:
      waiting.append(rows)
      sources = [inputs.sources[row] for row in rows]
      yield sources, [images.name_of(source) for source in sources]

  extracted = extraction.run_each_as(
    settings, sources_and_names(), len(inputs.sources), progress, total=total, done=done
  )
  with contextlib.closing(extracted):
    for part in extracted:
      rows = feature_table.table(inputs.names(waiting.popleft()), part, of)
      yield rows, int(part.stats["from_cache"])


def _compute(
  extraction: extractor.Extractor,
  settings: ExtractConfig,
  inputs: Inputs,
  ranges: Sequence[range],
  done: parts.Parts,
  of: pa.Schema,
  progress: bool,
) -> tuple[int, int]:
  """Has every part done; returns how many pictures were, and the cache had."""
  made_of = [
    done.made_of([inputs.sources[row] for row in rows], inputs.names(rows))
    for rows in ranges
  ]
  lacking = [part for part in range(len(ranges)) if not done.has(part, made_of[part])]
  total = sum(map(len, ranges))
  kept = total - sum(len(ranges[part]) for part in lacking)
  from_cache = 0
  wanted = (ranges[part] for part in lacking)
  computed = tables(extraction, settings, of, inputs, wanted, progress, total, kept)
  with contextlib.closing(computed):
    for part, (table, count) in zip(lacking, computed, strict=True):
      done.keep(part, table, made_of[part])
      from_cache += count
  return kept, from_cache
