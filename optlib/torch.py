"""Drop-in optimizers for PyTorch: `from optlib.torch import Adam`.

Each takes the arguments of its namesake in `torch.optim`, if it has one, in the same order. Those
of torch's that mean another algorithm (`amsgrad`, `nesterov`) or its implementation (`foreach`,
`fused`) are refused. An option may be given by position where torch has the same one there; all
others must be named. `weight_decay` is L2 regularization, in the gradient, but for AdamW and SGDW.

An optimizer for any other rule is two lines::

    class Mine(RuleOptimizer):
        rule = my_rule
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer

from optlib.arrays import every
from optlib.faces.optimizer import RuleOptimizer as RuleOptimizer
from optlib.faces.optimizer import store
from optlib.faces.scheduler import ScheduleLR as ScheduleLR
from optlib.range_test import torch_range_test as torch_range_test
from optlib.rules import (
    adabound,
    adagrad,
    adam,
    adamw,
    amsgrad,
    l2,
    lookahead,
    nadam_schedule,
    nag,
    radam,
    rmsprop,
    sgd,
    sgdm,
    sgdw,
    swats,
)

_ADAM = ("lr", "betas", "eps", "weight_decay")


class SGD(RuleOptimizer):
    """Stochastic gradient descent, as `torch.optim.SGD` without momentum."""

    rule = l2(sgd)
    positional = ("lr",)


class SGDM(RuleOptimizer):
    """SGD with momentum, as `torch.optim.SGD(momentum=0.9)` while the rate is constant.

    The rate stands inside the memory here and outside it in torch, so that under a learning-rate
    schedule the two part.
    """

    rule = l2(sgdm)
    positional = ("lr", "momentum")


class NAG(RuleOptimizer):
    """Nesterov's method, as `torch.optim.SGD(momentum=0.9, nesterov=True)` at a constant rate.

    The parameters are the shifted ones, theta' = theta - momentum * m, as in every library.
    """

    rule = l2(nag)
    positional = ("lr", "momentum")


class SGDW(RuleOptimizer):
    """SGD with momentum and decoupled weight decay."""

    rule = sgdw
    positional = ("lr", "momentum")


class Adagrad(RuleOptimizer):
    """Adagrad, as `torch.optim.Adagrad`."""

    rule = l2(adagrad)
    positional = ("lr",)


class RMSprop(RuleOptimizer):
    """RMSProp, as `torch.optim.RMSprop`."""

    rule = l2(rmsprop)
    positional = ("lr", "alpha", "eps", "weight_decay")
    spelled = {"beta2": "alpha"}  # noqa: RUF012


class Adam(RuleOptimizer):
    """Adam, as `torch.optim.Adam`."""

    rule = l2(adam)
    positional = _ADAM


class AdamW(RuleOptimizer):
    """Adam with decoupled weight decay, as `torch.optim.AdamW`."""

    rule = adamw
    positional = _ADAM


class AMSGrad(RuleOptimizer):
    """AMSGrad of the paper, without bias correction.

    `torch.optim.Adam(amsgrad=True)` divides the maximum by the bias term and corrects m too.
    """

    rule = l2(amsgrad)
    positional = _ADAM


class AdaBound(RuleOptimizer):
    """AdaBound of the paper, whose step shrinks with the root of t.

    The authors' own code leaves the root out, corrects the bias, and scales the bounds with `lr`.
    Here the lower bound moves the parameters even at `lr` = 0.
    """

    rule = l2(adabound)
    positional = ("lr", "betas")


class NAdam(RuleOptimizer):
    """Nadam with a momentum schedule, as `torch.optim.NAdam`."""

    rule = l2(nadam_schedule)
    positional = (*_ADAM, "momentum_decay")


class RAdam(RuleOptimizer):
    """RAdam of the paper: rectified when rho > 4. `torch.optim.RAdam` waits for rho > 5."""

    rule = l2(radam)
    positional = _ADAM


class SWATS(RuleOptimizer):
    """SWATS: Adam first, and SGD when its rate has settled, for all parameters at once.

    `switch` tells when that was. The tolerance `tol` is absolute, and noise may keep the estimates
    further apart than the paper's 1e-9 for ever; then raise it. A parameter that gets its first
    gradient later than the others counts its own steps and may switch later.
    """

    rule = l2(swats)
    positional = ("lr", "betas")

    @property
    def switch(self) -> tuple[int, float] | None:
        """The step at which it switched and SGD's rate now; None while it is Adam."""
        for group in self.param_groups:
            for theta in group["params"]:
                state = self.state.get(theta)
                if state and state["since"] > 0:
                    return int(state["since"]), float(group["lr"] * state["ratio"])
        return None


class Lookahead(Optimizer):
    """Lookahead around any torch optimizer, ours or another's: k steps forward, 1 step back.

    The slow parameters are those before the first step. All groups and options are the inner
    optimizer's, and in each group lie `lookahead_k` and `lookahead_alpha` beside them, since
    RMSprop has another alpha.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The inner optimizer, which takes the fast steps. Step this one, not the inner one.
    k : int
        Steps forward for each step back, 1 <= k, default 5.
    alpha : float
        How far the slow parameters follow the fast ones, 0 <= alpha <= 1, default 0.5.

    Raises
    ------
    TypeError
        `optimizer` is none, or a Lookahead.
    ValueError
        `k` or `alpha` out of range, or a state that is not a Lookahead's.
    """

    def __init__(self, optimizer: Optimizer, k: int = 5, alpha: float = 0.5) -> None:
        if not isinstance(optimizer, Optimizer) or isinstance(optimizer, Lookahead):
            raise TypeError(
                "Lookahead wraps a torch optimizer that is not a Lookahead itself, "
                f"got {type(optimizer).__name__}"
            )
        self.optimizer = optimizer
        options = {f"lookahead_{n}": v for n, v in lookahead.check(k=k, alpha=alpha).items()}
        super().__init__(optimizer.param_groups, {**optimizer.defaults, **options})

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The inner optimizer's, also after somebody has loaded a state into it."""
        return self.optimizer.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        """Torch sets an empty list at the start; the groups are there already."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the inner optimizer, whose groups are this one's too."""
        if isinstance(param_group, dict):
            lookahead.check(**_own(param_group))
        if not any(param_group is group for group in self.param_groups):
            self.optimizer.add_param_group(param_group)
            param_group = self.param_groups[-1]
        for name in lookahead.hyper:
            param_group.setdefault(f"lookahead_{name}", self.defaults[f"lookahead_{name}"])

    def state_dict(self) -> dict[str, Any]:
        """As of every optimizer; in the state of a parameter the inner one's is `inner`."""
        inner = self.optimizer.state_dict()
        whole = {**inner, **super().state_dict()}  # some optimizers keep more than torch's two
        for index, state in inner.get("state", {}).items():
            whole["state"][index] = {**whole["state"].get(index, {}), "inner": state}
        return whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, options included."""
        whole = state_dict["state"].items()
        alien = any(state and not {"slow", "inner"} & state.keys() for _, state in whole)
        if alien or not all(_own(group) for group in state_dict["param_groups"]):
            raise ValueError(
                "this state_dict is not a Lookahead's, with `slow` parameters and lookahead_k; "
                "load that of the inner optimizer into it, before wrapping"
            )
        own = {i: {n: value for n, value in s.items() if n != "inner"} for i, s in whole}
        inner = {i: state["inner"] for i, state in whole if "inner" in state}
        super().load_state_dict({**state_dict, "state": own})
        self.optimizer.load_state_dict({**state_dict, "state": inner})
        # The groups are those that the hooks of this one have seen.
        groups = self.__dict__.pop("param_groups")
        self.optimizer.__setstate__({"state": self.optimizer.state, "param_groups": groups})

    def __getstate__(self) -> dict[str, Any]:
        held = {**super().__getstate__(), "optimizer": self.optimizer}
        del held["param_groups"]  # which are the inner optimizer's
        return held

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a fast step, and every k-th time a step back; returns what the inner step does.

        A parameter without a gradient stays, and the step is none of its k.
        """
        for group in self.param_groups:
            for theta in group["params"]:
                if not self.state[theta]:
                    step = torch.zeros((), dtype=torch.float64)
                    self.state[theta].update(step=step, slow=theta.clone())
        loss = self.optimizer.step(closure)
        for group in self.param_groups:
            hyper = {n: self.defaults[f"lookahead_{n}"] for n in lookahead.hyper} | _own(group)
            for theta in group["params"]:
                if theta.grad is None:
                    continue
                state = self.state[theta]
                state["step"] += 1
                # A compiled step goes the same way each time; any other need not go in between.
                if torch.compiler.is_compiling() or every(hyper["k"], state["step"]):
                    move, slow = lookahead.function(theta, 0, state["step"], state["slow"], **hyper)
                    theta.add_(move)
                    store(state, "slow", slow)
        return loss


def _own(group: dict[str, Any]) -> dict[str, Any]:
    """Those of a group's options that are Lookahead's."""
    named = {n: f"lookahead_{n}" for n in lookahead.hyper}
    return {n: group[name] for n, name in named.items() if name in group}


OPTIMIZERS: dict[str, type[RuleOptimizer]] = {
    name: value
    for name, value in list(vars().items())
    if isinstance(value, type) and RuleOptimizer in value.__bases__
}
"""Every class that takes the steps of a rule, by name."""

if not TYPE_CHECKING:  # mypy reads a list that is written out only, and without one takes all
    __all__ = [*OPTIMIZERS, "Lookahead", "RuleOptimizer", "ScheduleLR", "torch_range_test"]
