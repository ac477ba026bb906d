"""One step of RAdam (row R18)."""

import numpy as np

from exercises import Exercise
from optlib import radam

exercise = Exercise(
    "One step of RAdam",
    row="R18",
    read="sec-radam-rule",
    returns=("theta", "m", "v"),
    equations=radam.equations(),
    statement=r"""
    RAdam is Adam with a factor $r_t$, once the average of squares is long enough; before that its
    step is the corrected average of gradients alone:

    $$
    {equations}
    $$

    Write that step. Square, root and fraction are taken coordinate by coordinate. It must work for
    single numbers and for arrays.
    """,
)


@exercise.solution
def radam_step(theta, m, v, g, t, lr, beta1, beta2, eps):
    """One step of RAdam.

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
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    v_hat = v / (1 - beta2**t)
    r = np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return theta - lr * r * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.reference
def reference(theta, m, v, g, t, lr, beta1, beta2, eps):
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    theta, state = radam.step(theta, g, {"m": m, "v": v}, t, **hyper)
    return theta, state["m"], state["v"]


@exercise.probe
def probe(draw):
    theta, g = draw.array(), draw.array()
    # By turns: before rho is 4, between 4 and 5 (at step 5), later.
    later = int(draw.rng.integers(7, 21))
    steps = {(): [1, 2, 4], (2,): [5], (3,): [5], (2, 2): [1, 6, 6, later]}
    t = int(draw.rng.choice(steps[draw.shape]))
    beta1, beta2 = draw.betas()
    if draw.shape == (3,):
        beta2 = draw.number(0.65, 0.76)  # with so short a memory rho is still below 4
    m, v = (draw.array(), draw.positive()) if t > 1 else (draw.zeros(), draw.zeros())
    return theta, m, v, g, t, draw.number(0.2, 0.8), beta1, beta2, draw.number(0.1, 0.4)


def lengths(t, beta2):
    """The length at step t, and in the long run."""
    rho_inf = 2 / (1 - beta2) - 1
    return rho_inf - 2 * t * beta2**t / (1 - beta2**t), rho_inf


def factor(rho, rho_inf):
    """The rectifier."""
    return np.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def parts(m, v, g, t, beta1, beta2):
    """The new averages, and both corrected."""
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return m, v, m / (1 - beta1**t), v / (1 - beta2**t)


@exercise.mistake("sec-radam-dialects")
def stands_still(theta, m, v, g, t, lr, beta1, beta2, eps):
    """It makes no step while the average is short.

    So does the authors' code by default. What does the paper's algorithm do there?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-dialects")
def waits_for_five(theta, m, v, g, t, lr, beta1, beta2, eps):
    """It waits until ρ is above 5.

    So does PyTorch. From which ρ on is there a variance?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 5:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-dialects")
def as_in_pytorch(theta, m, v, g, t, lr, beta1, beta2, eps):
    """It waits until ρ is above 5, and adds ε to the root of v before its correction.

    So does PyTorch. Two things are different in the paper's algorithm, as it is printed here.
    """
    m, v, m_hat, _ = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 5:
        return theta - lr * m_hat, m, v
    rate = np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
    return theta - lr * factor(rho, rho_inf) * m_hat * rate, m, v


@exercise.mistake("sec-radam-dialects")
def as_the_authors(theta, m, v, g, t, lr, beta1, beta2, eps):
    """It stands still until ρ is 5, and adds ε to the root of v before its correction.

    So does the authors' code. Three things are different in the paper's algorithm, as it is
    printed here.
    """
    m, v, m_hat, _ = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 5:
        return theta, m, v
    rate = np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
    return theta - lr * factor(rho, rho_inf) * m_hat * rate, m, v


@exercise.mistake("sec-radam-rectifier")
def always_four_steps(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The first four steps have no root, whatever β₂ is.

    It is the length of the average that decides. When does it exceed 4 for β₂ = 0.7?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if t <= 4:
        return theta - lr * m_hat, m, v
    with np.errstate(invalid="ignore"):
        r = factor(rho, rho_inf)
    return theta - lr * r * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def corrected_kept(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The corrected averages are returned.

    The next step goes on from the averages themselves.
    """
    _, _, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    return reference(theta, m, v, g, t, lr, beta1, beta2, eps)[0], m_hat, v_hat


@exercise.mistake("sec-radam-rectifier")
def factor_squared(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The factor has no root.

    It is the variance that is divided by the one of the long run. The rate gets the root of that.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) ** 2 * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-rectifier")
def factor_upside_down(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step is divided by the factor.

    Should an early step be longer than Adam's, or shorter?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr / factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-rule")
def factor_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The factor is missing: once ρ is above 4 this is Adam.

    Then the first of these steps would be the longest ones.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, _ = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-rule")
def adam_before(theta, m, v, g, t, lr, beta1, beta2, eps):
    """While the average is short it makes Adam's step.

    The root of a short average is what cannot be trusted. Which step has none?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    r = factor(rho, rho_inf) if rho > 4 else 1.0
    return theta - lr * r * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-rule")
def gradient_before(theta, m, v, g, t, lr, beta1, beta2, eps):
    """While the average is short it steps along the newest gradient.

    It is the average of squares that is left out there, not that of gradients.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * g, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def m_bare_before(theta, m, v, g, t, lr, beta1, beta2, eps):
    """While the average of squares is short, the one of gradients is not corrected.

    Both steps are made with the same average of gradients. What does its hat mean?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def m_bare(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The average of gradients is not corrected.

    It begins at zero. What is it divided by after t steps?
    """
    m, v, _, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m, m, v
    return theta - lr * factor(rho, rho_inf) * m / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-bias-correction")
def v_bare(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The average of squares is not corrected.

    The factor r is about its scatter. That it begins at zero is another matter.
    """
    m, v, m_hat, _ = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v) + eps), m, v


@exercise.mistake("sec-adam-rule")
def root_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The root of the average of squares is missing.

    Which units has the step, those of a parameter's move with η, or those of 1 over a gradient?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (v_hat + eps), m, v


@exercise.mistake("sec-radam-length")
def length_of_the_step_before(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The length is that of the step before.

    The first step is number 1, and its gradient is in the average already.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t - 1, beta2) if t > 1 else (0.0, 1.0)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-length")
def length_by_beta1(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The length is computed with β₁.

    Which of the two averages stands under the root?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta1)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-length")
def two_forgotten(theta, m, v, g, t, lr, beta1, beta2, eps):
    """In ρ the factor 2 before t is missing.

    Test your ρ at the first step. What must it be there?
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - t * beta2**t / (1 - beta2**t)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-dialects")
def eps_before_correction(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε is added to the root of v, before its correction.

    PyTorch does that. In the rule ε stands beside the corrected root.
    """
    m, v, m_hat, _ = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    rate = np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps)
    return theta - lr * factor(rho, rho_inf) * m_hat * rate, m, v


@exercise.mistake("sec-adam-eps")
def eps_inside(theta, m, v, g, t, lr, beta1, beta2, eps):
    """ε stands under the root.

    It is added to the root, not to what is under it.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, v
    return theta - lr * factor(rho, rho_inf) * m_hat / np.sqrt(v_hat + eps), m, v


@exercise.mistake("sec-radam-rule")
def uphill(theta, m, v, g, t, lr, beta1, beta2, eps):
    """The step goes uphill.

    Look at the sign.
    """
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta + lr * m_hat, m, v
    return theta + lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v


@exercise.mistake("sec-radam-rule")
def squares_wait(theta, m, v, g, t, lr, beta1, beta2, eps):
    """While the average of squares is short it does not grow.

    It is not used there yet, but how is it ever to become long enough?
    """
    old = v
    m, v, m_hat, v_hat = parts(m, v, g, t, beta1, beta2)
    rho, rho_inf = lengths(t, beta2)
    if rho <= 4:
        return theta - lr * m_hat, m, old
    return theta - lr * factor(rho, rho_inf) * m_hat / (np.sqrt(v_hat) + eps), m, v
