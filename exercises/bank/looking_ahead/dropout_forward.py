"""Dropout in training and when measuring (row R23)."""

import numpy as np

from exercises import Exercise
from optlab.tasks.networks import dropped

exercise = Exercise(
    "Dropout, inverted",
    row="R23",
    read="sec-dropout",
    returns=("y",),
    statement=r"""
    In training, dropout sets a share $p$ of the units to zero and enlarges the others, so that
    each keeps its mean. When measuring it does nothing.

    Which units are dropped is decided by random numbers from $[0, 1)$, one a unit: a unit is
    dropped where its number is *below* $p$. Write it.
    """,
)


@exercise.solution
def dropout_forward(x, uniform, rate, training):
    """What dropout makes of the units.

    x: the units, an array or a number
    uniform: random numbers from [0, 1), as many
    rate: the share p that is dropped
    training: True in training, False when measuring

    Returns the units after dropout, like x.
    """
    if not training:
        return x
    return x * (uniform >= rate) / (1 - rate)


@exercise.reference
def reference(x, uniform, rate, training):
    return dropped(x, rate, uniform if training else None)


@exercise.probe
def probe(draw):
    while True:
        x, uniform = draw.array(), np.round(draw.rng.random(draw.shape), 2)[()]
        rate = draw.number(0.1, 0.9)
        if np.abs(np.ravel(uniform) - rate).min() < 0.02:
            continue
        # The shape decides: always training, where each wrong mask is another one; never; or any.
        if draw.shape != (2, 2):
            return x, uniform, rate, draw.shape != (3,) and bool(draw.rng.random() < 0.7)
        gone = uniform < rate
        first = np.full(draw.shape, gone[0, 0])
        masks = [gone, ~gone, first, uniform < 0.5, uniform >= 1 - rate]
        if len({mask.tobytes() for mask in masks}) == 5 and abs(gone.mean() - rate) > 0.02:
            return x, uniform, rate, True


def zero_where(dropped_ones, x):
    """The units, with zeros where it is said."""
    return np.where(dropped_ones, 0, x)[()]


@exercise.mistake("sec-dropout")
def not_enlarged(x, uniform, rate, training):
    """The units that are kept are not enlarged.

    What is the mean of a unit over many draws? What must it be?
    """
    return zero_where(uniform < rate, x) if training else x


@exercise.mistake("sec-dropout")
def scaled_when_measuring(x, uniform, rate, training):
    """Training does not enlarge, and measuring makes smaller instead.

    That is the older form. In the inverted one measuring does nothing.
    """
    return zero_where(uniform < rate, x) if training else x * (1 - rate)


@exercise.mistake("sec-dropout")
def scaled_twice(x, uniform, rate, training):
    """Training is right, but measuring makes the units smaller as well.

    Once is enough, and it is done in training.
    """
    return zero_where(uniform < rate, x) / (1 - rate) if training else x * (1 - rate)


@exercise.mistake("sec-dropout")
def enlarged_when_measuring(x, uniform, rate, training):
    """Training is right, but measuring enlarges the units as well.

    What is the mean of a unit in training? Measuring has to give just that.
    """
    return (zero_where(uniform < rate, x) if training else x) / (1 - rate)


@exercise.mistake("sec-what-else-dialects")
def always_on(x, uniform, rate, training):
    """Units are dropped when measuring too.

    What does the last argument say?
    """
    return zero_where(uniform < rate, x) / (1 - rate)


@exercise.mistake("sec-dropout")
def never_on(x, uniform, rate, training):
    """Nothing is ever dropped.

    Does the way through the function for training change anything?
    """
    return x


@exercise.mistake("sec-what-else-dialects")
def turned_round(x, uniform, rate, training):
    """Units are dropped when measuring, and not in training.

    Look at the condition on the last argument.
    """
    return x if training else zero_where(uniform < rate, x) / (1 - rate)


@exercise.mistake("sec-what-else-dialects")
def rate_is_kept(x, uniform, rate, training):
    """The rate is taken for the share that is kept.

    Here it is the share that is dropped. Papers write either.
    """
    return zero_where(uniform >= rate, x) / rate if training else x


@exercise.mistake("sec-dropout")
def wrong_ones(x, uniform, rate, training):
    """The units that should be kept are dropped, and the other way round.

    A unit is dropped where its number is below the rate.
    """
    return zero_where(uniform >= rate, x) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def other_side(x, uniform, rate, training):
    """As many units are dropped, but those with the largest numbers.

    On average that is as good. Here a unit is dropped where its number is below the rate.
    """
    return zero_where(uniform >= 1 - rate, x) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def divided_by_the_rate(x, uniform, rate, training):
    """The kept units are divided by the share that is dropped.

    With which probability is a unit there at all?
    """
    return zero_where(uniform < rate, x) / rate if training else x


@exercise.mistake("sec-dropout")
def made_smaller(x, uniform, rate, training):
    """The kept units are made smaller, not larger.

    They have to stand for the dropped ones as well.
    """
    return zero_where(uniform < rate, x) * (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def variance_kept(x, uniform, rate, training):
    """The kept units are divided by a root.

    That would keep the mean square. It is the mean that has to stay.
    """
    return zero_where(uniform < rate, x) / np.sqrt(1 - rate) if training else x


@exercise.mistake("sec-dropout")
def one_for_all(x, uniform, rate, training):
    """One random number decides for all units.

    Each unit has a number of its own.
    """
    first = np.ravel(uniform)[0]
    return zero_where(first < rate, x) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def by_the_share(x, uniform, rate, training):
    """The kept units are enlarged by how many were kept in this draw.

    Divide by the probability, which is the same in every draw.
    """
    if not training:
        return x
    share = np.mean(uniform >= rate)
    return zero_where(uniform < rate, x) / max(share, 1e-9)


@exercise.mistake("sec-dropout")
def not_dropped(x, uniform, rate, training):
    """All units are enlarged, and none is dropped.

    Some must be zero: compare the random numbers with the rate.
    """
    return x / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def half(x, uniform, rate, training):
    """Units are dropped below one half, whatever the rate.

    Compare the random numbers with the rate.
    """
    return zero_where(uniform < 0.5, x) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def multiplied(x, uniform, rate, training):
    """The units are multiplied by the random numbers.

    A unit is either dropped or not: compare, do not multiply.
    """
    return x * uniform / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def enlarged_twice(x, uniform, rate, training):
    """The kept units are enlarged twice.

    What is the mean of a unit over many draws? What must it be?
    """
    return zero_where(uniform < rate, x) / (1 - rate) ** 2 if training else x


@exercise.mistake("sec-dropout")
def by_the_unit(x, uniform, rate, training):
    """A unit is dropped where it is itself below the rate.

    The random numbers decide, not the units.
    """
    return zero_where(x < rate, x) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def not_the_units(x, uniform, rate, training):
    """This is by what the units are multiplied, without the units.

    Where are the units themselves?
    """
    return zero_where(uniform < rate, np.ones_like(x)) / (1 - rate) if training else x


@exercise.mistake("sec-dropout")
def zero_when_measuring(x, uniform, rate, training):
    """Training is right, but measuring gives zeros.

    Measuring does nothing to the units.
    """
    return zero_where(uniform < rate, x) / (1 - rate) if training else 0 * x
