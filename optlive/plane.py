"""What a rule does on a quadratic, for each pair of settings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optlib.notation import Names, demand
from optlib.rule import Rule
from optlive.figure import Controls, Figure, check_steps, javascript, sliders, usual_range
from optlive.picture import INK, PAPER, TINT, WARM, draw_line, entry, line_entry, marks
from optlive.words import number, symbol, title

Axis = tuple[str, float, float]


def plane(
    rule: Rule,
    *,
    curvature: float = 1.0,
    kappa: float | None = None,
    steps: int = 40,
    x: Axis | None = None,
    y: Axis | None = None,
    rates: Sequence[float] = (0.5, 0.7, 0.8, 0.9),
    controls: Controls | None = None,
    alt: str | None = None,
    **hyper: float,
) -> Figure:
    """What a rule does on a quadratic for each pair of settings, and the run at a chosen pair.

    The plane is divided into monotone (each eigenvalue of one step is a number from 0 to 1),
    oscillating (some are negative or complex) and divergent (the rate, which is the size of the
    largest one, is above 1). The reader drags the pair.

    Parameters
    ----------
    rule : Rule
        Linear on a quadratic, with at most one slot: sgd, sgdm, nag, nag_lookahead.
    curvature : float
        Of a quadratic of one parameter, default 1.
    kappa : float
        Two parameters instead, with the curvatures 1 and kappa. The rate is then the larger one,
        and one that oscillates is enough to oscillate.
    steps : int
        Length of the run, which begins at 1; from 1 to 1000, default 40.
    x, y : (name, low, high)
        The axes: hyper-parameters, "curvature" or "kappa". Default: learning rate and momentum,
        or for a rule without momentum learning rate and curvature (or kappa).
    rates : sequence of float
        Draw lines of these rates.
    controls : sequence of names, or dict of name to (low, high) or (low, high, "log")
        The sliders. Default: the two axes, and the curvature (or kappa).
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        The pair at the start, and other hyper-parameters.

    Raises
    ------
    TypeError
        Something that is no rule, or an unknown hyper-parameter.
    ValueError
        A value, an axis or a slider out of range, or a rule that has no such plane or cannot be
        written in JavaScript.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"{rule!r} is no rule; make one with @rule")
    bend, bent = ("curvature", curvature) if kappa is None else ("kappa", kappa)
    demand("plane", bend, bent)
    if not bent > 0:
        raise ValueError(f"plane: curvature = {bent!r}, but it must be above 0")
    state = {**rule.check(**hyper), bend: bent}
    steps = check_steps(steps)
    if len(rule.slots) > 1 or not _is_linear(rule, state):
        raise ValueError(f"{rule.name} has no plane: it is not linear with at most one slot")

    horizontal, vertical = _axes(rule, bend, bent)
    horizontal, vertical = x or horizontal, y or vertical
    for name, low, high in (horizontal, vertical):
        if name not in state:
            raise ValueError(f"no axis {name!r}; there can be {', '.join(state)}")
        if not low <= state[name] <= high:
            raise ValueError(f"{name} = {state[name]:g} is not on its axis, {low:g} to {high:g}")
    ranges = {name: (low, high) for name, low, high in (horizontal, vertical)}
    usual = ranges | {bend: ranges.get(bend) or usual_range(bend, bent, steps, rule.names)}
    rate, steady = _response(rule, state)
    word = "divergent" if rate > 1 + 1e-12 else "oscillating" if steady < 0 else "monotone"
    pair = ", ".join(f"{symbol(name, rule.names)} = {number(state[name])}" for name in ranges)
    data = {
        "view": "plane",
        "rule": javascript(rule),
        "x": _axis(horizontal, rule.names),
        "y": _axis(vertical, rule.names),
        "rates": list(rates),
        "lines": [marks(k) for k in range(len(_curvatures(state)))],
        "steps": steps,
        "controls": sliders(
            usual if controls is None else controls, state, steps, names=rule.names
        ),
        "state": state,
    }

    def draw_plane(axes: Any) -> None:
        (across, left, right), (up, low, high) = horizontal, vertical
        grid = np.meshgrid(np.linspace(left, right, 61), np.linspace(low, high, 61))
        rate, steady = _response(rule, {**state, across: grid[0], up: grid[1]})
        regions = (
            (np.ones_like(rate), WARM, 0.18, "xx"),
            (1 - rate, TINT, 0.14, "--"),
            (np.minimum(1 - rate, steady), TINT, 0.34, ""),
        )
        for field, colour, alpha, hatch in regions:
            area = {"levels": [-1e-12, np.inf]}
            axes.contourf(*grid, field, **area, colors=[PAPER])
            axes.contourf(*grid, field, **area, colors=[colour], alpha=alpha)
            axes.contourf(*grid, field, **area, colors="none", hatches=[hatch])
        lines = axes.contour(*grid, rate, levels=sorted(rates), colors=[INK], linewidths=0.8)
        axes.clabel(lines, fontsize=12)
        axes.plot(state[across], state[up], "o", color=INK, mfc=PAPER, ms=12, mew=2)
        axes.set(xlabel=title(across, rule.names), title=title(up, rule.names))

    def draw_run(axes: Any) -> None:
        axes.set(xlim=(0, steps), ylim=(-1.5, 1.5), xlabel="step t", title="θ")
        for k, h in enumerate(_curvatures(state)):
            settings = {name: state[name] for name in rule.hyper}
            run = rule.path(lambda theta, h=h: h * theta, 1.0, steps, **settings)
            draw_line(axes, k, np.arange(steps + 1), run[:, 0])

    directions = ["the run"] if kappa is None else ["along curvature 1", "along curvature κ"]
    return Figure(
        data,
        alt=alt
        or f"Live figure: where {rule.name} is monotone, oscillating and divergent on a quadratic, "
        f"by {' and '.join(title(name, rule.names) for name in ranges)}, and its run at one "
        "point of that plane.",
        status=[f"{pair}: {word}, rate {number(float(rate))}"],
        legend=[*_REGIONS, *(line_entry(k, text) for k, text in enumerate(directions))],
        panels=[("Regions", draw_plane), ("Run", draw_run)],
    )


def _axes(rule: Rule, bend: str, bent: float) -> tuple[Axis, Axis]:
    """The usual axes: a little more than the learning rates with which the rule can converge."""
    if "momentum" in rule.hyper:
        return ("lr", 0.0, 4.2 / bent), ("momentum", 0.0, 0.99)
    return ("lr", 0.0, 1.0), ("kappa", 1.0, 20.0) if bend == "kappa" else ("curvature", 0.0, 10.0)


def _axis(axis: Axis, names: Names) -> dict[str, Any]:
    name, low, high = axis
    words = {"label": title(name, names), "symbol": symbol(name, names)}
    return {"name": name, "min": low, "max": high, **words}


def _curvatures(values: Mapping[str, Any]) -> list[Any]:
    return [1.0, values["kappa"]] if "kappa" in values else [values["curvature"]]


def _response(rule: Rule, values: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rate and steadiness, as `response` in figure.mjs says; values may be arrays of one shape."""
    each = []
    for h in _curvatures(values):
        images = _images(rule, h, values, [(1.0, 0.0), (0.0, 1.0)])
        if not rule.slots:
            each.append((np.abs(images[0, 0]), images[0, 0]))
            continue
        (a, c), (b, d) = images
        trace, determinant = a + d, a * d - b * c
        discriminant = trace**2 - 4 * determinant
        real = (np.abs(trace) + np.sqrt(np.maximum(discriminant, 0))) / 2
        rate = np.where(discriminant < 0, np.sqrt(np.maximum(determinant, 0)), real)
        each.append((rate, np.minimum(np.minimum(discriminant, determinant), trace)))
    rates, steadies = zip(*each, strict=True)
    return np.max(rates, axis=0), np.min(steadies, axis=0)


def _images(rule: Rule, h: Any, values: Mapping[str, Any], vectors: Any) -> np.ndarray:
    """Where one step on a quadratic of curvature h takes each of `vectors` (theta, slot)."""
    hyper = {name: values[name] for name in rule.hyper}
    shape = np.broadcast_shapes(*map(np.shape, [h, *hyper.values()]))
    images = []
    for theta, slot in vectors:
        state = dict.fromkeys(rule.slots, slot)
        g = (lambda at: h * at) if rule.needs_function else h * theta
        move, after = rule.update(theta, g, state, 1, hyper)
        images.append([np.broadcast_to(v, shape) for v in (theta + move, *after.values())])
    return np.array(images)


def _is_linear(rule: Rule, state: Mapping[str, Any]) -> bool:
    """Whether a step on a quadratic is linear in (theta, slot), tried on one combination."""
    vectors = [(1.0, 0.0), (0.0, 1.0), (3.0, -2.0)]
    one, other, both = _images(rule, _curvatures(state)[-1], state, vectors)
    return bool(np.allclose(both, 3 * one - 2 * other))


def _region(word: str, hatch: str) -> str:
    area = f'<path class="{word}" d="M0,0H34V16H0Z"/>'
    return entry(f'{area}<path class="hatch" d="{hatch}"/>', word)


_REGIONS = [
    _region("monotone", ""),
    _region("oscillating", "M0,4H34M0,12H34"),
    _region("divergent", "M1,0l16,16M9,0l16,16M17,0l16,16M17,0l-16,16M25,0l-16,16M33,0l-16,16"),
]
