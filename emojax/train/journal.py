"""What a run says of itself while it trains: JSON lines and TensorBoard events.

In: the errors of one epoch, one entry per network. Out: a line in `metrics.jsonl` and
events that TensorBoard draws as curves.
"""

import json
import math
import pathlib
from collections.abc import Mapping, Sequence

from emojax.train import trainer
from emojax.utils import files


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
    networks: Sequence[trainer.Network],
    epoch: int,
  ):
    # Here and not at the head: it imports PyTorch wherever that is installed, which
    # would make every --help wait for seconds.
    from tensorboardX import SummaryWriter

    lines = _lines_up_to(metrics, epoch)
    self._file = metrics.open("w", encoding="utf-8")
    self._file.writelines(lines)
    self._file.flush()
    self._networks = networks
    self._writer = SummaryWriter(
      str(events), purge_step=epoch + 1 if epoch else None, flush_secs=10
    )

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
        self._writer.add_scalar(f"{target}/{name}_mse", mean, epoch)
        for group, value in folds.items():
          self._writer.add_scalar(f"{target}_{group}/{name}_mse", value, epoch)
    self._file.write(files.json_line(line))

  def flush(self) -> None:
    """Hands what was noted to the disk."""
    self._file.flush()

  def close(self) -> None:
    self._file.close()
    self._writer.close()

  def _label(self, network: trainer.Network) -> str:
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
