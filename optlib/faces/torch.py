"""The torch face: a rule as a drop-in `torch.optim.Optimizer`."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch.optim import Optimizer

from optlib.rule import Rule


class RuleOptimizer(Optimizer):
    """Base of the torch classes; a subclass names its `rule`.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        What to optimize, as for every optimizer of torch.
    lr : float or Tensor
        Learning rate; the default is the rule's.
    maximize : bool
        Climb instead of descend, default False.
    **hyper
        The rule's other hyper-parameters. All of them live in `param_groups`, so that groups may
        differ and schedulers may change them.

    Raises
    ------
    TypeError
        An unknown hyper-parameter, or one that is no number.
    ValueError
        A hyper-parameter out of range.
    RuntimeError
        In `step`, for sparse gradients.
    """

    rule: ClassVar[Rule]

    def __init_subclass__(cls) -> None:
        rule = cls.rule
        if rule.needs_function:
            raise TypeError(
                f"{rule.name} evaluates the gradient away from the parameters, which a torch "
                "optimizer cannot; use a rule that takes g"
            )
        cls.__doc__ = f"{cls.__doc__}\n\n{rule.__doc__}"
        keyword = inspect.Parameter.KEYWORD_ONLY
        either = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter("params", either)]
        parameters += [
            inspect.Parameter(n, either if n == "lr" else keyword, default=value)
            for n, value in rule.hyper.items()
        ]
        parameters += [inspect.Parameter("maximize", keyword, default=False)]
        cls.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]

    def __init__(
        self, params: Any, lr: Any = None, *, maximize: bool = False, **hyper: Any
    ) -> None:
        if lr is not None:
            hyper["lr"] = lr
        super().__init__(params, {**self.rule.check(**hyper), "maximize": maximize})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, its own hyper-parameters checked."""
        self.rule.check(**{n: param_group[n] for n in self.rule.hyper if n in param_group})
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with the gradients in `.grad`; parameters without one stay.

        `closure`, if given, evaluates the loss anew and its value is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hyper = {n: group[n] for n in self.rule.hyper}
            for theta in group["params"]:
                if theta.grad is not None:
                    self._update(theta, -theta.grad if group["maximize"] else theta.grad, hyper)
        return loss

    def _update(self, theta: torch.Tensor, g: torch.Tensor, hyper: dict[str, Any]) -> None:
        if g.is_sparse:
            raise RuntimeError(
                f"{type(self).__name__} is written for dense gradients; "
                "build the layer with sparse=False"
            )
        state = self.state[theta]
        if theta.is_complex():
            theta, g = torch.view_as_real(theta), torch.view_as_real(g)
        if not state:
            state.update(step=0, **self.rule.init(theta))
        state["step"] += 1
        slots = {n: state[n] for n in self.rule.slots}
        move, slots = self.rule.update(theta, g, slots, state["step"], hyper)
        theta.add_(move)
        state.update(slots)
