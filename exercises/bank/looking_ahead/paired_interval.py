"""The ratio of two optimizers, seed by seed, with its interval (row R25)."""

from statistics import median

import numpy as np

from exercises import Exercise

exercise = Exercise(
    "Are the two apart?",
    row="R25",
    read="sec-fair",
    returns=("median", "low", "high"),
    statement=r"""
    Two optimizers were trained from the same $n$ seeds, and ended with the test losses $a_1, \dots,
    a_n$ and $b_1, \dots, b_n$. The runs of one seed began at the same point and saw the same
    mini-batches. So they are compared seed by seed: $r_i = a_i / b_i$.

    Sort the ratios, $r_{(1)} \le \dots \le r_{(n)}$. What the comparison reports is their median
    and the interval $[r_{(1+k)},\; r_{(n-k)}]$: the $k$ smallest and the $k$ largest are left out.
    For $n = 10$ and $k = 1$ it holds the true median in 98 of 100 such experiments. The two
    optimizers are told apart if 1 lies outside.

    Write the function that finds the three numbers. The $k$ is given.
    """,
)


@exercise.solution
def paired_interval(a, b, k):
    """Median and interval of the ratios of two optimizers' losses.

    a: the losses of the one, an array with a number for each seed
    b: the losses of the other, from the same seeds in the same order
    k: how many ratios are left out at each end

    Returns median, low and high of the ratios a / b, in this order.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[k], ratios[len(ratios) - 1 - k]


@exercise.reference
def reference(a, b, k):
    ratios = sorted(x / y for x, y in zip(a.tolist(), b.tolist(), strict=True))
    kept = ratios[k : len(ratios) - k]
    return median(ratios), min(kept), max(kept)


@exercise.probe
def probe(draw):
    k = int(draw.rng.integers(1, 3))
    n = int(draw.rng.integers(9, 13)) + 3 * (k - 1)
    while True:
        shared = draw.rng.uniform(0.2, 2, n)  # some seeds are hard for both
        a = np.round(shared * draw.rng.uniform(0.7, 1.2, n), 3)
        b = np.round(shared * draw.rng.uniform(0.8, 1.3, n), 3)
        ratios = np.sort(a / b)
        if (
            np.diff(ratios).min() > 1e-3
            and abs(np.median(a) / np.median(b) - np.median(ratios)) > 0.01
        ):
            return a, b, k


def spread(values, k):
    """Median and interval of values."""
    values = np.sort(values)
    return np.median(values), values[k], values[-1 - k]


@exercise.mistake("sec-fair")
def upside_down(a, b, k):
    """The ratio is upside down: b / a.

    A number below 1 should say that the first one has the lower loss.
    """
    return spread(b / a, k)


@exercise.mistake("sec-fair")
def ratio_of_medians(a, b, k):
    """The median is the ratio of the two medians.

    Then the pairs are lost. Divide first, seed by seed.
    """
    _, low, high = spread(a / b, k)
    return np.median(a) / np.median(b), low, high


@exercise.mistake("sec-fair")
def unpaired(a, b, k):
    """Both were sorted before they were divided, so that different seeds are compared.

    Divide first: the same seed stands at the same place in both.
    """
    return spread(np.sort(a) / np.sort(b), k)


@exercise.mistake("sec-fair")
def differences(a, b, k):
    """These are differences, not ratios.

    Whether 1 lies outside can be asked of ratios only.
    """
    return spread(a - b, k)


@exercise.mistake("sec-fair")
def nothing_left_out(a, b, k):
    """Nothing is left out: low and high are the smallest and the largest ratio.

    How many are left out at each end?
    """
    return spread(a / b, 0)


@exercise.mistake("sec-fair")
def one_too_many(a, b, k):
    """One ratio too many is left out at each end.

    The smallest ratio has the index 0 in Python, and the number 1 in the formula.
    """
    return spread(a / b, k + 1)


@exercise.mistake("sec-fair")
def high_one_short(a, b, k):
    """Median and low are right, but at the upper end one ratio too many is left out.

    Count: with k = 0 the last one is due.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[k], ratios[-2 - k]


@exercise.mistake("sec-fair")
def high_one_more(a, b, k):
    """Median and low are right, but at the upper end one ratio too few is left out.

    Count: with k = 0 the last one is due.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[k], ratios[-k]


@exercise.mistake("sec-fair")
def not_sorted(a, b, k):
    """The ratios are not sorted before the ends are taken.

    The interval is made of the smallest and largest ones, not of the first and last seeds.
    """
    ratios = a / b
    return np.median(ratios), ratios[k], ratios[-1 - k]


@exercise.mistake("sec-fair")
def mean_ratio(a, b, k):
    """The interval is right, but in its midst stands the mean.

    One bad seed moves a mean as far as it likes. What is due?
    """
    _, low, high = spread(a / b, k)
    return np.mean(a / b), low, high


@exercise.mistake("sec-fair")
def normal_interval(a, b, k):
    """This is the mean and 1.96 standard errors around it.

    Losses are skewed, and seeds are few. The interval that is due assumes no bell curve.
    """
    ratios = a / b
    half = 1.96 * ratios.std(ddof=1) / np.sqrt(len(ratios))
    return ratios.mean(), ratios.mean() - half, ratios.mean() + half


@exercise.mistake("sec-fair")
def upper_median(a, b, k):
    """The interval is right, but of the two ratios in the middle only the upper one is taken.

    With an even number of seeds the median lies between two of them.
    """
    ratios = np.sort(a / b)
    return ratios[len(ratios) // 2], ratios[k], ratios[-1 - k]


@exercise.mistake("sec-fair")
def lower_median(a, b, k):
    """The interval is right, but of the two ratios in the middle only the lower one is taken.

    With an even number of seeds the median lies between two of them.
    """
    ratios = np.sort(a / b)
    return ratios[(len(ratios) - 1) // 2], ratios[k], ratios[-1 - k]


@exercise.mistake("sec-fair")
def one_too_few(a, b, k):
    """One ratio too few is left out at each end.

    The smallest ratio has the index 0 in Python, and the number 1 in the formula.
    """
    return spread(a / b, k - 1)


@exercise.mistake("sec-fair")
def numbers_as_indices(a, b, k):
    """Median right; the numbers of the formula are taken as Python's indices.

    The smallest ratio has the index 0 in Python, and the number 1 in the formula.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[1 + k], ratios[len(ratios) - k]


@exercise.mistake("sec-fair")
def low_one_too_many(a, b, k):
    """Median and high are right, but at the lower end one ratio too many is left out.

    Count: with k = 0 the first one is due.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[k + 1], ratios[-1 - k]


@exercise.mistake("sec-fair")
def low_one_too_few(a, b, k):
    """Median and high are right, but at the lower end one ratio too few is left out.

    Count: with k = 0 the first one is due.
    """
    ratios = np.sort(a / b)
    return np.median(ratios), ratios[k - 1], ratios[-1 - k]


@exercise.mistake("sec-fair")
def percentiles(a, b, k):
    """These are the percentiles 2.5 and 97.5 of the ratios.

    They say where 95 % of the runs lie, not where the median does. How many are left out?
    """
    ratios = a / b
    return np.median(ratios), *np.percentile(ratios, (2.5, 97.5))


@exercise.mistake("sec-fair")
def share_above_one(a, b, k):
    """These are the differences in units of b, the ratios less 1.

    Whether 1 lies outside can be asked of the ratios themselves.
    """
    return spread((a - b) / b, k)


@exercise.mistake("sec-fair")
def trimmed_mean(a, b, k):
    """The interval is right, but in its midst stands the mean of what is kept.

    What is due?
    """
    _, low, high = spread(a / b, k)
    return np.sort(a / b)[k : len(a) - k].mean(), low, high


@exercise.mistake("sec-fair")
def geometric_mean(a, b, k):
    """The interval is right, but in its midst stands the geometric mean.

    What is due?
    """
    _, low, high = spread(a / b, k)
    return np.exp(np.log(a / b).mean()), low, high


@exercise.mistake("sec-fair")
def always_one(a, b, k):
    """One ratio is left out at each end, whatever k is.

    How many are to be left out?
    """
    return spread(a / b, 1)
