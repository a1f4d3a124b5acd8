"""What a run says of itself while it trains: JSON lines and TensorBoard events.

In: the errors of one epoch, one entry per network. Out: a line in `metrics.jsonl` and
events that TensorBoard draws as curves.
"""

import json
import math
import pathlib
import time
from collections.abc import Mapping, Sequence

from emojax.train.networks import Network
from emojax.utils import files

_VERSION = "brain.Event:2"  # of TensorBoard's files


class Journal:
  """Appends one line an epoch; a resumed run goes on where its state was saved.

  Args:
    metrics: the JSON-lines file.
    events: folder of TensorBoard events.
    networks: the K axis of the errors.
    epoch: the epoch that was finished last; lines after it are dropped, because a
      killed run may have written more lines than its last checkpoint knows of.
  Raises:
    OSError: the files cannot be written.
  """

  def __init__(
    self,
    metrics: pathlib.Path,
    events: pathlib.Path,
    networks: Sequence[Network],
    epoch: int,
  ):
    # Here and not at the head: it imports PyTorch wherever that is installed, which
    # would make every --help wait for seconds.
    from tensorboardX import event_file_writer
    from tensorboardX.proto import event_pb2

    lines = _lines_up_to(metrics, epoch)
    files.write(metrics, "".join(lines))  # whole: a kill here loses no line
    self._path = metrics
    self._file = metrics.open("a", encoding="utf-8")
    self._networks = networks
    self._events = events
    # Not its SummaryWriter, which writes on a thread: on a full disk that dies with a
    # traceback, and the training waits for it for ever.
    with files.explained(events):
      events.mkdir(parents=True, exist_ok=True)
      self._writer = event_file_writer.EventsWriter(str(events / "events"))
      if epoch:  # what an earlier run drew behind it is not drawn any more
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        step = epoch + 1
        self._writer.write_event(event_pb2.Event(step=step, file_version=_VERSION))
        self._writer.write_event(event_pb2.Event(step=step, session_log=start))

  def write(
    self, epoch: int, seconds: float, errors: Mapping[str, Sequence[float]]
  ) -> None:
    """Notes one epoch.

    Args:
      epoch: counted from 1.
      seconds: time the epoch took.
      errors: named lists of K mean square errors, such as `train` and `validation`.
    """
    line: dict = {"epoch": epoch, "seconds": round(seconds, 4)}
    for name, values in errors.items():
      line[f"{name}_mse"] = self._by_target(values)
      for target, folds in line[f"{name}_mse"].items():
        mean = sum(folds.values()) / len(folds)
        self._draw(f"{target}/{name}_mse", mean, epoch)
        for group, value in folds.items():
          self._draw(f"{target}_{group}/{name}_mse", value, epoch)
    with files.explained(self._path):
      self._file.write(files.json_line(line))

  def flush(self) -> None:
    """Hands what was noted to the disk."""
    with files.explained(self._path):
      self._file.flush()
    with files.explained(self._events):
      self._writer.flush()

  def close(self) -> None:
    with files.explained(self._path):
      self._file.close()
    with files.explained(self._events):
      self._writer.close()

  def _draw(self, tag: str, value: float, epoch: int) -> None:
    """A point of a curve."""
    from tensorboardX import summary
    from tensorboardX.proto import event_pb2

    event = event_pb2.Event(
      step=epoch, wall_time=time.time(), summary=summary.scalar(tag, value)
    )
    with files.explained(self._events):
      self._writer.write_event(event)

  def _label(self, network: Network) -> str:
    """A network's target; with several sources or seeds, those before it."""
    parts = [
      network.source if any(net.source for net in self._networks) else "",
      f"seed{network.seed}" if len({net.seed for net in self._networks}) > 1 else "",
      "+".join(network.targets),
    ]
    return "/".join(part for part in parts if part)

  def _by_target(self, values: Sequence[float]) -> dict[str, dict[str, float]]:
    """Mean over the ensemble, as {target: {g1: error}}; a shared head has one entry."""
    sums: dict[str, dict[str, list[float]]] = {}
    for network, value in zip(self._networks, values, strict=True):
      target = self._label(network)
      groups = sums.setdefault(target, {})
      groups.setdefault(f"g{network.fold + 1}", []).append(float(value))
    return {
      target: {g: _rounded(sum(v) / len(v)) for g, v in groups.items()}
      for target, groups in sums.items()
    }


def _rounded(value: float) -> float:
  """Six significant digits: more would be noise, fewer would hide slow learning."""
  return value if not math.isfinite(value) else float(f"{value:.6g}")


def _lines_up_to(metrics: pathlib.Path, epoch: int) -> list[str]:
  """The whole lines of a JSON-lines file whose epoch is not after the given one."""
  if not metrics.exists() or epoch == 0:
    return []
  lines = []
  for line in metrics.read_text("utf-8").splitlines(keepends=True):
    try:
      if line.endswith("\n") and json.loads(line)["epoch"] <= epoch:
        lines.append(line)
    except ValueError:  # the line a kill cut short
      break
  return lines
