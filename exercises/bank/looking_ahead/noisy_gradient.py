"""A gradient with noise that dies away (row R23)."""

import numpy as np

from exercises import Exercise
from optlab.tasks.regimes import noise_scale

exercise = Exercise(
    "Gradient noise",
    row="R23",
    read="sec-gradient-noise",
    returns=("noisy",),
    statement=r"""
    Neelakantan et al. add normal noise to the gradient. Its variance dies away with the step $t$,
    which is counted from 0:

    $$
    \tilde g_t = g_t + \varepsilon_t, \qquad
    \varepsilon_t \sim N(0, \sigma_t^2), \qquad
    \sigma_t^2 = \frac{c}{(1 + t)^\gamma} .
    $$

    You are given numbers from the *standard* normal distribution, one a coordinate. Make the noisy
    gradient of them.
    """,
)


@exercise.solution
def noisy_gradient(g, normal, t, c, gamma):
    """The gradient with noise.

    g: the gradient, an array or a number
    normal: standard normal numbers, as many
    t: the step, counted from 0
    c: the variance of the noise at step 0
    gamma: the exponent with which the variance dies away

    Returns the noisy gradient, like g.
    """
    variance = c / (1 + t) ** gamma
    return g + np.sqrt(variance) * normal


@exercise.reference
def reference(g, normal, t, c, gamma):
    return g + noise_scale(t, c, gamma) * normal


@exercise.probe
def probe(draw):
    t = int(draw.rng.choice([0, int(draw.rng.integers(1, 21))]))
    return draw.array(), draw.array(), t, draw.number(0.1, 0.8), draw.number(0.3, 0.9)


@exercise.mistake("sec-what-else-dialects")
def variance_for_deviation(g, normal, t, c, gamma):
    """The standard normal numbers are multiplied by the variance.

    By what must a number of variance 1 be multiplied, so that its variance is another?
    """
    return g + c / (1 + t) ** gamma * normal


@exercise.mistake("sec-gradient-noise")
def squared(g, normal, t, c, gamma):
    """The standard normal numbers are multiplied by the square of the variance.

    Which way round do variance and standard deviation belong together?
    """
    return g + (c / (1 + t) ** gamma) ** 2 * normal


@exercise.mistake("sec-gradient-noise")
def root_of_c_alone(g, normal, t, c, gamma):
    """The root is taken of c only.

    It is of the whole variance, and so of the denominator too.
    """
    return g + np.sqrt(c) / (1 + t) ** gamma * normal


@exercise.mistake("sec-gradient-noise")
def root_of_the_time_alone(g, normal, t, c, gamma):
    """The root is taken of the denominator only.

    It is of the whole variance, and so of c too.
    """
    return g + c / (1 + t) ** (gamma / 2) * normal


@exercise.mistake("sec-gradient-noise")
def late(g, normal, t, c, gamma):
    """The noise is that of the next step.

    Here t counts from 0, and the formula has the 1 already.
    """
    return g + np.sqrt(c / (2 + t) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def early(g, normal, t, c, gamma):
    """The 1 is missing: at step 0 the noise would be without bound.

    Look at the denominator.
    """
    return g + np.sqrt(c / max(t, 1) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def constant(g, normal, t, c, gamma):
    """The noise does not die away.

    The variance depends on the step.
    """
    return g + np.sqrt(c) * normal


@exercise.mistake("sec-gradient-noise")
def grows(g, normal, t, c, gamma):
    """The noise grows with the steps.

    Is the power of 1 + t above or below the line?
    """
    return g + np.sqrt(c * (1 + t) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def exponential(g, normal, t, c, gamma):
    """The variance falls as a power of γ.

    In the formula γ is the exponent, and 1 + t the base.
    """
    return g + np.sqrt(c * gamma**t) * normal


@exercise.mistake("sec-gradient-noise")
def product(g, normal, t, c, gamma):
    """γ is a factor, not an exponent.

    Look where γ stands.
    """
    return g + np.sqrt(c / (1 + gamma * t)) * normal


@exercise.mistake("sec-gradient-noise")
def exponent_missing(g, normal, t, c, gamma):
    """The exponent is missing.

    The variance falls more slowly than 1 / (1 + t).
    """
    return g + np.sqrt(c / (1 + t)) * normal


@exercise.mistake("sec-gradient-noise")
def exponent_of_t_alone(g, normal, t, c, gamma):
    """The exponent is on t alone.

    First add 1, then raise to the power.
    """
    return g + np.sqrt(c / (1 + t**gamma)) * normal


@exercise.mistake("sec-gradient-noise")
def with_c_inside(g, normal, t, c, gamma):
    """c is raised to the power too.

    Only 1 + t has the exponent.
    """
    return g + np.sqrt((c / (1 + t)) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def subtracted(g, normal, t, c, gamma):
    """The noise is subtracted.

    It is as good a noise, but with these numbers it is another gradient. Look at the formula.
    """
    return g - np.sqrt(c / (1 + t) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def in_proportion(g, normal, t, c, gamma):
    """The noise is in proportion to the gradient.

    It is added, and its size has nothing to do with that of the gradient.
    """
    return g * (1 + np.sqrt(c / (1 + t) ** gamma) * normal)


@exercise.mistake("sec-gradient-noise")
def noise_alone(g, normal, t, c, gamma):
    """This is the noise without the gradient.

    Add it to the gradient.
    """
    return np.sqrt(c / (1 + t) ** gamma) * normal


@exercise.mistake("sec-gradient-noise")
def one_for_all(g, normal, t, c, gamma):
    """All coordinates get the same noise.

    Each has a random number of its own.
    """
    return g + np.sqrt(c / (1 + t) ** gamma) * np.ravel(normal)[0]


@exercise.mistake("sec-gradient-noise")
def not_scaled(g, normal, t, c, gamma):
    """The standard normal numbers are added as they are.

    Their variance is 1. Which one is due?
    """
    return g + normal


@exercise.mistake("sec-gradient-noise")
def without_normal(g, normal, t, c, gamma):
    """The standard deviation itself is added, and nothing random.

    By what is it multiplied, to be noise?
    """
    return g + np.sqrt(c / (1 + t) ** gamma)


@exercise.mistake("sec-gradient-noise")
def brackets(g, normal, t, c, gamma):
    """The sum is multiplied by the normal numbers, the gradient too.

    Which comes first, the product or the sum?
    """
    return (g + np.sqrt(c / (1 + t) ** gamma)) * normal


@exercise.mistake("sec-gradient-noise")
def usual_exponent(g, normal, t, c, gamma):
    """The exponent is that of the paper, 0.55, whatever γ is.

    Take the γ that you are given.
    """
    return g + np.sqrt(c / (1 + t) ** 0.55) * normal


@exercise.mistake("sec-gradient-noise")
def divided(g, normal, t, c, gamma):
    """The normal numbers are divided by the standard deviation.

    That takes the spread away from a number that has it. Here it is to be given.
    """
    return g + normal / np.sqrt(c / (1 + t) ** gamma)


@exercise.mistake("sec-gradient-noise")
def exponential_by_e(g, normal, t, c, gamma):
    """The variance falls as a power of e.

    In the formula γ is the exponent, and 1 + t the base.
    """
    return g + np.sqrt(c * np.exp(-gamma * t)) * normal
