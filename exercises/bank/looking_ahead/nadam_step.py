"""One step of Nadam (row R21)."""

import numpy as np

from exercises import Exercise
from optlib import adam, nadam

exercise = Exercise(
    "One step of Nadam",
    row="R21",
    read="sec-nadam-rule",
    returns=("theta", "m", "v"),
    equations=nadam.equations(),
    statement=r"""
    Nadam is Adam that looks ahead: its step holds the new average of gradients where Adam's, taken
    apart, holds the old one. Here $t$ is the number of the step, from 1:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def nadam_step(theta, m, v, g, t, lr, beta1, beta2, eps):
    """One step of Nadam.

    theta: the parameters, a number or an array
    m: the average of gradients before the step, of the same shape
    v: the average of squared gradients before the step, of the same shape
    g: the gradient at theta, of the same shape
    t: the number of this step; the first one is 1
    lr: the learning rate η
    beta1: the decay rate β₁ of m
    beta2: the decay rate β₂ of v
    eps: the constant ε in the denominator

    Returns the new theta, the new m and the new v, in this order.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    momentum_part = beta1 * m / (1 - beta1 ** (t + 1))
    gradient_part = (1 - beta1) * g / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * (momentum_part + gradient_part) / (np.sqrt(v_hat) + eps), m, v


@exercise.reference
def reference(theta, m, v, g, t, lr, beta1, beta2, eps):
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    theta, state = nadam.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.probe
def probe(draw):
    theta, g = draw.array(), draw.array()
    # By turns: where m begins, where the powers tell most, and later.
    steps = {(): [1], (2,): [1, 2], (3,): [2, 3], (2, 2): [3, int(draw.rng.integers(4, 13))]}
    t = int(draw.rng.choice(steps[draw.shape]))
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    lr, beta1, beta2 = draw.number(0.2, 0.8), draw.number(0.6, 0.85), draw.number(0.9, 0.97)
    return theta, m, v, g, t, lr, beta1, beta2, draw.eps()


def averages(m, v, g, beta1, beta2):
    """The two averages as they should be."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def look(m, g, beta1, of_m, of_g):
    """The corrected look-ahead, with two powers in its corrections that may be wrong."""
    with np.errstate(divide="ignore"):
        return beta1 * m / (1 - beta1**of_m) + np.divide((1 - beta1) * g, 1 - beta1**of_g)


def finish(theta, m_hat, m, v, t, lr, beta2, eps):
    """The rest of the step, as it should be, with an m̂ that may be wrong."""
    return theta - lr * m_hat / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


# The look-ahead.


@exercise.mistake("sec-nadam-substitution")
def plain_adam(theta, m, v, g, t, lr, beta1, beta2, eps):
    """This is Adam's step: nothing looks ahead.

    Take Adam's m̂ apart into old momentum and new gradient. Which of the two is replaced?
    """
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    theta, state = adam.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.mistake("sec-nadam-substitution")
def old_momentum(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The momentum part holds the old m.

    The look-ahead is made with the average that knows the new gradient already.
    """
    old = m
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(old, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-dialects")
def one_power(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both parts are corrected with the power t.

    So does timm's NAdamW. Of which step is β₁ m_t the momentum part?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def later_power(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both parts are corrected with the power t + 1.

    The gradient has been seen now. Which of the two parts belongs to the next step?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 1, t + 1), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def powers_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The two powers are swapped: the gradient has t + 1, the momentum t.

    Which of the two parts belongs to the next step?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t, t + 1), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def one_step_early(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both powers are one too small, as if the first step were number 0.

    Here t is 1 in the first step. What does your gradient part divide by then?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t, t - 1), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def one_step_late(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both powers are one too large.

    Here t is 1 in the first step. Does your code count on?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 2, t + 1), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def two_ahead(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The momentum part is corrected with the power t + 2.

    How many steps does Nadam look ahead?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 2, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-rule")
def exponent_brackets(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The brackets around the exponent t + 1 are missing.

    Python takes the power first and adds 1 afterwards. What is it to be added to?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1**t + 1) + (1 - beta1) * g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-bias-correction")
def uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The look-ahead is not corrected.

    m begins at zero. What stands below each of the two parts?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, beta1 * m + (1 - beta1) * g, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def momentum_uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Only the gradient part is corrected.

    m begins at zero as well. What stands below the first part?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m + (1 - beta1) * g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def gradient_uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Only the momentum part is corrected.

    In Adam, taken apart, the gradient has a correction too. Which one?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def adams_hat_ahead(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₁ stands before Adam's m̂, and the gradient is not corrected.

    Two things: of which step is β₁ m_t the momentum part, and what stands below the gradient?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1**t) + (1 - beta1) * g
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def gradient_whole(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient part lacks its weight: the gradient counts in full.

    The weights of an average add up to 1. What is left beside β₁?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1 ** (t + 1)) + g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def momentum_whole(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The momentum part lacks its β₁.

    In the next step the average fades before a gradient is added. By how much?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def weights_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """In m̂ the weights β₁ and 1 − β₁ are swapped.

    Which weight has the momentum in the average itself?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = (1 - beta1) * m / (1 - beta1 ** (t + 1)) + beta1 * g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def momentum_alone(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient part is missing.

    The step has two parts. Which one is in the average of the next step, and which one not yet?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1 ** (t + 1))
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-substitution")
def added_to_adam(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient part is added to Adam's whole m̂.

    The momentum part is what fades into the next step. Look at its weight and at its power.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-rule")
def nags_memory(theta, m, v, g, t, lr, beta1, beta2, eps):
    """m is NAG's fading sum, and nothing of it is corrected.

    Adam's m is an average: its weights add up to 1, and it is corrected for its start at zero.
    """
    m, v = beta1 * m + g, beta2 * v + (1 - beta2) * g**2
    return finish(theta, beta1 * m + g, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-rule")
def weight_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The weight of the gradient in m is missing: m is a fading sum, as in momentum.

    The weights of an average add up to 1. What is left for the new gradient?
    """
    m, v = beta1 * m + g, beta2 * v + (1 - beta2) * g**2
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-nadam-schedule")
def halved(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The look-ahead has β₁/2: this is the libraries' schedule with ψ = 0.

    The momentum is β₁ at every step here.
    """
    m, v = averages(m, v, g, beta1, beta2)
    mu = beta1 / 2
    return finish(theta, look(m, g, mu, t + 1, t), m, v, t, lr, beta2, eps)


# What is kept.


@exercise.mistake("sec-nadam-rule")
def look_ahead_kept(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The look-ahead came back in the place of m.

    It is used and forgotten. Which average does the next step go on from?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = look(m, g, beta1, t + 1, t)
    theta, m, v = finish(theta, m_hat, m, v, t, lr, beta2, eps)
    return theta, m_hat, v


@exercise.mistake("sec-nadam-rule")
def averaged_twice(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient was averaged into m twice: what came back is m of one step more.

    The look-ahead is not kept. Which average does the next step go on from?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)
    return theta, beta1 * m + (1 - beta1) * g, v


@exercise.mistake("sec-bias-correction")
def hats_kept(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The new θ is right, but what came back as m and v is corrected, as in Adam.

    The next step would correct once more. Which two are kept?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)
    return theta, m / (1 - beta1**t), v / (1 - beta2**t)


# The denominator.


@exercise.mistake("sec-nadam-rule")
def v_ahead(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v looks ahead as well.

    It is momentum that is taken ahead. What is below the line stays as in Adam.
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_hat = look(v, g**2, beta2, t + 1, t)
    return theta - lr * look(m, g, beta1, t + 1, t) / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-nadam-rule")
def v_later(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is corrected with the power t + 1.

    v is not taken ahead. Over how many squares is it an average?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t + 1, lr, beta2, eps)


@exercise.mistake("sec-bias-correction")
def v_uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The hat is missing on v.

    v begins at zero too. Which v is below the line?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * look(m, g, beta1, t + 1, t) / (np.sqrt(v) + eps), m, v


@exercise.mistake("sec-nadam-dialects")
def extra_factor(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v̂ is multiplied by β₂.

    The paper's box has this factor, and libraries leave it out. What does the equation say here?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, _, _ = finish(theta, look(m, g, beta1, t + 1, t), m, beta2 * v, t, lr, beta2, eps)
    return theta, m, v


@exercise.mistake("sec-nadam-rule")
def root_missing(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step is divided by v̂, not by its root.

    v is an average of squares. In which units is it?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = look(m, g, beta1, t + 1, t)
    return theta - lr * m_hat / (v / (1 - beta2**t) + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_inside(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε stands inside the root.

    Is it added before the root is taken, or after it?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = look(m, g, beta1, t + 1, t)
    return theta - lr * m_hat / np.sqrt(v / (1 - beta2**t) + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_added_late(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to the fraction, not to its denominator.

    On one line a denominator of two parts needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = look(m, g, beta1, t + 1, t)
    return theta - lr * (m_hat / np.sqrt(v / (1 - beta2**t)) + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_missing(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is missing.

    What happens without it where all gradients were 0?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, 0)


@exercise.mistake("sec-nadam-rule")
def uphill(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step goes uphill.

    The averages are right. Look at the sign between θ and the step.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, -lr, beta2, eps)


@exercise.mistake("sec-nadam-rule")
def rate_missing(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The rate is missing.

    How far is the step to go? Where does lr come in?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, 1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def betas_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₁ and β₂ are swapped throughout.

    Which of the two belongs to the gradients, and which to their squares?
    """
    return reference(theta, m, v, g, t, lr, beta2, beta1, eps)


@exercise.mistake("sec-nadam-rule")
def move_alone(theta, m, v, g, t, lr, beta1, beta2, eps):
    """What came back is the move, not the new θ.

    From where does the move start?
    """
    moved, m, v = reference(theta, m, v, g, t, lr, beta1, beta2, eps)
    return moved - theta, m, v


@exercise.mistake("sec-nadam-rule")
def not_kept(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The new θ is right, but m and v came back as they were before the step.

    On which averages does the next step go on?
    """
    return reference(theta, m, v, g, t, lr, beta1, beta2, eps)[0], m, v


@exercise.mistake("sec-nadam-rule")
def old_denominator(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Below the line is v from before the step.

    Has that one seen the new gradient?
    """
    _, m, new = reference(theta, m, v, g, t, lr, beta1, beta2, eps)
    theta, _, _ = finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)
    return theta, m, new


@exercise.mistake("sec-adam-averages")
def average_weights_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β and 1 − β are swapped in both averages.

    Which of the two is near 1, and does an average hold on to what it has?
    """
    m, v = averages(m, v, g, 1 - beta1, 1 - beta2)
    return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-adam-averages")
def gradients_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the gradients, not their squares.

    What is v to measure? Can it be negative?
    """
    m, v = averages(m, v, g, beta1, beta2)[0], beta2 * v + (1 - beta2) * g
    with np.errstate(invalid="ignore"):
        return finish(theta, look(m, g, beta1, t + 1, t), m, v, t, lr, beta2, eps)


@exercise.mistake("sec-bias-correction")
def times_t(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The corrections hold products of β and the number of the step, not powers.

    In Python a power is `**`.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m / (1 - beta1 * (t + 1)) + (1 - beta1) * g / (1 - beta1 * t)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(v / (1 - beta2 * t))
    return theta - lr * m_hat / (root + eps), m, v


@exercise.mistake("sec-bias-correction")
def multiplied(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both parts of m̂ are multiplied by their corrections, not divided.

    An average that begins at zero is too small. Does your correction make it larger?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = beta1 * m * (1 - beta1 ** (t + 1)) + (1 - beta1) * g * (1 - beta1**t)
    return finish(theta, m_hat, m, v, t, lr, beta2, eps)


@exercise.mistake("sec-bias-correction")
def root_before_correction(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The root is taken of v alone, and then divided by 1 − β₂ᵗ.

    Of what is the root taken?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = look(m, g, beta1, t + 1, t)
    return theta - lr * m_hat / (np.sqrt(v) / (1 - beta2**t) + eps), m, v
