"""The rate under linear warm-up (row R17)."""

import numpy as np

from exercises import Exercise
from optlib.schedules import warmup as linear

exercise = Exercise(
    "The rate while it warms up",
    row="R17",
    read="sec-warmup-schedule",
    returns=("rate",),
    statement=r"""
    Linear warm-up raises the rate in equal parts over the first $w$ updates. The first update has
    the rate $\eta/w$, the $w$-th the peak $\eta$, and all later ones keep it. Write the function
    that gives the rate of the update that comes after $s$ others. So $s = 0$ is the first one.
    """,
)


@exercise.solution
def warmup_rate(step, lr, warmup):
    """The rate of the next update under linear warm-up.

    step: how many updates were made before, a whole number from 0 on
    lr: the peak rate η
    warmup: the number w of updates over which the rate rises

    Returns the rate, a number.
    """
    return lr * min((step + 1) / warmup, 1)


@exercise.reference
def reference(step, lr, warmup):
    return linear(step, lr=lr, warmup=warmup)


@exercise.probe
def probe(draw):
    warmup = int(draw.rng.integers(4, 21))
    last = warmup - 1
    early, late = draw.rng.integers(1, last), draw.rng.integers(warmup + 1, 4 * warmup)
    # By turns, so that none of the telling steps is ever left out.
    steps = {(): [0, early], (2,): [early], (3,): [warmup], (2, 2): [last, late, late]}
    return int(draw.rng.choice(steps[draw.shape])), draw.lr(), warmup


@exercise.mistake("sec-warmup-dialects")
def first_is_zero(step, lr, warmup):
    """The first update has the rate 0, and the peak comes one update late.

    How many updates have been made, and which one is the next?
    """
    return lr * min(step / warmup, 1)


@exercise.mistake("sec-warmup-dialects")
def zero_to_peak(step, lr, warmup):
    """The rates go from 0 at the first update to the peak at the w-th.

    The parts are equal, and the first one counts too.
    """
    return lr * min(step / (warmup - 1), 1)


@exercise.mistake("sec-warmup-schedule")
def early(step, lr, warmup):
    """The peak comes one update early.

    What is the rate of the very first update?
    """
    return lr * min((step + 2) / warmup, 1)


@exercise.mistake("sec-warmup-schedule")
def late(step, lr, warmup):
    """The rate rises over one update more than w.

    Which update is the first with the peak rate?
    """
    return lr * min((step + 1) / (warmup + 1), 1)


@exercise.mistake("sec-warmup-schedule")
def no_cap(step, lr, warmup):
    """The rate never stops rising.

    What happens after the w-th update?
    """
    return lr * (step + 1) / warmup


@exercise.mistake("sec-warmup-schedule")
def beyond_the_peak(step, lr, warmup):
    """One update gets more than the peak.

    Which is the last step for which your formula still rises, and what does it give there?
    """
    return lr * (step + 1) / warmup if step <= warmup else lr


@exercise.mistake("sec-warmup-schedule")
def peak_forgotten(step, lr, warmup):
    """This is the share of the peak.

    What is it a share of?
    """
    return min((step + 1) / warmup, 1)


@exercise.mistake("sec-warmup-schedule")
def larger_of_two(step, lr, warmup):
    """The larger of two numbers is taken where the smaller one is due.

    Try step 0 by hand.
    """
    return lr * max((step + 1) / warmup, 1)


@exercise.mistake("sec-warmup-schedule")
def whole_parts(step, lr, warmup):
    """The division drops the fraction, so that the rate is 0 and then jumps.

    Which of the two divisions of Python keeps it?
    """
    return lr * min((step + 1) // warmup, 1)


@exercise.mistake("sec-warmup-schedule")
def turned_round(step, lr, warmup):
    """The rate begins at the peak and falls.

    Which way does warm-up go?
    """
    return lr * max(1 - (step + 1) / warmup, 0)


@exercise.mistake("sec-warmup-dialects")
def from_a_third(step, lr, warmup):
    """The rate begins at a third of the peak.

    That is a library's default. Here the first part is as large as all the others.
    """
    return lr * (1 / 3 + 2 / 3 * min(step / warmup, 1))


@exercise.mistake("sec-warmup-dialects")
def first_to_peak(step, lr, warmup):
    """The first rate is right, and the peak comes one update late.

    How many parts are there between the first update and the w-th?
    """
    return lr * (1 / warmup + (1 - 1 / warmup) * min(step / warmup, 1))


@exercise.mistake("sec-warmup-dialects")
def inverse_root(step, lr, warmup):
    """After the peak the rate falls with the root of the steps.

    That is the schedule of the first Transformer. What is asked for here stays at the peak.
    """
    return lr * min((step + 1) / warmup, np.sqrt(warmup / (step + 1)))


@exercise.mistake("sec-warmup-schedule")
def nothing_after(step, lr, warmup):
    """After warm-up the rate is 0.

    Which rate do the later updates keep?
    """
    return lr * (step + 1) / warmup if step < warmup else 0.0


@exercise.mistake("sec-warmup-schedule")
def no_warmup(step, lr, warmup):
    """This is the peak rate at every update.

    What does w do?
    """
    return lr
