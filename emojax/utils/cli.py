"""The edge every program shares: flags in, exit status out, errors as one line.

In: a program's `main` and its settings classes. Out: `--help` with the program's own
flags only, `--version`, and for a user's mistake one line on stderr and exit status 1.
Imports nothing heavy, so that `--help` answers at once: a program imports JAX and the
like inside its `main`.
"""

import dataclasses
import difflib
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from absl import app, flags

from emojax.utils import errors, signals, terminal
from emojax.version import __version__

_HELP = ("--help", "-help", "-h", "--helpshort", "--helpfull")
_VERSION = ("--version", "-version")
_SHARED = ["help", "version", "traceback"]
_LIKE = 0.65  # flags less alike than this are no typing errors of each other
# What to say after a signal where a program keeps nothing to go on from.
AGAIN = "stopped; the same command starts again"

flags.DEFINE_boolean("version", False, "Show the version.", module_name=__name__)
flags.DEFINE_boolean(
  "traceback", False, "Show where in the code an error arose.", module_name=__name__
)


@dataclasses.dataclass(frozen=True)
class Command:
  """One of several things a program does, as in `python -m emojax.raters aggregate`.

  Attributes:
    about: one sentence: what it does.
    define_flags: defines its flags.
    main: as `run` wants it.
    settings: as `run` wants them.
    arguments: as `run` wants them.
    example: as `run` wants it.
  """

  about: str
  define_flags: Callable[[], None]
  main: Callable[[list[str]], int | None]
  settings: Sequence[type] = ()
  arguments: str = ""
  example: str = ""


def run_commands(commands: Mapping[str, Command], name: str, about: str) -> None:
  """Runs the command that the first argument names, and exits.

  Args:
    commands: by name.
    name: of the program, as typed after `python -m`.
    about: first lines of `--help` without a command.
  """
  word = sys.argv[1] if len(sys.argv) > 1 else _HELP[0]
  if word in (*_HELP, "help"):
    say(_commands_text(commands, name, about))
    sys.exit(0)
  if word in _VERSION:
    terminal.say(f"emojax {__version__}")
    sys.exit(0)
  if word not in commands:
    near = difflib.get_close_matches(word, commands, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    _fail(name, f"no command {word!r}; {hint}known: {', '.join(commands)}")
  command = commands[word]
  del sys.argv[1]
  command.define_flags()
  run(
    command.main,
    f"{name} {word}",
    command.about,
    command.settings,
    command.arguments,
    example=command.example,
  )


def _commands_text(commands: Mapping[str, Command], name: str, about: str) -> str:
  """What `--help` prints before a command is chosen."""
  columns = min(shutil.get_terminal_size().columns, 100)
  width = max(map(len, commands))
  lines = [textwrap.fill(about, columns), ""]
  lines += [f"Usage: python -m {name} COMMAND [--help] [--name=value ...]", ""]
  for key, command in commands.items():
    head = f"  {key:<{width}}  "
    lines.append(
      textwrap.fill(
        command.about, columns, initial_indent=head, subsequent_indent=" " * len(head)
      )
    )
  return "\n".join(lines)


def run(
  main: Callable[[list[str]], int | None],
  name: str,
  about: str,
  settings: Sequence[type] = (),
  arguments: str = "",
  interrupted: str = AGAIN,
  example: str = "",
) -> None:
  """Runs a program to its end and exits.

  `main` gets the positional arguments and returns the exit status, None for 0. Of what
  it raises, ValueError (all of emojax's own errors are) and OSError become the line
  `NAME: error: ...` and exit status 1; with `--traceback`, and for any other exception,
  Python's own report follows.

  Args:
    main: the program.
    name: as typed after `python -m`.
    about: first lines of `--help`: what the program does.
    settings: classes of `config` whose flags the program defined, in the order in which
      help lists them; the program's other flags come first.
    arguments: what positional arguments stand for, such as "PICTURE..."; empty: there
      are none, and one is an error.
    interrupted: what to say after Ctrl-C or SIGTERM: how to go on; the program may
      know better later, see `signals.tell`.
    example: arguments and flags of a call that makes sense; the end of `--help`.
  """

  def parse(argv: Sequence[str]) -> list[str]:
    words = list(argv[1:])
    if "--" in words:
      words = words[: words.index("--")]
    if any(text in _HELP for text in words):
      terminal.say(help_text(name, about, settings, arguments, example))
      sys.exit(0)
    if any(text in _VERSION for text in words):
      terminal.say(f"emojax {__version__}")
      sys.exit(0)
    try:
      rest = flags.FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
      near = near_flag(error.flagname, _listed_flags())
      hint = f"; did you mean --{near}?" if near else ""
      _fail(name, f"unknown flag --{error.flagname}{hint} (--help lists all)")
    except flags.Error as error:
      _fail(name, str(error))
    if rest[1:] and not arguments:
      _fail(name, f"unexpected {rest[1]!r}: settings are given as --name=value")
    # absl shows library chatter (INFO) by default; warnings are enough.
    if flags.FLAGS["verbosity"].using_default_value:
      flags.FLAGS["verbosity"].using_default_value = False
      flags.FLAGS["verbosity"].value = -1
    return rest

  def guarded(argv: Sequence[str]) -> int | None:
    try:
      return main(list(argv[1:]))
    except BrokenPipeError:
      raise  # no mistake of the user; handled below
    except (ValueError, OSError) as error:
      if flags.FLAGS.traceback:
        raise
      _fail(name, errors.told(error))
    except (RuntimeError, AssertionError):
      if not flags.FLAGS.traceback:
        _check_device(name)
      raise

  signals.install()
  signals.tell(name, interrupted)
  if not sys.warnoptions:
    # A damaged picture has a row that says so; what Pillow thinks of it besides would
    # stand in the middle of a progress bar, without its name.
    warnings.filterwarnings("ignore", module=r"PIL\.")
  try:
    app.run(guarded, flags_parser=parse)
  except BrokenPipeError:
    _leave_the_pipe()
  except SystemExit as end:
    signals.leave(end.code if isinstance(end.code, int) else int(bool(end.code)))
  except BaseException:
    # Stopped, or what the stop brought about in what was under way.
    if signals.is_stopping():
      signals.leave(1)
    raise


def _check_device(name: str) -> None:
  """Ends a program with one line if it failed because JAX lacks a device."""
  from emojax.utils import runtime  # imports JAX, as what failed has

  try:
    runtime.check_device()
  except errors.UserError as error:
    _fail(name, str(error))


def say(text: str) -> None:
  """Prints a text; ends the program quietly where its reader has gone."""
  try:
    terminal.say(text)
  except BrokenPipeError:
    _leave_the_pipe()


def _leave_the_pipe() -> NoReturn:
  """Exits where the reader of our output, such as `head`, has gone."""
  os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  sys.exit(1)


def help_text(
  name: str,
  about: str,
  settings: Sequence[type] = (),
  arguments: str = "",
  example: str = "",
) -> str:
  """What `--help` prints: the program's flags in groups, and an example at the end."""
  width = min(shutil.get_terminal_size().columns, 100)
  lines = [textwrap.fill(about, width), "", usage(name, arguments)]
  for title, names in flag_groups(settings):
    lines += ["", f"{title}:"]
    for flag in names:
      head, text = describe(flag)
      lines += [
        f"  {head}\n" + textwrap.indent(textwrap.fill(text, width - 6), " " * 6)
      ]
  if example:
    call = example_call(name, example, width - 2)
    lines += ["", "Example:", textwrap.indent(call, "  ")]
  return "\n".join(lines)


def usage(name: str, arguments: str = "") -> str:
  """The line that says how a program is called."""
  return f"Usage: python -m {name} [--name=value ...] {arguments}".rstrip()


def example_call(name: str, example: str, width: int) -> str:
  """A program's example as typed, on lines of at most `width` where flags allow it."""
  return textwrap.fill(
    f"python -m {name} {example}",
    width - 2,
    subsequent_indent="    ",
    break_long_words=False,
    break_on_hyphens=False,
  ).replace("\n", " \\\n")


def flag_groups(settings: Sequence[type]) -> list[tuple[str, list[str]]]:
  """The program's flags by what they are about, without the libraries' own.

  Args:
    settings: as `run` wants them.
  Returns:
    Each group's title and its flags, in the order in which help lists them.
  """
  listed: set[str] = set()
  groups = []
  for cls in settings:
    title = (cls.__doc__ or cls.__name__).strip().partition(".")[0]
    names = [f.name for f in dataclasses.fields(cls) if f.name in flags.FLAGS]
    groups.append((title, names))
    listed.update(names)
  own = [flag for flag in _own_flags() if flag not in listed and flag not in _SHARED]
  every = [("This program", own), *groups, ("Every program", _SHARED)]
  return [(title, names) for title, names in every if names]


def _own_flags() -> list[str]:
  """Flags of emojax, not of absl or other libraries, in the order of definition."""
  names = []
  for module, defined in flags.FLAGS.flags_by_module_dict().items():
    if module.startswith("emojax") or module == sys.argv[0]:
      names += [flag.name for flag in defined]
  return names


def describe(name: str) -> tuple[str, str]:
  """A flag's name with its default or choices, and what it means."""
  flag = flags.FLAGS[name]
  text = flag.help or ""
  default = (flag.default_as_str or "").strip("'")
  if flag.boolean and not default:
    head = f"--{name}[=...]"
  elif flag.boolean:
    head = f"--{name}" if default == "false" else f"--no{name}"
  elif choices := getattr(flag.parser, "enum_values", None):
    head = f"--{name}={'|'.join(choices)}"
    # absl repeats the choices in front of the help.
    text = f"{text.partition('>: ')[2] or text} Default: {default}."
  else:
    head = f"--{name}={default or '...'}"
  return head, text


def _listed_flags() -> list[str]:
  """What `--help` lists, and the other name of each flag that is on or off."""
  names = [*_own_flags(), *_SHARED]
  return names + [f"no{name}" for name in names if flags.FLAGS[name].boolean]


def near_flag(name: str, known: Sequence[str]) -> str:
  """The flag that was probably meant; empty where none is like it.

  By the share of letters that both have in the same order, or of whole words, in any
  order and number (`weight` is `weights`).

  Args:
    name: as typed, without the hyphens in front.
    known: names of flags.
  """
  typed = name.lower().replace("-", "_")

  def words(text: str) -> set[str]:
    return {word.removesuffix("s") for word in text.split("_")}

  def likeness(flag: str) -> float:
    of_letters = difflib.SequenceMatcher(None, typed, flag).ratio()
    typed_words, flag_words = words(typed), words(flag)
    shared = len(typed_words & flag_words)
    of_words = 2 * shared / (len(typed_words) + len(flag_words))
    return max(of_letters, of_words) + min(of_letters, of_words) / 10

  nearest = max(known, key=likeness, default="")
  return nearest if nearest and likeness(nearest) > _LIKE else ""


def _fail(name: str, message: str) -> NoReturn:
  line = " ".join(message.split())
  terminal.tell(f"{name}: error: {line}")
  sys.exit(1)
