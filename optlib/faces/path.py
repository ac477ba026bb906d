"""The path face: a rule run by NumPy on a problem."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from optlib.iteration import Iteration, State


def visit(
    rule: Iteration, problem: Any, start: Any, steps: int, hyper: dict[str, Any]
) -> Iterator[tuple[int, np.ndarray, Any, State]]:
    """Yield t, the parameters, what the rule takes as gradient, and the state, before each step.

    One more is yielded after the last step, with t = steps + 1 and no gradient.
    """
    if not (isinstance(steps, int | np.integer) and steps >= 0):
        raise ValueError(f"steps = {steps!r}, but it must be a whole number, 0 or more")
    if not callable(getattr(problem, "grad", problem)):
        raise TypeError(
            f"the problem must be a Problem or a gradient function, got {type(problem).__name__}"
        )
    # A hyper-parameter's axes stand before the coordinates, which are the last axis of theta.
    hyper = {n: v if np.ndim(v) == 0 else np.asarray(v)[..., None] for n, v in hyper.items()}
    if np.asarray(start).dtype.kind not in "iuf":
        raise TypeError(f"the start must be numbers, got {start!r}")
    theta = np.atleast_1d(np.asarray(start, dtype=float))
    theta = np.broadcast_to(theta, np.broadcast_shapes(theta.shape, *map(np.shape, hyper.values())))
    state = rule.init(theta)
    for t in range(1, steps + 2):
        # A run that diverges goes on as inf and nan, which is what a reader wants to see.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if t > steps:
                yield t, theta, None, state
                break
            gradient: Any = gradient_at(problem, t)
            g = gradient if rule.needs_function else np.asarray(gradient(theta), dtype=float)
            if not rule.needs_function and np.shape(g) != theta.shape:
                raise ValueError(
                    f"the gradient has shape {np.shape(g)} but the parameters have {theta.shape}; "
                    "they must be the same"
                )
            yield t, theta, g, state
            move, state = rule.update(theta, g, state, t, hyper)
            theta = theta + move


def gradient_at(problem: Any, t: int) -> Callable[[Any], Any]:
    """The gradient function that step t sees; only an online problem's changes."""
    gradient = getattr(problem, "grad", problem)
    return partial(gradient, t=t) if getattr(problem, "online", False) else gradient


def path(rule: Iteration, problem: Any, start: Any, steps: int = 100, **hyper: Any) -> np.ndarray:
    """Parameters that a rule visits on a problem.

    Parameters
    ----------
    rule : Rule
        The optimizer.
    problem : Problem or callable
        A problem, or a gradient function of an array whose last axis is the coordinates. An
        online problem gives at step t the gradient of step t.
    start : array of shape (..., coordinates), or a number
        Where to begin; leading axes are separate runs.
    steps : int
        Number of steps, default 100.
    **hyper
        Hyper-parameters; an array broadcasts against the leading axes of `start`, so that
        `lr=[0.1, 0.2]` gives two runs.

    Returns
    -------
    array of shape (steps + 1, ..., coordinates)
        The start first. A run that diverges becomes inf or nan.

    Raises
    ------
    ValueError, TypeError
        From `Rule.check`, or for `steps` or `problem` of the wrong kind.
    """
    return np.stack(
        [theta for _, theta, _, _ in visit(rule, problem, start, steps, rule.check(**hyper))]
    )
