"""Fetching, resuming and checking published files, from a server on this machine."""

import hashlib
import json

import pytest

from emojax.utils.downloads import DownloadError, Published, fetch

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 8000  # about 2 MB: more than one read
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FILE = Published(
  name="net-12345678.pth",
  address="",
  mebibytes=round(len(CONTENT) / 2**20, 3),
  digest=f"sha256:{DIGEST[:8]}",
  starts=(b"PK\x03\x04",),
)


@pytest.fixture
def host(host):
  host.content = CONTENT
  return host


def test_whole_file(tmp_path, host):
  path = fetch(FILE, tmp_path, host.address)
  assert path == tmp_path / FILE.name
  assert path.read_bytes() == CONTENT
  assert [entry.name for entry in tmp_path.iterdir()] == [FILE.name]
  fetch(FILE, tmp_path, host.address)  # is there: nothing is asked for
  assert host.ranges == [None]


def test_download_goes_on_where_it_stopped(tmp_path, host):
  host.limit = 700_000
  with pytest.raises(DownloadError, match="run this again to go on"):
    fetch(FILE, tmp_path, host.address)
  part = tmp_path / (FILE.name + ".part")
  assert part.read_bytes() == CONTENT[:700_000]
  host.limit = None
  assert fetch(FILE, tmp_path, host.address).read_bytes() == CONTENT
  assert host.ranges == [None, "bytes=700000-"]
  assert not part.exists()


def test_host_that_cannot_resume_starts_again(tmp_path, host):
  host.resumes = False
  (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT[:1000])
  assert fetch(FILE, tmp_path, host.address).read_bytes() == CONTENT


def test_part_that_is_whole_already(tmp_path, host):
  (tmp_path / (FILE.name + ".part")).write_bytes(CONTENT)
  assert fetch(FILE, tmp_path, host.address).read_bytes() == CONTENT
  assert host.ranges == [f"bytes={len(CONTENT)}-"]


def test_web_page_is_refused_before_it_is_stored(tmp_path, host):
  host.content = b"<!DOCTYPE html><html>Please sign in</html>"
  with pytest.raises(DownloadError, match="a web page came instead"):
    fetch(FILE, tmp_path, host.address)
  assert not list(tmp_path.iterdir())


def test_wrong_size_is_refused_before_it_is_fetched(tmp_path, host):
  host.content = CONTENT + bytes(5000)
  with pytest.raises(DownloadError, match=r"has 1\.958 MiB, net-12345678\.pth has"):
    fetch(FILE, tmp_path, host.address)
  assert not list(tmp_path.iterdir())


def test_wrong_digest_is_refused_and_not_kept(tmp_path, host):
  host.content = CONTENT[:-1] + b"x"
  with pytest.raises(DownloadError, match=f"expected {DIGEST[:8]}"):
    fetch(FILE, tmp_path, host.address)
  assert not list(tmp_path.iterdir())


def test_damaged_part_is_not_gone_on_from_twice(tmp_path, host):
  (tmp_path / (FILE.name + ".part")).write_bytes(b"PK\x03\x04" + bytes(1000))
  with pytest.raises(DownloadError, match="expected"):
    fetch(FILE, tmp_path, host.address)
  assert fetch(FILE, tmp_path, host.address).read_bytes() == CONTENT


def test_absent_file_and_absent_host(tmp_path, host):
  host.status = 404
  with pytest.raises(DownloadError, match="answered 404"):
    fetch(FILE, tmp_path, host.address)
  with pytest.raises(DownloadError, match=r"no host of net-12345678\.pth is known"):
    fetch(FILE, tmp_path)
  with pytest.raises(DownloadError, match="cannot be fetched"):
    fetch(FILE, tmp_path, "http://127.0.0.1:9")  # the discard port, where none listens


def test_file_placed_by_hand_is_checked_too(tmp_path):
  path = tmp_path / FILE.name
  path.write_bytes(CONTENT)
  assert fetch(FILE, tmp_path) == path
  path.write_bytes(CONTENT[:-1] + b"x")
  with pytest.raises(DownloadError, match="delete it and run this again"):
    fetch(FILE, tmp_path)
  path.write_bytes(CONTENT[:50_000])
  with pytest.raises(DownloadError, match=r"has 0\.048 MiB"):
    fetch(FILE, tmp_path)
  assert path.exists()  # it is the user's


def test_unknown_digest_is_recorded_at_first_sight(tmp_path, host, capsys):
  unknown = Published(name="list.txt", address="")
  host.content = b"first"
  fetch(unknown, tmp_path, host.address)
  digests = json.loads((tmp_path / "digests.json").read_text(encoding="utf-8"))
  assert digests == {"list.txt": hashlib.sha256(b"first").hexdigest()}
  assert "no digest is published; recorded" in capsys.readouterr().out
  (tmp_path / "list.txt").unlink()
  host.content = b"other"
  with pytest.raises(DownloadError, match="expected"):
    fetch(unknown, tmp_path, host.address)
