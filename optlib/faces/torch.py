"""The torch face: a rule as a drop-in `torch.optim.Optimizer`."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch.optim import Optimizer

from optlib.rule import Rule


class RuleOptimizer(Optimizer):
    """Base of the torch classes; a subclass names its `rule`.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        What to optimize, as for every optimizer of torch.
    *arguments, **options
        The rule's hyper-parameters in its order, under torch's names: `beta1` and `beta2` are one
        option, `betas`. A number or a tensor of one. All of them live in `param_groups`, so that
        groups may differ and schedulers may change them.
    maximize : bool
        Climb instead of descend, default False.

    Raises
    ------
    TypeError
        An unknown option, or one that is no number.
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
        if taken := {"step"} & {*rule.slots} | {"params", "maximize"} & {*rule.hyper}:
            raise TypeError(f"{rule.name}: torch keeps the name {', '.join(taken)} to itself")
        cls.__doc__ = f"{cls.__doc__}\n\n{rule.__doc__}"
        either = inspect.Parameter.POSITIONAL_OR_KEYWORD
        options = {"params": inspect.Parameter.empty, **_options(rule.hyper)}
        parameters = [inspect.Parameter(n, either, default=v) for n, v in options.items()]
        maximize = inspect.Parameter("maximize", inspect.Parameter.KEYWORD_ONLY, default=False)
        cls.__signature__ = inspect.Signature([*parameters, maximize])  # type: ignore[attr-defined]

    def __init__(self, params: Any, *arguments: Any, **options: Any) -> None:
        try:
            given = inspect.signature(type(self)).bind(params, *arguments, **options)
        except TypeError as error:
            known = ", ".join(_options(self.rule.hyper))
            raise TypeError(f"{type(self).__name__}: {error}; it has {known}, maximize") from None
        given.apply_defaults()
        params = given.arguments.pop("params")
        self._check(given.arguments)
        super().__init__(params, given.arguments)

    def _check(self, options: dict[str, Any]) -> None:
        hyper = {n: v for n, v in _hyper(options).items() if n in self.rule.hyper}
        if rows := [n for n, value in hyper.items() if np.prod(np.shape(value)) != 1]:
            raise TypeError(f"{type(self).__name__}: {', '.join(rows)} must be a single number")
        self.rule.check(**hyper)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, its own options checked."""
        self._check(param_group)
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
            named = _hyper(group)
            hyper = {n: named[n] for n in self.rule.hyper}
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
        # A rate that is a tensor lifts the slots of a 0-d parameter to its own dtype.
        state.update({n: slot.to(theta.dtype) for n, slot in slots.items()})


def _options(hyper: dict[str, Any]) -> dict[str, Any]:
    """Hyper-parameters under torch's names: `beta1` and `beta2` are one option, `betas`."""
    named = {"betas" if n == "beta1" else n: v for n, v in hyper.items() if n != "beta2"}
    return {**named, "betas": (hyper["beta1"], hyper["beta2"])} if "betas" in named else named


def _hyper(options: dict[str, Any]) -> dict[str, Any]:
    """Options under the rule's names; the reverse of `_options`."""
    if "betas" not in options:
        return options
    betas = options["betas"]
    if not (isinstance(betas, tuple | list) and len(betas) == 2):
        raise TypeError(f"betas must be two numbers, (beta1, beta2), got {betas!r}")
    return {**options, "beta1": betas[0], "beta2": betas[1]}
