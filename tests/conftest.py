"""Strict JAX settings, two pretend CPU devices, and where the shared test data is."""

import functools
import gc
import http.server
import os
import pathlib
import threading
import time

import helpers

# Before the first import of JAX: pmap is tested on two pretend devices.
os.environ["XLA_FLAGS"] = helpers.xla_flags(2)

import hypothesis
import jax
import pytest

# Tracing makes very many objects and hardly any garbage: to look for that every 700
# objects took a fifth of the time.
gc.set_threshold(20_000)

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# A busy machine is no fault of the code: time decides no test.
hypothesis.settings.register_profile(
  "emojax",
  deadline=None,
  suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("emojax")


_KEPT_DAYS = 7  # programs of a week ago are hardly those of today's code


def pytest_configure(config):
  """Lets go of programs that were compiled long ago; one process does, for all."""
  if "PYTEST_XDIST_WORKER" not in os.environ:
    oldest = time.time() - 24 * 3600 * _KEPT_DAYS
    for path in _compiled(config).iterdir():
      if path.stat().st_mtime < oldest:
        path.unlink(missing_ok=True)


def _compiled(config) -> pathlib.Path:
  return config.cache.mkdir("compiled")


@pytest.fixture(scope="session", autouse=True)
def compiled_programs(pytestconfig):
  """Tests that build the same program compile it once, in whatever process, and again
  only where it has changed or after `pytest --cache-clear`."""
  folder = str(_compiled(pytestconfig))
  jax.config.update("jax_compilation_cache_dir", folder)
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("JAX_COMPILATION_CACHE_DIR", folder)
    yield


@pytest.fixture(scope="session", autouse=True)
def own_folder(tmp_path_factory):
  """The user's own folder of weights is an empty one, here and in other processes."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
  """Looks for garbage until there is none: pytest would five times, whatever it finds.

  What is left is then not looked through again; it is all that was imported.
  """
  while gc.collect():
    pass
  gc.freeze()


@pytest.fixture(scope="session")
def at_home(tmp_path_factory) -> dict[str, str]:
  """Variables of a reader's home, the same for all tests, also of other workers.

  A user's own Python program, too, finds what the pages' commands have compiled.
  """
  base = tmp_path_factory.getbasetemp()
  home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "home"
  home.mkdir(exist_ok=True)
  return {"HOME": str(home), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
  """The folder of real pictures, weights and reference numbers.

  `EMOJAX_TEST_DATA`, or `../shared/data` beside the checkout. Without it the test is
  skipped with a reason on a user's machine, and fails where `CI=true`.
  """
  root = pathlib.Path(__file__).resolve().parents[1]
  default = root.parent / "shared" / "data"
  folder = pathlib.Path(os.environ.get("EMOJAX_TEST_DATA", default))
  if not folder.is_dir():
    helpers.lacking(
      f"no test data at {folder}: set EMOJAX_TEST_DATA to the folder that holds "
      "oasis/, gist_reference/ and the network weights"
    )
  return folder


class Host(http.server.BaseHTTPRequestHandler):
  """Serves `content`, or of `files` the one whose path was asked for.

  Breaks off after `limit` bytes; may refuse to resume.
  """

  content = b""
  files: dict[str, bytes] | None = None
  limit: int | None = None
  resumes = True
  status = 200
  ranges: list  # the ranges asked for

  def do_GET(self):
    self.ranges.append(self.headers.get("Range"))
    start = 0
    content = self.content
    if self.files is not None:
      content = self.files.get(self.path, b"")
      if not content:
        self.send_error(404)
        return
    if self.status != 200:
      self.send_error(self.status)
      return
    if self.resumes and self.headers.get("Range"):
      start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
      if start >= len(content):
        self.send_error(416)
        return
      self.send_response(206)
      whole = len(content)
      self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
    else:
      self.send_response(200)
    data = content[start:]
    self.send_header("Content-Length", str(len(data)))
    self.end_headers()
    self.wfile.write(data if self.limit is None else data[: self.limit])

  def log_message(self, *args):
    del args


@pytest.fixture
def host():
  """A server on loopback; its handler's attributes say how it behaves."""
  handler = type("OwnHost", (Host,), {"ranges": []})
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
  thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
  thread.start()
  handler.address = f"http://127.0.0.1:{server.server_address[1]}/files"
  yield handler
  server.shutdown()
  thread.join()
  server.server_close()
