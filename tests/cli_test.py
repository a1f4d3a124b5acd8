"""The edge of every program: help, errors, exit status."""

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from absl import flags
from emojax import cli, config, options
flags.DEFINE_integer("number", 3, "A number of something.")
options.define(config.DataConfig, "emojax.program")
def main(arguments):
  {body}
cli.run(main, "emojax.program", "Does a thing.", (config.DataConfig,), {arguments!r})
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
    ("raise cli.UserError('do this')", "do this"),
    ("open('/nowhere/at/all')", "No such file or directory: '/nowhere/at/all'"),
  ],
)
def test_mistakes_are_one_line(body, line):
  done = _run(body)
  assert done.returncode == 1 and done.stdout == ""
  (only,) = done.stderr.splitlines()
  assert only.startswith("emojax.program: error: ") and only.endswith(line)


def test_a_bug_is_not_dressed_up_as_a_mistake():
  done = _run("raise TypeError('a bug')")
  assert done.returncode == 1 and "Traceback" in done.stderr


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
