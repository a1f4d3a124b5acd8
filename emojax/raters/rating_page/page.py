"""`python -m emojax.raters page`: one HTML file on which people rate pictures.

In: a folder of pictures. Out: a page that shows a worker one picture at a time beside
the previous one and the values given to it (the paper's Section III), and hands in CSV
rows `worker,image,valence,arousal,seconds,shown_at` as a download or by a crowd
platform's form post; and a listing with one row per picture file.

The page loads nothing: pictures, figures, style and script are part of it, and its
content security policy forbids the rest. With `--base_url` only pictures are loaded.
"""

import base64
import hashlib
import json
import pathlib
import urllib.parse
from collections.abc import Sequence

import jinja2
import markupsafe
from absl import flags

from emojax import images as images_lib
from emojax.raters.config import RatingPageConfig
from emojax.raters.rating_page import manikins
from emojax.raters.rating_page import pictures as rating_pictures
from emojax.utils import cli, errors, files, options, terminal

_NAME = "emojax.raters page"
_ABOUT = (
  "Makes one HTML file on which people rate the valence and arousal (1..9) of "
  "pictures: one picture at a time, in random order, beside the previous one and its "
  "values. It keeps every answer in the worker's browser and hands in a CSV file. "
  "Beside the page lies a listing with one row per picture; the exit status is 1 when "
  "some cannot be shown."
)
_FOLDER = pathlib.Path(__file__).parent
_TEMPLATES = jinja2.Environment(
  loader=jinja2.PackageLoader("emojax.raters.rating_page", ""),
  autoescape=True,
  trim_blocks=True,
  lstrip_blocks=True,
  undefined=jinja2.StrictUndefined,
)
# Browsers hold the pictures as one text; Chromium's longest has 2^29 characters. They
# need seconds for a tenth of that.
_MOST_BYTES, _MANY_BYTES = 400_000_000, 50_000_000


def page(images: Sequence[rating_pictures.Image], settings: RatingPageConfig) -> str:
  """The page.

  Args:
    images: what there is to rate; each worker gets at most `settings.most` of them.
    settings: texts, limits, and where ratings and pictures go and come from.
  Returns:
    HTML that needs nothing else.
  Raises:
    UserError: there is no picture, or a setting is not what it should be.
  """
  check(settings)
  if not images:
    raise errors.UserError("there is no picture to rate")
  style = _part("page.css")
  script = _part("page.js")
  scales = [
    (
      "valence",
      "Unpleasant or pleasant?",
      manikins.VALENCE_WORDS,
      manikins.valence,
    ),
    (
      "arousal",
      "Calm or excited?",
      manikins.AROUSAL_WORDS,
      manikins.arousal,
    ),
  ]
  return _TEMPLATES.get_template("page.html").render(
    settings=settings,
    instructions=_paragraphs(settings.instructions),
    warning=_paragraphs(settings.warning),
    closing=_paragraphs(settings.closing),
    number=min(settings.most, len(images)),
    scales=[
      {
        "name": name,
        "question": question,
        "steps": list(zip(manikins.LEVELS, words, strict=True)),
        "figures": [markupsafe.Markup(draw(level)) for level in manikins.LEVELS],
      }
      for name, question, words, draw in scales
    ],
    view_box=manikins.VIEW_BOX,
    policy=_policy(settings, style, script),
    style=markupsafe.Markup(style),
    script=markupsafe.Markup(script),
    data=markupsafe.Markup(_data(images, settings)),
  )


def check(settings: RatingPageConfig) -> None:
  """Refuses settings of which no page can be made.

  Raises:
    UserError: names the flag, what it should be, and what it is.
  """
  options.check(settings)
  if not settings.worker_parameter:
    raise errors.UserError(
      "--worker_parameter should be a name such as workerId, not empty"
    )
  for name in ("post_url", "base_url"):
    address = getattr(settings, name)
    if address and not _is_web(address):
      raise errors.UserError(
        f"--{name} should be an address such as https://example.org/path, "
        f"got {address!r}"
      )
  if "?" in settings.base_url or "#" in settings.base_url:
    raise errors.UserError(
      f"--base_url should be a folder's address without ? and #: {settings.base_url!r}"
    )


def define_flags() -> None:
  """Defines the command's flags."""
  flags.DEFINE_string("images_dir", "", "Folder of pictures, searched with subfolders.")
  flags.DEFINE_string(
    "output",
    "rating.html",
    "HTML file to write. The listing lies beside it, named like it with -pictures.csv.",
  )
  flags.DEFINE_string(
    "only",
    "",
    "Text file with the names of the pictures to show, one a line, as kept.txt of "
    "candidates; empty: all in the folder.",
  )
  options.define(RatingPageConfig, _NAME)


def main(arguments: list[str]) -> int | None:
  """The program; see the module."""
  del arguments
  flag_values = flags.FLAGS
  if not flag_values.images_dir:
    raise errors.UserError(
      "--images_dir=PICTURES is needed: the folder of pictures to rate"
    )
  output = _output(flag_values.output)
  listing = output.with_name(f"{output.stem}-pictures.csv")
  for path in (output, listing):
    files.check_writable(path)
  folder = pathlib.Path(flag_values.images_dir).expanduser()
  settings = options.read(RatingPageConfig())
  check(settings)
  rows: list[rating_pictures.Row] = []
  images: list[rating_pictures.Image] = []
  size = 0
  only = _names(flag_values.only) if flag_values.only else None
  for row, image in rating_pictures.collect(folder, settings, True, only):
    rows.append(row)
    if image:
      images.append(image)
      size += len(image.source)
    if size > _MOST_BYTES:
      raise errors.UserError(
        f"after {len(images)} pictures the page is {size / 1e6:.0f} MB, more than "
        "browsers open: use fewer pictures or a smaller --side_px, or put the pictures "
        "on a server and give its address as --base_url"
      )
  if not rows:
    raise errors.UserError(f"there is no picture in {flag_values.images_dir}")
  files.write(listing, _listing(rows))
  if not images:
    raise errors.UserError(
      f"none of the {len(rows)} pictures in {flag_values.images_dir} can be shown; "
      f"{listing} has the reasons"
    )
  text = page(images, settings)
  files.write(output, text)
  left_out = images_lib.passed_over([folder]) if only is None else ""
  if left_out:
    terminal.tell(f"{_NAME}: {left_out}")
  return _tell(rows, images, settings, output, listing)


def _tell(
  rows: Sequence[rating_pictures.Row],
  images: Sequence[rating_pictures.Image],
  settings: RatingPageConfig,
  output: pathlib.Path,
  listing: pathlib.Path,
) -> int:
  """Says what was made and what could not be used; returns the exit status."""
  size = output.stat().st_size
  number = min(len(images), settings.most)
  terminal.say(f"page: {output} ({size / 1e6:.1f} MB)")
  terminal.say(
    f"pictures: {len(images)}, of which each worker rates {number}; {listing}"
  )
  if size > _MANY_BYTES:
    terminal.tell(
      f"{_NAME}: a page of {size / 1e6:.0f} MB is slow to open; --base_url keeps the "
      "pictures on a server instead",
    )
  failed = [row for row in rows if row.status != "ok"]
  if not failed:
    return 0
  for row in failed[:5]:
    terminal.tell(f"{_NAME}: {row.path}: {row.reason}")
  terminal.tell(
    f"{_NAME}: {len(failed)} of {len(rows)} pictures cannot be shown and were left "
    f"out; {listing} has the reasons",
  )
  return 1


def _names(name: str) -> list[str]:
  """The pictures that a text file lists, one a line."""
  path = pathlib.Path(name).expanduser()
  try:
    lines = path.read_text("utf-8-sig").splitlines()
  except UnicodeDecodeError:
    raise errors.UserError(f"--only={path} is no text file in UTF-8") from None
  names = [line.strip() for line in lines if line.strip()]
  if not names:
    raise errors.UserError(f"--only={path} lists no picture: expected one name a line")
  outside = [name for name in names if pathlib.PurePosixPath(name).is_absolute()]
  outside += [name for name in names if ".." in pathlib.PurePosixPath(name).parts]
  if outside:
    raise errors.UserError(
      f"--only={path} lists {outside[0]!r}: expected names below --images_dir"
    )
  return names


def _output(name: str) -> pathlib.Path:
  """The file to write, refused before the work and not after it."""
  path = pathlib.Path(name).expanduser()
  if path.suffix.lower() not in (".html", ".htm"):
    raise errors.UserError(f"--output should end in .html, got {name!r}")
  if not path.absolute().parent.is_dir():
    raise errors.UserError(f"cannot write {name}: there is no folder {path.parent}")
  if path.is_dir():
    raise errors.UserError(f"cannot write {name}: it is a folder")
  return path


def _listing(rows: Sequence[rating_pictures.Row]) -> str:
  cells = [(row.path, row.status, row.reason) for row in rows]
  return files.csv_text([("path", "status", "reason"), *cells])


def _data(images: Sequence[rating_pictures.Image], settings: RatingPageConfig) -> str:
  """What the script needs, as JSON that no picture's name can break out of."""
  # Answers are kept under this: other texts keep them, other pictures do not.
  identity = [[p.name, p.digest] for p in images]
  digest = hashlib.sha256(
    json.dumps([identity, settings.most], allow_nan=False).encode()
  ).hexdigest()
  content = {
    "digest": digest[:16],
    "most": settings.most,
    "workerParameter": settings.worker_parameter,
    "postFields": list(settings.post_fields) if settings.post_url else [],
    "pictures": [[p.name, p.source, p.width, p.height] for p in images],
  }
  return json.dumps(content, separators=(",", ":"), allow_nan=False).replace(
    "<", "\\u003c"
  )


def _policy(settings: RatingPageConfig, style: str, script: str) -> str:
  """The content security policy: this style, this script, these pictures, no more."""
  images = "data:"
  if settings.base_url:
    images += f" {_origin(settings.base_url)}"
  action = "'none'"
  if settings.post_url:
    action = _origin(settings.post_url)
    host = urllib.parse.urlsplit(settings.post_url).hostname or ""
    # Platforms answer a post with a redirect to a sister host, which Chromium holds
    # against the policy too.
    if host.count(".") >= 2 and not host.replace(".", "").isdigit():
      action += f" https://*.{host.partition('.')[2]}"
  return (
    f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
    f"img-src {images}; form-action {action}; base-uri 'none'"
  )


def _hash(text: str) -> str:
  return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> str:
  """A file that lies beside this one."""
  return (_FOLDER / name).read_text("utf-8")


def _is_web(address: str) -> bool:
  """Whether an address is one on the web, of characters that a policy may hold."""
  try:
    parts = urllib.parse.urlsplit(address)
    _ = parts.port
  except ValueError:
    return False
  return (
    parts.scheme in ("http", "https")
    and bool(parts.hostname)
    and not parts.username
    and all(33 <= ord(char) < 127 and char not in "\"'<>;,\\" for char in parts.netloc)
  )


def _origin(address: str) -> str:
  """Scheme, host and port of an address."""
  parts = urllib.parse.urlsplit(address)
  return f"{parts.scheme}://{parts.netloc}"


def _paragraphs(text: str) -> list[str]:
  parts = text.replace("\r\n", "\n").split("\n\n")
  return [part.strip() for part in parts if part.strip()]


COMMAND = cli.Command(
  _ABOUT,
  define_flags,
  main,
  (RatingPageConfig,),
  example="--images_dir=PICTURES --output=rating.html",
)
