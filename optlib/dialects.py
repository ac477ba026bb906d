"""Same name, different algorithm: what the libraries run, beside ours.

A `Dialect` is one call of a library, written in our names:

    >>> from optlib import adam
    >>> from optlib.dialects import find
    >>> ours = find(adam, "optax")[0]
    >>> ours.code
    'optax.adam(learning_rate=lr, b1=beta1, b2=beta2, eps=eps)'
    >>> ours.to(lr=0.1)
    {'learning_rate': 0.1, 'b1': 0.9, 'b2': 0.999, 'eps': 1e-08}
    >>> ours.back(b1=0.5)
    {'beta1': 0.5}

From that one line come the converters, the runs and the chapters' tables. Either the library then
takes the rule's own steps, or the dialect names the reason and a variant rule (`optlib.rules.
dialects`) which takes the library's, so that the reason is the whole one. A `Form` is the same for
papers and texts. The tests run every one of them.

How far two runs are apart is the largest difference of their parameters over the largest distance
that either has moved from the start. The numbers here are measured on 8 parameters over 200 steps
with gradients from the standard normal distribution, at the rule's own hyper-parameters in both.
With another draw of the gradients they are others, within a factor of three; where only eps is in
another place, within a hundred, since the smallest gradient decides.
"""

import ast
import importlib
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from optlib.arrays import sqrt
from optlib.notation import demand_known
from optlib.rule import Rule
from optlib.rules import (
    RULES,
    adabound,
    adagrad,
    adam,
    adamw,
    amsgrad,
    l2,
    lookahead,
    nadam,
    nadam_schedule,
    nag,
    radam,
    rmsprop,
    sgd,
    sgdm,
    sgdw,
    swats,
)
from optlib.rules.terms import sgdm_ema
from optlib.rules.variants import (
    adabound_po,
    adagrad_optax,
    adam_eps_hat,
    adamw_paper,
    amsgrad_optax,
    amsgrad_torch,
    nadam_paper,
    nag_torch,
    radam_optax,
    radam_po,
    radam_torch,
    rmsprop_optax,
    sgdm_torch,
    sgdw_paper,
    sgdw_torch,
    swats_po,
)
from optlib.table import Table

LIBRARIES = {"torch.optim": "torch", "optax": "optax", "pytorch_optimizer": "pytorch-optimizer"}
"""The libraries, and what to give pip to install each."""

REEXPORTED = ("SGD", "Adam", "AdamW", "NAdam", "RMSprop")
"""Classes of torch.optim that pytorch_optimizer hands on as they are."""

l2_adam = l2(adam)
lookahead_sgd = lookahead(sgd)
lookahead_adam = lookahead(adam)

ALL: dict[str, Rule] = RULES | {r.name: r for r in (l2_adam, lookahead_sgd, lookahead_adam)}
"""The rules that have dialects: those of the book, and three that wrappers make."""


# Runs, all on given gradients.


def sample(steps: int = 200, size: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A start, (size,), and the gradients of a run, (steps, size), standard normal."""
    start, *gradients = np.random.default_rng(seed).normal(size=(steps + 1, size))
    return start, np.array(gradients)


def decaying(lr: float, steps: int = 200) -> np.ndarray:
    """A schedule: the learning rate of each step, from `lr` down to zero in a straight line."""
    return lr * (1 - np.arange(steps) / steps)


def run(rule: Rule, start: Any, gradients: Any, hyper: Mapping[str, Any]) -> np.ndarray:
    """Parameters that a rule visits on given gradients, (steps + 1, size), the start first.

    A hyper-parameter may be an array of one number a step.
    """
    theta, state = np.asarray(start), rule.init(start)
    visited = [theta]
    each = {n: np.broadcast_to(value, len(gradients)) for n, value in hyper.items()}
    with np.errstate(all="ignore"):  # in a branch that a rule does not take
        for t, g in enumerate(gradients, 1):
            now = {n: values[t - 1] for n, values in each.items()}
            move, state = rule.update(theta, g, state, t, now)
            theta = theta + move
            visited.append(theta)
    return np.array(visited)


def run_torch(make: Any, start: Any, gradients: Any, lr: Any = None) -> np.ndarray:
    """The same for an optimizer of torch; `make` makes it of a list of parameters.

    `lr`, if given, is set anew before each step, as a scheduler would.
    """
    import torch

    visited = [np.array(start)]
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in it
    try:
        theta = torch.nn.Parameter(torch.tensor(start))
        optimizer = make([theta])
        for t, g in enumerate(gradients):
            for group in optimizer.param_groups if lr is not None else ():
                group["lr"] = float(lr[t])
            theta.grad = torch.tensor(g)
            optimizer.step()
            visited.append(theta.detach().numpy().copy())
    finally:
        torch.set_default_dtype(usual)
    return np.array(visited)


def run_optax(transformation: Any, start: Any, gradients: Any, slow: bool = False) -> np.ndarray:
    """The same for a gradient transformation of Optax.

    `slow` says that it keeps slow parameters beside the fast ones, as `optax.lookahead` does.
    """
    import jax
    import optax

    def step(held: Any, g: Any) -> Any:
        theta, state = held
        updates, state = transformation.update(g, state, theta)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta.fast if slow else theta

    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        theta = jax.numpy.asarray(start)
        theta = optax.LookaheadParams.init_synced(theta) if slow else theta
        state = transformation.init(theta)
        visited = jax.jit(lambda g: jax.lax.scan(step, (theta, state), g)[1])
        return np.vstack([start, visited(jax.numpy.asarray(gradients))])


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two runs over the largest distance from the start in either."""
    return float(abs(a - b).max() / max(abs(a - a[0]).max(), abs(b - b[0]).max()))


# What is written in our names.


@dataclass(frozen=True, repr=False)
class Dialect:
    """One call of a library, and what it is in ours.

    Attributes
    ----------
    rule : Rule
        The rule of the book.
    code : str
        The call, in which a name is a hyper-parameter of ours and `params` the parameters.
    variant : Rule, optional
        The rule that the library runs; None where that is ours.
    reason : str
        Why the two are apart, or their defaults, in one sentence.
    apart : float
        How far they are, at equal hyper-parameters.
    plain : float
        How far the rule with its defaults is from the library with its own, at one rate.
    scheduled : bool
        Whether it speaks of a learning rate that decays to zero, or of a constant one.
    at : mapping
        Hyper-parameters at which `apart` is measured, where they are not the rule's defaults.
    """

    rule: Rule
    code: str
    variant: Rule | None = None
    reason: str = ""
    apart: float = 0.0
    plain: float = 0.0
    scheduled: bool = False
    at: Mapping[str, float] = field(default_factory=dict)

    @property
    def runs(self) -> Rule:
        """The rule that the library runs."""
        return self.variant or self.rule

    @property
    def libraries(self) -> tuple[str, ...]:
        """Where it is found."""
        library, name = self.code.partition("(")[0].rsplit(".", 1)
        again = library == "torch.optim" and name in REEXPORTED
        return (library, "pytorch_optimizer") if again else (library,)

    @cached_property
    def options(self) -> dict[str, ast.expr]:
        """The library's options by name, each as an expression in our names."""
        words = (word for call in _calls(self.code) for word in call.keywords)
        return {str(word.arg): word.value for word in words}

    def __repr__(self) -> str:
        return f"<{self.code} for {self.rule.name}: {_sentence(self)}>"

    # The converters.

    def to(self, **hyper: Any) -> dict[str, Any]:
        """The library's options for our hyper-parameters; those left out have `runs`' defaults.

        Raises TypeError for an unknown name and ValueError for a value out of range.
        """
        hyper = self.runs.check(**hyper)
        return {name: _value(expression, hyper) for name, expression in self.options.items()}

    def back(self, **options: Any) -> dict[str, Any]:
        """The hyper-parameters of `runs` for the library's options, for those that are given.

        What is left out keeps the library's default there and ours here, and the two may differ
        (see `plain`): pass all that a script relies on.

        Raises
        ------
        TypeError
            The library's call has no such option here, or `betas` are not two numbers.
        ValueError
            An option that must have a certain value has another, or a value is out of range.
        """
        demand_known(f"{self.code}, which runs {self.runs.name},", "option", options, self.options)
        hyper: dict[str, Any] = {}
        rest = {}
        for name, value in options.items():
            match self.options[name]:
                case ast.Name(id=ours):
                    hyper[ours] = value
                case ast.Tuple(elts=parts):
                    if np.shape(value) != (len(parts),):
                        raise TypeError(f"{name} must be {len(parts)} numbers, got {value!r}")
                    hyper |= zip(map(ast.unparse, parts), value, strict=True)
                case expression:
                    rest[name] = expression
        full = self.runs.check(**hyper)
        for name, expression in rest.items():
            if not math.isclose(options[name], due := _value(expression, full)):
                raise ValueError(
                    f"{self.runs.name} is {self.code}, so {name} must be {due!r}, "
                    f"got {options[name]!r}"
                )
        return hyper

    def call(self, **hyper: Any) -> str:
        """The call as a person types it, with numbers in place of our names."""
        options = {n: ast.Constant(_plain(value)) for n, value in self.to(**hyper).items()}
        tree = ast.parse(self.code, mode="eval")
        for call in _calls(tree):
            for word in call.keywords:
                word.value = options[str(word.arg)]
        return ast.unparse(tree)

    # The runs.

    @property
    def plain_code(self) -> str:
        """The call that leaves to the library what it has a default for; it must be installed.

        The learning rate stays, and so does what the library would leave out: momentum 0, say.
        """
        tree = ast.parse(self.code, mode="eval")
        for call in _calls(tree):
            function = _value(call.func, _modules(tree))
            known = inspect.signature(function).parameters
            call.keywords = [
                word
                for word in call.keywords
                if not _names(word.value) - {"lr"} or not _default(known[str(word.arg)])
            ]
        return ast.unparse(tree)

    def visit(
        self, start: Any, gradients: Any, hyper: Mapping[str, Any], code: str | None = None
    ) -> np.ndarray:
        """Parameters that the library visits on given gradients, (steps + 1, size).

        Parameters
        ----------
        start, gradients
            As from `sample`.
        hyper : mapping
            Our hyper-parameters; `lr` may be an array of one number a step.
        code : str, optional
            Another call than the dialect's own.

        Raises
        ------
        ModuleNotFoundError
            The library is missing; the message says what to install.
        """
        code = code or self.code
        tree = ast.parse(code, mode="eval")
        known = {**_modules(tree), **hyper}
        rates = known["lr"] if np.ndim(known["lr"]) else None
        if "optax" in known:
            from jax.numpy import asarray

            if rates is not None:
                known["lr"] = lambda count: asarray(rates)[count]
            return run_optax(_value(tree, known), start, gradients, "optax.lookahead" in code)
        if rates is not None:
            known["lr"] = float(rates[0])

        def make(params: Any) -> Any:
            return _value(tree, {**known, "params": params})

        return run_torch(make, start, gradients, rates)

    def distance(
        self, rule: Rule | None = None, code: str | None = None, seed: int = 0, **hyper: Any
    ) -> float:
        """How far a rule, by default ours, is from the library, measured.

        `hyper` are hyper-parameters other than the rule's defaults; `code` another call; `seed`
        another draw of the gradients.
        """
        start, gradients = sample(seed=seed)
        rule = rule or self.rule
        hyper = {**self.runs.hyper, **self.rule.hyper, **hyper}
        if self.scheduled:
            hyper["lr"] = decaying(hyper["lr"])
        ours = {n: hyper[n] for n in rule.hyper}
        theirs = self.visit(start, gradients, hyper, code)
        return apart(run(rule, start, gradients, ours), theirs)


@dataclass(frozen=True)
class Form:
    """A rule as a paper or a text writes it, and what its hyper-parameters are in ours.

    Attributes
    ----------
    rule : Rule
        Ours.
    variant : Rule
        Theirs.
    source : str
        Who writes it so.
    code : str
        Their hyper-parameters where they are not ours of the same name, as in a call; `t` is the
        step and `lr_1` the learning rate of the first one.
    reason : str
        Why the two are apart when the same numbers are put into both, in one sentence.
    apart : float
        How far they then are.
    scheduled : bool
        Whether `apart` is with a learning rate that decays to zero, or a constant one.
    """

    rule: Rule
    variant: Rule
    source: str
    code: str
    reason: str
    apart: float
    scheduled: bool = False

    def to(self, t: Any = 1, lr_1: Any = None, **hyper: Any) -> dict[str, Any]:
        """Their hyper-parameters at step `t`, which may be an array of steps, for ours."""
        hyper = {n: np.asarray(value) for n, value in self.rule.check(**hyper).items()}
        first = hyper["lr"] if lr_1 is None else lr_1
        known = {**hyper, "t": np.asarray(t), "lr_1": first, "sqrt": sqrt}
        call = next(_calls(f"{self.variant.name}({self.code})"))
        theirs = {str(word.arg): _value(word.value, known) for word in call.keywords}
        return {n: value for n, value in {**hyper, **theirs}.items() if n in self.variant.hyper}

    def distance(self, convert: bool = False, **hyper: Any) -> float:
        """How far the two are apart, measured: with the same numbers in both, or converted ones."""
        start, gradients = sample()
        hyper = {**self.rule.hyper, **hyper}
        lr_1 = hyper["lr"]
        if self.scheduled:
            hyper["lr"] = decaying(lr_1)
        steps = np.arange(1, len(gradients) + 1)
        theirs = self.to(steps, lr_1, **hyper) if convert else hyper
        theirs = {n: theirs.get(n, default) for n, default in self.variant.hyper.items()}
        return apart(
            run(self.rule, start, gradients, hyper), run(self.variant, start, gradients, theirs)
        )


_OUTSIDE = "The rate stands outside the memory, so what was gathered moves at the rate of today."

_ADAM = "lr=lr, betas=(beta1, beta2), eps=eps"
_OPTAX = "learning_rate=lr, b1=beta1, b2=beta2, eps=eps"
_SGD = "torch.optim.SGD(params, lr=lr, momentum=momentum)"
_NAG = "torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=True)"
_OPTAX_SGD = "optax.sgd(learning_rate=lr, momentum=momentum)"
_OPTAX_NAG = "optax.sgd(learning_rate=lr, momentum=momentum, nesterov=True)"
_SGDW = "pytorch_optimizer.SGDW(params, lr=lr, momentum=momentum, weight_decay=weight_decay)"
_OPTAX_SGDW = (
    "optax.chain(optax.trace(decay=momentum), "
    "optax.add_decayed_weights(weight_decay=weight_decay), "
    "optax.scale_by_learning_rate(learning_rate=lr))"
)


def _scheduled(rule: Rule, code: str, variant: Rule, far: float) -> Dialect:
    return Dialect(rule, code, variant, _OUTSIDE, far, plain=far, scheduled=True)


DIALECTS = (
    Dialect(sgd, "torch.optim.SGD(params, lr=lr)"),
    Dialect(sgd, "optax.sgd(learning_rate=lr)"),
    Dialect(sgdm, _SGD),
    _scheduled(sgdm, _SGD, sgdm_torch, 0.0673),
    Dialect(sgdm, _OPTAX_SGD),
    _scheduled(sgdm, _OPTAX_SGD, sgdm_torch, 0.0673),
    Dialect(nag, _NAG),
    _scheduled(nag, _NAG, nag_torch, 0.06052),
    Dialect(nag, _OPTAX_NAG),
    _scheduled(nag, _OPTAX_NAG, nag_torch, 0.06052),
    Dialect(adagrad, "torch.optim.Adagrad(params, lr=lr, eps=eps)"),
    Dialect(
        adagrad,
        "optax.adagrad(learning_rate=lr, eps=eps, initial_accumulator_value=initial)",
        adagrad_optax,
        "The sum begins at 0.1 and eps stands inside the root.",
        apart=0.227,
        plain=0.227,
    ),
    Dialect(rmsprop, "torch.optim.RMSprop(params, lr=lr, alpha=beta2, eps=eps)"),
    Dialect(
        rmsprop,
        "optax.rmsprop(learning_rate=lr, decay=beta2, eps=eps, eps_in_sqrt=False)",
        reason="Its own decay is 0.9.",
        plain=0.48,
    ),
    Dialect(
        rmsprop,
        "optax.rmsprop(learning_rate=lr, decay=beta2, eps=eps)",
        rmsprop_optax,
        "eps stands inside the root, and its own decay is 0.9.",
        apart=6.49e-5,
        plain=0.48,
    ),
    Dialect(adam, f"torch.optim.Adam(params, {_ADAM})"),
    Dialect(adam, f"optax.adam({_OPTAX})"),
    Dialect(
        swats,
        f"pytorch_optimizer.SWATS(params, {_ADAM})",
        swats_po,
        "It switches when the estimates are relatively near, eps being both this tolerance and "
        "Adam's constant, only to a rate above zero, and adds 1e-15 inside the root.",
        apart=0.506,
        plain=3.68e-5,
        at={"eps": 1e-2, "tol": 1e-4},
    ),
    Dialect(
        amsgrad,
        f"torch.optim.Adam(params, {_ADAM}, amsgrad=True)",
        amsgrad_torch,
        "The maximum is taken first and its bias corrected then; the paper corrects nothing.",
        apart=0.753,
        plain=0.753,
    ),
    Dialect(
        amsgrad,
        f"optax.amsgrad({_OPTAX}, bias_correction_mu=False, bias_correction_nu=False)",
    ),
    Dialect(
        amsgrad,
        f"optax.amsgrad({_OPTAX})",
        amsgrad_optax,
        "The bias is corrected first and the maximum taken then; the paper corrects nothing.",
        apart=0.784,
        plain=0.784,
    ),
    Dialect(
        adabound,
        f"pytorch_optimizer.AdaBound(params, {_ADAM}, final_lr=final_lr, gamma=1 - beta2)",
        adabound_po,
        "It corrects the bias, does not divide by the root of t, and adds 1e-15 inside the other "
        "root.",
        apart=0.914,
        plain=0.914,
    ),
    Dialect(
        radam,
        f"torch.optim.RAdam(params, {_ADAM})",
        radam_torch,
        "It waits until rho exceeds 5, and adds eps to the root before the correction.",
        apart=0.091,
        plain=0.091,
    ),
    Dialect(radam, f"optax.radam({_OPTAX}, threshold=4)"),
    Dialect(
        radam,
        f"optax.radam({_OPTAX})",
        radam_optax,
        "It waits until rho is 5.",
        apart=0.091,
        plain=0.091,
    ),
    Dialect(
        radam,
        f"pytorch_optimizer.RAdam(params, {_ADAM})",
        radam_po,
        "It stands still until rho is 5, and adds eps to the root before the correction.",
        apart=0.727,
        plain=0.727,
    ),
    Dialect(
        nadam,
        f"torch.optim.NAdam(params, {_ADAM}, momentum_decay=momentum_decay)",
        nadam_schedule,
        "The momentum grows to beta1 by a schedule.",
        apart=0.26,
        plain=0.26,
    ),
    Dialect(nadam, f"optax.nadam({_OPTAX})"),
    Dialect(nadam_schedule, f"torch.optim.NAdam(params, {_ADAM}, momentum_decay=momentum_decay)"),
    Dialect(
        nadam_schedule,
        f"optax.nadam({_OPTAX})",
        nadam,
        "The momentum is beta1 from the start.",
        apart=0.26,
        plain=0.26,
    ),
    Dialect(sgdw, _SGDW),
    _scheduled(sgdw, _SGDW, sgdw_torch, 0.0679),
    Dialect(sgdw, _OPTAX_SGDW),
    _scheduled(sgdw, _OPTAX_SGDW, sgdw_torch, 0.0679),
    Dialect(adamw, f"torch.optim.AdamW(params, {_ADAM}, weight_decay=weight_decay)"),
    Dialect(
        adamw,
        f"optax.adamw({_OPTAX}, weight_decay=weight_decay)",
        reason="Its own weight decay is 1e-4.",
        plain=0.114,
    ),
    Dialect(l2_adam, f"torch.optim.Adam(params, {_ADAM}, weight_decay=weight_decay)"),
    Dialect(
        l2_adam,
        f"optax.chain(optax.add_decayed_weights(weight_decay=weight_decay), optax.adam({_OPTAX}))",
    ),
    Dialect(
        lookahead_sgd,
        "optax.lookahead(optax.sgd(learning_rate=lr), sync_period=k, slow_step_size=alpha)",
    ),
    Dialect(
        lookahead_sgd,
        "pytorch_optimizer.Lookahead(torch.optim.SGD(params, lr=lr), k=k, alpha=alpha)",
    ),
    Dialect(
        lookahead_adam,
        f"optax.lookahead(optax.adam({_OPTAX}), sync_period=k, slow_step_size=alpha)",
    ),
    Dialect(
        lookahead_adam,
        f"pytorch_optimizer.Lookahead(torch.optim.Adam(params, {_ADAM}), k=k, alpha=alpha)",
    ),
)
"""What the libraries run. A library without an entry for a rule has none."""

FORMS = (
    Form(
        sgdm,
        sgdm_ema,
        "texts with a moving average",
        "lr=lr / (1 - momentum), beta1=momentum",
        "The gradient is weighed with 1 - beta1.",
        0.9,
    ),
    Form(
        adam,
        adam_eps_hat,
        "Kingma & Ba (2015), end of section 2",
        "eps=eps * sqrt(1 - beta2**t)",
        "eps is added to the root before the correction.",
        3.5e-7,
    ),
    Form(
        nadam,
        nadam_paper,
        "Dozat (2016), Algorithm 2",
        "lr=sqrt(beta2) * lr, eps=sqrt(beta2) * eps, momentum_decay=1e4",
        "Its momentum may change with every step, in m too, here by PyTorch's schedule; and v_hat "
        "has a factor beta2.",
        0.328,
    ),
    Form(
        sgdw,
        sgdw_paper,
        "Loshchilov & Hutter (2019), Algorithm 1",
        "weight_decay=lr_1 * weight_decay, multiplier=lr / lr_1",
        "The decay is multiplied by the schedule only, and not by the learning rate.",
        1.13,
        scheduled=True,
    ),
    Form(
        adamw,
        adamw_paper,
        "Loshchilov & Hutter (2019), Algorithm 2",
        "weight_decay=lr_1 * weight_decay, multiplier=lr / lr_1",
        "The decay is multiplied by the schedule only, and not by the learning rate.",
        1.01,
        scheduled=True,
    ),
)
"""How papers and texts write it."""


def find(rule: Rule | str, library: str | None = None) -> tuple[Dialect, ...]:
    """The dialects of a rule, all or those of one library; none where it has no such optimizer.

    Raises TypeError for a rule without dialects or an unknown library.
    """
    name = rule if isinstance(rule, str) else rule.name
    demand_known("the book", "rule", [name], ALL)
    if library is not None:
        demand_known("the book", "library", [library], LIBRARIES)
    return tuple(
        d for d in DIALECTS if d.rule.name == name and (library is None or library in d.libraries)
    )


# What a rule costs.


def stored(rule: Rule) -> tuple[int, int]:
    """How many numbers a rule keeps between steps: for each parameter, and for a whole network."""
    return len(rule.slots) - len(rule.numbers), len(rule.numbers)


def operations(rule: Rule) -> int:
    """Arithmetic operations of a step, for each parameter.

    Counted in the rule's text: `+`, `-`, `*`, `/` and `**` with an operand that each parameter has
    its own value of, comparisons of such, and calls on such, each as one, `clip` and `dot` as two.
    Moving the parameter is one more. Not counted are signs, evaluating the gradient, and what is
    done once for all parameters: with the step, the hyper-parameters, or the result of `dot`. Both
    sides of a choice are counted, since both are evaluated.
    """
    own = {"theta", "g", *rule.slots} - {*rule.numbers}
    count = 1
    for name, expression in rule.lines():
        count += sum(_cost(node, own) for node in ast.walk(expression))
        if _each(expression, own):
            own.add(name)
    return count


def _cost(node: ast.AST, own: set[str]) -> int:
    match node:
        case ast.Call(func=ast.Name(id="dot")):
            return 2
        case ast.Call(func=ast.Name(id="grad")):
            return 0
        case ast.Call(func=ast.Name(id="clip")) if _each(node, own):
            return 2
        case ast.BinOp() | ast.Compare() | ast.Call():
            return int(_each(node, own))
    return 0


def _each(node: ast.AST, own: set[str]) -> bool:
    """Whether each parameter has its own value of `node`, as it has of the names in `own`."""
    match node:
        case ast.Name(id=name):
            return name in own
        case ast.Call(func=ast.Name(id="dot")):
            return False
    return any(_each(part, own) for part in ast.iter_child_nodes(node))


# The tables.


class CodeTable(Table):
    """A table for a chapter; Jupyter shows it, and what stands between `backticks` is code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        def code(match: re.Match[str]) -> str:  # long ones may break, but not within a word
            return "<code>" + re.sub(r"([(_])", r"\1<wbr>", match[1]) + "</code>"

        html = self.html().replace(">pytorch_optimizer<", ">pytorch_<wbr>optimizer<")
        return re.sub(r"`([^`]*)`", code, html)


def table(rule: Rule | str) -> CodeTable:
    """What the libraries, papers and texts run under a rule's name; needs none of them."""
    name = rule if isinstance(rule, str) else rule.name
    rows: list[tuple[str, ...]] = []
    for d in find(rule):
        where = ", ".join(d.libraries)
        if d.scheduled and rows and rows[-1][:2] == (where, f"`{d.code}`"):
            *same, before = rows.pop()
            rows.append((*same, f"{before} {_sentence(d)}"))
        else:
            rows.append((where, f"`{d.code}`", _sentence(d)))
    rows += [
        (
            form.source,
            f"`{form.variant.name}({form.code})`",
            f"Equal when converted as shown; {_percent(form.apart)} apart with the same numbers"
            f"{' as the rate decays to zero' * form.scheduled}. {form.reason}",
        )
        for form in FORMS
        if form.rule.name == name
    ]
    if none := [library for library in LIBRARIES if not find(name, library)]:
        rows.append((", ".join(none), "", "No such optimizer."))
    heads = ("Where", "Call, in our names", "Compared with ours")
    return CodeTable(f"{name} in libraries, papers and texts", heads, tuple(rows))


def overview() -> CodeTable:
    """Every rule: its move, what it keeps and costs, and how near the libraries come."""
    return CodeTable(
        "Every optimizer at a glance",
        ("Rule", "Move", "Keeps", "Operations", *LIBRARIES),
        tuple(
            (
                f"`{r.name}`",
                rf"\({_move(r)}\)",
                _kept(r),
                str(operations(r)),
                *(_glance(find(r, library)) for library in LIBRARIES),
            )
            for r in ALL.values()
        ),
    )


def _move(rule: Rule) -> str:
    """What a step adds to the parameters or, for a rule that says where it goes, that."""
    last = rule.equations().lines[-1]
    before = rule.symbol("theta", "t-1") + " "
    if last.right.startswith(before):
        return last.right.removeprefix(before).removeprefix("+ ")
    return f"{last.left} = {last.right}"


def _kept(rule: Rule) -> str:
    """How many numbers a rule keeps for each parameter, which, and which once for all."""
    each, once = (
        rf" \({', '.join(rule.symbol(n) for n in rule.slots if (n in rule.numbers) == alone)}\)"
        for alone in (False, True)
    )
    count, more = stored(rule)
    return f"{count}{each * bool(count)}{f', once{once}' * bool(more)}"


def _glance(dialects: tuple[Dialect, ...]) -> str:
    """The nearest that a library comes to a rule at a constant rate, in a word."""
    near = min((d for d in dialects if not d.scheduled), key=lambda d: d.apart, default=None)
    if near is None:
        return "none"
    return "equal" if near.variant is None else f"{_percent(near.apart)} apart"


def _verdict(dialect: Dialect) -> str:
    if dialect.variant is None:
        parted = any(d.scheduled and d.code == dialect.code for d in DIALECTS)
        return "equal" + " at a constant rate" * parted
    return f"{_percent(dialect.apart)} apart"


def _sentence(dialect: Dialect) -> str:
    """How far a library is, at equal numbers and with its own, and why."""
    settings = ", ".join(f"`{n}={value:g}`" for n, value in dialect.at.items())
    when = " as the rate decays to zero" * dialect.scheduled + f" at {settings}" * bool(settings)
    said = [f"{_verdict(dialect)}{when}.", dialect.reason]
    if dialect.variant:
        said.append(f"It runs `{dialect.variant.name}`.")
    if dialect.plain and dialect.plain != dialect.apart:
        said.append(f"With its own defaults {_percent(dialect.plain)} apart.")
    sentence = " ".join(filter(None, said))
    return sentence[0].upper() + sentence[1:]


def _percent(part: float) -> str:
    """Two significant digits, as many as another draw leaves a meaning to: 0.0065 %, 23 %."""
    digits = max(0, 1 - math.floor(math.log10(100 * part)))
    return f"{100 * part:.{digits}f} %"


# Calls as text.


def _calls(code: str | ast.AST) -> Iterator[ast.Call]:
    tree = ast.parse(code, mode="eval") if isinstance(code, str) else code
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _plain(value: Any) -> Any:
    """A number as Python's own, as a person types it."""
    return tuple(map(_plain, value)) if isinstance(value, tuple) else np.asarray(value).item()


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _value(expression: ast.expr | ast.Expression, known: Mapping[str, Any]) -> Any:
    tree = expression if isinstance(expression, ast.Expression) else ast.Expression(expression)
    return eval(compile(tree, "<dialect>", "eval"), {}, dict(known))


def _modules(tree: ast.AST) -> dict[str, Any]:
    """The libraries that a call names, imported."""
    found = {}
    for library, package in LIBRARIES.items():
        root = library.partition(".")[0]
        if root in _names(tree):
            try:
                found[root] = importlib.import_module(root)
                importlib.import_module(library)
            except ModuleNotFoundError:
                raise ModuleNotFoundError(
                    f"{library} is missing, which this compares with: pip install {package}"
                ) from None
    return found


def _default(parameter: inspect.Parameter) -> Any:
    """A default that does something; None where it is missing or leaves something out."""
    return None if parameter.default is parameter.empty else parameter.default or None
