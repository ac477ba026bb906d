"""The rate of a cosine with warm restarts (row R15)."""

import math

import numpy as np

from exercises import Exercise
from exercises.exercise import SHAPES
from optlib.schedules import sgdr

exercise = Exercise(
    "The rate of a cosine with restarts",
    row="R15",
    read="sec-restarts",
    returns=("rate",),
    statement=r"""
    The updates of SGDR are divided into cycles. The first cycle has $T_0$ of them, and each later
    one $a$ times as many as the one before. If $a = 1$, all cycles are equal. The first update of
    each cycle has the peak rate $\eta$. From there the rate falls along half a wave of a cosine,
    which would be at $\eta_{\min}$ at the first update of the next cycle. But there it restarts
    at $\eta$. Write the function that gives the rate of the update that comes after $s$ others.
    So $s = 0$ is the first one.
    """,
)


@exercise.solution
def restart_rate(step, lr, min_lr, period, growth):
    """The rate of the next update under cosine annealing with warm restarts.

    step: how many updates were made before, a whole number from 0 on
    lr: the rate η after each restart
    min_lr: the rate towards which each cycle falls, below lr
    period: the number T₀ of updates in the first cycle, a whole number
    growth: how many times as long each cycle is as the one before, a whole number from 1 on

    Returns the rate, a number.
    """
    while step >= period:
        step -= period
        period *= growth
    return min_lr + (lr - min_lr) * (1 + np.cos(np.pi * step / period)) / 2


@exercise.reference
def reference(step, lr, min_lr, period, growth):
    return sgdr(step, lr=lr, min_lr=min_lr, period=period, growth=growth)


def place(step, lengths):
    """The number of the cycle in which `step` lies, from 0, the updates since its restart and its
    length, when the cycles have these lengths."""
    for cycle, length in enumerate(lengths):
        if step < length:
            return cycle, step, length
        step -= length
    raise AssertionError("too few cycles")


def cycles(period, growth):
    """The lengths of many cycles."""
    return [period * growth**i for i in range(400)]


def cosine(lr, min_lr, share):
    """The rate after a share of the cycle."""
    return min_lr + (lr - min_lr) * (1 + math.cos(math.pi * share)) / 2


@exercise.probe
def probe(draw):
    period, turn = int(draw.rng.integers(3, 7)), SHAPES.index(draw.shape)
    if turn == 0:
        cycle, growth = int(draw.rng.integers(4)), 1
    elif turn == 3:
        cycle, growth = 5, 3  # at this restart the logarithm of 3⁵ is rounded down
    else:
        cycle, growth = int(draw.rng.integers(1, 4)), int(draw.rng.integers(2, 4))
    if turn == 1:
        since = int(draw.rng.integers(period, 2 * period))
    elif turn == 3:
        since = 0
    else:
        since = int(draw.rng.choice([0, draw.rng.integers(1, period * growth**cycle)]))
    step = sum(cycles(period, growth)[:cycle]) + since
    return step, draw.number(0.4, 1.6), draw.number(0.05, 0.3), period, growth


@exercise.mistake("sec-restart-index")
def rounded_logarithm(step, lr, min_lr, period, growth):
    """Right but for some restarts, which come an update late.

    There the logarithm should be a whole number. Print it at the step of this input.
    """
    if growth == 1:
        return cosine(lr, min_lr, step % period / period)
    cycle = math.floor(math.log(1 + (growth - 1) * step / period) / math.log(growth))
    length = period * growth**cycle
    return cosine(lr, min_lr, (step - (length - period) / (growth - 1)) / length)


@exercise.mistake("sec-restart-index")
def growth_of_one(step, lr, min_lr, period, growth):
    """Right but for growth 1, where nan comes back.

    The sum of equal lengths has a formula of its own.
    """
    if growth == 1:
        return math.nan
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def plain_logarithm(step, lr, min_lr, period, growth):
    """With growth 1 nan comes back, and with some others a restart comes an update late.

    The sum of equal lengths has a formula of its own. And can you trust a logarithm that should
    be a whole number?
    """
    if growth == 1:
        return math.nan
    return rounded_logarithm(step, lr, min_lr, period, growth)


@exercise.mistake("sec-restart-index")
def grown_at_once(step, lr, min_lr, period, growth):
    """The first cycle has grown already.

    How many updates does it have?
    """
    _, since, length = place(step, cycles(period * growth, growth))
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def grows_late(step, lr, min_lr, period, growth):
    """The second cycle is as long as the first.

    Each later cycle is longer than the one before it, and the second is a later one.
    """
    _, since, length = place(step, [period, *cycles(period, growth)])
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def never_grows(step, lr, min_lr, period, growth):
    """All cycles are equal.

    Where does growth come in?
    """
    return cosine(lr, min_lr, step % period / period)


@exercise.mistake("sec-restart-index")
def times_the_number(step, lr, min_lr, period, growth):
    """Each cycle is longer than the one before by the same number of updates: growth times period.

    The lengths make a geometric series. Which quotient do neighbours have?
    """
    _, since, length = place(step, [period, *(period * growth * i for i in range(1, 400))])
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def equal_differences(step, lr, min_lr, period, growth):
    """The second cycle is right, but each later one is longer by a fixed number of updates.

    How many times as long as the second cycle is the third?
    """
    _, since, length = place(step, [period + i * (growth - 1) * period for i in range(400)])
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def one_period_more(step, lr, min_lr, period, growth):
    """The cycles have once, twice, three times the first length, whatever growth is.

    How many times as long as the second cycle is the third?
    """
    _, since, length = place(step, [period * i for i in range(1, 400)])
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def growth_grows(step, lr, min_lr, period, growth):
    """The quotient of a cycle and the one before it grows too.

    Each restart multiplies the length once.
    """
    lengths = [period * growth ** (i * (i + 1) // 2) for i in range(20 if growth > 1 else 400)]
    _, since, length = place(step, lengths)
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def from_the_start(step, lr, min_lr, period, growth):
    """The length of the cycle is right, but the updates are counted from the start of training.

    How many were made since the last restart?
    """
    _, _, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, step / length)


@exercise.mistake("sec-restart-index")
def cycle_before_taken_off(step, lr, min_lr, period, growth):
    """Of the cycles that are over, only the last one is taken off.

    The updates of all earlier cycles lie before the restart.
    """
    cycle, _, length = place(step, cycles(period, growth))
    before = length // growth if cycle else 0
    return cosine(lr, min_lr, (step - before) / length)


@exercise.mistake("sec-restart-index")
def all_for_length(step, lr, min_lr, period, growth):
    """The updates since the restart are divided by those of all cycles up to this one.

    By how many updates does a single cycle go?
    """
    cycle, since, _ = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / sum(cycles(period, growth)[: cycle + 1]))


@exercise.mistake("sec-restart-index")
def first_for_length(step, lr, min_lr, period, growth):
    """The restarts are right, but each cycle falls as fast as the first one.

    How long is the cycle in which this update lies?
    """
    _, since, _ = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / period)


@exercise.mistake("sec-restart-index")
def one_early(step, lr, min_lr, period, growth):
    """Each rate comes one update early.

    How many updates were made before the first one?
    """
    _, since, length = place(step + 1, cycles(period, growth))
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def restart_late(step, lr, min_lr, period, growth):
    """At each restart the lowest rate comes instead of the peak.

    To which of the two cycles does that update belong?
    """
    _, since, length = place(max(step - 1, 0), cycles(period, growth))
    return cosine(lr, min_lr, (since + min(step, 1)) / length)


@exercise.mistake("sec-restarts")
def one_more(step, lr, min_lr, period, growth):
    """Each cycle has one update too many, the one with the lowest rate.

    Count the updates of the first cycle.
    """
    _, since, length = place(step, [length + 1 for length in cycles(period, growth)])
    return cosine(lr, min_lr, since / (length - 1))


@exercise.mistake("sec-restarts")
def arrives(step, lr, min_lr, period, growth):
    """The last update of a cycle has the lowest rate.

    It is on the way there. Which update would have it?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / (length - 1))


@exercise.mistake("sec-restarts")
def not_halved(step, lr, min_lr, period, growth):
    """The swing is twice as high as it should be.

    How large is 1 + cos 0?
    """
    _, since, length = place(step, cycles(period, growth))
    return min_lr + (lr - min_lr) * (1 + math.cos(math.pi * since / length))


@exercise.mistake("sec-restarts")
def no_one(step, lr, min_lr, period, growth):
    """In the second half of a cycle the rate is too low, lower than the lowest one.

    A cosine goes from 1 to −1. How does it become a number from 1 to 0?
    """
    _, since, length = place(step, cycles(period, growth))
    return min_lr + (lr - min_lr) * math.cos(math.pi * since / length)


@exercise.mistake("sec-restarts")
def turned_round(step, lr, min_lr, period, growth):
    """Each cycle begins with the lowest rate and rises.

    Which way does annealing go? Look at a sign.
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, 1 - since / length)


@exercise.mistake("sec-restarts")
def whole_wave(step, lr, min_lr, period, growth):
    """In each cycle the rate falls and rises again, smoothly.

    A restart is a jump. How far does the cosine go in a cycle?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, 2 * since / length)


@exercise.mistake("sec-restarts")
def quarter_wave(step, lr, min_lr, period, growth):
    """Only a quarter of a wave is used.

    It ends steeply. The cosine of which angle is −1?
    """
    _, since, length = place(step, cycles(period, growth))
    return min_lr + (lr - min_lr) * math.cos(math.pi * since / length / 2)


@exercise.mistake("sec-restarts")
def no_pi(step, lr, min_lr, period, growth):
    """The rate never comes near the lowest one.

    The cosine takes radians. How many are half a wave?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / length / math.pi)


@exercise.mistake("sec-restarts")
def degrees(step, lr, min_lr, period, growth):
    """The angle is in degrees, but the cosine takes radians.

    How many radians are half a wave?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, 180 * since / length / math.pi)


@exercise.mistake("sec-restarts")
def above_the_peak(step, lr, min_lr, period, growth):
    """The peak is too high by the lowest rate.

    How far is it from one bound to the other?
    """
    _, since, length = place(step, cycles(period, growth))
    return min_lr + lr * (1 + math.cos(math.pi * since / length)) / 2


@exercise.mistake("sec-restarts")
def to_zero(step, lr, min_lr, period, growth):
    """The rate falls towards 0.

    Where does min_lr come in?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, 0.0, since / length)


@exercise.mistake("sec-restarts")
def swing_only(step, lr, min_lr, period, growth):
    """This is how far the rate is above the lowest one.

    A term is missing. What is the rate at a restart?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / length) - min_lr


@exercise.mistake("sec-restarts")
def swing_misses_half(step, lr, min_lr, period, growth):
    """The half stands before all terms, the lowest rate too.

    What is the rate at a restart?
    """
    _, since, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, since / length) - min_lr / 2


@exercise.mistake("sec-restarts")
def straight(step, lr, min_lr, period, growth):
    """The rate falls on a straight line.

    Both ends are right. What is between them is a cosine.
    """
    _, since, length = place(step, cycles(period, growth))
    return lr - (lr - min_lr) * since / length


@exercise.mistake("sec-restarts")
def whole_parts(step, lr, min_lr, period, growth):
    """This is the peak at every update.

    The division drops the fraction. Which of the two divisions of Python keeps it?
    """
    return lr


@exercise.mistake("sec-cycles-dialects")
def goes_on(step, lr, min_lr, period, growth):
    """After the first cycle the cosine goes on, so that the rate rises as slowly as it fell.

    One of PyTorch's schedulers does that. A restart is a jump.
    """
    return cosine(lr, min_lr, step / period)


@exercise.mistake("sec-cycles-dialects")
def once(step, lr, min_lr, period, growth):
    """After the first cycle the rate stays at the lowest one.

    That is annealing without a restart.
    """
    return cosine(lr, min_lr, min(step / period, 1))


@exercise.mistake("sec-cycles-dialects")
def lower_peaks(step, lr, min_lr, period, growth):
    """Each restart goes only half as high as the one before.

    Here each cycle begins with the same rate.
    """
    cycle, since, length = place(step, cycles(period, growth))
    return cosine(min_lr + (lr - min_lr) / 2**cycle, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def once_a_cycle(step, lr, min_lr, period, growth):
    """The rate changes at restarts only: it is the number of the cycle that the cosine is given.

    What else does change from one update to the next?
    """
    cycle, _, length = place(step, cycles(period, growth))
    return cosine(lr, min_lr, cycle / length)


@exercise.mistake("sec-restart-index")
def grown_too_soon(step, lr, min_lr, period, growth):
    """When a cycle is over, the length of the next one is taken off.

    In which order do you lengthen the cycle and take it off?
    """
    while step >= period:
        period *= growth
        step -= period
    return cosine(lr, min_lr, step / period)


@exercise.mistake("sec-restart-index")
def one_restart(step, lr, min_lr, period, growth):
    """There is one restart only. After the second cycle the cosine goes on.

    Is one `if` enough for a later cycle?
    """
    if step >= period:
        return cosine(lr, min_lr, (step - period) / (period * growth))
    return cosine(lr, min_lr, step / period)


@exercise.mistake("sec-restart-index")
def growth_added(step, lr, min_lr, period, growth):
    """Each cycle is longer than the one before by as many updates as growth says.

    Is growth a number of updates, or a quotient?
    """
    _, since, length = place(step, [period + growth * i for i in range(400)])
    return cosine(lr, min_lr, since / length)


@exercise.mistake("sec-restart-index")
def grown_period_added(step, lr, min_lr, period, growth):
    """After each cycle the length grows by growth times the period.

    Is a cycle longer by that much, or is it as long as that?
    """
    _, since, length = place(step, [period + period * growth * i for i in range(400)])
    return cosine(lr, min_lr, since / length)
