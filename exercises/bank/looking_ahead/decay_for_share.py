"""The decay that leaves a given share of an idle weight (row R22)."""

import math

import numpy as np
from scipy.optimize import brentq

from exercises import Exercise
from optlib import adamw
from optlib.rules.variants import adamw_paper

exercise = Exercise(
    "Choose a decay by what it leaves",
    row="R22",
    read="sec-decay-rate",
    returns=("library", "paper"),
    statement=r"""
    An idle weight has the gradient 0 at every step. AdamW lets it decay, at a constant rate by

    $$
    \theta_t = (1 - \eta\,\gamma)\,\theta_{t-1} \quad\text{(libraries)},
    \qquad
    \theta_t = (1 - w)\,\theta_{t-1} \quad\text{(paper)} .
    $$

    After $n$ steps a share $r$ of the weight shall be left, between 0 and 1. Which $\gamma$ does
    that, and which $w$? Give the exact answers, not those for small $\eta\gamma$.
    """,
)


@exercise.solution
def decay_for_share(share, steps, lr):
    """The decay with which a share of an idle weight is left after some steps of AdamW.

    share: what is left, r, between 0 and 1
    steps: the number of steps, n
    lr: the learning rate η, constant

    Returns γ in the libraries' form and w in the paper's form, in this order.
    """
    decay = 1 - share ** (1 / steps)
    return decay / lr, decay


def left(rule, steps, decay, **hyper):
    """What is left of a weight of 1 whose gradient is 0."""
    path = rule.path(np.zeros_like, 1.0, steps, weight_decay=decay, **hyper)
    return float(path[-1, 0])


@exercise.reference
def reference(share, steps, lr):
    # By the rules themselves: the decay is looked for until the share comes out.
    found = [
        brentq(lambda decay: left(adamw, steps, decay, lr=lr) - share, 0, 1 / lr, xtol=1e-15),
        brentq(lambda decay: left(adamw_paper, steps, decay) - share, 0, 1, xtol=1e-15),
    ]
    return tuple(found)


@exercise.probe
def probe(draw):
    steps = int(draw.rng.integers(3, 12))
    return draw.number(0.1, 0.9), steps, draw.lr()


@exercise.mistake("sec-decay-rate")
def for_small_decays(share, steps, lr):
    """This is ln(1/r)/n, which is right for many steps and a small decay only.

    (1 − x)ⁿ is not exp(−nx). Solve the power itself.
    """
    decay = -math.log(share) / steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def no_rate(share, steps, lr):
    """Both are the same number, w.

    In the libraries' form η multiplies γ. Which γ gives the same product?
    """
    decay = 1 - share ** (1 / steps)
    return decay, decay


@exercise.mistake("sec-decay-rate")
def rate_in_both(share, steps, lr):
    """Both are divided by the learning rate.

    The paper's decay has no rate beside it.
    """
    decay = 1 - share ** (1 / steps)
    return decay / lr, decay / lr


@exercise.mistake("sec-decay-rate")
def times_the_rate(share, steps, lr):
    """γ is multiplied by the learning rate, not divided by it.

    ηγ must be w. Solve for γ.
    """
    decay = 1 - share ** (1 / steps)
    return decay * lr, decay


@exercise.mistake("sec-decay-rate")
def linear(share, steps, lr):
    """Each step takes the same amount.

    Each takes the same share of what is left: the factors multiply.
    """
    decay = (1 - share) / steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def share_lost(share, steps, lr):
    """After these steps the share r is lost, not left.

    r is what remains.
    """
    decay = 1 - (1 - share) ** (1 / steps)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def power(share, steps, lr):
    """r is raised to the power n.

    To undo a power, take the root.
    """
    decay = 1 - share**steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def the_factor(share, steps, lr):
    """This is what each step leaves, not what it takes.

    The factor is 1 − w. What is w?
    """
    factor = share ** (1 / steps)
    return factor / lr, factor


@exercise.mistake("sec-decay-rate")
def negative(share, steps, lr):
    """The decays are negative: the sign is turned.

    With a decay above zero the weight shrinks.
    """
    decay = share ** (1 / steps) - 1
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def grown(share, steps, lr):
    """The root is taken of 1/r, so that this is how the weight would grow back.

    The factor of a step is 1 − w, below 1.
    """
    decay = share ** (-1 / steps) - 1
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def one_step_less(share, steps, lr):
    """This is the decay for n − 1 steps.

    The first step decays too.
    """
    decay = 1 - share ** (1 / (steps - 1))
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def one_step_more(share, steps, lr):
    """This is the decay for n + 1 steps.

    How many factors does the product have?
    """
    decay = 1 - share ** (1 / (steps + 1))
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def half_life(share, steps, lr):
    """This leaves a half, whatever r is.

    Where does r come in?
    """
    decay = 1 - 0.5 ** (1 / steps)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def rate_in_the_root(share, steps, lr):
    """γ is 1 minus the root with nη in place of n.

    That would be steps of another length. Solve (1 − ηγ)ⁿ = r for γ.
    """
    return 1 - share ** (1 / (steps * lr)), 1 - share ** (1 / steps)


@exercise.mistake("sec-decay-rate")
def small_in_the_libraries(share, steps, lr):
    """w is exact, but γ is ln(1/r)/(nη), which is right for a small decay only.

    Both follow from the same power.
    """
    return -math.log(share) / (steps * lr), 1 - share ** (1 / steps)


@exercise.mistake("sec-decay-rate")
def small_in_the_paper(share, steps, lr):
    """γ is exact, but w is ln(1/r)/n, which is right for a small decay only.

    Both follow from the same power.
    """
    return (1 - share ** (1 / steps)) / lr, -math.log(share) / steps


@exercise.mistake("sec-decay-rate")
def one_step(share, steps, lr):
    """This leaves the share r after one step.

    There are n steps.
    """
    return (1 - share) / lr, 1 - share


@exercise.mistake("sec-decay-rate")
def penalty_twice(share, steps, lr):
    """Both are half of what they should be.

    The decay here is no factor of a penalty: the step is given as it is.
    """
    decay = (1 - share ** (1 / steps)) / 2
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def root_without_brackets(share, steps, lr):
    """This is 1 − r/n: no root is taken.

    In Python a power comes before a division. Are there brackets around the exponent?
    """
    decay = 1 - share / steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def whole_exponent(share, steps, lr):
    """The exponent is 0, since `//` gives whole numbers.

    Divide with one stroke.
    """
    return 0.0, 0.0


@exercise.mistake("sec-decay-rate")
def share_by_steps(share, steps, lr):
    """This is r/n.

    r is what is left after all steps. How does each step change what it finds?
    """
    decay = share / steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def common_logarithm(share, steps, lr):
    """The logarithm is that to the base 10, and the formula is that for small decays.

    No logarithm is needed. Solve the power itself.
    """
    decay = -math.log10(share) / steps
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def all_at_once(share, steps, lr):
    """This is ln(1/r): the number of steps is missing.

    That is what all steps take together, if each takes little.
    """
    decay = -math.log(share)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def what_is_lost_by_its_root(share, steps, lr):
    """The root is taken of 1 − r, the share that is lost.

    (1 − w)ⁿ is what is left.
    """
    decay = (1 - share) ** (1 / steps)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def square_root(share, steps, lr):
    """The square root is taken, whatever n is.

    Which root undoes the power n?
    """
    decay = 1 - math.sqrt(share)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def rate_twice(share, steps, lr):
    """γ is divided by the learning rate twice.

    η stands once in ηγ.
    """
    decay = 1 - share ** (1 / steps)
    return decay / lr**2, decay


@exercise.mistake("sec-decay-rate")
def rate_in_the_exponent(share, steps, lr):
    """The learning rate is in the exponent of both.

    The paper's form has no rate. And in the libraries' form it stands beside γ, not beside n.
    """
    decay = 1 - share ** (lr / steps)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def only_the_one_is_divided(share, steps, lr):
    """In γ only the 1 is divided by the learning rate.

    ηγ is 1 less the root. Divide all of it: are there brackets?
    """
    factor = share ** (1 / steps)
    return 1 / lr - factor, 1 - factor


@exercise.mistake("sec-decay-rate")
def only_the_root_is_divided(share, steps, lr):
    """In γ only the root is divided by the learning rate.

    ηγ is 1 less the root. Divide all of it: are there brackets?
    """
    factor = share ** (1 / steps)
    return 1 - factor / lr, 1 - factor


@exercise.mistake("sec-decay-rate")
def cosine(share, steps, lr):
    """This is for a cosine schedule, with half of the steps.

    Here the rate is constant.
    """
    decay = 1 - share ** (2 / steps)
    return decay / lr, decay


@exercise.mistake("sec-decay-rate")
def rounded(share, steps, lr):
    """Both follow from w rounded to two digits.

    Return the numbers as they are.
    """
    decay = round(1 - share ** (1 / steps), 2)
    return decay / lr, decay
