"""The same bytes from a cluster, also one that loses a machine; and what is told."""

import pathlib
import socket
import threading
import time

import numpy as np
import pytest
import ray
import ray.cluster_utils
from PIL import Image

from emojax import config
from emojax.extract import cluster, extractor, inputs, stream
from emojax.utils import errors

SETTINGS = config.ExtractConfig(("color", "lbp"), cache_dir="", extract_batch=2)
STORE_BYTES = 80_000_000


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> pathlib.Path:
  """39 pictures of noise, and one that is none."""
  folder = tmp_path_factory.mktemp("pictures")
  rng = np.random.default_rng(0)
  for number in range(39):
    rgb = rng.integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(rgb).save(folder / f"{number:02d}.png")
  (folder / "05b.png").write_bytes(b"no picture")
  return folder


@pytest.fixture(scope="module")
def nodes(monkeypatch_module):
  """Two machines of a core each, on this one; the second may go."""
  for name in ("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_USAGE_STATS_ENABLED"):
    monkeypatch_module.setenv(name, "0")
  of_each = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
  both = ray.cluster_utils.Cluster(True, head_node_args=of_each)
  second = both.add_node(**of_each)
  yield both, second
  both.shutdown()


@pytest.fixture(scope="module")
def monkeypatch_module():
  with pytest.MonkeyPatch.context() as patch:
    yield patch


def _extract(folder, output, engine=None) -> bytes:
  done = stream.extract(
    lambda: inputs.of_folder(folder), SETTINGS, output, engine=engine
  )
  assert done[1:5] == (40, 1, 0, 0)
  return output.read_bytes()


@pytest.mark.slow
def test_a_cluster_that_loses_a_machine_gives_the_same_bytes(
  nodes, pictures, tmp_path, monkeypatch
):
  alone = _extract(pictures, tmp_path / "alone.parquet")
  both, second = nodes
  monkeypatch.setattr(
    extractor, "ranges", lambda rows, _=0: [rows[i : i + 2] for i in rows[::2]]
  )
  with cluster.connected(both.address) as engine:
    assert engine.actors == cluster.Actors(2, 1, 0)
    assert _extract(pictures, tmp_path / "two.parquet", engine) == alone
    compute = engine.compute
    parts = []

    def losing(*arguments):
      for computed in compute(*arguments):
        parts.append(computed.part)
        if len(parts) == 5:
          both.remove_node(second, allow_graceful=False)
        yield computed

    engine.compute = losing
    assert _extract(pictures, tmp_path / "one.parquet", engine) == alone
    assert sorted(parts) == list(range(20))
