"""The length of the simple average that stands for a moving one (row R18)."""

import numpy as np

from exercises import Exercise
from optlib import radam

exercise = Exercise(
    "How long is a moving average?",
    row="R18",
    read="sec-radam-length",
    returns=("rho",),
    statement=r"""
    After $t$ steps a corrected moving average gives the $j$-th newest number, $j = 1, \dots, t$,
    the weight

    $$
    w_j = \frac{(1-\beta_2)\,\beta_2^{\,j-1}}{1-\beta_2^{\,t}} .
    $$

    A simple average of the $\rho$ newest numbers has its centre of mass at $j = (\rho+1)/2$. RAdam
    takes the $\rho_t$ with which both have the same centre. Write the function that finds it, by a
    sum or by a formula.
    """,
)


@exercise.solution
def rho_length(t, beta2):
    """The length ρ of the simple average with the centre of the moving one.

    t: the number of the step, from 1
    beta2: the decay rate β₂

    Returns ρ, a number.
    """
    return 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)


@exercise.reference
def reference(t, beta2):
    return radam.record([1.0] * t, 0.0, t, beta2=beta2)["rho"][-1]


@exercise.probe
def probe(draw):
    return int(draw.rng.integers(1, 31)), draw.number(0.6, 0.97)


def centre(t, beta2):
    """The centre of mass of the moving average."""
    return 1 / (1 - beta2) - t * beta2**t / (1 - beta2**t)


@exercise.mistake("sec-radam-length")
def in_the_long_run(t, beta2):
    """This is the length in the long run, at every step.

    After the first step there is only one number. What is its average's length?
    """
    return 2 / (1 - beta2) - 1


@exercise.mistake("sec-radam-length")
def numbers_so_far(t, beta2):
    """This is how many numbers there are, as if all of them counted alike.

    The old ones weigh less. Which centre do the weights have?
    """
    return float(t)


@exercise.mistake("sec-radam-length")
def centre_itself(t, beta2):
    """This is the centre of mass, not the length.

    A simple average of length ρ has its centre near its middle. Solve for ρ.
    """
    return centre(t, beta2)


@exercise.mistake("sec-radam-length")
def twice_the_centre(t, beta2):
    """It is too large by 1.

    A simple average of one number has its centre at 1. Which ρ does your formula give for it?
    """
    return 2 * centre(t, beta2)


@exercise.mistake("sec-radam-length")
def ages_from_zero(t, beta2):
    """It is too small by 2.

    The newest number is at j = 1 in both averages. Did you count from 0 in one of them?
    """
    return 2 * (centre(t, beta2) - 1) - 1


@exercise.mistake("sec-radam-length")
def two_forgotten(t, beta2):
    """The second term is half as large as it should be.

    The centre is doubled as a whole. Put t = 1 in as a test.
    """
    return 2 / (1 - beta2) - 1 - t * beta2**t / (1 - beta2**t)


@exercise.mistake("sec-radam-length")
def step_forgotten(t, beta2):
    """The factor t is missing.

    It comes from the last number of the sum, that of the oldest one. Sum it for t = 2 by hand.
    """
    return 2 / (1 - beta2) - 1 - 2 * beta2**t / (1 - beta2**t)


@exercise.mistake("sec-radam-length")
def step_before(t, beta2):
    """The second term is that of the step before.

    The number of the step is counted from 1, and its own gradient is in the average already.
    """
    late = t - 1
    return 2 / (1 - beta2) - 1 - (2 * late * beta2**late / (1 - beta2**late) if late else 0.0)


@exercise.mistake("sec-radam-length")
def power_too_high(t, beta2):
    """One power of β₂ too many.

    The oldest weight has the power t − 1, and the sum of all weights has 1 − β₂ᵗ.
    """
    return 2 / (1 - beta2) - 1 - 2 * t * beta2 ** (t + 1) / (1 - beta2 ** (t + 1))


@exercise.mistake("sec-radam-length")
def power_forgotten(t, beta2):
    """β₂ stands where its power belongs.

    How fast does the weight of the first gradient fall with the steps?
    """
    return 2 / (1 - beta2) - 1 - 2 * t * beta2 / (1 - beta2)


@exercise.mistake("sec-bias-correction")
def not_corrected(t, beta2):
    """The weights do not add up to 1.

    The average is a corrected one: all of its weights have the same divisor.
    """
    return 2 / (1 - beta2) - 1 - 2 * t * beta2**t


@exercise.mistake("sec-bias-correction")
def weights_without_divisor(t, beta2):
    """The centre is that of weights that do not add up to 1.

    Divide the weighted sum of the places by the sum of the weights.
    """
    return 2 * centre(t, beta2) * (1 - beta2**t) - 1


@exercise.mistake("sec-radam-length")
def wrong_sign(t, beta2):
    """The second term is added.

    Can a young average be longer than an old one?
    """
    return 2 / (1 - beta2) - 1 + 2 * t * beta2**t / (1 - beta2**t)


@exercise.mistake("sec-radam-length")
def one_memory(t, beta2):
    """1/(1 − β₂) stands where twice that belongs.

    1/(1 − β₂) is the centre in the long run. Where is the centre of a simple average?
    """
    return 1 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)


@exercise.mistake("sec-radam-length")
def by_the_squares(t, beta2):
    """This length matches the variance of the two averages, not their centres.

    It is a good idea, and another number: 1 over the sum of the squared weights.
    """
    weights = (1 - beta2) * beta2 ** np.arange(t) / (1 - beta2**t)
    return 1 / (weights**2).sum()


@exercise.mistake("sec-radam-length")
def oldest_forgotten(t, beta2):
    """The oldest number is left out of the sum.

    Count the terms for t = 1.
    """
    return 2 * (centre(t, beta2) - t * (1 - beta2) * beta2 ** (t - 1) / (1 - beta2**t)) - 1


@exercise.mistake("sec-radam-length")
def places_and_powers(t, beta2):
    """Each weight has one power of β₂ too many, so that they do not add up to 1.

    Which power of β₂ has the newest number?
    """
    return 2 * beta2 * centre(t, beta2) - 1


@exercise.mistake("sec-radam-length")
def oldest_weighs_most(t, beta2):
    """The weights run the wrong way: the oldest number has the largest.

    Which place has the newest number, and is its weight the largest or the smallest?
    """
    return 2 * (t + 1 - centre(t, beta2)) - 1
