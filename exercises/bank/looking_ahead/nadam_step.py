"""One step of Nadam (row R21)."""

import numpy as np

from exercises import Step
from optlib import nadam

exercise = Step(
    "One step of Nadam",
    nadam,
    row="R21",
    read="sec-nadam-rule",
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


@exercise.probe
def probe(draw):
    theta, g = draw.array(), draw.array()
    # By turns: where m begins, where the powers tell most, and later.
    steps = {(): [1], (2,): [1, 2], (3,): [2, 3], (2, 2): [3, int(draw.rng.integers(4, 13))]}
    t = int(draw.rng.choice(steps[draw.shape]))
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    lr, beta1, beta2 = draw.number(0.2, 0.8), draw.number(0.6, 0.85), draw.number(0.9, 0.97)
    return theta, m, v, g, t, lr, beta1, beta2, draw.eps()


# The look-ahead.


exercise.mistake("sec-nadam-substitution", "plain_adam", m_hat="m / (1 - beta1**t)")("""
    This is Adam's step: nothing looks ahead.

    Take Adam's m̂ apart into old momentum and new gradient. Which of the two is replaced?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "old_momentum",
    m_hat="beta1 * m_old / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    The momentum part holds the old m.

    The look-ahead is made with the average that knows the new gradient already.
""")

exercise.mistake(
    "sec-nadam-dialects",
    "one_power",
    m_hat="beta1 * m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    Both parts are corrected with the power t.

    So does timm's NAdamW. Of which step is β₁ m_t the momentum part?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "later_power",
    m_hat="(beta1 * m + (1 - beta1) * g) / (1 - beta1 ** (t + 1))",
)("""
    Both parts are corrected with the power t + 1.

    The gradient has been seen now. Which of the two parts belongs to the next step?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "powers_swapped",
    m_hat="beta1 * m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1 ** (t + 1))",
)("""
    The two powers are swapped: the gradient has t + 1, the momentum t.

    Which of the two parts belongs to the next step?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "one_step_early",
    m_hat="beta1 * m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1 ** (t - 1))",
)("""
    Both powers are one too small, as if the first step were number 0.

    Here t is 1 in the first step. What does your gradient part divide by then?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "one_step_late",
    m_hat="beta1 * m / (1 - beta1 ** (t + 2)) + (1 - beta1) * g / (1 - beta1 ** (t + 1))",
)("""
    Both powers are one too large.

    Here t is 1 in the first step. Does your code count on?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "two_ahead",
    m_hat="beta1 * m / (1 - beta1 ** (t + 2)) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    The momentum part is corrected with the power t + 2.

    How many steps does Nadam look ahead?
""")

exercise.mistake(
    "sec-nadam-rule",
    "exponent_brackets",
    m_hat="beta1 * m / (1 - beta1**t + 1) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    The brackets around the exponent t + 1 are missing.

    Python takes the power first and adds 1 afterwards. What is it to be added to?
""")

exercise.mistake("sec-bias-correction", "uncorrected", m_hat="beta1 * m + (1 - beta1) * g")("""
    The look-ahead is not corrected.

    m begins at zero. What stands below each of the two parts?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "momentum_uncorrected",
    m_hat="beta1 * m + (1 - beta1) * g / (1 - beta1**t)",
)("""
    Only the gradient part is corrected.

    m begins at zero as well. What stands below the first part?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "gradient_uncorrected",
    m_hat="beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g",
)("""
    Only the momentum part is corrected.

    In Adam, taken apart, the gradient has a correction too. Which one?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "adams_hat_ahead",
    m_hat="beta1 * m / (1 - beta1**t) + (1 - beta1) * g",
)("""
    β₁ stands before Adam's m̂, and the gradient is not corrected.

    Two things: of which step is β₁ m_t the momentum part, and what stands below the gradient?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "gradient_whole",
    m_hat="beta1 * m / (1 - beta1 ** (t + 1)) + g / (1 - beta1**t)",
)("""
    The gradient part lacks its weight: the gradient counts in full.

    The weights of an average add up to 1. What is left beside β₁?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "momentum_whole",
    m_hat="m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    The momentum part lacks its β₁.

    In the next step the average fades before a gradient is added. By how much?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "weights_swapped",
    m_hat="(1 - beta1) * m / (1 - beta1 ** (t + 1)) + beta1 * g / (1 - beta1**t)",
)("""
    In m̂ the weights β₁ and 1 − β₁ are swapped.

    Which weight has the momentum in the average itself?
""")

exercise.mistake(
    "sec-nadam-substitution", "momentum_alone", m_hat="beta1 * m / (1 - beta1 ** (t + 1))"
)("""
    The gradient part is missing.

    The step has two parts. Which one is in the average of the next step, and which one not yet?
""")

exercise.mistake(
    "sec-nadam-substitution",
    "added_to_adam",
    m_hat="m / (1 - beta1**t) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    The gradient part is added to Adam's whole m̂.

    The momentum part is what fades into the next step. Look at its weight and at its power.
""")

exercise.mistake("sec-nadam-rule", "nags_memory", m="beta1 * m + g", m_hat="beta1 * m + g")("""
    m is NAG's fading sum, and nothing of it is corrected.

    Adam's m is an average: its weights add up to 1, and it is corrected for its start at zero.
""")

exercise.mistake("sec-nadam-rule", "weight_forgotten", m="beta1 * m + g")("""
    The weight of the gradient in m is missing: m is a fading sum, as in momentum.

    The weights of an average add up to 1. What is left for the new gradient?
""")

exercise.mistake(
    "sec-nadam-schedule",
    "halved",
    m_hat="beta1 / 2 * m / (1 - (beta1 / 2) ** (t + 1)) "
    "+ (1 - beta1 / 2) * g / (1 - (beta1 / 2) ** t)",
)("""
    The look-ahead has β₁/2: this is the libraries' schedule with ψ = 0.

    The momentum is β₁ at every step here.
""")


# What is kept.


exercise.mistake("sec-nadam-rule", "look_ahead_kept", keeps={"m": "m_hat"})("""
    The look-ahead came back in the place of m.

    It is used and forgotten. Which average does the next step go on from?
""")

exercise.mistake("sec-nadam-rule", "averaged_twice", keeps={"m": "beta1 * m + (1 - beta1) * g"})("""
    The gradient was averaged into m twice: what came back is m of one step more.

    The look-ahead is not kept. Which average does the next step go on from?
""")

exercise.mistake(
    "sec-bias-correction", "hats_kept", keeps={"m": "m / (1 - beta1**t)", "v": "v_hat"}
)("""
    The new θ is right, but what came back as m and v is corrected, as in Adam.

    The next step would correct once more. Which two are kept?
""")


# The denominator.


exercise.mistake(
    "sec-nadam-rule",
    "v_ahead",
    v_hat="beta2 * v / (1 - beta2 ** (t + 1)) + (1 - beta2) * g**2 / (1 - beta2**t)",
)("""
    v looks ahead as well.

    It is momentum that is taken ahead. What is below the line stays as in Adam.
""")

exercise.mistake("sec-nadam-rule", "v_later", v_hat="v / (1 - beta2 ** (t + 1))")("""
    v is corrected with the power t + 1.

    v is not taken ahead. Over how many squares is it an average?
""")

exercise.mistake("sec-bias-correction", "v_uncorrected", v_hat="v")("""
    The hat is missing on v.

    v begins at zero too. Which v is below the line?
""")

exercise.mistake("sec-nadam-dialects", "extra_factor", v_hat="beta2 * v / (1 - beta2**t)")("""
    v̂ is multiplied by β₂.

    The paper's box has this factor, and libraries leave it out. What does the equation say here?
""")

exercise.mistake("sec-nadam-rule", "root_missing", move="-lr * m_hat / (v_hat + eps)")("""
    The step is divided by v̂, not by its root.

    v is an average of squares. In which units is it?
""")

exercise.mistake("sec-adam-eps", "eps_inside", move="-lr * m_hat / sqrt(v_hat + eps)")("""
    ε stands inside the root.

    Is it added before the root is taken, or after it?
""")

exercise.mistake("sec-adam-eps", "eps_added_late", move="-lr * (m_hat / sqrt(v_hat) + eps)")("""
    ε is added to the fraction, not to its denominator.

    On one line a denominator of two parts needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adam-eps", "eps_missing", eps="0")("""
    ε is missing.

    What happens without it where all gradients were 0?
""")

exercise.mistake("sec-nadam-rule", "uphill", lr="-lr")("""
    The step goes uphill.

    The averages are right. Look at the sign between θ and the step.
""")

exercise.mistake("sec-nadam-rule", "rate_missing", lr="1")("""
    The rate is missing.

    How far is the step to go? Where does lr come in?
""")

exercise.mistake("sec-adam-averages", "betas_swapped", beta1="beta2", beta2="beta1")("""
    β₁ and β₂ are swapped throughout.

    Which of the two belongs to the gradients, and which to their squares?
""")

exercise.mistake(
    "sec-nadam-rule", "move_alone", move="-lr * m_hat / (sqrt(v_hat) + eps) - theta"
)("""
    What came back is the move, not the new θ.

    From where does the move start?
""")

exercise.mistake("sec-nadam-rule", "not_kept", keeps={"m": "m_old", "v": "v_old"})("""
    The new θ is right, but m and v came back as they were before the step.

    On which averages does the next step go on?
""")

exercise.mistake("sec-nadam-rule", "old_denominator", v_hat="v_old / (1 - beta2**t)")("""
    Below the line is v from before the step.

    Has that one seen the new gradient?
""")

exercise.mistake(
    "sec-adam-averages",
    "average_weights_swapped",
    m="(1 - beta1) * m + beta1 * g",
    v="(1 - beta2) * v + beta2 * g**2",
)("""
    β and 1 − β are swapped in both averages.

    Which of the two is near 1, and does an average hold on to what it has?
""")

exercise.mistake("sec-adam-averages", "gradients_in_v", v="beta2 * v + (1 - beta2) * g")("""
    v averages the gradients, not their squares.

    What is v to measure? Can it be negative?
""")

exercise.mistake(
    "sec-bias-correction",
    "times_t",
    m_hat="beta1 * m / (1 - beta1 * (t + 1)) + (1 - beta1) * g / (1 - beta1 * t)",
    v_hat="v / (1 - beta2 * t)",
)("""
    The corrections hold products of β and the number of the step, not powers.

    In Python a power is `**`.
""")

exercise.mistake(
    "sec-bias-correction",
    "multiplied",
    m_hat="beta1 * m * (1 - beta1 ** (t + 1)) + (1 - beta1) * g * (1 - beta1**t)",
)("""
    Both parts of m̂ are multiplied by their corrections, not divided.

    An average that begins at zero is too small. Does your correction make it larger?
""")

exercise.mistake(
    "sec-bias-correction",
    "root_before_correction",
    move="-lr * m_hat / (sqrt(v) / (1 - beta2**t) + eps)",
)("""
    The root is taken of v alone, and then divided by 1 − β₂ᵗ.

    Of what is the root taken?
""")
