"""How far noise carries Adam under warm-up (row R17)."""

import numpy as np

from exercises import Exercise
from optlib.schedules import warmup as linear

exercise = Exercise(
    "How far noise carries Adam",
    row="R17",
    read="sec-warmup-sum",
    returns=("spread",),
    statement=r"""
    All gradients are noise: independent, with the same distribution, as likely $g$ as $-g$. Adam
    runs with $\beta_1 = 0$ and a plain mean of the squares. Then its steps in units of the rate
    have mean 0 and variance 1 and are uncorrelated.

    The rate rises by linear warm-up over $w$ updates: $\eta\,t/w$ at the $t$-th update up to
    $t = w$, and $\eta$ after that. Write the function that gives the standard deviation of the
    distance from the start, signed, after $n$ updates. It is to be exact, also where the run ends
    before the warm-up does.
    """,
)


@exercise.solution
def walk_spread(steps, lr, warmup):
    """The standard deviation of the signed distance that noise carries Adam.

    steps: the number n of updates, a whole number from 1 on
    lr: the peak rate η
    warmup: the number w of updates over which the rate rises

    Returns the standard deviation, a number.
    """
    variance = sum((lr * min(t / warmup, 1)) ** 2 for t in range(1, steps + 1))
    return variance**0.5


@exercise.reference
def reference(steps, lr, warmup):
    return np.linalg.norm(linear(np.arange(steps), lr=lr, warmup=warmup))


def factors(steps, warmup):
    """The rates of the updates in units of the peak."""
    return linear(np.arange(steps), lr=1.0, warmup=warmup)


@exercise.probe
def probe(draw):
    warmup = int(draw.rng.integers(5, 16))
    short, long = draw.rng.integers(3, warmup), draw.rng.integers(warmup + 2, 4 * warmup)
    return int(draw.rng.choice([short, long, long])), draw.lr(), warmup


@exercise.mistake("sec-warmup-sum")
def variance(steps, lr, warmup):
    """This is the variance.

    The standard deviation has the units of the rate.
    """
    return reference(steps, lr, warmup) ** 2


@exercise.mistake("sec-warmup-sum")
def all_one_way(steps, lr, warmup):
    """The rates are added up, as if all steps went the same way.

    Which quantity adds up for steps that are uncorrelated?
    """
    return lr * factors(steps, warmup).sum()


@exercise.mistake("sec-warmup-sum")
def rates_not_squared(steps, lr, warmup):
    """The share of the peak enters the variance to the first power.

    By what is the variance multiplied when a number is multiplied by c?
    """
    return lr * factors(steps, warmup).sum() ** 0.5


@exercise.mistake("sec-warmup-sum")
def peak_not_squared(steps, lr, warmup):
    """The peak enters the variance to the first power.

    What does the spread do when all rates are doubled?
    """
    return lr**0.5 * np.linalg.norm(factors(steps, warmup))


@exercise.mistake("sec-warmup-sum")
def peak_forgotten(steps, lr, warmup):
    """This is the spread in units of the peak.

    What does the spread do when all rates are doubled?
    """
    return np.linalg.norm(factors(steps, warmup))


@exercise.mistake("sec-warmup-sum")
def warmup_all_the_way(steps, lr, warmup):
    """The rate rises until the run ends.

    After which update does it stay?
    """
    return reference(steps, lr, steps)


@exercise.mistake("sec-warmup-sum")
def no_warmup(steps, lr, warmup):
    """This is the spread at a constant rate.

    Which rate has the first update?
    """
    return lr * steps**0.5


@exercise.mistake("sec-warmup-dialects")
def from_zero(steps, lr, warmup):
    """The rates begin at 0.

    The first update has the rate η/w.
    """
    rates = np.minimum(np.arange(steps) / warmup, 1)
    return lr * np.linalg.norm(rates)


@exercise.mistake("sec-warmup-sum")
def third(steps, lr, warmup):
    """A third of the warm-up's steps is counted, which is right only for long ones.

    The sum of the first squares has an exact value.
    """
    rise = min(steps, warmup)
    return lr * (rise**3 / (3 * warmup**2) + steps - rise) ** 0.5


@exercise.mistake("sec-warmup-sum")
def no_cap(steps, lr, warmup):
    """The rate goes on rising after the warm-up.

    Which rate has an update after the w-th?
    """
    return lr * np.linalg.norm(np.arange(1, steps + 1) / warmup)


@exercise.mistake("sec-warmup-sum")
def warmup_only(steps, lr, warmup):
    """Only the steps of the warm-up are counted.

    The later ones move it too.
    """
    return reference(min(steps, warmup), lr, warmup)


@exercise.mistake("sec-warmup-sum")
def averaged(steps, lr, warmup):
    """The squares are averaged.

    Each step adds to the distance. Is anything divided?
    """
    return reference(steps, lr, warmup) / steps**0.5


@exercise.mistake("sec-warmup-sum")
def whole_warmup(steps, lr, warmup):
    """The whole warm-up is counted, even where the run ends before it.

    How many updates were made?
    """
    rise = np.linalg.norm(factors(warmup, warmup)) ** 2
    return lr * (rise + max(steps - warmup, 0)) ** 0.5


@exercise.mistake("sec-warmup-sum")
def last_rate(steps, lr, warmup):
    """All steps have the last one's rate.

    Each step has a rate of its own.
    """
    return lr * min(steps / warmup, 1) * steps**0.5
