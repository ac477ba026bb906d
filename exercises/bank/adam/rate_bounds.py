"""The two bounds of AdaBound's rate (row R12)."""

import numpy as np

from exercises import Exercise
from optlib import adabound

exercise = Exercise(
    "The two bounds of AdaBound",
    row="R12",
    read="sec-adabound-bounds",
    returns=("lower", "upper"),
    statement=r"""
    AdaBound holds the rate of each coordinate between two bounds that depend on the step alone and
    close in on one number, $\eta_\infty$:

    $$
    \eta_l(t) = \eta_\infty - \frac{\eta_\infty}{(1-\beta_2)\,t + 1}, \qquad
    \eta_u(t) = \eta_\infty + \frac{\eta_\infty}{(1-\beta_2)\,t} .
    $$

    Write the function that finds both. `t` may be a single step or an array of steps.
    """,
)


@exercise.solution
def rate_bounds(t, beta2, final_lr):
    """The two bounds of AdaBound's rate at step t.

    t: the number of the step, from 1; a number or an array
    beta2: the decay rate β₂
    final_lr: the rate to which both bounds go

    Returns the lower bound and the upper bound, in this order.
    """
    tau = (1 - beta2) * t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.reference
def reference(t, beta2, final_lr):
    last = int(np.max(t))
    record = adabound.record([1.0] * last, start=0.0, steps=last, beta2=beta2, final_lr=final_lr)
    at = np.asarray(t, dtype=int) - 1
    return np.array(record["lower"])[at], np.array(record["upper"])[at]


@exercise.probe
def probe(draw):
    t = np.round(10 * draw.positive())
    return t, draw.number(0.6, 0.95), draw.number(0.5, 2)


@exercise.mistake("sec-adabound-bounds")
def one_in_both(t, beta2, final_lr):
    """The upper bound has the + 1 of the lower one.

    Look at the two denominators again. What is the upper bound at t = 0?
    """
    tau = (1 - beta2) * t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / (tau + 1)


@exercise.mistake("sec-adabound-bounds")
def one_in_neither(t, beta2, final_lr):
    """The lower bound's + 1 is missing.

    Without it the lower bound is below zero at first. What should it be at t = 0?
    """
    tau = (1 - beta2) * t
    return final_lr - final_lr / tau, final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def one_misplaced(t, beta2, final_lr):
    """The + 1 stands in the upper bound, not in the lower one.

    Which bound must be allowed to be huge at the beginning?
    """
    tau = (1 - beta2) * t
    return final_lr - final_lr / tau, final_lr + final_lr / (tau + 1)


@exercise.mistake("sec-adabound-bounds")
def beta2_itself(t, beta2, final_lr):
    """β₂ t stands where (1 − β₂) t belongs.

    The time is counted in memories of v. How long is a memory?
    """
    tau = beta2 * t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def power_for_product(t, beta2, final_lr):
    """1 − β₂ᵗ stands where (1 − β₂) t belongs.

    That is the bias correction. Here t is a factor, not a power.
    """
    tau = 1 - beta2**t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def constant_of_the_lecture(t, beta2, final_lr):
    """The final rate is 0.1 whatever final_lr is.

    0.1 is a default. Which name stands for it here?
    """
    tau = (1 - beta2) * t
    return 0.1 - 0.1 / (tau + 1), 0.1 + 0.1 / tau


@exercise.mistake("sec-adabound-bounds")
def fixed_numerator(t, beta2, final_lr):
    """The bounds close in on final_lr, but their distance from it is that of a final rate of 1.

    What stands above the line in both fractions?
    """
    tau = (1 - beta2) * t
    return final_lr - 1 / (tau + 1), final_lr + 1 / tau


@exercise.mistake("sec-adabound-bounds")
def around_zero(t, beta2, final_lr):
    """The final rate itself is missing: both go to zero.

    To which number do the bounds close in?
    """
    tau = (1 - beta2) * t
    return -final_lr / (tau + 1), final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def sum_for_both(t, beta2, final_lr):
    """Both bounds lie above the final rate.

    From which side does the lower bound come?
    """
    tau = (1 - beta2) * t
    return final_lr + final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def one_outside(t, beta2, final_lr):
    """The 1 is added to t before the product is taken.

    In the lower bound, is it (1 − β₂) t + 1 or (1 − β₂)(t + 1)?
    """
    return final_lr - final_lr / ((1 - beta2) * (t + 1)), final_lr + final_lr / ((1 - beta2) * t)


@exercise.mistake("sec-adabound-bounds")
def time_forgotten(t, beta2, final_lr):
    """The bounds do not move: t is missing.

    They are to close in as the steps go by. Where does t come in?
    """
    tau = 1 - beta2 + 0 * t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def counted_from_zero(t, beta2, final_lr):
    """The step is counted from 0: these are the bounds of the next step.

    t is 1 at the first step and goes into both bounds as it is.
    """
    tau = (1 - beta2) * (t + 1)
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def factors_alone(t, beta2, final_lr):
    """These are the bounds for a final rate of 1.

    With what must both be multiplied?
    """
    tau = (1 - beta2) * t
    return 1 - 1 / (tau + 1), 1 + 1 / tau


@exercise.mistake("sec-adabound-bounds")
def brackets_forgotten(t, beta2, final_lr):
    """The fractions lack their brackets: t multiplies them and the 1 is added after that.

    On one line a denominator of several parts needs brackets. What does your / divide by?
    """
    fraction = final_lr / (1 - beta2) * t
    return final_lr - fraction + 1, final_lr + fraction


@exercise.mistake("sec-adabound-bounds")
def product_without_bracket(t, beta2, final_lr):
    """1 − β₂ t stands where (1 − β₂) t belongs.

    Products come before differences. Where does the bracket go?
    """
    tau = 1 - beta2 * t
    return final_lr - final_lr / (tau + 1), final_lr + final_lr / tau


@exercise.mistake("sec-adabound-bounds")
def multiplied(t, beta2, final_lr):
    """The final rate is multiplied by the time, where it should be divided: the bounds go apart.

    To which number do they close in?
    """
    tau = (1 - beta2) * t
    return final_lr - final_lr * (tau + 1), final_lr + final_lr * tau
