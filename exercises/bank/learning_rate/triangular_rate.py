"""The rate of triangular cycles (row R14)."""

import numpy as np

from exercises import Exercise
from exercises.exercise import SHAPES
from optlib.schedules import triangular

exercise = Exercise(
    "The rate in a triangular cycle",
    row="R14",
    read="sec-triangle",
    returns=("rate",),
    statement=r"""
    Cyclical rates rise on a straight line from $\eta_{\min}$ to the peak $\eta$ in $S$ steps, and
    fall back on a straight line in $S$ steps more. Then the next cycle begins, and it is like the
    first. Write the function that gives the rate of the update that comes after $s$ others. So
    $s = 0$ is the first update, with $\eta_{\min}$, and the update at $s = S$ is the first one
    with the peak.
    """,
)


@exercise.solution
def triangular_rate(step, lr, min_lr, step_size):
    """The rate of the next update in triangular cycles.

    step: how many updates were made before, a whole number from 0 on
    lr: the peak rate η
    min_lr: the lowest rate, below lr
    step_size: the number S of steps from the lowest rate to the peak, a whole number

    Returns the rate, a number.
    """
    since = step % (2 * step_size)
    return min_lr + (lr - min_lr) * min(since, 2 * step_size - since) / step_size


@exercise.reference
def reference(step, lr, min_lr, step_size):
    return triangular(step, lr=lr, min_lr=min_lr, step_size=step_size)


def height(step, half):
    """How high the triangle is, from 0 to 1, when half a cycle has that many steps."""
    return 1 - abs(step / half % 2 - 1)


@exercise.probe
def probe(draw):
    half, turn = int(draw.rng.integers(3, 10)), SHAPES.index(draw.shape)
    inside = int(draw.rng.integers(1, half))
    # Up first, then down, then the second cycle, then any.
    sides = [0, 1, int(draw.rng.integers(2, 4)), int(draw.rng.integers(6))][turn]
    since = inside if turn == 0 else int(draw.rng.choice([0, inside, inside]))
    return half * sides + since, draw.number(0.4, 1.6), draw.number(0.05, 0.3), half


@exercise.mistake("sec-triangle")
def from_the_peak(step, lr, min_lr, step_size):
    """The cycle begins at the peak.

    Which rate does the first update have?
    """
    return lr - (lr - min_lr) * height(step, step_size)


@exercise.mistake("sec-triangle")
def whole_cycle(step, lr, min_lr, step_size):
    """Up and down together take S steps.

    S is the way up alone. How long is a cycle?
    """
    return min_lr + (lr - min_lr) * height(step, step_size / 2)


@exercise.mistake("sec-triangle")
def too_long(step, lr, min_lr, step_size):
    """The way up takes 2S steps, and the way down as many.

    At which update is the first peak due?
    """
    return min_lr + (lr - min_lr) * height(step, 2 * step_size)


@exercise.mistake("sec-triangle")
def saw_tooth(step, lr, min_lr, step_size):
    """The rate rises for S steps and then jumps back: a saw.

    A triangle has a second side.
    """
    return min_lr + (lr - min_lr) * (step % step_size) / step_size


@exercise.mistake("sec-triangle")
def long_saw(step, lr, min_lr, step_size):
    """The rate rises during the whole cycle and then jumps back.

    What happens after the first S steps?
    """
    return min_lr + (lr - min_lr) * (step % (2 * step_size)) / (2 * step_size)


@exercise.mistake("sec-cycles-bounds")
def above_the_peak(step, lr, min_lr, step_size):
    """The peak is too high by the lowest rate.

    The two rates are bounds. How far is it from one to the other?
    """
    return min_lr + lr * height(step, step_size)


@exercise.mistake("sec-cycles-bounds")
def from_zero(step, lr, min_lr, step_size):
    """The rate falls to 0.

    Where does min_lr come in?
    """
    return lr * height(step, step_size)


@exercise.mistake("sec-cycles-bounds")
def swing_only(step, lr, min_lr, step_size):
    """This is how far the rate is above the lowest one.

    A term is missing. What is the rate at the start of a cycle?
    """
    return (lr - min_lr) * height(step, step_size)


@exercise.mistake("sec-cycles-bounds")
def cut_below(step, lr, min_lr, step_size):
    """The line goes to 0, and what lies below the lowest rate is cut off.

    The triangle stands on the lowest rate. Is its first step as high as all the others?
    """
    return max(min_lr, lr * height(step, step_size))


@exercise.mistake("sec-cycles-bounds")
def a_quarter(step, lr, min_lr, step_size):
    """The lowest rate is a quarter of the peak, whatever min_lr is.

    That is one way to choose the lower bound. Here it is given.
    """
    return lr / 4 + (lr - lr / 4) * height(step, step_size)


@exercise.mistake("sec-triangle")
def one_early(step, lr, min_lr, step_size):
    """Each rate comes one update early.

    How many updates were made before the first one?
    """
    return min_lr + (lr - min_lr) * height(step + 1, step_size)


@exercise.mistake("sec-triangle")
def one_late(step, lr, min_lr, step_size):
    """Each rate comes one update late.

    Here step is 0 at the first update, not 1.
    """
    return min_lr + (lr - min_lr) * height(step - 1, step_size)


@exercise.mistake("sec-triangle")
def halved(step, lr, min_lr, step_size):
    """The swing is halved after each cycle.

    That is another of Smith's schedules. Here each cycle is like the first.
    """
    swing = (lr - min_lr) / 2 ** (step // (2 * step_size))
    return min_lr + swing * height(step, step_size)


@exercise.mistake("sec-triangle")
def wave(step, lr, min_lr, step_size):
    """The rate goes up and down on a cosine.

    Its ends and its middle are right. What is asked for has straight sides.
    """
    return min_lr + (lr - min_lr) * (1 - np.cos(np.pi * step / step_size)) / 2


@exercise.mistake("sec-triangle")
def no_absolute_value(step, lr, min_lr, step_size):
    """The rate begins high above the peak and falls during the whole cycle.

    A distance from the peak has no sign.
    """
    return min_lr + (lr - min_lr) * (2 - step / step_size % 2)


@exercise.mistake("sec-triangle")
def distance_taken(step, lr, min_lr, step_size):
    """The rate lies below the lowest one, by the distance from the peak.

    Where the distance is 0 the rate is highest. Turn it round before you multiply.
    """
    return min_lr + (lr - min_lr) * -abs(step / step_size % 2 - 1)


@exercise.mistake("sec-triangle")
def cycle_from_zero(step, lr, min_lr, step_size):
    """The rate is the lowest one at every update.

    In Smith's formula the first cycle has the number 1.
    """
    return min_lr


@exercise.mistake("sec-triangle")
def once(step, lr, min_lr, step_size):
    """There is one cycle only, and after it the lowest rate.

    What comes after 2S steps?
    """
    return min_lr + (lr - min_lr) * max(0, 1 - abs(step / step_size - 1))


@exercise.mistake("sec-triangle")
def down_for_good(step, lr, min_lr, step_size):
    """After the first peak the rate falls and never turns, to below 0.

    What comes after 2S steps?
    """
    return min_lr + (lr - min_lr) * (1 - abs(step / step_size - 1))


@exercise.mistake("sec-triangle")
def up_for_good(step, lr, min_lr, step_size):
    """The rate rises and never turns.

    What comes after S steps?
    """
    return min_lr + (lr - min_lr) * step / step_size


@exercise.mistake("sec-triangle")
def stays_at_the_peak(step, lr, min_lr, step_size):
    """The rate rises to the peak and stays there.

    That is a warm-up. What comes after S steps here?
    """
    return min_lr + (lr - min_lr) * min(step / step_size, 1)


@exercise.mistake("sec-triangle")
def whole_parts(step, lr, min_lr, step_size):
    """The division drops the fraction, so that the rate jumps from end to end.

    Which of the two divisions of Python keeps it?
    """
    return min_lr + (lr - min_lr) * (step // step_size % 2)


@exercise.mistake("sec-triangle")
def peak_twice(step, lr, min_lr, step_size):
    """The rate reaches the peak one step too early, and each end comes twice in a row.

    Here S counts the steps from one end to the other. How many updates lie on the way up, both
    ends included?
    """
    up = np.linspace(min_lr, lr, step_size)
    return np.concatenate([up, up[::-1]])[step % (2 * step_size)]


@exercise.mistake("sec-triangle")
def low_twice(step, lr, min_lr, step_size):
    """Between two cycles the lowest rate comes twice in a row.

    The end of one cycle is the start of the next. How many updates does a cycle have?
    """
    return min_lr + (lr - min_lr) * height(step % (2 * step_size + 1), step_size)


@exercise.mistake("sec-triangle")
def low_skipped(step, lr, min_lr, step_size):
    """A cycle has one update too few.

    From one peak to the next it is S steps down and S steps up.
    """
    return min_lr + (lr - min_lr) * height(step % (2 * step_size - 1), step_size)


@exercise.mistake("sec-triangle")
def factors(step, lr, min_lr, step_size):
    """The rate grows by equal factors, not in equal parts.

    That is a straight line on a logarithmic axis only.
    """
    return min_lr * (lr / min_lr) ** height(step, step_size)


@exercise.mistake("sec-triangle")
def cycle_from_zero_below(step, lr, min_lr, step_size):
    """The rate falls during the whole cycle, from the lowest one down.

    In Smith's formula the first cycle has the number 1.
    """
    return min_lr - (lr - min_lr) * (step / step_size % 2)


@exercise.mistake("sec-triangle")
def cycles_too_often(step, lr, min_lr, step_size):
    """The cycle's number goes up after S steps, and the rate stays low from then on.

    How many steps does one cycle have?
    """
    cycle = 1 + step // step_size
    return min_lr + (lr - min_lr) * max(0, 1 - abs(step / step_size - 2 * cycle + 1))


@exercise.mistake("sec-cycles-bounds")
def half_swing(step, lr, min_lr, step_size):
    """The rate rises only half of the way to the peak.

    The two rates are bounds. How far is it from one to the other?
    """
    return min_lr + (lr - min_lr) / 2 * height(step, step_size)
