"""What `import exercises` gives in the sandbox: the names that notebooks use, and no answers."""

from typing import Any


class Later:
    """What stands for a verdict; true, so that `assert check(…)` lets a notebook go on."""

    points = 0

    def __repr__(self) -> str:
        return "The class grader answers when the notebook has run."


def check(*_: Any, **__: Any) -> Later:
    """Leave the answer to the class grader."""
    return Later()


progress = check
