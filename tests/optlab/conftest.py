"""What the tests of the lab share."""

import inspect
from unittest.mock import MagicMock

import pytest

from optlab import plots


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is drawn, which takes most of the time of a study whose runs are at hand."""
    for name, value in list(vars(plots).items()):
        if inspect.isfunction(value) and value.__module__ == plots.__name__:
            monkeypatch.setattr(plots, name, MagicMock(return_value=MagicMock()))
    monkeypatch.setattr(plots, "svg", lambda axes: "<svg></svg>")
