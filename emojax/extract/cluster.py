"""The same extraction on many machines, as a Ray Data pipeline.

In: the address of a Ray cluster, and parts of the pictures. Out: their tables, in the
order in which they are done. Actors load the networks once, one per GPU, or where there
are none one per group of cores, and compute part after part with what a single process
computes with. Where a machine goes, others do again what it had begun.
"""

import contextlib
import dataclasses
import importlib.util
import logging
import os
import pickle
import platform
import socket
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from emojax.config import ExtractConfig
from emojax.extract import devices, extractor, stream, worker
from emojax.utils import errors, progress, runtime, signals

ANY = "auto"  # the cluster that this machine is in, or else one of this machine alone
_CORES = 8  # of an actor; more do not help what goes through one by one
_CONNECT_SECONDS = 5.0
# The beginning of HTTP/2, which Ray's servers speak, and the kind of their first frame.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_FRAME_BYTES, _KIND_AT, _SETTINGS = 9, 3, 4


@dataclasses.dataclass(frozen=True)
class Actors:
  """The pool that computes.

  Attributes:
    most: how many there may be; it begins with one.
    cores: of each.
    gpus: of each, 0 or 1.
  """

  most: int
  cores: int
  gpus: int


class Cluster(stream.Engine):
  """Computes on the Ray cluster to which this process is connected.

  Args:
    actors: see there.
  """

  def __init__(self, actors: Actors):
    self.actors = actors

  def ranges(self, rows: range) -> list[range]:
    return extractor.ranges(
      rows, devices.usual_batch("gpu" if self.actors.gpus else "cpu")
    )

  def compute(
    self, extraction: extractor.Extractor, work: stream.Work
  ) -> Generator[stream.Computed, None, None]:
    import ray.data

    del extraction  # each actor has its own
    if not work.parts:
      return
    blocks = [_block(part, inputs) for part, inputs in work.parts.items()]
    results = ray.data.from_arrow(blocks).map_batches(
      Actor,
      fn_constructor_args=(
        work.settings,
        work.of.serialize().to_pybytes(),
        work.number,
        os.getcwd(),
        0 if self.actors.gpus else self.actors.cores,
      ),
      batch_size=None,
      batch_format="pyarrow",
      # A pool of a fixed size waits for ever for what a lost machine had.
      concurrency=(1, self.actors.most),
      num_cpus=self.actors.cores,
      num_gpus=self.actors.gpus,
    )
    with progress.bar(work.total, "picture", work.progress, done=work.done) as bar:
      batches: Iterable[Any] = results.iter_batches(
        batch_size=None, batch_format="pyarrow", prefetch_batches=0
      )
      for row in (row for batch in batches for row in batch.to_pylist()):
        if row["error"]:
          raise errors.UserError(f"on {row['machine']}: {row['error']}")
        rows = pa.ipc.open_stream(row["rows"]).read_all()
        yield stream.Computed(row["part"], rows.cast(work.of), row["from_cache"])
        bar.update(len(rows))


class Actor:
  """What one process of the cluster does.

  A user's mistake is handed back as a text: Ray would wrap it into its own reports, and
  start the actor again.

  Args:
    settings: how to extract.
    of: the schema of the tables, as Arrow writes it.
    number: of pictures in all.
    folder: where the program was started, to which names of files are relative.
    cores: on how many to compute; 0: an accelerator computes.
  """

  def __init__(
    self, settings: ExtractConfig, of: bytes, number: int, folder: str, cores: int
  ):
    if cores:
      os.environ["NPROC"] = str(cores)  # read by XLA when it first computes
    self._error = ""
    try:
      worker.enter(folder)
      runtime.start(settings.cache_dir)
      self._worker = worker.Worker(settings, of, number)
    except (ValueError, OSError) as error:
      self._error = errors.told(error)

  def __call__(self, block: pa.Table) -> pa.Table:
    """The parts of a block, computed."""
    results = [self._result(row["part"], row["inputs"]) for row in block.to_pylist()]
    return pa.Table.from_pylist(results, schema=_RESULT)

  def _result(self, part: int, inputs: bytes) -> dict[str, Any]:
    result = {"part": part, "machine": platform.node(), "error": self._error}
    if self._error:
      return result
    try:
      table, from_cache = self._worker.compute(part, inputs)
    except (ValueError, OSError) as error:
      return result | {"error": errors.told(error)}
    content = pa.BufferOutputStream()
    with pa.ipc.new_stream(content, table.schema) as writer:
      writer.write_table(table)
    rows = content.getvalue().to_pybytes()
    return result | {"rows": rows, "from_cache": from_cache}


_RESULT = pa.schema(
  {
    "part": pa.int64(),
    "machine": pa.string(),
    "error": pa.string(),
    "rows": pa.large_binary(),
    "from_cache": pa.int64(),
  }
)


def _block(part: int, inputs: Any) -> pa.Table:
  """A part as a table of one row; Ray has a table done by one actor."""
  content = pa.array([pickle.dumps(inputs)], pa.large_binary())
  return pa.table({"part": [part], "inputs": content})


@contextlib.contextmanager
def connected(address: str, most: int = 0) -> Iterator[Cluster]:
  """A Ray cluster, for as long as the block lasts.

  Args:
    address: HOST:PORT, or see `ANY`.
    most: how many actors there may be; 0: as many as the cluster has room for now.
  Raises:
    UserError: Ray is not installed; nobody answers; the cluster has no core.
  """
  if importlib.util.find_spec("ray") is None:
    raise errors.UserError('--ray needs Ray: pip install "emojax[ray]"')
  address = address if address != ANY else os.environ.get("RAY_ADDRESS", "")
  if address not in ("", ANY, "local"):
    check_answers(address)
  # Nothing is reported to Ray's makers, and its servers' logs stay in their files.
  os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
  os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
  with warnings.catch_warnings():
    # Of what Ray will do in its next versions.
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"ray\.")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
    import ray
    import ray.data

    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
      with signals.kept():
        ray.init(
          address or None,
          logging_level=logging.ERROR,
          log_to_driver=False,
        )
    except (OSError, RuntimeError, ValueError) as error:
      reason = " ".join(str(error).split())
      raise errors.UserError(f"--ray: cannot join the cluster: {reason}") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
      alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
      yield Cluster(pool(alive, most))
    finally:
      ray.shutdown()


def check_answers(address: str) -> None:
  """Refuses an address where no Ray is: Ray itself would look for it for a minute.

  Raises:
    UserError: what was expected and what is there.
  """
  advice = "expected HOST:PORT of a cluster that `ray start --head` began"
  host, _, port = address.rpartition(":")
  host = host.strip("[]")  # around an IPv6 address
  if not host or "/" in address or not (port.isascii() and port.isdigit()):
    raise errors.UserError(f"--ray={address} is no address: {advice}")
  try:
    with socket.create_connection((host, int(port)), _CONNECT_SECONDS) as connection:
      connection.sendall(_HELLO)
      answer = connection.recv(_FRAME_BYTES)
  except (OSError, OverflowError, UnicodeError) as error:
    reason = getattr(error, "strerror", None) or str(error)
    raise errors.UserError(
      f"--ray={address}: nobody answers ({reason}); {advice}"
    ) from (error)
  if len(answer) < _FRAME_BYTES or answer[_KIND_AT] != _SETTINGS:
    raise errors.UserError(f"--ray={address}: what answers is no Ray; {advice}")


def pool(nodes: Sequence[Mapping[str, float]], most: int) -> Actors:
  """The actors that some machines have room for.

  Args:
    nodes: what each machine has, such as {"CPU": 8, "GPU": 1}.
    most: how many there may be; 0: as many as there is room for.
  Raises:
    UserError: for none.
  """
  gpus = sum(int(node.get("GPU", 0)) for node in nodes)
  if gpus:
    return Actors(most or gpus, 1, 1)
  cores = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
  if not cores:
    raise errors.UserError("the Ray cluster has no core and no GPU to compute on")
  group = min(_CORES, *cores)
  return Actors(most or sum(number // group for number in cores), group, 0)
