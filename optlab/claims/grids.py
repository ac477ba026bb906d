"""Grids, a schedule and a race that the cards of several parts share."""

from functools import partial

from optlab.studies.race import Race
from optlab.tasks import digits_mlp
from optlib.schedules import sgdr


def cosine(steps: int) -> partial[float]:
    """One fall to zero along half a cosine, over so many steps."""
    return partial(sgdr, period=steps, growth=1)


def powers(first: int, count: int = 13) -> tuple[float, ...]:
    """Rates a factor of √2 apart, from 2 ** (first / 2)."""
    return tuple(2.0 ** (k / 2) for k in range(first, first + count))


def five_per_decade(first: int, count: int) -> tuple[float, ...]:
    """Rates five to a decade, from 10 ** (first / 5), to three digits."""
    return tuple(float(f"{10 ** (k / 5):.3g}") for k in range(first, first + count))


# From about 2.3 = ln 10 at the start, a loss of 0.1 is past the first descent and far above the
# noise floor. The rates are a factor of √2 apart, since SGD is at its best just before it diverges
# and a coarser grid would miss that. The best of all three optimizers lie inside the grid, and ten
# epochs are more than twice the steps that the slowest needs.
digits_race = partial(
    Race,
    task=digits_mlp,
    rates=powers(-10),
    target=0.1,
    steps=160,
    hyper={"momentum": 0.9},
)


# Rules that divide by the size of the gradients move each parameter by about η. Their grids begin
# at the libraries' defaults, 0.001, and at 0.01 for Adagrad, whose rate falls by itself.
OWN_RATES = {
    "sgdm": powers(-10),
    "adagrad": powers(-14),
    "rmsprop": powers(-20),
    "adam": powers(-20),
    "amsgrad": powers(-20),
    "adabound_po": powers(-20),
}
