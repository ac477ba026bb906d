"""How long Adagrad feels a burst of large gradients (row R5)."""

import numpy as np
import sympy as sp

from exercises import Derivation
from optlib import adagrad

exercise = Derivation(
    "After a burst",
    row="R5",
    read="sec-adagrad-break",
    returns=("wait",),
    equations=adagrad.equations(),
    statement=r"""
    A run of Adagrad begins with $n$ gradients of size $G$. All later ones are 1. A second run sees
    only gradients of 1, from its first step on. Adagrad's equations are

    $$
    {equations}
    $$

    At the same step the first run has a lower effective rate than the second. As time goes on, they
    come nearer to each other. After how many gradients of 1 is the rate of the first run the part
    $s$ of that of the second? Count from the end of the burst, leave out $\epsilon$, and do not
    round.

    Derive it, and write a function that returns the expression. Its arguments are SymPy symbols.
    Any shape of a right expression is right, but nothing may be left to work out.
    """,
)


@exercise.solution
def wait_after_burst(n, size, s):
    """How many gradients of 1 it takes until a burst costs no more than a given part of the rate.

    n: how many gradients the burst has, a symbol for 1, 2, 3, ...
    size: their size G, a symbol above 1
    s: the part of the rate that is to be reached, a symbol between 1/G and 1

    Returns the number of gradients of 1 after the burst, a SymPy expression.
    """
    return n * (s**2 * size**2 - 1) / (1 - s**2)


@exercise.reference
def reference(n, size, s):
    # The rule itself, for both runs at once: v up to the end of the burst, then the rates at the
    # first and the second gradient of 1. One over the square of a rate is a line in the wait.
    v, rates = np.zeros(2), []
    for g in (*[(size, 1.0)] * n, (1.0, 1.0), (1.0, 1.0)):
        moved, state = adagrad.step(np.zeros(2), np.array(g), {"v": v}, 1, lr=1.0, eps=0.0)
        v = state["v"]
        rates.append(-moved / g)
    first, second = rates[-2] ** -2, rates[-1] ** -2
    slope, start = second - first, 2 * first - second
    return (start[1] - s**2 * start[0]) / (s**2 * slope[0] - slope[1])


@exercise.probe
def probe(draw):
    return int(draw.rng.integers(1, 6)), draw.number(2.5, 6), draw.number(0.5, 0.9)


@exercise.mistake("sec-adagrad-break")
def burst_of_one(n, size, s):
    """The burst is counted as one gradient.

    Each of its gradients adds a square to v.
    """
    return (s**2 * size**2 - n) / (1 - s**2)


@exercise.mistake("sec-adagrad-break")
def size_not_squared(n, size, s):
    """The burst adds n times G to v.

    What does Adagrad add up?
    """
    return n * (s**2 * size - 1) / (1 - s**2)


@exercise.mistake("sec-adagrad-break")
def number_squared(n, size, s):
    """The burst adds the square of its sum to v.

    Which comes first, the square or the sum?
    """
    return (s**2 * n**2 * size**2 - n) / (1 - s**2)


@exercise.mistake("sec-adagrad-rule")
def part_not_squared(n, size, s):
    """The part s is taken to be that of the two v.

    The rate has the root of v in it.
    """
    return n * (s * size**2 - 1) / (1 - s)


@exercise.mistake("sec-adagrad-rule")
def part_rooted(n, size, s):
    """The part s is changed the wrong way, from the rates to the two v.

    The rate has the root of v in it. What has the root of s?
    """
    return n * (sp.sqrt(s) * size**2 - 1) / (1 - sp.sqrt(s))


@exercise.mistake("sec-adagrad-break")
def twin_waits(n, size, s):
    """The second run is taken to begin where the burst ends.

    Both runs are at the same step. What has the second one seen while the burst went on?
    """
    return n * s**2 * size**2 / (1 - s**2)


@exercise.mistake("sec-adagrad-break")
def counted_from_the_start(n, size, s):
    """The steps are counted from the beginning.

    The time is right. How much of it is the burst?
    """
    return n * s**2 * (size**2 - 1) / (1 - s**2)


@exercise.mistake("sec-adagrad-break")
def burst_besides(n, size, s):
    """This is the chapter's count, in which the second run stands still while the burst goes on,
    for a part of one half.

    There the burst comes before step 1, and here it takes n steps. And the part is s.
    """
    return n * size**2 / 3


@exercise.mistake("sec-adagrad-break")
def from_its_own_rate(n, size, s):
    """This is how long the rate takes to fall to the part s of what it is right after the burst.

    It is to be compared with the rate of the second run.
    """
    return n * size**2 * (1 / s**2 - 1)


@exercise.mistake("sec-adagrad-break")
def lost_part(n, size, s):
    """This is when the part s is lost and not when it is reached.

    How much of the rate is left then?
    """
    return n * ((1 - s) ** 2 * size**2 - 1) / (1 - (1 - s) ** 2)


@exercise.mistake("sec-adagrad-break")
def runs_swapped(n, size, s):
    """The two runs are swapped.

    Which of them has the lower rate? The part s is below 1.
    """
    return n * (size**2 - s**2) / (s**2 - 1)


@exercise.mistake("sec-adagrad-break")
def wrong_sign(n, size, s):
    """The size is right, but the sign is not.

    Which sign has 1 − s²? Put in n = 1, G = 4 and s = 1/2.
    """
    return n * (s**2 * size**2 - 1) / (s**2 - 1)


@exercise.mistake("sec-adagrad-break")
def burst_left_out(n, size, s):
    """The first run has only the burst in its v, and none of the ones.

    Its sum goes on growing after the burst.
    """
    return n * (s**2 * size**2 - 1)


@exercise.mistake("sec-adagrad-break")
def one_gradient(n, size, s):
    """n is missing: this holds for a burst of one gradient.

    How large is v at the end of the burst, and at which step?
    """
    return (s**2 * size**2 - 1) / (1 - s**2)
