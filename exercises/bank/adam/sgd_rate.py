"""The rate with which SGD would have made Adam's step (row R9)."""

import numpy as np

from exercises import Exercise
from optlib import swats

exercise = Exercise(
    "The rate that SGD would need",
    row="R9",
    read="sec-swats-rate",
    returns=("rate",),
    statement=r"""
    At a point with the gradient $g$ Adam makes the step $p$. SWATS asks for the rate $\gamma$ of a
    step of SGD, $-\gamma g$, whose orthogonal projection on $p$ is $p$ itself:

    $$
    \operatorname{proj}_p(-\gamma\, g) = p .
    $$

    Write the function that finds $\gamma$ for two vectors $p$ and $g$ of the same length. It may
    be negative: nothing says that $p$ goes downhill.
    """,
)


@exercise.solution
def sgd_rate(p, g):
    """The rate γ with which the projection of SGD's step on Adam's is Adam's step.

    p: Adam's step, a vector, not zero
    g: the gradient, a vector of the same length, not at a right angle to p

    Returns γ, a number.
    """
    return (p @ p) / -(p @ g)


@exercise.reference
def reference(p, g):
    # The rule itself, at t = 1, with memories from which it makes the step p at the gradient g:
    # after the step m is -p and v is 2, and the corrections turn the root of 2 into 1.
    zero = np.zeros(1)
    memory = {"b": 0 * p, "q_bar": zero, "ratio": zero, "since": zero}
    state = {"m": -2 * p - g, "v": 4 - g**2, **memory}
    hyper = {"lr": 1.0, "beta1": 0.5, "beta2": 0.5, "eps": 0.0, "tol": 0.0}
    moved, state = swats.step(0 * p, g, state, 1, **hyper)
    assert np.allclose(moved, p)
    return float(state["ratio"][0])


@exercise.probe
def probe(draw):
    n = int(draw.rng.integers(2, 5))
    while True:
        p, g = draw.array(n), draw.array(n)
        if abs(p @ g) > 0.4 and abs(p.sum() * g.sum()) > 0.1:
            return p, g


@exercise.mistake("sec-swats-rate")
def shadow_on_gradient(p, g):
    """Adam's step is projected on the gradient.

    That is the other projection, which the paper rejects. Which vector is to be the shadow's line?
    """
    return -(p @ g) / (g @ g)


@exercise.mistake("sec-swats-rate")
def lengths(p, g):
    """This is the ratio of the two lengths.

    It takes no angle into account. At which angle would it be right?
    """
    return np.sqrt((p @ p) / (g @ g))


@exercise.mistake("sec-swats-rate")
def sign_missing(p, g):
    """The sign is wrong.

    SGD's step is −γ g. What is γ when p points straight against g?
    """
    return (p @ p) / (p @ g)


@exercise.mistake("sec-swats-rate")
def sign_dropped(p, g):
    """The result never is negative.

    Where p goes uphill, which sign does the equation give?
    """
    return (p @ p) / abs(p @ g)


@exercise.mistake("sec-swats-rate")
def cut_at_zero(p, g):
    """A negative result is replaced by 0.

    The equation has a solution there too.
    """
    return max((p @ p) / -(p @ g), 0.0)


@exercise.mistake("sec-swats-rate")
def not_squared(p, g):
    """Above the line stands the length of p, not its square.

    Check the units: twice as long a step needs twice the rate.
    """
    return np.sqrt(p @ p) / -(p @ g)


@exercise.mistake("sec-swats-rate")
def upside_down(p, g):
    """The fraction is upside down.

    A longer step of Adam needs a higher rate.
    """
    return -(p @ g) / (p @ p)


@exercise.mistake("sec-swats-rate")
def gradient_above(p, g):
    """Above the line stands the square of the gradient, not that of the step.

    Take a gradient of twice the length. Does SGD then need a higher rate, or a lower one?
    """
    return (g @ g) / -(p @ g)


@exercise.mistake("sec-swats-rate")
def mean_of_quotients(p, g):
    """The rate of each coordinate is found, and then their mean.

    One rate serves all coordinates. Which products does a projection add up?
    """
    return np.mean(-p / g)


@exercise.mistake("sec-swats-rate")
def sum_of_quotients(p, g):
    """The rate of each coordinate is found, and then their sum.

    Add up above the line and below it first, and divide after that.
    """
    return np.sum(-p / g)


@exercise.mistake("sec-swats-rate")
def sums_first(p, g):
    """The coordinates are added up first: this is the sum of p by that of g, with a minus.

    A dot product multiplies before it adds up. What becomes of p = (1, −1) here?
    """
    return -p.sum() / g.sum()


@exercise.mistake("sec-swats-rate")
def square_of_sum(p, g):
    """Above the line stands the square of the sum of p, not the sum of its squares.

    Coordinates of opposite sign cancel here. Do they in a length?
    """
    return p.sum() ** 2 / -(p @ g)


@exercise.mistake("sec-swats-rate")
def mean_above(p, g):
    """Above the line stands a mean, below it a sum.

    Count the coordinates in both places.
    """
    return np.mean(p * p) / -(p @ g)


@exercise.mistake("sec-swats-rate")
def sizes_below(p, g):
    """Below the line the products are added up without their signs.

    Some coordinates of p may go uphill. Do they count for the projection, or against it?
    """
    return (p @ p) / np.abs(p * g).sum()


@exercise.mistake("sec-swats-rate")
def divided_again(p, g):
    """The result is divided by the length of g.

    The dot product below the line has the length of g already.
    """
    return (p @ p) / -(p @ g) / np.sqrt(g @ g)


@exercise.mistake("sec-swats-rate")
def projected_step(p, g):
    """This is the length of p divided by the length of its shadow on the gradient.

    It has no units. A rate turns a gradient into a step.
    """
    return np.sqrt((p @ p) * (g @ g)) / -(p @ g)


@exercise.mistake("sec-swats-rate")
def shadow_without_sign(p, g):
    """Adam's step is projected on the gradient, and the minus is missing.

    Which vector is to be the shadow's line? And what is γ when p points straight against g?
    """
    return (p @ g) / (g @ g)


@exercise.mistake("sec-swats-rate")
def lengths_with_minus(p, g):
    """This is the ratio of the two lengths, with a minus.

    It takes no angle into account. At which angle would its size be right?
    """
    return -np.sqrt((p @ p) / (g @ g))


@exercise.mistake("sec-swats-rate")
def cosine(p, g):
    """This is the cosine of an angle: it stays the same when p gets longer.

    Check the units: twice as long a step needs twice the rate.
    """
    return -(p @ g) / np.sqrt((p @ p) * (g @ g))
