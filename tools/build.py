"""Builds the book strictly into _build/html: a failed cell, a warning or an empty page fails it."""

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

from tools.execution import ROOT, Copies, execute
from tools.notebooks import chapters

HTML = ROOT / "_build/html"


def build() -> int:
    """Runs Jupyter Book, which finds the chapters executed, and returns its exit status."""
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    status = subprocess.call([jupyter_book, "build", "-W", "-n", "--keep-going", ROOT])
    if status:
        # Sphinx warns of a page when it reads it, once: read all again, or the next run passes.
        shutil.rmtree(ROOT / "_build/.doctrees", ignore_errors=True)
    return status


def empty_pages() -> list[str]:
    """The pages of the table of contents that are missing or have no text."""
    pages = [HTML / f"{name}.html" for name in parse_toc_yaml(ROOT / "_toc.yml")]
    return [str(p) for p in pages if not p.is_file() or "<h1" not in p.read_text("utf-8")]


def main() -> int:
    # The system frees the lock when this process ends, however it ends.
    with (ROOT / "_config.yml").open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build of the book is running; this one waits for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        return locked_build()


def locked_build() -> int:
    """Builds the book, alone, and says where it is or why it is not."""
    start = time.monotonic()
    try:
        failed = execute(chapters(), Copies())
    except KeyboardInterrupt:
        print("\nInterrupted. The next build goes on from here.", file=sys.stderr)
        return 130
    if failed:
        print("\nThe book was not built: these notebooks failed, as said above:", file=sys.stderr)
        print("", *failed, sep="\n  ", file=sys.stderr)
        return 1
    if status := build():
        print("\nThe book was not built: the warnings and errors above say why.", file=sys.stderr)
        return status
    if missing := empty_pages():
        print("\nThese pages are missing or empty:", *missing, sep="\n  ", file=sys.stderr)
        return 1
    print(f"\nThe book is built ({time.monotonic() - start:.0f} s). Open {HTML / 'index.html'}")
    print("in a browser, or run `make serve`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
