"""A run of Adam: the loop around the step (row R7)."""

from dataclasses import replace
from functools import partial

import numpy as np

from exercises import Exercise
from exercises.bank.adaptive_rates import adam_step as one_step
from optlib import adam

exercise = Exercise(
    "A run of Adam",
    row="R7",
    read="sec-adam-rule",
    returns=("theta",),
    equations=adam.equations(),
    statement=r"""
    A step is not yet an optimizer: somebody must begin at $m_0 = v_0 = 0$, count $t$ and hand $m$
    and $v$ on from step to step. Code goes wrong there more often than in the equations:

    $$
    {equations}
    $$

    Write the loop. In training each gradient is taken at the parameters of its step; here all of
    them are given, $g_0, \dots, g_{T-1}$, one for each step. It must work for single numbers and
    for arrays.
    """,
)


@exercise.solution
def adam_run(theta, gradients, lr, beta1, beta2, eps):
    """A run of Adam on given gradients.

    theta: the parameters at the start, a number or an array
    gradients: an array whose rows gradients[0], gradients[1], … are the gradients, one a step
    lr: the learning rate η
    beta1: the decay rate β₁ of m
    beta2: the decay rate β₂ of v
    eps: the constant ε in the denominator

    Returns theta after the last step.
    """
    m, v = 0 * theta, 0 * theta
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta


@exercise.reference
def reference(theta, gradients, lr, beta1, beta2, eps):
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    state = adam.init(theta)
    for t, g in enumerate(gradients, 1):
        theta, state = adam.step(theta, g, state, t, **hyper)
    return theta


@exercise.probe
def probe(draw):
    return draw.array(), draw.gradients(), draw.lr(), *draw.betas(), draw.eps()


def run(step, theta, gradients, *hyper, number=lambda t: t):
    """The loop as it should be, around a step, or a number of the step, that may be wrong."""
    m = v = 0 * theta
    for t, g in enumerate(gradients, 1):
        theta, m, v = step(theta, m, v, g, number(t), *hyper)
    return theta


# The loop.


@exercise.mistake("sec-bias-correction")
def t_from_0(theta, gradients, lr, beta1, beta2, eps):
    """Nothing but nan came back, as when t is counted from 0, or 1 − βᵗ has no brackets.

    A nan comes from zero divided by zero, from inf divided by inf, or from the root of a negative
    number. What does your first correction divide by?
    """
    hyper = lr, beta1, beta2, eps
    return run(one_step.adam_step, theta, gradients, *hyper, number=lambda t: t - 1)


@exercise.mistake("sec-bias-correction")
def t_from_2(theta, gradients, lr, beta1, beta2, eps):
    """t is one too large.

    It is 1 in the first step. Where does yours begin, and when does it grow?
    """
    hyper = lr, beta1, beta2, eps
    return run(one_step.adam_step, theta, gradients, *hyper, number=lambda t: t + 1)


@exercise.mistake("sec-bias-correction")
def t_frozen(theta, gradients, lr, beta1, beta2, eps):
    """t stays at 1, or m and v are fading sums that nothing corrects.

    Both give the same numbers. Does your t grow in the loop? And look at the weights of what is
    new in m and v.
    """
    hyper = lr, beta1, beta2, eps
    return run(one_step.adam_step, theta, gradients, *hyper, number=lambda t: 1)


@exercise.mistake("sec-bias-correction")
def t_last(theta, gradients, lr, beta1, beta2, eps):
    """t is the number of all gradients at every step.

    The correction fades from step to step. Which t belongs to the first gradient?
    """
    hyper = lr, beta1, beta2, eps
    return run(one_step.adam_step, theta, gradients, *hyper, number=lambda t: len(gradients))


@exercise.mistake("sec-bias-correction")
def hats_fed_back(theta, gradients, lr, beta1, beta2, eps):
    """The corrected averages are fed back: they become the m and v of the next step.

    m and m̂ are two quantities. Which of them does the next step start from?
    """

    def step(theta, m, v, g, t, *hyper):
        theta, m, v = one_step.adam_step(theta, m, v, g, t, *hyper)
        return theta, m / (1 - beta1**t), v / (1 - beta2**t)

    return run(step, theta, gradients, lr, beta1, beta2, eps)


@exercise.mistake("sec-bias-correction")
def rate_fed_back(theta, gradients, lr, beta1, beta2, eps):
    """The corrected rate is fed back: it becomes the η of the next step.

    It needs a name of its own. And ε beside the uncorrected root is not this ε.
    """
    m, v = 0 * theta, 0 * theta
    for t, g in enumerate(gradients, 1):
        _, m, v = one_step.adam_step(theta, m, v, g, t, lr, beta1, beta2, eps)
        lr = lr * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        theta = theta - lr * m / (np.sqrt(v) + eps)
    return theta


@exercise.mistake("sec-adam-averages")
def averages_lost(theta, gradients, lr, beta1, beta2, eps):
    """m and v are zero before every step.

    Do they begin inside of your loop? Or are the new ones never kept?
    """

    def step(theta, m, v, *rest):
        return one_step.adam_step(theta, m, v, *rest)[0], m, v

    return run(step, theta, gradients, lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-averages")
def begun_anew(theta, gradients, lr, beta1, beta2, eps):
    """Every step is a first step, with m = v = 0 and t = 1; or there are no averages at all.

    What stands inside of your loop that belongs before it?
    """
    for g in gradients:
        theta = theta - lr * g / (np.abs(g) + eps)
    return theta


@exercise.mistake("sec-adam-averages")
def one_array(theta, gradients, lr, beta1, beta2, eps):
    """m and v are one array: what is written into one is in the other, too.

    After m = v = np.zeros(…), an m += … changes both. How many arrays do you make?
    """
    a = 0
    for t, g in enumerate(gradients, 1):
        a = beta1 * a + (1 - beta1) * g
        a = beta2 * a + (1 - beta2) * g**2
        theta = theta - lr * a / (1 - beta1**t) / (np.sqrt(a / (1 - beta2**t)) + eps)
    return theta


@exercise.mistake("sec-adam-rule")
def last_step_alone(theta, gradients, lr, beta1, beta2, eps):
    """Only the last step moves θ: every step goes from the start.

    Does each turn of your loop start from the θ before it?
    """
    before = run(one_step.adam_step, theta, gradients[:-1], lr, beta1, beta2, eps)
    after = run(one_step.adam_step, theta, gradients, lr, beta1, beta2, eps)
    return theta + (after - before)


@exercise.mistake("sec-adam-rule")
def one_turn(theta, gradients, lr, beta1, beta2, eps):
    """Only the first step is made.

    Is there a `return` inside of your loop?
    """
    return run(one_step.adam_step, theta, gradients[:1], lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def first_left_out(theta, gradients, lr, beta1, beta2, eps):
    """The first gradient is left out.

    t is counted from 1, but gradients[0] is the first one. Which gradient belongs to t?
    """
    return run(one_step.adam_step, theta, gradients[1:], lr, beta1, beta2, eps)


@exercise.mistake("sec-adam-rule")
def last_left_out(theta, gradients, lr, beta1, beta2, eps):
    """The last gradient is left out.

    How many turns does your loop make?
    """
    return run(one_step.adam_step, theta, gradients[:-1], lr, beta1, beta2, eps)


# The step: what is known of one is known of a run, but for what a run tells in another way.

TOLD = {"t_too_small", "t_too_large", "t_frozen", "correction_brackets"}
TOLD |= {"hats_returned", "old_averages_returned"}

for wrong in one_step.exercise.mistakes:
    if wrong.name not in TOLD:
        exercise.mistakes.append(replace(wrong, function=partial(run, wrong.function)))
