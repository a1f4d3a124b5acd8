"""The edge of every program: help, errors, exit status."""

import subprocess
import sys

import pytest

from emojax import config
from emojax.utils import cli

_PROGRAM = """
import sys
from absl import flags
from emojax import config
from emojax.utils import cli, errors, options
flags.DEFINE_integer("number", 3, "A number of something.")
options.define(config.DataConfig, "emojax.program")
def main(arguments):
  {body}
cli.run(main, "emojax.program", "Does a thing.", (config.DataConfig,), {arguments!r},
        example="a.jpg --number=4 --images_dir=a/long/name/of/a/folder --data_dir=b")
"""


def _run(body: str, *argv: str, arguments: str = "") -> subprocess.CompletedProcess:
  program = _PROGRAM.format(body=body, arguments=arguments)
  command = [sys.executable, "-c", program, *argv]
  return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
  ("body", "status"), [("return None", 0), ("return 0", 0), ("return 3", 3)]
)
def test_the_status_is_what_main_returns(body, status):
  assert _run(body).returncode == status


@pytest.mark.parametrize(
  ("body", "line"),
  [
    ("raise ValueError('no\\nsuch thing')", "no such thing"),
    ("raise errors.UserError('do this')", "do this"),
    ("raise ValueError('a' * 10**6 + chr(27) + ' end')", "aaa\\x1b end"),
    ("open('/nowhere/at/all')", "No such file or directory: '/nowhere/at/all'"),
  ],
)
def test_mistakes_are_one_line(body, line):
  done = _run(body)
  assert done.returncode == 1 and done.stdout == ""
  (only,) = done.stderr.splitlines()
  assert only.startswith("emojax.program: error: ") and only.endswith(line)


def test_what_pillow_thinks_of_a_picture_is_not_said():
  warn = "__import__('warnings').warn_explicit('odd', UserWarning, 'a.py', 1, {!r})"
  assert _run(warn.format("PIL.TiffImagePlugin")).stderr == ""
  assert "odd" in _run(warn.format("PILE")).stderr


def test_a_bug_is_not_dressed_up_as_a_mistake():
  done = _run("raise TypeError('a bug')")
  assert done.returncode == 1 and "Traceback" in done.stderr


@pytest.mark.parametrize("body", ["jax.numpy.zeros(3)", "runtime.start('')"])
def test_a_device_that_is_not_there_is_one_line(body, monkeypatch):
  monkeypatch.setenv("JAX_PLATFORMS", "nonsense")
  done = _run(f"import jax; from emojax.utils import runtime; {body}")
  assert done.returncode == 1 and done.stdout == ""
  (line,) = done.stderr.splitlines()
  assert "error: JAX finds no device to compute on by JAX_PLATFORMS=nonsense" in line
  assert "choose another, such as JAX_PLATFORMS=cpu" in line


@pytest.mark.parametrize(
  ("typed", "meant"),
  [
    ("weight_dir", "weights_dir"),
    ("weights-dir", "weights_dir"),
    ("dir_of_weights", "weights_dir"),
    ("epochs", "max_epochs"),
    ("n_epochs", "max_epochs"),
    ("Momentun", "momentum"),
    ("batch", "batch_size"),
    ("csv", ""),
    ("nonsense", ""),
  ],
)
def test_the_flag_that_was_meant(typed, meant):
  settings = (config.TrainConfig, config.ExtractConfig)
  known = [name for cls in settings for name in cls.__dataclass_fields__]
  assert cli.near_flag(typed, known) == meant


def test_an_unknown_flag_is_one_line():
  done = _run("pass", "--ratings_cvs=a.csv", "--data=b")
  assert done.returncode == 1 and done.stderr == (
    "emojax.program: error: unknown flag --ratings_cvs; did you mean --ratings_csv? "
    "(--help lists all)\n"
  )


def test_positional_arguments_reach_main_where_there_are_any():
  body = "print(arguments, flags.FLAGS.number)"
  done = _run(body, "a.jpg", "--number=5", "b c.jpg", arguments="PICTURE...")
  assert done.stdout == "['a.jpg', 'b c.jpg'] 5\n"
  refused = _run(body, "a.jpg")
  assert refused.returncode == 1 and "unexpected 'a.jpg'" in refused.stderr


def test_help_has_the_program_s_flags_in_groups_and_no_others():
  text = _run("raise SystemError", "--help", "--nonsense").stdout
  assert text.startswith("Does a thing.\n\nUsage: python -m emojax.program [--name=val")
  own, data, shared = (
    text.index(title)
    for title in ("This program:", "Which rated pic", "Every program:")
  )
  assert own < text.index("--number=3\n") < data < text.index("--manual_dir=...")
  assert text.index("--skip_bad_pictures\n") < shared < text.index("--traceback\n")
  example = text.partition("--traceback")[2].partition("\n\n")[2].splitlines()
  assert example == [
    "Example:",
    "  python -m emojax.program a.jpg --number=4 \\",
    "      --images_dir=a/long/name/of/a/folder --data_dir=b",
  ]
  assert "--verbosity" not in text and "--logtostderr" not in text


def test_help_after_a_double_dash_is_an_argument():
  done = _run("print(arguments)", "--", "--help", arguments="PICTURE...")
  assert done.stdout == "['--help']\n"


def test_a_reader_that_leaves_is_no_error():
  program = _PROGRAM.format(body="pass", arguments="")
  writer = subprocess.Popen(
    [sys.executable, "-c", program, "--help"],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  assert writer.stdout is not None
  writer.stdout.close()
  assert writer.stderr is not None
  with writer.stderr:
    assert writer.stderr.read() == ""
  assert writer.wait() == 1


_COMMANDS = """
from absl import flags
from emojax.utils import cli
def define_flags():
  flags.DEFINE_integer("number", 3, "A number of something.")
def count(arguments):
  print("counted", flags.FLAGS.number, arguments)
  return 2
COMMANDS = {
  "count": cli.Command("Counts things.", define_flags, count, arguments="THING..."),
  "measure": cli.Command("Measures things.", lambda: None, lambda arguments: None),
}
cli.run_commands(COMMANDS, "emojax.program", "Does things.")
"""


def _command(*argv: str) -> subprocess.CompletedProcess:
  command = [sys.executable, "-c", _COMMANDS, *argv]
  return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("argv", [(), ("--help",), ("help",)])
def test_commands_are_listed(argv):
  done = _command(*argv)
  assert done.returncode == 0 and "Usage: python -m emojax.program COMMAND" in (
    done.stdout
  )
  assert "count    Counts things." in done.stdout


def test_a_command_has_its_own_flags_and_arguments():
  done = _command("count", "--number=5", "a")
  assert (done.returncode, done.stdout) == (2, "counted 5 ['a']\n")
  done = _command("count", "--help")
  assert "python -m emojax.program count" in done.stdout and "--number=3" in done.stdout
  done = _command("measure", "--number=5")
  assert done.returncode == 1 and "unknown flag --number" in done.stderr


def test_an_unknown_command_is_one_line():
  done = _command("cont")
  assert done.returncode == 1 and done.stdout == ""
  assert done.stderr == (
    "emojax.program: error: no command 'cont'; did you mean 'count'? "
    "known: count, measure\n"
  )


def test_a_reader_that_has_gone_is_no_error():
  for command in ([sys.executable, "-m", "emojax"], [sys.executable, "-c", _COMMANDS]):
    process = subprocess.Popen(
      command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()  # before anything is written
    assert process.stderr.read() == "" and process.wait() == 1
    process.stderr.close()
