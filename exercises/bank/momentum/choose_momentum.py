"""Learning rate and momentum that reach a goal in a bowl (row R3)."""

import math

import numpy as np

from exercises import Choice
from optlib import sgdm

exercise = Choice(
    "A pair for the bowl",
    row="R3",
    read="sec-why-momentum",
    returns=("lr", "momentum"),
    equations=sgdm.equations(),
    statement=r"""
    SGD with momentum runs in a bowl with the curvatures $h_1, \dots, h_d$ along its axes,

    $$
    L(\theta) = \tfrac12\,(h_1\theta_1^2 + \dots + h_d\theta_d^2) .
    $$

    Its equations are

    $$
    {equations}
    $$

    It begins at $\theta_i = 1$ for all $i$, with $m = 0$. After the given number of steps no
    $|\theta_i|$ may be larger than a bound. Without momentum no learning rate gets there.

    Choose $\eta$ and $\lambda$. Every pair that reaches the goal is right: your function is given
    many bowls, and each pair it returns is run. You can derive the pair or search for it.
    """,
)


@exercise.solution
def choose_momentum(curvatures, steps, bound):
    """A learning rate and a momentum coefficient that reach a goal in a bowl.

    curvatures: an array of the curvatures along the axes, in any order
    steps: how many steps are made
    bound: what no |theta_i| may exceed after them; each begins at 1

    Returns the learning rate η and the momentum coefficient λ, in this order.
    """
    flat, steep = np.sqrt(np.min(curvatures)), np.sqrt(np.max(curvatures))
    return (2 / (steep + flat)) ** 2, ((steep - flat) / (steep + flat)) ** 2


@exercise.reference
def reference(curvatures, steps, bound):
    # Both edges of the window in η h, from (1 − √λ)² to (1 + √λ)², by halving.
    flat, steep = min(curvatures), max(curvatures)
    low, high = 0.0, 1.0
    for _ in range(60):
        root = (low + high) / 2
        if (1 + root) ** 2 / steep < (1 - root) ** 2 / flat:
            low = root
        else:
            high = root
    return (1 + high) ** 2 / steep, high**2


@exercise.outcome
def distance(curvatures, steps, bound, lr, momentum):
    path = sgdm.path(
        lambda theta: curvatures * theta,
        np.ones(len(curvatures)),
        steps,
        lr=lr,
        momentum=momentum,
    )
    return np.abs(path[-1]).max()


@exercise.probe
def probe(draw):
    kappa = 15 * 10 ** draw.rng.uniform(0, 1)
    between = kappa ** draw.rng.uniform(0.1, 0.9, int(draw.rng.integers(1, 4)))
    scale = 10 ** draw.rng.uniform(-1, 1)
    h = np.array([float(f"{x:.3g}") for x in scale * np.array([1, *between, kappa])])
    h = draw.rng.permutation(h)
    steps = round(draw.number(5, 6) * kappa**0.5)
    reached = distance(h, steps, 0, *reference(h, steps, 0))
    return h, steps, float(f"{1.5 * reached:.2g}")


# Mistakes in the formulas: a choice of which each input gives one.


@exercise.mistake("sec-why-momentum")
def roots_forgotten(curvatures, steps, bound):
    """κ stands where its root is due.

    The momentum of Step 6 has √κ in it. What are the two edges of the window made of?
    """
    flat, steep = min(curvatures), max(curvatures)
    return 4 * flat / (steep + flat) ** 2, ((steep - flat) / (steep + flat)) ** 2


@exercise.mistake("sec-why-momentum")
def rate_for_momentum(curvatures, steps, bound):
    """λ is the rate at which the run shrinks, and not its square.

    In the window each direction shrinks by √λ per step.
    """
    lr, momentum = reference(curvatures, steps, bound)
    return lr, math.sqrt(momentum)


@exercise.mistake("sec-why-momentum")
def scale_forgotten(curvatures, steps, bound):
    """η is that of a bowl whose flattest curvature is 1.

    The chapter's curvatures lie between 1 and κ. What becomes of η when all of them are ten times
    as large?
    """
    lr, momentum = reference(curvatures, steps, bound)
    return lr * min(curvatures), momentum


@exercise.mistake("sec-why-momentum")
def in_the_given_order(curvatures, steps, bound):
    """The first curvature is taken to be the lowest and the last one the highest.

    They come in any order.
    """
    return reference(sorted([curvatures[0], curvatures[-1]]), steps, bound)


@exercise.mistake("sec-why-momentum")
def rate_of_sgd(curvatures, steps, bound):
    """λ is the best one, but η is the best rate of SGD alone.

    With momentum the window of good η h is another, and both its edges are to be used.
    """
    _, momentum = reference(curvatures, steps, bound)
    return 2 / (min(curvatures) + max(curvatures)), momentum


@exercise.mistake("sec-momentum-dialects")
def rate_of_an_average(curvatures, steps, bound):
    """η is that of the average form, in which the gradient is weighed with 1 − λ.

    Here the memory is a sum, and η stands inside of it.
    """
    lr, momentum = reference(curvatures, steps, bound)
    return lr / (1 - momentum), momentum


@exercise.mistake("sec-why-momentum")
def kept_and_lost(curvatures, steps, bound):
    """λ and 1 − λ are swapped.

    λ is what stays of the momentum.
    """
    lr, momentum = reference(curvatures, steps, bound)
    return lr, 1 - momentum


# Mistakes in what the run does: each is a region, and every choice that misses lies in one.


def window(curvatures, lr, momentum):
    """How far the flattest η h lies above the window's lower edge, and the steepest below its
    upper one: factors, 1 or more inside."""
    root = math.sqrt(momentum)
    return lr * min(curvatures) / (1 - root) ** 2, (1 + root) ** 2 / (lr * max(curvatures))


def between_edge_and_limit(momentum):
    """An η h above the window, and below the limit of stability."""
    return ((1 + math.sqrt(momentum)) ** 2 + 2 * (1 + momentum)) / 2


@exercise.mistake(
    "sec-sgdm-rule", when=lambda h, steps, bound, lr, momentum: lr <= 0 or not 0 <= momentum < 1
)
def out_of_range(curvatures, steps, bound):
    """η must be positive, and λ at least 0 and below 1.

    With η ≤ 0 nothing goes downhill, and with λ ≥ 1 the memory never fades.
    """
    return 1 / max(curvatures), 1.0


@exercise.mistake("sec-why-momentum", when=lambda h, steps, bound, lr, momentum: lr * min(h) >= 0.5)
def rate_of_the_flattest(curvatures, steps, bound):
    """η suits the flattest direction, and the steepest one diverges.

    One η serves all directions. Which of them sets its limit?
    """
    return 1 / min(curvatures), 0.5


@exercise.mistake(
    "sec-why-momentum",
    when=lambda h, steps, bound, lr, momentum: lr * max(h) >= 2 * (1 + momentum) * (1 - 1e-9),
)
def beyond_the_limit(curvatures, steps, bound):
    """The steepest direction diverges: η is beyond the limit of stability.

    Step 4 has that limit. Which curvature goes into it?
    """
    return 4.5 / max(curvatures), 0.8


@exercise.mistake("sec-why-momentum", when=lambda h, steps, bound, lr, momentum: momentum < 0.01)
def no_momentum(curvatures, steps, bound):
    """There is no momentum.

    This is SGD, and in a narrow bowl it is too slow with any η.
    """
    return 2 / (min(curvatures) + max(curvatures)), 0.0


@exercise.mistake(
    "sec-why-momentum",
    when=lambda h, steps, bound, lr, momentum: max(window(h, lr, momentum)) < 1,
)
def window_too_narrow(curvatures, steps, bound):
    """λ is too small: the flattest direction creeps, and the steepest jumps from side to side.

    The window of Step 3 does not reach from the flattest to the steepest. What makes it wider?
    """
    momentum = 0.6 * reference(curvatures, steps, bound)[1]
    return between_edge_and_limit(momentum) / max(curvatures), momentum


@exercise.mistake(
    "sec-why-momentum", when=lambda h, steps, bound, lr, momentum: window(h, lr, momentum)[0] < 1
)
def flattest_creeps(curvatures, steps, bound):
    """The flattest direction creeps: its η h lies below the window of Step 3.

    It needs a larger η, or more momentum.
    """
    lr, momentum = reference(curvatures, steps, bound)
    return 0.4 * lr, momentum


@exercise.mistake(
    "sec-why-momentum", when=lambda h, steps, bound, lr, momentum: window(h, lr, momentum)[1] < 1
)
def steepest_jumps(curvatures, steps, bound):
    """The steepest direction jumps from side to side: its η h lies above the window of Step 3.

    It needs a smaller η.
    """
    _, momentum = reference(curvatures, steps, bound)
    return between_edge_and_limit(momentum) / max(curvatures), momentum


@exercise.mistake(
    "sec-why-momentum", when=lambda h, steps, bound, lr, momentum: min(window(h, lr, momentum)) >= 1
)
def swings_too_long(curvatures, steps, bound):
    """All directions swing, and too long: λ is larger than it need be.

    Inside the window the rate is √λ, whatever η is. How small may λ be until the window is too
    narrow for this bowl?
    """
    return 2 / max(curvatures), 0.95
