"""One step of Adam (row R7)."""

import numpy as np

from exercises import Step
from optlib import adam

exercise = Step(
    "One step of Adam",
    adam,
    row="R7",
    read="sec-adam-rule",
    statement=r"""
    Adam keeps two moving averages, $m$ of the gradients and $v$ of their squares. Both begin at
    zero, so both are corrected before they are used; $t$ is the number of the step, from 1:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def adam_step(theta, m, v, g, t, lr, beta1, beta2, eps):
    """One step of Adam.

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
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# The correction.


exercise.mistake("sec-bias-correction", "uncorrected", m_hat="m", v_hat="v")("""
    Both corrections are missing.

    m and v begin at zero and are too small at first, v more so. At t = 1 the step has (1 − β₁) /
    √(1 − β₂) times its length, which is 3.16 at Adam's defaults. What stands below m̂ and v̂?
""")

exercise.mistake("sec-bias-correction", "m_uncorrected", m_hat="m")("""
    Only v is corrected: the hat is missing on m.

    Both averages begin at zero. Which m is above the line?
""")

exercise.mistake("sec-bias-correction", "v_uncorrected", v_hat="v")("""
    Only m is corrected: the hat is missing on v.

    Both averages begin at zero. Which v is below the line?
""")

exercise.mistake(
    "sec-bias-correction",
    "correction_multiplied",
    m_hat="m * (1 - beta1**t)",
    v_hat="v * (1 - beta2**t)",
)("""
    The averages are multiplied by 1 − βᵗ, not divided.

    They are too small. Does your correction make them larger?
""")

exercise.mistake("sec-bias-correction", "t_too_large", t="t + 1")("""
    The exponent is t + 1.

    Here t is 1 in the first step. Does your code count on?
""")

exercise.mistake("sec-bias-correction", "t_too_small", t="t - 1")("""
    The exponent is t − 1.

    Here t is 1 in the first step. What does your correction divide by then?
""")

exercise.mistake("sec-bias-correction", "t_frozen", t="1")("""
    The correction is that of the first step at every step.

    The bias fades as gradients come in. Where does t come in?
""")

exercise.mistake(
    "sec-bias-correction",
    "weight_to_the_power",
    m_hat="m / (1 - beta1) ** t",
    v_hat="v / (1 - beta2) ** t",
)("""
    The corrections divide by (1 − β)ᵗ, not by 1 − βᵗ.

    What does the power stand on? Look at the brackets.
""")

exercise.mistake(
    "sec-bias-correction", "correction_brackets", m_hat="m / 1 - beta1**t", v_hat="v / 1 - beta2**t"
)("""
    The brackets around 1 − βᵗ are missing.

    Python divides first: your averages are divided by 1 alone. What should they be divided by?
""")

exercise.mistake(
    "sec-bias-correction", "times_t", m_hat="m / (1 - beta1 * t)", v_hat="v / (1 - beta2 * t)"
)("""
    The corrections divide by 1 − βt: β is multiplied by t.

    t is an exponent. How is a power written in Python?
""")

exercise.mistake(
    "sec-bias-correction",
    "corrections_swapped",
    m_hat="m / (1 - beta2**t)",
    v_hat="v / (1 - beta1**t)",
)("""
    The corrections are swapped: m is corrected with β₂ and v with β₁.

    Each average is corrected with the β that it was made with.
""")

exercise.mistake("sec-bias-correction", "v_corrected_with_beta1", v_hat="v / (1 - beta1**t)")("""
    v is corrected with β₁.

    Each average is corrected with the β that it was made with.
""")

exercise.mistake("sec-bias-correction", "m_corrected_with_beta2", m_hat="m / (1 - beta2**t)")("""
    m is corrected with β₂.

    Each average is corrected with the β that it was made with.
""")

exercise.mistake(
    "sec-bias-correction",
    "root_before_correction",
    move="-lr * m_hat / (sqrt(v) / (1 - beta2**t) + eps)",
)("""
    The root is taken of v alone, and then divided by 1 − β₂ᵗ.

    v̂ is all below one root. What does your root stand over?
""")

exercise.mistake(
    "sec-bias-correction", "corrected_twice", lr="lr * sqrt(1 - beta2**t) / (1 - beta1**t)"
)("""
    Both averages are corrected, and the rate once more.

    The correction may stand in the averages or in the rate. It must not stand in both.
""")

exercise.mistake("sec-bias-correction", "hats_returned", keeps={"m": "m_hat", "v": "v_hat"})("""
    The new θ is right, but what came back as m and v is corrected.

    The next step would correct once more. m̂ and v̂ are used and forgotten; which two are kept?
""")


# The averages.


exercise.mistake("sec-adam-averages", "betas_swapped", beta1="beta2", beta2="beta1")("""
    β₁ and β₂ are swapped throughout.

    Which of the two belongs to the gradients, and which to their squares?
""")

exercise.mistake(
    "sec-adam-averages",
    "betas_swapped_in_averages",
    m="beta2 * m + (1 - beta2) * g",
    v="beta1 * v + (1 - beta1) * g**2",
)("""
    β₁ and β₂ are swapped in the averages, but not in the corrections.

    Which of the two belongs to the gradients, and which to their squares?
""")

exercise.mistake("sec-adam-averages", "beta1_throughout", beta2="beta1")("""
    β₁ is used for both averages.

    v forgets more slowly than m. Where does β₂ come in?
""")

exercise.mistake("sec-adam-averages", "beta2_throughout", beta1="beta2")("""
    β₂ is used for both averages.

    m forgets faster than v. Where does β₁ come in?
""")

exercise.mistake("sec-adam-averages", "beta1_in_v", v="beta1 * v + (1 - beta1) * g**2")("""
    v is averaged with β₁, but corrected with β₂.

    v forgets more slowly than m. Where does β₂ come in?
""")

exercise.mistake("sec-adam-averages", "weight_of_m_in_v", v="beta2 * v + (1 - beta1) * g**2")("""
    The new square in v has the weight 1 − β₁.

    The weights of an average add up to 1. What is left beside β₂?
""")

exercise.mistake("sec-adam-averages", "m_in_v", v="beta2 * m + (1 - beta2) * g**2")("""
    The old value in v is m, not v.

    Each average starts from its own past. Was the line of m copied for v?
""")

exercise.mistake(
    "sec-adam-averages",
    "weights_swapped",
    m="(1 - beta1) * m + beta1 * g",
    v="(1 - beta2) * v + beta2 * g**2",
)("""
    β and 1 − β are swapped in both averages.

    Both β are near 1, and averages are to change slowly. Which part should be the large one?
""")

exercise.mistake(
    "sec-adam-averages", "weights_forgotten", m="beta1 * m + g", v="beta2 * v + g**2"
)("""
    The weights of gradient and square are missing: m and v are fading sums, not averages.

    The weights of an average add up to 1. What is left for what is new?
""")

exercise.mistake("sec-adam-averages", "m_weight_forgotten", m="beta1 * m + g")("""
    The weight of the gradient in m is missing: m is a fading sum, as in momentum.

    The weights of an average add up to 1. What is left for the new gradient?
""")

exercise.mistake("sec-adam-averages", "v_weight_forgotten", v="beta2 * v + g**2")("""
    The weight of the square in v is missing: v is a fading sum.

    The weights of an average add up to 1. What is left for the new square?
""")

exercise.mistake(
    "sec-adam-averages",
    "weight_brackets",
    m="beta1 * m + 1 - beta1 * g",
    v="beta2 * v + 1 - beta2 * g**2",
)("""
    The brackets around 1 − β are missing in both averages.

    Python multiplies first: your 1 is added by itself. What is to be multiplied by what is new?
""")

exercise.mistake("sec-adam-averages", "never_fades", v="v + g**2")("""
    v is a sum that never fades, as in Adagrad.

    Where does β₂ come in?
""")

exercise.mistake("sec-adam-averages", "gradients_in_v", v="beta2 * v + (1 - beta2) * g")("""
    v averages the gradients, not their squares.

    Gradients of either sign cancel in an average, and its root may not exist. What has no sign?
""")

exercise.mistake("sec-adam-averages", "sizes_in_v", v="beta2 * v + (1 - beta2) * abs(g)")("""
    v averages the sizes |g|, not the squares.

    The root belongs to an average of squares. Look at the power of the gradient.
""")

exercise.mistake("sec-adam-averages", "doubled", v="beta2 * v + (1 - beta2) * 2 * g")("""
    The gradient is doubled in v, not squared.

    How is a power written in Python?
""")

exercise.mistake("sec-adam-averages", "dot_product", v="beta2 * v + (1 - beta2) * np.dot(g, g)")("""
    The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
""")

exercise.mistake("sec-adam-averages", "square_of_m", v="m**2")("""
    v is the square of m: the square of an average, not the average of squares.

    Gradients of either sign cancel in m, squares do not. Square first, then average.
""")

exercise.mistake(
    "sec-adam-averages", "square_of_m_hat", move="-lr * m_hat / (abs(m_hat) + eps)"
)("""
    Below the line is m̂², not v̂: the square of an average, not the average of squares.

    The root of m̂² is the size of m̂ itself, so that every step is nearly as long as η. What is v
    for?
""")

exercise.mistake(
    "sec-adam-averages",
    "squared_late",
    v="beta2 * v + (1 - beta2) * g",
    move="-lr * m_hat / (sqrt(v_hat**2) + eps)",
)("""
    v averages the gradients, and is squared afterwards.

    Gradients of either sign cancel in an average, squares do not. Square first, then average.
""")

exercise.mistake("sec-adam-averages", "m_squared_in_v", v="beta2 * v + (1 - beta2) * m**2")("""
    v averages the squares of m, not of the gradient.

    The average of squares is not made of averages. Which square goes into v?
""")

exercise.mistake("sec-adam-averages", "centred", v="beta2 * v + (1 - beta2) * (g - m) ** 2")("""
    v averages the squares of g − m: this is AdaBelief.

    There v measures how far gradients are from what was expected. Adam's v measures how large they
    are: nothing is taken away first.
""")

exercise.mistake("sec-adam-averages", "average_squared", v="(beta2 * v + (1 - beta2) * g) ** 2")("""
    v is the square of an average, not the average of squares.

    The old v holds squares already. What does the power stand on?
""")

exercise.mistake("sec-adam-averages", "weight_squared", v="beta2 * v + ((1 - beta2) * g) ** 2")("""
    The weight of the new square is squared, too.

    What does the power stand on? Look at the brackets.
""")

exercise.mistake(
    "sec-adam-averages", "shared_average", v="beta2 * v + (1 - beta2) * np.mean(g**2)"
)("""
    The mean square over all coordinates goes into v: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you average over.
""")

exercise.mistake("sec-adam-averages", "shared_sum", v="beta2 * v + (1 - beta2) * np.sum(g**2)")("""
    The squares of all coordinates are added up in v: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you sum over.
""")

exercise.mistake(
    "sec-adam-rule",
    "old_averages_used",
    m_hat="m_old / (1 - beta1**t)",
    v_hat="v_old / (1 - beta2**t)",
)("""
    The step is made with the old averages.

    The averages come first, then the step, which uses the new ones.
""")

exercise.mistake("sec-adam-rule", "old_averages_returned", keeps={"m": "m_old", "v": "v_old"})("""
    The new θ is right, but the m and v that came back are the old ones.

    The next step would forget this gradient. Which m and v do you return?
""")


# The denominator.


exercise.mistake("sec-adam-rule", "root_missing", move="-lr * m_hat / (v_hat + eps)")("""
    The root is missing: the step is m̂ / v̂.

    v̂ is an average of squares. What must be done to it before it is beside a gradient?
""")

exercise.mistake("sec-adam-eps", "eps_inside", move="-lr * m_hat / sqrt(v_hat + eps)")("""
    ε is inside the root.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
""")

exercise.mistake(
    "sec-adam-eps",
    "eps_before_correction",
    move="-lr * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + eps)",
)("""
    ε is added to √v, before the correction: this is the form with ε̂.

    Its ε̂ is not this ε, unless you convert it. Which root does ε stand beside here?
""")

exercise.mistake(
    "sec-adam-eps",
    "eps_hat_without_root",
    move="-lr * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + eps * (1 - beta2**t))",
)("""
    This is the form with ε̂, and ε̂ is ε (1 − β₂ᵗ): a root is missing.

    What was taken out of the denominator when the correction of v went into the rate?
""")

exercise.mistake("sec-adam-eps", "eps_forgotten", eps="0")("""
    ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
""")

exercise.mistake("sec-adam-eps", "eps_added", move="-lr * m_hat / sqrt(v_hat) + eps")("""
    ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adam-eps", "eps_in_step", move="-(lr * m_hat / sqrt(v_hat) + eps)")("""
    ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adam-eps", "eps_in_direction", move="-lr * (m_hat / sqrt(v_hat) + eps)")("""
    ε is added to m̂ / √v̂, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-adam-eps", "eps_in_rate", move="-(lr / sqrt(v_hat) + eps) * m_hat")("""
    ε is added to η / √v̂, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")


# The step.


exercise.mistake("sec-adam-rule", "gradient_used", m_hat="g")("""
    The last gradient is above the line, not m̂: this is RMSProp, corrected.

    What is m for?
""")

exercise.mistake("sec-adam-rule", "undivided", move="-lr * m_hat")("""
    θ moves by η m̂: nothing is divided.

    What is v for? Look at what is below the line.
""")

exercise.mistake("sec-adam-rule", "multiplied", move="-lr * m_hat * (sqrt(v_hat) + eps)")("""
    The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
""")

exercise.mistake(
    "sec-adam-rule", "parameters_divided", move="(theta - lr * m_hat) / (sqrt(v_hat) + eps) - theta"
)("""
    θ is divided, too.

    Only the step is divided. Look at the brackets.
""")

exercise.mistake("sec-adam-rule", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
""")

exercise.mistake(
    "sec-adam-rule", "step_returned", move="lr * m_hat / (sqrt(v_hat) + eps) - theta"
)("""
    The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
""")

exercise.mistake(
    "sec-adam-rule", "move_returned", move="-lr * m_hat / (sqrt(v_hat) + eps) - theta"
)("""
    The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
""")

exercise.mistake("sec-adam-rule", "uphill", lr="-lr")("""
    The step goes uphill.

    The averages are right. Look at the sign between θ and the step.
""")

exercise.mistake(
    "sec-adam-dialects",
    "looked_ahead",
    m_hat="beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)",
)("""
    This is Nadam's step, which takes the gradient in once more.

    Adam's m̂ is the new m alone, corrected.
""")
