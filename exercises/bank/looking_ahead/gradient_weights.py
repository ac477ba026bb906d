"""The weights of the gradients in Nadam's step (row R21)."""

import numpy as np

from exercises import Exercise
from optlib import nadam

exercise = Exercise(
    "The weights of the gradients",
    row="R21",
    read="sec-nadam-weights",
    returns=("weights",),
    statement=r"""
    Nadam's $\hat m_t$ is a sum of all gradients so far, each with a weight:

    $$
    \hat m_t = w_0\, g_{t-1} + w_1\, g_{t-2} + \dots + w_{t-1}\, g_0 ,
    \qquad
    \hat m_t = \frac{\beta_1 m_t}{1-\beta_1^{t+1}} + \frac{(1-\beta_1)\, g_{t-1}}{1-\beta_1^t} .
    $$

    $m$ begins at zero. Write the function that finds the $t$ weights, the newest gradient's first.
    """,
)


@exercise.solution
def gradient_weights(t, beta1):
    """The weights of the gradients in Nadam's m̂ at step t.

    t: the number of the step; the first one is 1
    beta1: the decay rate β₁ of m

    Returns an array of t weights: that of the newest gradient first, that of the oldest last.
    """
    age = np.arange(t)
    weights = (1 - beta1) * beta1 ** (age + 1) / (1 - beta1 ** (t + 1))
    weights[0] += (1 - beta1) / (1 - beta1**t)
    return weights


@exercise.reference
def reference(t, beta1):
    # The rule itself: one gradient of 1, of each age, among zeros.
    seen = []
    for age in range(t):
        pulse = [0.0] * t
        pulse[t - 1 - age] = 1.0
        seen.append(nadam.record(pulse, 0.0, t, beta1=beta1)["m_hat"][-1])
    return np.array(seen)


@exercise.probe
def probe(draw):
    t = {(): 1, (2,): 2, (3,): 3, (2, 2): int(draw.rng.integers(4, 9))}[draw.shape]
    return t, draw.number(0.55, 0.95)


def parts(t, beta1, of_m, of_g):
    """The weights from momentum and from gradient, with two powers that may be wrong."""
    momentum = (1 - beta1) * beta1 ** (np.arange(t) + 1.0) / (1 - beta1**of_m)
    gradient = np.zeros(t)
    gradient[0] = (1 - beta1) / (1 - beta1**of_g)
    return momentum, gradient


def right(t, beta1):
    """The two parts as they should be."""
    return parts(t, beta1, t + 1, t)


@exercise.mistake("sec-nadam-weights")
def adams(t, beta1):
    """These are Adam's weights.

    What does Nadam take in twice?
    """
    return (1 - beta1) * beta1 ** np.arange(t) / (1 - beta1**t)


@exercise.mistake("sec-nadam-weights")
def oldest_first(t, beta1):
    """The oldest gradient comes first.

    The newest one's weight is to be the first number.
    """
    return sum(right(t, beta1))[::-1]


@exercise.mistake("sec-nadam-weights")
def uncorrected(t, beta1):
    """These are the weights of the long run: nothing is corrected.

    m begins at zero. What stands below each of the two parts?
    """
    momentum, gradient = right(t, beta1)
    return momentum * (1 - beta1 ** (t + 1)) + gradient * (1 - beta1**t)


@exercise.mistake("sec-nadam-dialects")
def one_power(t, beta1):
    """All weights are corrected with the power t.

    Of which step is β₁ m_t the momentum part?
    """
    return sum(parts(t, beta1, t, t))


@exercise.mistake("sec-nadam-substitution")
def later_power(t, beta1):
    """All weights are corrected with the power t + 1.

    Then they add up to 1. But the gradient part belongs to this step.
    """
    return sum(parts(t, beta1, t + 1, t + 1))


@exercise.mistake("sec-nadam-substitution")
def powers_swapped(t, beta1):
    """The two powers are swapped.

    Which of the two parts belongs to the next step?
    """
    return sum(parts(t, beta1, t, t + 1))


@exercise.mistake("sec-nadam-weights")
def scaled_to_one(t, beta1):
    """The weights were divided by their sum.

    Nadam's weights need not add up to 1. What are the two parts as they stand?
    """
    weights = sum(right(t, beta1))
    return weights / weights.sum()


@exercise.mistake("sec-nadam-weights")
def momentum_alone(t, beta1):
    """The gradient part is missing.

    The newest gradient comes in by two ways. Which one is missing?
    """
    return right(t, beta1)[0]


@exercise.mistake("sec-nadam-weights")
def newest_once(t, beta1):
    """The newest gradient has its part of the gradient only.

    It is in m_t as well. With which weight?
    """
    momentum, gradient = right(t, beta1)
    momentum[0] = 0
    return momentum + gradient


@exercise.mistake("sec-nadam-weights")
def not_faded(t, beta1):
    """The momentum part lacks its β₁.

    m_t stands in m̂ with a factor. Which one?
    """
    momentum, gradient = right(t, beta1)
    return momentum / beta1 + gradient


@exercise.mistake("sec-nadam-weights")
def faded_twice(t, beta1):
    """The momentum part has one β₁ too many: ages are counted from 1.

    With which weight is the newest gradient in m_t?
    """
    momentum, gradient = right(t, beta1)
    return momentum * beta1 + gradient


@exercise.mistake("sec-nadam-weights")
def gradient_everywhere(t, beta1):
    """The gradient part was added to every weight.

    How many gradients does it hold?
    """
    momentum, gradient = right(t, beta1)
    return momentum + gradient[0]


@exercise.mistake("sec-nadam-weights")
def fading_sum(t, beta1):
    """The factor 1 − β₁ is missing throughout: these are the weights of a fading sum.

    m is an average. With which weight does a gradient enter it?
    """
    return sum(right(t, beta1)) / (1 - beta1)


@exercise.mistake("sec-nadam-weights")
def gradient_whole(t, beta1):
    """The gradient part lacks its factor 1 − β₁.

    With which weight does a gradient enter an average?
    """
    momentum, gradient = right(t, beta1)
    return momentum + gradient / (1 - beta1)


@exercise.mistake("sec-nadam-weights")
def age_in_correction(t, beta1):
    """Each weight has a correction by its own age.

    The corrections are those of the whole average. Which power do they have at step t?
    """
    age = np.arange(t)
    weights = (1 - beta1) * beta1 ** (age + 1) / (1 - beta1 ** (age + 2))
    weights[0] += (1 - beta1) / (1 - beta1**t)
    return weights


@exercise.mistake("sec-nadam-weights")
def newest_of_the_long_run(t, beta1):
    """The newest weight is that of the long run, 1 − β₁².

    The others are right. Which two corrections are in the newest one?
    """
    weights = sum(right(t, beta1))
    weights[0] = 1 - beta1**2
    return weights


@exercise.mistake("sec-nadam-weights")
def momentum_uncorrected(t, beta1):
    """The momentum part is not corrected.

    m begins at zero as well. What stands below the first part?
    """
    momentum, gradient = right(t, beta1)
    return momentum * (1 - beta1 ** (t + 1)) + gradient


@exercise.mistake("sec-nadam-weights")
def gradient_uncorrected(t, beta1):
    """The gradient part is not corrected.

    What stands below the second part?
    """
    momentum, gradient = right(t, beta1)
    return momentum + gradient * (1 - beta1**t)


@exercise.mistake("sec-nadam-weights")
def simple_mean(t, beta1):
    """All gradients have the same weight.

    m forgets. What is a gradient multiplied by at every step after its own?
    """
    return np.full(t, 1 / t)


@exercise.mistake("sec-nadam-weights")
def averages_weights(t, beta1):
    """These are the weights in m itself.

    m̂ has two parts, each with a correction. Where does m stand in it?
    """
    return right(t, beta1)[0] * (1 - beta1 ** (t + 1)) / beta1


@exercise.mistake("sec-nadam-weights")
def added_to_the_oldest(t, beta1):
    """The gradient part was added to the oldest gradient's weight.

    Which gradient is g in the step, and where does its weight stand here?
    """
    momentum, gradient = right(t, beta1)
    return momentum + gradient[::-1]


@exercise.mistake("sec-nadam-weights")
def momentum_of_a_sum(t, beta1):
    """The momentum part lacks its factor 1 − β₁.

    m is an average. With which weight does a gradient enter it?
    """
    momentum, gradient = right(t, beta1)
    return momentum / (1 - beta1) + gradient


@exercise.mistake("sec-nadam-weights")
def exponent_brackets(t, beta1):
    """The brackets around the exponent t + 1 in the correction are missing.

    Python takes the power first and adds 1 afterwards. What is it to be added to?
    """
    momentum, gradient = right(t, beta1)
    return momentum * (1 - beta1 ** (t + 1)) / (1 - beta1**t + 1) + gradient


@exercise.mistake("sec-nadam-weights")
def times_t(t, beta1):
    """The corrections hold products of β₁ and the number of the step, not powers.

    In Python a power is `**`.
    """
    momentum, gradient = right(t, beta1)
    momentum = momentum * (1 - beta1 ** (t + 1)) / (1 - beta1 * (t + 1))
    return momentum + gradient * (1 - beta1**t) / (1 - beta1 * t)
