"""The rate of one cycle (row R16)."""

import numpy as np

from exercises import Exercise
from optlib.schedules import one_cycle

exercise = Exercise(
    "The rate of one cycle",
    row="R16",
    read="sec-one-cycle",
    returns=("rate",),
    statement=r"""
    One cycle goes over the $N$ updates of a whole training, on three straight lines:

    1. The first $pN$ updates rise, from $\eta/D$ at the first of them to the peak $\eta$ at the
       last of them.
    2. The rate falls back to $\eta/D$, in as many steps as it took to rise.
    3. The other updates anneal, to $\eta/(DF)$ at the last update of all.

    With $N = 10$ and $p = 0.3$ the peak is the third update, two steps after the first. The fifth
    is back at $\eta/D$, and the tenth has $\eta/(DF)$. Write the function that gives the rate of
    the update that comes after $s$ others. So $s = 0$ is the first one, and $s = N-1$ the last.
    """,
)


@exercise.solution
def one_cycle_rate(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The rate of the next update in one cycle of three straight lines.

    step: how many updates were made before, a whole number from 0 to total_steps − 1
    lr: the peak rate η
    div_factor: D, the peak divided by the first rate
    final_div_factor: F, the first rate divided by the last one
    pct_start: the share p of the updates that rise, below a half; pct_start * total_steps is
        a whole number, at least 2
    total_steps: the number N of updates of the whole training

    Returns the rate, a number.
    """
    first = lr / div_factor
    last = first / final_div_factor
    peak = pct_start * total_steps - 1
    corners = [0, peak, 2 * peak, total_steps - 1]
    return np.interp(step, corners, [first, lr, first, last])


@exercise.reference
def reference(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    return one_cycle(
        step,
        lr=lr,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        pct_start=pct_start,
        total_steps=total_steps,
    )


def through(step, corners, lr, div, final_div, low=None, end=None):
    """The rate on straight lines through four corners: low, lr, low, end."""
    low = lr / div if low is None else low
    return np.interp(step, corners, [low, lr, low, low / final_div if end is None else end])


def steps(pct_start, total_steps):
    """The steps at the four corners."""
    peak = pct_start * total_steps - 1
    return [0, peak, 2 * peak, total_steps - 1]


SHARES = [
    (rising / total, total)
    for total in (10, 20, 25)
    for rising in range(3, 1 + 2 * total // 5)
    if rising / total * total == rising
]


@exercise.probe
def probe(draw):
    # Shares with two decimals whose product with the total is not rounded: int() is right as well.
    share, total = SHARES[draw.rng.integers(len(SHARES))]
    rising = int(share * total)
    corners = [0, rising - 1, 2 * rising - 2, total - 1]
    step = int(draw.rng.choice([*corners, *draw.rng.integers(0, total, 8)]))
    return step, draw.number(1, 2), draw.number(2, 5), draw.number(2, 5), share, total


@exercise.mistake("sec-one-cycle-dialects")
def two_phases(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """After the peak there is one line only, down to the last rate.

    A library does so unless told otherwise. When should the rate be back at the first one?
    """
    first = lr / div_factor
    _, peak, _, end = steps(pct_start, total_steps)
    return np.interp(step, [0, peak, end], [first, lr, first / final_div_factor])


@exercise.mistake("sec-one-cycle")
def back_at_the_end(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way down takes all that is left, and the annealing is missing.

    The way down is as long as the way up. What comes after it?
    """
    first = lr / div_factor
    _, peak, _, end = steps(pct_start, total_steps)
    return np.interp(step, [0, peak, end], [first, lr, first])


@exercise.mistake("sec-one-cycle")
def no_annealing(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """After the cycle the rate stays where it began.

    Where does final_div_factor come in?
    """
    corners = steps(pct_start, total_steps)
    return through(step, corners, lr, div_factor, final_div_factor, end=lr / div_factor)


@exercise.mistake("sec-one-cycle")
def from_zero(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way up begins at 0.

    Which rate does the first update have?
    """
    first, corners = lr / div_factor, steps(pct_start, total_steps)
    return np.interp(step, corners, [0.0, lr, first, first / final_div_factor])


@exercise.mistake("sec-one-cycle")
def cycle_from_zero(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The cycle begins at 0 and ends at 0.

    Where does div_factor come in?
    """
    return through(step, steps(pct_start, total_steps), lr, div_factor, final_div_factor, low=0.0)


@exercise.mistake("sec-one-cycle")
def last_of_the_peak(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """For the last rate the peak is divided by final_div_factor alone.

    Which rate has to be divided by it?
    """
    corners = steps(pct_start, total_steps)
    return through(step, corners, lr, div_factor, final_div_factor, end=lr / final_div_factor)


@exercise.mistake("sec-one-cycle")
def divisors_swapped(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The two divisors are swapped.

    Which of them makes the first rate?
    """
    return through(step, steps(pct_start, total_steps), lr, final_div_factor, div_factor)


@exercise.mistake("sec-one-cycle")
def same_divisor(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The last rate is the first one divided by div_factor once more.

    There is another divisor for it.
    """
    return through(step, steps(pct_start, total_steps), lr, div_factor, div_factor)


@exercise.mistake("sec-one-cycle")
def to_zero(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The annealing goes down to 0.

    Which rate does the last update have?
    """
    corners = steps(pct_start, total_steps)
    return through(step, corners, lr, div_factor, final_div_factor, end=0.0)


@exercise.mistake("sec-one-cycle-dialects")
def peak_late(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The peak comes an update late, and the way down ends two updates late.

    One library counts like that. Which update is the last of those that rise?
    """
    rising = pct_start * total_steps
    corners = [0, rising, 2 * rising, total_steps - 1]
    return through(step, corners, lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle-dialects")
def all_late(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The peak comes an update late, and the last rate would come after the last update.

    One library counts like that. Try the example of ten updates by hand.
    """
    rising = pct_start * total_steps
    corners = [0, rising, 2 * rising, total_steps]
    return through(step, corners, lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def end_late(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The cycle is right, but the annealing would end after the last update.

    How many updates were made before the last one?
    """
    corners = [*steps(pct_start, total_steps)[:3], total_steps]
    return through(step, corners, lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def down_late(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way down takes one step more than the way up.

    With three updates that rise the peak is two steps from the first. Where is the end of the way
    down?
    """
    _, peak, _, end = steps(pct_start, total_steps)
    return through(step, [0, peak, 2 * peak + 1, end], lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def up_and_down(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way up and the way down share the first pN updates.

    The share p is that of the way up alone.
    """
    peak = pct_start * total_steps / 2 - 1
    return through(step, [0, peak, 2 * peak, total_steps - 1], lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def half_way(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way down has ended where the peak is due.

    The share p is that of the way up alone.
    """
    _, peak, _, end = steps(pct_start, total_steps)
    return through(step, [0, peak / 2, peak, end], lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def equal_phases(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The three lines are equally long, whatever p is.

    How many updates rise?
    """
    end = total_steps - 1
    return through(step, [0, end / 3, 2 * end / 3, end], lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle-dialects")
def waves(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """All three ways are cosines.

    A library draws them so by default. The corners are right, but straight lines are due.
    """
    place = np.interp(step, steps(pct_start, total_steps), [0, 1, 2, 3])
    part = min(int(place), 2)
    part_done = (1 - np.cos(np.pi * (place - part))) / 2
    return through(part + part_done, [0, 1, 2, 3], lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle-dialects")
def waves_of_two(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The rate rises on a cosine, and falls on another one to the last rate.

    That is a library's default. Three straight lines are asked for.
    """
    _, peak, _, end = steps(pct_start, total_steps)
    place = np.interp(step, [0, peak, end], [0, 1, 2])
    part = min(int(place), 1)
    part_done = (1 - np.cos(np.pi * (place - part))) / 2
    first = lr / div_factor
    return np.interp(part + part_done, [0, 1, 2], [first, lr, first / final_div_factor])


@exercise.mistake("sec-one-cycle")
def down_at_once(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The way down goes to the last rate at once, and there the rate stays.

    Which rate is due at the end of the way down?
    """
    first, corners = lr / div_factor, steps(pct_start, total_steps)
    last = first / final_div_factor
    return np.interp(step, corners, [first, lr, last, last])


@exercise.mistake("sec-one-cycle")
def as_steep(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The annealing is as steep as the way down, and then the rate stays at the last one.

    At which update should it come to the last rate?
    """
    first, (_, peak, _, _) = lr / div_factor, steps(pct_start, total_steps)
    line = first + (lr - first) * (1 - abs(step / peak - 1))
    return max(line, first / final_div_factor)


@exercise.mistake("sec-one-cycle")
def never_turns(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """After the way down the rate goes on falling as steeply, below 0.

    Where does the annealing begin?
    """
    first, (_, peak, _, _) = lr / div_factor, steps(pct_start, total_steps)
    return first + (lr - first) * (1 - abs(step / peak - 1))


@exercise.mistake("sec-one-cycle")
def above_the_peak(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The peak is too high by the first rate.

    How far does the rate rise, and from where?
    """
    first, corners = lr / div_factor, steps(pct_start, total_steps)
    return np.interp(step, corners, [first, first + lr, first, first / final_div_factor])


@exercise.mistake("sec-one-cycle")
def one_early(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """Each rate comes one update early.

    How many updates were made before the first one?
    """
    return through(step + 1, steps(pct_start, total_steps), lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def one_late(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """Each rate comes one update late.

    Here step is 0 at the first update, not 1.
    """
    return through(step - 1, steps(pct_start, total_steps), lr, div_factor, final_div_factor)


@exercise.mistake("sec-one-cycle")
def factors(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The corners are right, but between them the rate changes by equal factors.

    That is a straight line on a logarithmic axis only.
    """
    first, corners = lr / div_factor, steps(pct_start, total_steps)
    return np.exp(np.interp(step, corners, np.log([first, lr, first, first / final_div_factor])))


@exercise.mistake("sec-one-cycle")
def corners_twice(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The peak comes twice in a row, and so does the first rate at the end of the way down.

    The last update of one line is the first of the next. Count it once.
    """
    rising = pct_start * total_steps
    corners = [0, rising - 1, rising, 2 * rising - 1, 2 * rising, total_steps - 1]
    first = lr / div_factor
    return np.interp(step, corners, [first, lr, lr, first, first, first / final_div_factor])


@exercise.mistake("sec-one-cycle")
def share_of_steps(step, lr, div_factor, final_div_factor, pct_start, total_steps):
    """The share p is taken of the steps between the first update and the last.

    It is a share of the updates. With ten updates and p = 0.3 which one has the peak?
    """
    end = total_steps - 1
    corners = [0, pct_start * end, 2 * pct_start * end, end]
    return through(step, corners, lr, div_factor, final_div_factor)
