"""The schedules of the book: from the number of updates made so far to a rate."""

from math import pi

from optlib.arrays import clip, cos, floor, log, maximum, minimum, where
from optlib.schedule import Schedule, schedule


@schedule
def constant(step, *, lr=0.1):
    """The same rate at every step."""
    return lr


@schedule
def warmup(step, *, lr=0.1, warmup=2000):
    """Linear warm-up, then constant (Goyal et al. 2017; for Adam Ma & Yarats 2021).

    The first update has `lr / warmup` and not 0, which would waste it. Ma and Yarats recommend
    2 / (1 - beta2) steps for Adam.
    """
    return lr * minimum((step + 1) / warmup, 1)


@schedule
def range_sweep(step, *, lr=10.0, min_lr=1e-7, total_steps=100):
    """The rates of a range test: from `min_lr` to `lr`, by the same factor each step.

    So libraries have them, though not all reach the last one. Smith's own test (2017, section 3.3)
    goes up on a straight line.
    """
    return min_lr * (lr / min_lr) ** minimum(step / (total_steps - 1), 1)


@schedule
def step_decay(step, *, lr=0.1, total_steps=1000):
    """A tenth of the rate from one half on, a hundredth from three quarters (He et al. 2016)."""
    drops = clip(floor(4 * step / total_steps) - 1, 0, 2)
    return lr / 10**drops


@schedule
def linear_decay(step, *, lr=0.1, total_steps=1000):
    """A straight line that would be at 0 after the last step (Defazio et al. 2023)."""
    return lr * maximum(0, 1 - step / total_steps)


@schedule
def triangular(step, *, lr=0.1, min_lr=0.01, step_size=2000):
    """Cyclical rates: up and down on straight lines (Smith 2017, section 3).

    Smith calls `lr` max_lr and `min_lr` base_lr.
    """
    cycle = floor(1 + step / (2 * step_size))
    distance = abs(step / step_size - 2 * cycle + 1)
    return min_lr + (lr - min_lr) * maximum(0, 1 - distance)


@schedule
def triangular2(step, *, lr=0.1, min_lr=0.01, step_size=2000):
    """Cyclical rates whose swing is halved after each cycle (Smith 2017, section 3)."""
    cycle = floor(1 + step / (2 * step_size))
    distance = abs(step / step_size - 2 * cycle + 1)
    return min_lr + (lr - min_lr) * maximum(0, 1 - distance) / 2 ** (cycle - 1)


@schedule
def exp_range(step, *, lr=0.1, min_lr=0.01, step_size=2000, decay=0.9999):
    """Cyclical rates whose swing shrinks at each step (after Smith 2017, section 3).

    As in PyTorch the lowest rate stays; by Smith's words both bounds decline. Both call `decay`
    gamma.
    """
    cycle = floor(1 + step / (2 * step_size))
    distance = abs(step / step_size - 2 * cycle + 1)
    return min_lr + (lr - min_lr) * maximum(0, 1 - distance) * decay**step


@schedule
def sgdr(step, *, lr=0.1, min_lr=0.0, period=1000, growth=2):
    """Cosine annealing with warm restarts (Loshchilov & Hutter 2017, eq. 5).

    The cycles before the i-th restart make a geometric series, which is solved for i. Half a step
    is added, since rounding must not move a restart.
    """
    restarts = where(
        growth > 1,
        floor(log(1 + (growth - 1) * (step + 0.5) / period) / log(growth)),
        floor((step + 0.5) / period),
    )
    length = period * growth**restarts
    elapsed = step - where(growth > 1, (length - period) / (growth - 1), period * restarts)
    return min_lr + (lr - min_lr) * (1 + cos(pi * elapsed / length)) / 2


@schedule
def one_cycle(
    step, *, lr=0.1, div_factor=25.0, final_div_factor=1e4, pct_start=0.3, total_steps=1000
):
    """One cycle: warm-up, annealing, final fine annealing (Smith 2018; Smith & Topin 2019).

    The steps are counted as in PyTorch, whose OneCycleLR it equals with three phases and straight
    lines if at least two steps rise: of the `total_steps` the first `pct_start` rise, the last of
    them to the peak. Optax peaks a step later.
    """
    step_size = maximum(pct_start * total_steps - 1, 1)
    first = lr / div_factor
    last = first / final_div_factor
    distance = abs(step / step_size - 1)
    annealed = clip((step - 2 * step_size) / (total_steps - 1 - 2 * step_size), 0, 1)
    return first + (lr - first) * maximum(0, 1 - distance) - (first - last) * annealed


@schedule
def one_cycle_momentum(step, *, momentum=0.95, min_momentum=0.85, pct_start=0.3, total_steps=1000):
    """The momentum beside one cycle: low where the rate is high (Smith 2018)."""
    step_size = maximum(pct_start * total_steps - 1, 1)
    distance = abs(step / step_size - 1)
    return momentum - (momentum - min_momentum) * maximum(0, 1 - distance)


SCHEDULES: dict[str, Schedule] = {
    s.name: s
    for s in (
        constant, warmup, range_sweep, step_decay, linear_decay, triangular, triangular2,
        exp_range, sgdr, one_cycle, one_cycle_momentum,
    )
}  # fmt: skip
"""Every schedule of the book by name."""
