"""CGnA10766: the paper's own pictures, rated for valence and arousal on 1..9.

Source: the paper (`paper.CITATION`) and Figshare article 5383105. What the article's
files are called besides the two label files, and how its archives are laid out, is not
known here for certain, so both are searched for.

In: a folder with `valence_avg_10766_v2.txt`, `arousal_avg_10766_v2.txt` (one number a
line) and the pictures, below it in any folder or in .zip files, which are unpacked
beside themselves. Line i belongs to the i-th picture in the order of the whole numbers
that the pictures are called by: 2.jpg comes before 10.jpg, gaps do not matter, and a
picture whose name is no number (there is one stray pic.jpg) is left out. Out: a
`Collection`. The set gives no spread and no number of raters.
"""

import hashlib
import json
import pathlib
import shutil
import urllib.error
import urllib.request
import zipfile
from typing import Any

from emojax import images, paper
from emojax.config import SCALE
from emojax.datasets.va_emotion import collection, ratings
from emojax.utils import downloads, terminal

ARTICLE = "https://api.figshare.com/v2/articles/5383105"
LABELS = {
  "valence": "valence_avg_10766_v2.txt",
  "arousal": "arousal_avg_10766_v2.txt",
}
INSTRUCTIONS = (
  "va_emotion/cgna10766 needs the paper's pictures and ratings: add --download to "
  "fetch them from Figshare (article 5383105), or fetch the article's files by hand "
  "into one folder and name it with --manual_dir."
)
_TIMEOUT_SECONDS = 60
_LISTED = 3  # how many culprits an error lists


def load(
  manual_dir: str, download_dir: pathlib.Path, download: bool
) -> collection.Collection:
  """The paper's rated pictures.

  Args:
    manual_dir: the folder described above; empty: `download_dir`.
    download_dir: where downloads live.
    download: fetch what is not in the folder.
  Returns:
    A `Collection`.
  Raises:
    RatingsError: files are missing, or do not fit together.
    DownloadError: they cannot be fetched.
    OSError: the folder cannot be written.
  """
  folder = pathlib.Path(manual_dir).expanduser() if manual_dir else download_dir
  if download:
    fetch_article(folder)
  if not folder.is_dir():
    came = f"there is no folder {folder}" if manual_dir else "neither is given"
    raise ratings.RatingsError(f"{INSTRUCTIONS} Now {came}.")
  unpack(folder)
  tables = {target: _only_file(folder, name) for target, name in LABELS.items()}
  numbered, strays = _images(folder)
  labels = {target: _numbers(path) for target, path in tables.items()}
  counts = [len(numbered), *(len(values) for values in labels.values())]
  if len(set(counts)) > 1:
    raise ratings.RatingsError(
      f"{folder} has {counts[0]} pictures whose names are numbers, but {counts[1]} "
      f"ratings in {LABELS['valence']} and {counts[2]} in {LABELS['arousal']}: they "
      "must be equal in number, because line i belongs to picture i. Was an archive "
      "not unpacked to its end?"
    )
  rated = [
    ratings.Rated(
      path.relative_to(folder).as_posix(),
      {target: ratings.Rating(labels[target][row]) for target in LABELS},
    )
    for row, path in enumerate(numbered)
  ]
  return collection.from_files(
    "cgna10766",
    dict.fromkeys(LABELS, SCALE),
    rated,
    tables["valence"],
    folder,
    collection.files_of(folder),
    skip_missing=False,
    settings={"rating_scale": [*SCALE], "not_numbered": strays},
    disclaimer=_note(len(rated)),
  )


def fetch_article(folder: pathlib.Path, article: str = ARTICLE) -> None:
  """Downloads the files of a Figshare article that a folder lacks; goes on if cut off.

  Args:
    folder: made when absent.
    article: address of the article's description in Figshare's interface, version 2.
  Raises:
    DownloadError: the host does not answer, or what comes is not what it describes.
    OSError: the folder cannot be written.
  """
  folder.mkdir(parents=True, exist_ok=True)
  described = _describe(article, folder)
  if licence := described.get("license", {}).get("name"):
    terminal.say(f"CGnA10766 from Figshare, licence: {licence}")
  for file in described["files"]:
    digest = file.get("computed_md5") or file.get("supplied_md5") or ""
    downloads.fetch(
      downloads.Published(
        name=pathlib.PurePosixPath(file["name"]).name,
        address=file["download_url"],
        mebibytes=file["size"] / 2**20,
        digest=f"md5:{digest}" if digest else "",
      ),
      folder,
    )


def unpack(folder: pathlib.Path) -> None:
  """Unpacks the .zip files of a folder beside themselves, each whole or not at all.

  Raises:
    RatingsError: a file is no .zip, or is damaged.
    OSError: the folder cannot be written.
  """
  for archive in sorted(folder.glob("*.zip")):
    place, part = archive.with_suffix(""), archive.with_suffix(".unpacking")
    if place.exists():
      continue
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed
    try:
      with zipfile.ZipFile(archive) as file:
        file.extractall(part)  # keeps names inside the folder
    except (zipfile.BadZipFile, EOFError) as error:
      raise ratings.RatingsError(
        f"{archive} cannot be unpacked ({error}): delete it and fetch it again"
      ) from error
    part.rename(place)


def _describe(article: str, folder: pathlib.Path) -> dict[str, Any]:
  """What Figshare says of an article, with its `files`."""
  by_hand = f"fetch its files by hand into {folder} and leave --download out"
  try:
    with urllib.request.urlopen(article, timeout=_TIMEOUT_SECONDS) as answer:
      described = json.load(answer)
    for file in described["files"]:
      file["name"], file["download_url"], file["size"] + 0
  except (ValueError, KeyError, TypeError) as error:
    raise downloads.DownloadError(
      f"{article} does not describe an article with files ({error!r}); {by_hand}"
    ) from error
  except OSError as error:
    if isinstance(error, urllib.error.HTTPError):
      error.close()
    reason = getattr(error, "reason", error)
    raise downloads.DownloadError(
      f"{article} cannot be fetched ({reason}); try again, or {by_hand}"
    ) from error
  return described


def _only_file(folder: pathlib.Path, name: str) -> pathlib.Path:
  """The one file of a name below a folder; equal copies count as one."""
  copies = [path for path in sorted(folder.rglob(name)) if not _is_junk(path, folder)]
  if not copies:
    raise ratings.RatingsError(f"expected {name} in {folder} or below. {INSTRUCTIONS}")
  if len({hashlib.sha256(path.read_bytes()).digest() for path in copies}) > 1:
    places = ", ".join(str(path) for path in copies[:_LISTED])
    raise ratings.RatingsError(f"several different {name}: {places}; keep one")
  return copies[0]


def _images(folder: pathlib.Path) -> tuple[list[pathlib.Path], int]:
  """Pictures named by whole numbers, in their order, and how many others there are."""
  by_number: dict[int, pathlib.Path] = {}
  strays = 0
  for path in images.walk(folder):
    if _is_junk(path, folder):
      continue
    if not (path.stem.isascii() and path.stem.isdigit()):
      strays += 1
      continue
    other = by_number.setdefault(int(path.stem), path)
    if other is not path:
      raise ratings.RatingsError(
        f"two pictures have the number {int(path.stem)}: {other} and {path}; keep one"
      )
  return [by_number[number] for number in sorted(by_number)], strays


def _is_junk(path: pathlib.Path, folder: pathlib.Path) -> bool:
  """Whether a file is what archives and systems leave: hidden, or below __MACOSX."""
  parts = path.relative_to(folder).parts
  return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _numbers(path: pathlib.Path) -> list[float]:
  """The ratings of a label file, one a line; blank lines only at its end."""
  lines = path.read_text("utf-8-sig", errors="replace").splitlines()
  while lines and not lines[-1].strip():
    lines.pop()
  low, high = SCALE
  values = []
  for number, line in enumerate(lines, start=1):
    try:
      value = float(line)
    except ValueError:
      value = float("nan")
    if not low <= value <= high:
      raise ratings.RatingsError(
        f"{path}, line {number}: expected a rating between {low:g} and {high:g}, got "
        f"{line.strip()[:40]!r}"
      )
    values.append(value)
  return values


def _note(number: int) -> str:
  if number == paper.NUM_IMAGES:
    return ""
  return (
    f"These are {number} pictures, not the {paper.NUM_IMAGES:,} of CGnA10766: the "
    "paper's figures are for all of them."
  )
