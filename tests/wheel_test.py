"""A wheel built from the checkout has every file that emojax reads of its own."""

import subprocess
import sys
import zipfile

import helpers
import pytest

_READ = {".typed", ".html", ".css", ".js", ".txt", ".zip", ".md", ".bib", ".tsv"}


@pytest.mark.slow
def test_the_wheel_has_every_file(tmp_path):
  source = tmp_path / "source"
  listed = subprocess.run(
    ["git", "ls-files", "-z"], cwd=helpers.ROOT, capture_output=True, check=True
  )
  names = [name for name in listed.stdout.decode().split("\0") if name]
  for name in names:
    if (helpers.ROOT / name).is_file():
      (source / name).parent.mkdir(parents=True, exist_ok=True)
      (source / name).write_bytes((helpers.ROOT / name).read_bytes())
  command = ["-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, source]
  done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  (wheel,) = tmp_path.glob("*.whl")
  inside = set(zipfile.ZipFile(wheel).namelist())
  wanted = {
    name
    for name in names
    if name.startswith("emojax/") and (source / name).suffix in _READ | {".py"}
  }
  assert wanted and not wanted - inside
