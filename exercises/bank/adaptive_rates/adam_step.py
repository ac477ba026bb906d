"""One step of Adam (row R7)."""

import numpy as np

from exercises import Exercise
from optlib import adam, nadam

exercise = Exercise(
    "One step of Adam",
    row="R7",
    read="sec-adam-rule",
    returns=("theta", "m", "v"),
    equations=adam.equations(),
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


@exercise.reference
def reference(theta, m, v, g, t, lr, beta1, beta2, eps):
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    theta, state = adam.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.probe
def probe(draw):
    theta, g, t = draw.array(), draw.array(), draw.t()
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    return theta, m, v, g, t, draw.lr(), *draw.betas(), draw.eps()


def averages(m, v, g, beta1, beta2):
    """The two averages as they should be."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def hats(m, v, t, beta1, beta2):
    """The two corrected averages as they should be."""
    return m / (1 - beta1**t), v / (1 - beta2**t)


def finish(theta, m, v, t, lr, beta1, beta2, eps):
    """The rest of the step, as it should be, with averages that may be wrong."""
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# The correction.


@exercise.mistake("sec-bias-correction")
def uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both corrections are missing.

    m and v begin at zero and are too small at first, v more so. At t = 1 the step has (1 − β₁) /
    √(1 − β₂) times its length, which is 3.16 at Adam's defaults. What stands below m̂ and v̂?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * m / (np.sqrt(v) + eps), m, v


@exercise.mistake("sec-bias-correction")
def m_uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Only v is corrected: the hat is missing on m.

    Both averages begin at zero. Which m is above the line?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * m / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@exercise.mistake("sec-bias-correction")
def v_uncorrected(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Only m is corrected: the hat is missing on v.

    Both averages begin at zero. Which v is below the line?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * m / (1 - beta1**t) / (np.sqrt(v) + eps), m, v


@exercise.mistake("sec-bias-correction")
def correction_multiplied(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The averages are multiplied by 1 − βᵗ, not divided.

    They are too small. Does your correction make them larger?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m * (1 - beta1**t), v * (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def t_too_large(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The exponent is t + 1.

    Here t is 1 in the first step. Does your code count on?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t + 1, lr, beta1, beta2, eps)


@exercise.mistake("sec-bias-correction")
def t_too_small(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The exponent is t − 1.

    Here t is 1 in the first step. What does your correction divide by then?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t - 1, lr, beta1, beta2, eps)


@exercise.mistake("sec-bias-correction")
def t_frozen(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The correction is that of the first step at every step.

    The bias fades as gradients come in. Where does t come in?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, 1, lr, beta1, beta2, eps)


@exercise.mistake("sec-bias-correction")
def weight_to_the_power(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The corrections divide by (1 − β)ᵗ, not by 1 − βᵗ.

    What does the power stand on? Look at the brackets.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1) ** t, v / (1 - beta2) ** t
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def correction_brackets(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The brackets around 1 − βᵗ are missing.

    Python divides first: your averages are divided by 1 alone. What should they be divided by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / 1 - beta1**t, v / 1 - beta2**t
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def times_t(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The corrections divide by 1 − βt: β is multiplied by t.

    t is an exponent. How is a power written in Python?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1 * t), v / (1 - beta2 * t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def corrections_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The corrections are swapped: m is corrected with β₂ and v with β₁.

    Each average is corrected with the β that it was made with.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, lr, beta2, beta1, eps)


@exercise.mistake("sec-bias-correction")
def v_corrected_with_beta1(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is corrected with β₁.

    Each average is corrected with the β that it was made with.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, lr, beta1, beta1, eps)


@exercise.mistake("sec-bias-correction")
def m_corrected_with_beta2(theta, m, v, g, t, lr, beta1, beta2, eps):
    """m is corrected with β₂.

    Each average is corrected with the β that it was made with.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, lr, beta2, beta2, eps)


@exercise.mistake("sec-bias-correction")
def root_before_correction(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The root is taken of v alone, and then divided by 1 − β₂ᵗ.

    v̂ is all below one root. What does your root stand over?
    """
    m, v = averages(m, v, g, beta1, beta2)
    denominator = np.sqrt(v) / (1 - beta2**t) + eps
    return theta - lr * m / (1 - beta1**t) / denominator, m, v


@exercise.mistake("sec-bias-correction")
def corrected_twice(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Both averages are corrected, and the rate once more.

    The correction may stand in the averages or in the rate. It must not stand in both.
    """
    m, v = averages(m, v, g, beta1, beta2)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return finish(theta, m, v, t, rate, beta1, beta2, eps)


@exercise.mistake("sec-bias-correction")
def hats_returned(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The new θ is right, but what came back as m and v is corrected.

    The next step would correct once more. m̂ and v̂ are used and forgotten; which two are kept?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, m, v, t, lr, beta1, beta2, eps)
    return theta, *hats(m, v, t, beta1, beta2)


# The averages.


@exercise.mistake("sec-adam-averages")
def betas_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₁ and β₂ are swapped throughout.

    Which of the two belongs to the gradients, and which to their squares?
    """
    m, v = averages(m, v, g, beta2, beta1)
    return finish(theta, m, v, t, lr, beta2, beta1, eps)


@exercise.mistake("sec-adam-averages")
def betas_swapped_in_averages(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₁ and β₂ are swapped in the averages, but not in the corrections.

    Which of the two belongs to the gradients, and which to their squares?
    """
    m, v = averages(m, v, g, beta2, beta1)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def beta1_throughout(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₁ is used for both averages.

    v forgets more slowly than m. Where does β₂ come in?
    """
    m, v = averages(m, v, g, beta1, beta1)
    return finish(theta, m, v, t, lr, beta1, beta1, eps)


@exercise.mistake("sec-adam-averages")
def beta2_throughout(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β₂ is used for both averages.

    m forgets faster than v. Where does β₁ come in?
    """
    m, v = averages(m, v, g, beta2, beta2)
    return finish(theta, m, v, t, lr, beta2, beta2, eps)


@exercise.mistake("sec-adam-averages")
def beta1_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is averaged with β₁, but corrected with β₂.

    v forgets more slowly than m. Where does β₂ come in?
    """
    m, v = averages(m, v, g, beta1, beta1)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def weight_of_m_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The new square in v has the weight 1 − β₁.

    The weights of an average add up to 1. What is left beside β₂?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta1) * g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def m_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The old value in v is m, not v.

    Each average starts from its own past. Was the line of m copied for v?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * m + (1 - beta2) * g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def weights_swapped(theta, m, v, g, t, lr, beta1, beta2, eps):
    """β and 1 − β are swapped in both averages.

    Both β are near 1, and averages are to change slowly. Which part should be the large one?
    """
    m, v = averages(m, v, g, 1 - beta1, 1 - beta2)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def weights_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The weights of gradient and square are missing: m and v are fading sums, not averages.

    The weights of an average add up to 1. What is left for what is new?
    """
    m, v = beta1 * m + g, beta2 * v + g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def m_weight_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The weight of the gradient in m is missing: m is a fading sum, as in momentum.

    The weights of an average add up to 1. What is left for the new gradient?
    """
    m, v = beta1 * m + g, beta2 * v + (1 - beta2) * g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def v_weight_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The weight of the square in v is missing: v is a fading sum.

    The weights of an average add up to 1. What is left for the new square?
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def weight_brackets(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The brackets around 1 − β are missing in both averages.

    Python multiplies first: your 1 is added by itself. What is to be multiplied by what is new?
    """
    m, v = beta1 * m + 1 - beta1 * g, beta2 * v + 1 - beta2 * g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def never_fades(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is a sum that never fades, as in Adagrad.

    Where does β₂ come in?
    """
    m = beta1 * m + (1 - beta1) * g
    v = v + g**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def gradients_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the gradients, not their squares.

    Gradients of either sign cancel in an average, and its root may not exist. What has no sign?
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def sizes_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the sizes |g|, not the squares.

    The root belongs to an average of squares. Look at the power of the gradient.
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * np.abs(g)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def doubled(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient is doubled in v, not squared.

    How is a power written in Python?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * 2 * g
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def dot_product(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The gradient is multiplied with itself as a vector or a matrix, as np.dot and @ do.

    Each coordinate is squared by itself. Which of Python's signs works coordinate by coordinate?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * np.dot(g, g)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def square_of_m(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is the square of m: the square of an average, not the average of squares.

    Gradients of either sign cancel in m, squares do not. Square first, then average.
    """
    m = beta1 * m + (1 - beta1) * g
    v = m**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def square_of_m_hat(theta, m, v, g, t, lr, beta1, beta2, eps):
    """Below the line is m̂², not v̂: the square of an average, not the average of squares.

    The root of m̂² is the size of m̂ itself, so that every step is nearly as long as η. What is v
    for?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, _ = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat / (np.abs(m_hat) + eps), m, v


@exercise.mistake("sec-adam-averages")
def squared_late(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the gradients, and is squared afterwards.

    Gradients of either sign cancel in an average, squares do not. Square first, then average.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat / (np.sqrt(v_hat**2) + eps), m, v


@exercise.mistake("sec-adam-averages")
def m_squared_in_v(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the squares of m, not of the gradient.

    The average of squares is not made of averages. Which square goes into v?
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * m**2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def centred(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v averages the squares of g − m: this is AdaBelief.

    There v measures how far gradients are from what was expected. Adam's v measures how large they
    are: nothing is taken away first.
    """
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g - m) ** 2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def average_squared(theta, m, v, g, t, lr, beta1, beta2, eps):
    """v is the square of an average, not the average of squares.

    The old v holds squares already. What does the power stand on?
    """
    m, v = beta1 * m + (1 - beta1) * g, (beta2 * v + (1 - beta2) * g) ** 2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def weight_squared(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The weight of the new square is squared, too.

    What does the power stand on? Look at the brackets.
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + ((1 - beta2) * g) ** 2
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def shared_average(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The mean square over all coordinates goes into v: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you average over.
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * np.mean(g**2)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def shared_sum(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The squares of all coordinates are added up in v: one number for all.

    Each coordinate has an average of its own, over the steps. Look at what you sum over.
    """
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * np.sum(g**2)
    return finish(theta, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def old_averages_used(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step is made with the old averages.

    The averages come first, then the step, which uses the new ones.
    """
    theta, _, _ = finish(theta, m, v, t, lr, beta1, beta2, eps)
    return theta, *averages(m, v, g, beta1, beta2)


@exercise.mistake("sec-adam-rule")
def old_averages_returned(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The new θ is right, but the m and v that came back are the old ones.

    The next step would forget this gradient. Which m and v do you return?
    """
    new_m, new_v = averages(m, v, g, beta1, beta2)
    theta, _, _ = finish(theta, new_m, new_v, t, lr, beta1, beta2, eps)
    return theta, m, v


# The denominator.


@exercise.mistake("sec-adam-rule")
def root_missing(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The root is missing: the step is m̂ / v̂.

    v̂ is an average of squares. What must be done to it before it is beside a gradient?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat / (v_hat + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_inside(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is inside the root.

    A small ε grows when its root is taken. Which comes first here, the root or ε?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat / np.sqrt(v_hat + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_before_correction(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to √v, before the correction: this is the form with ε̂.

    Its ε̂ is not this ε, unless you convert it. Which root does ε stand beside here?
    """
    m, v = averages(m, v, g, beta1, beta2)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return theta - rate * m / (np.sqrt(v) + eps), m, v


@exercise.mistake("sec-adam-eps")
def eps_hat_without_root(theta, m, v, g, t, lr, beta1, beta2, eps):
    """This is the form with ε̂, and ε̂ is ε (1 − β₂ᵗ): a root is missing.

    What was taken out of the denominator when the correction of v went into the rate?
    """
    m, v = averages(m, v, g, beta1, beta2)
    rate = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return theta - rate * m / (np.sqrt(v) + eps * (1 - beta2**t)), m, v


@exercise.mistake("sec-adam-eps")
def eps_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is missing, or is a tiny number of your own.

    Is the eps that is given in your denominator? Without one, what happens to a coordinate whose
    gradients have all been zero?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, lr, beta1, beta2, 0)


@exercise.mistake("sec-adam-eps")
def eps_added(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to θ, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, m, v, t, lr, beta1, beta2, 0)
    return theta + eps, m, v


@exercise.mistake("sec-adam-eps")
def eps_in_step(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to the step, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, m, v, t, lr, beta1, beta2, 0)
    return theta - eps, m, v


@exercise.mistake("sec-adam-eps")
def eps_in_direction(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to m̂ / √v̂, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    theta, m, v = finish(theta, m, v, t, lr, beta1, beta2, 0)
    return theta - lr * eps, m, v


@exercise.mistake("sec-adam-eps")
def eps_in_rate(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to η / √v̂, not to the denominator.

    A fraction on one line needs brackets. What does your / divide by?
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - (lr / np.sqrt(v_hat) + eps) * m_hat, m, v


# The step.


@exercise.mistake("sec-adam-rule")
def gradient_used(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The last gradient is above the line, not m̂: this is RMSProp, corrected.

    What is m for?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@exercise.mistake("sec-adam-rule")
def undivided(theta, m, v, g, t, lr, beta1, beta2, eps):
    """θ moves by η m̂: nothing is divided.

    What is v for? Look at what is below the line.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return theta - lr * m / (1 - beta1**t), m, v


@exercise.mistake("sec-adam-rule")
def multiplied(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step is multiplied by the root, not divided.

    Where gradients have been large, steps should be short.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return theta - lr * m_hat * (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-adam-rule")
def parameters_divided(theta, m, v, g, t, lr, beta1, beta2, eps):
    """θ is divided, too.

    Only the step is divided. Look at the brackets.
    """
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = hats(m, v, t, beta1, beta2)
    return (theta - lr * m_hat) / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-adam-rule")
def rate_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The learning rate is missing.

    Dividing by the root leaves a direction; η says how far to go. Where does lr come in?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, 1, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def step_returned(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step alone came back in the place of θ.

    The step is taken away from where θ was. Where does the old θ come in?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(0, m, v, t, -lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def move_returned(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The move alone came back in the place of θ.

    The move starts from where θ was. Where does the old θ come in?
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(0, m, v, t, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def uphill(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step goes uphill.

    The averages are right. Look at the sign between θ and the step.
    """
    m, v = averages(m, v, g, beta1, beta2)
    return finish(theta, m, v, t, -lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-dialects")
def looked_ahead(theta, m, v, g, t, lr, beta1, beta2, eps):
    """This is Nadam's step, which takes the gradient in once more.

    Adam's m̂ is the new m alone, corrected.
    """
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    theta, state = nadam.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]
