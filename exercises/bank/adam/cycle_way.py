"""The way of Adam in one cycle of the counter-example (row R11)."""

import numpy as np

from exercises import Exercise
from optlib import rmsprop

exercise = Exercise(
    "One cycle of the counter-example",
    row="R11",
    read="sec-amsgrad-theorem",
    returns=("way",),
    statement=r"""
    The gradients come in a cycle of three: $+C$, then $-1$, then $-1$. Adam has no momentum
    ($\beta_1 = 0$), no correction and no $\epsilon$, so that each step is

    $$
    v_t = \beta_2\, v_{t-1} + (1-\beta_2)\, g_{t-1}^2, \qquad
    x_t = x_{t-1} - \eta\, \frac{g_{t-1}}{\sqrt{v_t}} .
    $$

    Write the function that finds how far $x$ has come after one cycle, in units of $\eta$. To the
    right is positive. `v` is the average before the cycle; it may be an array of cases.
    """,
)


@exercise.solution
def cycle_way(v, large, beta2):
    """How far Adam without momentum goes in one cycle of three steps, in units of η.

    v: the average of squares before the cycle, a number or an array, above zero
    large: the gradient C of the first step; the other two are -1
    beta2: the decay rate β₂ of v; there is no correction, and no ε

    Returns the way, positive to the right, of the shape of v.
    """
    x = 0 * v
    for g in (large, -1, -1):
        v = beta2 * v + (1 - beta2) * g**2
        x = x - g / np.sqrt(v)
    return x


@exercise.reference
def reference(v, large, beta2):
    x, state = np.zeros(np.shape(v)), {"v": v + np.zeros(np.shape(v))}
    for t, g in enumerate((large, -1.0, -1.0), start=1):
        x, state = rmsprop.step(x, g + 0 * x, state, t, lr=1.0, beta2=beta2, eps=0.0)
    return x


@exercise.probe
def probe(draw):
    return draw.positive(), draw.number(2.5, 6), draw.number(0.1, 0.9)


def averages(v, large, beta2, small=1.0):
    """The averages at the three steps."""
    first = beta2 * v + (1 - beta2) * large**2
    second = beta2 * first + (1 - beta2) * small
    return first, second, beta2 * second + (1 - beta2) * small


@exercise.mistake("sec-amsgrad-theorem")
def turned_round(v, large, beta2):
    """The sign is the wrong way round.

    Adam goes against the gradient: to which side does +C push it?
    """
    a, b, c = averages(v, large, beta2)
    return large / np.sqrt(a) - 1 / np.sqrt(b) - 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def all_to_the_left(v, large, beta2):
    """All three moves go to the same side.

    Two of the three gradients are negative. To which side do they push?
    """
    a, b, c = averages(v, large, beta2)
    return -large / np.sqrt(a) - 1 / np.sqrt(b) - 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def all_to_the_right(v, large, beta2):
    """The lengths of the moves are added up, without their signs.

    Where is x after them? Moves to the left count against those to the right.
    """
    a, b, c = averages(v, large, beta2)
    return large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-memory-arithmetic")
def old_average_used(v, large, beta2):
    """Each step is made with the v before it.

    The average comes first, then the step: a gradient's own square is in the v that divides it.
    """
    a, b, _ = averages(v, large, beta2)
    return -large / np.sqrt(v) + 1 / np.sqrt(a) + 1 / np.sqrt(b)


@exercise.mistake("sec-amsgrad-theorem")
def average_kept(v, large, beta2):
    """The first move is right, but v is not updated after it.

    The small gradients have squares too. What do they do to v?
    """
    a, _, _ = averages(v, large, beta2)
    return (2 - large) / np.sqrt(a)


@exercise.mistake("sec-amsgrad-theorem")
def always_from_the_start(v, large, beta2):
    """Each step begins with the v before the cycle.

    The second step's v goes on from the first one's.
    """
    a = beta2 * v + (1 - beta2) * large**2
    b = beta2 * v + (1 - beta2)
    return -large / np.sqrt(a) + 2 / np.sqrt(b)


@exercise.mistake("sec-amsgrad-theorem")
def one_small_step(v, large, beta2):
    """One of the two small steps is missing.

    How many steps does a cycle have?
    """
    a, b, _ = averages(v, large, beta2)
    return -large / np.sqrt(a) + 1 / np.sqrt(b)


@exercise.mistake("sec-amsgrad-theorem")
def second_step_doubled(v, large, beta2):
    """Both small moves have the length of the first of them.

    v goes on shrinking. How long is the last move?
    """
    a, b, _ = averages(v, large, beta2)
    return -large / np.sqrt(a) + 2 / np.sqrt(b)


@exercise.mistake("sec-amsgrad-theorem")
def large_one_last(v, large, beta2):
    """The large gradient comes last.

    In which order do the three come? After the large one v is large.
    """
    b = beta2 * v + 1 - beta2
    c = beta2 * b + 1 - beta2
    a = beta2 * c + (1 - beta2) * large**2
    return 1 / np.sqrt(b) + 1 / np.sqrt(c) - large / np.sqrt(a)


@exercise.mistake("sec-memory-arithmetic")
def only_faded(v, large, beta2):
    """At the small gradients v fades, but their own squares are missing.

    The gradient is −1, not 0. What does its square add to v?
    """
    a, b, c = averages(v, large, beta2, small=0.0)
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-memory-arithmetic")
def squares_have_signs(v, large, beta2):
    """The squares of the small gradients are counted as negative.

    What is the square of −1?
    """
    a, b, c = averages(v, large, beta2, small=-1.0)
    with np.errstate(invalid="ignore"):
        return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-rmsprop-average")
def weights_swapped(v, large, beta2):
    """β₂ and 1 − β₂ are swapped.

    Which of the two belongs to the old average?
    """
    a, b, c = averages(v, large, 1 - beta2)
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-rmsprop-average")
def weight_forgotten(v, large, beta2):
    """The weight of the new square is missing: v is a fading sum, not an average.

    The weights of an average add up to 1. What is left for the new square?
    """
    a = beta2 * v + large**2
    b = beta2 * a + 1
    c = beta2 * b + 1
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-memory-arithmetic")
def root_missing(v, large, beta2):
    """The root is missing.

    v is an average of squares. What must be done to it before it is beside a gradient?
    """
    a, b, c = averages(v, large, beta2)
    return -large / a + 1 / b + 1 / c


@exercise.mistake("sec-memory-arithmetic")
def large_not_squared(v, large, beta2):
    """C goes into the average as it is, not as a square.

    What is v an average of?
    """
    a = beta2 * v + (1 - beta2) * large
    b = beta2 * a + 1 - beta2
    c = beta2 * b + 1 - beta2
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def only_signs(v, large, beta2):
    """The large gradient moves x no farther than if it were 1.

    Its size stands above the line as well as below it.
    """
    a, b, c = averages(v, large, beta2)
    return -1 / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def first_move(v, large, beta2):
    """This is the first move alone.

    Does a `return` end your loop at its first step?
    """
    return -large / np.sqrt(averages(v, large, beta2)[0])


@exercise.mistake("sec-amsgrad-theorem")
def last_move(v, large, beta2):
    """This is the last move alone.

    The moves add up. What does your x begin with at each step?
    """
    return 1 / np.sqrt(averages(v, large, beta2)[2])


@exercise.mistake("sec-bias-correction")
def corrected(v, large, beta2):
    """The averages are corrected as in Adam's first three steps.

    The v before the cycle is given and need not be zero. Here nothing is corrected.
    """
    a, b, c = (one / (1 - beta2**t) for t, one in enumerate(averages(v, large, beta2), start=1))
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def begins_at_zero(v, large, beta2):
    """The average begins at 0.

    Which v was there before the cycle?
    """
    a, b, c = averages(0 * v, large, beta2)
    return -large / np.sqrt(a) + 1 / np.sqrt(b) + 1 / np.sqrt(c)


@exercise.mistake("sec-amsgrad-theorem")
def never_fades(v, large, beta2):
    """v is Adagrad's sum: nothing fades.

    Where does β₂ come in?
    """
    a = v + large**2
    return -large / np.sqrt(a) + 1 / np.sqrt(a + 1) + 1 / np.sqrt(a + 2)
