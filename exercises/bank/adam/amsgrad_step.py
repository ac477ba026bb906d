"""One step of AMSGrad (row R11)."""

import numpy as np

from exercises import Step
from optlib import amsgrad

exercise = Step(
    "One step of AMSGrad",
    amsgrad,
    row="R11",
    read="sec-amsgrad-rule",
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


@exercise.probe
def probe(draw):
    theta, g, m, v = draw.array(), draw.array(), draw.array(), draw.positive()
    # In about half of the coordinates the new v can be the largest so far.
    v_max = v + np.maximum(draw.array(), 0)
    return theta, m, v, v_max, g, draw.lr(), *draw.betas(), draw.eps()


# The maximum.


exercise.mistake("sec-amsgrad-rule", "adam_without_maximum", move="-lr * m / (sqrt(v) + eps)")("""
    v_max is kept, but the step divides by v: this is Adam without its correction.

    Which of the two must not shrink below the line?
""")

exercise.mistake("sec-amsgrad-rule", "maximum_before_average", v_max="maximum(v_max, v_old)")("""
    The maximum is taken of the v before the step.

    The new square must be in v before it is compared.
""")

exercise.mistake(
    "sec-amsgrad-rule", "divided_by_old_maximum", move="-lr * m / (sqrt(v_max_old) + eps)"
)("""
    The new v_max is right, but the step divides by the one before.

    Which one has seen this gradient?
""")

exercise.mistake("sec-amsgrad-dialects", "maximum_of_squares", v_max="maximum(v_max, g**2)")("""
    The maximum is taken of the squared gradient, not of its average.

    One large gradient would then decide alone, at once. What is v_max the largest of?
""")

exercise.mistake("sec-amsgrad-rule", "maximum_goes_into_average", keeps={"v": "v_max"})("""
    The maximum is written back into v.

    v goes on as in Adam and may shrink; only v_max keeps its largest value.
""")

exercise.mistake(
    "sec-amsgrad-rule", "average_of_maximum", v="beta2 * v_max + (1 - beta2) * g**2"
)("""
    The average goes on from v_max, not from v.

    v has its own memory, as in Adam; v_max only watches it.
""")

exercise.mistake("sec-amsgrad-rule", "minimum", v_max="np.minimum(v_max, v)")("""
    The smaller of the two is kept.

    The denominator must not shrink. Which of the two is kept for that?
""")

exercise.mistake(
    "sec-amsgrad-rule", "one_maximum_for_all", v_max="0 * v + np.max(maximum(v_max, v))"
)("""
    One maximum is taken over all coordinates.

    Each coordinate has its own: compare v_max and v coordinate by coordinate.
""")

exercise.mistake("sec-amsgrad-rule", "maximum_not_kept", keeps={"v_max": "v_max_old"})("""
    The step is right, but the old v_max is given back.

    The next step must know the largest v so far, this one's included.
""")

exercise.mistake("sec-amsgrad-rule", "maximum_added", v_max="v_max + v")("""
    The maximum is added to v, not compared with it.

    Of two numbers the larger one is kept, and the other one is left.
""")


# The correction, which the paper does not have.


exercise.mistake(
    "sec-amsgrad-dialects", "without_momentum", move="-lr * g / (sqrt(v_max) + eps)"
)("""
    The gradient stands above the line, not its average.

    Which of g and m does the step use?
""")

exercise.mistake(
    "sec-amsgrad-dialects",
    "corrected_as_at_first",
    move="-lr * m / (1 - beta1) / (sqrt(v_max / (1 - beta2)) + eps)",
)("""
    m and v_max are divided by 1 − β, as if this were the first step of Adam.

    The paper's AMSGrad corrects nothing.
""")


# Root, constant, direction.


exercise.mistake("sec-amsgrad-rule", "root_missing", move="-lr * m / (v_max + eps)")("""
    The root is missing.

    v_max is the largest average of squares. What must be done to it before it is beside m?
""")

exercise.mistake("sec-adam-eps", "eps_inside", move="-lr * m / sqrt(v_max + eps)")("""
    ε is inside the root.

    Is ε added to the root or to what is under it?
""")

exercise.mistake("sec-adam-eps", "eps_missing", eps="0")("""
    ε is missing, or is a tiny number of your own.

    Is the eps that is given added in your denominator?
""")

exercise.mistake("sec-amsgrad-rule", "uphill", lr="-lr")("""
    The step goes up the slope.

    In which direction does the loss fall?
""")

exercise.mistake("sec-amsgrad-rule", "move_alone", move="-lr * m / (sqrt(v_max) + eps) - theta")("""
    This is the move, not the new theta.

    Where did the step begin?
""")

exercise.mistake(
    "sec-amsgrad-rule", "squares_not_squared", v="beta2 * v + (1 - beta2) * abs(g)"
)("""
    v averages the sizes of the gradients, not their squares.

    What is v an average of?
""")

exercise.mistake("sec-amsgrad-rule", "rates_swapped", beta1="beta2", beta2="beta1")("""
    β₁ and β₂ are swapped.

    Which of the two belongs to the average of squares?
""")

exercise.mistake("sec-adam-eps", "eps_added", move="-lr * m / sqrt(v_max) + eps")("""
    ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake(
    "sec-adam-averages",
    "weights_swapped",
    m="(1 - beta1) * m + beta1 * g",
    v="(1 - beta2) * v + beta2 * g**2",
)("""
    β and 1 − β are swapped in both averages.

    An average is to change slowly. Which part should be the large one?
""")

exercise.mistake("sec-adam-averages", "weight_forgotten", m="beta1 * m + g")("""
    The weight 1 − β₁ of the new gradient is missing: m is momentum's sum, not an average.

    The weights of an average add up to 1. What is left for the new gradient?
""")

exercise.mistake("sec-adam-averages", "square_forgotten", v="beta2 * v + (1 - beta2) * g")("""
    The gradient goes into v as it is, not as a square.

    What is v an average of?
""")

exercise.mistake("sec-amsgrad-rule", "beta1_for_both", beta2="beta1")("""
    β₁ is used for both averages.

    Which of the two belongs to the average of squares?
""")

exercise.mistake(
    "sec-amsgrad-rule", "old_average_above", move="-lr * m_old / (sqrt(v_max) + eps)"
)("""
    The averages are right, but the step uses the m before it.

    The averages come first, then the step.
""")
