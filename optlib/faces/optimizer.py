"""The torch face: a rule as a drop-in `torch.optim.Optimizer`."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from optlib.arrays import Pieces
from optlib.iteration import Iteration
from optlib.notation import demand

_ELSEWHERE = {
    "amsgrad": "AMSGrad is a class of its own",
    "nesterov": "NAG is a class of its own",
    "momentum": "SGDM is a class of its own",
    "dampening": "no rule here has it",
    "centered": "no rule here has it",
    "decoupled_weight_decay": "AdamW and SGDW are classes of their own",
    "lr_decay": "use a scheduler of torch.optim.lr_scheduler",
    "initial_accumulator_value": "the sum begins at 0",
}
_ELSEWHERE |= dict.fromkeys(
    ["foreach", "fused", "capturable", "differentiable"],
    "for speed compile the step, torch.compile(optimizer.step)",
)


class RuleOptimizer(Optimizer):
    """Base of the torch classes; a subclass names its `rule`.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor) or of dict
        What to optimize, as for every optimizer of torch.
    *arguments, **options
        The rule's hyper-parameters under torch's names: `beta1` and `beta2` are one option,
        `betas`. A number or a tensor of one. All of them live in `param_groups`, so that groups
        may differ and schedulers may change them.
    maximize : bool
        Climb instead of descend, default False.

    Raises
    ------
    TypeError
        An unknown option, or one that is no number.
    ValueError
        A hyper-parameter out of range, or a list of them; in `load_state_dict`, the state of
        another optimizer.
    RuntimeError
        In `step`, for sparse gradients.
    """

    rule: ClassVar[Iteration]

    whole: ClassVar[bool]
    """Whether the rule takes all parameters of a network as one vector."""

    positional: ClassVar[tuple[str, ...] | None] = None
    """Options that may be given by position, in torch's order; None for all, in the rule's."""

    spelled: ClassVar[dict[str, str]] = {}
    """Names of the rule's that torch spells otherwise."""

    def __init_subclass__(cls) -> None:
        rule = getattr(cls, "rule", None)
        if not isinstance(rule, Iteration):
            raise TypeError(f"{cls.__name__} must name its rule, such as `rule = optlib.adam`")
        if rule.needs_function:
            raise TypeError(
                f"{rule.name} evaluates the gradient away from the parameters, which a torch "
                "optimizer cannot; use a rule that takes g"
            )
        if taken := {"step"} & {*rule.slots} | {"params", "maximize"} & {*rule.hyper}:
            raise TypeError(f"{rule.name}: torch keeps the name {', '.join(taken)} to itself")
        rule.demand_seen("look beyond one tensor of the network")
        cls.whole = rule.needs_vector
        options = cls._options()
        if len({cls.spelled.get(n, n) for n in rule.hyper}) < len(rule.hyper):
            raise TypeError(f"{cls.__name__}: two hyper-parameters of {rule.name} have one name")
        cls.__doc__ = _document(cls, options)
        first = cls.positional or tuple(n for n in options if n != "maximize")
        either, keyword = (
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        )
        rest = {n: v for n, v in options.items() if n not in first}
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter("params", either),
                *(inspect.Parameter(n, either, default=options[n]) for n in first),
                *(inspect.Parameter(n, keyword, default=v) for n, v in rest.items()),
            ]
        )

    def __init__(self, params: Any, *arguments: Any, **options: Any) -> None:
        try:
            given = inspect.signature(type(self)).bind(params, *arguments, **options)
        except TypeError as error:
            known = ", ".join(self._options())
            hints = "".join(f"; {n}: {_ELSEWHERE[n]}" for n in options if n in _ELSEWHERE)
            if len(arguments) > len(first := self.positional or arguments):
                hints += f"; by position only {', '.join(first)}, and all others by name"
            message = f"{type(self).__name__}: {error}; it has {known}{hints}"
            raise TypeError(message) from None
        given.apply_defaults()
        params = given.arguments.pop("params")
        self._check(given.arguments)
        super().__init__(params, given.arguments)

    @classmethod
    def _options(cls) -> dict[str, Any]:
        """Every option under torch's name, with its default."""
        named = {cls.spelled.get(n, n): v for n, v in cls.rule.hyper.items()} | {"maximize": False}
        if not {"beta1", "beta2"} <= named.keys():
            return named
        pair = (named["beta1"], named.pop("beta2"))
        return {"betas" if n == "beta1" else n: v for n, v in named.items()} | {"betas": pair}

    @classmethod
    def _hyper(cls, options: dict[str, Any], rule: Iteration) -> dict[str, Any]:
        """Those of the options that are the rule's hyper-parameters, under its names."""
        named = {**options}
        if "betas" in options:
            betas = options["betas"]
            if not (isinstance(betas, tuple | list) and len(betas) == 2):
                raise TypeError(f"betas must be two numbers, (beta1, beta2), got {betas!r}")
            named["beta1"], named["beta2"] = betas
        hyper = {n: cls.spelled.get(n, n) for n in rule.hyper}
        return {n: _single(named[name]) for n, name in hyper.items() if name in named}

    def _check(self, options: dict[str, Any]) -> None:
        owner = type(self).__name__
        for name, value in self._hyper(options, self.rule).items():
            shown = self.spelled.get(name, name)
            if np.ndim(value):
                one = (
                    f"a Tensor {shown} must be 1-element"
                    if torch.is_tensor(value)
                    else (f"{shown} must be one number")
                )
                raise ValueError(
                    f"{owner}: {one}, got {value!r}; parameters that differ in it are groups of "
                    "their own"
                )
            try:
                demand(owner, name, value, self.rule.names)
            except (TypeError, ValueError) as error:
                raise type(error)(str(error).replace(name, shown)) from None
        if not isinstance(maximize := options.get("maximize", False), bool):
            raise TypeError(f"{owner}: maximize must be True or False, got {maximize!r}")
        # A group may hold what is none of ours, as schedulers' notes; a slip of the pen is neither.
        for name in options.keys() - self._options().keys() - {"params"}:
            if near := get_close_matches(name, self._options(), cutoff=0.85):
                raise TypeError(f"{owner} has no option {name}; did you mean {near[0]}?")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, its own options checked."""
        if isinstance(param_group, dict):
            self._check(param_group)
        super().add_param_group(param_group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, options included."""
        saved: dict[int, dict[str, Any]] = {}

        def read(_: Optimizer, state_dict: dict[str, Any]) -> None:
            order = (i for group in state_dict["param_groups"] for i in group["params"])
            saved.update((n, state_dict["state"].get(i, {})) for n, i in enumerate(order))
            for state in filter(None, saved.values()):
                if missing := sorted({"step", *self.rule.slots} - state.keys()):
                    raise ValueError(
                        f"{type(self).__name__}: the state of a parameter has {sorted(state)}, "
                        f"without {', '.join(missing)}; load what the same class has saved"
                    )

        last = self.register_load_state_dict_pre_hook(read)  # so it sees what others made of it
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        # torch casts all state to the dtype of its parameter, but one number keeps its own.
        params = (theta for group in self.param_groups for theta in group["params"])
        for n, theta in enumerate(params):
            for name in ("step", *self.rule.numbers) if saved[n] else ():
                self.state[theta][name] = torch.as_tensor(saved[n][name], dtype=torch.float64)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # saved before the class had all of its options
            for name, default in self._options().items():
                group.setdefault(name, default)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step with the gradients in `.grad`; parameters without one stay.

        `closure`, if given, evaluates the loss anew and its value is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        rule = self._due()
        held = [
            (theta, group["maximize"], hyper)
            for group in self.param_groups
            for hyper in [self._hyper(group, rule)]
            for theta in group["params"]
            if theta.grad is not None
        ]
        if any(theta.grad.layout != torch.strided for theta, _, _ in held):
            raise RuntimeError(
                f"{type(self).__name__} is written for dense gradients; "
                "build the layer with sparse=False"
            )
        if torch.compiler.is_compiling():
            self._update(rule, held)
        else:
            with np.errstate(all="ignore"):  # in a branch that a rule does not take
                self._update(rule, held)
        return loss

    def _due(self) -> Iteration:
        """The rule, or what it comes down to: a decay of 0 would still pass twice over memory."""
        for group in self.param_groups:
            for name, neutral in self.rule.neutral.items():
                value = group.get(self.spelled.get(name, name))
                if not (isinstance(value, int | float) and value == neutral):
                    return self.rule
        return self.rule.inner or self.rule

    def _update(self, rule: Iteration, held: list[tuple[Tensor, bool, dict[str, Any]]]) -> None:
        if not self.whole:
            for each in held:
                one = self._take(*each)
                self._give(one, *rule.update(one.theta, one.g, one.slots, one.t, one.hyper))
        elif held:
            taken = [self._take(*each) for each in held]
            theta, g, t = (Tensors([getattr(one, n) for one in taken]) for n in ("theta", "g", "t"))
            hyper = {n: Tensors([one.hyper[n] for one in taken]) for n in rule.hyper}
            state = {n: Tensors([one.slots[n] for one in taken]) for n in rule.slots}
            move, state = rule.update(theta, g, state, t, hyper)
            for i, one in enumerate(taken):
                slots = {
                    n: slot[i] if isinstance(slot, Pieces) else slot for n, slot in state.items()
                }
                self._give(one, move[i], slots)

    def _take(self, theta: Tensor, maximize: bool, hyper: dict[str, Any]) -> "_One":
        """What one parameter brings to a step; a complex one as two real ones."""
        assert theta.grad is not None
        g = -theta.grad if maximize else theta.grad
        state = self.state[theta]
        if theta.is_complex():
            theta, g = torch.view_as_real(theta), torch.view_as_real(g.resolve_conj())
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float64)
            state.update({n: _start(value, theta) for n, value in self.rule.start.items()})
        state["step"] += 1
        slots = {n: state[n] for n in self.rule.slots}
        slots.update({n: _number(state[n]) for n in self.rule.numbers})
        return _One(theta, g, slots, _number(state["step"]), hyper, state)

    def _give(self, one: "_One", move: Any, slots: dict[str, Any]) -> None:
        """Keep what a step has made of one parameter."""
        one.theta.add_(move)
        for name, value in slots.items():
            store(one.state, name, value)


def _document(cls: type[RuleOptimizer], options: dict[str, Any]) -> str:
    """The class's docstring, what its rule is, and its options under torch's names."""
    ours = {cls.spelled.get(n, n): wanted for n, wanted in cls.rule.ranges.items()}
    words, inner = (
        (rule.__doc__ or "").partition("\n\n")[0] if rule else ""
        for rule in (cls.rule, cls.rule.inner)
    )
    if inner and words.startswith(inner):  # the option says itself what was added
        words = inner
    parts = [inspect.cleandoc(cls.__doc__ or ""), words]
    lines = ["\n\n".join(filter(None, parts)), "", "Options", "-------"]
    for name, default in options.items():
        if name == "maximize":
            lines += ["maximize : bool, default False", "    Climb instead of descend."]
        elif name == "betas":
            one, two = ours["beta1"], ours["beta2"]
            lines += [f"betas : two of float, default {default}"]
            lines += [f"    {one.meaning}, and {two.meaning}; {one.range('each')}."]
        else:
            lines += [f"{name} : float, default {default:g}"]
            lines += [f"    {ours[name].meaning}; {ours[name].range(name)}."]
    return "\n".join(lines)


class _One(NamedTuple):
    """One parameter in a step, and the state where the result is kept."""

    theta: Tensor
    g: Tensor
    slots: dict[str, Any]
    t: Any
    hyper: dict[str, Any]
    state: dict[str, Any]


def store(state: dict[str, Any], name: str, value: Any) -> None:
    """Keep a slot's new value; in place, but for a single number, whose `copy_` AOT leaves out."""
    if state[name].ndim:
        state[name].copy_(value)
    else:
        state[name] = torch.as_tensor(value, dtype=state[name].dtype)


class Tensors(Pieces):
    """The tensors of a network as one vector."""

    def dot(self, other: Any) -> Any:
        """Inner product, in float32 at least, over other machines' parts too."""
        sums = [(_wide(x) * _wide(y)).sum() for x, y in zip(self, other, strict=True)]
        sums = [s.full_tensor() if hasattr(s, "full_tensor") else s for s in sums]
        whole = torch.stack([s.to(sums[0].device) for s in sums])
        if torch.compiler.is_compiling():  # which cannot mix tensors and pieces
            return type(self)([whole.sum()] * len(self))
        return np.float64(sum(whole.tolist()))


def _wide(x: Tensor) -> Tensor:
    """In float32 at least: the square of a half is soon 0 or inf."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _start(value: Any, theta: Tensor) -> Tensor:
    """A slot at the start; one number lies on the CPU, where the steps are counted too."""
    if isinstance(value, int | float):
        return torch.tensor(value, dtype=torch.float64)
    return theta.clone() if value == "theta" else torch.zeros_like(theta)


def _number(value: Tensor) -> Any:
    """One number as NumPy's; a compiled step keeps the tensor, so that one graph does for all."""
    return value if torch.compiler.is_compiling() else np.float64(value.item())


def _single(value: Any) -> Any:
    """A tensor of one number without axes, which a parameter without axes would take on."""
    return value.reshape(()) if torch.is_tensor(value) and value.numel() == 1 else value
