"""A rare large gradient, and the two moves that follow from it (row R10)."""

import numpy as np

from exercises import Exercise
from optlib import rmsprop

exercise = Exercise(
    "A rare large gradient",
    row="R10",
    read="sec-memory-arithmetic",
    returns=("large_move", "next_move"),
    statement=r"""
    For a long time all gradients have been 1, so that $v = 1$. Now one gradient is $G$, and the
    next one is 1 again. The rule is Adam late in training with $\beta_1 = 0$: nothing is left to
    correct, and we leave $\epsilon$ out,

    $$
    v_t = \beta_2\, v_{t-1} + (1-\beta_2)\, g_{t-1}^2, \qquad
    \text{size of the move} = \eta\, \frac{|g_{t-1}|}{\sqrt{v_t}} .
    $$

    Write the function that finds the sizes of these two moves in units of $\eta$: that of the step
    which sees $G$, and that of the step after it. $G$ may be a single number or an array of cases,
    each above zero.
    """,
)


@exercise.solution
def rare_moves(large, beta2):
    """The sizes of two moves in units of η: on G after a long run of ones, and next.

    large: the large gradient G, a number or an array, above zero
    beta2: the decay rate β₂ of the average of squares

    Returns large_move and next_move, in this order, each of the shape of large.
    """
    v = beta2 * 1 + (1 - beta2) * large**2
    large_move = large / np.sqrt(v)
    v = beta2 * v + (1 - beta2) * 1
    return large_move, 1 / np.sqrt(v)


@exercise.reference
def reference(large, beta2):
    moves = []
    state = {"v": 1.0 + 0 * large}
    for t, g in enumerate((large, 1.0 + 0 * large), 1):
        theta, state = rmsprop.step(0 * large, g, state, t=t, lr=1.0, beta2=beta2, eps=0.0)
        moves.append(-theta)
    return tuple(moves)


@exercise.probe
def probe(draw):
    return 1 + 2 * draw.positive(), draw.number(0.6, 0.9)


def two_moves(v, again, large):
    """Both sizes, from v at the large gradient and v after it."""
    return large / np.sqrt(v), 1 / np.sqrt(again)


@exercise.mistake("sec-memory-arithmetic")
def old_average_used(large, beta2):
    """Each step is made with the v before it.

    The average comes first, then the step: the large gradient is in the v that divides it.
    """
    v = beta2 + (1 - beta2) * large**2
    return large + 0.0, 1 / np.sqrt(v)


@exercise.mistake("sec-memory-arithmetic")
def average_kept(large, beta2):
    """The first move is right, but v is not updated before the second.

    The step after the large one has a gradient too. What does it do to v?
    """
    v = beta2 + (1 - beta2) * large**2
    return two_moves(v, v, large)


@exercise.mistake("sec-memory-arithmetic")
def only_faded(large, beta2):
    """The first move is right; for the second v has faded, but its own square is missing.

    The next gradient is 1, not 0. What does its square add to v?
    """
    v = beta2 + (1 - beta2) * large**2
    return two_moves(v, beta2 * v, large)


@exercise.mistake("sec-memory-arithmetic")
def before_forgotten(large, beta2):
    """The average begins at 0, as if no ones had come before.

    A long run of ones has v = 1. That gives the largest possible move, not this one.
    """
    v = (1 - beta2) * large**2
    return two_moves(v, beta2 * v + 1 - beta2, large)


@exercise.mistake("sec-rmsprop-average")
def weights_swapped(large, beta2):
    """β₂ and 1 − β₂ are swapped.

    β₂ is near 1, and the average is to change slowly. Which part should be the large one?
    """
    v = (1 - beta2) + beta2 * large**2
    return two_moves(v, (1 - beta2) * v + beta2, large)


@exercise.mistake("sec-rmsprop-average")
def weight_forgotten(large, beta2):
    """The weight of the new square is missing: v is a fading sum, not an average.

    The weights of an average add up to 1. What is left for the new square?
    """
    v = beta2 + large**2
    return two_moves(v, beta2 * v + 1, large)


@exercise.mistake("sec-rmsprop-average")
def never_fades(large, beta2):
    """v is Adagrad's sum: nothing fades.

    Where does β₂ come in?
    """
    v = 1 + large**2
    return two_moves(v, v + 1, large)


@exercise.mistake("sec-memory-arithmetic")
def root_missing(large, beta2):
    """The root is missing.

    v is an average of squares. What must be done to it before it is beside a gradient?
    """
    v = beta2 + (1 - beta2) * large**2
    return large / v, 1 / (beta2 * v + 1 - beta2)


@exercise.mistake("sec-memory-arithmetic")
def not_squared(large, beta2):
    """The average is of the gradients, not of their squares.

    What is v an average of?
    """
    v = beta2 + (1 - beta2) * large
    return two_moves(v, beta2 * v + 1 - beta2, large)


@exercise.mistake("sec-memory-arithmetic")
def sizes_averaged(large, beta2):
    """The sizes of the gradients are averaged, and no root is taken.

    The average is of squares, and the root comes after it. The large one counts for more so.
    """
    v = beta2 + (1 - beta2) * large
    return large / v, 1 / (beta2 * v + 1 - beta2)


@exercise.mistake("sec-bias-correction")
def corrected(large, beta2):
    """v is corrected as at t = 1, but this is late in training.

    The correction divides by 1 − β₂ᵗ. What is that after a long run?
    """
    v = beta2 + (1 - beta2) * large**2
    again = beta2 * v + 1 - beta2
    return two_moves(v / (1 - beta2), again / (1 - beta2**2), large)


@exercise.mistake("sec-memory-arithmetic")
def inverted(large, beta2):
    """The fraction is upside down.

    Where squares have been large, moves should be short.
    """
    v = beta2 + (1 - beta2) * large**2
    return np.sqrt(v) / large, np.sqrt(beta2 * v + 1 - beta2)


@exercise.mistake("sec-memory-arithmetic")
def large_twice(large, beta2):
    """The first move is right, but the second one uses the large gradient once more.

    Which gradient does the step after the large one see?
    """
    v = beta2 + (1 - beta2) * large**2
    return two_moves(v, (beta2 * v + (1 - beta2) * large**2) / large**2, large)


@exercise.mistake("sec-memory-arithmetic")
def large_above(large, beta2):
    """Both averages are right, but the second move still has G above the line.

    Which gradient does the step after the large one see?
    """
    v = beta2 + (1 - beta2) * large**2
    return two_moves(v, (beta2 * v + 1 - beta2) / large**2, large)


@exercise.mistake("sec-memory-arithmetic")
def with_signs(large, beta2):
    """These are the moves with their signs; asked for are their sizes.

    How long is a move to the left?
    """
    v = beta2 + (1 - beta2) * large**2
    return -large / np.sqrt(v), -1 / np.sqrt(beta2 * v + 1 - beta2)


@exercise.mistake("sec-memory-arithmetic")
def averages_alone(large, beta2):
    """These are the two averages v, not the moves.

    What is a gradient divided by?
    """
    v = beta2 + (1 - beta2) * large**2
    return v, beta2 * v + 1 - beta2


@exercise.mistake("sec-memory-arithmetic")
def one_above_both(large, beta2):
    """The next move is right, but the first one has 1 above the line.

    Which gradient does that step see?
    """
    v = beta2 + (1 - beta2) * large**2
    return two_moves(v, beta2 * v + 1 - beta2, 1.0)
