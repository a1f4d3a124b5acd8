"""Pages of the documentation site that are made when it is built (a hook of MkDocs).

In: the programs with their flags, and files that are kept elsewhere in the checkout
because people look for them there. Out: pages of the site; none of them is in git.
"""

import html
import json
import pathlib
import posixpath
import re
import subprocess
import sys
import tempfile
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = pathlib.Path(__file__).resolve().parents[1]
_PROGRAMS = "reference/programs"
# Files of the checkout -> their pages. Links between them are links between the pages.
_PAGES = {
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "README.md": "index.md",
  "SECURITY.md": "security.md",
  "data/README.md": "reference/data.md",
  "emojax/backbones/README.md": "reference/backbones.md",
  "emojax/datasets/va_emotion/README.md": "reference/va-emotion.md",
  "emojax/features/README.md": "reference/feature-functions.md",
  "emojax/predict/released/README.md": "reference/released-predictor.md",
}
_TITLES = {"emojax/datasets/va_emotion/README.md": "The dataset va_emotion"}
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_programs: list[dict[str, Any]] = []  # asked once for a build


def on_config(config: MkDocsConfig) -> MkDocsConfig:
  """Asks the programs what they are, and lists their pages in the navigation."""
  done = subprocess.run(
    [sys.executable, ROOT / "scripts" / "list_programs"], capture_output=True, text=True
  )
  if done.returncode:
    raise PluginError(f"scripts/list_programs failed: {done.stderr}")
  _programs[:] = json.loads(done.stdout)
  (section,) = (
    item
    for entry in config.nav
    for items in entry.values()
    if isinstance(items, list)
    for item in items
    if isinstance(item, dict) and "Programs" in item
  )
  pages = [{p["name"]: f"{_PROGRAMS}/{_short(p)}.md"} for p in _programs]
  section["Programs"] = [f"{_PROGRAMS}/index.md", *pages]
  return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
  """Adds the pages that are made here."""
  texts = {f"{_PROGRAMS}/index.md": _index()}
  texts |= {f"{_PROGRAMS}/{_short(p)}.md": program_page(p) for p in _programs}
  texts |= {
    page: page_of(source, (ROOT / source).read_text("utf-8"))
    for source, page in _PAGES.items()
    if page != "index.md"
  }
  texts["speed.html"] = _speed()
  for uri, text in texts.items():
    files.append(File.generated(config, uri, content=text))
  return files


def _speed() -> str:
  """The page of what the bench has measured over time."""
  with tempfile.TemporaryDirectory() as folder:
    command = [sys.executable, "-m", "emojax.bench", f"--output={folder}"]
    done = subprocess.run(
      [*command, f"--history={ROOT / 'benchmarks'}"], capture_output=True, text=True
    )
    if done.returncode:
      raise PluginError(f"emojax.bench --history failed: {done.stderr}")
    return (pathlib.Path(folder) / "index.html").read_text("utf-8")


def program_page(program: dict[str, Any]) -> str:
  """Markdown of a program: its commands, examples and flags."""
  lines = [f"# {program['name']}", "", program["about"], ""]
  for command in program["commands"]:
    anchor, level = "", "##"
    if len(program["commands"]) > 1 or command["name"] != program["name"]:
      anchor, level = command["name"].rpartition(" ")[2] + "-", "###"
      lines += [f"## {command['name']}", "", command["about"], ""]
    lines += ["```sh", command["usage"].removeprefix("Usage: "), "```", ""]
    if command["example"]:
      lines += ["For example", "", "```sh", command["example"], "```", ""]
    for group in command["groups"]:
      title = group["title"]
      lines += [f"{level} {title} {{ #{anchor}{_slug(title)} }}", ""]
      for flag in group["flags"]:
        name = (
          f'<code id="{anchor}{flag["name"]}">{html.escape(flag["written"])}</code>'
        )
        lines += [name, f":   {_escaped(flag['meaning'])}", ""]
  return "\n".join(lines)


def page_of(source: str, text: str) -> str:
  """Markdown of a file of the checkout as a page: its links lead to other pages.

  What is no page of the site loses its link and keeps its words.
  """

  def relinked(match: re.Match[str]) -> str:
    path = _target(match, source)
    aim = _PAGES.get(path, path.removeprefix("docs/"))
    if path and aim == path:
      return match[1]
    return _link(match, aim, _PAGES[source]) if path else match[0]

  if text.startswith("---\n"):  # what the Hugging Face hub reads
    text = text.split("\n---\n", 1)[1].lstrip()
  title = _TITLES.get(source)
  return (f"# {title}\n\n" if title else "") + _LINK.sub(relinked, text)


def on_page_markdown(markdown: str, page: Page, **unused: Any) -> str:
  """Has pages of docs/ link to the pages of files that lie elsewhere in the checkout.

  In the files themselves links lead to those files, for who reads them there.
  """
  if page.file.generated_by:
    return markdown
  uri = page.file.src_uri

  def relinked(match: re.Match[str]) -> str:
    aim = _PAGES.get(_target(match, f"docs/{uri}"))
    return _link(match, aim, uri) if aim else match[0]

  return _LINK.sub(relinked, markdown)


def _target(match: re.Match[str], source: str) -> str:
  """The file of the checkout that a link of another one names; empty: none."""
  target = match[2]
  if not target or "://" in target:
    return ""
  return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _link(match: re.Match[str], aim: str, page: str) -> str:
  """A link of a page with another aim, the path of a page."""
  anchor = match[3] or ""
  return f"[{match[1]}]({posixpath.relpath(aim, posixpath.dirname(page))}{anchor})"


def _index() -> str:
  lines = [
    "# Programs",
    "",
    "`emojax NAME` is the same as `python -m emojax.NAME`.",
    "",
  ]
  for program in _programs:
    link = f"[{program['name']}]({_short(program)}.md)"
    lines += [link, f":   {_escaped(program['about'])}", ""]
  return "\n".join(lines)


def _short(program: dict[str, Any]) -> str:
  return program["name"].rpartition(".")[2]


def _slug(title: str) -> str:
  return re.sub(r"\W+", "-", title.lower()).strip("-")


def _escaped(text: str) -> str:
  """A sentence of help, of which no letter is Markdown; flags stand as code."""
  words = [
    f"<code>{html.escape(part)}</code>"
    if part.startswith("--")
    else re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", part)
    for part in re.split(r"(--\w(?:[\w=,./+-]*\w)?)", text)
  ]
  return "".join(words)
