"""Medians and intervals that assume nothing about how the numbers are spread.

Runs are few and their results skewed; some never arrive, which counts as infinity and not as
missing. Order statistics bear both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

LEVEL = 0.95
"""Coverage of every interval."""


@dataclass(frozen=True)
class Estimate:
    """A median and the interval of at least 95 % coverage around it.

    The median is nan where runs that never arrived leave it open.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)} [{number(self.low)}, {number(self.high)}]"


def number(value: float) -> str:
    """Three significant digits: 0.00347, 66.5, 1077; with an exponent from 1e9 on: 3.1e+34."""
    if not np.isfinite(value):
        return "open" if np.isnan(value) else "∞" if value > 0 else "-∞"
    if value and not 1e-9 <= abs(value) < 1e9:
        return f"{value:.3g}"
    digits = 0 if value == 0 else max(0, 2 - int(np.floor(np.log10(abs(value)))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rank(n: int, level: float = LEVEL) -> int:
    """How many values to leave out at each end of `n` sorted ones.

    What remains holds the median with a probability of at least `level`: the number of values
    below the median is binomial (n, 1/2) for every continuous distribution (Thompson 1936).

    Raises
    ------
    ValueError
        Too few values: even smallest and largest hold the median less often than that.
    """
    out = int(binom.ppf((1 - level) / 2, n, 0.5)) - 1
    if out < 0:
        least = int(np.ceil(1 - np.log2(1 - level)))
        raise ValueError(
            f"{n} values, but a {100 * level:g} % interval of the median needs {least}"
        )
    return out


def band(values: Any, axis: int = -1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, low and high end of its interval along an axis, which each of them lacks.

    Values that are inf count as larger than all others. Raises ValueError for fewer than 6 values.
    """
    values = np.sort(np.asarray(values, dtype=float), axis=axis)
    n = values.shape[axis]
    out = rank(n)
    return (
        np.median(values, axis=axis),
        np.take(values, out, axis=axis),
        np.take(values, n - 1 - out, axis=axis),
    )


def estimate(values: Any, upper: Any = None) -> Estimate:
    """Median and interval of `values`, (n,).

    Where a value is known only to lie between two bounds, `values` are the lower and `upper` the
    upper ones; the interval is then wide enough for all that the values can be.
    """
    median, low, high = map(float, band(values))
    if upper is not None:
        other, _, high = map(float, band(upper))
        median = median if median == other else np.nan
    return Estimate(median, low, high)


def steps_to(loss: Any, steps: Any, target: float) -> np.ndarray:
    """The first of `steps`, (records,), at which `loss`, (..., records), is at most `target`.

    inf for a run that does not get there.
    """
    there = np.asarray(loss) <= target
    return np.where(there.any(-1), np.asarray(steps, dtype=float)[there.argmax(-1)], np.inf)


def crossing(loss: Any, value: Any, target: float) -> np.ndarray:
    """`value`, (records,), where `loss`, (..., records), first comes down to `target`.

    Between two records both are taken as straight lines, the loss by its logarithm. inf for a run
    that does not get there.
    """
    loss = np.asarray(loss, dtype=float)
    value = np.broadcast_to(np.asarray(value, dtype=float), loss.shape)
    there = loss <= target
    at = there.argmax(-1)[..., None]
    ends = [np.maximum(at - 1, 0), at]
    (high, low), (before, after) = (
        [np.take_along_axis(array, index, -1)[..., 0] for index in ends] for array in (loss, value)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.log(high / target) / np.log(high / low)
        between = before + part * (after - before)
    # At once at the first record, or from a loss that was not finite: there is no line.
    crossed = np.where(np.isfinite(high) & (high > target), between, after)
    return np.where(there.any(-1), crossed, np.inf)


def paired_ratio(a: Any, b: Any, horizon: float) -> Estimate:
    """The median over the pairs of `a` / `b`, steps to a target in two runs of one seed, (seeds,).

    A run that had not arrived at `horizon`, its steps inf, needs more steps than that, nobody knows
    how many. So its ratio is known only within bounds, and they are what is counted.

    Raises
    ------
    ValueError
        Fewer than 6 seeds, or a run that took no step at all.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if np.any(a <= 0) or np.any(b <= 0):
        raise ValueError(
            "a run was at the target before its first step: there is nothing to compare"
        )
    lower = np.minimum(a, horizon) / b
    upper = a / np.minimum(b, horizon)
    return estimate(lower, upper)


def ratio(a: np.ndarray, b: np.ndarray) -> Estimate:
    """The median over the seeds of `a` / `b`; where both are inf, or both 0, it can be any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        known = a / b
    lost = np.isnan(known)
    return estimate(np.where(lost, 0.0, known), np.where(lost, np.inf, known))


def difference(a: np.ndarray, b: np.ndarray) -> Estimate:
    """The median over the seeds of `a` - `b`; of what diverged it can be any."""
    with np.errstate(invalid="ignore"):
        known = a - b
    lost = np.isnan(known)
    return estimate(np.where(lost, -np.inf, known), np.where(lost, np.inf, known))


def chosen_again(scores: Any, resamples: int = 1000) -> float:
    """How often the same row is best when the seeds are drawn anew from themselves: a share.

    The best row has the lowest median over the seeds. `scores` are (scores, rows, seeds), of which
    the first score decides, and the next where it is equal.
    """
    scores = np.asarray(scores, dtype=float)
    seeds = scores.shape[-1]
    drawn = np.random.default_rng(0).integers(seeds, size=(resamples, seeds))
    medians = np.median(scores[:, :, drawn], axis=-1)
    rows = np.lexsort(medians[::-1], axis=0)[0]
    best = np.lexsort(np.median(scores, axis=-1)[::-1])[0]
    return float(np.mean(rows == best))
