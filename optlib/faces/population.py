"""The population face: many networks trained at once, as one tensor program.

The gradients of all networks come from one call, by `torch.func.vmap`; the rule itself works on
the stacked parameters, its hyper-parameters broadcast against them. A network that diverges becomes
inf or nan in its own row and touches no other.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, vmap

from optlib.iteration import Iteration

Step = Callable[..., tuple[Tensor, dict[str, Tensor]]]


def population(
    rule: Iteration,
    loss: Callable[..., Tensor],
    theta: Tensor,
    batches: Iterable[tuple[Tensor, ...]],
    *,
    project: Callable[[Tensor], Tensor] | None = None,
    compiled: bool = False,
    **hyper: Any,
) -> Iterator[Tensor]:
    """Train many networks at once.

    Parameters
    ----------
    rule : Rule
        The optimizer.
    loss : callable
        Loss of one network, a number, from its parameters (size,) and one batch.
    theta : tensor of shape (runs, size)
        Initial parameters, a row a network. With float64 the results are the same to many more
        digits than are printed, whatever the machine and its number of threads.
    batches : iterable of tuple of tensor
        For each step the arguments of `loss` after the parameters, with the runs as first axis.
    project : callable, optional
        Where the parameters are brought after each step, (runs, size) -> the same.
    compiled : bool
        Whether each step is one compiled program, by `torch.compile`: some seconds at the first
        step, and then faster. The results agree to rounding. Default False.
    **hyper
        Hyper-parameters: a number for all runs, one number a run, (runs,), or one a step and run,
        (steps, runs), as a schedule gives them.

    Yields
    ------
    tensor of shape (runs, size)
        The parameters, the initial ones first and then after each step.

    Raises
    ------
    ValueError, TypeError
        From `Rule.check`, a hyper-parameter of another length than the runs, no compiler, or a rule
        that calls what may mix the networks.
    """
    rule.demand_seen("mix the networks")
    runs = len(theta)
    numbers: dict[str, Any] = {}
    columns: dict[str, Tensor] = {}
    for name, value in rule.check(**hyper).items():
        column = torch.as_tensor(value, dtype=theta.dtype, device=theta.device)
        if column.shape and (column.ndim > 2 or column.shape[-1] != runs):
            raise ValueError(
                f"{rule.name}: {name} has shape {tuple(column.shape)}, but it must be one number, "
                f"({runs},), one a run, or (steps, {runs}), one a step and run"
            )
        # A number stays as it is: exact in float64 whatever the dtype of theta.
        if column.ndim:
            columns[name] = column[..., None]
        else:
            numbers[name] = value.item() if hasattr(value, "item") else value
    if compiled and theta.device.type == "cpu":
        demand_compiler()
    make = _compiled_step if compiled else _step
    step = make(rule, loss, project, tuple(numbers.items()))
    state = rule.init(theta)
    yield theta
    for t, batch in enumerate(batches, start=1):
        now = {name: value if value.ndim == 2 else value[t - 1] for name, value in columns.items()}
        count = torch.tensor(t, dtype=torch.float64) if compiled else t  # else a program for each t
        theta, state = step(theta, state, count, now, batch)
        yield theta


def _step(
    rule: Iteration,
    loss: Callable[..., Tensor],
    project: Callable[[Tensor], Tensor] | None,
    numbers: tuple[tuple[str, Any], ...],
) -> Step:
    """One step of all runs."""
    gradient = vmap(grad(loss))

    def step(
        theta: Tensor,
        state: dict[str, Tensor],
        t: Any,
        columns: dict[str, Tensor],
        batch: tuple[Tensor, ...],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        g = (lambda point: gradient(point, *batch)) if rule.needs_function else None
        slope = g or gradient(theta, *batch)
        move, state = rule.update(theta, slope, state, t, {**dict(numbers), **columns})
        theta = theta + move
        return project(theta) if project else theta, state

    return step


@lru_cache(maxsize=1)
def _compiled_step(*parts: Any) -> Step:
    """The same as one program; the last one is kept, as making it takes seconds."""
    # PyTorch stops compiling a function after a few versions: each step counts as a new one.
    torch.compiler.reset()
    return torch.compile(_step(*parts), dynamic=False)


def demand_compiler() -> None:
    """Raise ValueError unless there is a C++ compiler, which `torch.compile` needs on the CPU."""
    names = os.environ.get("CXX", ""), "c++", "g++", "clang++", "cl"
    if not any(shutil.which(name) for name in names if name):
        raise ValueError(
            "compiled = True needs a C++ compiler, and none is found: install g++ "
            "(Debian, Ubuntu: sudo apt install g++), or leave compiled out"
        )
