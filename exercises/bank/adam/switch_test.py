"""When SWATS switches, and to which rate (row R9)."""

import numpy as np

from exercises import Exercise
from optlib import swats

exercise = Exercise(
    "The test for the switch",
    row="R9",
    read="sec-swats-switch",
    returns=("step", "rate"),
    statement=r"""
    Each step $k = 1, 2, \dots$ of Adam gives an estimate $\gamma_k$ of SGD's rate. SWATS averages
    them, beginning with $\lambda_0 = 0$, and compares the corrected average with the newest
    estimate:

    $$
    \lambda_k = \beta_2\,\lambda_{k-1} + (1-\beta_2)\,\gamma_k, \qquad
    \Bigl|\frac{\lambda_k}{1-\beta_2^k} - \gamma_k\Bigr| < \text{tol}, \qquad k > 1 .
    $$

    At the first step where this holds it goes over to SGD, with the corrected average as its rate
    $\Lambda$. Write the function that finds this step and this rate. If no step passes the test,
    both are 0.
    """,
)


@exercise.solution
def switch_test(estimates, beta2, tol):
    """The step at which SWATS switches, and the rate that SGD then has.

    estimates: an array of the estimates γ₁, γ₂, …, one a step
    beta2: the decay rate β₂ of their average
    tol: the distance below which the rate counts as settled

    Returns step (counted from 1) and rate, in this order; 0 and 0 if it never switches.
    """
    average = 0.0
    for k, estimate in enumerate(estimates, start=1):
        average = beta2 * average + (1 - beta2) * estimate
        corrected = average / (1 - beta2**k)
        if k > 1 and abs(corrected - estimate) < tol:
            return k, corrected
    return 0, 0.0


@exercise.reference
def reference(estimates, beta2, tol):
    # The rule itself in one dimension: with β₁ = 0 and v = g² the step is −lr, and q = lr / g.
    state = swats.init(np.zeros(1))
    for k, estimate in enumerate(estimates, start=1):
        g = np.array([1 / estimate])
        state["v"] = g**2 * (1 - beta2**k - 1 + beta2) / beta2
        hyper = {"lr": 1.0, "beta1": 0.0, "beta2": beta2, "eps": 0.0, "tol": tol}
        _, state = swats.step(np.zeros(1), g, state, k, **hyper)
    since = float(state["since"][0])
    return since, float(state["ratio"][0]) if since else 0.0


def walk(estimates, beta2):
    """Step by step its number, the estimate, the average before and after, and corrected."""
    average = 0.0
    for k, estimate in enumerate(estimates, start=1):
        before, average = average, beta2 * average + (1 - beta2) * estimate
        yield k, estimate, before, average, average / (1 - beta2**k)


@exercise.probe
def probe(draw):
    while True:
        estimates = np.round(draw.rng.uniform(1, 5, int(draw.rng.integers(4, 10))), 2)
        beta2, tol = draw.number(0.6, 0.9), draw.number(0.05, 0.4)
        distances = [abs(c - e) for k, e, *_, c in walk(estimates, beta2) if k > 1]
        tie = min(abs(distance - tol) for distance in distances) < 1e-3
        if not tie and telling(draw.shape, estimates, beta2, tol):
            return estimates, beta2, tol


def telling(shape, estimates, beta2, tol):
    """The shape decides: the earliest switch, the latest, one for those who write the correction
    back, or none."""
    step, _ = switch_test(estimates, beta2, tol)
    if shape == (2,):
        return step == 2
    if shape == (3,):
        return step == len(estimates)
    return written_back(estimates, beta2, tol)[0] > 0 if shape == (2, 2) else step == 0


@exercise.mistake("sec-swats-switch")
def at_once(estimates, beta2, tol):
    """It switches at the first step.

    There the corrected average is the estimate itself. What does the formula say of k?
    """
    return 1, float(estimates[0])


@exercise.mistake("sec-swats-switch")
def not_corrected(estimates, beta2, tol):
    """The average is not corrected for its start at zero.

    Divide it by 1 − β₂ᵏ, in the test and for the rate.
    """
    for k, estimate, _, average, _ in walk(estimates, beta2):
        if k > 1 and abs(average - estimate) < tol:
            return k, average
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def rate_not_corrected(estimates, beta2, tol):
    """The step is right, but the rate is the average before its correction.

    Which of the two numbers was compared with the estimate?
    """
    for k, estimate, _, average, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, average
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def newest_estimate(estimates, beta2, tol):
    """The step is right, but the rate is the newest estimate.

    It is the noisy one of the two. Which one does SGD take?
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, float(estimate)
    return 0, 0.0


@exercise.mistake("sec-swats-dialects")
def relative(estimates, beta2, tol):
    """The distance is divided by the estimate.

    That is what a library does. The paper's distance is absolute.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol * abs(estimate):
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def old_average(estimates, beta2, tol):
    """The newest estimate is compared with the average before it.

    The average takes the estimate in first. The test comes after that.
    """
    for k, estimate, before, _, _ in walk(estimates, beta2):
        if k > 1:
            corrected = before / (1 - beta2 ** (k - 1))
            if abs(corrected - estimate) < tol:
                return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def one_sided(estimates, beta2, tol):
    """The absolute value is missing: an average far below the estimate passes too.

    The distance counts on both sides.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and corrected - estimate < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def turned_round(estimates, beta2, tol):
    """It switches where the two are far apart.

    When has a rate settled: when the distance is large, or when it is small?
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) > tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def last_time(estimates, beta2, tol):
    """This is the last step that passes the test, not the first.

    Once it is SGD there are no more tests.
    """
    found = 0, 0.0
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            found = k, corrected
    return found


@exercise.mistake("sec-swats-switch")
def counted_from_zero(estimates, beta2, tol):
    """The rate is right, but the step is counted from 0.

    The first step is number 1.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k - 1, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def neighbours(estimates, beta2, tol):
    """The newest estimate is compared with the one before it.

    Two neighbours can agree while both are far from the average. What is compared?
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(estimate - estimates[k - 2]) < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def plain_mean(estimates, beta2, tol):
    """All estimates so far count alike.

    The average forgets: the newest estimate has the weight 1 − β₂ before the correction.
    """
    for k, estimate in enumerate(estimates, start=1):
        mean = float(np.mean(estimates[:k]))
        if k > 1 and abs(mean - estimate) < tol:
            return k, mean
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def weights_swapped(estimates, beta2, tol):
    """β₂ and 1 − β₂ are swapped.

    β₂ is near 1 and belongs to what is kept.
    """
    for k, estimate, _, _, corrected in walk(estimates, 1 - beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def never(estimates, beta2, tol):
    """It never switches: step and rate always are 0.

    Does a `return` end your loop at its first step? Does k go on in the correction? Print the
    corrected average beside each estimate.
    """
    return 0, 0.0


@exercise.mistake("sec-bias-correction")
def written_back(estimates, beta2, tol):
    """The corrected average is written back and goes into the next average.

    λ goes on uncorrected. The correction is for the test and for the rate only.
    """
    average = 0.0
    for k, estimate in enumerate(estimates, start=1):
        average = (beta2 * average + (1 - beta2) * estimate) / (1 - beta2**k)
        if k > 1 and abs(average - estimate) < tol:
            return k, average
    return 0, 0.0


@exercise.mistake("sec-bias-correction")
def late_correction(estimates, beta2, tol):
    """The correction has the number of the step before.

    After k estimates the weights add up to 1 − β₂ᵏ.
    """
    for k, estimate, _, average, _ in walk(estimates, beta2):
        if k > 1 and abs(average / (1 - beta2 ** (k - 1)) - estimate) < tol:
            return k, average / (1 - beta2 ** (k - 1))
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def rate_anyway(estimates, beta2, tol):
    """Where it never switches, the average is returned all the same.

    Without a switch there is no rate for SGD: return 0 and 0.
    """
    corrected = 0.0
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, corrected
    return 0, corrected


@exercise.mistake("sec-swats-switch")
def with_momentum_factor(estimates, beta2, tol):
    """The rate is multiplied by 1 − β₂.

    Only SGDM's step has such a factor, of β₁; Λ itself has none.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, (1 - beta2) * corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def test_not_corrected(estimates, beta2, tol):
    """The rate is corrected, but the average that is compared is not.

    Divide by 1 − β₂ᵏ before the test.
    """
    for k, estimate, _, average, corrected in walk(estimates, beta2):
        if k > 1 and abs(average - estimate) < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def third_step_first(estimates, beta2, tol):
    """The second step is not tested.

    The formula leaves out the first step alone. From which number does your loop count?
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 2 and abs(corrected - estimate) < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def last_left_out(estimates, beta2, tol):
    """The last estimate is not looked at.

    Where does your loop end?
    """
    for k, estimate, _, _, corrected in walk(estimates[:-1], beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def one_late(estimates, beta2, tol):
    """The rate is right, but the step is one too many.

    The first step is number 1.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and abs(corrected - estimate) < tol:
            return k + 1, corrected
    return 0, 0.0


@exercise.mistake("sec-swats-switch")
def other_side_only(estimates, beta2, tol):
    """The absolute value is missing: an average far above the estimate passes too.

    The distance counts on both sides.
    """
    for k, estimate, _, _, corrected in walk(estimates, beta2):
        if k > 1 and estimate - corrected < tol:
            return k, corrected
    return 0, 0.0
