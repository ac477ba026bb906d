"""One step of RAdam (row R18)."""

import numpy as np

from exercises import Step
from optlib import radam

exercise = Step(
    "One step of RAdam",
    radam,
    row="R18",
    read="sec-radam-rule",
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


exercise.mistake(
    "sec-radam-dialects",
    "stands_still",
    move="-lr * where(rho > 4, r * m_hat / (sqrt(v_hat) + eps), 0 * m_hat)",
)("""
    It makes no step while the average is short.

    So does the authors' code by default. What does the paper's algorithm do there?
""")

exercise.mistake(
    "sec-radam-dialects",
    "waits_for_five",
    move="-lr * where(rho > 5, r * m_hat / (sqrt(v_hat) + eps), m_hat)",
)("""
    It waits until ρ is above 5.

    So does PyTorch. From which ρ on is there a variance?
""")

exercise.mistake(
    "sec-radam-dialects",
    "as_in_pytorch",
    v_hat="sqrt(1 - beta2**t) / (sqrt(v) + eps)",
    move="-lr * where(rho > 5, r * m_hat * v_hat, m_hat)",
)("""
    It waits until ρ is above 5, and adds ε to the root of v before its correction.

    So does PyTorch. Two things are different in the paper's algorithm, as it is printed here.
""")

exercise.mistake(
    "sec-radam-dialects",
    "as_the_authors",
    v_hat="sqrt(1 - beta2**t) / (sqrt(v) + eps)",
    move="-lr * where(rho > 5, r * m_hat * v_hat, 0 * m_hat)",
)("""
    It stands still until ρ is 5, and adds ε to the root of v before its correction.

    So does the authors' code. Three things are different in the paper's algorithm, as it is
    printed here.
""")

exercise.mistake(
    "sec-radam-rectifier",
    "always_four_steps",
    move="-lr * where(t > 4, r * m_hat / (sqrt(v_hat) + eps), m_hat)",
)("""
    The first four steps have no root, whatever β₂ is.

    It is the length of the average that decides. When does it exceed 4 for β₂ = 0.7?
""")

exercise.mistake("sec-bias-correction", "corrected_kept", keeps={"m": "m_hat", "v": "v_hat"})("""
    The corrected averages are returned.

    The next step goes on from the averages themselves.
""")

exercise.mistake(
    "sec-radam-rectifier",
    "factor_squared",
    r="(rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)",
)("""
    The factor has no root.

    It is the variance that is divided by the one of the long run. The rate gets the root of that.
""")

exercise.mistake(
    "sec-radam-rectifier",
    "factor_upside_down",
    move="-lr * where(rho > 4, m_hat / r / (sqrt(v_hat) + eps), m_hat)",
)("""
    The step is divided by the factor.

    Should an early step be longer than Adam's, or shorter?
""")

exercise.mistake("sec-radam-rule", "factor_forgotten", r="1")("""
    The factor is missing: once ρ is above 4 this is Adam.

    Then the first of these steps would be the longest ones.
""")

exercise.mistake(
    "sec-radam-rule", "adam_before", move="-lr * where(rho > 4, r, 1) * m_hat / (sqrt(v_hat) + eps)"
)("""
    While the average is short it makes Adam's step.

    The root of a short average is what cannot be trusted. Which step has none?
""")

exercise.mistake(
    "sec-radam-rule",
    "gradient_before",
    move="-lr * where(rho > 4, r * m_hat / (sqrt(v_hat) + eps), g)",
)("""
    While the average is short it steps along the newest gradient.

    It is the average of squares that is left out there, not that of gradients.
""")

exercise.mistake(
    "sec-bias-correction",
    "m_bare_before",
    move="-lr * where(rho > 4, r * m_hat / (sqrt(v_hat) + eps), m)",
)("""
    While the average of squares is short, the one of gradients is not corrected.

    Both steps are made with the same average of gradients. What does its hat mean?
""")

exercise.mistake("sec-bias-correction", "m_bare", m_hat="m")("""
    The average of gradients is not corrected.

    It begins at zero. What is it divided by after t steps?
""")

exercise.mistake("sec-bias-correction", "v_bare", v_hat="v")("""
    The average of squares is not corrected.

    The factor r is about its scatter. That it begins at zero is another matter.
""")

exercise.mistake(
    "sec-adam-rule", "root_forgotten", move="-lr * where(rho > 4, r * m_hat / (v_hat + eps), m_hat)"
)("""
    The root of the average of squares is missing.

    Which units has the step, those of a parameter's move with η, or those of 1 over a gradient?
""")

exercise.mistake(
    "sec-radam-length",
    "length_of_the_step_before",
    rho="rho_inf - 2 * (t - 1) * beta2 ** (t - 1) / (1 - beta2 ** (t - 1))",
)("""
    The length is that of the step before.

    The first step is number 1, and its gradient is in the average already.
""")

exercise.mistake(
    "sec-radam-length",
    "length_by_beta1",
    rho_inf="2 / (1 - beta1) - 1",
    rho="rho_inf - 2 * t * beta1**t / (1 - beta1**t)",
)("""
    The length is computed with β₁.

    Which of the two averages stands under the root?
""")

exercise.mistake(
    "sec-radam-length", "two_forgotten", rho="rho_inf - t * beta2**t / (1 - beta2**t)"
)("""
    In ρ the factor 2 before t is missing.

    Test your ρ at the first step. What must it be there?
""")

exercise.mistake(
    "sec-radam-dialects",
    "eps_before_correction",
    move="-lr * where(rho > 4, r * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + eps), m_hat)",
)("""
    ε is added to the root of v, before its correction.

    PyTorch does that. In the rule ε stands beside the corrected root.
""")

exercise.mistake(
    "sec-adam-eps", "eps_inside", move="-lr * where(rho > 4, r * m_hat / sqrt(v_hat + eps), m_hat)"
)("""
    ε stands under the root.

    It is added to the root, not to what is under it.
""")

exercise.mistake("sec-radam-rule", "uphill", lr="-lr")("""
    The step goes uphill.

    Look at the sign.
""")

exercise.mistake("sec-radam-rule", "squares_wait", keeps={"v": "where(rho > 4, v, v_old)"})("""
    While the average of squares is short it does not grow.

    It is not used there yet, but how is it ever to become long enough?
""")
