"""Two rates read off a range test (row R13)."""

import numpy as np

from exercises import Exercise
from optlab.studies.suggested_rate import smoothed, steepest, tenth

exercise = Exercise(
    "Reading a range test",
    row="R13",
    read="sec-range-reading",
    returns=("steep", "low"),
    statement=r"""
    A range test has given a loss $\ell_k$ at each of its rates $\eta_k$, $k = 1, \dots, n$. First
    smooth the losses with a moving average that begins at $a_0 = 0$ and is corrected for that:

    $$
    a_k = \beta\,a_{k-1} + (1-\beta)\,\ell_k, \qquad s_k = \frac{a_k}{1-\beta^k} .
    $$

    Then read two rates off the smoothed losses:

    - the rate $\eta_k$ of the steepest fall: the $k < n$ whose slope
      $\dfrac{s_{k+1}-s_k}{\ln\eta_{k+1}-\ln\eta_k}$ is the lowest;
    - the rate $\eta_k$ of the lowest $s_k$.

    The rates need not grow by equal factors.
    """,
)


@exercise.solution
def read_range(rates, losses, beta):
    """Two rates read off a range test.

    rates: an array of rising rates
    losses: an array of the losses at these rates
    beta: how much of the moving average stays in each step

    Returns the rate of the steepest fall and the rate of the lowest smoothed loss, in this order.
    """
    average, smooth = 0.0, []
    for k, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        smooth.append(average / (1 - beta**k))
    slopes = np.diff(smooth) / np.diff(np.log(rates))
    return rates[np.argmin(slopes)], rates[np.argmin(smooth)]


@exercise.reference
def reference(rates, losses, beta):
    average = smoothed(losses, beta)
    return steepest(rates, average), 10 * tenth(rates, average)


@exercise.probe
def probe(draw):
    while True:
        n = int(draw.rng.integers(7, 13))
        growth = np.round(draw.rng.uniform(1.2, 4, n), 2)
        rates = np.array([float(f"{rate:.3g}") for rate in 0.02 * np.cumprod(growth)])
        depth = np.abs(np.linspace(-1, 0.8, n)) + draw.rng.normal(size=n) / 5
        depth[-1] += draw.rng.choice([0, 3])  # some tests end in a jump
        losses = np.round(2 + 2 * depth, 2)
        beta = draw.number(0.6, 0.9)
        average = smoothed(losses, beta)
        slopes = np.sort(np.diff(average) / np.diff(np.log(rates)))
        if slopes[1] - slopes[0] > 1e-3 and np.diff(np.sort(average))[0] > 1e-3:  # no tie
            return rates, losses, beta


def parts(rates, losses, beta):
    """The rates as an array, the smoothed losses and their slopes."""
    rates, average = np.asarray(rates), smoothed(losses, beta)
    return rates, average, np.diff(average) / np.diff(np.log(rates))


def plain_average(losses, beta):
    """The moving average before its correction."""
    found, average = [], 0.0
    for loss in losses:
        average = beta * average + (1 - beta) * loss
        found.append(average)
    return np.array(found)


@exercise.mistake("sec-range-reading")
def not_corrected(rates, losses, beta):
    """The average is not corrected for its start at zero.

    The first averages are too low then. What divides them?
    """
    average = plain_average(losses, beta)
    slopes = np.diff(average) / np.diff(np.log(rates))
    return rates[np.argmin(slopes)], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def begun_at_the_first(rates, losses, beta):
    """The average begins at the first loss.

    Then the first loss has a weight of its own. Here the average begins at 0 and is corrected.
    """
    average = [losses[0]]
    for loss in losses[1:]:
        average.append(beta * average[-1] + (1 - beta) * loss)
    slopes = np.diff(average) / np.diff(np.log(rates))
    return rates[np.argmin(slopes)], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def not_smoothed(rates, losses, beta):
    """The losses are not smoothed.

    Both rates are read off the average. Where is β?
    """
    slopes = np.diff(losses) / np.diff(np.log(rates))
    return rates[np.argmin(slopes)], rates[np.argmin(losses)]


@exercise.mistake("sec-range-reading")
def weights_swapped(rates, losses, beta):
    """β and 1 − β are swapped.

    β belongs to what stays of the average.
    """
    rates, average, slopes = parts(rates, losses, 1 - beta)
    return rates[np.argmin(slopes)], rates[np.argmin(average)]


@exercise.mistake("sec-range-dialects")
def by_the_rate(rates, losses, beta):
    """The slope is taken by the rate and not by its logarithm.

    At small rates a small change is divided by a tiny one. What is the horizontal axis?
    """
    rates, average, _ = parts(rates, losses, beta)
    return rates[np.argmin(np.diff(average) / np.diff(rates))], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def by_the_step(rates, losses, beta):
    """The slope is the fall from one step to the next, whatever the distance of the rates.

    That would do if the rates grew by equal factors. Divide by how far apart their logarithms are.
    """
    rates, average, _ = parts(rates, losses, beta)
    return rates[np.argmin(np.diff(average))], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def steepest_rise(rates, losses, beta):
    """This is where the average rises most.

    A fall has a negative slope.
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmax(slopes)], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def either_way(rates, losses, beta):
    """The slope with the largest size is taken, and that may be a rise.

    The sign matters.
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmax(np.abs(slopes))], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def end_of_the_slope(rates, losses, beta):
    """The steepest piece is the right one, but its second end is returned.

    Each piece goes from step k to step k + 1. Which of the two rates is asked for?
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmin(slopes) + 1], rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def lowest_raw(rates, losses, beta):
    """The second rate is that of the lowest loss before smoothing.

    A single lucky mini-batch decides that one.
    """
    rates, _, slopes = parts(rates, losses, beta)
    return rates[np.argmin(slopes)], rates[np.argmin(losses)]


@exercise.mistake("sec-range-dialects")
def a_tenth(rates, losses, beta):
    """The second rate is a tenth of what is asked for.

    A tenth of it is what some take to train with. Here it is the rate itself.
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmin(slopes)], rates[np.argmin(average)] / 10


@exercise.mistake("sec-range-reading")
def lowest_is_highest(rates, losses, beta):
    """The second rate is where the average is highest.

    The loss is to be low.
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmin(slopes)], rates[np.argmax(average)]


@exercise.mistake("sec-range-reading")
def losses_returned(rates, losses, beta):
    """The second value is the lowest average itself, not the rate that belongs to it.

    Which step is it, and which rate has that step?
    """
    rates, average, slopes = parts(rates, losses, beta)
    return rates[np.argmin(slopes)], average.min()


@exercise.mistake("sec-range-reading")
def slope_returned(rates, losses, beta):
    """The first value is the slope itself, not the rate where it stands.

    Which step has it, and which rate has that step?
    """
    rates, average, slopes = parts(rates, losses, beta)
    return slopes.min(), rates[np.argmin(average)]


@exercise.mistake("sec-range-reading")
def late_correction(rates, losses, beta):
    """The correction has the wrong power of β.

    After the first loss it is 1 − β, so that the average is that loss.
    """
    powers = beta ** np.arange(2, len(losses) + 2)
    average = plain_average(losses, beta) / (1 - powers)
    slopes = np.diff(average) / np.diff(np.log(rates))
    return rates[np.argmin(slopes)], rates[np.argmin(average)]
