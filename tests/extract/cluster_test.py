"""The same bytes from a cluster that loses a machine; and what is told."""

import contextlib
import http.server
import io
import pathlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

import helpers
import numpy as np
import pytest
import ray.cluster_utils
from conftest import Host
from PIL import Image

from emojax import config
from emojax.extract import cluster, extractor, inputs, stream
from emojax.utils import errors

# Ray's own processes are forked and become another program at once; JAX, which other
# tests have started by then, warns of every fork.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

SETTINGS = config.ExtractConfig(
  ("color", "lbp"), cache_dir="", extract_batch=2, workers=2
)
PICTURES, PART = 12, 2


class _Gate(Host):
  """Serves pictures; those after the first two wait until the gate is open."""

  opened = threading.Event()
  waiting: ClassVar[set[int]] = set()  # parts whose pictures were asked for

  def do_GET(self):
    number = int(re.findall(r"\d+", self.path)[0])
    if number >= PART and not self.opened.is_set():
      self.waiting.add(number // PART)
      self.opened.wait(100)
    super().do_GET()


@pytest.fixture(scope="module")
def pictures() -> Iterator[list[str]]:
  """Addresses of pictures of noise, and of one that is none."""
  rng = np.random.default_rng(0)
  _Gate.files, _Gate.ranges = {}, []
  for number in range(PICTURES):
    content = io.BytesIO()
    rgb = rng.integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(rgb).save(content, "PNG")
    _Gate.files[f"/{number:02d}.png"] = content.getvalue()
  _Gate.files["/05.png"] = b"no picture"
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gate)
  threading.Thread(target=server.serve_forever, args=(0.01,)).start()
  yield [f"http://127.0.0.1:{server.server_address[1]}{name}" for name in _Gate.files]
  _Gate.opened.set()
  server.shutdown()
  server.server_close()


@pytest.fixture(scope="module")
def nodes():
  """Two machines of a core each, on this one; the second may go."""
  of_each = {"num_cpus": 1, "object_store_memory": 80_000_000}
  # A machine that says nothing for a second is gone.
  quick = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 250,
    "health_check_failure_threshold": 4,
  }
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    both = ray.cluster_utils.Cluster(
      True, head_node_args=of_each | {"_system_config": quick}
    )
    second = both.add_node(**of_each)
    yield both, second
    both.shutdown()


def _extract(pictures: list[str], output: pathlib.Path, engine=None) -> bytes:
  find = lambda: inputs.of_texts(pictures)  # noqa: E731
  done = stream.extract(find, SETTINGS, output, engine=engine)
  assert done[1:5] == (PICTURES, 1, 0, 0)
  return output.read_bytes()


@pytest.mark.slow
def test_a_cluster_that_loses_a_machine_gives_the_same_bytes(
  nodes, pictures, tmp_path, monkeypatch, capfd
):
  both, second = nodes
  monkeypatch.setattr(
    extractor, "ranges", lambda rows, _=0: [rows[i : i + PART] for i in rows[::PART]]
  )
  losses = []

  def lose() -> None:
    while len(_Gate.waiting) < 2:  # until both machines are at a part
      if _Gate.opened.wait(0.1):
        return
    both.remove_node(second, allow_graceful=False)
    losses.append(len(_Gate.waiting))
    _Gate.opened.set()

  thread = threading.Thread(target=lose)
  thread.start()
  with cluster.connected(both.address) as engine:
    assert engine.actors == cluster.Actors(2, 1, 0)
    computed = _extract(pictures, tmp_path / "cluster.parquet", engine)
  thread.join()
  assert losses == [2]
  assert computed == _extract(pictures, tmp_path / "alone.parquet")
  assert len(capfd.readouterr().err.splitlines()) < 40


@contextlib.contextmanager
def _listening(answer: bytes | None) -> Iterator[int]:
  """A port where somebody answers that is no Ray; None: nobody does."""
  with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
    if answer is None:
      server.close()
      yield port
      return

    def serve() -> None:
      connection, _ = server.accept()
      with connection:
        connection.recv(100)
        connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield port
    thread.join()


@pytest.mark.parametrize(
  ("answer", "message"),
  [
    (None, "nobody answers (Connection refused)"),
    (b"", "what answers is no Ray"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers is no Ray"),
  ],
)
def test_an_address_without_ray_is_told(answer, message):
  with _listening(answer) as port, pytest.raises(errors.UserError) as error:
    cluster.connected(f"127.0.0.1:{port}").__enter__()
  assert f"--ray=127.0.0.1:{port}" in str(error.value) and message in str(error.value)
  assert "expected HOST:PORT of a cluster that `ray start --head`" in str(error.value)


def test_one_who_says_nothing_is_not_waited_for(monkeypatch):
  monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.05)
  with (
    socket.create_server(("127.0.0.1", 0)) as server,
    pytest.raises(errors.UserError, match=r"nobody answers .timed out"),
  ):
    cluster.check_answers(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
  "address", ["here", ":1", "h:", "h:x", "h:٣", "ray://h:1", "127.0.0.1:70000", "\0:1"]
)
def test_what_is_no_address_is_told(address):
  with pytest.raises(errors.UserError, match=r"--ray=.*expected HOST:PORT") as error:
    cluster.check_answers(address)
  assert "\n" not in str(error.value)


def test_without_ray_the_package_is_named(monkeypatch):
  monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
  with pytest.raises(errors.UserError, match=r'pip install "emojax\[ray\]"$'):
    cluster.connected(cluster.ANY).__enter__()


def test_the_program_says_in_one_line_that_nobody_answers(tmp_path):
  with _listening(None) as port:
    started = time.monotonic()
    flag = f"--ray=127.0.0.1:{port}"
    images = [f"--images={tmp_path}", f"--output={tmp_path / 'f.parquet'}"]
    done = helpers.run("-m", "emojax.extract", flag, *images)
  assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
  assert f"error: {flag}: nobody answers" in done.stderr
  assert time.monotonic() - started < 120  # Ray itself looks for a minute and more


@pytest.mark.parametrize(
  ("nodes", "most", "expected"),
  [
    ([{"CPU": 1.0}, {"CPU": 1.0}], 0, (2, 1, 0)),
    ([{"CPU": 64.0}, {"CPU": 20.0}, {}], 0, (10, 8, 0)),
    ([{"CPU": 4.0}, {"CPU": 16.0}], 0, (5, 4, 0)),
    ([{"CPU": 4.0}], 30, (30, 4, 0)),
    ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}, {"GPU": 1.0}], 0, (3, 1, 1)),
  ],
)
def test_actors_fit_the_machines(nodes, most, expected):
  assert cluster.pool(nodes, most) == cluster.Actors(*expected)


def test_a_cluster_of_nothing_is_told():
  with pytest.raises(errors.UserError, match="no core and no GPU"):
    cluster.pool([{"memory": 1e9}, {"CPU": 0.5}], 0)


def _results(actor: cluster.Actor, pictures: inputs.Inputs) -> list[dict]:
  return actor(cluster._block(0, pictures)).to_pylist()


def test_what_an_actor_cannot_do_is_handed_back(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  of = extractor.from_config(SETTINGS)
  described = of.describe()
  schema = stream.feature_table.schema(described, {}, {"number": 1}, {})
  here = inputs.Inputs(["gone.png"])
  arguments = (schema.serialize().to_pybytes(), 1)
  (result,) = _results(cluster.Actor(SETTINGS, *arguments, str(tmp_path), 0), here)
  assert not result["error"]
  (result,) = _results(cluster.Actor(SETTINGS, *arguments, "/no/folder", 0), here)
  assert "no folder /no/folder (No such file or directory): start" in result["error"]
  described[0]["version"] += 1
  other = stream.feature_table.schema(described, {}, {"number": 1}, {})
  actor = cluster.Actor(SETTINGS, other.serialize().to_pybytes(), 1, str(tmp_path), 0)
  (result,) = _results(actor, here)
  assert "color would be made otherwise (version" in result["error"]
