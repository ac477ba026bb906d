"""How far RMSProp moves on a gradient that comes rarely (row R6)."""

import numpy as np
import sympy as sp

from exercises import Derivation
from optlib import rmsprop

exercise = Derivation(
    "A rare gradient",
    row="R6",
    read="sec-rmsprop-average",
    returns=("move",),
    equations=rmsprop.equations(),
    statement=r"""
    A parameter gets the gradient 1 at every $k$-th step, and 0 at the steps between. RMSProp's
    equations are

    $$
    {equations}
    $$

    After many steps the run repeats itself from one such gradient to the next. How far does the
    parameter then move at a step with the gradient 1, as a multiple of $\eta$? Leave out
    $\epsilon$.

    Derive it, and write a function that returns the expression. Its arguments are SymPy symbols.
    Any shape of a right expression is right, but nothing may be left to work out: no sum, no limit.
    """,
)


@exercise.solution
def rare_move(beta2, k):
    """The move on a gradient of 1 that comes every k-th step, over the learning rate.

    beta2: the decay rate β₂ of the average, a symbol between 0 and 1
    k: how many steps it is from one such gradient to the next, a symbol for 1, 2, 3, ...

    Returns the size of the move after many steps, a SymPy expression.
    """
    return sp.sqrt((1 - beta2**k) / (1 - beta2))


@exercise.reference
def reference(beta2, k):
    # The rule itself, one round of k steps from v = 1 and v = 2. A round takes v to a v + b.
    v = np.array([1.0, 2.0])
    for g in (*[0.0] * (k - 1), 1.0):
        _, state = rmsprop.step(np.zeros(2), np.full(2, g), {"v": v}, 1, beta2=beta2)
        v = state["v"]
    a, b = v[1] - v[0], 2 * v[0] - v[1]
    here = {"v": np.array((b / (1 - a) - (1 - beta2)) / beta2)}  # before the last step
    moved, _ = rmsprop.step(np.array(0.0), np.array(1.0), here, 1, lr=1.0, beta2=beta2, eps=0.0)
    return -moved


@exercise.probe
def probe(draw):
    return draw.number(0.55, 0.95), int(draw.rng.integers(1, 9))


@exercise.mistake("sec-rmsprop-rule")
def root_forgotten(beta2, k):
    """The root is missing.

    The average is of squares. What does the step divide by?
    """
    return (1 - beta2**k) / (1 - beta2)


@exercise.mistake("sec-rmsprop-average")
def average_itself(beta2, k):
    """This is the average v, and not the move.

    The average is right. What does the rule do with it?
    """
    return (1 - beta2) / (1 - beta2**k)


@exercise.mistake("sec-rmsprop-average")
def upside_down(beta2, k):
    """This is the root of v, and not the move.

    The root is right. Where does it stand in the rule?
    """
    return sp.sqrt((1 - beta2) / (1 - beta2**k))


@exercise.mistake("sec-rmsprop-average")
def before_the_gradient(beta2, k):
    """v is taken before the gradient has come in.

    The step divides by the new v. Which gradient is the newest in it?
    """
    return sp.sqrt((1 - beta2**k) / (beta2**k * (1 - beta2)))


@exercise.mistake("sec-rmsprop-average")
def old_v(beta2, k):
    """v is the old one, as it is one step before the gradient.

    The step divides by the new v, in which that gradient is already.
    """
    return sp.sqrt((1 - beta2**k) / (beta2 ** (k - 1) * (1 - beta2)))


@exercise.mistake("sec-rmsprop-average")
def one_power_less(beta2, k):
    """One round is counted with k − 1 steps.

    By how much has v shrunk when the next gradient of 1 comes in? Count the zeros, and the step
    of that gradient itself.
    """
    return sp.sqrt((1 - beta2 ** (k - 1)) / (1 - beta2))


@exercise.mistake("sec-rmsprop-average")
def one_power_more(beta2, k):
    """One round is counted with k + 1 steps.

    By how much has v shrunk when the next gradient of 1 comes in? Count the zeros, and the step
    of that gradient itself.
    """
    return sp.sqrt((1 - beta2 ** (k + 1)) / (1 - beta2))


@exercise.mistake("sec-rmsprop-average")
def mean_square(beta2, k):
    """v is taken to be the mean of the squares, 1/k.

    That is what v is on the average over a round. At the step of the gradient it is at its
    highest.
    """
    return sp.sqrt(k)


@exercise.mistake("sec-rmsprop-average")
def only_the_newest(beta2, k):
    """Only the newest gradient is in v.

    What is left of the one that came k steps before, and of those before that?
    """
    return 1 / sp.sqrt(1 - beta2)


@exercise.mistake("sec-rmsprop-average")
def weight_forgotten(beta2, k):
    """The weight 1 − β₂ of a new square is missing.

    What does a gradient of 1 add to v?
    """
    return sp.sqrt(1 - beta2**k)


@exercise.mistake("sec-rmsprop-average")
def every_step(beta2, k):
    """This is the move after k steps with a gradient of 1 in each, from v = 0.

    Here only every k-th gradient is 1, and there have been many.
    """
    return 1 / sp.sqrt(1 - beta2**k)


@exercise.mistake("sec-rmsprop-average")
def common(beta2, k):
    """This is the move when every gradient is 1.

    What do the zeros do to v?
    """
    return 1


@exercise.mistake("sec-rmsprop-average")
def two_terms(beta2, k):
    """Only the last two gradients of 1 are in v.

    Those before them weigh less and less, but they have a sum. What kind of series is it?
    """
    return 1 / sp.sqrt((1 - beta2) * (1 + beta2**k))


@exercise.mistake("sec-rmsprop-average")
def sign_in_the_series(beta2, k):
    """The sum of the series has the wrong sign below.

    Put k = 1: the gradient is then always 1, and v must be 1.
    """
    return sp.sqrt((1 + beta2**k) / (1 - beta2))
