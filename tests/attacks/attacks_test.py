"""The attacks of `scripts/attack`: a few of each kind, and that faults are seen."""

import json
import random

import helpers
import pytest
from attacks import pictures, tables, workers


@pytest.mark.parametrize("kind", [pictures, tables])
def test_a_few_mutated_files_are_values_or_one_line(tmp_path, kind):
  outcomes = {kind.attack(tmp_path, random.Random(seed)) for seed in range(60)}
  assert outcomes == {"value", "error"}


@pytest.mark.parametrize("name", [*tables.READERS])
def test_tables_that_are_attacked_were_whole(tmp_path, name):
  reader = tables.READERS[name]
  for file, content in reader.forms().items():
    (tmp_path / file).write_bytes(content)
    assert reader.read(tmp_path / file) is not None


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
  folder = tmp_path_factory.mktemp("worker") / "inputs"
  worker = workers.Worker("misbehaving", 0, folder, most_seconds=5, most_mb=200)
  yield worker, folder
  worker.end()


@pytest.mark.parametrize(
  ("what", "fault"),
  [
    ("nothing", ""),
    ("raise", "nobody expected this"),
    ("say", "on standard error: chatter"),
    ("eat", "MB of memory"),
    ("die", "the process died"),
    pytest.param("hang", "hangs for 5 s", marks=pytest.mark.slow),
    ("nothing", ""),
  ],
)
def test_faults_are_seen(worker, what, fault):
  attacker, folder = worker
  (folder.parent / "what").write_text(what)
  result = attacker.attack(0)
  assert fault in result.fault and bool(result.fault) == bool(fault), result
  assert (folder / "input").read_text() == what


@pytest.mark.slow
def test_the_script_counts_and_keeps_what_was_counted(tmp_path):
  output = tmp_path / "attack.json"
  for kind in ("tables", "signals"):
    done = helpers.run(
      "scripts/attack", f"--only={kind}", f"--{kind}=1", f"--output={output}"
    )
    assert done.returncode == 0, done.stderr
  report = json.loads(output.read_text())
  assert [counts["attacks"] for counts in report["kinds"].values()] == [1, 1]
  assert report["kinds"].keys() == {"tables", "signals"}
