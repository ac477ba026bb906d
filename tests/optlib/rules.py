"""The rules that the tests go through, and hyper-parameters drawn from their ranges."""

import numpy as np

from optlib import RULES, adam, decoupled, l2, lookahead, nag_lookahead, rule
from optlib.dialects import DIALECTS, FORMS

ALL = [*RULES.values(), l2(adam), lookahead(adam), decoupled(nag_lookahead)]

_others = [*(d.runs for d in DIALECTS), *(form.variant for form in FORMS)]
VARIANTS = list({r.name: r for r in _others if r not in ALL}.values())


def random_hyper(r, rng):
    """One number for each hyper-parameter, from its range."""

    def draw(wanted):
        if wanted.whole:
            return int(rng.integers(wanted.low, wanted.low + 6))
        high = wanted.high if np.isfinite(wanted.high) else 1.0
        return float(rng.uniform(wanted.low + 0.02, high - 0.02))

    return {name: draw(wanted) for name, wanted in r.ranges.items()}


@rule
def rising(g, *, lr=1e-3):
    """Moves by lr towards +1, whatever the gradient."""
    return lr + 0 * g


@rule
def falling(g, *, lr=1e-3):
    """Moves by lr towards -1, whatever the gradient."""
    return -lr + 0 * g


@rule
def still(g, *, lr=1e-3):
    """Never moves."""
    return 0 * lr * g


@rule
def bursting(g, *, lr=1e-3):
    """Diverges at its first step."""
    return lr * float("inf") * g


@rule
def brisk(g, *, lr=1e-3):
    """SGD with the rate 0.1 at the rate 1, and with less at any other."""
    return -0.1 * g / (1 + 9 * (lr - 1) ** 2)
