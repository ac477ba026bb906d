#!/bin/sh
# Makes .venv as requirements.txt and pyproject.toml say, and leaves it alone while they stay as they are.
# With the argument `dev` it has what requirements-dev.txt adds, too.
# PYTHON=… chooses the interpreter; otherwise the one of .venv stays, or the newest of Python 3.13,
# 3.12 and 3.11 is taken.
set -eu
cd "$(dirname "$0")/.."

# The folder belongs to the stamp, as a virtual environment does not survive being moved.
pins=requirements${1:+-$1}.txt
stamp() { (cat "$1" requirements.txt pyproject.toml; pwd) | cksum; }
build() { "$1" -c 'import sys; print(sys.version)' 2>/dev/null; }
# The stamp alone does not tell that the interpreter still runs, nor that it is the chosen one.
made() {
    [ "$(cat ".venv/made-from-$pins" 2>/dev/null)" = "$(stamp "$pins")" ] && has=$(build .venv/bin/python) &&
        { [ -z "$chosen" ] || [ "$has" = "$(build "$chosen")" ]; }
}

fail() { printf '\n%s\n' "$1" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
chosen=${PYTHON:-}
if [ -n "$chosen" ]; then
    new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer. Give the path of one: make book PYTHON=/path/to/python3"
fi
made && exit 0
if [ -z "$chosen" ]; then
    for PYTHON in python3.13 python3.12 python3.11 python3 ''; do
        new_enough "$PYTHON" && break
    done
    [ -n "$PYTHON" ] || fail "Python 3.11 or newer is needed, and none was found.
  Debian, Ubuntu: sudo apt install python3 python3-venv
  macOS:          brew install python@3.13
  elsewhere:      python.org/downloads
If it is installed under another name: make book PYTHON=/path/to/python3"
fi
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "$PYTHON has no venv module, so it cannot make the environment.
  Debian, Ubuntu: sudo apt install python3-venv
  or choose another Python: make book PYTHON=/path/to/python3"

# One at a time. The lock is on this file and ends with this shell and what it has started.
exec 9<> tools/environment.sh
"$PYTHON" -c '
import fcntl
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another make is making the environment; this one waits for it.", flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)'
made && exit 0

echo "Making the environment in .venv with $("$PYTHON" --version) (once; a few minutes, mostly PyTorch's download)"
rm -f .venv/made-from-*
# What another interpreter or another folder left behind is of no use.
[ "$(.venv/bin/python -c 'import sys; print(sys.prefix, sys.version)' 2>/dev/null || true)" \
    = "$("$PYTHON" -c 'import os, sys; print(os.path.realpath(".venv"), sys.version)')" ] || clear=--clear
"$PYTHON" -m venv ${clear:-} .venv || fail "The folder .venv could not be made: is this folder writable, and is the disk not full?"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$pins" ||
    fail "The packages could not be installed; pip's message above says why. Once it is cured, the same command goes on."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ||
    fail "optlib could not be installed; pip's message above says why."
# Whoever can test can build.
for file in requirements.txt "$pins"; do stamp "$file" > ".venv/made-from-$file"; done
