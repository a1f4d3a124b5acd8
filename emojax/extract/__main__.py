"""`python -m emojax.extract`: a folder of pictures to feature files, without ratings.

In: a folder of pictures. Out: a folder with `rows.csv` (one row per picture: path,
status, reason), one `<feature>.npy` of shape (N, size) per feature in the same order,
NaN where the picture failed, and `features.json`, written last: what the numbers are;
or all of it as one Parquet file. Stopped at any moment and started again, it goes on
from what is already computed to the same files. Memory does not grow with the number of
pictures, but for their names.
"""

import contextlib
import functools
import pathlib
import time
from typing import TYPE_CHECKING

from absl import flags

from emojax import config
from emojax.utils import cli, errors, options, terminal

if TYPE_CHECKING:  # JAX is imported in `main`, so that --help answers at once
  from emojax.extract import stream

_NAME = "emojax.extract"
_ABOUT = (
  "Computes features of every picture below a folder. Broken pictures get a row that "
  "says why; features already computed are taken from the cache."
)


def define_flags() -> None:
  """Defines the program's flags; not on import, so that programs can be imported."""
  flags.DEFINE_string("images_dir", "", "Folder of pictures; subfolders too.")
  meaning = (
    f"Instead of --images_dir: {config.IMAGES_MEANING}. Each picture has one row. "
    "Given several times: all of them, in this order."
  )
  flags.DEFINE_multi_string("images", None, meaning)
  flags.FLAGS["images"].help = meaning  # absl adds a line of its own
  flags.DEFINE_string(
    "output",
    "",
    "Folder for results, made when absent; or a file .parquet, a table with a column "
    "per feature.",
  )
  flags.DEFINE_string(
    "shard",
    "",
    "Which part of the pictures this process computes, such as 3/64, counted from 1: "
    "the third of 64. --output=NAME.parquet is then a folder with a file for each, and "
    "every shard is given the same pictures and settings.",
  )
  flags.DEFINE_list(
    "merge",
    "",
    "Instead of pictures: the folder of all shards, or their files, to be checked and "
    "written as one --output.",
  )
  options.define_optional(
    "ray",
    "auto",
    "Computes on a Ray cluster, to the same bytes: --ray on the one that this machine "
    "is in, or else on one of this machine alone; --ray=HOST:PORT on that one. Every "
    "machine sees the pictures under the same names, and has the same emojax.",
    _NAME,
  )
  flags.DEFINE_integer(
    "ray_actors",
    0,
    "With --ray, how many actors there may be; a cluster that grows by itself grows "
    "for so many. 0: of the machines that there are one per GPU, or without any one "
    "per 8 cores.",
    lower_bound=0,
  )
  options.define(config.ExtractConfig, _NAME)


def main(arguments: list[str]) -> int:
  """The program; see the module."""
  del arguments  # there are none
  # Here and not at the head: JAX takes a second to import, and --help need not wait.
  import jax

  from emojax.extract import cluster, inputs, shards, stream
  from emojax.utils import runtime

  values = flags.FLAGS
  given = [values.images_dir, values.images, values.merge]
  if sum(map(bool, given)) != 1 or not values.output:
    raise errors.UserError(
      "--images_dir=FOLDER and --output=FOLDER are needed; instead of the first, "
      "--images=... or --merge=SHARDS"
    )
  if values.merge and (values.shard or values.ray):
    unused = "shard" if values.shard else "ray"
    raise errors.UserError(f"--merge computes nothing: leave --{unused} out")
  if values.ray_actors and not values.ray:
    raise errors.UserError("--ray_actors is for --ray, which is not given")
  output = pathlib.Path(values.output).expanduser()
  if values.merge:
    paths = [pathlib.Path(name).expanduser() for name in values.merge]
    number, failed = shards.merge(paths, output)
    terminal.say(f"{number} pictures, {failed} of them failed, in {output}")
    return 0
  shard = shards.parsed(values.shard) if values.shard else None
  find = functools.partial(inputs.of_texts, values.images)
  if values.images_dir:
    folder = pathlib.Path(values.images_dir).expanduser()
    find = functools.partial(inputs.of_folder, folder)
  settings = options.read(config.ExtractConfig())
  started = time.perf_counter()
  with contextlib.ExitStack() as stack:
    engine = stream.Engine()
    if values.ray:
      # Accelerators are for the actors: this process only says what they are to do.
      jax.config.update("jax_platforms", "cpu")
      connection = cluster.connected(values.ray, values.ray_actors)
      engine = stack.enter_context(connection)
    runtime.start(settings.cache_dir)
    done = stream.extract(find, settings, output, True, shard, engine)
  return _report(done, time.perf_counter() - started)


def _report(done: "stream.Summary", seconds: float) -> int:
  """Says what became of the pictures; returns the exit status."""
  from emojax.utils import runtime

  kept = f", {done.kept} from an earlier start" if done.kept else ""
  terminal.say(
    f"{done.number} pictures{kept}, {done.from_cache} from the cache, {seconds:.1f} s, "
    f"{runtime.peak_memory_mb() / 1000:.1f} GB at most; {len(done.features)} features "
    f"in {done.output}"
  )
  if done.left_out:
    terminal.tell(f"{_NAME}: {done.left_out}")
  if done.failed:
    where = done.output / "rows.csv" if done.output.is_dir() else done.output
    terminal.say(f"{done.failed} of {done.number} pictures failed: see {where}")
    return 1
  return 0


if __name__ == "__main__":
  define_flags()
  cli.run(
    main,
    _NAME,
    _ABOUT,
    settings=(config.ExtractConfig,),
    interrupted="stopped; the same command goes on from what is already computed",
    example="--images_dir=PICTURES --features=color,gist,lbp --output=FEATURES",
  )
