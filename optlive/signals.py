"""What rules see and do, step by step."""

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from optlib.faces.path import visit
from optlib.notation import Names
from optlib.problems import Problem
from optlive.figure import Controls, Figure, check_steps, javascript, sliders, whole
from optlive.picture import Draw, draw_line, line_entry, marks
from optlive.runs import Hyper, RuleLine, Rules, begin_at, lines_of, meanings_of, settings_of
from optlive.words import number, title

# Of one coordinate: the name over the panel, and how the sentence calls it.
_SEEN = {
    "g": ("g gradient", "gradient"),
    "move": ("Δ move: what is added to the parameter", "move"),
    "rate": ("−Δ/g effective learning rate", "effective learning rate"),
}


def signals(
    rules: Rules,
    problem: Problem,
    start: float | Sequence[float] = 0.0,
    steps: int = 60,
    *,
    show: str | Sequence[str] = ("g", "rate"),
    step: int | None = None,
    controls: Controls | None = None,
    log: str | Collection[str] = ("rate", "v", "loss"),
    alt: str | None = None,
    **hyper: float,
) -> Figure:
    """Quantities of rules over the steps of a problem, which may change from step to step.

    Parameters
    ----------
    rules : Rule, sequence of Rule, or dict of label to Rule or (Rule, dict of hyper-parameters)
        One to four lines. The hyper-parameters of a pair belong to that line and do not move.
    problem : Problem
        With one or two coordinates, online or not.
    start : number, or sequence of a number a coordinate
        Where to begin, default 0.
    steps : int
        Number of steps computed, 1 to 1000, default 60.
    show : str, or one or two of them
        What is drawn, a panel each. "g" is the gradient that a step sees and "loss" the loss
        there, "move" what the step adds to the parameter and "rate" the effective learning rate
        -move / g, with a gap where g is 0. A coordinate's name is the parameter itself after the
        step, and the name of a slot that all rules have that slot. Of two coordinates only their
        names and "loss".
    step : int
        The step that is marked at first; default the last.
    controls : sequence of names, or dict of name to (low, high) or (low, high, "log")
        The sliders: hyper-parameters, settings of the problem, "step". Default: every
        hyper-parameter that is given, every setting and the step.
    log : names of quantities
        These have a logarithmic axis, on which what is not above 0 is a gap; names that are not
        shown do no harm.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        Hyper-parameters, for all rules that have them.

    Raises
    ------
    TypeError
        Something that is no rule or no problem, or an unknown hyper-parameter.
    ValueError
        A quantity that cannot be shown, a value or a slider out of range, an unknown slider, a
        start of the wrong shape, or a rule or a problem that cannot be written in JavaScript.
    """
    lines = lines_of(rules, hyper)
    begin = begin_at(problem, start)
    steps = check_steps(steps)
    step = whole("step", steps if step is None else step, 0, steps)
    names = [show] if isinstance(show, str) else list(show)
    log = [log] if isinstance(log, str) else log
    _check_shown(names, lines, problem)

    series = [_series(line, problem, begin, steps, hyper) for line in lines]
    labels = [line.label for line in lines]
    shown: list[dict[str, Any]] = [
        {"name": n, **_spelled(n, problem, meanings_of(lines)), "log": n in log} for n in names
    ]
    state = {**settings_of(problem, hyper), "step": step}
    data = {
        "view": "signals",
        "problem": javascript(problem),
        "coordinates": list(problem.coordinates),
        "lines": [
            {"label": line.label, "rule": javascript(line.rule), "hyper": line.own, **marks(k)}
            for k, line in enumerate(lines)
        ],
        "steps": steps,
        "start": begin.tolist(),
        "show": shown,
        "controls": sliders(list(state) if controls is None else controls, state, steps, lines),
        "state": state,
    }

    def draw(quantity: dict[str, Any]) -> Draw:
        name, log = quantity["name"], quantity["log"]

        def panel(axes: Any) -> None:
            low, high = _extent(np.concatenate([one[name] for one in series]), log)
            axes.set(yscale="log" if log else "linear", xlim=(0, steps), ylim=(low, high))
            axes.set(xlabel="step", title=quantity["label"])
            for k, one in enumerate(series):
                ys = one[name][: step + 1]
                gaps = np.where(ys > 0, ys, np.nan) if log else ys
                draw_line(axes, k, np.arange(step + 1), gaps)

        return panel

    def words(label: str, one: dict[str, np.ndarray]) -> str:
        values = [f"{s['word']} {number(float(one[s['name']][step]))}" for s in shown]
        return f"{label}: {', '.join(values)} at step {step}"

    what = " and ".join(s["label"].partition(":")[0] for s in shown)
    return Figure(
        data,
        alt=alt
        or f"Live figure: {what} over the steps, for {', '.join(labels)} on {problem.name}.",
        status=[words(label, one) for label, one in zip(labels, series, strict=True)],
        legend=[line_entry(k, label) for k, label in enumerate(labels)],
        panels=[(s["label"], draw(s)) for s in shown],
    )


def _check_shown(names: list[str], lines: list[RuleLine], problem: Problem) -> None:
    possible = [*problem.coordinates, "loss"]
    if len(problem.coordinates) == 1:
        slots = [n for n in lines[0].rule.slots if all(n in line.rule.slots for line in lines)]
        possible += [*_SEEN, *slots]
    if not 1 <= len(set(names)) == len(names) <= 2:
        raise ValueError(f"show has one or two different quantities, got {names!r}")
    if len(set(possible)) < len(possible):
        raise ValueError(
            f"{problem.name} has a coordinate that is called as what rules have or see "
            f"({', '.join(possible)}): give it another name"
        )
    if unknown := [name for name in names if name not in possible]:
        raise ValueError(
            f"{' and '.join(unknown)} cannot be shown for these rules on {problem.name}; "
            f"there can be {', '.join(possible)}"
        )


def _spelled(name: str, problem: Problem, names: Names) -> dict[str, str]:
    """The name over the panel, and the word in the sentence."""
    if name in problem.coordinates:
        return {"label": name, "word": f"{name} ="}
    if name == "loss":
        return {"label": "loss", "word": "loss"}
    label, word = _SEEN.get(name, (title(name, names).partition(":")[0], f"{name} ="))
    return {"label": label, "word": word}


def _series(
    line: RuleLine, problem: Problem, begin: np.ndarray, steps: int, hyper: Hyper
) -> dict[str, np.ndarray]:
    """Each quantity at t = 0 ... steps, as `signal` in figure.mjs makes it; nan for none."""
    gradients = [np.full_like(begin, np.nan)]  # the start has seen nothing

    def gradient(theta: np.ndarray, t: int) -> np.ndarray:
        gradients.append(problem.grad(theta, t))
        return gradients[-1]

    watched = SimpleNamespace(grad=gradient, online=True)
    rule, settings = line.rule, line.rule.check(**line.hyper(hyper))
    visited = list(visit(rule, watched, begin, steps, settings))
    points = np.array([theta for _, theta, _, _ in visited])
    g = np.array(gradients)[:, 0]
    with np.errstate(all="ignore"):
        move = np.diff(points[:, 0], prepend=np.nan)
        losses = problem.loss(points[:-1], np.arange(1, steps + 1))
        rate = np.where(g == 0, np.nan, -move / g)
    seen = {"g": g, "move": move, "rate": rate, "loss": np.array([np.nan, *losses])}
    slots = {n: np.array([state[n][0] for *_, state in visited]) for n in rule.slots}
    return slots | seen | dict(zip(problem.coordinates, points.T, strict=True))


def _extent(values: np.ndarray, log: bool) -> tuple[float, float]:
    """The vertical axis, as `extent` in figure.mjs: all that can be drawn, and room around it."""
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(values):
        return (0.1, 1.0) if log else (-1.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        # At least a decade, so that a power of ten is in sight.
        low = max(low, 1e-16 * high)
        room = max(1.5, float(np.sqrt(11 * low / high)))
        return low / room, high * room
    size = max(-low, high)
    # What differs by rounding alone is a constant.
    room = 0.08 * (high - low) if high - low > 1e-9 * size else 0.5 * size or 1.0
    return low - room, high + room
