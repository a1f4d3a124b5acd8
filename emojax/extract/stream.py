"""Features of any number of pictures, written as they are computed.

In: inputs, settings and where the results go. Out: files there. Memory holds one part
of the pictures at a time; a part that is done is kept beside the output until all are,
so that a process that is killed loses at most the part it was at, and of that nothing
that the cache has.
"""

import contextlib
import pathlib
import types
from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

import pyarrow as pa

from emojax import images
from emojax.config import ExtractConfig
from emojax.extract import extractor, feature_table, folder, parts, shards
from emojax.extract.inputs import Inputs
from emojax.utils import errors, files, locks

_FLOAT_BYTES = 4


class Work(NamedTuple):
  """What is to be computed.

  Attributes:
    settings: how to extract.
    of: the schema of the tables.
    parts: the pictures of each part, by its number.
    number: of pictures in all, also those of no part here.
    progress: show a bar.
    total: for the bar, how many pictures the parts have together with those `done`.
    done: pictures that need not be computed.
    kept: where parts are kept that are done; None: that is not the engine's to know.
    made_of: of each part, what it is made of, see `parts.Parts`.
  """

  settings: ExtractConfig
  of: pa.Schema
  parts: Mapping[int, Inputs]
  number: int
  progress: bool = False
  total: int = 0
  done: int = 0
  kept: parts.Parts | None = None
  made_of: Mapping[int, str] = types.MappingProxyType({})


class Computed(NamedTuple):
  """What became of a part.

  Attributes:
    part: its number.
    rows: its table; None: the engine has kept it.
    from_cache: how many of its pictures the cache had.
  """

  part: int
  rows: pa.Table | None
  from_cache: int


class Engine:
  """What computes parts: this process, with the devices of this machine."""

  def ranges(self, rows: range) -> list[range]:
    """Some rows in parts that keep its devices busy."""
    return extractor.ranges(rows)

  def compute(
    self, extraction: extractor.Extractor, work: Work
  ) -> Generator[Computed, None, None]:
    """Every part, in any order."""
    return tables(extraction, work)


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
  engine: Engine | None = None,
) -> Summary:
  """Computes features and writes them; see the module.

  Args:
    find: gives the pictures; what is wrong with them is told beside what else is.
    settings: which features, from what, and how.
    output: a folder, see `folder.write`, or a `.parquet` file, see `feature_table`; of
      a shard the `.parquet` folder of all.
    progress: show a bar.
    shard: which part of the pictures; None: all.
    engine: what computes; None: this process.
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
    engine = engine or Engine()
    divided = [inputs.part(part) for part in engine.ranges(rows)]
    work = Work(settings, of, dict(enumerate(divided)), len(inputs.sources), progress)
    kept, from_cache = _compute(engine, extraction, work, done)
    every = done.read(len(divided))
    if to_table:
      failed = feature_table.write(output, every, of)
    else:
      failed = folder.write(output, every, of, len(rows), inputs.root)
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
  extraction: extractor.Extractor, work: Work
) -> Generator[Computed, None, None]:
  """Rows of some parts of the pictures: what every engine computes with.

  The values of a picture depend on the settings and on how many pictures there are in
  all, not on the part it is in or on who computes it.

  Args:
    extraction: computes the features.
    work: see there; a part is begun when the one before is done.
  Yields:
    Each part, in order.
  """
  sources = (
    (part.sources, [images.name_of(source) for source in part.sources])
    for part in work.parts.values()
  )
  extracted = extraction.run_each_as(
    work.settings,
    sources,
    work.number,
    work.progress,
    total=work.total,
    done=work.done,
  )
  with contextlib.closing(extracted):
    for (part, inputs), values in zip(work.parts.items(), extracted, strict=True):
      rows = feature_table.table(inputs.names(), values, work.of)
      yield Computed(part, rows, int(values.stats["from_cache"]))


def _compute(
  engine: Engine, extraction: extractor.Extractor, work: Work, done: parts.Parts
) -> tuple[int, int]:
  """Has every part done; returns how many pictures were, and the cache had."""
  made_of = {
    part: done.made_of(inputs.sources, inputs.names())
    for part, inputs in work.parts.items()
  }
  lacking = {p: i for p, i in work.parts.items() if not done.has(p, made_of[p])}
  total, lacked = (
    sum(len(inputs.sources) for inputs in some.values())
    for some in (work.parts, lacking)
  )
  kept, from_cache = total - lacked, 0
  work = work._replace(
    parts=lacking, total=total, done=kept, kept=done, made_of=made_of
  )
  with contextlib.closing(engine.compute(extraction, work)) as computed:
    for part, rows, count in computed:
      if rows is not None:
        done.keep(part, rows, made_of[part])
      from_cache += count
  return kept, from_cache
