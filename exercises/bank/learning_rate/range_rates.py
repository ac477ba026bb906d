"""The rates of the range test (row R13)."""

import numpy as np

from exercises import Exercise
from optlib.schedules import range_sweep

exercise = Exercise(
    "The rates of the range test",
    row="R13",
    read="sec-range-test",
    returns=("rates",),
    statement=r"""
    The range test makes $N$ updates. The first one has the rate $\eta_{\min}$ and the last one
    $\eta$. From each update to the next the rate grows by the same factor. Write the function that
    gives all $N$ rates, in order.
    """,
)


@exercise.solution
def range_rates(low, high, steps):
    """The rates of a range test, one an update.

    low: the rate of the first update, above 0
    high: the rate of the last update, above low
    steps: the number of updates, at least 2

    Returns an array of as many rates, from low to high.
    """
    factor = (high / low) ** (1 / (steps - 1))
    return low * factor ** np.arange(steps)


@exercise.reference
def reference(low, high, steps):
    return range_sweep(np.arange(steps), lr=high, min_lr=low, total_steps=steps)


@exercise.probe
def probe(draw):
    return draw.number(0.01, 0.3), draw.number(1.5, 9), int(draw.rng.integers(4, 9))


@exercise.mistake("sec-range-test")
def straight(low, high, steps):
    """The rates lie on a straight line.

    That is Smith's own test. Here neighbours have the same quotient, not the same difference.
    """
    return np.linspace(low, high, steps)


@exercise.mistake("sec-range-test")
def too_many_intervals(low, high, steps):
    """The last update has not the rate high.

    How many times does the rate grow between the first update and the last of N?
    """
    return low * (high / low) ** (np.arange(steps) / steps)


@exercise.mistake("sec-range-test")
def one_early(low, high, steps):
    """The rates have grown once before the first update.

    Which rate does the first update have?
    """
    return low * (high / low) ** (np.arange(1, steps + 1) / steps)


@exercise.mistake("sec-range-dialects")
def wide_first_step(low, high, steps):
    """The first step up is twice as wide, on the logarithmic axis, as all the others.

    One library does that. Is each quotient the same?
    """
    rates = low * (high / low) ** (np.arange(1, steps + 1) / steps)
    return np.concatenate([[low], rates[1:]])


@exercise.mistake("sec-range-test")
def grows_at_each_end(low, high, steps):
    """The last rate is above high: it has grown once too often.

    Count the growths, not the updates.
    """
    factor = (high / low) ** (1 / (steps - 1))
    return low * factor ** np.arange(1, steps + 1)


@exercise.mistake("sec-range-test")
def mixed_logarithms(low, high, steps):
    """The logarithm has another base than the power that undoes it.

    The first rate should be low itself. Check that one.
    """
    return np.exp(np.linspace(np.log10(low), np.log10(high), steps))


@exercise.mistake("sec-range-test")
def mixed_the_other_way(low, high, steps):
    """The rates are powers of ten of natural logarithms.

    Take the same base on the way there and on the way back.
    """
    return 10 ** np.linspace(np.log(low), np.log(high), steps)


@exercise.mistake("sec-range-test")
def logarithms_left(low, high, steps):
    """These are the logarithms of the rates.

    They rise by the same amount, as they should. One step is missing.
    """
    return np.linspace(np.log(low), np.log(high), steps)


@exercise.mistake("sec-range-test")
def divided_factor(low, high, steps):
    """The factor is the quotient of the ends divided by the number of growths.

    The growths are multiplied with each other. What undoes a product of equal factors?
    """
    return low * (high / low / (steps - 1)) ** np.arange(steps)


@exercise.mistake("sec-range-test")
def downwards(low, high, steps):
    """The rates fall.

    The test begins where nothing can go wrong.
    """
    return high * (low / high) ** (np.arange(steps) / (steps - 1))


@exercise.mistake("sec-range-test")
def from_one(low, high, steps):
    """The rates begin at 1.

    The powers of the factor say by how much the rate has grown. From what?
    """
    return (high / low) ** (np.arange(steps) / (steps - 1))


@exercise.mistake("sec-range-test")
def difference_for_quotient(low, high, steps):
    """The factor is made of the difference of the two ends.

    How many times as large as low is high?
    """
    return low * (high - low) ** (np.arange(steps) / (steps - 1))


@exercise.mistake("sec-range-test")
def quadratic(low, high, steps):
    """Both ends are right, but the rates grow slowly at first and then ever faster.

    Compare the quotient of the first two rates with that of the last two.
    """
    return low * (high / low) ** ((np.arange(steps) / (steps - 1)) ** 2)
