"""Paths of rules on a problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optlib.faces.path import visit
from optlib.live.figure import Controls, Figure, check_steps, javascript, sliders, whole
from optlib.live.picture import (
    INK,
    MARGINS,
    MOST_LINES,
    MUTED,
    TINT,
    Draw,
    draw_line,
    entry,
    line_entry,
    marks,
)
from optlib.live.words import number
from optlib.problems import Problem
from optlib.rule import Rule

Hyper = dict[str, float]


def paths(
    rules: Rule | Sequence[Rule] | Mapping[str, Rule | tuple[Rule, Hyper]],
    problem: Problem,
    start: float | Sequence[float],
    steps: int = 60,
    *,
    step: int | None = None,
    controls: Controls | None = None,
    window: Sequence[tuple[float, float]] | None = None,
    lookahead: bool = False,
    alt: str | None = None,
    **hyper: float,
) -> Figure:
    """Paths of rules on a problem of one or two parameters, and their loss over the steps.

    Parameters
    ----------
    rules : Rule, sequence of Rule, or dict of label to Rule or (Rule, dict of hyper-parameters)
        One to four lines. The hyper-parameters of a pair belong to that line and do not move.
    problem : Problem
        With one or two coordinates.
    start : number, or sequence of a number a coordinate
        Where to begin; the reader drags it.
    steps : int
        Number of steps computed, 1 to 1000, default 60.
    step : int
        The step that is marked at first; default the last, or the third with `lookahead`.
    controls : sequence of names, or dict of name to (low, high) or (low, high, "log")
        The sliders: hyper-parameters, settings of the problem, "step". Default: every
        hyper-parameter that is given, every setting and the step.
    window : sequence of (low, high)
        What the map shows at least, a pair a coordinate. Default: a little more than from the
        start to the other side of the minimum.
    lookahead : bool
        Instead of the loss draw each rule on a map of its own, with the step that leaves the
        marked point as two arrows and the point where its gradient is taken.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        Hyper-parameters, for all rules that have them.

    Raises
    ------
    TypeError
        Something that is no rule or no problem, or an unknown hyper-parameter.
    ValueError
        A value or a slider out of range, an unknown slider, a start of the wrong shape, or a rule
        or a problem that cannot be written in JavaScript.
    """
    lines = _lines(rules, hyper)
    begin = _begin(problem, start)
    steps = check_steps(steps)
    if step is None:
        step = min(3, steps) if lookahead else steps
    step = whole("step", step, 0, steps)
    flat = len(begin) == 1
    if lookahead and flat:
        raise ValueError("lookahead draws arrows on a map: it needs a problem of two coordinates")
    if window is None:
        reach = 1.25 * max(np.abs(begin - problem.minimum).max(), 0.1)
        window = [(float(c - reach), float(c + reach)) for c in problem.minimum]
    if np.shape(window) != (len(begin), 2) or any(not low < high for low, high in window):
        raise ValueError(f"window must be a pair (low, high) a coordinate, got {window!r}")

    runs = [line.rule.path(problem, begin, steps, **line.hyper(hyper)) for line in lines]
    with np.errstate(over="ignore", invalid="ignore"):
        losses = [problem.loss(run) for run in runs]
    # Far above anything in the window: the run has left for good. As in figure.mjs.
    far = 1000 * max(float(losses[0][0]), float(problem.loss([low for low, _ in window])))
    labels = [line.label for line in lines]
    state = {**hyper, **problem.settings, "step": step}
    data = {
        "view": "paths",
        "problem": javascript(problem),
        "coordinates": list(problem.coordinates),
        "lines": [
            {"label": line.label, "rule": javascript(line.rule), "hyper": line.own, **marks(k)}
            for k, line in enumerate(lines)
        ],
        "steps": steps,
        "window": [list(map(float, pair)) for pair in window],
        "lookahead": lookahead,
        "controls": sliders(list(state) if controls is None else controls, state, steps),
        "state": {**state, "start": begin.tolist()},
    }

    def draw_map(shown: Sequence[int], title: str) -> Draw:
        def draw(axes: Any) -> None:
            axes.set(xlabel=problem.coordinates[0], title=title)
            (_draw_curve if flat else _draw_contours)(axes, problem, window)
            for k in shown:
                xs, ys = runs[k][:, 0], losses[k] if flat else runs[k][:, 1]
                draw_line(axes, k, xs[: step + 1], ys[: step + 1])
                if lookahead:
                    _draw_parts(axes, lines[k], problem, begin, step, hyper)

        return draw

    def draw_losses(axes: Any) -> None:
        kept = [run for run in losses if (run <= far).all()]
        top = losses[0][:1] * (1 if len(kept) == len(losses) else 100)
        numbers = np.concatenate([*kept, top])
        low, high = numbers[numbers > 0].min(initial=np.inf), numbers.max() or 1.0
        axes.set(yscale="log", xlim=(0, steps), xlabel="step", title="loss")
        axes.set_ylim(max(min(low, high / 100), 1e-16 * high) / 1.5, high * 1.5)
        for k, loss in enumerate(losses):
            draw_line(axes, k, np.arange(step + 1), np.maximum(loss[: step + 1], 1e-300))

    vertical = "loss" if flat else problem.coordinates[1]
    legend = [line_entry(k, label) for k, label in enumerate(labels)]
    panels = [("Paths on the loss", draw_map(range(len(lines)), vertical)), ("Loss", draw_losses)]
    if lookahead:
        legend = _ARROWS
        panels = [(f"Path of {label}", draw_map([k], label)) for k, label in enumerate(labels)]
    where = ", ".join(f"{n} = {number(v)}" for n, v in zip(problem.coordinates, begin, strict=True))
    return Figure(
        data,
        alt=alt or f"Live figure: {', '.join(labels)} on the loss {problem.name} from {where}.",
        status=[f"{n}: {_fate(loss, far, step)}" for n, loss in zip(labels, losses, strict=True)],
        legend=legend,
        panels=panels,
    )


@dataclass(frozen=True)
class _Line:
    """A rule in the figure, with hyper-parameters of its own."""

    label: str
    rule: Rule
    own: Hyper

    def hyper(self, shared: Hyper) -> Hyper:
        """The shared hyper-parameters that the rule has, and the line's own."""
        return {n: v for n, v in shared.items() if n in self.rule.hyper} | self.own


def _lines(rules: Any, hyper: Hyper) -> list[_Line]:
    rules = [rules] if isinstance(rules, Rule) else rules
    items = list(rules.items()) if isinstance(rules, Mapping) else [("", r) for r in rules]
    if not 1 <= len(items) <= MOST_LINES:
        raise ValueError(f"a figure has one to {MOST_LINES} rules, got {len(items)}")
    lines = []
    for label, item in items:
        rule, own = item if isinstance(item, tuple) else (item, {})
        if not isinstance(rule, Rule):
            raise TypeError(f"{rule!r} is no rule; make one with @rule")
        lines.append(_Line(label or rule.name, rule, own))
        rule.check(**lines[-1].hyper(hyper))
    unknown = set(hyper).difference(*(line.rule.hyper for line in lines))
    if unknown:
        raise TypeError(f"no rule has a hyper-parameter {', '.join(sorted(unknown))}")
    return lines


def _begin(problem: Any, start: Any) -> np.ndarray:
    if not isinstance(problem, Problem) or len(problem.coordinates) > 2:
        raise TypeError(f"paths needs a problem of one or two coordinates, got {problem!r}")
    begin = np.atleast_1d(np.asarray(start, dtype=float))
    if begin.shape != (len(problem.coordinates),) or not np.isfinite(begin).all():
        raise ValueError(
            f"start = {start!r}, but {problem.name} has {len(problem.coordinates)} coordinates "
            f"({', '.join(problem.coordinates)}): give a finite number for each"
        )
    return begin


def _fate(losses: np.ndarray, far: float, step: int) -> str:
    gone = np.flatnonzero(~(losses <= far))
    if len(gone):
        return f"diverges at step {gone[0]}"
    return f"loss {number(float(losses[step]))} at step {step}"


def _draw_curve(axes: Any, problem: Problem, window: Any) -> None:
    ((left, right),) = window
    xs = np.linspace(left, right, 201)
    loss = problem.loss(xs[:, None])
    axes.plot(xs, loss, color=MUTED, lw=2)
    axes.set(xlim=(left, right), ylim=(loss.min() - 0.06 * np.ptp(loss), loss.max()))


def _draw_contours(axes: Any, problem: Problem, window: Any) -> None:
    """The loss in the window, widened so that one unit is as long along x as along y."""
    left, right, top, bottom = MARGINS
    pixels = np.array([360 - left - right, 315 - top - bottom])
    (x0, x1), (y0, y1) = window
    reach = max((x1 - x0) / pixels[0], (y1 - y0) / pixels[1]) * pixels / 2
    middle = np.array([x0 + x1, y0 + y1]) / 2
    (x0, y0), (x1, y1) = middle - reach, middle + reach
    grid = np.meshgrid(np.linspace(x0, x1, 41), np.linspace(y0, y1, 41))
    loss = problem.loss(np.stack(grid, axis=-1))
    for level in np.quantile(loss, (np.arange(9.5, 0, -1) / 10) ** 1.5):
        axes.contourf(*grid, loss, levels=[-np.inf, level], colors=[TINT], alpha=0.07)
    axes.plot(*problem.minimum, "+", color=INK, ms=10)
    axes.set(xlim=(x0, x1), ylim=(y0, y1))


def _draw_parts(
    axes: Any, line: _Line, problem: Problem, begin: np.ndarray, step: int, hyper: Hyper
) -> None:
    """The step that leaves the marked point, as `parts` in figure.mjs takes it apart."""
    rule, settings = line.rule, line.rule.check(**line.hyper(hyper))
    *_, (t, theta, _, state) = visit(rule, problem, begin, step, settings)
    looks = [theta]

    def gradient(at: np.ndarray) -> np.ndarray:
        looks.append(at)
        return problem.grad(at)

    ends = [theta]
    for function in (np.zeros_like, gradient):
        g = function if rule.needs_function else function(theta)
        ends.append(theta + rule.update(theta, g, state, t, settings)[0])
    for tail, tip, style in zip(ends, ends[1:], ("-", (0, (2, 1))), strict=False):
        kind = {"arrowstyle": "-|>", "color": INK, "lw": 2, "ls": style}
        axes.annotate("", tip, tail, arrowprops={**kind, "shrinkA": 0, "shrinkB": 0})
    axes.plot(*looks[-1], "o", color=INK, mfc="none", ms=10, mew=1.75)


def _arrow(kind: str, text: str) -> str:
    shaft, head = '<path class="shaft" d="M0,8H25"/>', '<path class="head" d="M34,8L24,12.5V3.5Z"/>'
    return entry(f'<g class="arrow {kind}">{shaft}{head}</g>', text)


_ARROWS = [
    _arrow("momentum", "the step without a gradient"),
    _arrow("gradient", "what the gradient adds"),
    entry('<circle class="look" cx="17" cy="8" r="6"/>', "where the gradient is taken"),
]
