"""Fixtures for all tests."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is measured elsewhere, and never a reason to fail.
# CI tries the same examples each time; by hand they are new ones, so that more is tried.
settings.register_profile("book", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("book")


@pytest.fixture(scope="session")
def node() -> str:
    """The path of a node binary: the system's own, or the one inside the playwright package."""
    if found := shutil.which("node"):
        return found
    spec = importlib.util.find_spec("playwright")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "driver/node"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    pytest.skip("node is missing: install Node.js (Debian: apt install nodejs)")


@pytest.fixture(scope="session")
def bubblewrap() -> str:
    """The path of bubblewrap. CI installs it first; a reader is told how, and skips."""
    in_ci = os.environ.get("CI", "") not in ("", "0", "false")
    if in_ci and shutil.which("apt-get") and not shutil.which("bwrap"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
        for step in (["update"], ["install", "--yes", "--no-install-recommends", "bubblewrap"]):
            subprocess.run([*sudo, "apt-get", "--quiet", *step], check=False)
    if found := shutil.which("bwrap"):
        return found
    cure = "bubblewrap was not found. To test the class grader: sudo apt install bubblewrap"
    if in_ci:
        pytest.fail(f"{cure}. In CI these tests are never skipped")
    pytest.skip(cure)
