"""How long one large gradient silences the ordinary ones (row R10)."""

import numpy as np

from exercises import Exercise
from optlib import rmsprop

exercise = Exercise(
    "The silence after a large gradient",
    row="R10",
    read="sec-memory-arithmetic",
    returns=("steps",),
    statement=r"""
    For a long time all gradients have been 1, so that $v = 1$ and each move is $\eta$ long. Then
    one gradient is $G$, and after it all are 1 again. The rule is Adam late in training with
    $\beta_1 = 0$, without $\epsilon$:

    $$
    v_t = \beta_2\, v_{t-1} + (1-\beta_2)\, g_{t-1}^2, \qquad
    \text{size of the move} = \eta\, \frac{|g_{t-1}|}{\sqrt{v_t}} .
    $$

    Write the function that finds how many steps after the large one the move is at least
    `share` times $\eta$ again. The step right after the large one is number 1; $G$ is so large that
    its move is still too short.
    """,
)


@exercise.solution
def silent_steps(large, beta2, share):
    """After how many ordinary steps the moves have a given share of their length again.

    large: the large gradient G, above 1; all others are 1
    beta2: the decay rate β₂ of the average of squares
    share: the share of the ordinary move η, between 0 and 1

    Returns the number of the first step after the large one whose move is at least share times η.
    """
    squares = beta2 * 1 + (1 - beta2) * large**2
    after = 0
    while after == 0 or 1 / np.sqrt(squares) < share:
        squares = beta2 * squares + (1 - beta2) * 1
        after += 1
    return after


@exercise.reference
def reference(large, beta2, share):
    state = {"v": np.ones(1)}
    move, steps, g = np.zeros(1), -1, np.array([large])
    while steps < 1 or abs(move[0]) < share:
        move, state = rmsprop.step(np.zeros(1), g, state, 1, lr=1.0, beta2=beta2, eps=0.0)
        steps, g = steps + 1, np.ones(1)
    return float(steps)


@exercise.probe
def probe(draw):
    while True:
        large, beta2, share = case = (
            draw.number(8, 60),
            draw.number(0.8, 0.95),
            draw.number(0.3, 0.85),
        )
        exact = waited(*case)
        # Mistaken answers have some silence too, so that a loop and a formula give the same.
        short = waited(np.sqrt(large), beta2, share) < 0.1 or waited(large, beta2, 1 - share) < 0.1
        if short or not 0.01 < exact % 1 < 0.99:  # no tie
            continue
        if draw.shape or np.ceil(exact) != before_forgotten(*case):
            return case


def waited(large, beta2, share):
    """The number of steps as a formula, before it is rounded up."""
    v = beta2 + (1 - beta2) * large**2
    return np.log((v - 1) / (1 / share**2 - 1)) / -np.log(beta2)


@exercise.mistake("sec-memory-arithmetic")
def large_one_counted(large, beta2, share):
    """The step of the large gradient is counted.

    Number 1 is the step after it.
    """
    return np.ceil(waited(large, beta2, share)) + 1


@exercise.mistake("sec-memory-arithmetic")
def one_too_few(large, beta2, share):
    """This is the last step whose move still is too short.

    Asked for is the first one that is long enough.
    """
    return np.floor(waited(large, beta2, share))


@exercise.mistake("sec-memory-arithmetic")
def not_whole(large, beta2, share):
    """The result is no whole number.

    The formula gives a time. Which whole step is the first one past it?
    """
    return waited(large, beta2, share)


@exercise.mistake("sec-memory-arithmetic")
def not_squared(large, beta2, share):
    """The average takes in the large gradient itself, not its square.

    What is v an average of?
    """
    v = beta2 + (1 - beta2) * large
    return max(1.0, np.ceil(np.log((v - 1) / (1 / share**2 - 1)) / -np.log(beta2)))


@exercise.mistake("sec-memory-arithmetic")
def no_root(large, beta2, share):
    """The move is divided by v, not by its root.

    Which power of the gradients does a move have?
    """
    v = beta2 + (1 - beta2) * large**2
    return np.ceil(np.log((v - 1) / (1 / share - 1)) / -np.log(beta2))


@exercise.mistake("sec-memory-arithmetic")
def whole_square(large, beta2, share):
    """The square of the large gradient is taken in with the weight 1.

    The newest square has the weight 1 − β₂.
    """
    v = beta2 + large**2
    return np.ceil(np.log((v - 1) / (1 / share**2 - 1)) / -np.log(beta2))


@exercise.mistake("sec-memory-arithmetic")
def weights_swapped(large, beta2, share):
    """β₂ and 1 − β₂ are swapped.

    β₂ is near 1 and belongs to what is kept.
    """
    return np.ceil(waited(large, 1 - beta2, share))


@exercise.mistake("sec-memory-arithmetic")
def forgets_to_zero(large, beta2, share):
    """After the large gradient v only shrinks: the ordinary squares are not taken in.

    Where does v go when all gradients are 1?
    """
    v = beta2 + (1 - beta2) * large**2
    return np.ceil(np.log(v * share**2) / -np.log(beta2))


@exercise.mistake("sec-memory-arithmetic")
def one_memory(large, beta2, share):
    """This is one memory, 1 / (1 − β₂).

    A large number takes many memories to forget. Where is G?
    """
    return np.round(1 / (1 - beta2))


@exercise.mistake("sec-memory-arithmetic")
def memories_for_logarithm(large, beta2, share):
    """The logarithm of β₂ is replaced by 1 − β₂.

    That is near for a long memory, and a few steps off for a short one.
    """
    return np.ceil(waited(large, beta2, share) * -np.log(beta2) / (1 - beta2)) + 0.0


@exercise.mistake("sec-memory-arithmetic")
def share_of_the_large_move(large, beta2, share):
    """The share is taken of the move on the large gradient.

    It is the share of an ordinary move, η.
    """
    v = beta2 + (1 - beta2) * large**2
    goal = min(share * large / np.sqrt(v), 0.999)
    return np.ceil(waited(large, beta2, goal))


@exercise.mistake("sec-memory-arithmetic")
def share_of_v(large, beta2, share):
    """It waits until v has fallen to the share of its height.

    The moves have come back when v is near 1, not when it has fallen a little.
    """
    v = beta2 + (1 - beta2) * large**2
    return np.ceil(np.log((v - 1) / (share * v - 1)) / -np.log(beta2)) if share * v > 1 else 0.0


@exercise.mistake("sec-memory-arithmetic")
def lost_part(large, beta2, share):
    """It waits until the move is 1 − share, not share.

    Which part is there again, and which is missing?
    """
    return np.ceil(waited(large, beta2, 1 - share))


@exercise.mistake("sec-memory-arithmetic")
def before_forgotten(large, beta2, share):
    """The average begins at 0, as if no ones had come before.

    A long run of ones has v = 1. It counts for little after a large G, but it counts.
    """
    v = (1 - beta2) * large**2
    return np.ceil(np.log((v - 1) / (1 / share**2 - 1)) / -np.log(beta2))
