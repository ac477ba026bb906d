"""One step of AMSGrad (row R11)."""

import numpy as np

from exercises import Exercise
from optlib import amsgrad

exercise = Exercise(
    "One step of AMSGrad",
    row="R11",
    read="sec-amsgrad-rule",
    returns=("theta", "m", "v", "v_max"),
    equations=amsgrad.equations(),
    statement=r"""
    AMSGrad divides by the root of the largest average of squares that there has been, so that no
    coordinate's rate rises again. As in the paper, nothing is corrected for its start at zero:

    $$
    {equations}
    $$

    Write that step. Maximum, square, root and fraction are taken coordinate by coordinate. It must
    work for single numbers and for arrays.
    """,
)


@exercise.solution
def amsgrad_step(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """One step of AMSGrad, as in Algorithm 2 of the paper, with ε beside the root.

    theta: the parameters, a number or an array
    m: the average of gradients before the step, of the same shape
    v: the average of squared gradients before the step, of the same shape
    v_max: the largest v of each coordinate before the step, of the same shape
    g: the gradient at theta, of the same shape
    lr: the learning rate η
    beta1: the decay rate β₁ of m
    beta2: the decay rate β₂ of v
    eps: the constant ε in the denominator

    Returns the new theta, the new m, the new v and the new v_max, in this order.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    return theta - lr * m / (np.sqrt(v_max) + eps), m, v, v_max


@exercise.reference
def reference(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    state = {"m": m, "v": v, "v_max": v_max}
    theta, state = amsgrad.step(theta, g, state, t=7, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return theta, state["m"], state["v"], state["v_max"]


@exercise.probe
def probe(draw):
    theta, g, m, v = draw.array(), draw.array(), draw.array(), draw.positive()
    # In about half of the coordinates the new v can be the largest so far.
    v_max = v + np.maximum(draw.array(), 0)
    return theta, m, v, v_max, g, draw.lr(), *draw.betas(), draw.eps()


def averages(m, v, g, beta1, beta2):
    """The two averages as they should be."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def moved(theta, m, below, lr, eps):
    """The new parameters, with a denominator that may be wrong."""
    return theta - lr * m / (np.sqrt(below) + eps)


# The maximum.


@exercise.mistake("sec-amsgrad-rule")
def adam_without_maximum(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """v_max is kept, but the step divides by v: this is Adam without its correction.

    Which of the two must not shrink below the line?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return moved(theta, m, v, lr, eps), m, v, np.maximum(v_max, v)


@exercise.mistake("sec-amsgrad-rule")
def maximum_before_average(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The maximum is taken of the v before the step.

    The new square must be in v before it is compared.
    """
    before = np.maximum(v_max, v)
    m, v = averages(m, v, g, beta1, beta2)
    return moved(theta, m, before, lr, eps), m, v, before


@exercise.mistake("sec-amsgrad-rule")
def divided_by_old_maximum(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The new v_max is right, but the step divides by the one before.

    Which one has seen this gradient?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return moved(theta, m, v_max, lr, eps), m, v, np.maximum(v_max, v)


@exercise.mistake("sec-amsgrad-dialects")
def maximum_of_squares(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The maximum is taken of the squared gradient, not of its average.

    One large gradient would then decide alone, at once. What is v_max the largest of?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, g**2)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def maximum_goes_into_average(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The maximum is written back into v.

    v goes on as in Adam and may shrink; only v_max keeps its largest value.
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v_max, v_max


@exercise.mistake("sec-amsgrad-rule")
def average_of_maximum(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The average goes on from v_max, not from v.

    v has its own memory, as in Adam; v_max only watches it.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v_max + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def minimum(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The smaller of the two is kept.

    The denominator must not shrink. Which of the two is kept for that?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.minimum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def one_maximum_for_all(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """One maximum is taken over all coordinates.

    Each coordinate has its own: compare v_max and v coordinate by coordinate.
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.zeros_like(v) + np.max(np.maximum(v_max, v))
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def maximum_not_kept(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The step is right, but the old v_max is given back.

    The next step must know the largest v so far, this one's included.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return moved(theta, m, np.maximum(v_max, v), lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def maximum_added(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The maximum is added to v, not compared with it.

    Of two numbers the larger one is kept, and the other one is left.
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = v_max + v
    return moved(theta, m, v_max, lr, eps), m, v, v_max


# The correction, which the paper does not have.


@exercise.mistake("sec-amsgrad-dialects")
def without_momentum(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The gradient stands above the line, not its average.

    Which of g and m does the step use?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return moved(theta, g, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-dialects")
def corrected_as_at_first(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """m and v_max are divided by 1 − β, as if this were the first step of Adam.

    The paper's AMSGrad corrects nothing.
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return moved(theta, m / (1 - beta1), v_max / (1 - beta2), lr, eps), m, v, v_max


# Root, constant, direction.


@exercise.mistake("sec-amsgrad-rule")
def root_missing(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The root is missing.

    v_max is the largest average of squares. What must be done to it before it is beside m?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return theta - lr * m / (v_max + eps), m, v, v_max


@exercise.mistake("sec-adam-eps")
def eps_inside(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """ε is inside the root.

    Is ε added to the root or to what is under it?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return theta - lr * m / np.sqrt(v_max + eps), m, v, v_max


@exercise.mistake("sec-adam-eps")
def eps_missing(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """ε is missing, or is a tiny number of your own.

    Is the eps that is given added in your denominator?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return theta - lr * m / np.sqrt(v_max), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def uphill(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The step goes up the slope.

    In which direction does the loss fall?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return theta + lr * m / (np.sqrt(v_max) + eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def move_alone(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """This is the move, not the new theta.

    Where did the step begin?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return -lr * m / (np.sqrt(v_max) + eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def squares_not_squared(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """v averages the sizes of the gradients, not their squares.

    What is v an average of?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * np.abs(g)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def rates_swapped(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """β₁ and β₂ are swapped.

    Which of the two belongs to the average of squares?
    """
    m, v = averages(m, v, g, beta2, beta1)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-adam-eps")
def eps_added(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return theta - lr * m / np.sqrt(v_max) + eps, m, v, v_max


@exercise.mistake("sec-adam-averages")
def weights_swapped(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """β and 1 − β are swapped in both averages.

    An average is to change slowly. Which part should be the large one?
    """
    m, v = averages(m, v, g, 1 - beta1, 1 - beta2)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-adam-averages")
def weight_forgotten(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The weight 1 − β₁ of the new gradient is missing: m is momentum's sum, not an average.

    The weights of an average add up to 1. What is left for the new gradient?
    """
    m, v = beta1 * m + g, beta2 * v + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-adam-averages")
def square_forgotten(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The gradient goes into v as it is, not as a square.

    What is v an average of?
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def beta1_for_both(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """β₁ is used for both averages.

    Which of the two belongs to the average of squares?
    """
    m, v = averages(m, v, g, beta1, beta1)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), m, v, v_max


@exercise.mistake("sec-amsgrad-rule")
def old_average_above(theta, m, v, v_max, g, lr, beta1, beta2, eps):
    """The averages are right, but the step uses the m before it.

    The averages come first, then the step.
    """
    new, v = averages(m, v, g, beta1, beta2)
    v_max = np.maximum(v_max, v)
    return moved(theta, m, v_max, lr, eps), new, v, v_max
