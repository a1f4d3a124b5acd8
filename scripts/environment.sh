# Sourced by demo and test: makes .venv on a machine with only Python, and installs
# emojax into it. Does nothing where the last install had the same settings and Python.
#   make_environment [EXTRAS]     afterwards $PYTHON is the environment's Python

make_environment() {
  local extras="${1:-}" candidate base="" stamp wanted
  for candidate in "${EMOJAX_PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c \
      'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      base="$candidate"
      break
    fi
  done
  if [ -z "$base" ]; then
    echo "emojax needs Python 3.11 or newer with the venv module; none was found. Install it, or set EMOJAX_PYTHON to its path." >&2
    return 1
  fi
  PYTHON="$PWD/.venv/bin/python"
  stamp=".venv/emojax-installed$extras"
  wanted="$("$base" --version) $(cat setup.cfg pyproject.toml | cksum) $PWD"
  if [ -x "$PYTHON" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  echo "Setting up .venv with $("$base" --version) (about 1.5 GB, once) ..."
  if [ ! -x "$PYTHON" ]; then
    "$base" -m venv .venv || return 1
  fi
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --editable ".$extras" || return 1
  echo "$wanted" > "$stamp"
}
