"""README and the site: short, no dead end, and every command in them exists."""

import ast
import json
import os
import re
import subprocess
import sys
import types

import helpers
import pytest
import yaml

from emojax import config
from emojax.version import __version__

_README = helpers.ROOT / "README.md"
_PAGES = [
  _README,
  *(helpers.ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md")),
  *sorted((helpers.ROOT / "docs").rglob("*.md")),
  *sorted((helpers.ROOT / "emojax").rglob("README.md")),
  helpers.ROOT / "emojax" / "predict" / "model_card.md",
  helpers.ROOT / "data" / "README.md",
]
_TUTORIALS = sorted((helpers.ROOT / "docs" / "tutorials").glob("*.md"))
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
# What tools other than emojax are given.
_FOREIGN = {
  "build-arg",
  "cache-clear",
  "help",
  "logdir",
  "fix",
  "gpus",
  "no-deps",
  "rm",
  "strict",
  "tag",
  "volume",
}


@pytest.fixture(scope="module")
def programs():
  done = helpers.run(helpers.ROOT / "scripts" / "list_programs")
  assert done.returncode == 0, done.stderr
  return json.loads(done.stdout)


@pytest.fixture(scope="module")
def flags_of(programs):
  """Name of a command as typed after `python -m` -> names of its flags."""
  commands = {}
  for program in programs:
    for command in program["commands"]:
      listed = [flag for group in command["groups"] for flag in group["flags"]]
      names = {flag["name"] for flag in listed}
      names |= {f"no{flag['name']}" for flag in listed if flag["boolean"]}
      commands[command["name"]] = names
  return commands


def _calls(text: str) -> list[list[str]]:
  """The calls of emojax in shell text, as words after `python -m`; variables filled in.

  `emojax.NAME` stands for any program.
  """
  variables = dict(re.findall(r"^(\w+)=\"(.*)\"$", text, re.M))
  text = re.sub(r"\$(\w+)", lambda match: variables.get(match[1], match[0]), text)
  lines = re.findall(r"python3? -m (emojax\.[a-z]\w*.*)", text.replace("\\\n", " "))
  return [line.partition(" #")[0].split() for line in lines]


def _unknown(call: list[str], flags_of: dict[str, set[str]]) -> list[str]:
  """What a call names that does not exist."""
  name, rest = call[0], call[1:]
  if name not in flags_of and rest:
    name, rest = f"{name} {rest[0]}", rest[1:]
  if name not in flags_of:
    return [name]
  typed = [word[2:].partition("=")[0] for word in rest if word.startswith("--")]
  return [f"{name} --{flag}" for flag in typed if flag not in flags_of[name]]


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.stem)
def test_its_commands_and_flags_exist(page, flags_of):
  text = page.read_text("utf-8")
  blocks = [content for _, _, content in _BLOCK.findall(text)]
  calls = [call for content in blocks for call in _calls(content)]
  # In words a command may be a name alone: `python -m emojax.weights`.
  inline = re.findall(r"`([^`\n]+)`", _BLOCK.sub("", text))
  families = {name.split()[0] for name in flags_of}
  for content in inline:
    calls += [call for call in _calls(content) if call[1:] or call[0] not in families]
  unknown = [entry for call in calls for entry in _unknown(call, flags_of)]
  every = set().union(*flags_of.values()) | _FOREIGN
  for content in inline:
    unknown += set(re.findall(r"(?<!\S)--(\w[\w-]*)", content)) - every
  assert not unknown


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.stem)
def test_the_scripts_it_names_exist(page):
  for name in re.findall(r"(?<![\w/])scripts/(\w+)", page.read_text("utf-8")):
    folder = helpers.ROOT / "scripts"
    assert list(folder.glob(f"{name}*")), name


def test_every_command_has_an_example_that_exists(programs, flags_of):
  for program in programs:
    for command in program["commands"]:
      (call,) = _calls(command["example"])
      assert not _unknown(call, flags_of), call
      words = [word for word in call[1:] if not word.startswith("--")]
      words = words[len(command["name"].split()) - 1 :]
      assert bool(words) or "..." not in command["usage"].partition("] ")[2], call


def test_help_says_what_each_preset_sets(programs):
  (train,) = (program for program in programs if program["name"] == "emojax.train")
  listed = train["commands"][0]["groups"][0]["flags"]
  (help_text,) = (flag["meaning"] for flag in listed if flag["name"] == "preset")
  for name, (settings, features) in config.PRESETS.items():
    sentence = help_text.partition(f"{name} is the defaults")[2].partition(" is the")[0]
    given = set(re.findall(r"--(\w+)", sentence))
    usual = config.TrainConfig()
    fields = usual.__dataclass_fields__
    changed = {f for f in fields if getattr(settings, f) != getattr(usual, f)}
    if features != config.ExtractConfig().features:
      changed.add("features")
    assert changed and given == changed


def test_messages_name_what_an_installed_emojax_has(flags_of):
  families = {name.split()[0] for name in flags_of}
  for path in sorted((helpers.ROOT / "emojax").rglob("*.py")):
    for text in _texts(ast.parse(path.read_text("utf-8"))):
      assert not re.search(r"scripts/|data/README|BUILD_NOTES|CONTRIBUTING", text), text
      named = re.findall(r"python -m (emojax\.[a-z]\w*)", text)
      assert set(named) <= families, text


def _texts(tree: ast.Module) -> list[str]:
  """The strings of a module that are no docstrings."""
  docstrings = {
    id(node.body[0].value)
    for node in ast.walk(tree)
    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    and node.body
    and isinstance(node.body[0], ast.Expr)
  }
  return [
    node.value
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant)
    and isinstance(node.value, str)
    and id(node) not in docstrings
  ]


def test_readme_is_short_and_leads_somewhere():
  text = _README.read_text("utf-8")
  assert len(text.encode()) < 8000
  links = re.findall(r"\]\(([^)#]+)", text)
  assert len(links) > 10
  assert not [link for link in links if not (helpers.ROOT / link).is_file()]
  assert (helpers.ROOT / "docs" / "plane.webp").stat().st_size < 100_000


def test_version_and_citation_agree():
  citation = yaml.safe_load((helpers.ROOT / "CITATION.cff").read_text("utf-8"))
  assert citation["cff-version"] == "1.2.0" and citation["version"] == __version__
  assert citation["license"] == "Apache-2.0"
  for cited in (citation, citation["preferred-citation"]):
    assert cited["title"] and cited["type"] and cited["authors"]
  changes = (helpers.ROOT / "CHANGELOG.md").read_text("utf-8")
  assert f"## {__version__}, {citation['date-released']}\n" in changes
  bib = helpers.ROOT / "emojax" / "datasets" / "va_emotion" / "CITATIONS.bib"
  article = bib.read_text("utf-8").partition("}\n\n")[0].lower()
  paper = citation["preferred-citation"]
  for value in (paper["title"], paper["journal"], paper["volume"], paper["year"]):
    assert f"{{{value}}}".lower() in article
  names = [f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]]
  assert " and ".join(names).lower() in article


def test_pages_of_other_files_link_to_each_other():
  page_of = helpers.script("site_pages.py")["page_of"]
  text = "[a](README.md#x) [b](emojax/features/README.md) [c](setup.cfg) [d](#e)"
  assert page_of("CONTRIBUTING.md", text) == (
    "[a](index.md#x) [b](reference/feature-functions.md) c [d](#e)"
  )
  text = "---\nlicense: x\n---\n# Title\n[a](../../../docs/how-to/words.md)"
  expected = "# Title\n[a](../how-to/words.md)"
  assert page_of("emojax/predict/released/README.md", text) == expected


def test_pages_link_to_pages_of_files_elsewhere():
  """Whoever reads the files finds what they link to, and so do readers of the site."""
  names = helpers.script("site_pages.py")
  file = types.SimpleNamespace(src_uri="how-to/a.md", generated_by=None)
  page = types.SimpleNamespace(file=file)
  text = "[a](../../SECURITY.md#x) [b](b.md) [c](../../setup.cfg) [d](https://e.org)"
  assert names["on_page_markdown"](text, page=page) == (
    "[a](../security.md#x) [b](b.md) [c](../../setup.cfg) [d](https://e.org)"
  )
  made = ("programs/", "speed.html")  # there is no file of these
  for path in (helpers.ROOT / "docs").rglob("*.md"):
    for link in re.findall(r"\]\(([^)#\s:]+)[)#]", path.read_text("utf-8")):
      is_made = any(of in link for of in made)
      assert is_made or (path.parent / link).exists(), f"{path}: {link}"


@pytest.mark.slow
@pytest.mark.parametrize("page", _TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_as_it_stands(page, at_home, tmp_path):
  """In a folder with `scripts/`; a block of text is what the one before it prints."""
  (tmp_path / "scripts").symlink_to(helpers.ROOT / "scripts")
  environment = os.environ | {
    **at_home,
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    "PYTHONPATH": str(helpers.ROOT),
    "XLA_FLAGS": "",
  }
  printed, number = "", 0
  for kind, title, content in _BLOCK.findall(page.read_text("utf-8")):
    if kind == "python":
      (tmp_path / title).write_text(content)
    elif kind == "text":
      assert content in printed
    elif kind == "sh":
      done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", content],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
      )
      assert done.returncode == 0, f"{content}\n{done.stderr[-2000:]}"
      printed, number = done.stdout, number + 1
  assert number >= 4
