"""The live figure: HTML that is complete as it stands, which `figure.mjs` then makes answer.

Python writes the legend, the still pictures, the sliders, the words and the data. The module
draws the pictures anew in the same boxes, so that nothing jumps when it wakes.
"""

import json
import operator
import os
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from optlib.notation import Names, demand, quantity
from optlib.problems import Problem
from optlib.rule import Rule
from optlib.schedule import Schedule
from optlive.picture import Draw, still
from optlive.runs import RuleLine, ScheduleLine, meanings_of
from optlive.words import number, title

Controls = Sequence[str] | Mapping[str, tuple[Any, ...]]

_HERE = Path(__file__).parent


class Figure:
    """A live figure; the functions of `optlive` make it and Jupyter shows it.

    Attributes
    ----------
    alt : str
        What the figure shows, for readers who do not see it.
    status : str
        The numbers at the start setting, in words, a line each.
    data : dict
        What the browser is given, ready for JSON; rules and problems are JavaScript text in it.
    html : str
        The figure as it stands in the page.
    """

    def __init__(
        self,
        data: dict[str, Any],
        *,
        alt: str,
        status: list[str],
        legend: list[str],
        panels: list[tuple[str, Draw]],
        beside: str = "",
        switches: str = "",
    ) -> None:
        self.data = data
        self.alt = alt
        self.status = "\n".join(status)
        self._legend = legend
        self._panels = panels
        self._beside = beside
        self._switches = switches

    @cached_property
    def html(self) -> str:
        text = json.dumps(self.data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        key = sha256(text.encode()).hexdigest()[:8]
        wide = len(self._panels) == 1 and not self._beside
        size = (600, 380) if wide else (360, 315)
        panels = "".join(
            f'<div class="panel">{still(name, draw, size, self.status, f"{key}{k}")}</div>'
            for k, (name, draw) in enumerate(self._panels)
        )
        legend = f'<ul class="legend">{"".join(self._legend)}</ul>' if self._legend else ""
        controls = "".join(_slider(c, self.data["state"]) for c in self.data["controls"])
        reset = '<button type="button" disabled>Reset</button>' if self.data["state"] else ""
        status = "".join(f"<span>{escape(line)}</span>" for line in self.status.split("\n"))
        style = (_HERE / "figure.css").read_text("utf-8")
        # A closing tag inside of the data would end the script.
        script = text.replace("</", "<\\/")
        return (
            f'<figure class="optlib-live" role="group" aria-label="{escape(self.alt)}">'
            f"<style>{style}</style>"
            f'{legend}<div class="panels{" wide" * wide}">{panels}{self._beside}</div>'
            f"{self._switches}"
            f'<div class="controls{" pairs" * (len(self.data["controls"]) == 4)}">{controls}</div>'
            f'<div class="foot"><p role="status">{status}</p>{reset}</div>'
            f'<script type="application/json">{script}</script></figure>'
        )

    def __repr__(self) -> str:
        return f"{self.alt}\n{self.status}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self.html}
        # The book asks for HTML alone: its builder would prefer the widget, and fetch a manager.
        widget = None if os.environ.get("OPTLIB_LIVE") == "html" else self._widget
        if widget is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle

    @cached_property
    def _widget(self) -> Any:
        """The widget that shows the figure in a live notebook, None where there is no anywidget."""
        try:
            return _widget_class()(html=self.html)
        except ImportError:
            return None


@cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    class LiveFigure(anywidget.AnyWidget):
        _esm = _HERE / "figure.mjs"
        html = traitlets.Unicode().tag(sync=True)

    return LiveFigure


# What the views share.


def whole(name: str, value: Any, low: int, high: int) -> int:
    """`value` as an int, also from NumPy's; ValueError unless it is whole and in the range."""
    try:
        # True is an index for Python, but here it is a mistake.
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        raise ValueError(f"{name} = {value!r}, but it must be a whole number from {low} to {high}")
    return number


def check_steps(steps: Any) -> int:
    """The number of steps, a whole number from 1 to 1000."""
    return whole("steps", steps, 1, 1000)


def javascript(face: Rule | Problem | Schedule) -> str:
    """A face as JavaScript; ValueError, with the reason, if it cannot be so."""
    try:
        return face.javascript()
    except (NotImplementedError, OSError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(f"{face.name} cannot be written in JavaScript: {error}") from error


def sliders(
    wanted: Controls,
    state: Mapping[str, Any],
    steps: int,
    lines: Sequence[RuleLine | ScheduleLine] = (),
    names: Names | None = None,
) -> list[dict[str, Any]]:
    """The sliders, each with its name, label and range.

    Parameters
    ----------
    wanted : names, or dict of name to (low, high) or (low, high, "log")
        A name alone has the usual range.
    state : dict
        The values at the start.
    steps : int
        The last step.
    lines : sequence of Line or Plan
        The lines of the figure. If one of them has a value of its own, the label says for which
        others the slider is.
    names : dict of str to Quantity, optional
        What names mean in a rule; those of the lines' rules are known.

    Raises
    ------
    ValueError
        An unknown name, or a range that is none, does not hold the value or is not allowed.
    """
    names = meanings_of(lines) | dict(names or {})
    controls = []
    for name in wanted:
        if name not in state:
            raise ValueError(f"no slider {name!r}; there can be {', '.join(state)}")
        given = wanted[name] if isinstance(wanted, Mapping) else None
        ends = given or usual_range(name, state[name], steps, names)
        low, high, *kind = ends
        if kind not in ([], ["log"]) or not low < high or (kind and low <= 0):
            raise ValueError(f"slider {name}: {ends!r} is not (low, high) or (low, high, 'log')")
        demand("slider", name, [low, high], names)
        if not low <= state[name] <= high:
            raise ValueError(f"slider {name}: {state[name]:g} is not between {low:g} and {high:g}")
        stepped = quantity(name, names).whole
        if stepped and kind:
            raise ValueError(f"slider {name}: whole numbers are not logarithmic; give (low, high)")
        # A linear slider has a hundred places or some more, at round numbers.
        place = 1.0 if stepped else 10.0 ** np.floor(np.log10((high - low) / 90))
        scale = {"log": True} if kind else {"step": float(f"{place:.6g}")}
        label = "step" if name == "step" else title(name, names)  # the one that a figure shows
        if any(name in line.own for line in lines):
            moved = [n.label for n in lines if name in n.names and name not in n.own]
            label += f", for {' and '.join(moved)}"
        controls.append({"name": name, "label": label, "min": low, "max": high, **scale})
    return controls


def usual_range(name: str, value: float, steps: int, names: Names | None = None) -> tuple[Any, ...]:
    """A slider's range where the author gives none."""
    known = quantity(name, names)
    if name == "step":
        return 0, steps
    if name == "kappa":
        return 1, max(100, value), "log"
    if known.whole:
        return known.low, max(20, 2 * value)
    if np.isfinite(known.high):
        return known.low, known.high - 0.01 * (known.high - known.low)
    if value <= 0:
        raise ValueError(f"slider {name}: give its range, as it starts at {value:g}")
    return float(f"{value / 20:.1g}"), float(f"{value * 20:.1g}"), "log"


def _slider(control: dict[str, Any], state: Mapping[str, Any]) -> str:
    """A slider as it stands before the module wakes it."""
    value, low, high = state[control["name"]], control["min"], control["max"]
    text = control["values"][value] if "values" in control else number(value)
    if control.get("log"):
        value, low, high = 200 * np.log(value / low) / np.log(high / low), 0, 200
    return (
        f'<div class="control"><label><span>{escape(control["label"])}</span>'
        f'<input type="range" min="{low:g}" max="{high:g}" step="{control.get("step", 1):g}" '
        f'value="{value:g}" aria-valuetext="{text}" disabled></label><output>{text}</output></div>'
    )
