"""Paths of rules on a problem."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optlib.faces.path import visit
from optlib.problems import Problem
from optlive.figure import Controls, Figure, check_steps, javascript, sliders, whole
from optlive.ground import Ground
from optlive.picture import INK, Draw, draw_line, entry, line_entry, marks
from optlive.runs import Hyper, RuleLine, Rules, fate, lines_of, settings_of


def paths(
    rules: Rules,
    problem: Problem,
    start: float | Sequence[float],
    steps: int = 60,
    *,
    step: int | None = None,
    controls: Controls | None = None,
    window: Sequence[tuple[float, float]] | None = None,
    lookahead: bool = False,
    slots: Mapping[str, str] | None = None,
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
    slots : dict of label to name of a slot
        Lines that show a slot instead of the parameters, one that begins there, such as the slow
        weights of Lookahead.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        Hyper-parameters, for all rules that have them.

    Raises
    ------
    TypeError
        Something that is no rule or no problem, or an unknown hyper-parameter.
    ValueError
        A value or a slider out of range, an unknown slider or slot, a start of the wrong shape, or
        a rule or a problem that cannot be written in JavaScript.
    """
    lines = lines_of(rules, hyper)
    slots = dict(slots or {})
    _check_slots(slots, lines)
    ground = Ground(problem, start, window)
    steps = check_steps(steps)
    if step is None:
        step = min(3, steps) if lookahead else steps
    step = whole("step", step, 0, steps)
    if lookahead and ground.flat:
        raise ValueError("lookahead draws arrows on a map: it needs a problem of two coordinates")
    if lookahead and slots:
        raise ValueError("lookahead draws steps of the parameters: it has no slots")

    runs = [_run(line, slots.get(line.label), ground, steps, hyper) for line in lines]
    losses = [ground.losses(run) for run in runs]
    far = ground.far
    labels = [line.label for line in lines]
    state = {**settings_of(problem, hyper), "step": step}
    data = {
        "view": "paths",
        **ground.data,
        "lines": [
            {
                "label": line.label,
                "rule": javascript(line.rule),
                "hyper": line.own,
                **({"slot": slots[line.label]} if line.label in slots else {}),
                **marks(k),
            }
            for k, line in enumerate(lines)
        ],
        "steps": steps,
        "lookahead": lookahead,
        "controls": sliders(list(state) if controls is None else controls, state, steps, lines),
        "state": {**state, "start": ground.begin.tolist()},
    }

    def draw_map(shown: Sequence[int], title: str) -> Draw:
        def draw(axes: Any) -> None:
            ground.draw(axes, title)
            for k in shown:
                xs, ys = runs[k][:, 0], ground.heights(runs[k])
                draw_line(axes, k, xs[: step + 1], ys[: step + 1])
                if lookahead:
                    _draw_parts(axes, lines[k], ground, step, hyper)

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

    legend = [line_entry(k, label) for k, label in enumerate(labels)]
    panels = [
        ("Paths on the loss", draw_map(range(len(lines)), ground.vertical)),
        ("Loss", draw_losses),
    ]
    if lookahead:
        legend = _ARROWS
        panels = [(f"Path of {label}", draw_map([k], label)) for k, label in enumerate(labels)]
    return Figure(
        data,
        alt=alt
        or f"Live figure: {', '.join(labels)} on the loss {problem.name} from {ground.where}.",
        status=[f"{n}: {fate(loss, far, step)}" for n, loss in zip(labels, losses, strict=True)],
        legend=legend,
        panels=panels,
    )


def _check_slots(slots: Mapping[str, str], lines: Sequence[RuleLine]) -> None:
    starts = {line.label: line.rule.start for line in lines}
    for label, slot in slots.items():
        if starts.get(label, {}).get(slot) != "theta":
            raise ValueError(
                f"{label} has no slot {slot!r} that begins at the parameters and could be shown"
            )


def _run(line: RuleLine, slot: str | None, ground: Ground, steps: int, hyper: Hyper) -> np.ndarray:
    """What the line shows, (steps + 1, coordinates): the parameters, or a slot in their place."""
    settings = line.rule.check(**line.hyper(hyper))
    visited = visit(line.rule, ground.problem, ground.begin, steps, settings)
    return np.array([theta if slot is None else state[slot] for _, theta, _, state in visited])


def _draw_parts(axes: Any, line: RuleLine, ground: Ground, step: int, hyper: Hyper) -> None:
    """The step that leaves the marked point, as `parts` in figure.mjs takes it apart."""
    rule, settings = line.rule, line.rule.check(**line.hyper(hyper))
    *_, (t, theta, _, state) = visit(rule, ground.problem, ground.begin, step, settings)
    looks = [theta]

    def gradient(at: np.ndarray) -> np.ndarray:
        looks.append(at)
        return ground.problem.grad(at)

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
