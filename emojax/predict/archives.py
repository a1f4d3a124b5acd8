"""Archives of runs as ZIP files: packed so that the same members give the same bytes.

In: named contents, or a file that may be from strangers. Out: the file, or its members,
each whole and as it was packed. How much they unpack to is bounded before unpacking.
"""

import io
import pathlib
import zipfile
from collections.abc import Mapping

from emojax.backbones import tensor_files
from emojax.utils import checksums, files

_DATE = (1980, 1, 1, 0, 0, 0)  # of members: the same run gives the same bytes
# Members unpack to this much at most, and so many times the file's size besides:
# parameters hardly shrink, a few megabytes of zeros unpack to gigabytes.
_MOST_BYTES, _MOST_RATIO = 100_000_000, 8


def write(path: pathlib.Path, members: Mapping[str, bytes]) -> None:
  """Writes an archive, and in it the digests of its members.

  Raises:
    OSError: it cannot be written.
  """
  sums = checksums.text(path.parent, (), members).encode()
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in {**members, checksums.FILE_NAME: sums}.items():
      archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
  files.write(path, buffer.getbuffer())


def read(path: pathlib.Path) -> dict[str, bytes]:
  """The members of an archive: name -> content.

  Raises:
    ValueError: it is no such archive, unpacks to too much, is encrypted or damaged.
    OSError: it cannot be read.
  """
  if not path.is_file():
    raise ValueError("it is no regular file")
  most = _MOST_BYTES + _MOST_RATIO * path.stat().st_size
  try:
    with zipfile.ZipFile(path) as archive:
      entries = archive.infolist()
      total = sum(entry.file_size for entry in entries)
      if total > most:
        raise ValueError(
          f"it would unpack to {total / 1e6:,.0f} MB, and one of its size to at most "
          f"{most / 1e6:,.0f}"
        )
      if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("two of its members have the same name")
      members = {
        entry.filename: tensor_files.member(archive, entry.filename, most)
        for entry in entries
      }
  except tensor_files.ArchiveError as error:
    raise ValueError(f"it {error}") from error
  except (ValueError, OSError):
    raise
  # What damaged archives make zipfile and zlib raise is not documented.
  except Exception as error:
    raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error
  if checksums.FILE_NAME in members:
    checksums.check_contents(members.pop(checksums.FILE_NAME), members)
  return members
