"""Fixtures for all tests."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.system import find

# How long an example takes is measured elsewhere, and never a reason to fail.
# CI tries the same examples each time; by hand they are new ones, so that more is tried.
settings.register_profile("book", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("book")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones begin, so that at the end no processor waits for another."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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
    """The path of bubblewrap."""
    cure = "bubblewrap was not found. To test the class grader: sudo apt install bubblewrap"
    return find(["bwrap"], "bubblewrap", cure)
