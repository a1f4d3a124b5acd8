"""What emojax measures of its own speed: the parts of `python -m emojax.bench`.

In: how much to measure. Out: figures, each beside a peer or a limit measured in the
same run: the machine's matrix peak, a well-kept library, PyTorch where it is installed.
"""

from emojax.bench import (
  decoding,
  extraction,
  low_level,
  memory,
  networks,
  prediction,
  training,
)
from emojax.bench.measure import Figure, Size

__all__ = ["PARTS", "Figure", "Size"]

PARTS = {
  "train": training.bench_train,
  "lbp": low_level.bench_lbp,
  "gist": low_level.bench_gist,
  "color": low_level.bench_color,
  "networks": networks.bench_networks,
  "memory": memory.bench_memory,
  "decode": decoding.bench_decode,
  "extract": extraction.bench_extract,
  "predict": prediction.bench_predict,
}
