"""One step of AdaBound (row R12)."""

import numpy as np

from exercises import Exercise
from optlib import adabound

exercise = Exercise(
    "One step of AdaBound",
    row="R12",
    read="sec-adabound-rule",
    returns=("theta", "m", "v"),
    equations=adabound.equations(),
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


@exercise.reference
def reference(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps, "final_lr": final_lr}
    theta, state = adabound.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.probe
def probe(draw):
    while True:
        # v is spread widely, so that either bound, or none, sets the rate of some coordinate.
        v = np.round(draw.positive() ** 6, 2)
        lr, t = draw.number(0.2, 0.5), int(draw.number(5, 25))
        betas = draw.number(0.55, 0.7), draw.number(0.85, 0.93)
        final_lr = round(lr * draw.number(0.4, 2), 2)
        hyper = t, lr, *betas, draw.eps(), final_lr
        theta, m, g = draw.array(), draw.array(), draw.array()
        _, _, rate, lower, upper = parts(m, v, g, *hyper)
        if draw.shape != (2, 2) or (np.any(rate < lower) and np.any(rate > upper)):
            return theta, m, v, g, *hyper


def parts(m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """Averages, Adam's rate and the two bounds, as they should be."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    lower = final_lr - final_lr / ((1 - beta2) * t + 1)
    upper = final_lr + final_lr / ((1 - beta2) * t)
    return m, v, lr / (np.sqrt(v) + eps), lower, upper


@exercise.mistake("sec-adabound-dialects")
def root_of_t_missing(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The clipped rate is not divided by √t.

    So it stands in the authors' code; the paper's algorithm has one more factor.
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(rate, lower, upper) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def root_of_t_before(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The rate is divided by √t before it is clipped.

    Which comes first, the clip or the root?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(rate / np.sqrt(t), lower, upper) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def divided_by_t(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The clipped rate is divided by t, not by its root.

    How does the rate of the algorithm fall?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(rate, lower, upper) / t * m, m, v


@exercise.mistake("sec-adabound-bounds")
def never_clipped(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The rate is not clipped at all.

    What are the two bounds for?
    """
    m, v, rate, _, _ = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - rate / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def only_from_above(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The rate is clipped from above, but not from below.

    AdaBound is to cure rates that are too small as well.
    """
    m, v, rate, _, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.minimum(rate, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def only_from_below(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The rate is clipped from below, but not from above.

    A coordinate with tiny gradients gets a huge rate. What holds it?
    """
    m, v, rate, lower, _ = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.maximum(rate, lower) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def move_clipped(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The whole move is clipped, m included.

    What is clipped is what m is multiplied by.
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(rate * m, lower, upper) / np.sqrt(t), m, v


@exercise.mistake("sec-adabound-bounds")
def learning_rate_clipped(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The learning rate is clipped before it is divided by the root of v.

    The bounds hold the rate of the coordinate: divide first.
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(lr, lower, upper) / (np.sqrt(v) + eps) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def bounds_swapped(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The bounds are swapped: every rate is pushed onto one of them.

    Which of the two has the minus?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.minimum(np.maximum(rate, upper), lower) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def final_rate_alone(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """Every coordinate has the final rate: this is the end of AdaBound, not step t.

    Between the bounds the rate is Adam's.
    """
    m, v, *_ = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - final_lr / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def wrong_memory(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The bounds close at the speed of β₁.

    In memories of which average is the time counted?
    """
    m, v, rate, _, _ = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    lower = final_lr - final_lr / ((1 - beta1) * t + 1)
    upper = final_lr + final_lr / ((1 - beta1) * t)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-dialects")
def corrected(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """Both averages are corrected before the rate is clipped.

    The authors' code does so; the paper's algorithm does not.
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) / (np.sqrt(v) + eps)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-rule")
def gradient_above(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The gradient is moved by, not its average.

    Which of g and m does the step use?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * g, m, v


@exercise.mistake("sec-adabound-rule")
def root_missing(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The root of v is missing.

    v is an average of squares. What must be done to it before η is divided by it?
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(lr / (v + eps), lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-rule")
def uphill(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The step goes up the slope.

    In which direction does the loss fall?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta + np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-dialects")
def authors_code(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """This is the authors' code: it corrects the averages and does not divide by √t.

    The paper's algorithm corrects nothing, and divides the clipped rate by √t.
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) / (np.sqrt(v) + eps)
    return theta - np.clip(rate, lower, upper) * m, m, v


@exercise.mistake("sec-adabound-dialects")
def hats(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """m̂ and v̂, the corrected averages, stand where m and v belong.

    Adam corrects; the paper's AdaBound does not.
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    rate = lr / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m / (1 - beta1**t), m, v


@exercise.mistake("sec-adam-eps")
def eps_inside(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """ε is inside the root.

    Is ε added to the root or to what is under it?
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(lr / np.sqrt(v + eps), lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adam-eps")
def eps_missing(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """ε is missing, or is a tiny number of your own.

    Is the eps that is given added in the denominator of your rate?
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(lr / np.sqrt(v), lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adam-eps")
def eps_in_rate(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """ε is added to η / √v, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return theta - np.clip(lr / np.sqrt(v) + eps, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-rule")
def old_average_below(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The averages are right, but the rate is made with the v before the step.

    The averages come first, then the rate.
    """
    new, v_new, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    rate = lr / (np.sqrt(v) + eps)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * new, new, v_new


@exercise.mistake("sec-adabound-rule")
def rates_swapped(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """β₁ and β₂ are swapped in the averages.

    Which of the two belongs to the average of squares?
    """
    _, _, _, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    m, v, rate, _, _ = parts(m, v, g, t, lr, beta2, beta1, eps, final_lr)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def bounds_alike(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The upper bound has the + 1 of the lower one.

    Look at the two denominators again.
    """
    m, v, rate, lower, _ = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    upper = final_lr + final_lr / ((1 - beta2) * t + 1)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-bounds")
def bounds_of_learning_rate(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """The bounds close in on the learning rate, not on the final rate.

    Which of lr and final_lr stands in the bounds?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, lr)
    return theta - np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v


@exercise.mistake("sec-adabound-rule")
def move_alone(theta, m, v, g, t, lr, beta1, beta2, eps, final_lr):
    """This is the move, not the new theta.

    Where did the step begin?
    """
    m, v, rate, lower, upper = parts(m, v, g, t, lr, beta1, beta2, eps, final_lr)
    return -np.clip(rate, lower, upper) / np.sqrt(t) * m, m, v
