"""Runs the checks one after the other: one that fails lets the others run, and all are named.

    python -m tools.check            style, types, and the quick tests of what changed
    python -m tools.check --all      everything, the build and the pages in a browser included

Quick tests are those that are not marked slow. What changed is what differs from where this branch
left main: a package brings the tests in the folder of its name; tests/book is always there.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from tools.execution import ROOT

PYTHON = [sys.executable, "-m"]
PYTEST = [*PYTHON, "pytest"]
# As many processes as there are processors, but no more than memory is usually there for.
WORKERS = ["-n", str(min(os.cpu_count() or 1, 4))]
# One thread in each of them, because there are as many as processors.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
# A file's tests in one process, as they share what is dear. The slow files begin:
# tests/conftest.py has put them first.
BY_FILE = [*WORKERS, "--dist", "loadscope", "--no-loadscope-reorder"]

LOOKS: dict[str, list[list[str]]] = {
    "style": [
        [*PYTHON, "ruff", "check"],
        [*PYTHON, "ruff", "format", "--check"],
        [*PYTHON, "tools.notebooks", "--check"],
    ],
    "types": [[*PYTHON, "mypy"]],
}


def report(name: str) -> list[str]:
    """Lets pytest write down which tests ran: tools/ran.py looks at it."""
    return ["--junitxml", f"_build/tests/{name}.xml"]


ALL = LOOKS | {
    "build": [[*PYTHON, "tools.build"]],
    "unit": [[*PYTEST, *BY_FILE, *report("unit"), "--ignore", "tests/browser"]],
    "outputs": [
        [
            *(*PYTEST, *report("outputs"), "-p", "tests.outputs", "chapters"),
            *("--nbval-sanitize-with", "tests/nbval.cfg"),
        ]
    ],
    "browser": [[*PYTEST, *WORKERS, "--dist", "worksteal", *report("browser"), "tests/browser"]],
}


def git(*arguments: str) -> list[str]:
    """The lines that git answers; none if it fails."""
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return run.stdout.splitlines() if run.returncode == 0 else []


def changed() -> list[str]:
    """The folders of tests that belong to what changed since this branch left main."""
    for main in ("origin/main", "main", "HEAD"):
        if base := git("merge-base", "HEAD", main):
            break
    names = git("diff", "--name-only", *base)
    names += git("ls-files", "--others", "--exclude-standard")
    parts = {"book"} | {Path(name.removeprefix("tests/")).parts[0] for name in names}
    folders = [ROOT / "tests" / part for part in sorted(parts - {"browser"})]
    return [str(folder.relative_to(ROOT)) for folder in folders if folder.is_dir()]


def run(steps: dict[str, list[list[str]]]) -> int:
    """Runs the steps, then says how long each took and which failed."""
    lines, failed = [], []
    for name, commands in steps.items():
        print(f"\n=== {name}", flush=True)
        start = time.monotonic()
        # Each command runs, also after one that failed.
        statuses = [subprocess.call(command, cwd=ROOT, env=ENVIRONMENT) for command in commands]
        verdict = "failed" if any(statuses) else "passed"
        lines.append(f"{name:10} {verdict} {time.monotonic() - start:6.0f} s")
        if any(statuses):
            failed.append(name)
    print("\n=== summary", *lines, sep="\n")
    print(f"failed: {', '.join(failed)}" if failed else "All passed.", flush=True)
    return int(bool(failed))


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the checks one after the other.")
    parser.add_argument("--all", action="store_true", help="everything, builds included")
    if parser.parse_args().all:
        return run(ALL)
    quick = [*PYTEST, *BY_FILE, "-m", "not slow", *changed()]
    return run(LOOKS | {"quick tests": [quick]})


if __name__ == "__main__":
    sys.exit(main())
