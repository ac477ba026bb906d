"""One step of RMSProp (row R6)."""

import numpy as np

from exercises import Step
from optlib import rmsprop

exercise = Step(
    "One step of RMSProp",
    rmsprop,
    row="R6",
    read="sec-rmsprop-rule",
    statement=r"""
    Adagrad's sum never forgets, so its steps only get shorter. RMSProp keeps a moving average of
    the squared gradients in the sum's place; $\beta_2$ is the part of it that is kept:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def rmsprop_step(theta, v, g, lr, beta2, eps):
    """One step of RMSProp.

    theta: the parameters, a number or an array
    v: the average of squared gradients before the step, of the same shape
    g: the gradient at theta, of the same shape
    lr: the learning rate η
    beta2: the decay rate β₂ of the average
    eps: the constant ε in the denominator

    Returns the new theta and the new v, in this order.
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.probe
def probe(draw):
    beta2 = draw.number(0.6, 0.95)
    return draw.array(), draw.positive(), draw.array(), draw.lr(), beta2, draw.eps()


# The average.


exercise.mistake("sec-rmsprop-average", "weights_swapped", v="(1 - beta2) * v + beta2 * g**2")("""
    β₂ and 1 − β₂ are swapped.

    β₂ is near 1, and the average is to change slowly. Which part should be the large one?
""")

exercise.mistake("sec-rmsprop-average", "weight_forgotten", v="beta2 * v + g**2")("""
    The weight of the new square is missing: v is a fading sum, not an average.

    The weights of an average add up to 1. What is left for the new square?
""")

exercise.mistake("sec-rmsprop-average", "weight_everywhere", v="beta2 * v + beta2 * g**2")("""
    β₂ multiplies the new square, too.

    The weights of an average add up to 1. What is left for the new square?
""")

exercise.mistake("sec-rmsprop-average", "weight_brackets", v="beta2 * v + 1 - beta2 * g**2")("""
    The brackets around 1 − β₂ are missing.

    Python multiplies first: your 1 is added by itself. What is to be multiplied by the square?
""")

exercise.mistake("sec-rmsprop-average", "never_fades", v="v + g**2")("""
    This is Adagrad: v is a sum that never fades.

    Where does β₂ come in?
""")

exercise.mistake("sec-rmsprop-average", "old_not_faded", v="v + (1 - beta2) * g**2")("""
    The old v is kept in full: its weight is missing.

    The weights of an average add up to 1. What is left for the old v?
""")

exercise.mistake("sec-rmsprop-average", "not_averaged", v="g**2")("""
    v holds the last square alone.

    Where does the old v come in?
""")

exercise.mistake("sec-rmsprop-rule", "gradients_averaged", v="beta2 * v + (1 - beta2) * g")("""
    The gradients are averaged, not their squares.

    Gradients of either sign cancel in an average, and its root may not exist. What has no sign?
""")

exercise.mistake(
    "sec-rmsprop-rule",
    "squared_late",
    v="beta2 * v + (1 - beta2) * g",
    move="-lr * g / (sqrt(v**2) + eps)",
)("""
    The gradients are averaged, and the average is squared afterwards.

    Gradients of either sign cancel in an average, squares do not. Square first, then average.
""")

exercise.mistake("sec-rmsprop-rule", "doubled", v="beta2 * v + (1 - beta2) * 2 * g")("""
    The gradient is doubled, not squared.

    How is a power written in Python?
""")

exercise.mistake("sec-rmsprop-rule", "dot_product", v="beta2 * v + (1 - beta2) * np.dot(g, g)")("""
    The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
""")

exercise.mistake("sec-rmsprop-rule", "sizes_averaged", v="beta2 * v + (1 - beta2) * abs(g)")("""
    The sizes |g| are averaged, not the squares.

    The root belongs to an average of squares. Look at the power of the gradient.
""")

exercise.mistake("sec-rmsprop-rule", "average_squared", v="(beta2 * v + (1 - beta2) * g) ** 2")("""
    This is the square of an average, not the average of squares.

    The old v holds squares already. What does the power stand on?
""")

exercise.mistake(
    "sec-rmsprop-rule", "root_averaged", v="(beta2 * sqrt(v) + (1 - beta2) * g) ** 2"
)("""
    The average is of √v and g, and is squared afterwards.

    v is the average of the squares. Square first, then average.
""")

exercise.mistake("sec-rmsprop-rule", "weight_squared", v="beta2 * v + ((1 - beta2) * g) ** 2")("""
    The weight of the new square is squared, too.

    What does the power stand on? Look at the brackets.
""")

exercise.mistake(
    "sec-rmsprop-average", "shared_average", v="beta2 * v + (1 - beta2) * np.mean(g**2)"
)("""
    The mean square over all coordinates is averaged: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you average over.
""")

exercise.mistake(
    "sec-rmsprop-average", "shared_sum", v="beta2 * v + (1 - beta2) * np.sum(g**2)"
)("""
    The squares of all coordinates are added up before they are averaged: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you sum over.
""")

exercise.mistake("sec-rmsprop-rule", "old_average_used", move="-lr * g / (sqrt(v_old) + eps)")("""
    The step is made with the old average.

    The average comes first, then the step, which uses the new one.
""")

exercise.mistake("sec-rmsprop-rule", "average_untouched", v="v")("""
    v is not changed: the step is made with the old average, which also came back.

    The new square goes into v first, and the next step needs that v. Does your line keep its
    result?
""")

exercise.mistake("sec-rmsprop-rule", "old_average_returned", keeps={"v": "v_old"})("""
    The new θ is right, but the v that came back is the old one.

    The next step would forget this gradient. Which v do you return?
""")

exercise.mistake("sec-rmsprop-rule", "root_kept", keeps={"v": "sqrt(v)"})("""
    The new θ is right, but the v that came back is the root of the average.

    The next step would average a root with a square. What is to be kept?
""")


# The denominator.


exercise.mistake("sec-rmsprop-rule", "root_missing", move="-lr * g / (v + eps)")("""
    The root is missing.

    v is an average of squares. What must be done to it before it is beside a gradient?
""")

exercise.mistake("sec-rmsprop-dialects", "eps_inside", move="-lr * g / sqrt(v + eps)")("""
    ε is inside the root, as in Optax's dialect.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
""")

exercise.mistake(
    "sec-rmsprop-dialects",
    "eps_averaged",
    v="beta2 * v + (1 - beta2) * g**2 + eps",
    move="-lr * g / sqrt(v)",
)("""
    ε goes into v, once more at every step.

    v is an average of squares and nothing else. ε is added where the step is made, beside the
    root.
""")

exercise.mistake("sec-rmsprop-rule", "eps_forgotten", eps="0")("""
    ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
""")

exercise.mistake("sec-rmsprop-dialects", "eps_added", move="-lr * g / sqrt(v) + eps")("""
    ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-rmsprop-dialects", "eps_in_step", move="-(lr * g / sqrt(v) + eps)")("""
    ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-rmsprop-dialects", "eps_in_direction", move="-lr * (g / sqrt(v) + eps)")("""
    ε is added to g / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake("sec-rmsprop-dialects", "eps_in_rate", move="-(lr / sqrt(v) + eps) * g")("""
    ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake(
    "sec-bias-correction", "corrected", move="-lr * g / (sqrt(v / (1 - beta2)) + eps)"
)("""
    v is divided by 1 − β₂ in the step, which is Adam's correction at t = 1.

    RMSProp corrects nothing. Which v is below the line?
""")


# The step.


exercise.mistake("sec-adagrad-idea", "undivided", move="-lr * g")("""
    The new v is right, but θ moves as in plain SGD.

    What is v for? Look at what is below the line.
""")

exercise.mistake("sec-adagrad-idea", "multiplied", move="-lr * g * (sqrt(v) + eps)")("""
    The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
""")

exercise.mistake(
    "sec-rmsprop-rule", "parameters_divided", move="(theta - lr * g) / (sqrt(v) + eps) - theta"
)("""
    θ is divided, too.

    Only the step is divided. Look at the brackets.
""")

exercise.mistake("sec-rmsprop-rule", "rate_forgotten", lr="1")("""
    The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
""")

exercise.mistake("sec-rmsprop-rule", "step_returned", move="lr * g / (sqrt(v) + eps) - theta")("""
    The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
""")

exercise.mistake("sec-rmsprop-rule", "move_returned", move="-lr * g / (sqrt(v) + eps) - theta")("""
    The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
""")

exercise.mistake("sec-rmsprop-rule", "uphill", lr="-lr")("""
    The step goes uphill.

    The average is right. Look at the sign between θ and the step.
""")
