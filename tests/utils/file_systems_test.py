"""Which file system a folder is on: by the longest mount point above it."""

import pathlib

import pytest

from emojax.utils import file_systems

_MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 27 0:40 / /home rw,relatime shared:2 master:1 - autofs systemd-1 rw,fd=29
41 40 0:41 / /home rw,relatime shared:3 - nfs4 server:/home rw,vers=4.2
42 27 0:42 / /mnt/two\040words rw - fuse.sshfs me@there: rw
43 41 0:43 / /home/me/local rw - xfs /dev/vdb rw
a line of another kind
"""


@pytest.mark.parametrize(
  ("folder", "kind"),
  [
    ("/", "ext4"),
    ("/tmp/x", "ext4"),
    ("/homes", "ext4"),
    ("/home/me/.cache/emojax", "nfs4"),
    ("/home/me/local/cache", "xfs"),
    ("/mnt/two words/x", "fuse.sshfs"),
  ],
)
def test_the_longest_mount_point_counts(folder, kind):
  assert file_systems.kind_of(pathlib.Path(folder), _MOUNTS) == kind


def test_what_cannot_be_told_is_empty(tmp_path, monkeypatch):
  assert file_systems.kind_of(tmp_path, "") == ""
  monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "absent")  # as on macOS
  assert file_systems.kind(tmp_path) == ""


def test_a_link_is_followed(tmp_path, monkeypatch):
  (tmp_path / "there").mkdir()
  (tmp_path / "link").symlink_to(tmp_path / "there")
  mounts = tmp_path / "mountinfo"
  mounts.write_text(f"1 1 0:1 / {tmp_path}/there rw - lustre a b\n")
  monkeypatch.setattr(file_systems, "_MOUNTS", mounts)
  assert file_systems.kind(tmp_path / "link" / "new") == "lustre"


@pytest.mark.parametrize(
  ("kind", "is_shared"),
  [
    *((name, True) for name in ("nfs", "smb3", "gpfs", "virtiofs", "9p", "fuse.any")),
    *((name, False) for name in ("ext4", "overlay", "tmpfs", "fuseblk", "fuse", "")),
    ("fuse.fuse-overlayfs", False),
  ],
)
def test_kinds_that_other_machines_write_to(kind, is_shared):
  assert file_systems.is_shared(kind) == is_shared
