"""One step of RMSProp (row R6)."""

import numpy as np

from exercises import Exercise
from optlib import rmsprop

exercise = Exercise(
    "One step of RMSProp",
    row="R6",
    read="sec-rmsprop-rule",
    returns=("theta", "v"),
    equations=rmsprop.equations(),
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


@exercise.reference
def reference(theta, v, g, lr, beta2, eps):
    theta, state = rmsprop.step(theta, g, {"v": v}, t=1, lr=lr, beta2=beta2, eps=eps)
    return theta, state["v"]


@exercise.probe
def probe(draw):
    beta2 = draw.number(0.6, 0.95)
    return draw.array(), draw.positive(), draw.array(), draw.lr(), beta2, draw.eps()


# The average.


@exercise.mistake("sec-rmsprop-average")
def weights_swapped(theta, v, g, lr, beta2, eps):
    """β₂ and 1 − β₂ are swapped.

    β₂ is near 1, and the average is to change slowly. Which part should be the large one?
    """
    v = (1 - beta2) * v + beta2 * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def weight_forgotten(theta, v, g, lr, beta2, eps):
    """The weight of the new square is missing: v is a fading sum, not an average.

    The weights of an average add up to 1. What is left for the new square?
    """
    v = beta2 * v + g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def weight_everywhere(theta, v, g, lr, beta2, eps):
    """β₂ multiplies the new square, too.

    The weights of an average add up to 1. What is left for the new square?
    """
    v = beta2 * v + beta2 * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def weight_brackets(theta, v, g, lr, beta2, eps):
    """The brackets around 1 − β₂ are missing.

    Python multiplies first: your 1 is added by itself. What is to be multiplied by the square?
    """
    v = beta2 * v + 1 - beta2 * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def never_fades(theta, v, g, lr, beta2, eps):
    """This is Adagrad: v is a sum that never fades.

    Where does β₂ come in?
    """
    v = v + g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def old_not_faded(theta, v, g, lr, beta2, eps):
    """The old v is kept in full: its weight is missing.

    The weights of an average add up to 1. What is left for the old v?
    """
    v = v + (1 - beta2) * g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def not_averaged(theta, v, g, lr, beta2, eps):
    """v holds the last square alone.

    Where does the old v come in?
    """
    v = g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def gradients_averaged(theta, v, g, lr, beta2, eps):
    """The gradients are averaged, not their squares.

    Gradients of either sign cancel in an average, and its root may not exist. What has no sign?
    """
    v = beta2 * v + (1 - beta2) * g
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def squared_late(theta, v, g, lr, beta2, eps):
    """The gradients are averaged, and the average is squared afterwards.

    Gradients of either sign cancel in an average, squares do not. Square first, then average.
    """
    v = beta2 * v + (1 - beta2) * g
    return theta - lr * g / (np.sqrt(v**2) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def doubled(theta, v, g, lr, beta2, eps):
    """The gradient is doubled, not squared.

    How is a power written in Python?
    """
    v = beta2 * v + (1 - beta2) * 2 * g
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def dot_product(theta, v, g, lr, beta2, eps):
    """The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
    """
    v = beta2 * v + (1 - beta2) * np.dot(g, g)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def sizes_averaged(theta, v, g, lr, beta2, eps):
    """The sizes |g| are averaged, not the squares.

    The root belongs to an average of squares. Look at the power of the gradient.
    """
    v = beta2 * v + (1 - beta2) * np.abs(g)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def average_squared(theta, v, g, lr, beta2, eps):
    """This is the square of an average, not the average of squares.

    The old v holds squares already. What does the power stand on?
    """
    v = (beta2 * v + (1 - beta2) * g) ** 2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def root_averaged(theta, v, g, lr, beta2, eps):
    """The average is of √v and g, and is squared afterwards.

    v is the average of the squares. Square first, then average.
    """
    v = (beta2 * np.sqrt(v) + (1 - beta2) * g) ** 2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def weight_squared(theta, v, g, lr, beta2, eps):
    """The weight of the new square is squared, too.

    What does the power stand on? Look at the brackets.
    """
    v = beta2 * v + ((1 - beta2) * g) ** 2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def shared_average(theta, v, g, lr, beta2, eps):
    """The mean square over all coordinates is averaged: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you average over.
    """
    v = beta2 * v + (1 - beta2) * np.mean(g**2)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-average")
def shared_sum(theta, v, g, lr, beta2, eps):
    """The squares of all coordinates are added up before they are averaged: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you sum over.
    """
    v = beta2 * v + (1 - beta2) * np.sum(g**2)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def old_average_used(theta, v, g, lr, beta2, eps):
    """The step is made with the old average.

    The average comes first, then the step, which uses the new one.
    """
    return theta - lr * g / (np.sqrt(v) + eps), beta2 * v + (1 - beta2) * g**2


@exercise.mistake("sec-rmsprop-rule")
def average_untouched(theta, v, g, lr, beta2, eps):
    """v is not changed: the step is made with the old average, which also came back.

    The new square goes into v first, and the next step needs that v. Does your line keep its
    result?
    """
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def old_average_returned(theta, v, g, lr, beta2, eps):
    """The new θ is right, but the v that came back is the old one.

    The next step would forget this gradient. Which v do you return?
    """
    return theta - lr * g / (np.sqrt(beta2 * v + (1 - beta2) * g**2) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def root_kept(theta, v, g, lr, beta2, eps):
    """The new θ is right, but the v that came back is the root of the average.

    The next step would average a root with a square. What is to be kept?
    """
    v = np.sqrt(beta2 * v + (1 - beta2) * g**2)
    return theta - lr * g / (v + eps), v


# The denominator.


@exercise.mistake("sec-rmsprop-rule")
def root_missing(theta, v, g, lr, beta2, eps):
    """The root is missing.

    v is an average of squares. What must be done to it before it is beside a gradient?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / (v + eps), v


@exercise.mistake("sec-rmsprop-dialects")
def eps_inside(theta, v, g, lr, beta2, eps):
    """ε is inside the root, as in Optax's dialect.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / np.sqrt(v + eps), v


@exercise.mistake("sec-rmsprop-dialects")
def eps_averaged(theta, v, g, lr, beta2, eps):
    """ε goes into v, once more at every step.

    v is an average of squares and nothing else. ε is added where the step is made, beside the
    root.
    """
    v = beta2 * v + (1 - beta2) * g**2 + eps
    return theta - lr * g / np.sqrt(v), v


@exercise.mistake("sec-rmsprop-rule")
def eps_forgotten(theta, v, g, lr, beta2, eps):
    """ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / np.sqrt(v), v


@exercise.mistake("sec-rmsprop-dialects")
def eps_added(theta, v, g, lr, beta2, eps):
    """ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / np.sqrt(v) + eps, v


@exercise.mistake("sec-rmsprop-dialects")
def eps_in_step(theta, v, g, lr, beta2, eps):
    """ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - (lr * g / np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-dialects")
def eps_in_direction(theta, v, g, lr, beta2, eps):
    """ε is added to g / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * (g / np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-dialects")
def eps_in_rate(theta, v, g, lr, beta2, eps):
    """ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - (lr / np.sqrt(v) + eps) * g, v


@exercise.mistake("sec-bias-correction")
def corrected(theta, v, g, lr, beta2, eps):
    """v is divided by 1 − β₂ in the step, which is Adam's correction at t = 1.

    RMSProp corrects nothing. Which v is below the line?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g / (np.sqrt(v / (1 - beta2)) + eps), v


# The step.


@exercise.mistake("sec-adagrad-idea")
def undivided(theta, v, g, lr, beta2, eps):
    """The new v is right, but θ moves as in plain SGD.

    What is v for? Look at what is below the line.
    """
    return theta - lr * g, beta2 * v + (1 - beta2) * g**2


@exercise.mistake("sec-adagrad-idea")
def multiplied(theta, v, g, lr, beta2, eps):
    """The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - lr * g * (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def parameters_divided(theta, v, g, lr, beta2, eps):
    """θ is divided, too.

    Only the step is divided. Look at the brackets.
    """
    v = beta2 * v + (1 - beta2) * g**2
    return (theta - lr * g) / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def rate_forgotten(theta, v, g, lr, beta2, eps):
    """The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta - g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def step_returned(theta, v, g, lr, beta2, eps):
    """The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def move_returned(theta, v, g, lr, beta2, eps):
    """The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
    """
    v = beta2 * v + (1 - beta2) * g**2
    return -lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-rmsprop-rule")
def uphill(theta, v, g, lr, beta2, eps):
    """The step goes uphill.

    The average is right. Look at the sign between θ and the step.
    """
    v = beta2 * v + (1 - beta2) * g**2
    return theta + lr * g / (np.sqrt(v) + eps), v
