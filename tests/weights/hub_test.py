"""Files of the Hugging Face hub: fetched through its package, or placed by hand."""

import functools
import hashlib
import http.server
import importlib.util
import os
import pathlib
import threading

import helpers
import pytest

from emojax.utils import downloads
from emojax.weights import hub, published

CONTENT = b"\x10" + bytes(range(256)) * 40
COMMIT = "0123456789abcdef" * 2 + "01234567"
FILE = hub.HubFile(
  name="model.safetensors",
  address="https://the.hub/owner/net/tree/0123456",
  digest=f"sha256:{hashlib.sha256(CONTENT).hexdigest()}",
  model="owner/net",
  revision="0123456",
)


def error_of(*arguments) -> str:
  """The message of the error that fetching gives; always one line."""
  with pytest.raises(downloads.DownloadError) as caught:
    hub.fetch(*arguments)
  assert "\n" not in str(caught.value)
  return str(caught.value)


def place(folder, content: bytes = CONTENT):
  path = folder / "net" / FILE.name
  path.parent.mkdir()
  path.write_bytes(content)
  return path


@pytest.fixture
def no_package(monkeypatch):
  find = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    "find_spec",
    lambda name, *rest: None if name == "huggingface_hub" else find(name, *rest),
  )


def test_a_file_placed_by_hand_needs_no_package(tmp_path, no_package):
  path = place(tmp_path)
  assert hub.fetch(FILE, tmp_path) == path


def test_another_file_placed_by_hand_is_refused(tmp_path, no_package):
  place(tmp_path, CONTENT[:-1] + b"\0")
  assert "damaged or not the published file" in error_of(FILE, tmp_path)


def test_without_the_package_it_is_named(tmp_path, no_package):
  error = error_of(FILE, tmp_path)
  assert "install it with `pip install huggingface_hub`, or put model.safetensors" in (
    error
  )
  assert f"of {FILE.address} into {tmp_path / 'net'} and run this again" in error


def test_a_mirror_has_a_folder_of_the_models_name(tmp_path, no_package, host):
  host.files = {"/files/net/model.safetensors": CONTENT}
  path = hub.fetch(FILE, tmp_path, host.address)
  assert path == tmp_path / "net" / FILE.name and path.read_bytes() == CONTENT


class Hub(http.server.BaseHTTPRequestHandler):
  """Answers as the hub does for one file of one commit, by its first digits too."""

  content = CONTENT

  def do_HEAD(self):
    if self.path != "/owner/net/resolve/0123456/model.safetensors":
      self.send_error(404)
      return
    self.send_response(200)
    self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
    self.send_header("X-Repo-Commit", COMMIT)
    self.send_header("Content-Length", str(len(self.content)))
    self.end_headers()

  def do_GET(self):
    self.do_HEAD()
    self.wfile.write(self.content)

  def log_message(self, *args):
    del args


@pytest.fixture
def hub_host():
  """The address of a hub on loopback."""
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
  thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
  thread.start()
  yield f"http://127.0.0.1:{server.server_address[1]}"
  server.shutdown()
  thread.join()
  server.server_close()


def fetched(folder, endpoint: str, **environment):
  """A process that fetches: the package reads its host when it is imported."""
  package = importlib.util.find_spec("huggingface_hub")
  if package is None:
    helpers.lacking("no package huggingface_hub: pip install huggingface_hub")
  program = (
    "import pathlib\n"
    "from emojax.weights.hub import HubFile, fetch\n"
    f"print(fetch({FILE!r}, pathlib.Path({str(folder)!r})))\n"
  )
  paths = [str(helpers.ROOT), str(pathlib.Path(package.origin).parents[1])]
  return helpers.run(
    *("-c", program),
    PYTHONPATH=os.pathsep.join(paths),
    HF_ENDPOINT=endpoint,
    HF_HOME=folder / "cache",
    HF_TOKEN=None,
    **environment,
  )


def test_the_package_fetches_from_the_hub(tmp_path, hub_host):
  done = fetched(tmp_path, hub_host)
  path = tmp_path / "net" / FILE.name
  assert done.stdout == f"{path}\n", done.stderr
  assert path.read_bytes() == CONTENT


def test_a_hub_out_of_reach_is_one_line(tmp_path, hub_host):
  """Switched off, as where the network is; and without the file."""
  for endpoint, offline in ((hub_host, "1"), (f"{hub_host}/nowhere", None)):
    done = fetched(tmp_path, endpoint, HF_HUB_OFFLINE=offline)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert "model.safetensors of owner/net cannot be fetched from the hub (" in message
    assert f"or put model.safetensors of {FILE.address} into {tmp_path}" in message


def test_files_are_pinned():
  """By commit, whole or its first seven digits, and by digest."""
  files = [file for file in published.FILES.values() if isinstance(file, hub.HubFile)]
  assert len(files) == 4
  for file in files:
    assert len(file.revision) in (7, 40) and int(file.revision, 16)
    assert file.revision in file.address and file.model in file.address
    assert len(file.digest) == len("sha256:") + 64
