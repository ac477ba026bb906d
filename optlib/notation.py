"""One name, one meaning, one symbol: the vocabulary of the whole book.

Hyper-parameters are known by name everywhere: their symbol in the printed equations, the range
in which they make sense, the label of a slider. A rule that needs a new one adds it here, or says
`@rule(names={"rho": Quantity(...)})` where the name means something else in that rule alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Quantity:
    """What a name stands for: its LaTeX symbol, its meaning and, for a number, low <= it < high.

    Some ranges hold their upper end too (`closed`), and some hold whole numbers only (`whole`).
    """

    symbol: str
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    closed: bool = False
    whole: bool = False

    def range(self, name: str) -> str:
        """The range as a person writes it: `0 <= beta1 < 1`."""
        left = "" if self.low == -np.inf else f"{self.low:g} <= "
        right = "" if self.high == np.inf else f" {'<=' if self.closed else '<'} {self.high:g}"
        rest = ", whole" if self.whole else ""
        return (f"{left}{name}{right}" if left or right else f"{name} finite") + rest

    def holds(self, x: np.ndarray) -> bool:
        """Whether all numbers of `x` are in the range."""
        below = x <= self.high if self.closed else x < self.high
        good = np.isfinite(x) & (x >= self.low) & below
        return bool(np.all(good & (x == np.floor(x)) if self.whole else good))


HYPER: dict[str, Quantity] = {
    "lr": Quantity(r"\eta", "learning rate", low=0.0),
    "momentum": Quantity(r"\lambda", "momentum coefficient", low=0.0, high=1.0),
    "beta1": Quantity(r"\beta_1", "decay rate of the average of gradients", low=0.0, high=1.0),
    "beta2": Quantity(
        r"\beta_2", "decay rate of the average of squared gradients", low=0.0, high=1.0
    ),
    "eps": Quantity(r"\epsilon", "small constant that keeps a denominator from zero", low=0.0),
    "weight_decay": Quantity(r"\gamma", "weight decay: how fast parameters shrink", low=0.0),
    "momentum_decay": Quantity(r"\psi", "how fast Nadam's schedule raises the momentum", low=0.0),
    "final_lr": Quantity(r"\eta_\infty", "rate to which AdaBound's bounds close in", low=0.0),
    "tol": Quantity(r"\tau", "how near SWATS' estimates must come before it switches", low=0.0),
    "min_lr": Quantity(r"\eta_{\min}", "lowest rate of a cycle, at most the peak", low=0.0),
    "min_momentum": Quantity(
        r"\lambda_{\min}", "momentum where the rate is highest", low=0.0, high=1.0
    ),
    "warmup": Quantity("w", "steps of warm-up", low=1.0),
    "step_size": Quantity("S", "steps from the lowest rate to the peak", low=1.0),
    "decay": Quantity(
        r"\delta", "by what a cycle's swing is multiplied each step", low=0.0, high=1.0, closed=True
    ),
    "period": Quantity("T_0", "steps until the first restart", low=1.0, whole=True),
    "growth": Quantity(
        "a", "how many times longer each cycle is than the one before", low=1.0, whole=True
    ),
    "total_steps": Quantity("N", "steps of the whole training", low=4.0, whole=True),
    "pct_start": Quantity(
        "p", "share of the steps in which the rate rises", low=0.0, high=0.5, closed=True
    ),
    "div_factor": Quantity("D", "the peak in units of the first rate", low=1.0),
    "final_div_factor": Quantity("F", "the first rate in units of the last one", low=1.0),
    "k": Quantity("k", "steps forward for each step back", low=1.0, whole=True),
    "alpha": Quantity(
        r"\alpha", "how far the slow parameters follow", low=0.0, high=1.0, closed=True
    ),
    "initial": Quantity("v_0", "where a sum of squares begins", low=0.0),
    "multiplier": Quantity("c", "schedule: by what the learning rate is multiplied", low=0.0),
}

NAMES: dict[str, Quantity] = {
    "theta": Quantity(r"\theta", "parameters"),
    "g": Quantity("g", "gradient of the loss"),
    "grad": Quantity(r"\nabla L", "gradient function of the loss"),
    "t": Quantity("t", "step, counted from 1 inside a rule", low=1.0),
    "m": Quantity("m", "momentum: gradients gathered so far"),
    "v": Quantity("v", "second moment: squared gradients gathered so far"),
    "v_max": Quantity(r"v^{\max}", "largest second moment so far"),
    "move": Quantity(r"\Delta", "what a rule adds to the parameters"),
    "g_tilde": Quantity(r"\tilde{g}", "gradient with the decay term"),
    "fast": Quantity(r"\tilde{\theta}", "fast parameters, before the step back"),
    "slow": Quantity(r"\phi", "slow parameters"),
    "rho": Quantity(r"\rho", "effective memory of the second moment, in steps"),
    "rho_inf": Quantity(r"\rho_\infty", "effective memory in the long run"),
    "r": Quantity("r", "rectification"),
    "mu": Quantity(r"\mu", "momentum of this step"),
    "mu_next": Quantity(r"\mu'", "momentum of the next step"),
    "product": Quantity(r"\Pi", "product of the momenta so far"),
    "trial": Quantity("e", "Adam's step, taken or not"),
    "q": Quantity("q", "rate at which SGD's step has Adam's as its projection"),
    "q_bar": Quantity(r"\bar{q}", "moving average of q"),
    "since": Quantity(r"t^{\star}", "step at which SWATS switched, 0 before"),
    "ratio": Quantity(r"\Lambda", "SGD's rate after the switch, in units of the learning rate"),
    "b": Quantity("b", "gradients gathered since the switch"),
    "gap": Quantity("d", "how far SWATS' estimates lie apart"),
    "lower": Quantity(r"\ell", "AdaBound's lower bound of a rate"),
    "upper": Quantity("u", "AdaBound's upper bound of a rate"),
    "step": Quantity("s", "updates made so far", low=0.0, whole=True),
    "cycle": Quantity("j", "number of the cycle, from 1"),
    "distance": Quantity("x", "steps from the peak, in units of half a cycle"),
    "restarts": Quantity("i", "restarts so far"),
    "drops": Quantity("k", "times that the rate was divided by ten"),
    "length": Quantity("T", "steps of the cycle"),
    "elapsed": Quantity("n", "steps since the last restart"),
    "first": Quantity(r"\eta_0", "rate of the first step"),
    "last": Quantity(r"\eta_N", "rate of the last step"),
    "annealed": Quantity("y", "how much of the final annealing is done"),
    "pi": Quantity(r"\pi", "half the circumference of the unit circle"),
    "curvature": Quantity("h", "curvature", low=0.0),
    "kappa": Quantity(r"\kappa", "condition number", low=1.0),
    "size": Quantity("G", "gradient during the burst", low=0.0),
    "begin": Quantity("t_1", "step at which the burst begins", low=1.0, whole=True),
    "duration": Quantity("K", "steps that the burst lasts", low=1.0, whole=True),
    "every": Quantity("R", "period of what is rare, in steps", low=1.0, whole=True),
    "large": Quantity("C", "large gradient of a cycle", low=0.0),
}


Names = Mapping[str, Quantity]
"""What names mean in one formula, before the vocabulary is asked."""


def quantity(name: str, names: Names | None = None) -> Quantity:
    """What `name` stands for: by `names`, by the vocabulary, or by its letters alone."""
    return (names or {}).get(name) or HYPER.get(name) or NAMES.get(name) or new_quantity(name)


def new_quantity(name: str) -> Quantity:
    """A quantity of which nothing is known but its name, from which the symbol is made."""
    return Quantity(_spell(name), name)


def demand(owner: str, name: str, value: Any, names: Names | None = None) -> None:
    """Complain unless `value`, a number or an array of them, is in the range of `name`.

    What has no number yet passes: a SymPy expression with symbols, a tensor under vmap.

    Raises
    ------
    TypeError
        It is no number.
    ValueError
        A number is out of range; the message gives owner, name, value and range.
    """
    x = _numbers(value)
    if x is None:
        return
    if x.dtype.kind not in "iuf":
        raise TypeError(f"{owner}: {name} must be a number, got {value!r}")
    wanted = quantity(name, names)
    if not wanted.holds(x):
        finite = "" if np.all(np.isfinite(x)) else ", finite"
        raise ValueError(
            f"{owner}: {name} = {value!r} is out of range ({wanted.range(name)}{finite})"
        )


def demand_order(owner: str, low: str, x: Any, high: str, y: Any) -> None:
    """Complain with a ValueError unless `x`, known as `low`, is at most `y`, known as `high`.

    What has no number yet passes, as in `demand`.
    """
    least, most = _numbers(x), _numbers(y)
    if least is not None and most is not None and np.any(least > most):
        raise ValueError(f"{owner}: {low} = {x!r} is above {high} = {y!r}")


def demand_known(owner: str, kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Complain with a TypeError that lists what is known, unless it holds all that is given."""
    known = list(known)
    if unknown := sorted(set(given) - set(known)):
        has = ", ".join(known) or "none"
        raise TypeError(f"{owner} has no {kind} {', '.join(unknown)}; it has {has}")


def _numbers(value: Any) -> np.ndarray | None:
    """`value` as an array, of another kind than number if it is none; None if not known yet."""
    if getattr(value, "free_symbols", None):
        return None
    if hasattr(value, "free_symbols"):  # a SymPy number
        return np.asarray(float(value))
    if hasattr(value, "detach"):  # a tensor
        try:
            return np.asarray(value.detach().double().cpu())
        except RuntimeError:  # under vmap it has no numbers of its own
            return None
    try:
        return np.asarray(value)
    except ValueError:  # a ragged list
        return np.asarray(None)


def symbol(name: str, index: str = "", names: Names | None = None) -> str:
    """LaTeX of `name` with an index: `symbol("m_hat", "t")` is `\\hat{m}_{t}`.

    A symbol that has an index already gets both in one: `\\eta_{0,t}`.
    """
    stem, hat, rest = name.partition("_hat")
    hatted = hat and not rest and name not in (names or {})
    spelled = quantity(stem if hatted else name, names).symbol
    if hatted:
        spelled = rf"\hat{{{spelled}}}"
    if not index:
        return spelled
    if indexed := _INDEXED.fullmatch(spelled):
        base, first = indexed.groups()
        return f"{base}_{{{first.removeprefix('{').removesuffix('}')},{index}}}"
    return f"{spelled}_{{{index}}}"


_INDEXED = re.compile(r"([^_]+)_(\{.*\}|\\[a-zA-Z]+|[^{}\\])")


_GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "chi",
    "psi",
    "omega",
]


def _spell(name: str) -> str:
    """A symbol for a name outside the vocabulary: `rho2` is `\\rho_{2}`, `final` is upright."""
    stem, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    base = "\\" + stem if stem in _GREEK else stem
    if len(stem) > 1 and stem not in _GREEK:
        base = rf"\mathrm{{{stem}}}".replace("_", r"\_")
    return f"{base}_{{{digits}}}" if digits else base
