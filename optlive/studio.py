"""A small network that is trained in the page, with the schedules that the reader bends."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optlib.rule import Rule
from optlib.schedule import Schedule
from optlive.figure import Controls, Figure, check_steps, javascript, sliders
from optlive.picture import MOST_LINES, Draw, draw_line, line_entry, marks
from optlive.runs import Hyper, ScheduleLine, check_rule
from optlive.words import number

BY_HAND = "by hand"
"""Label of the schedule that is drawn."""


def studio(
    schedules: Mapping[str, Schedule | tuple[Schedule, Hyper]],
    task: Any,
    rule: Rule,
    steps: int,
    *,
    top: float,
    knots: Sequence[float] = (),
    controls: Controls | None = None,
    seed: int = 0,
    ylim: tuple[float, float] = (0.1, 3.0),
    alt: str | None = None,
    **hyper: float,
) -> Figure:
    """The rate and the test loss over the steps, for schedules that the reader moves.

    Nothing in it was computed before but the start setting: the page trains the network itself, on
    the task's own examples, mini-batches and initial parameters, in a fraction of a second.

    Parameters
    ----------
    schedules : dict of label to Schedule or (Schedule, dict of hyper-parameters)
        One line each. The hyper-parameters of a pair belong to that line and do not move.
    task : optlab.tasks.Classification
        A network `MLP` without normalization and dropout, and at most 256 different input values,
        classes and 65536 examples, all of which travel in the page.
    rule : Rule
        The optimizer.
    steps : int
        Length of the training, 1 to 1000.
    top : float
        End of the axis of rates.
    knots : sequence of numbers
        At least two rates from 0 to `top`, evenly spread over the steps: one more schedule, of
        straight lines between points that the reader drags. Default none.
    controls : sequence of names, or dict of name to (low, high) or (low, high, "log")
        The sliders, see `signals`. Default: every hyper-parameter that is given.
    seed : int
        Of initial parameters and mini-batches, default 0.
    ylim : (low, high)
        Ends of the axis of losses, which is logarithmic.
    alt : str
        What the figure shows, for readers who do not see it. Default: made from the arguments.
    **hyper
        Hyper-parameters of the rule and, shared, of the schedules.

    Raises
    ------
    TypeError
        Something that is no rule, no schedule or no such task, or an unknown hyper-parameter.
    ValueError
        A value or a slider out of range, too many lines, or a rule that cannot be written in
        JavaScript.
    """
    steps = check_steps(steps)
    plans = _schedule_lines(schedules, knots, top, hyper)
    own: dict[str, Any] = {
        n: v for n, v in hyper.items() if n in check_rule(rule).hyper and n != "lr"
    }
    rule.check(**own)
    if unknown := set(hyper) - set(own) - {n for plan in plans for n in plan.names}:
        raise TypeError(f"no schedule has a hyper-parameter {', '.join(sorted(unknown))}")
    if "grad" in rule.arguments:
        raise ValueError(f"{rule.name} asks for gradients elsewhere; the studio's rules take g")

    every = max(1, steps // 40)
    places = np.linspace(0, steps, len(knots)).tolist()
    heights = [float(rate) for rate in knots]
    wanted = list(hyper) if controls is None else controls
    rates = []
    for plan in plans:
        schedule, peak = _called(plan, hyper, places, heights)
        rates.append(np.broadcast_to(schedule(np.arange(steps), lr=peak), steps))
    recorded = sorted({*range(0, steps, every), steps})
    losses = _test_losses(task, rule, np.transpose(rates), seed, recorded, own)
    data = {
        "view": "studio",
        "rule": javascript(rule),
        "task": _packed(task, seed, steps, every),
        "lines": [
            {
                "label": plan.label,
                "own": plan.own,
                "losses": [float(f"{x:.6g}") if np.isfinite(x) else None for x in loss],
                **({"schedule": javascript(plan.schedule)} if plan.schedule else {}),
                **marks(k),
            }
            for k, (plan, loss) in enumerate(zip(plans, losses, strict=True))
        ],
        "steps": steps,
        "places": places,
        "top": top,
        "y": dict(zip(("min", "max"), ylim, strict=True)),
        "controls": sliders(wanted, hyper, steps, plans),
        "state": {**hyper, "knots": heights},
    }

    def panel(xs: Any, values: list[np.ndarray], ylabel: str, **axis: Any) -> tuple[str, Draw]:
        def draw(axes: Any) -> None:
            axes.set(xlabel="step", title=ylabel, xlim=(0, steps), **axis)
            for k, ys in enumerate(values):
                draw_line(axes, k, xs, np.where(np.isfinite(ys), ys, np.nan), marked=12)

        return f"{ylabel} over the steps", draw

    def told(plan: ScheduleLine, loss: np.ndarray) -> str:
        good = loss[-1] <= 10 * loss[0]
        known = f"test loss {number(float(loss[-1]))} at step {steps}" if good else "diverges"
        return f"{plan.label}: {known}"

    return Figure(
        data,
        alt=alt
        or "Live figure: the learning rate over the steps and the test loss that it leads to, for "
        f"{', '.join(plan.label for plan in plans)}, with {rule.name} on {task.name}.",
        status=[told(plan, loss) for plan, loss in zip(plans, losses, strict=True)],
        legend=[line_entry(k, plan.label) for k, plan in enumerate(plans)],
        panels=[
            panel(np.arange(steps), rates, "learning rate", ylim=(0, top)),
            panel(recorded, losses, "test loss", yscale="log", ylim=ylim),
        ],
    )


def _schedule_lines(
    schedules: Mapping[str, Schedule | tuple[Schedule, Hyper]],
    knots: Sequence[float],
    top: float,
    hyper: Hyper,
) -> list[ScheduleLine]:
    """The lines, checked."""
    plans = []
    for label, item in schedules.items():
        schedule, own = item if isinstance(item, tuple) else (item, {})
        if not isinstance(schedule, Schedule) or schedule.result != "lr":
            raise TypeError(f"{label}: {schedule!r} is no schedule of lr; make one with @schedule")
        plans.append(ScheduleLine(label, schedule, own))
        schedule.check(**plans[-1].hyper(hyper))
    if len(knots):
        if len(knots) < 2 or not all(0 <= rate <= top for rate in knots):
            raise ValueError(f"knots = {knots!r}, but they must be two rates or more, 0 to {top:g}")
        plans.append(ScheduleLine(BY_HAND, None, {}))
    if not 1 <= len(plans) <= MOST_LINES:
        raise ValueError(f"a studio has one to {MOST_LINES} schedules, got {len(plans)}")
    return plans


def _called(
    plan: ScheduleLine, hyper: Hyper, places: list[float], knots: list[float]
) -> tuple[Any, float]:
    """The schedule as `sweep` calls it, and its peak."""
    if plan.schedule is None:
        return partial(drawn, places=places, knots=knots), 1.0
    known = plan.schedule.check(**plan.hyper(hyper))
    return partial(plan.schedule, **{n: v for n, v in known.items() if n != "lr"}), known["lr"]


def drawn(step: Any, lr: Any, *, places: list[float], knots: list[float]) -> Any:
    """Rates on straight lines between points, times `lr`."""
    return lr * np.interp(step, places, knots)


def _test_losses(
    task: Any, rule: Rule, rates: np.ndarray, seed: int, recorded: Sequence[int], hyper: Any
) -> list[np.ndarray]:
    """For each line, with rates (steps, lines), the test loss after each of the recorded steps."""
    import torch  # other figures do without PyTorch

    from optlib.faces.population import population

    steps, lines = rates.shape
    batches = (
        task.arguments(*(torch.from_numpy(np.stack([part] * lines)) for part in drawn))
        for drawn in task.draws(seed, steps)
    )
    start = task.start(seed).repeat(lines, 1)
    visited = population(rule, task.loss, start, batches, lr=rates, **hyper)
    losses = [
        [float(task.measure(one)["test_loss"]) for one in theta]
        for t, theta in enumerate(visited)
        if t in recorded
    ]
    return list(np.transpose(losses))


def _packed(task: Any, seed: int, steps: int, every: int) -> dict[str, Any]:
    """What the page needs to train: inputs as numbers of a table of their values, in base64."""
    network: Any = getattr(task, "network", None)
    hidden = getattr(network, "hidden", ())
    if len(hidden) != 1 or network.norm or network.dropout or task.l2:
        raise TypeError(
            f"{task!r} cannot be trained in the page: it takes a task with a network MLP of one "
            "hidden layer, without normalization, dropout and L2 term"
        )
    shape = [network.inputs, *hidden, network.classes]
    parts = {
        name: (part[0].numpy(), part[1].numpy())
        for name, part in (("train", task.train), ("test", task.test))
    }
    levels, inverse = np.unique(
        np.concatenate([inputs.ravel() for inputs, _ in parts.values()]), return_inverse=True
    )
    if len(levels) > 256 or network.classes > 256 or task.examples > 65536:
        raise ValueError(f"{task.name} is too large to travel in a page")
    sizes = np.cumsum([inputs.size for inputs, _ in parts.values()])[:-1]
    codes = np.split(inverse.ravel(), sizes)
    return {
        "units": shape,
        "levels": levels.tolist(),
        **{
            name: {"inputs": _base64(code, "u1"), "targets": _base64(targets, "u1")}
            for code, (name, (_, targets)) in zip(codes, parts.items(), strict=True)
        },
        "start": _base64(task.start(seed).numpy(), "<f8"),
        "batches": _base64(task.batches(seed, steps), "<u2"),
        "batch": task.batch,
        "every": every,
    }


def _base64(values: np.ndarray, kind: str) -> str:
    return b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()
