"""What was stored is what is read: digests of a folder's files, kept beside them.

In: a folder's files when they are written, and again when they are read. Out: a file
`SHA256SUMS` in the form of coreutils, so that `sha256sum -c` checks a copy too; later
nothing, or an error that names the file. A folder without it, as older versions left,
is taken as it is.
"""

import hashlib
import pathlib
import re
from collections.abc import Iterable, Mapping

from emojax.utils import errors, files

FILE_NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


class DamageError(errors.UserError):
  """A stored file is not what was written; the message says which and what to do."""


def text(
  folder: pathlib.Path,
  paths: Iterable[pathlib.Path],
  later: Mapping[str, str | bytes] | None = None,
) -> str:
  """Contents of the `SHA256SUMS` of a folder.

  Args:
    folder: where it will lie.
    paths: files below the folder, and folders that stand for every file below them;
      what is not there is left out.
    later: files that will be written after it: name -> content.
  """
  every = [path for top in paths for path in (top, *top.rglob("*")) if path.is_file()]
  digests = {path.relative_to(folder).as_posix(): _digest(path) for path in every}
  for name, content in (later or {}).items():
    data = content.encode() if isinstance(content, str) else content
    digests[name] = hashlib.sha256(data).hexdigest()
  return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def check(folder: pathlib.Path, advice: str, names: Iterable[str] = ()) -> None:
  """Refuses a folder in which a file is lacking or is not the one that was written.

  Args:
    folder: where `SHA256SUMS` is, or is not.
    advice: what to do about a damaged file, such as "copy the run again".
    names: the files to check, where `SHA256SUMS` names them; none: all that it names.
  Raises:
    DamageError: names the first such file.
  """
  sums = folder / FILE_NAME
  listed = _read(sums, advice)
  for name in names or listed:
    if name not in listed:
      continue
    path = folder / name
    try:
      if not path.is_file():
        raise DamageError(f"{path} is missing: {advice}")
      differs = _digest(path) != listed[name]
    except OSError as error:
      raise DamageError(
        f"{path} cannot be read ({error.strerror or error}): {advice}"
      ) from error
    if differs:
      raise DamageError(
        f"{path} is damaged: it is not the file that was written, whose SHA-256 is in "
        f"{sums}. {advice[0].upper()}{advice[1:]}; if you changed it yourself, delete "
        "its line there"
      )


def check_contents(sums: bytes, contents: Mapping[str, bytes]) -> None:
  """Refuses contents that are not those of a `SHA256SUMS`.

  Args:
    sums: its bytes.
    contents: name -> bytes, of all that it names and of nothing else.
  Raises:
    ValueError: names the first that is lacking or is another.
  """
  listed = _parsed(sums.decode())
  for name in sorted(listed.keys() | contents.keys()):
    if name not in contents:
      raise ValueError(f"{name!r} is missing")
    if hashlib.sha256(contents[name]).hexdigest() != listed.get(name):
      raise ValueError(f"{name!r} is not what was written")


def _read(sums: pathlib.Path, advice: str) -> dict[str, str]:
  """Name -> hex digest; empty where there is no such file."""
  if not sums.exists():
    return {}
  try:
    return _parsed(files.read_text(sums))
  except (OSError, ValueError) as error:
    raise DamageError(f"{sums} is damaged ({error}): {advice}") from error


def _parsed(text: str) -> dict[str, str]:
  """Name -> hex digest."""
  matches = [_LINE.fullmatch(line) for line in text.splitlines()]
  listed = {match[2]: match[1] for match in matches if match}
  # Names lead to files, so none may lead out of the folder.
  paths = [pathlib.PurePosixPath(name) for name in listed]
  if not matches or not all(matches) or any(p.root or ".." in p.parts for p in paths):
    raise ValueError("it has other lines than digests and names")
  return listed


def _digest(path: pathlib.Path) -> str:
  with path.open("rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()
