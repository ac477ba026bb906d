"""What tests need of the system: CI installs it, a reader is told how and skips."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

PATIENCE = 900
"""After how many seconds another process is taken to hang. No test asserts how long one takes."""

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


def find(names: Iterable[str], package: str, cure: str) -> str:
    """The path of the first of these programs that is there.

    Debian's package with it is installed first in CI, by one process at a time. Elsewhere the test
    is skipped, and `cure` says how to get it.
    """
    names = [*names]
    if IN_CI and shutil.which("apt-get"):
        with (Path(tempfile.gettempdir()) / "optlib-tests-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not any(map(shutil.which, names)):
                sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
                for step in (["update"], ["install", "--yes", "--no-install-recommends", package]):
                    subprocess.run([*sudo, "apt-get", "--quiet", *step], check=False)
    for name in names:
        if found := shutil.which(name):
            return found
    if IN_CI:
        pytest.fail(f"{cure}. In CI these tests are never skipped")
    pytest.skip(cure)
