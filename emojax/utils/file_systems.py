"""What kind of file system a folder lies on, as Linux tells it.

In: a folder. Out: the kind, such as "ext4" or "nfs4", and whether other machines may
write there at the same time.
"""

import pathlib
import re

_MOUNTS = pathlib.Path("/proc/self/mountinfo")

# Shared by machines, or served by another program: there locks and shared memory, both
# of which databases need, work between some processes only, or only as configured.
_SHARED = frozenset(
  (
    *("nfs", "nfs4", "afs", "coda", "ceph", "glusterfs", "ocfs2", "gfs2"),
    *("cifs", "smb3", "smbfs", "ncpfs"),  # shares of Windows and Samba
    *("lustre", "gpfs", "beegfs", "pvfs2", "orangefs", "panfs", "wekafs", "pmxcfs"),
    # What a virtual machine sees of its host (9p: also Windows' disks in WSL). The host
    # and other machines may write there, and shared memory is not shared with them.
    *("9p", "virtiofs", "vboxsf", "prl_fs", "vmhgfs"),
  )
)
# FUSE: sshfs, s3fs, gcsfuse, rclone, JuiceFS and any other program. Most reach to other
# machines, and new ones come, so all count but the root of containers without root.
_FUSE = re.compile(r"fuse\.(?!fuse-overlayfs$).+")
_ESCAPE = re.compile(r"\\([0-7]{3})")  # of blanks and backslashes in mountinfo


def kind(folder: pathlib.Path) -> str:
  """The file system's name that a folder lies on, or will; "" where it is not told.

  Linux tells it; macOS and Windows do not.
  """
  try:
    mounts = _MOUNTS.read_text(errors="surrogateescape")
  except OSError:
    return ""
  return kind_of(folder.resolve(), mounts)


def kind_of(folder: pathlib.Path, mounts: str) -> str:
  """`kind` of a resolved folder by the text of a mountinfo file (man 5 proc)."""
  longest, name = -1, ""
  for line in mounts.splitlines():
    place, _, system = line.partition(" - ")
    if len(fields := place.split(" ")) < 5 or not system:
      continue
    point = pathlib.Path(_ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4]))
    # Of two at one place, such as an automounter and what it mounted, the later counts.
    if len(point.parts) >= longest and folder.is_relative_to(point):
      longest, name = len(point.parts), system.split(" ")[0]
  return name


def is_shared(name: str) -> bool:
  """Whether other machines may write to a kind of file system; unknown ones: no."""
  return name in _SHARED or bool(_FUSE.fullmatch(name))
