"""One step of AdaBound (row R12)."""

import numpy as np

from exercises import Step
from optlib import adabound

exercise = Step(
    "One step of AdaBound",
    adabound,
    row="R12",
    read="sec-adabound-rule",
    statement=r"""
    AdaBound clips the rate that Adam would give to a coordinate between two bounds, which close in
    on one number as the steps go by:

    $$
    {equations}
    $$

    Write that step, as the paper has it: nothing is corrected for its start at zero, and the
    clipped rate is divided by $\sqrt t$. It must work for single numbers and for arrays.
    """,
)


@exercise.solution
def adabound_step(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """One step of AdaBound, as in Algorithm 2 of the paper, with ε beside the root.

    theta: the parameters, a number or an array
    m: the average of gradients before the step, of the same shape
    v: the average of squared gradients before the step, of the same shape
    g: the gradient at theta, of the same shape
    t: the number of this step; the first one is 1
    lr: the learning rate η
    beta1: the decay rate β₁ of m
    beta2: the decay rate β₂ of v
    eps: the constant ε in the denominator
    final_lr: the rate to which the bounds go

    Returns the new theta, the new m and the new v, in this order.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lower = final_lr - final_lr / ((1 - beta2) * t + 1)
    upper = final_lr + final_lr / ((1 - beta2) * t)
    rate = np.clip(lr / (np.sqrt(v) + eps), lower, upper)
    return theta - rate / np.sqrt(t) * m, m, v


@exercise.probe
def probe(draw):
    while True:
        # v is spread widely, so that either bound, or none, sets the rate of some coordinate.
        v = np.round(draw.positive() ** 6, 2)
        lr, t = draw.number(0.2, 0.5), int(draw.number(5, 25))
        beta1, beta2 = draw.number(0.55, 0.7), draw.number(0.85, 0.93)
        final_lr, eps = round(lr * draw.number(0.4, 2), 2), draw.eps()
        theta, m, g = draw.array(), draw.array(), draw.array()
        rate = lr / (np.sqrt(beta2 * v + (1 - beta2) * g**2) + eps)
        low = rate < final_lr - final_lr / ((1 - beta2) * t + 1)
        high = rate > final_lr + final_lr / ((1 - beta2) * t)
        if draw.shape != (2, 2) or (np.any(low) and np.any(high)):
            return theta, m, v, g, t, lr, beta1, beta2, eps, final_lr


exercise.mistake("sec-adabound-dialects", "root_of_t_missing", move="-lr_hat * m")("""
    The clipped rate is not divided by √t.

    So it stands in the authors' code; the paper's algorithm has one more factor.
""")

exercise.mistake(
    "sec-adabound-bounds",
    "root_of_t_before",
    lr_hat="clip(lr / (sqrt(v) + eps) / sqrt(t), lower, upper)",
    move="-lr_hat * m",
)("""
    The rate is divided by √t before it is clipped.

    Which comes first, the clip or the root?
""")

exercise.mistake("sec-adabound-bounds", "divided_by_t", move="-lr_hat / t * m")("""
    The clipped rate is divided by t, not by its root.

    How does the rate of the algorithm fall?
""")

exercise.mistake("sec-adabound-bounds", "never_clipped", lr_hat="lr / (sqrt(v) + eps)")("""
    The rate is not clipped at all.

    What are the two bounds for?
""")

exercise.mistake(
    "sec-adabound-bounds", "only_from_above", lr_hat="minimum(lr / (sqrt(v) + eps), upper)"
)("""
    The rate is clipped from above, but not from below.

    AdaBound is to cure rates that are too small as well.
""")

exercise.mistake(
    "sec-adabound-bounds", "only_from_below", lr_hat="maximum(lr / (sqrt(v) + eps), lower)"
)("""
    The rate is clipped from below, but not from above.

    A coordinate with tiny gradients gets a huge rate. What holds it?
""")

exercise.mistake(
    "sec-adabound-bounds",
    "move_clipped",
    move="-clip(lr / (sqrt(v) + eps) * m, lower, upper) / sqrt(t)",
)("""
    The whole move is clipped, m included.

    What is clipped is what m is multiplied by.
""")

exercise.mistake(
    "sec-adabound-bounds",
    "learning_rate_clipped",
    lr_hat="clip(lr, lower, upper) / (sqrt(v) + eps)",
)("""
    The learning rate is clipped before it is divided by the root of v.

    The bounds hold the rate of the coordinate: divide first.
""")

exercise.mistake(
    "sec-adabound-bounds",
    "bounds_swapped",
    lr_hat="minimum(maximum(lr / (sqrt(v) + eps), upper), lower)",
)("""
    The bounds are swapped: every rate is pushed onto one of them.

    Which of the two has the minus?
""")

exercise.mistake("sec-adabound-bounds", "final_rate_alone", lr_hat="final_lr")("""
    Every coordinate has the final rate: this is the end of AdaBound, not step t.

    Between the bounds the rate is Adam's.
""")

exercise.mistake(
    "sec-adabound-bounds",
    "wrong_memory",
    lower="final_lr - final_lr / ((1 - beta1) * t + 1)",
    upper="final_lr + final_lr / ((1 - beta1) * t)",
)("""
    The bounds close at the speed of β₁.

    In memories of which average is the time counted?
""")

exercise.mistake(
    "sec-adabound-dialects", "corrected", lr="lr * sqrt(1 - beta2**t) / (1 - beta1**t)"
)("""
    Both averages are corrected before the rate is clipped.

    The authors' code does so; the paper's algorithm does not.
""")

exercise.mistake("sec-adabound-rule", "gradient_above", move="-lr_hat / sqrt(t) * g")("""
    The gradient is moved by, not its average.

    Which of g and m does the step use?
""")

exercise.mistake(
    "sec-adabound-rule", "root_missing", lr_hat="clip(lr / (v + eps), lower, upper)"
)("""
    The root of v is missing.

    v is an average of squares. What must be done to it before η is divided by it?
""")

exercise.mistake("sec-adabound-rule", "uphill", move="lr_hat / sqrt(t) * m")("""
    The step goes up the slope.

    In which direction does the loss fall?
""")

exercise.mistake(
    "sec-adabound-dialects",
    "authors_code",
    lr="lr * sqrt(1 - beta2**t) / (1 - beta1**t)",
    move="-lr_hat * m",
)("""
    This is the authors' code: it corrects the averages and does not divide by √t.

    The paper's algorithm corrects nothing, and divides the clipped rate by √t.
""")

exercise.mistake(
    "sec-adabound-dialects",
    "hats",
    lr_hat="clip(lr / (sqrt(v / (1 - beta2**t)) + eps), lower, upper)",
    move="-lr_hat / sqrt(t) * m / (1 - beta1**t)",
)("""
    m̂ and v̂, the corrected averages, stand where m and v belong.

    Adam corrects; the paper's AdaBound does not.
""")

exercise.mistake("sec-adam-eps", "eps_inside", lr_hat="clip(lr / sqrt(v + eps), lower, upper)")("""
    ε is inside the root.

    Is ε added to the root or to what is under it?
""")

exercise.mistake("sec-adam-eps", "eps_missing", eps="0")("""
    ε is missing, or is a tiny number of your own.

    Is the eps that is given added in the denominator of your rate?
""")

exercise.mistake("sec-adam-eps", "eps_in_rate", lr_hat="clip(lr / sqrt(v) + eps, lower, upper)")("""
    ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
""")

exercise.mistake(
    "sec-adabound-rule", "old_average_below", lr_hat="clip(lr / (sqrt(v_old) + eps), lower, upper)"
)("""
    The averages are right, but the rate is made with the v before the step.

    The averages come first, then the rate.
""")

exercise.mistake(
    "sec-adabound-rule",
    "rates_swapped",
    m="beta2 * m + (1 - beta2) * g",
    v="beta1 * v + (1 - beta1) * g**2",
)("""
    β₁ and β₂ are swapped in the averages.

    Which of the two belongs to the average of squares?
""")

exercise.mistake(
    "sec-adabound-bounds", "bounds_alike", upper="final_lr + final_lr / ((1 - beta2) * t + 1)"
)("""
    The upper bound has the + 1 of the lower one.

    Look at the two denominators again.
""")

exercise.mistake("sec-adabound-bounds", "bounds_of_learning_rate", final_lr="lr")("""
    The bounds close in on the learning rate, not on the final rate.

    Which of lr and final_lr stands in the bounds?
""")

exercise.mistake("sec-adabound-rule", "move_alone", move="-lr_hat / sqrt(t) * m - theta")("""
    This is the move, not the new theta.

    Where did the step begin?
""")
