"""What a student is told."""

from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import numpy as np

Kind = Literal["right", "blank", "mistake", "wrong", "form", "error", "lost", "stopped", "missing"]


@dataclass(frozen=True)
class Verdict:
    """The answer to `check`; true if and only if the student's function is right.

    Attributes
    ----------
    exercise : str
        Name of the exercise.
    kind : str
        "right"; "blank", no answer yet; "mistake", a known one; "wrong", an unknown one; "form",
        not of the form that was asked; "error", the function raised one; "lost", no exercise or
        no function. In a class also "stopped", by a limit, and "missing", nothing handed in.
    headline : str
        The verdict in a sentence.
    hint : str
        What to look at.
    facts : dict of str to str
        The input, what came out and what was due.
    read : str
        Where to read.
    mistake : str
        Name of the known mistake.
    points : int
        What the answer earns.
    """

    exercise: str
    kind: Kind
    headline: str
    hint: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    read: str = ""
    mistake: str = ""
    points: int = 0

    @property
    def right(self) -> bool:
        """Whether the student's function is right."""
        return self.kind == "right"

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        parts = [f"{self.exercise}: {self.headline}", self.hint]
        parts += [f"  {name:<7} {value}" for name, value in self.facts.items()]
        parts += [f"Read: {self.read}" if self.read else ""]
        return "\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        colour = {"right": "#2e9e5b", "blank": "#8a8a8a"}.get(self.kind, "#d9822b")
        rows = "".join(
            f"<dt>{escape(name)}</dt><dd><code>{escape(value)}</code></dd>"
            for name, value in self.facts.items()
        )
        return (
            f'<div class="exercise-verdict" style="border-left: 4px solid {colour}; '
            f'padding-left: 0.8em"><p><code>{escape(self.exercise)}</code>: '
            f"{escape(self.headline)}</p>"
            + (f"<p>{escape(self.hint)}</p>" if self.hint else "")
            + (f"<dl>{rows}</dl>" if rows else "")
            + (f"<p>Read: {escape(self.read)}</p>" if self.read else "")
            + "</div>"
        )


def show(names: tuple[str, ...], values: tuple[Any, ...], digits: int = 4) -> str:
    """Values with their names: `theta = [0.53, -1.2], lr = 0.1`."""
    shown = (f"{n} = {_number(v, digits)}" for n, v in zip(names, values, strict=True))
    return ", ".join(shown)


def apart(
    names: tuple[str, ...], got: tuple[np.ndarray, ...], due: tuple[np.ndarray, ...]
) -> tuple[str, str]:
    """What came out and what was due, with as many digits as tell them apart."""
    for digits in range(4, 18):
        texts = show(names, got, digits), show(names, due, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _number(value: Any, digits: int) -> str:
    if callable(value):
        return str(value)
    if isinstance(value, str | bool | None):
        return repr(value)
    if np.ndim(value):
        return f"[{', '.join(_number(part, digits) for part in value)}]"
    return f"{value:.{digits}g}"


def a(value: Any) -> str:
    """What a value is, by its type: "an ndarray"."""
    name = type_name(value)
    return f"{'an' if name.startswith((*'aeioAEIO', 'nd')) else 'a'} {name}"


def type_name(value: Any) -> str:
    """The name of a value's type."""
    name = attribute(type(value), "__name__")
    return name if type(name) is str else "object"


def attribute(value: Any, name: str) -> Any:
    """An attribute of a student's object, which may answer with an error of its own."""
    try:
        return getattr(value, name)
    except Exception:
        return None
