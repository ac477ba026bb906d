"""The population face: many networks trained at once, as one tensor program.

The gradients of all networks come from one call, by `torch.func.vmap`; the rule itself works on
the stacked parameters, its hyper-parameters broadcast against them. A network that diverges becomes
inf or nan in its own row and touches no other.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.func import grad, vmap

if TYPE_CHECKING:
    from optlib.rule import Rule


def population(
    rule: "Rule",
    loss: Callable[..., Tensor],
    theta: Tensor,
    batches: Iterable[tuple[Tensor, ...]],
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
    **hyper
        Hyper-parameters: a number for all runs, or one number a run, (runs,), in theta's dtype.

    Yields
    ------
    tensor of shape (runs, size)
        The parameters, the initial ones first and then after each step.

    Raises
    ------
    ValueError, TypeError
        From `Rule.check`, or a hyper-parameter of another length than the runs.
    """
    runs = len(theta)
    columns = {}
    for name, value in rule.check(**hyper).items():
        column = torch.as_tensor(value, dtype=theta.dtype, device=theta.device)
        if column.shape not in ((), (runs,)):
            raise ValueError(
                f"{rule.name}: {name} has shape {tuple(column.shape)}, but it must be one number "
                f"or ({runs},), one a run"
            )
        # A number stays as it is: exact in float64 whatever the dtype of theta.
        columns[name] = column[:, None] if column.ndim else value
    gradient = vmap(grad(loss))
    state = rule.init(theta)
    yield theta
    for t, batch in enumerate(batches, start=1):
        if rule.needs_function:
            g: Any = lambda point, batch=batch: gradient(point, *batch)  # noqa: E731
        else:
            g = gradient(theta, *batch)
        move, state = rule.update(theta, g, state, t, columns)
        theta = theta + move
        yield theta
