"""One step of Adagrad (row R5)."""

import numpy as np

from exercises import Exercise
from optlib import adagrad

exercise = Exercise(
    "One step of Adagrad",
    row="R5",
    read="sec-adagrad-rule",
    returns=("theta", "v"),
    equations=adagrad.equations(),
    statement=r"""
    Where gradients have been large, steps should be short; where they have been small, long. So
    Adagrad keeps a sum $v$ of the squares of all gradients so far, one for each coordinate, and
    divides by its root:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def adagrad_step(theta, v, g, lr, eps):
    """One step of Adagrad.

    theta: the parameters, a number or an array
    v: the sum of squared gradients before the step, of the same shape
    g: the gradient at theta, of the same shape
    lr: the learning rate η
    eps: the constant ε in the denominator

    Returns the new theta and the new v, in this order.
    """
    v = v + g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.reference
def reference(theta, v, g, lr, eps):
    theta, state = adagrad.step(theta, g, {"v": v}, t=1, lr=lr, eps=eps)
    return theta, state["v"]


@exercise.probe
def probe(draw):
    return draw.array(), draw.positive(), draw.array(), draw.lr(), draw.eps()


# The sum.


@exercise.mistake("sec-adagrad-rule")
def old_sum_used(theta, v, g, lr, eps):
    """The step is made with the old sum.

    The sum comes first, then the step, which uses the new one.
    """
    return theta - lr * g / (np.sqrt(v) + eps), v + g**2


@exercise.mistake("sec-adagrad-rule")
def old_sum_returned(theta, v, g, lr, eps):
    """The new θ is right, but the v that came back is the old one.

    The next step would forget this gradient. Which v do you return?
    """
    return theta - lr * g / (np.sqrt(v + g**2) + eps), v


@exercise.mistake("sec-adagrad-idea")
def sum_untouched(theta, v, g, lr, eps):
    """v is not changed: the step is made with the old sum, which also came back.

    The new square goes into v first, and the next step needs that v. Does your line keep its
    result?
    """
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-idea")
def not_summed(theta, v, g, lr, eps):
    """v holds the last square alone: the sum is not kept.

    Does your line add to v, or does it replace it?
    """
    v = g**2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def gradients_summed(theta, v, g, lr, eps):
    """The gradients are summed, not their squares.

    Gradients of either sign cancel in a sum, and its root may not exist. What has no sign?
    """
    v = v + g
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def sizes_summed(theta, v, g, lr, eps):
    """The sizes |g| are summed, not the squares.

    The root belongs to a sum of squares. Look at the power of the gradient.
    """
    v = v + np.abs(g)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def doubled(theta, v, g, lr, eps):
    """The gradient is doubled, not squared.

    How is a power written in Python?
    """
    v = v + 2 * g
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def dot_product(theta, v, g, lr, eps):
    """The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
    """
    v = v + np.dot(g, g)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def sum_squared(theta, v, g, lr, eps):
    """The whole sum is squared, old v and all.

    The old v holds squares already. What does the power stand on?
    """
    v = (v + g) ** 2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def rate_inside(theta, v, g, lr, eps):
    """η is inside the sum.

    v gathers gradients, not steps. η comes in when the step is made.
    """
    v = v + (lr * g) ** 2
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-idea")
def shared_sum(theta, v, g, lr, eps):
    """The squares of all coordinates are added up: one sum for all.

    Each coordinate has a sum of its own. Look at what you sum over.
    """
    v = v + np.sum(g**2)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-idea")
def shared_mean(theta, v, g, lr, eps):
    """The mean square over all coordinates is added: one number for all.

    Each coordinate has a sum of its own. Look at what you average over.
    """
    v = v + np.mean(g**2)
    return theta - lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def root_kept(theta, v, g, lr, eps):
    """The new θ is right, but the v that came back is the root of the sum.

    The next step would add a square to a root. What is to be kept?
    """
    v = np.sqrt(v + g**2)
    return theta - lr * g / (v + eps), v


# The denominator.


@exercise.mistake("sec-adagrad-rule")
def root_missing(theta, v, g, lr, eps):
    """The root is missing.

    v is a sum of squares. What must be done to it before it is beside a gradient?
    """
    v = v + g**2
    return theta - lr * g / (v + eps), v


@exercise.mistake("sec-adagrad-dialects")
def eps_inside(theta, v, g, lr, eps):
    """ε is inside the root, as in Optax's dialect.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
    """
    v = v + g**2
    return theta - lr * g / np.sqrt(v + eps), v


@exercise.mistake("sec-adagrad-dialects")
def eps_summed(theta, v, g, lr, eps):
    """ε goes into v, once more at every step.

    v is a sum of squares and nothing else. ε is added where the step is made, beside the root.
    """
    v = v + g**2 + eps
    return theta - lr * g / np.sqrt(v), v


@exercise.mistake("sec-adagrad-rule")
def eps_forgotten(theta, v, g, lr, eps):
    """ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
    """
    v = v + g**2
    return theta - lr * g / np.sqrt(v), v


@exercise.mistake("sec-adagrad-dialects")
def eps_added(theta, v, g, lr, eps):
    """ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = v + g**2
    return theta - lr * g / np.sqrt(v) + eps, v


@exercise.mistake("sec-adagrad-dialects")
def eps_in_step(theta, v, g, lr, eps):
    """ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = v + g**2
    return theta - (lr * g / np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-dialects")
def eps_in_direction(theta, v, g, lr, eps):
    """ε is added to g / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = v + g**2
    return theta - lr * (g / np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-dialects")
def eps_in_rate(theta, v, g, lr, eps):
    """ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    v = v + g**2
    return theta - (lr / np.sqrt(v) + eps) * g, v


# The step.


@exercise.mistake("sec-adagrad-idea")
def undivided(theta, v, g, lr, eps):
    """The new v is right, but θ moves as in plain SGD.

    What is v for? Look at what is below the line.
    """
    return theta - lr * g, v + g**2


@exercise.mistake("sec-adagrad-idea")
def multiplied(theta, v, g, lr, eps):
    """The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
    """
    v = v + g**2
    return theta - lr * g * (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def parameters_divided(theta, v, g, lr, eps):
    """θ is divided, too.

    Only the step is divided. Look at the brackets.
    """
    v = v + g**2
    return (theta - lr * g) / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def rate_forgotten(theta, v, g, lr, eps):
    """The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
    """
    v = v + g**2
    return theta - g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def step_returned(theta, v, g, lr, eps):
    """The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
    """
    v = v + g**2
    return lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def move_returned(theta, v, g, lr, eps):
    """The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
    """
    v = v + g**2
    return -lr * g / (np.sqrt(v) + eps), v


@exercise.mistake("sec-adagrad-rule")
def uphill(theta, v, g, lr, eps):
    """The step goes uphill.

    The sum is right. Look at the sign between θ and the step.
    """
    v = v + g**2
    return theta + lr * g / (np.sqrt(v) + eps), v
